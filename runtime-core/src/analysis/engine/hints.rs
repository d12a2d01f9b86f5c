//! What the user says reaches decoder and tracker here. INFERENCE THREAD.
//!
//! Meaning and precedence: [`hints`](crate::analysis::hints). Where a word changes which tempi or bars are believed in, a decoder
//! with another space is built, here and then: that allocates, a few times a set, and not per hop.

use super::{Engine, new_decoder};
use crate::analysis::config::{ConfigError, EngineConfig, Meter, TempoRange};
use crate::analysis::hints::{self, HintRefusal, HintState, HintStatus, Pulse, usable_nudge, usable_tempo};
use crate::analysis::tracker::LABEL_OFFSET_SEC;
use crate::bus::hint::Hint;
use crate::bus::marks::Settings;
use crate::units::{FRAME_SEC, StreamSec};

/// Share of the belief that goes back to the start where the user leaves the tempo to the evidence again: what is heard then
/// decides within a bar or so, and until it has, the grid goes on as it is.
const OPEN_SHARE: f64 = 0.2;
/// Microseconds in a second.
const US_PER_SEC: f64 = 1e6;

impl Engine {
    /// What the user fixed.
    pub fn hints(&self) -> HintStatus {
        self.hints.status(self.tracker.grid_hints())
    }

    /// The user says something about the present position of the stream: before the next sample.
    ///
    /// # Errors
    /// A word that cannot be taken; everything stays as it was, and [`HintStatus::refused`] says why.
    pub fn hint(&mut self, hint: Hint) -> Result<(), HintRefusal> {
        let result = self.take_hint(hint);
        self.hints.refused = result.err();
        result
    }

    /// Takes over what was fixed in an earlier stream of the same music: the metrical level and the nudges. Everything else is
    /// either a setting or about moments that are gone.
    pub fn resume(&mut self, earlier: &HintStatus) {
        self.tracker.nudge(earlier.nudge_sec - self.tracker.nudge_sec());
        if let Some(bpm) = earlier.level_bpm {
            self.change(|hints| hints.level_bpm = Some(bpm), None);
        }
    }

    fn take_hint(&mut self, hint: Hint) -> Result<(), HintRefusal> {
        let now = self.now();
        match hint {
            Hint::Nudge { by_us } => {
                let by_sec = f64::from(by_us) / US_PER_SEC;
                usable_nudge(self.tracker.nudge_sec() + by_sec)?;
                self.tracker.nudge(by_sec);
            }
            Hint::ThisIsOne => self.tracker.this_is_one(now),
            Hint::Hold(on) => self.hold(on, now),
            Hint::Half => self.count(hints::half(&self.tracker, now))?,
            Hint::Double => self.count(hints::double(&self.tracker, now))?,
            Hint::Tap => self.tap(now)?,
            Hint::Meter(beats) => {
                let meter = Meter::of(beats);
                if !meter.is_usable() {
                    return Err(HintRefusal::Meter(beats.unwrap_or_default()));
                }
                self.set_meter(meter);
            }
            Hint::TempoRange(range) => {
                let range = range.map_or(TempoRange::default(), |(min_bpm, max_bpm)| TempoRange { min_bpm, max_bpm });
                if !range.is_usable() {
                    return Err(HintRefusal::Range { min_bpm: range.min_bpm, max_bpm: range.max_bpm });
                }
                self.change(|hints| hints.set_range(range), None);
            }
            Hint::ManualTempo(Some(bpm)) => {
                let beat_sec = if self.tracker.has_beats() { self.tracker.next_beat(now).t_sec } else { now.0 };
                self.set_manual(Pulse { spb: 60.0 / usable_tempo(bpm)?, beat_sec });
            }
            Hint::ManualTempo(None) => {
                self.tracker.set_manual(None);
                self.change(|hints| hints.manual_bpm = None, None);
            }
            Hint::Clear => {
                self.tracker.forget_hints();
                let fresh = HintState::new(&self.config);
                self.tracker.set_manual(fresh.manual_bpm.map(|bpm| 60.0 / bpm));
                self.tracker.set_meter(fresh.meter.beats_per_bar());
                self.change(|hints| *hints = fresh, None);
            }
        }
        Ok(())
    }

    fn hold(&mut self, on: bool, now: StreamSec) {
        let starts_from_nothing = on && !self.tracker.has_beats();
        if let (true, Some(bpm)) = (starts_from_nothing, self.hints.manual_bpm) {
            let spb = 60.0 / bpm;
            self.tracker.follow(spb, now.0 + spb);
        }
        self.tracker.hold(on);
    }

    /// Counts half or twice as fast from `pulse` on.
    fn count(&mut self, pulse: Pulse) -> Result<(), HintRefusal> {
        let bpm = usable_tempo(pulse.bpm())?;
        if self.hints.manual_bpm.is_some() {
            self.set_manual(pulse);
        } else if self.tracker.has_beats() {
            self.change(|hints| hints.level_bpm = Some(bpm), Some(pulse));
        } else {
            return Err(HintRefusal::NoBeatYet);
        }
        Ok(())
    }

    fn tap(&mut self, now: StreamSec) -> Result<(), HintRefusal> {
        let tapped_spb = self.hints.taps.push(now);
        // The tempo by hand outranks that of the taps, but not when they say that the beat is.
        if let Some(bpm) = self.hints.manual_bpm {
            self.set_manual(hints::tapped(60.0 / bpm, now));
        } else if let Some(spb) = tapped_spb {
            let pulse = hints::tapped(spb, now);
            let bpm = usable_tempo(pulse.bpm())?;
            self.change(|hints| hints.level_bpm = Some(bpm), Some(pulse));
        }
        Ok(())
    }

    /// The tempo is `pulse`'s from now on, and its beat is where to look for one.
    fn set_manual(&mut self, pulse: Pulse) {
        self.tracker.set_manual(Some(pulse.spb));
        self.change(|hints| hints.manual_bpm = Some(pulse.bpm()), Some(pulse));
    }

    fn set_meter(&mut self, meter: Meter) {
        self.tracker.set_meter(meter.beats_per_bar());
        self.change(|hints| hints.meter = meter, None);
    }

    /// Changes what the user fixed, and with it what the decoder may believe. From `pulse`, where the user names one: it is
    /// followed at once. Otherwise from what plays now, as far as that is still allowed, with an open mind.
    fn change(&mut self, change: impl FnOnce(&mut HintState), pulse: Option<Pulse>) {
        let before = (self.hints.decoder_range(), self.hints.meter);
        change(&mut self.hints);
        let after = (self.hints.decoder_range(), self.hints.meter);
        self.tracker.set_half_beat_by(self.hints.half_beat_by());
        if before != after {
            self.decoder = new_decoder(&self.config, after.0, after.1);
        }
        if let Some(pulse) = pulse {
            self.start_from(pulse);
            self.tracker.follow(pulse.spb, pulse.beat_sec);
        } else if before != after
            && self.said.0 == 1
            && let Some(pulse) = hints::present(&self.tracker, self.now(), after.0)
        {
            self.start_from(pulse);
            self.decoder.leave_open(OPEN_SHARE);
            let is_held = self.tracker.grid_hints().is_held;
            if pulse.spb != self.tracker.timeline().spb && !is_held {
                self.tracker.follow(pulse.spb, pulse.beat_sec);
            }
        }
    }

    /// The decoder starts from a pulse.
    fn start_from(&mut self, pulse: Pulse) {
        // The decoder does not know of nudges.
        let heard_sec = pulse.beat_sec - self.tracker.nudge_sec();
        let frames_to_beat = (heard_sec - self.last_frame_time.0 - LABEL_OFFSET_SEC) / FRAME_SEC;
        self.decoder.assume(pulse.spb / FRAME_SEC, frames_to_beat);
    }

    /// The user's settings: what is new in them is a word like any other, and what [`Hint::Clear`] goes back to.
    pub(super) fn set(&mut self, settings: &Settings) -> Result<(), ConfigError> {
        let tempo = TempoRange { min_bpm: settings.min_bpm, max_bpm: settings.max_bpm };
        let meter = Meter::of(Some(settings.beats_per_bar).filter(|&beats| beats > 0));
        let config = EngineConfig { tempo, meter, ..self.config };
        config.validate()?;
        if settings.model != self.model {
            self.set_model(settings.model);
        }
        let before = std::mem::replace(&mut self.config, config);
        if tempo != before.tempo {
            self.change(|hints| hints.set_range(tempo), None);
        }
        if meter != before.meter {
            self.set_meter(meter);
        }
        Ok(())
    }

    fn now(&self) -> StreamSec {
        self.samples_received().to_stream_sec(self.config.sample_rate_hz)
    }
}
