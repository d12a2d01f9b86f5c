//! What is in an archive and how large it may be: a plugin that grew by accident is noticed before anyone downloads it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::bundle;
use crate::error::TaskError;
use crate::folders::{entries, files_below};

/// Bytes in a mebibyte.
const MIB: f64 = 1_048_576.0;

/// One part of the archive.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Size {
    name: String,
    bytes: u64,
    /// Where it has one, MiB.
    budget_mib: Option<f64>,
}

/// What may be how large, MiB: the plugin with its models, the programs, and everything packed.
const BUDGETS: [(&str, f64); 4] = [(bundle::CLAP, 15.0), (bundle::VST3, 15.0), (bundle::STANDALONE, 20.0), ("anacrusis", 25.0)];
/// The archive.
const ARCHIVE_BUDGET_MIB: f64 = 40.0;

/// The sizes of everything at the top of `folder`, and of the archive.
///
/// # Errors
/// A file that cannot be looked at.
pub(super) fn sizes(folder: &Path, packed: &Path) -> Result<Vec<Size>, TaskError> {
    let mut sizes = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name.trim_end_matches(".exe");
        let budget_mib = BUDGETS.iter().find(|(name, _)| *name == stem).map(|(_, mib)| *mib);
        sizes.push(Size { bytes: bytes_of(&path)?, name, budget_mib });
    }
    sizes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    let name = packed.file_name().unwrap_or_default().to_string_lossy().into_owned();
    sizes.push(Size { name, bytes: bytes_of(packed)?, budget_mib: Some(ARCHIVE_BUDGET_MIB) });
    Ok(sizes)
}

fn bytes_of(path: &Path) -> Result<u64, TaskError> {
    let length = |path: &Path| fs::metadata(path).map(|metadata| metadata.len()).map_err(|e| TaskError::io(path, e));
    files_below(path)?.iter().map(|file| length(file)).sum()
}

/// For people.
pub(super) fn table(sizes: &[Size]) -> String {
    let mut text = String::new();
    for size in sizes {
        let budget = size.budget_mib.map(|mib| format!("of at most {mib:.0}")).unwrap_or_default();
        let _ = writeln!(text, "{:<48}{:>9.2} MiB  {budget}", size.name, size.bytes as f64 / MIB);
    }
    text
}

/// What is larger than it may be, a message each.
pub(super) fn over(sizes: &[Size]) -> Vec<String> {
    let is_over = |size: &&Size| size.budget_mib.is_some_and(|mib| size.bytes as f64 > mib * MIB);
    let message = |size: &Size| {
        format!("{} has {:.2} MiB, at most {:.0} are meant", size.name, size.bytes as f64 / MIB, size.budget_mib.unwrap_or(0.0))
    };
    sizes.iter().filter(is_over).map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_added_up_and_judged() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("x");
        fs::create_dir_all(folder.join(bundle::VST3).join("Contents")).unwrap();
        fs::write(folder.join(bundle::VST3).join("Contents/a"), vec![0; 3 << 20]).unwrap();
        fs::write(folder.join(bundle::VST3).join("b"), vec![0; 13 << 20]).unwrap();
        fs::write(folder.join("anacrusis"), "").unwrap();
        let packed = place.path().join("x.tar.gz");
        fs::write(&packed, "zzz").unwrap();
        let sizes = sizes(&folder, &packed).unwrap();
        assert_eq!(sizes.iter().map(|size| size.bytes).collect::<Vec<_>>(), [16 << 20, 0, 3]);
        assert_eq!(over(&sizes), ["Anacrusis.vst3 has 16.00 MiB, at most 15 are meant"]);
        assert!(table(&sizes).lines().next().unwrap().ends_with("16.00 MiB  of at most 15"), "{}", table(&sizes));
    }
}
