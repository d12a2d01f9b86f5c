//! What the anticipator is given every 80 ms: pooled sound, the beat, and what the piece has been so far. INFERENCE THREAD.
//!
//! ```text
//! frames -> pool (4 frames) --+-> audio, 290 numbers
//! tracker -> beat line -------+-> beat, 5
//!            beats written -> memory -> likeness, match, novelty, levels -> struct, 40
//! ```
//! Everything is deterministic and causal, and is what training reads too (`anacrusis features --structure`). Names and lengths
//! stand in the contract. Allocates nothing after construction.

pub mod beat_line;
pub mod chroma;
pub mod memory;
pub mod novelty;
pub mod pool;
#[cfg(test)]
mod tests;

use std::f64::consts::TAU;

use model_contracts::v1::features::{beat as beat_contract, r#struct as contract};

use self::beat_line::{BeatLine, BeatPosition, TrackerView};
use self::chroma::N_CLASSES;
use self::memory::{BeatMemory, MEMORY_BEATS, N_TIMBRE, N_VALUES};
use self::novelty::Novelty;
use self::pool::{N_AUDIO, N_BANDS, PooledStep};
use super::lock::SILENCE_RMS;
use crate::state::BeatEvent;

/// Length of the beat's part of a step.
pub const N_BEAT: usize = beat_contract::LEN as usize;
/// Length of the memory's part of a step.
pub const N_STRUCT: usize = contract::LEN as usize;
/// Length of a step: audio, beat, struct.
pub const N_STEP: usize = N_AUDIO + N_BEAT + N_STRUCT;
/// Sound below the threshold for this long is the label `silence`, seconds.
pub const SILENCE_SEC: f64 = 1.0;
/// After a silence of this length another piece begins, seconds: longer than any rest in a song, and about the pause between two.
const NEW_PIECE_SEC: f64 = contract::NEW_PIECE_SILENCE_SEC as f64;
/// Distances at which likeness is told, beats: one to thirty-two bars of four.
const LAGS: [usize; 6] = [4, 8, 16, 32, 64, 128];
/// Older parts of the novelty kernels, bars; the newer part is half as long.
const NOVELTY_BARS: [usize; 3] = [2, 4, 8];
/// Which of them says where sections began: that of four bars.
const SECTION_SCALE: usize = 1;
/// Stretches that the level is compared with, bars.
const LEVEL_BARS: [usize; 4] = [4, 8, 16, 32];
/// Bars within which the beats since the last novelty are told as a phase.
const PEAK_CYCLE_BARS: [usize; 3] = [2, 4, 8];
/// A phrase, bars; a match is at least this far away.
const PHRASE_BARS: usize = 8;
/// Beats of a bar where the tracker does not know.
const USUAL_BAR_BEATS: usize = 4;
/// Logarithms of beats are told as a share of that of this many.
const LONG_BEATS: f64 = 1024.0;

const _: () = assert!(N_STRUCT == 2 * LAGS.len() + 6 + 2 * NOVELTY_BARS.len() + 2 * PEAK_CYCLE_BARS.len() + LEVEL_BARS.len() + 6);

/// One step, ready for the anticipator.
#[derive(Debug, Clone, Copy)]
pub struct StructureStep<'a> {
    /// `[335]`: audio, beat, struct, as the contract names them.
    pub row: &'a [f32; N_STEP],
    /// The moment that it describes, seconds of stream.
    pub t_sec: f64,
    /// Where the beat is.
    pub beat: BeatPosition,
    /// Beats begun since the piece began, with the share of the one that is playing.
    pub n_beats: f64,
    /// Bars begun since the piece began: beats 1 of the tracker.
    pub n_bars: u32,
    /// The level has been that of silence for [`SILENCE_SEC`].
    pub is_silent: bool,
    /// Another piece begins with this step: whoever remembers must forget.
    pub is_new_piece: bool,
}

/// Makes steps of pooled sound and the tracker's beats.
pub struct StructureFeatures {
    beats: BeatLine,
    memory: BeatMemory,
    novelty: [Novelty; NOVELTY_BARS.len()],
    /// Whether a section seems to have begun with each beat that is remembered.
    began: Box<[bool; MEMORY_BEATS]>,
    /// Sums over the steps of the beat that is playing.
    playing: PlayingBeat,
    /// Beats and bars begun since the piece began.
    n_beats: u64,
    n_bars: u32,
    /// Since the last sound, seconds of stream.
    silent_from_sec: Option<f64>,
    /// Some sound was heard since the piece began.
    was_heard: bool,
    must_forget: bool,
    /// Beats of a bar, as of the last that the tracker told.
    bar_beats: usize,
    row: Box<[f32; N_STEP]>,
}

/// What the steps of a beat sounded like, summed.
#[derive(Debug, Clone, Copy, Default)]
struct PlayingBeat {
    chroma: [f32; N_CLASSES],
    timbre: [f32; N_TIMBRE],
    level: f32,
    n_steps: u32,
}

impl Default for StructureFeatures {
    fn default() -> Self {
        Self {
            beats: BeatLine::default(),
            memory: BeatMemory::default(),
            novelty: Default::default(),
            began: Box::new([false; MEMORY_BEATS]),
            playing: PlayingBeat::default(),
            n_beats: 0,
            n_bars: 0,
            silent_from_sec: None,
            was_heard: false,
            must_forget: true,
            bar_beats: USUAL_BAR_BEATS,
            row: Box::new([0.0; N_STEP]),
        }
    }
}

impl StructureFeatures {
    /// Hears of a beat that the tracker announces.
    pub fn announce(&mut self, event: BeatEvent) {
        self.beats.announce(event);
    }

    /// The step of what was heard; `tracker` is what is known at that moment.
    pub fn step(&mut self, pooled: &PooledStep, tracker: &TrackerView) -> StructureStep<'_> {
        let t_sec = pooled.time.0;
        let silent_sec = self.hear_level(pooled.rms, t_sec);
        let beat = self.beats.at(t_sec, tracker);
        let is_new_piece = self.must_forget || (self.was_heard && silent_sec >= NEW_PIECE_SEC);
        if is_new_piece {
            self.forget();
        }
        if self.was_heard {
            self.count(&beat);
            self.playing.add(pooled);
        }
        let is_silent = silent_sec >= SILENCE_SEC;
        let n_beats = self.n_beats as f64 + if self.was_heard { beat.phase } else { 0.0 };
        self.write_row(pooled, &beat, n_beats, is_silent);
        StructureStep { row: &self.row, t_sec, beat, n_beats, n_bars: self.n_bars, is_silent, is_new_piece }
    }

    /// Whatever comes is another piece, or another place of it: nothing is remembered. The beats go on.
    pub fn forget_piece(&mut self) {
        self.must_forget = true;
    }

    /// Returns to the exact state after construction. Allocates nothing.
    pub fn reset(&mut self) {
        self.forget();
        self.beats = BeatLine::default();
        self.silent_from_sec = None;
        self.must_forget = true;
        self.row.fill(0.0);
    }

    fn forget(&mut self) {
        self.memory.clear();
        self.novelty = Default::default();
        self.began.fill(false);
        self.playing = PlayingBeat::default();
        (self.n_beats, self.n_bars) = (0, 0);
        self.was_heard = self.silent_from_sec.is_none();
        self.must_forget = false;
        self.bar_beats = USUAL_BAR_BEATS;
    }

    /// How long it has been silent, seconds.
    fn hear_level(&mut self, rms: f32, t_sec: f64) -> f64 {
        if rms >= SILENCE_RMS {
            self.silent_from_sec = None;
            self.was_heard = true;
            return 0.0;
        }
        t_sec - *self.silent_from_sec.get_or_insert(t_sec)
    }

    /// Writes the beat that ended, where one did.
    fn count(&mut self, beat: &BeatPosition) {
        self.n_bars += beat.n_bars_begun;
        self.bar_beats = match beat.beats_per_bar {
            0 => self.bar_beats,
            // Two bars of two are one of four: what repeats does so in fours.
            2 => USUAL_BAR_BEATS,
            beats => usize::from(beats),
        };
        for _ in 0..beat.n_begun {
            self.n_beats += 1;
            if self.playing.n_steps > 0 {
                let (values, level) = self.playing.mean();
                self.playing = PlayingBeat::default();
                self.remember(&values, level);
            }
        }
    }

    fn remember(&mut self, values: &[f32; N_VALUES], level: f32) {
        let slot = (self.memory.n_written() % MEMORY_BEATS as u64) as usize;
        self.began[slot] = false;
        self.memory.write(values, level, PHRASE_BARS * self.bar_beats);
        for (scale, bars) in NOVELTY_BARS.into_iter().enumerate() {
            let past = bars * self.bar_beats;
            let began = self.novelty[scale].step(&self.memory, past / 2, past);
            if let Some(began) = began.filter(|_| scale == SECTION_SCALE) {
                self.began[(began % MEMORY_BEATS as u64) as usize] = true;
            }
        }
    }

    fn write_row(&mut self, pooled: &PooledStep, beat: &BeatPosition, n_beats: f64, is_silent: bool) {
        let mut row = Writer { row: &mut self.row, next: 0 };
        row.put_all(&pooled.audio);
        let turn = TAU * beat.phase;
        let spb = beat.spb.clamp(beat_contract::SPB_MIN_SEC, beat_contract::SPB_MAX_SEC);
        row.put(turn.sin());
        row.put(turn.cos());
        row.put((spb / beat_contract::VIRTUAL_SPB_SEC).ln());
        row.put_all(&[beat.conf, beat.downbeat_prob]);

        let similarities = LAGS.map(|lag| self.memory.similarity(lag));
        similarities.iter().for_each(|&(chroma, _)| row.put(f64::from(chroma)));
        similarities.iter().for_each(|&(_, timbre)| row.put(f64::from(timbre)));
        // The beat that is playing has not been written: so far, this much more than the last that was.
        let position = self.memory.n_written() as f64 + beat.phase;
        put_match(&mut row, &self.memory, &self.began, beat.phase, self.bar_beats);
        self.novelty.iter().for_each(|novelty| row.put(f64::from(novelty.value())));
        let since = |novelty: &Novelty| novelty.began().map(|began| position - began as f64);
        self.novelty.iter().for_each(|novelty| row.put(since(novelty).map_or(0.0, log_beats)));
        for bars in PEAK_CYCLE_BARS {
            let turn = since(&self.novelty[SECTION_SCALE]).map(|since| TAU * since / (bars * self.bar_beats) as f64);
            row.put(turn.map_or(0.0, f64::sin));
            row.put(turn.map_or(0.0, f64::cos));
        }
        LEVEL_BARS.into_iter().for_each(|bars| row.put(f64::from(self.memory.level_over(bars * self.bar_beats))));
        let bar_turn = (beat.beat_in_bar > 0 && beat.beats_per_bar > 0)
            .then(|| TAU * (f64::from(beat.beat_in_bar - 1) + beat.phase) / f64::from(beat.beats_per_bar));
        row.put(bar_turn.map_or(0.0, f64::sin));
        row.put(bar_turn.map_or(0.0, f64::cos));
        row.put(log_beats(n_beats));
        row.put(f64::from(beat.beats_per_bar) / USUAL_BAR_BEATS as f64);
        row.put(f64::from(u8::from(is_silent)));
        row.put(f64::from(u8::from(beat.is_virtual)));
        debug_assert_eq!(row.next, N_STEP);
    }
}

/// How well the music of now matches what was heard before, how far away that is, and what came of it then.
fn put_match(row: &mut Writer<'_>, memory: &BeatMemory, began: &[bool; MEMORY_BEATS], phase: f64, bar_beats: usize) {
    let Some(best) = memory.best() else {
        row.put_all(&[0.0; 6]);
        return;
    };
    let n_written = memory.n_written();
    let oldest = n_written - memory.len() as u64;
    let began_at = |beat: &u64| began[(beat % MEMORY_BEATS as u64) as usize];
    // The beat that is playing is like the one that followed the matched one.
    let then = n_written - best.lag as u64;
    let since = (oldest..=then.min(n_written - 1)).rev().find(began_at).map(|beat| (then - beat) as f64 + phase);
    let until = (then + 1..n_written).find(began_at).map(|beat| (beat - then) as f64 - phase);
    row.put(f64::from(best.score));
    row.put(f64::from(best.margin));
    row.put(log_beats(best.lag as f64 / bar_beats as f64));
    row.put(log_beats(f64::from(best.run)));
    row.put(since.map_or(0.0, log_beats));
    // The nearer, the larger: 0 where none followed, or in more than 63 beats.
    row.put(until.map_or(0.0, |until| (1.0 - until.max(0.0).ln_1p() / 64f64.ln()).max(0.0)));
}

impl PlayingBeat {
    fn add(&mut self, pooled: &PooledStep) {
        self.chroma.iter_mut().zip(pooled.chroma()).for_each(|(sum, value)| *sum += value);
        let groups: [f32; N_TIMBRE] = std::array::from_fn(|group| {
            let group_bands = &pooled.bands()[group * N_BANDS / N_TIMBRE..(group + 1) * N_BANDS / N_TIMBRE];
            group_bands.iter().sum::<f32>() / group_bands.len() as f32
        });
        let mean = groups.iter().sum::<f32>() / N_TIMBRE as f32;
        self.timbre.iter_mut().zip(groups).for_each(|(sum, group)| *sum += group - mean);
        self.level += pooled.level();
        self.n_steps += 1;
    }

    fn mean(&self) -> ([f32; N_VALUES], f32) {
        let n_steps = self.n_steps as f32;
        let mut values = [0.0; N_VALUES];
        values[..N_CLASSES].copy_from_slice(&self.chroma);
        values[N_CLASSES..].copy_from_slice(&self.timbre);
        (values.map(|sum| sum / n_steps), self.level / n_steps)
    }
}

/// A number of beats on a scale on which twice as many is one step, 0 to about 1.
fn log_beats(n_beats: f64) -> f64 {
    n_beats.max(0.0).ln_1p() / LONG_BEATS.ln_1p()
}

/// Writes a row from front to back; what is not finite is written as 0.
struct Writer<'a> {
    row: &'a mut [f32; N_STEP],
    next: usize,
}

impl Writer<'_> {
    fn put(&mut self, value: f64) {
        let value = value as f32;
        self.row[self.next] = if value.is_finite() { value } else { 0.0 };
        self.next += 1;
    }

    fn put_all(&mut self, values: &[f32]) {
        values.iter().for_each(|&value| self.put(f64::from(value)));
    }
}
