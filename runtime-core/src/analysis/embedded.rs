//! The beat models that were under `models/` when this build was made; none where there were none. Any thread.
//!
//! `build.rs` finds them. `cargo xtask models` makes them, and the next build then picks them up.

/// A model inside the binary. It is verified when it is read, not here.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedModel {
    /// Name of its folder.
    pub name: &'static str,
    /// Text of its manifest.
    pub manifest: &'static str,
    /// Bytes of its weights.
    pub safetensors: &'static [u8],
}

/// All embedded models, sorted by name.
pub static EMBEDDED: &[EmbeddedModel] = include!(concat!(env!("OUT_DIR"), "/embedded_models.rs"));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::model_file::ModelFile;

    #[test]
    fn every_embedded_model_loads_under_its_own_name() {
        if EMBEDDED.is_empty() {
            eprintln!("SKIPPED: no model is embedded in this build; run `cargo xtask models`");
        }
        for model in EMBEDDED {
            assert_eq!(ModelFile::parse(model.manifest, model.safetensors).unwrap().name, model.name);
        }
        assert!(EMBEDDED.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
