//! The grid that goes on by itself where nothing confirms or moves it. INFERENCE THREAD.
//!
//! A beat without an onset says nothing about the phase, so it does not move the grid: the beat comes from the timeline. After
//! some such beats the grid *coasts*: it is announced for [`HOLD_BEATS`] beats, whatever the decoder, whose belief spreads
//! where it hears nothing, thinks by then. In silence nothing is announced, but the grid is remembered. When something is
//! heard again, the first onset on the grid resumes it at once; onsets beside it argue for the decoder, which takes over as
//! soon as it agrees with the grid or has more onsets on its side. Where there is no evidence of a pulse and what the network
//! does hear falls beside the grid, as it does in noise, the grid is silent.

use super::pipe::ActivationFrame;
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// An activation (beat or downbeat) below this is no onset. NB: in silence and on held chords the network stays below .14; the
/// quietest twentieth of the beats of annotated pieces lies between .05 and .8, in the median piece at .3.
const ONSET_PROB: f32 = 0.20;
/// Beats without an onset after which the grid coasts: a bar.
const COAST_BEATS: u32 = 4;
/// Beats that are announced without an onset: eight bars of four, the usual break.
pub const HOLD_BEATS: u32 = 32;
/// Beats after the last onset for which the grid is remembered unsaid. Sixteen bars: with a tempo known to 0.05 % it is then
/// 3 % of a beat off.
const MEMORY_BEATS: f64 = 64.0;
/// An onset this near to a beat lies on the grid, beats: half of the distance that separates beats from triplets' thirds, and
/// about the 70 ms within which a beat counts as right.
const ON_GRID_BEATS: f64 = 0.12;
/// The decoder agrees with the grid within this ratio of the tempo.
const SAME_TEMPO_RATIO: f64 = 1.06;
/// What onsets beside the grid must have over those on it, in certain onsets, before the decoder is believed against it.
const SWITCH_ONSETS: f32 = 1.5;
/// Beats for which decoder and grid may disagree while there is evidence: then the decoder is believed. Four bars.
const DISPUTE_BEATS: f64 = 16.0;
/// Time constant of what was heard lately, frames: 4 s, as that of the evidence of a pulse.
const LATELY_FRAMES: f32 = 200.0;
/// From a frame's centre to the middle of the newest 20 ms, of which its level is, seconds.
const LEVEL_LEAD_SEC: f64 = 0.022;

/// Where the next beat comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nothing may be announced.
    Nothing,
    /// What the decoder finds.
    Decoder,
    /// The timeline as it is.
    Grid,
}

/// What the choice depends on, after one frame.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// Beats can be found ([`Lock`](super::lock::Lock)).
    pub has_evidence: bool,
    /// There is any level at all.
    pub is_audible: bool,
    /// The beats until now lie on a line that can be continued.
    pub has_grid: bool,
    /// Where the decoder puts its nearest beat, seconds of stream.
    pub found_sec: f64,
    /// Length of its beat, seconds.
    pub interval_sec: f64,
    /// The newest sample.
    pub now: StreamSec,
}

/// What was heard of the grid of late.
#[derive(Debug, Clone, Default)]
pub struct Flywheel {
    /// An onset was heard since the last beat was announced.
    has_news: bool,
    /// Beats announced since without.
    n_unheard: u32,
    is_coasting: bool,
    /// The grid is silent until an onset falls on it.
    must_be_heard: bool,
    was_audible: bool,
    /// Onsets on the grid and beside it since it has been coasting, sums of probabilities.
    on_grid: f32,
    off_grid: f32,
    /// The same of the last seconds, with exponential forgetting.
    lately_on: f32,
    lately_off: f32,
    had_evidence: bool,
    /// Beats since the grid began to coast and since the decoder has had evidence against it.
    coast_from_beat: f64,
    dispute_from_beat: Option<f64>,
}

impl Flywheel {
    /// Hears a frame; `line` is the grid, `time_sec` the moment at which an onset in this frame falls.
    pub fn hear(&mut self, frame: &ActivationFrame, time_sec: f64, line: &Timeline, is_audible: bool) {
        let onset = frame.activation.beat + frame.activation.downbeat;
        // The end of a silence is an onset, whatever the network thinks of it.
        let sets_in = is_audible && !self.was_audible;
        self.was_audible = is_audible;
        self.lately_on -= self.lately_on / LATELY_FRAMES;
        self.lately_off -= self.lately_off / LATELY_FRAMES;
        if sets_in {
            self.weigh(1.0, StreamSec(frame.time.0 + LEVEL_LEAD_SEC), line);
        }
        if onset >= ONSET_PROB {
            self.has_news = true;
            self.weigh(onset.min(1.0), StreamSec(time_sec), line);
        }
    }

    /// Where the next beat comes from.
    pub fn choose(&mut self, line: &Timeline, s: &Situation) -> Source {
        let by_evidence = if s.has_evidence { Source::Decoder } else { Source::Nothing };
        let now_beat = line.beat_at(s.now);
        self.had_evidence = s.has_evidence;
        if self.is_coasting && now_beat - self.coast_from_beat > MEMORY_BEATS {
            self.forget();
        }
        if !s.has_grid {
            self.forget();
            return if s.is_audible { by_evidence } else { Source::Nothing };
        }
        let is_contradicted = self.lately_off > self.lately_on;
        if !s.is_audible || !s.has_evidence && is_contradicted {
            self.coast(now_beat);
            self.fall_silent();
            return Source::Nothing;
        }
        if !self.is_coasting {
            return if s.has_evidence && self.has_news { Source::Decoder } else { Source::Grid };
        }
        if s.has_evidence {
            let since_beats = now_beat - *self.dispute_from_beat.get_or_insert(now_beat);
            let outvoted = self.off_grid > self.on_grid + SWITCH_ONSETS || since_beats > DISPUTE_BEATS;
            if outvoted || self.has_news && agrees(line, s) {
                self.forget();
                return Source::Decoder;
            }
        } else {
            self.dispute_from_beat = None;
        }
        if self.must_be_heard {
            if self.on_grid > self.off_grid {
                self.must_be_heard = false;
                self.n_unheard = 0;
            } else {
                if s.has_evidence {
                    self.forget();
                }
                return by_evidence;
            }
        }
        Source::Grid
    }

    /// A beat was announced.
    pub fn announced(&mut self, line: &Timeline, now: StreamSec) {
        let is_heard = std::mem::take(&mut self.has_news) && self.had_evidence;
        self.n_unheard = if is_heard { 0 } else { self.n_unheard + 1 };
        if self.n_unheard >= COAST_BEATS {
            self.coast(line.beat_at(now));
        }
        if self.n_unheard >= HOLD_BEATS {
            self.fall_silent();
        }
    }

    /// Beats announced since the last onset.
    pub fn n_unheard(&self) -> u32 {
        self.n_unheard
    }

    /// Whether the grid goes on by itself.
    pub fn is_coasting(&self) -> bool {
        self.is_coasting
    }

    /// The grid is no more: beats come from the decoder.
    pub fn forget(&mut self) {
        *self = Self {
            has_news: self.has_news,
            was_audible: self.was_audible,
            lately_on: self.lately_on,
            lately_off: self.lately_off,
            ..Self::default()
        };
    }

    fn coast(&mut self, now_beat: f64) {
        if !self.is_coasting {
            self.is_coasting = true;
            self.coast_from_beat = now_beat;
            (self.on_grid, self.off_grid) = (0.0, 0.0);
            self.dispute_from_beat = None;
        }
    }

    fn weigh(&mut self, onset: f32, at: StreamSec, line: &Timeline) {
        let beat = line.beat_at(at);
        if (beat - beat.round()).abs() <= ON_GRID_BEATS {
            self.on_grid += onset;
            self.lately_on += onset;
        } else {
            self.off_grid += onset;
            self.lately_off += onset;
        }
    }

    fn fall_silent(&mut self) {
        self.must_be_heard = true;
        (self.on_grid, self.off_grid) = (0.0, 0.0);
    }
}

/// Whether the decoder's beat is one of the grid's.
fn agrees(line: &Timeline, s: &Situation) -> bool {
    let beat = line.beat_at(StreamSec(s.found_sec));
    let ratio = s.interval_sec / line.spb;
    (beat - beat.round()).abs() <= ON_GRID_BEATS && (SAME_TEMPO_RATIO.recip()..=SAME_TEMPO_RATIO).contains(&ratio)
}
