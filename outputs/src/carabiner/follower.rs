//! What a Link session is told so that it follows the music: decisions alone, no socket and no clock. Thread of the output.
//!
//! Tempo: a step at any beat where the session is off by more than [`TEMPO_STEP`]; on downbeats also a smaller one, together with
//! a lean of at most [`MAX_LEAN`] that takes a phase error away within [`LEAN_SEC`]. Phase: a jump, on downbeats alone, where it
//! is off by more than [`PHASE_JUMP_MS`]. Link calls jumps anti-social, so leaning is what keeps the phase and jumping is rare.

use std::collections::VecDeque;
use std::fmt;

use super::answer::Status;
use crate::event::Beat;

/// A session's tempo that is this much off is corrected on any beat, share of it: 0.2 BPM at 133.
pub const TEMPO_STEP: f64 = 0.0015;
/// A session's tempo that is this much off is corrected on downbeats, share of it: 0.026 BPM at 128.
pub const TEMPO_TRIM: f64 = 0.0002;
/// A phase that is this much off is corrected by a jump, milliseconds.
pub const PHASE_JUMP_MS: f64 = 20.0;
/// Within how many seconds a smaller error of phase is taken away by leaning on the tempo.
pub const LEAN_SEC: f64 = 8.0;
/// The most that is leaned on the tempo, share of it; less than a step, so that the two do not fight.
pub const MAX_LEAN: f64 = 0.001;
/// Tempi that Link takes, beats per minute; its TEST-PLAN, TEMPO-4.
pub const LINK_BPM: (f64, f64) = (20.0, 999.0);
/// The least confidence with which a beat is told.
pub const MIN_CONFIDENCE: f32 = 0.5;
/// Beats in a row that must be so sure before anything is told.
pub const SETTLE_BEATS: u32 = 4;

/// The most beats between two that are in a row: outputs may get every fourth or eighth beat alone.
const MAX_GAP_BEATS: u64 = 16;
/// Beats whose phase errors are averaged.
const ERROR_BEATS: usize = 8;
/// Fewest of them that are worth a lean.
const MIN_ERROR_BEATS: usize = 4;
/// Downbeats in a row that must agree before the session is moved by whole beats.
const BAR_AGREES: u32 = 2;
/// Without a known bar, every so manieth beat is taken for a downbeat as far as tempo goes.
const UNKNOWN_BAR_BEATS: u64 = 4;
/// How old what is known of the session may be, microseconds.
const STALE_US: u64 = 2_000_000;
/// Beats that move by less have not jumped: a change of tempo is seen up to a poll of Carabiner after it, microseconds.
const SAME_PHASE_US: f64 = 2_000.0;
/// Beats for which nothing is told after a refusal.
const REFUSED_BEATS: u32 = 16;
/// Beats of a bar that Carabiner takes.
const QUANTUM: std::ops::RangeInclusive<u8> = 2..=16;
/// Beats of a bar where the music does not tell.
const DEFAULT_QUANTUM: u8 = 4;

/// What Carabiner is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Command {
    /// The session's tempo is this from now on, beats per minute.
    Bpm(f64),
    /// Which beat falls at this time?
    BeatAtTime {
        /// Microseconds of Link's clock.
        when_us: i64,
        /// Beats of a bar.
        quantum: u8,
    },
    /// This beat falls at this time, whatever the others in the session thought.
    ForceBeatAtTime {
        /// Number of the beat.
        beat: i64,
        /// Microseconds of Link's clock.
        when_us: i64,
        /// Beats of a bar.
        quantum: u8,
    },
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bpm(bpm) => write!(f, "bpm {bpm:.4}"),
            Self::BeatAtTime { when_us, quantum } => write!(f, "beat-at-time {when_us} {quantum}.0"),
            Self::ForceBeatAtTime { beat, when_us, quantum } => write!(f, "force-beat-at-time {beat}.0 {when_us} {quantum}.0"),
        }
    }
}

/// A question about the bar that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Question {
    when_us: i64,
    quantum: u8,
    /// The downbeat must fall on a multiple of this many beats: the bar, or 1.
    unit: u8,
    number: u64,
}

/// Follows the music with a session.
#[derive(Debug, Clone)]
pub struct Follower {
    /// Beats of a bar as set; 0 = the music's.
    quantum: u8,
    align_phase: bool,
    session: Option<Status>,
    /// Sure beats in a row.
    n_sure: u32,
    last_number: Option<u64>,
    /// How far ahead the session was at the last beats, seconds.
    errors_sec: VecDeque<f64>,
    question: Option<Question>,
    last_jump: Option<u64>,
    /// By how many whole beats the bar was off at the last downbeats, and how often in a row.
    bar_off: (i64, u32),
    n_refused: u32,
}

impl Follower {
    /// `quantum`: beats of a bar, 2 to 16; 0 = as many as the music's.
    pub fn new(quantum: u8, align_phase: bool) -> Self {
        Self {
            quantum,
            align_phase,
            session: None,
            n_sure: 0,
            last_number: None,
            errors_sec: VecDeque::with_capacity(ERROR_BEATS),
            question: None,
            last_jump: None,
            bar_off: (0, 0),
            n_refused: 0,
        }
    }

    /// The session as it was said to be last.
    pub fn session(&self) -> Option<&Status> {
        self.session.as_ref()
    }

    /// How far ahead of the music the session was lately, seconds; `None` = not known.
    pub fn phase_error_sec(&self) -> Option<f64> {
        let n_errors = self.errors_sec.len();
        (n_errors >= MIN_ERROR_BEATS).then(|| self.errors_sec.iter().sum::<f64>() / n_errors as f64)
    }

    /// The session changed, or was asked for.
    pub fn on_status(&mut self, status: Status) {
        if self.session.is_some_and(|session| has_jumped(&session, &status)) {
            // Errors against another grid say nothing about this one.
            self.errors_sec.clear();
        }
        self.session = Some(status);
    }

    /// The connection is new: nothing is known of a session.
    pub fn forget_session(&mut self) {
        *self = Self { n_sure: self.n_sure, last_number: self.last_number, ..Self::new(self.quantum, self.align_phase) };
    }

    /// No beats are announced any more, or again.
    pub fn on_lock(&mut self) {
        self.n_sure = 0;
        self.bar_off = (0, 0);
        self.errors_sec.clear();
        self.question = None;
    }

    /// Carabiner did not take what it was told.
    pub fn on_refusal(&mut self) {
        self.n_refused = REFUSED_BEATS;
        self.question = None;
    }

    /// A beat falls at `when_us` of Link's clock; what to tell the session about it. Nothing unless `armed`.
    pub fn on_beat(&mut self, beat: &Beat, when_us: i64, armed: bool) -> Vec<Command> {
        let is_sure = self.count_sure(beat);
        self.n_refused = self.n_refused.saturating_sub(1);
        let Some(session) = self.session.filter(|session| is_fresh(session, when_us)) else { return Vec::new() };
        if !beat.bpm.is_finite() || beat.bpm <= 0.0 {
            return Vec::new();
        }
        let target_bpm = beat.bpm.clamp(LINK_BPM.0, LINK_BPM.1);
        let may_tell = armed && is_sure && self.n_refused == 0;
        let is_step = (target_bpm - session.bpm).abs() > TEMPO_STEP * target_bpm;
        if is_step {
            self.errors_sec.clear();
        } else {
            self.note_error(&session, when_us);
        }
        if !may_tell {
            return Vec::new();
        }
        let wanted_bpm = (target_bpm * (1.0 - self.lean())).clamp(LINK_BPM.0, LINK_BPM.1);
        let is_trim = is_turning_point(beat) && (wanted_bpm - session.bpm).abs() > TEMPO_TRIM * target_bpm;
        let tempo = (is_step || is_trim).then_some(Command::Bpm(wanted_bpm));
        tempo.into_iter().chain(self.ask(beat, when_us)).collect()
    }

    /// The answer to [`Command::BeatAtTime`]: the jump that puts the downbeat where it belongs, if it is far enough off.
    pub fn on_beat_at_time(&mut self, when_us: i64, session_beat: f64, armed: bool) -> Option<Command> {
        let question = self.question.take_if(|question| question.when_us == when_us)?;
        let session = self.session?;
        let unit = f64::from(question.unit);
        let target = (session_beat / unit).round() * unit;
        let error_beats = session_beat - target;
        let error_ms = error_beats * session.beat_us() / 1000.0;
        let whole_beats = error_beats.round() as i64;
        let n_agree = if self.bar_off.0 == whole_beats { self.bar_off.1.saturating_add(1) } else { 1 };
        self.bar_off = (whole_beats, n_agree);
        let is_settled = whole_beats == 0 || n_agree >= BAR_AGREES;
        if !armed || !is_settled || error_ms.abs() <= PHASE_JUMP_MS {
            return None;
        }
        self.last_jump = Some(question.number);
        self.bar_off = (0, 0);
        self.errors_sec.clear();
        Some(Command::ForceBeatAtTime { beat: target as i64, when_us, quantum: question.quantum })
    }

    fn count_sure(&mut self, beat: &Beat) -> bool {
        let is_in_row = self.last_number.is_some_and(|last| beat.number > last && beat.number - last <= MAX_GAP_BEATS);
        self.last_number = Some(beat.number);
        // A confidence that is no number is none.
        self.n_sure = match (beat.confidence >= MIN_CONFIDENCE, is_in_row) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => self.n_sure.saturating_add(1),
        };
        self.n_sure >= SETTLE_BEATS
    }

    fn note_error(&mut self, session: &Status, when_us: i64) {
        let session_beat = session.beat_at(when_us);
        let error_sec = (session_beat - session_beat.round()) * session.beat_us() / 1e6;
        if self.errors_sec.len() == ERROR_BEATS {
            self.errors_sec.pop_front();
        }
        self.errors_sec.push_back(error_sec);
    }

    /// Share of the tempo to take away: positive while the session is ahead.
    fn lean(&self) -> f64 {
        // An error that needs a jump is not leaned away.
        let small = self.phase_error_sec().filter(|error_sec| self.align_phase && error_sec.abs() * 1000.0 <= PHASE_JUMP_MS);
        small.map_or(0.0, |error_sec| (error_sec / LEAN_SEC).clamp(-MAX_LEAN, MAX_LEAN))
    }

    fn ask(&mut self, beat: &Beat, when_us: i64) -> Option<Command> {
        if !self.align_phase || !beat.is_downbeat() {
            return None;
        }
        let music = beat.beats_per_bar;
        let quantum = match self.quantum {
            0 if QUANTUM.contains(&music) => music,
            0 => DEFAULT_QUANTUM,
            set => set,
        };
        // A loop of whole bars keeps the bar line; any other can keep no more than the beat.
        let unit = if music > 0 && quantum.is_multiple_of(music) { music } else { 1 };
        let bar_beats = u64::from(music.max(1));
        if self.last_jump.is_some_and(|jump| beat.number.saturating_sub(jump) < bar_beats) {
            return None;
        }
        self.question = Some(Question { when_us, quantum, unit, number: beat.number });
        Some(Command::BeatAtTime { when_us, quantum })
    }
}

/// Whether the beats lie elsewhere than before. A new tempo alone turns them around the moment of its change.
fn has_jumped(before: &Status, after: &Status) -> bool {
    let Some((now_us, beat)) = after.now_us().zip(after.beat) else { return true };
    let moved = before.beat_at(now_us) - beat;
    (moved - moved.round()).abs() * after.beat_us() > SAME_PHASE_US
}

/// Whether the tempo may be trimmed on this beat.
fn is_turning_point(beat: &Beat) -> bool {
    beat.is_downbeat() || beat.beat_in_bar == 0 && beat.number.is_multiple_of(UNKNOWN_BAR_BEATS)
}

fn is_fresh(session: &Status, when_us: i64) -> bool {
    session.now_us().is_some_and(|now_us| when_us.abs_diff(now_us) <= STALE_US)
}

#[cfg(test)]
#[path = "follower_tests.rs"]
mod tests;
