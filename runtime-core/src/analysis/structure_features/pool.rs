//! Four frames to one step: pooled bands, onsets, pitch classes and levels. INFERENCE THREAD.
//!
//! Step k covers frames 4 k to 4 k + 3 of the stream and describes the moment of the last of them. It is made of the frames that
//! were heard, whatever network runs behind them and however late its answers are.

use std::collections::VecDeque;

use model_contracts::v1::clocks;
use model_contracts::v1::features::audio_pooled;

use super::chroma::{ChromaFold, N_CLASSES};
use crate::analysis::filterbank::centre_hz;
use crate::analysis::front_end::FrontEnd;
use crate::analysis::model_file::MAX_DELAY_FRAMES;
use crate::units::{FrameIdx, StreamSec};

/// Length of the pooled audio of one step.
pub const N_AUDIO: usize = audio_pooled::LEN as usize;
/// Frames of one step.
pub const POOL_FRAMES: u64 = clocks::POOL_FRAMES as u64;
/// Bands of the standard filterbank, the only one that is pooled.
pub const N_BANDS: usize = 136;
/// Level of silence, log10 of the RMS: below what 16 bits can hold.
pub const LEAST_LEVEL: f32 = -5.0;
/// Numbers after bands, onsets and pitch classes.
const N_SCALARS: usize = audio_pooled::SCALARS.len();
/// Steps that can wait for the tracker: as many as a network can be late, and two.
const MAX_WAITING: usize = MAX_DELAY_FRAMES / POOL_FRAMES as usize + 2;
/// Added to a magnitude before its logarithm; the log bands of silence are 0.
const MAGNITUDE_FLOOR: f32 = 1e-6;

const _: () = assert!(N_AUDIO == 2 * N_BANDS + N_CLASSES + N_SCALARS, "the blocks of the contract");

/// What was heard in one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PooledStep {
    /// The last of its frames.
    pub frame: FrameIdx,
    /// The moment of that frame.
    pub time: StreamSec,
    /// Bands, onsets, pitch classes, scalars; all 0 where the front end is not the standard one.
    pub audio: [f32; N_AUDIO],
    /// Root mean square of the samples, full scale = 1.
    pub rms: f32,
    /// Whether [`Self::audio`] is what was heard: whether the front end is the standard one.
    pub has_sound: bool,
}

impl PooledStep {
    /// Mean log bands, `[136]`.
    pub fn bands(&self) -> &[f32] {
        &self.audio[..N_BANDS]
    }

    /// Pitch classes, `[12]` from C, mean zero.
    pub fn chroma(&self) -> &[f32] {
        &self.audio[2 * N_BANDS..2 * N_BANDS + N_CLASSES]
    }

    /// log10 of [`Self::rms`], at least [`LEAST_LEVEL`].
    pub fn level(&self) -> f32 {
        level(self.rms)
    }
}

/// Pools frames as they come.
pub struct StepPool {
    /// `None` where the front end is not the standard one: then time goes on, and nothing is pooled.
    sound: Option<Sound>,
    sum: [f32; N_BANDS],
    max: [f32; N_BANDS],
    square_sum: f32,
    n_frames: u32,
    /// The step that is being filled.
    step: u64,
    waiting: VecDeque<PooledStep>,
}

/// What the standard front end is needed for.
struct Sound {
    chroma: ChromaFold,
    /// The first band of the middle and of the high range.
    edges: [usize; 2],
}

impl StepPool {
    /// A pool at the start of a stream with this front end.
    pub fn new(front_end: &FrontEnd) -> Self {
        let sound = (*front_end == FrontEnd::default()).then(|| {
            let centres = centre_hz(front_end);
            let edges = audio_pooled::SHARE_EDGES_HZ.map(|edge_hz| centres.partition_point(|&hz| hz < f64::from(edge_hz)));
            Sound { chroma: ChromaFold::new(front_end), edges }
        });
        Self {
            sound,
            sum: [0.0; N_BANDS],
            max: [0.0; N_BANDS],
            square_sum: 0.0,
            n_frames: 0,
            step: 0,
            waiting: VecDeque::with_capacity(MAX_WAITING),
        }
    }

    /// Adds a frame: `features` `[2 * bands]`, `rms` of its newest samples. Allocates nothing.
    pub fn push(&mut self, frame: FrameIdx, time: StreamSec, features: &[f32], rms: f32) {
        let step = frame.0 / POOL_FRAMES;
        if step != self.step {
            // After a gap: what was begun is not completed.
            self.clear();
            self.step = step;
        }
        if self.sound.is_some() {
            let (bands, differences) = features.split_at(N_BANDS);
            self.sum.iter_mut().zip(bands).for_each(|(sum, band)| *sum += band);
            self.max.iter_mut().zip(differences).for_each(|(max, difference)| *max = max.max(*difference));
        }
        self.square_sum += rms * rms;
        self.n_frames += 1;
        if frame.0 % POOL_FRAMES == POOL_FRAMES - 1 {
            if self.waiting.len() == MAX_WAITING {
                self.waiting.pop_front();
            }
            let pooled = self.pooled(frame, time);
            self.waiting.push_back(pooled);
            self.clear();
            self.step += 1;
        }
    }

    /// The oldest step that was completed up to `frame`. Allocates nothing.
    pub fn take(&mut self, up_to: FrameIdx) -> Option<PooledStep> {
        self.waiting.front().filter(|step| step.frame <= up_to)?;
        self.waiting.pop_front()
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.clear();
        self.step = 0;
        self.waiting.clear();
    }

    fn clear(&mut self) {
        self.sum.fill(0.0);
        self.max.fill(0.0);
        self.square_sum = 0.0;
        self.n_frames = 0;
    }

    fn pooled(&mut self, frame: FrameIdx, time: StreamSec) -> PooledStep {
        let n_frames = self.n_frames as f32;
        let rms = (self.square_sum / n_frames).sqrt();
        let mut step = PooledStep { frame, time, audio: [0.0; N_AUDIO], rms, has_sound: self.sound.is_some() };
        let Some(sound) = &mut self.sound else { return step };
        let (bands, rest) = step.audio.split_at_mut(N_BANDS);
        let (onsets, rest) = rest.split_at_mut(N_BANDS);
        bands.iter_mut().zip(&self.sum).for_each(|(band, sum)| *band = sum / n_frames);
        onsets.copy_from_slice(&self.max);
        let mut chroma = [0.0; N_CLASSES];
        sound.chroma.apply(bands, &mut chroma);
        rest[..N_CLASSES].copy_from_slice(&chroma);
        let scalars = scalars(bands, sound.edges, rms, self.max.iter().sum());
        rest[N_CLASSES..].copy_from_slice(&scalars);
        step
    }
}

fn level(rms: f32) -> f32 {
    rms.log10().max(LEAST_LEVEL)
}

/// Level, shares of low, middle and high magnitudes, flatness, sum of the onsets.
fn scalars(bands: &[f32], edges: [usize; 2], rms: f32, onset_sum: f32) -> [f32; N_SCALARS] {
    let mut ranges = [0.0f32; 3];
    let mut log_sum = 0.0;
    for (band, &log_band) in bands.iter().enumerate() {
        let magnitude = (log_band * std::f32::consts::LN_10).exp_m1().max(0.0);
        ranges[usize::from(band >= edges[0]) + usize::from(band >= edges[1])] += magnitude;
        log_sum += (magnitude + MAGNITUDE_FLOOR).ln();
    }
    let total: f32 = ranges.iter().sum();
    let n_bands = bands.len() as f32;
    let flatness = (log_sum / n_bands).exp() / (total / n_bands + MAGNITUDE_FLOOR);
    let [low, middle, high] = ranges.map(|range| range / (total + MAGNITUDE_FLOOR));
    [level(rms), low, middle, high, flatness, onset_sum]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(band: impl Fn(usize) -> f32, onset: f32) -> Vec<f32> {
        (0..N_BANDS).map(band).chain((0..N_BANDS).map(|_| onset)).collect()
    }

    fn push(pool: &mut StepPool, frame: u64, band: f32, onset: f32, rms: f32) {
        pool.push(FrameIdx(frame), StreamSec(0.02 * frame as f64), &features(|_| band, onset), rms);
    }

    #[test]
    fn a_step_is_the_mean_and_the_maximum_of_its_four_frames() {
        let mut pool = StepPool::new(&FrontEnd::default());
        for (frame, band, onset, rms) in [(0, 0.0, 0.1, 0.3), (1, 1.0, 0.5, 0.3), (2, 2.0, 0.2, 0.5), (3, 1.0, 0.0, 0.5)] {
            assert_eq!(pool.take(FrameIdx(u64::MAX)), None);
            push(&mut pool, frame, band, onset, rms);
        }
        assert_eq!(pool.take(FrameIdx(2)), None, "not asked for yet");
        let step = pool.take(FrameIdx(3)).unwrap();
        assert_eq!((step.frame, step.time), (FrameIdx(3), StreamSec(0.06)));
        assert!(step.bands().iter().all(|&band| band == 1.0));
        assert!(step.audio[N_BANDS..2 * N_BANDS].iter().all(|&onset| onset == 0.5));
        assert!(step.chroma().iter().all(|value| value.abs() < 1e-6));
        // RMS of .3, .3, .5, .5 is the root of .17.
        assert!((step.rms - 0.17f32.sqrt()).abs() < 1e-6 && (step.level() - 0.17f32.sqrt().log10()).abs() < 1e-6);
        let [_, low, middle, high, flatness, onset_sum] = <[f32; 6]>::try_from(&step.audio[284..]).unwrap();
        assert!((low + middle + high - 1.0).abs() < 1e-5 && (flatness - 1.0).abs() < 1e-4);
        assert!((onset_sum - 68.0).abs() < 1e-3, "136 x .5");
    }

    #[test]
    fn shares_are_those_of_the_magnitudes() {
        let mut bands = vec![0.0; N_BANDS];
        // Magnitudes 9 and 99 (log10 of 10 and of 100) in two ranges.
        (bands[0], bands[100]) = (1.0, 2.0);
        let [level, low, middle, high, flatness, _] = scalars(&bands, [10, 90], 0.1, 0.0);
        assert!((level + 1.0).abs() < 1e-6 && (low - 9.0 / 108.0).abs() < 1e-5 && middle == 0.0 && (high - 99.0 / 108.0).abs() < 1e-5);
        assert!(flatness < 1e-4, "{flatness}");
    }

    #[test]
    fn silence_is_finite() {
        let mut pool = StepPool::new(&FrontEnd::default());
        (0..4).for_each(|frame| push(&mut pool, frame, 0.0, 0.0, 0.0));
        let step = pool.take(FrameIdx(3)).unwrap();
        assert_eq!(step.level(), LEAST_LEVEL);
        assert!(step.audio.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_gap_drops_what_was_begun_and_steps_stay_where_they_are() {
        let mut pool = StepPool::new(&FrontEnd::default());
        push(&mut pool, 0, 5.0, 0.0, 0.9);
        for frame in 9..16 {
            push(&mut pool, frame, 1.0, 0.0, 0.1);
        }
        let steps: Vec<PooledStep> = std::iter::from_fn(|| pool.take(FrameIdx(u64::MAX))).collect();
        assert_eq!(steps.iter().map(|step| step.frame.0).collect::<Vec<_>>(), [11, 15]);
        assert!(steps.iter().all(|step| (step.bands()[0] - 1.0).abs() < 1e-6 && (step.rms - 0.1).abs() < 1e-6));
    }

    #[test]
    fn another_front_end_gives_the_time_and_the_level_alone() {
        let coarse = FrontEnd { bands_per_octave: 12, ..FrontEnd::default() };
        let mut pool = StepPool::new(&coarse);
        for frame in 0..4 {
            pool.push(FrameIdx(frame), StreamSec(frame as f64), &[1.0; 20], 0.5);
        }
        let step = pool.take(FrameIdx(3)).unwrap();
        assert_eq!((step.time, step.audio, step.has_sound), (StreamSec(3.0), [0.0; N_AUDIO], false));
        assert!((step.rms - 0.5).abs() < 1e-6);
    }

    #[test]
    fn reset_is_a_fresh_start() {
        let run = |pool: &mut StepPool| {
            (0..7).for_each(|frame| push(pool, frame, frame as f32, 0.1, 0.2));
            pool.take(FrameIdx(u64::MAX))
        };
        let mut pool = StepPool::new(&FrontEnd::default());
        let first = run(&mut pool);
        pool.reset();
        assert_eq!(run(&mut pool), first);
    }
}
