//! Sonified beats: the input, mixed down, with a click on each beat; mono, 16 bit, at the rate of the input. Any thread.
//!
//! The input is decoded a second time and written block by block, so memory is bounded whatever the length. Without the input, the
//! clicks alone. Downbeats click an octave higher, and louder.

use std::f64::consts::TAU;
use std::io::{self, Write};
use std::path::Path;

use super::WriteError;
use crate::decode::AudioReader;
use crate::document::Analysis;

/// Length of a click, seconds.
const CLICK_SEC: f64 = 0.05;
/// Time in which a click falls to 1/e, seconds.
const DECAY_SEC: f64 = 0.008;
/// Pitch of a beat, Hz.
const BEAT_HZ: f64 = 880.0;
/// Level of the clicks on beats and on downbeats, full scale = 1.
const CLICK_LEVELS: [f64; 2] = [0.5, 0.7];
/// Level of the music below them.
const MUSIC_LEVEL: f32 = 0.6;
/// Samples that are written at a time where there is no music.
const BLOCK_SAMPLES: usize = 1 << 14;
/// Bytes before the first sample.
const HEADER_BYTES: u64 = 44;
/// Bytes of a sample.
const SAMPLE_BYTES: u64 = 2;

/// Writes the whole file; `audio` is the input that the analysis is of.
///
/// # Errors
/// What the writer says; an input that cannot be decoded again; a length that the format cannot say (more than 4 GiB).
pub(super) fn write(analysis: &Analysis, audio: Option<&Path>, out: &mut dyn Write) -> Result<(), WriteError> {
    let n_samples = (analysis.duration_sec.max(0.0) * f64::from(analysis.sample_rate_hz)).round() as u64;
    let n_bytes = n_samples * SAMPLE_BYTES;
    let n_data = u32::try_from(n_bytes + HEADER_BYTES).map_err(|_| WriteError::TooLong { n_bytes })? - HEADER_BYTES as u32;
    write_header(n_data, analysis.sample_rate_hz, out)?;
    let mut clicks = Clicks::new(analysis);
    let mut n_written = 0;
    let mut mono = Vec::new();
    if let Some(path) = audio {
        let mut reader = AudioReader::open(path)?;
        // What broke off the first time breaks off here too, at the same sample.
        while let Ok(Some(_)) = reader.next_block(&mut mono) {
            mono.truncate((n_samples - n_written).min(mono.len() as u64) as usize);
            mono.iter_mut().for_each(|sample| *sample *= MUSIC_LEVEL);
            n_written += write_block(&mut clicks, n_written, &mut mono, out)?;
        }
    }
    while n_written < n_samples {
        mono.clear();
        mono.resize((n_samples - n_written).min(BLOCK_SAMPLES as u64) as usize, 0.0);
        n_written += write_block(&mut clicks, n_written, &mut mono, out)?;
    }
    Ok(())
}

/// Adds clicks and writes the block; returns its length, samples.
fn write_block(clicks: &mut Clicks<'_>, first_sample: u64, mono: &mut [f32], out: &mut dyn Write) -> io::Result<u64> {
    clicks.add_to(mono, first_sample);
    let bytes: Vec<u8> = mono.iter().flat_map(|sample| ((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes()).collect();
    out.write_all(&bytes)?;
    Ok(mono.len() as u64)
}

/// RIFF WAVE, PCM (Multimedia Programming Interface and Data Specifications 1.0).
fn write_header(n_data_bytes: u32, rate_hz: u32, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"RIFF")?;
    out.write_all(&(n_data_bytes + HEADER_BYTES as u32 - 8).to_le_bytes())?;
    out.write_all(b"WAVEfmt ")?;
    out.write_all(&16u32.to_le_bytes())?;
    // PCM, one channel.
    out.write_all(&[1, 0, 1, 0])?;
    out.write_all(&rate_hz.to_le_bytes())?;
    out.write_all(&(rate_hz * SAMPLE_BYTES as u32).to_le_bytes())?;
    out.write_all(&[SAMPLE_BYTES as u8, 0, 8 * SAMPLE_BYTES as u8, 0])?;
    out.write_all(b"data")?;
    out.write_all(&n_data_bytes.to_le_bytes())
}

/// A click on each beat, block by block.
struct Clicks<'a> {
    analysis: &'a Analysis,
    /// The beat whose click comes next or sounds.
    next_idx: usize,
    /// One click on a beat, one on a downbeat.
    sounds: [Vec<f32>; 2],
}

impl<'a> Clicks<'a> {
    fn new(analysis: &'a Analysis) -> Self {
        let rate_hz = f64::from(analysis.sample_rate_hz);
        let n_samples = (CLICK_SEC * rate_hz).round() as usize;
        let sound = |octave: usize| {
            let at = |n: usize| {
                let t_sec = n as f64 / rate_hz;
                CLICK_LEVELS[octave] * (TAU * BEAT_HZ * (octave + 1) as f64 * t_sec).sin() * (-t_sec / DECAY_SEC).exp()
            };
            (0..n_samples).map(|n| at(n) as f32).collect()
        };
        Self { analysis, next_idx: 0, sounds: [sound(0), sound(1)] }
    }

    /// Adds what sounds in the block that begins at `first_sample`.
    fn add_to(&mut self, mono: &mut [f32], first_sample: u64) {
        let (first, end) = (first_sample as i64, first_sample as i64 + mono.len() as i64);
        let mut idx = self.next_idx;
        while let Some(row) = self.analysis.beats.get(idx) {
            let start = (row.event.t_sec * f64::from(self.analysis.sample_rate_hz)).round() as i64;
            if start >= end {
                break;
            }
            let sound = &self.sounds[usize::from(row.event.beat_in_bar == 1)];
            let (from, to) = (start.max(first), (start + sound.len() as i64).min(end));
            for n in from..to {
                mono[(n - first) as usize] += sound[(n - start) as usize];
            }
            idx += 1;
            if start + sound.len() as i64 <= end {
                self.next_idx = idx;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;

    fn samples(analysis: &Analysis, audio: Option<&Path>) -> Vec<i16> {
        let mut bytes = Vec::new();
        write(analysis, audio, &mut bytes).unwrap();
        let reader = hound::WavReader::new(&bytes[..]).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (1, analysis.sample_rate_hz, 16));
        reader.into_samples::<i16>().map(Result::unwrap).collect()
    }

    #[test]
    fn a_click_begins_at_its_beat_and_a_downbeat_is_louder() {
        let analysis = steady(3, 0.5, 4);
        let got = samples(&analysis, None);
        assert_eq!(got.len(), 441_000);
        for (k, start) in [22_050, 44_100, 66_150].into_iter().enumerate() {
            assert!(got[start - 100..=start].iter().all(|&sample| sample == 0), "silence before");
            let peak = got[start..start + 400].iter().map(|sample| sample.abs()).max().unwrap();
            assert_eq!(peak > 18_000, k == 1, "{peak}");
            assert!(peak > 10_000);
        }
    }

    #[test]
    fn blocks_leave_no_seam() {
        let analysis = steady(6, 0.1, 1);
        let whole = {
            let mut mono = vec![0.0; 44_100];
            Clicks::new(&analysis).add_to(&mut mono, 0);
            mono
        };
        for block in [1, 100, 4410, 10_000] {
            let mut mono = vec![0.0; 44_100];
            let mut clicks = Clicks::new(&analysis);
            mono.chunks_mut(block).enumerate().for_each(|(k, chunk)| clicks.add_to(chunk, (k * block) as u64));
            assert_eq!(mono, whole, "{block}");
        }
    }

    #[test]
    fn the_music_is_below_the_clicks_and_a_file_that_is_gone_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        let spec = hound::WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        (0..2 * 44_100).for_each(|_| writer.write_sample(10_000i16).unwrap());
        writer.finalize().unwrap();
        let mut analysis = steady(1, 0.5, 1);
        analysis.duration_sec = 1.0;
        let got = samples(&analysis, Some(&path));
        assert_eq!(got.len(), 44_100);
        assert!((i32::from(got[1000]) - 6000).abs() <= 1 && (i32::from(got[44_000]) - 6000).abs() <= 1, "{}", got[1000]);
        let error = write(&analysis, Some(&folder.path().join("gone.wav")), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("no such file"), "{error}");
        analysis.duration_sec = 1e6;
        assert!(write(&analysis, None, &mut io::sink()).unwrap_err().to_string().contains("more than 4 GiB"));
    }

    #[test]
    fn nothing_is_a_file_without_samples() {
        let mut analysis = steady(0, 0.0, 1);
        analysis.duration_sec = 0.0;
        assert!(samples(&analysis, None).is_empty());
    }
}
