//! `cargo xtask models`: third-party weights to our own model files, in Rust, with every byte pinned.
//!
//! pip fetches the BeatNet wheel (nothing is installed or run); the weights are read with a restricted pickle reader
//! and written per model as `model.safetensors`, `model.onnx`, `manifest.json` and `card.md` under `models/`. A second
//! run checks the hashes and does nothing; after the first, no network is needed. The same wheel gives the same bytes.

pub mod crnn;
pub mod error;
pub mod manifest;
pub mod onnx;
pub mod onnx_proto;
pub mod ort_runtime;
pub mod pickle;
pub mod pins;
pub mod safetensors_file;
pub mod sample_pickle;
pub mod torch_file;
pub mod wheel;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use model_contracts::Contract;
use zip::ZipArchive;

use self::crnn::Crnn;
use self::error::ModelsError;
use self::manifest::{CARD_FILE, MANIFEST_FILE, Manifest, ONNX_FILE, SAFETENSORS_FILE};
use self::pins::{BEATNET_WHEEL, WEIGHT_FILE_BYTES, WEIGHT_FILES, WeightFile};

/// Makes the models under `models/` of the workspace `root`; with `force` even those that are there already.
///
/// # Errors
/// [`ModelsError`]; models that were there before stay as they were.
pub fn run(root: &Path, force: bool) -> Result<(), ModelsError> {
    let models = root.join("models");
    let contract = Contract::current();
    let mut missing: Vec<(Manifest, &WeightFile)> = Vec::new();
    for weights in &WEIGHT_FILES {
        let wanted = Manifest::new(&contract, weights)?;
        if force || !wanted.is_made_in(&models.join(weights.name)) {
            missing.push((wanted, weights));
        }
    }
    if missing.is_empty() {
        eprintln!("models: {} present and whole", WEIGHT_FILES.map(|weights| weights.name).join(", "));
        return Ok(());
    }
    let cache = wheel::cache_folder(&models);
    let bytes = wheel::fetch(&BEATNET_WHEEL, &cache)?;
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).map_err(|e| ModelsError::archive(BEATNET_WHEEL.file, e))?;
    // All are read before the first is written, so that a bad file leaves nothing half done.
    let mut made = Vec::new();
    for (manifest, weights) in missing {
        let file = torch_file::read_member(&mut archive, BEATNET_WHEEL.file, weights.member, WEIGHT_FILE_BYTES)?;
        made.push(convert(&contract, manifest, weights, &file)?);
    }
    for model in made {
        model.write(&models, &cache)?;
        eprintln!("models: wrote {}", model.manifest.name);
    }
    Ok(())
}

/// A model ready to be written.
pub struct ConvertedModel {
    /// The manifest with the hashes of all files.
    pub manifest: Manifest,
    /// Names and contents, the manifest's own last.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Converts one weight file.
///
/// # Errors
/// [`ModelsError`] where the file is not the pinned one or holds another network.
pub fn convert(contract: &Contract, manifest: Manifest, weights: &WeightFile, file: &[u8]) -> Result<ConvertedModel, ModelsError> {
    let got = wheel::sha256_hex(file);
    if got != weights.sha256 {
        return Err(ModelsError::Member { member: weights.member.to_owned(), expected: weights.sha256, got });
    }
    let net = Crnn::from_state_dict(weights.member, torch_file::read(weights.member, file)?, contract.logfb.len)?;
    Ok(package(contract, manifest, &net))
}

/// The files of a network under its manifest.
pub fn package(contract: &Contract, mut manifest: Manifest, net: &Crnn) -> ConvertedModel {
    let metadata = manifest.metadata();
    let mut files = vec![
        (SAFETENSORS_FILE, safetensors_file::write(&net.tensors, &metadata)),
        (ONNX_FILE, onnx::write(net, &metadata, contract.beat_model.opset)),
        (CARD_FILE, manifest::card(&manifest, net).into_bytes()),
    ];
    for (name, content) in &files {
        manifest.add_file(name, content);
    }
    files.push((MANIFEST_FILE, manifest.to_json().into_bytes()));
    ConvertedModel { manifest, files }
}

impl ConvertedModel {
    /// Puts the whole folder in place at once: it is made under `cache`, then renamed.
    ///
    /// # Errors
    /// [`ModelsError::Io`]; an older folder of the same name is put back.
    pub fn write(&self, models: &Path, cache: &Path) -> Result<(), ModelsError> {
        fs::create_dir_all(cache).map_err(|e| ModelsError::io(cache, e))?;
        let scratch = tempfile::Builder::new().prefix("model-").tempdir_in(cache).map_err(|e| ModelsError::io(cache, e))?;
        let (fresh, old) = (scratch.path().join("fresh"), scratch.path().join("old"));
        fs::create_dir(&fresh).map_err(|e| ModelsError::io(&fresh, e))?;
        for (name, content) in &self.files {
            let path = fresh.join(name);
            fs::write(&path, content).map_err(|e| ModelsError::io(&path, e))?;
        }
        let target = models.join(&self.manifest.name);
        let had_old = target.exists();
        if had_old {
            fs::rename(&target, &old).map_err(|e| ModelsError::io(&target, e))?;
        }
        fs::rename(&fresh, &target).map_err(|e| {
            if had_old {
                // The error that is reported is the one that led here.
                let _ = fs::rename(&old, &target);
            }
            ModelsError::io(&target, e)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> ConvertedModel {
        let contract = Contract::current();
        let net = Crnn::from_state_dict("w.pt", crnn::tests::state_dict(272, 4, 3), 272).unwrap();
        package(&contract, Manifest::new(&contract, &WEIGHT_FILES[0]).unwrap(), &net)
    }

    #[test]
    fn a_written_model_counts_as_made_and_is_replaced_whole() {
        let root = tempfile::tempdir().unwrap();
        let (models, cache) = (root.path().join("models"), root.path().join("models/.cache"));
        let model = sample();
        model.write(&models, &cache).unwrap();
        let wanted = Manifest::new(&Contract::current(), &WEIGHT_FILES[0]).unwrap();
        assert!(wanted.is_made_in(&models.join("beatnet-1")));
        fs::write(models.join("beatnet-1/stray"), "x").unwrap();
        model.write(&models, &cache).unwrap();
        assert!(!models.join("beatnet-1/stray").exists());
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 0, "nothing half-made stays");
    }

    #[test]
    fn conversion_is_deterministic() {
        assert_eq!(sample().files, sample().files);
    }

    #[test]
    fn an_altered_wheel_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let cache = root.path().join("models/.cache");
        fs::create_dir_all(&cache).unwrap();
        fs::write(cache.join(BEATNET_WHEEL.file), "PK").unwrap();
        let message = run(root.path(), false).unwrap_err().to_string();
        assert!(message.contains(BEATNET_WHEEL.sha256) && message.contains("got 2 bytes"), "{message}");
        assert_eq!(fs::read_dir(root.path().join("models")).unwrap().count(), 1, "only the cache folder");
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 0, "the wheel is gone");
    }

    #[test]
    fn an_altered_weight_file_is_refused_with_both_hashes() {
        let contract = Contract::current();
        let manifest = Manifest::new(&contract, &WEIGHT_FILES[0]).unwrap();
        let Err(error) = convert(&contract, manifest, &WEIGHT_FILES[0], b"abc") else { panic!("accepted") };
        assert!(error.to_string().contains(WEIGHT_FILES[0].sha256) && error.to_string().contains("ba7816bf"));
    }
}
