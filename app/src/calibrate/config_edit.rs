//! Writes an offset into the configuration, and leaves all else in it as it is, comments included. Main thread.

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use outputs::output::MAX_OFFSET_MS;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::config::{FOLDER_VARIABLE, user_file};

/// A larger file is not ours, bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// The table of all outputs.
const OUTPUTS: &str = "outputs";
/// The key that is set.
const KEY: &str = "offset_ms";

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigEditError {
    /// Nothing says where settings go.
    #[error("cannot tell where settings are kept: set {FOLDER_VARIABLE} to a folder, or name the file with --config")]
    NoFolder,
    /// The file system refused.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no such configuration; it was left alone.
    #[error("{}: {reason}; it was left as it is", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No output takes such an offset.
    #[error("an offset of {offset_ms:.1} ms is more than outputs take: -{MAX_OFFSET_MS} to {MAX_OFFSET_MS} ms")]
    OutOfRange {
        /// The offset, ms.
        offset_ms: f64,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The new text.
    pub text: String,
    /// The offset before, ms, where there was one.
    pub before_ms: Option<f64>,
    /// Whether the output was not in the file and was added.
    pub is_new_output: bool,
    /// The other outputs in the file.
    pub other_outputs: Vec<String>,
}

/// Where the configuration of this user lies: `$ANACRUSIS_CONFIG_DIR`, else the system's folder for settings.
///
/// # Errors
/// Nothing names a folder.
pub fn config_path() -> Result<PathBuf, ConfigEditError> {
    user_file(None).ok_or(ConfigEditError::NoFolder)
}

/// Sets the offset of an output in the file, whole or not at all; makes file and folder where they are missing.
///
/// # Errors
/// The file is no configuration, the file system refuses, or no output takes such an offset. The file is then as it was.
pub fn write_offset(path: &Path, output: &str, offset_ms: f64) -> Result<Edit, ConfigEditError> {
    if !offset_ms.is_finite() || offset_ms.abs() > MAX_OFFSET_MS {
        return Err(ConfigEditError::OutOfRange { offset_ms });
    }
    let edit =
        set_offset(&read(path)?, output, offset_ms).map_err(|reason| ConfigEditError::Malformed { path: path.to_owned(), reason })?;
    replace(path, &edit.text).map_err(|source| ConfigEditError::Io { what: "write", path: path.to_owned(), source })?;
    Ok(edit)
}

fn read(path: &Path) -> Result<String, ConfigEditError> {
    let io = |source| ConfigEditError::Io { what: "read", path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(io(error)),
    };
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ConfigEditError::Malformed { path: path.to_owned(), reason: format!("expected at most {MAX_BYTES} bytes, got more") });
    }
    Ok(text)
}

/// Through a file beside it, so that nobody ever reads half of it. A link stays a link: its target is replaced.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    if let Ok(metadata) = std::fs::metadata(&target) {
        beside.as_file().set_permissions(metadata.permissions())?;
    }
    beside.persist(&target).map(drop).map_err(|error| error.error)
}

/// Sets `[outputs.OUTPUT] offset_ms` in the text of a configuration. Pure; any text gives an edit or a reason.
///
/// # Errors
/// It is no TOML, or what is there is no table or number.
pub fn set_offset(text: &str, output: &str, offset_ms: f64) -> Result<Edit, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string().trim_end().replace('\n', " "))?;
    if !document.contains_key(OUTPUTS) {
        let mut outputs = Table::new();
        // The header `[outputs]` says nothing where only tables are below it.
        outputs.set_implicit(true);
        document.insert(OUTPUTS, Item::Table(outputs));
    }
    let kind = document[OUTPUTS].type_name();
    let outputs = document[OUTPUTS].as_table_like_mut().ok_or_else(|| format!("expected {OUTPUTS} to be a table, got {kind}"))?;
    let other_outputs = outputs.iter().map(|(name, _)| name.to_owned()).filter(|name| name != output).collect();
    let is_new_output = !outputs.contains_key(output);
    if is_new_output {
        outputs.insert(output, Item::Table(Table::new()));
    }
    let item = outputs.get_mut(output).ok_or("the output that was just added is gone")?;
    let kind = item.type_name();
    let table = item.as_table_like_mut().ok_or_else(|| format!("expected {OUTPUTS}.{output} to be a table, got {kind}"))?;
    let before_ms = set_number(table, output, offset_ms)?;
    Ok(Edit { text: document.to_string(), before_ms, is_new_output, other_outputs })
}

/// Sets the number, keeping the space and the comment around the old one, which is returned.
fn set_number(table: &mut dyn TableLike, output: &str, offset_ms: f64) -> Result<Option<f64>, String> {
    let mut value = Value::from(offset_ms);
    let Some(item) = table.get_mut(KEY) else {
        table.insert(KEY, Item::Value(value));
        return Ok(None);
    };
    let kind = item.type_name();
    let old = item.as_value_mut().ok_or_else(|| format!("expected {OUTPUTS}.{output}.{KEY} to be a number, got {kind}"))?;
    let before_ms = old.as_float().or_else(|| old.as_integer().map(|before_ms| before_ms as f64));
    if before_ms.is_none() {
        return Err(format!("expected {OUTPUTS}.{output}.{KEY} to be a number, got {kind}"));
    }
    *value.decor_mut() = old.decor().clone();
    *old = value;
    Ok(before_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FILE_NAME;

    #[test]
    fn only_the_key_changes_and_comments_stay() {
        let text =
            "# my lights\n[outputs.wled]  # upstairs\nhost = \"10.0.0.7\"\noffset_ms   = 12   # by ear\n\n[outputs.osc]\nport=7000\n";
        let edit = set_offset(text, "wled", -84.5).unwrap();
        assert_eq!(edit.text, text.replace("= 12   #", "= -84.5   #"));
        assert_eq!((edit.before_ms, edit.is_new_output, edit.other_outputs), (Some(12.0), false, vec!["osc".to_owned()]));
    }

    #[test]
    fn a_key_that_is_not_there_is_added_to_its_table() {
        let text = "[outputs.wled]\nhost = \"x\" # keep\n\n[input]\ngain_db = 0\n";
        let edit = set_offset(text, "wled", -20.0).unwrap();
        assert_eq!(edit.text, "[outputs.wled]\nhost = \"x\" # keep\noffset_ms = -20.0\n\n[input]\ngain_db = 0\n");
        assert_eq!(edit.before_ms, None);
    }

    #[test]
    fn other_ways_to_write_a_table_are_kept() {
        assert_eq!(set_offset("outputs.osc.offset_ms = 3\n", "osc", 1.5).unwrap().text, "outputs.osc.offset_ms = 1.5\n");
        let inline = set_offset("outputs = { osc = { port = 7000, offset_ms = 3 } }\n", "osc", 1.5).unwrap();
        assert_eq!(inline.text, "outputs = { osc = { port = 7000, offset_ms = 1.5 } }\n");
        let quoted = set_offset("[outputs.\"back wall\"]\noffset_ms = 1.0\n", "back wall", 2.0).unwrap();
        assert_eq!(quoted.text, "[outputs.\"back wall\"]\noffset_ms = 2.0\n");
    }

    #[test]
    fn an_output_that_is_not_there_is_added_and_reported() {
        let edit = set_offset("", "back wall", 7.25).unwrap();
        assert_eq!((edit.text.as_str(), edit.is_new_output), ("[outputs.\"back wall\"]\noffset_ms = 7.25\n", true));
        let edit = set_offset("[outputs.osc]\nport = 1\n", "wled", 7.0).unwrap();
        assert_eq!(edit.other_outputs, ["osc"]);
        let read: toml::Table = edit.text.parse().unwrap();
        assert_eq!(read["outputs"]["wled"]["offset_ms"].as_float(), Some(7.0), "{}", edit.text);
        assert_eq!(read["outputs"]["osc"]["port"].as_integer(), Some(1));
    }

    #[test]
    fn what_is_no_configuration_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for (text, reason) in [
            ("outputs = [", "TOML"),
            ("outputs = 3", "expected outputs to be a table, got integer"),
            ("[outputs]\nosc = 1", "expected outputs.osc to be a table, got integer"),
            ("[outputs.osc]\noffset_ms = \"late\"", "expected outputs.osc.offset_ms to be a number, got string"),
            ("[outputs.osc.offset_ms]", "to be a number, got table"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = write_offset(&path, "osc", 1.0).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(FILE_NAME), "{text}: {error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::write(&path, [0xFF, 0xFE]).unwrap();
        assert!(matches!(write_offset(&path, "osc", 1.0), Err(ConfigEditError::Io { what: "read", .. })), "no UTF-8");
    }

    #[test]
    fn an_offset_that_no_output_takes_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        for offset_ms in [500.1, -612.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(write_offset(&path, "osc", offset_ms), Err(ConfigEditError::OutOfRange { .. })));
        }
        assert!(!path.exists());
    }

    #[test]
    fn the_file_is_made_with_its_folder_and_nothing_else_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join(FILE_NAME);
        write_offset(&path, "osc", -30.0).unwrap();
        write_offset(&path, "osc", -31.5).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[outputs.osc]\noffset_ms = -31.5\n");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_a_link_and_the_rights_stay_as_they_were() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("dotfiles.toml"), folder.path().join(FILE_NAME));
        std::fs::write(&real, "# mine\n").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write_offset(&link, "osc", 5.0).unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(std::fs::read_to_string(&real).unwrap().contains("offset_ms = 5.0"));
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_edited_or_refused(text in ".{0,120}", output in ".{0,12}") {
            if let Ok(edit) = set_offset(&text, &output, -12.5) {
                let read: toml::Table = edit.text.parse().unwrap();
                proptest::prop_assert_eq!(read["outputs"][&output]["offset_ms"].as_float(), Some(-12.5));
            }
        }
    }
}
