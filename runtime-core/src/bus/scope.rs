//! The last ten seconds of the analysis, for whoever draws them: activations, level, beats and possible tempi.
//!
//! Where: behind the engine, beside the state cell. The inference thread holds the [`ScopeWriter`]; a window holds
//! [`ScopeReader`]s. A frame is one word, so none tears; the reader drops those that may have been written over while it read.
//! Nobody waits, and a scope that nobody reads costs some stores a frame.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::hint::HintFlags;

/// Frames that are kept: 10.24 s.
pub const SCOPE_FRAMES: usize = 512;
/// Frames at the old end that are not handed out: what the writer may write over during a read of 0.6 s.
const MARGIN_FRAMES: usize = 32;
/// Tempi that are kept.
pub const SCOPE_TEMPI: usize = 4;
/// Steps of a probability.
const PROB_STEPS: f32 = 65_535.0;
/// Steps of a level, a decibel.
const STEPS_PER_DB: f32 = 100.0;
/// The lowest level, dB below full scale; silence too.
pub const LEAST_DB: f32 = -120.0;
const BEAT: u64 = 1 << 8;
const DOWNBEAT: u64 = 1 << 9;

/// One frame of 20 ms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScopeFrame {
    /// Activation of a beat that is no downbeat, `[0, 1]`.
    pub beat_prob: f32,
    /// Activation of a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
    /// Root mean square, dB of full scale, from [`LEAST_DB`].
    pub level_db: f32,
    /// An announced beat began in this frame.
    pub is_beat: bool,
    /// ... and it begins a bar.
    pub is_downbeat: bool,
    /// What the user had fixed.
    pub hints: HintFlags,
}

impl ScopeFrame {
    fn to_word(self) -> u64 {
        let prob = |prob: f32| (prob.clamp(0.0, 1.0) * PROB_STEPS).round() as u64;
        let level = (-self.level_db * STEPS_PER_DB).clamp(0.0, -LEAST_DB * STEPS_PER_DB).round() as u64;
        let marks = u64::from(self.hints.0) | if self.is_beat { BEAT } else { 0 } | if self.is_downbeat { DOWNBEAT } else { 0 };
        prob(self.beat_prob) | prob(self.downbeat_prob) << 16 | level << 32 | marks << 48
    }

    fn from_word(word: u64) -> Self {
        let part = |place: u32| (word >> (16 * place)) & 0xFFFF;
        Self {
            beat_prob: part(0) as f32 / PROB_STEPS,
            downbeat_prob: part(1) as f32 / PROB_STEPS,
            level_db: (part(2) as f32 / -STEPS_PER_DB).max(LEAST_DB),
            is_beat: part(3) & BEAT != 0,
            is_downbeat: part(3) & DOWNBEAT != 0,
            hints: HintFlags(part(3) as u8),
        }
    }
}

/// A root mean square, full scale = 1, in decibels, [`LEAST_DB`] at least. What is no number is silence.
pub fn level_db(rms: f32) -> f32 {
    if rms.is_finite() && rms > 0.0 { (20.0 * rms.log10()).clamp(LEAST_DB, 0.0) } else { LEAST_DB }
}

struct Ring {
    /// Frames ever written.
    n_written: AtomicU64,
    frames: [AtomicU64; SCOPE_FRAMES],
    /// BPM and probability, two `f32` a word; 0 = none.
    tempi: [AtomicU64; SCOPE_TEMPI],
}

/// The writing end, on the inference thread.
pub struct ScopeWriter(Arc<Ring>);

/// A reading end.
#[derive(Clone)]
pub struct ScopeReader(Arc<Ring>);

/// An empty scope as its two ends.
///
/// ```
/// use runtime_core::bus::scope::{ScopeFrame, scope};
///
/// let (mut writer, reader) = scope();
/// let frame = ScopeFrame { beat_prob: 1.0, downbeat_prob: 0.0, level_db: -6.0, is_beat: true, is_downbeat: false, hints: Default::default() };
/// writer.push(frame);
/// let mut frames = Vec::new();
/// assert_eq!(reader.read(&mut frames), 1);
/// assert_eq!(frames, [frame]);
/// ```
pub fn scope() -> (ScopeWriter, ScopeReader) {
    let zero = |_| AtomicU64::new(0);
    let ring = Arc::new(Ring { n_written: AtomicU64::new(0), frames: std::array::from_fn(zero), tempi: std::array::from_fn(zero) });
    (ScopeWriter(Arc::clone(&ring)), ScopeReader(ring))
}

impl ScopeWriter {
    /// Adds a frame. Wait-free. Real-time safe: yes.
    pub fn push(&mut self, frame: ScopeFrame) {
        let n_written = self.0.n_written.load(Ordering::Relaxed);
        // Who reads the new word knows how many were written before it: the fence of the reader is the other half.
        fence(Ordering::Release);
        self.0.frames[n_written as usize % SCOPE_FRAMES].store(frame.to_word(), Ordering::Relaxed);
        self.0.n_written.store(n_written + 1, Ordering::Release);
    }

    /// Replaces the possible tempi, BPM and probability, the most probable first. Wait-free. Real-time safe: yes.
    pub fn set_tempi(&mut self, tempi: impl Iterator<Item = (f32, f32)>) {
        let words = tempi.map(|(bpm, prob)| u64::from(bpm.to_bits()) | u64::from(prob.to_bits()) << 32).chain(std::iter::repeat(0));
        for (cell, word) in self.0.tempi.iter().zip(words) {
            cell.store(word, Ordering::Relaxed);
        }
    }
}

impl ScopeReader {
    /// The newest frames, oldest first, into `frames`; returns how many were ever written. Real-time safe: no.
    pub fn read(&self, frames: &mut Vec<ScopeFrame>) -> u64 {
        frames.clear();
        let n_written = self.0.n_written.load(Ordering::Acquire);
        let first = n_written.saturating_sub((SCOPE_FRAMES - MARGIN_FRAMES) as u64);
        let word = |n: u64| self.0.frames[n as usize % SCOPE_FRAMES].load(Ordering::Relaxed);
        frames.extend((first..n_written).map(word).map(ScopeFrame::from_word));
        // Whatever was written over meanwhile is newer than it should be: it goes.
        fence(Ordering::Acquire);
        let oldest = self.0.n_written.load(Ordering::Relaxed).saturating_sub(SCOPE_FRAMES as u64 - 1);
        frames.drain(..frames.len().min(oldest.saturating_sub(first) as usize));
        n_written
    }

    /// The possible tempi, BPM and probability, the most probable first. Each is whole; two may be of different moments.
    pub fn tempi(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        let words = self.0.tempi.iter().map(|cell| cell.load(Ordering::Relaxed));
        words.take_while(|word| *word != 0).map(|word| (f32::from_bits(word as u32), f32::from_bits((word >> 32) as u32)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(n: u64) -> ScopeFrame {
        ScopeFrame {
            beat_prob: (n % 3) as f32 / 3.0,
            downbeat_prob: 0.0,
            level_db: -(n as f32 % 60.0),
            is_beat: n.is_multiple_of(25),
            is_downbeat: n.is_multiple_of(100),
            hints: HintFlags((n % 64) as u8),
        }
    }

    #[test]
    fn a_frame_survives_its_word() {
        for n in 0..200 {
            let (got, expected) = (ScopeFrame::from_word(frame(n).to_word()), frame(n));
            assert!((got.beat_prob - expected.beat_prob).abs() < 1e-4 && (got.level_db - expected.level_db).abs() < 0.01);
            assert_eq!((got.is_beat, got.is_downbeat, got.hints), (expected.is_beat, expected.is_downbeat, expected.hints));
        }
        let odd = ScopeFrame { beat_prob: f32::NAN, downbeat_prob: 7.0, level_db: f32::NEG_INFINITY, ..frame(1) };
        let got = ScopeFrame::from_word(odd.to_word());
        assert_eq!((got.beat_prob, got.downbeat_prob, got.level_db), (0.0, 1.0, LEAST_DB));
    }

    #[test]
    fn levels_are_as_computed_by_hand() {
        assert_eq!([1.0, 2.0, 0.0, -1.0, f32::NAN, f32::INFINITY].map(level_db), [0.0, 0.0, LEAST_DB, LEAST_DB, LEAST_DB, LEAST_DB]);
        assert!((level_db(0.1) + 20.0).abs() < 1e-4);
    }

    #[test]
    fn an_empty_scope_is_empty_and_a_full_one_keeps_the_newest() {
        let (mut writer, reader) = scope();
        let mut frames = vec![frame(0)];
        assert_eq!((reader.read(&mut frames), frames.len(), reader.tempi().count()), (0, 0, 0));
        for n in 0..1_000 {
            writer.push(frame(n));
        }
        assert_eq!((reader.read(&mut frames), frames.len()), (1_000, SCOPE_FRAMES - MARGIN_FRAMES));
        assert_eq!(frames.last().map(|last| last.hints), Some(frame(999).hints));
    }

    #[test]
    fn fewer_tempi_leave_none_of_those_before() {
        let (mut writer, reader) = scope();
        writer.set_tempi([(120.0, 0.7), (60.0, 0.2)].into_iter());
        assert_eq!(reader.tempi().collect::<Vec<_>>(), [(120.0, 0.7), (60.0, 0.2)]);
        writer.set_tempi([(90.0, 0.5)].into_iter());
        assert_eq!(reader.tempi().collect::<Vec<_>>(), [(90.0, 0.5)]);
    }
}
