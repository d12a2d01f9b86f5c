//! The models that were under `models/` when this build was made; none where there were none. Any thread.
//!
//! `build.rs` finds them. Ours is part of the repository; `cargo xtask models` makes BeatNet's, and the next build then picks
//! them up. A model of another name is there for whoever asks for it by name.

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

/// All embedded anticipators, sorted by name.
pub static EMBEDDED_ANTICIPATORS: &[EmbeddedModel] = include!(concat!(env!("OUT_DIR"), "/embedded_anticipators.rs"));

/// The newest of the models whose name begins with `prefix`: version 10 is newer than version 9.
pub fn newest(models: &'static [EmbeddedModel], prefix: &str) -> Option<&'static EmbeddedModel> {
    models.iter().filter(|model| model.name.starts_with(prefix)).max_by_key(|model| (model.name.len(), model.name))
}

/// All embedded beat models, sorted by name.
pub static EMBEDDED: &[EmbeddedModel] = include!(concat!(env!("OUT_DIR"), "/embedded_models.rs"));

/// Embedded models that are chosen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Our own, `pulse_v*`: the newest of them alone.
    Pulse,
    /// BeatNet's weight sets, `beatnet-*`: the mean of all.
    BeatNet,
}

impl Family {
    /// Its models in this build.
    pub fn models(self) -> Vec<EmbeddedModel> {
        self.among(EMBEDDED)
    }

    fn among(self, models: &[EmbeddedModel]) -> Vec<EmbeddedModel> {
        let named = |prefix: &'static str| models.iter().filter(move |model| model.name.starts_with(prefix)).copied();
        match self {
            // Version 10 is newer than version 9.
            Self::Pulse => named("pulse_v").max_by_key(|model| (model.name.len(), model.name)).into_iter().collect(),
            Self::BeatNet => named("beatnet-").collect(),
        }
    }

    /// How people and options call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pulse => "pulse",
            Self::BeatNet => "beatnet",
        }
    }

    /// That this build has none of it, and what to do.
    pub fn missing(self) -> String {
        let remedy = match self {
            Self::Pulse => "restore models/pulse_v1 from the repository and build again",
            Self::BeatNet => "run `cargo xtask models` and build again",
        };
        format!("no {} model is embedded in this build: {remedy}", self.label())
    }
}

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

    #[test]
    fn the_newest_of_ours_and_all_of_beatnets_are_chosen() {
        let model = |name| EmbeddedModel { name, manifest: "", safetensors: b"" };
        let models = ["beatnet-1", "beatnet-2", "mine", "pulse_v1", "pulse_v10", "pulse_v9"].map(model);
        let names = |family: Family| family.among(&models).iter().map(|model| model.name).collect::<Vec<_>>();
        assert_eq!(names(Family::Pulse), ["pulse_v10"]);
        assert_eq!(names(Family::BeatNet), ["beatnet-1", "beatnet-2"]);
        assert!(Family::Pulse.among(&models[..3]).is_empty() && Family::BeatNet.among(&[]).is_empty());
    }
}
