//! Which beat is playing at the moment of a step: the tracker's beats, or virtual ones while it has none. INFERENCE THREAD.
//!
//! A beat is announced before it falls; here it begins when it falls, at exactly the time that was announced, so that phase and
//! count agree with what everybody else was told. While nothing is locked, or the tracker says nothing for two beats, beats of
//! half a second take over: whoever remembers by beats then goes on remembering.

use model_contracts::v1::features::beat as contract;

use crate::state::BeatEvent;

/// Length of a virtual beat, seconds.
pub const VIRTUAL_SPB_SEC: f64 = contract::VIRTUAL_SPB_SEC;
/// Probability of a downbeat where nobody says anything: one beat of four.
const VIRTUAL_DOWNBEAT_PROB: f32 = contract::VIRTUAL_DOWNBEAT_PROB as f32;
/// Announced beats that can wait to fall: at the fastest tempo, one and a spare.
const MAX_ANNOUNCED: usize = 4;
/// Beats without a word after which a lock is not believed.
const OVERDUE_BEATS: f64 = 2.0;
/// A tracker's beat this near to the virtual one before it is the same beat, seconds: half of a virtual beat.
const SAME_BEAT_SEC: f64 = 0.5 * VIRTUAL_SPB_SEC;
/// The phase of a beat whose successor is late, just below 1.
const LATEST_PHASE: f64 = 0.999;
/// Virtual beats that begin at one moment, at most: after a longer gap they are not counted.
const MAX_CATCH_UP: u32 = 16;

/// What the tracker says at the moment of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerView {
    /// Beats are being announced.
    pub is_locked: bool,
    /// Seconds per beat.
    pub spb: f64,
    /// Confidence of the last announced beat, `[0, 1]`.
    pub conf: f32,
}

/// Where in the beat a moment is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeatPosition {
    /// Beats begun since the last moment.
    pub n_begun: u32,
    /// Beats begun that were the first of their bar.
    pub n_bars_begun: u32,
    /// Position within the beat, `[0, 1)`.
    pub phase: f64,
    /// Seconds per beat.
    pub spb: f64,
    /// Confidence, `[0, 1]`; 0 of virtual beats.
    pub conf: f32,
    /// Probability that the beat is the first of its bar, `[0, 1]`.
    pub downbeat_prob: f32,
    /// Position in the bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// The beat is not the tracker's.
    pub is_virtual: bool,
}

/// The beats that have begun and those that are announced.
#[derive(Debug, Clone, Default)]
pub struct BeatLine {
    /// When the beat that is playing began, seconds of stream; none before the first moment.
    began_sec: Option<f64>,
    /// What was announced of it; `None` for a virtual beat.
    event: Option<BeatEvent>,
    /// Beats that were announced and have not begun, in order of time.
    announced: [Option<BeatEvent>; MAX_ANNOUNCED],
}

impl BeatLine {
    /// Hears of a beat.
    pub fn announce(&mut self, event: BeatEvent) {
        if !event.t_sec.is_finite() {
            return;
        }
        match self.announced.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => *slot = Some(event),
            // Nobody has asked for a while: the newest beats count.
            None => {
                self.announced.rotate_left(1);
                self.announced[MAX_ANNOUNCED - 1] = Some(event);
            }
        }
    }

    /// Where the beat is at `t_sec`, which never falls.
    pub fn at(&mut self, t_sec: f64, view: &TrackerView) -> BeatPosition {
        self.began_sec.get_or_insert(t_sec);
        let (mut n_begun, mut n_bars_begun) = (0, 0);
        while let Some(event) = self.announced[0].filter(|event| event.t_sec <= t_sec) {
            self.announced[0] = None;
            self.announced.rotate_left(1);
            if self.event.is_none() || !view.is_locked {
                n_begun += self.begin_virtual(event.t_sec - SAME_BEAT_SEC);
            }
            let since_sec = event.t_sec - self.began_sec.unwrap_or(event.t_sec);
            let is_same = self.event.is_none() && since_sec.abs() < SAME_BEAT_SEC;
            if !is_same && since_sec < 0.0 {
                // Of a time that has been counted already.
                continue;
            }
            n_begun += u32::from(!is_same);
            n_bars_begun += u32::from(event.beat_in_bar == 1);
            (self.began_sec, self.event) = (Some(event.t_sec), Some(event));
        }
        if self.is_virtual(t_sec, view) {
            n_begun += self.begin_virtual(t_sec);
        }
        self.position(t_sec, view, n_begun, n_bars_begun)
    }

    /// Begins the virtual beats up to `t_sec`; returns how many.
    fn begin_virtual(&mut self, t_sec: f64) -> u32 {
        let mut n_begun = 0;
        while let Some(next_sec) = self.began_sec.map(|began_sec| began_sec + VIRTUAL_SPB_SEC).filter(|&next_sec| next_sec <= t_sec) {
            if n_begun == MAX_CATCH_UP {
                self.began_sec = Some(t_sec);
                break;
            }
            (self.began_sec, self.event) = (Some(next_sec), None);
            n_begun += 1;
        }
        n_begun
    }

    fn is_virtual(&self, t_sec: f64, view: &TrackerView) -> bool {
        let since_sec = t_sec - self.began_sec.unwrap_or(t_sec);
        let is_overdue = match self.event {
            Some(_) => since_sec > OVERDUE_BEATS * view.spb,
            None => true,
        };
        !view.is_locked || is_overdue
    }

    fn position(&self, t_sec: f64, view: &TrackerView, n_begun: u32, n_bars_begun: u32) -> BeatPosition {
        let since_sec = t_sec - self.began_sec.unwrap_or(t_sec);
        let Some(event) = self.event.filter(|_| view.is_locked) else {
            return BeatPosition {
                n_begun,
                n_bars_begun,
                phase: (since_sec / VIRTUAL_SPB_SEC).clamp(0.0, LATEST_PHASE),
                spb: VIRTUAL_SPB_SEC,
                conf: 0.0,
                downbeat_prob: VIRTUAL_DOWNBEAT_PROB,
                beat_in_bar: 0,
                beats_per_bar: 0,
                is_virtual: true,
            };
        };
        let length_sec = self.announced[0].map_or(view.spb, |next| next.t_sec - event.t_sec).max(f64::MIN_POSITIVE);
        BeatPosition {
            n_begun,
            n_bars_begun,
            phase: (since_sec / length_sec).clamp(0.0, LATEST_PHASE),
            spb: view.spb,
            conf: view.conf,
            downbeat_prob: event.downbeat_prob,
            beat_in_bar: event.beat_in_bar,
            beats_per_bar: event.beats_per_bar,
            is_virtual: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKED: TrackerView = TrackerView { is_locked: true, spb: 0.4, conf: 0.8 };
    const UNLOCKED: TrackerView = TrackerView { is_locked: false, ..LOCKED };

    fn beat(t_sec: f64, beat_in_bar: u8) -> BeatEvent {
        BeatEvent { t_sec, beat_in_bar, beats_per_bar: 4, downbeat_prob: 0.7, ..BeatEvent::default() }
    }

    #[test]
    fn virtual_beats_of_half_a_second_run_while_nothing_is_locked() {
        let mut line = BeatLine::default();
        let said: Vec<(u32, f64)> = [0.1, 0.35, 0.6, 1.7].map(|t| line.at(t, &UNLOCKED)).map(|p| (p.n_begun, p.phase)).to_vec();
        for ((n_begun, phase), (expected, expected_phase)) in said.into_iter().zip([(0, 0.0), (0, 0.5), (1, 0.0), (2, 0.2)]) {
            assert_eq!(n_begun, expected);
            assert!((phase - expected_phase).abs() < 1e-9, "{phase}");
        }
        let position = line.at(1.8, &UNLOCKED);
        assert_eq!((position.conf, position.downbeat_prob, position.beat_in_bar, position.is_virtual), (0.0, 0.25, 0, true));
    }

    #[test]
    fn a_beat_begins_when_it_falls_and_the_next_one_sets_its_length() {
        let mut line = BeatLine::default();
        line.at(0.0, &LOCKED);
        line.announce(beat(0.3, 1));
        assert_eq!(line.at(0.28, &LOCKED).n_begun, 0);
        let position = line.at(0.36, &LOCKED);
        assert_eq!((position.n_begun, position.n_bars_begun, position.beat_in_bar, position.is_virtual), (1, 1, 1, false));
        assert!((position.phase - 0.15).abs() < 1e-9, "60 ms of 0.4 s: {}", position.phase);
        line.announce(beat(0.8, 2));
        assert!((line.at(0.7, &LOCKED).phase - 0.8).abs() < 1e-9, "0.4 s of 0.5 s");
        let position = line.at(0.8, &LOCKED);
        assert_eq!((position.n_begun, position.n_bars_begun, position.phase, position.beat_in_bar), (1, 0, 0.0, 2));
    }

    #[test]
    fn the_first_beat_of_the_tracker_may_be_the_virtual_one_that_is_playing() {
        for (t_sec, n_begun) in [(0.98, 0), (1.1, 0), (1.3, 1)] {
            let mut line = BeatLine::default();
            line.at(0.0, &UNLOCKED);
            assert_eq!(line.at(1.04, &UNLOCKED).n_begun, 2);
            line.announce(beat(t_sec, 1));
            let position = line.at(1.32, &LOCKED);
            assert_eq!((position.n_begun, position.is_virtual), (n_begun, false), "{t_sec}");
            assert!((position.phase - (1.32 - t_sec) / 0.4).abs() < 1e-9);
        }
    }

    #[test]
    fn when_the_lock_is_lost_virtual_beats_go_on_from_the_last_one() {
        let mut line = BeatLine::default();
        line.at(0.0, &LOCKED);
        line.announce(beat(0.1, 1));
        line.at(0.2, &LOCKED);
        let position = line.at(0.65, &UNLOCKED);
        assert_eq!((position.n_begun, position.is_virtual), (1, true));
        assert!((position.phase - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_locked_tracker_that_says_nothing_is_not_waited_for() {
        let mut line = BeatLine::default();
        line.at(0.0, &LOCKED);
        line.announce(beat(0.0, 1));
        assert_eq!(line.at(0.7, &LOCKED).phase, LATEST_PHASE);
        let position = line.at(0.9, &LOCKED);
        assert_eq!((position.n_begun, position.is_virtual), (1, true), "a virtual beat at 0.5 s");
    }

    #[test]
    fn gaps_bad_times_and_a_flood_of_beats_do_no_harm() {
        let mut line = BeatLine::default();
        line.at(0.0, &UNLOCKED);
        let position = line.at(1e9, &UNLOCKED);
        assert!(position.n_begun <= MAX_CATCH_UP && (0.0..1.0).contains(&position.phase), "{position:?}");
        line.announce(beat(f64::NAN, 1));
        (0..20).for_each(|k| line.announce(beat(1e9 + f64::from(k), 1)));
        assert_eq!(line.at(1e9 + 100.0, &LOCKED).n_bars_begun, 4);
        line.announce(beat(5.0, 1));
        assert_eq!(line.at(1e9 + 100.1, &LOCKED).n_bars_begun, 0, "of a time that is over");
    }

    proptest::proptest! {
        #[test]
        fn the_count_does_not_depend_on_how_often_it_is_asked(
            gaps in proptest::collection::vec(0.3f64..0.6, 1..30),
            every in 1usize..4,
        ) {
            let mut t = 0.1;
            let beats: Vec<BeatEvent> = gaps.iter().map(|gap| { t += gap; beat(t, 1) }).collect();
            let count = |every: usize| {
                let (mut line, mut due, mut n) = (BeatLine::default(), beats.iter().peekable(), 0);
                for step in (0..300).filter(|step| step % every == 0 || *step == 299) {
                    let now = 0.08 * f64::from(step as u32);
                    while let Some(event) = due.next_if(|event| event.t_sec <= now + 0.08) {
                        line.announce(*event);
                    }
                    n += line.at(now, &TrackerView { is_locked: now < t, ..LOCKED }).n_begun;
                }
                n
            };
            proptest::prop_assert_eq!(count(1), count(every));
        }
    }
}
