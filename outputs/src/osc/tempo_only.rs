//! OSC for programs that take a tempo and little else: Resolume, REAPER, AbletonOSC. Pure.
//!
//! Sources: Resolume's tempo is a parameter, so normalised to `[0, 1]` over 20 to 500 BPM, and its buttons take 1 and 0;
//! `TEMPO f/tempo/raw` of REAPER's `Default.ReaperOSC`; `/live/song/set/tempo` of AbletonOSC's read-me.

use super::dialect::Dialect;
use super::packet::{Arg, Message, message};
use super::tempo::TempoGate;
use crate::event::{Event, Moment};

/// Tempos that Resolume has, BPM.
const RESOLUME_BPM: (f64, f64) = (20.0, 500.0);
const RESOLUME_TEMPO: &str = "/composition/tempocontroller/tempo";
const RESOLUME_RESYNC: &str = "/composition/tempocontroller/resync";
const REAPER_TEMPO: &str = "/tempo/raw";
const ABLETON_TEMPO: &str = "/live/song/set/tempo";
/// Tempos that Live has, BPM.
const ABLETON_BPM: (f64, f64) = (20.0, 999.0);
/// Tempos that REAPER has, BPM.
const REAPER_BPM: (f64, f64) = (1.0, 960.0);

/// A tempo to one address.
#[derive(Debug)]
pub struct TempoOnlyDialect {
    address: &'static str,
    /// Lowest and highest tempo that the receiver has, BPM. Others are not said.
    range_bpm: (f64, f64),
    is_normalised: bool,
    resync: Option<&'static str>,
    gate: TempoGate,
}

impl TempoOnlyDialect {
    /// For Resolume; `resync`: begin its bar anew on the first beat of each phrase.
    pub fn resolume(resync: bool) -> Self {
        let resync = resync.then_some(RESOLUME_RESYNC);
        Self { address: RESOLUME_TEMPO, range_bpm: RESOLUME_BPM, is_normalised: true, resync, gate: TempoGate::default() }
    }

    /// For REAPER.
    pub fn reaper() -> Self {
        Self { address: REAPER_TEMPO, range_bpm: REAPER_BPM, is_normalised: false, resync: None, gate: TempoGate::default() }
    }

    /// For AbletonOSC.
    pub fn ableton_osc() -> Self {
        Self { address: ABLETON_TEMPO, range_bpm: ABLETON_BPM, is_normalised: false, resync: None, gate: TempoGate::default() }
    }
}

impl Dialect for TempoOnlyDialect {
    fn event(&mut self, event: &Event, _now: Moment, out: &mut Vec<Message>) {
        match event {
            // Beats are announced only while locked, so what they carry is a locked tempo.
            Event::Beat(beat) => {
                let (low_bpm, high_bpm) = self.range_bpm;
                if (low_bpm..=high_bpm).contains(&beat.bpm)
                    && let Some(bpm) = self.gate.step(beat.bpm)
                {
                    let value = if self.is_normalised { (bpm - low_bpm) / (high_bpm - low_bpm) } else { bpm };
                    out.push(message(self.address, &[Arg::Float(value)]));
                }
                if let Some(resync) = self.resync
                    && beat.is_phrase_start()
                {
                    out.extend([1, 0].map(|pressed| message(resync, &[Arg::Int(pressed)])));
                }
            }
            Event::Lock(lock) if lock.locked => self.gate.reset(),
            Event::Lock(_) | Event::Section(_) | Event::Approach(_) => {}
        }
    }

    fn forget(&mut self) {
        self.gate.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Beat, Lock};
    use crate::osc::packet::encode;

    fn said(dialect: &mut TempoOnlyDialect, beat: Beat) -> Vec<Message> {
        let mut out = Vec::new();
        dialect.event(&Event::Beat(beat), Moment::default(), &mut out);
        out
    }

    #[test]
    fn resolume_gets_a_share_of_20_to_500() {
        let mut dialect = TempoOnlyDialect::resolume(false);
        let out = said(&mut dialect, Beat { bpm: 140.0, ..Beat::default() });
        // (140 - 20) / 480 = 0.25 = 0x3E800000.
        let bytes = encode(out[0].clone()).unwrap();
        assert_eq!(bytes, b"/composition/tempocontroller/tempo\0\0,f\0\0\x3e\x80\0\0");
        assert!(said(&mut dialect, Beat { bpm: 140.05, ..Beat::default() }).is_empty());
        assert!(said(&mut dialect, Beat { bpm: 19.0, ..Beat::default() }).is_empty());
    }

    #[test]
    fn resolume_is_resynced_only_when_armed_and_only_on_a_phrase() {
        let start = Beat { beat_in_bar: 1, bar_in_phrase: 1, ..Beat::default() };
        let later = Beat { beat_in_bar: 1, bar_in_phrase: 2, ..Beat::default() };
        assert!(said(&mut TempoOnlyDialect::resolume(false), start.clone()).is_empty());
        let mut armed = TempoOnlyDialect::resolume(true);
        assert_eq!(said(&mut armed, start), [1, 0].map(|value| message(RESOLUME_RESYNC, &[Arg::Int(value)])));
        assert!(said(&mut armed, later).is_empty());
    }

    #[test]
    fn the_others_get_beats_per_minute_and_again_after_a_new_lock() {
        let mut reaper = TempoOnlyDialect::reaper();
        let beat = Beat { bpm: 127.96, ..Beat::default() };
        assert_eq!(said(&mut reaper, beat.clone()), [message("/tempo/raw", &[Arg::Float(127.96)])]);
        assert!(said(&mut reaper, beat.clone()).is_empty());
        reaper.event(&Event::Lock(Lock { locked: true, ..Lock::default() }), Moment::default(), &mut Vec::new());
        assert_eq!(said(&mut reaper, beat.clone()).len(), 1);
        let mut ableton = TempoOnlyDialect::ableton_osc();
        assert_eq!(said(&mut ableton, beat), [message("/live/song/set/tempo", &[Arg::Float(127.96)])]);
    }
}
