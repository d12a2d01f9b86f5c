//! BeatNet's own decoder behind our front end, for the report: its particle filter cascade with its defects. Worker threads.
//!
//! With `--model beatnet-1` this is BeatNet 1.1.3 in its mode `online`: the features and activations agree with its own
//! (`tests/tests/golden_features.rs`, `golden_activations.rs`) and the cascade replays its logged runs draw by draw
//! (`golden_particles.rs`); only the random numbers are others.

use std::path::Path;

use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::particles::cascade::{Cascade, Label, Variant};
use runtime_core::analysis::pipe::ActivationPipe;
use runtime_core::analysis::rng::Pcg32;

use crate::decode::AudioReader;
use crate::eval::{Tracked, TrackedBeat};

/// Samples that the pipe gets at a time: fine enough that an announcement is told to 2 ms at any rate that music has.
const BLOCK_SAMPLES: usize = 64;
/// Seed of every piece, as upstream seeds its generator once.
const SEED: u64 = 1;

/// Which form of the cascade runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum CascadeChoice {
    /// As BeatNet 1.1.3 has it
    Upstream,
    /// The same with populations that keep their size
    Fixed,
    /// Fixed, updated before it decides, and with bars that move on accepted beats only
    Repaired,
}

impl CascadeChoice {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Fixed => "fixed",
            Self::Repaired => "repaired",
        }
    }

    fn variant(self) -> Variant {
        match self {
            Self::Upstream => Variant::Upstream,
            Self::Fixed => Variant::FixedPopulations,
            Self::Repaired => Variant::Repaired,
        }
    }
}

/// The beats that the cascade emits on a file, each announced when the frame that shows it is complete. `cpu_sec` is 0.
///
/// # Errors
/// In words: a file that cannot be decoded, or breaks off.
pub fn track(path: &Path, model: BeatModel, choice: CascadeChoice) -> Result<Tracked, String> {
    let mut reader = AudioReader::open(path).map_err(|e| e.to_string())?;
    let rate_hz = f64::from(reader.info().sample_rate_hz);
    let mut pipe = ActivationPipe::new(rate_hz, BLOCK_SAMPLES, model);
    let mut rng = Pcg32::new(SEED, 0);
    let mut cascade = Cascade::new(choice.variant(), &mut rng);
    let (mut mono, mut beats, mut n_samples) = (Vec::new(), Vec::new(), 0_u64);
    while reader.next_block(&mut mono).map_err(|e| e.to_string())?.is_some() {
        for block in mono.chunks(BLOCK_SAMPLES) {
            n_samples += block.len() as u64;
            let announce_sec = n_samples as f64 / rate_hz;
            pipe.process(block, |frame| {
                if let Some(event) = cascade.step(&frame.activation, &mut rng).event {
                    // Upstream tells a beat from a downbeat and does not count.
                    let beat_in_bar = u8::from(event.label == Label::Downbeat);
                    beats.push(TrackedBeat { time_sec: frame.time.0.max(0.0), announce_sec, beat_in_bar, bpm: 0.0, conf: 0.0 });
                }
            });
        }
    }
    Ok(Tracked { beats, duration_sec: reader.decoded_sec(), cpu_sec: 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::band::Band;

    fn tracked(choice: CascadeChoice) -> Tracked {
        let (folder, band) = (tempfile::tempdir().unwrap(), Band::default());
        let path = folder.path().join("band.f32.wav");
        write_wav(&path, &band.render(22_050.0, 20.0));
        track(&path, BeatModel::load_default(), choice).unwrap()
    }

    /// 16-bit mono at 22 050 Hz.
    fn write_wav(path: &Path, samples: &[f32]) {
        let mut bytes = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        let n_bytes = 2 * samples.len() as u32;
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend([1_u16, 1].iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend([22_050_u32, 44_100].iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend([2_u16, 16].iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend(b"data");
        bytes.extend(n_bytes.to_le_bytes());
        bytes.extend(samples.iter().flat_map(|s| ((s.clamp(-1.0, 1.0) * 32_767.0) as i16).to_le_bytes()));
        let n_riff = bytes.len() as u32 - 8;
        bytes[4..8].copy_from_slice(&n_riff.to_le_bytes());
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn beats_come_after_they_fall_and_every_form_repeats() {
        for choice in [CascadeChoice::Upstream, CascadeChoice::Fixed, CascadeChoice::Repaired] {
            let said = tracked(choice);
            assert!(said.beats.len() > 5, "{choice:?}: {} beats", said.beats.len());
            assert!(said.beats.iter().all(|beat| beat.announce_sec > beat.time_sec && beat.beat_in_bar <= 1), "{choice:?}");
            assert!((said.duration_sec - 20.0).abs() < 0.01);
            assert_eq!(said, tracked(choice));
        }
    }

    #[test]
    fn a_file_that_is_none_is_an_error() {
        assert!(track(Path::new("no/such/file.wav"), BeatModel::load_default(), CascadeChoice::Upstream).is_err());
    }
}
