//! What the hosts play: our clip, the corpus beside the checkout, and samples that nobody should send. Tests only.

use std::path::{Path, PathBuf};

use anacrusis::decode::AudioReader;
use xtask::demo_clip::AUDIO_FILE;

use crate::{corpus_dir, golden_dir};

/// Which values [`Audio::with_hostile_values`] strews in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// All.
    Any,
    /// None that `vst3-host` takes for silence: it processes with subnormal numbers off, and of a block that holds nothing
    /// else it hands out zeros.
    Audible,
}

/// Two channels of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    /// Sample rate.
    pub rate_hz: f64,
    /// Left and right.
    pub channels: [Vec<f32>; 2],
}

impl Audio {
    /// The clip of the demo, the same on both channels, brought to `rate_hz` by linear interpolation: its images above the
    /// old band are of no concern here, where plugin and reference hear the same samples.
    ///
    /// # Panics
    /// On a clip that is not in the repository.
    pub fn clip(rate_hz: f64) -> Self {
        let clip = Self::file(&golden_dir().join("demo").join(AUDIO_FILE)).unwrap_or_else(|e| panic!("{e}"));
        Self::mono(resampled(&clip.channels[0], clip.rate_hz, rate_hz), rate_hz)
    }

    /// The mean of the channels of a file, on both.
    ///
    /// # Errors
    /// A file that cannot be decoded, with its path.
    pub fn file(path: &Path) -> Result<Self, String> {
        let failed = |e: anacrusis::decode::DecodeError| format!("{}: {e}", path.display());
        let mut reader = AudioReader::open(path).map_err(failed)?;
        let rate_hz = f64::from(reader.info().sample_rate_hz);
        let (mut samples, mut block) = (Vec::new(), Vec::new());
        while reader.next_block(&mut block).map_err(failed)?.is_some() {
            samples.extend_from_slice(&block);
        }
        Ok(Self::mono(samples, rate_hz))
    }

    /// At least `min_sec` seconds of the corpus, piece after piece, at its own rate; `None`, said aloud, without a corpus.
    ///
    /// # Panics
    /// On a corpus that cannot be read.
    pub fn corpus(min_sec: f64) -> Option<Self> {
        let folder = corpus_dir()?.join("audio");
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
            .expect("a corpus has a folder `audio`")
            .map(|entry| entry.expect("a folder that can be read").path())
            .collect();
        paths.sort();
        // Pieces of all kinds come early: every seventh, then the ones between.
        let order = (0..7).flat_map(|first| paths.iter().skip(first).step_by(7));
        let mut all = Vec::new();
        let rate_hz = 44_100.0;
        for path in order {
            if all.len() as f64 >= min_sec * rate_hz {
                break;
            }
            let piece = Self::file(path).unwrap_or_else(|e| panic!("{e}"));
            all.extend(resampled(&piece.channels[0], piece.rate_hz, rate_hz));
        }
        Some(Self::mono(all, rate_hz))
    }

    /// Two channels with the same samples: their mean is exactly these.
    pub fn mono(samples: Vec<f32>, rate_hz: f64) -> Self {
        Self { rate_hz, channels: [samples.clone(), samples] }
    }

    /// Samples per channel.
    pub fn n_samples(&self) -> usize {
        self.channels[0].len()
    }

    /// The first `sec` seconds.
    #[must_use]
    pub fn first(mut self, sec: f64) -> Self {
        let n_samples = (sec * self.rate_hz) as usize;
        self.channels.iter_mut().for_each(|channel| channel.truncate(n_samples));
        self
    }

    /// The right channel made another, and values strewn in that are no sound: NaNs of several patterns, infinities, the
    /// largest number and, of `Hostile::Any`, a subnormal one and minus zero.
    #[must_use]
    pub fn with_hostile_values(mut self, hostile: Hostile) -> Self {
        const BITS: [u32; 9] =
            [0x7FC0_0000, 0x7FC1_2345, 0xFFFF_FFFF, 0x7F80_0001, 0x7F80_0000, 0xFF80_0000, 0x7F7F_FFFF, 0x0000_0001, 0x8000_0000];
        let bits = if hostile == Hostile::Any { &BITS[..] } else { &BITS[..7] };
        // No zeros of either sign.
        self.channels[1].iter_mut().for_each(|sample| *sample = 0.25 - 0.5 * *sample);
        for (channel, step) in self.channels.iter_mut().zip([977, 1_013]) {
            for (sample, bits) in channel.iter_mut().step_by(step).zip(bits.iter().cycle()) {
                *sample = f32::from_bits(*bits);
            }
        }
        self
    }
}

fn resampled(samples: &[f32], from_hz: f64, to_hz: f64) -> Vec<f32> {
    if from_hz == to_hz {
        return samples.to_vec();
    }
    let n_samples = (samples.len() as f64 * to_hz / from_hz) as usize;
    let at = |idx: usize| samples.get(idx).copied().unwrap_or(0.0);
    (0..n_samples)
        .map(|n| {
            let position = n as f64 * from_hz / to_hz;
            let (idx, share) = (position as usize, position.fract() as f32);
            at(idx) + share * (at(idx + 1) - at(idx))
        })
        .collect()
}
