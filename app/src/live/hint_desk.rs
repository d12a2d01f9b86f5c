//! What the user says while it listens, on its way to the analysis. Any thread says it; INPUT THREAD opens the queue of each
//! analysis; the other end, [`HintedTap`], is on the AUDIO THREAD, which only looks whether something waits.
//!
//! Each time the input is opened again there is another analysis. What the user fixed - range, meter, tempo, hold - is said to it
//! again; what was about a moment - taps, half, double, nudges, "this is 1" - is gone with the music that it was about.

use std::sync::{Arc, Mutex, PoisonError};

use rtrb::{Consumer, Producer, RingBuffer};
use runtime_core::analysis::config::{Meter, TempoRange};
use runtime_core::analysis::hints::usable_tempo;
use runtime_core::bus::hint::Hint;
use runtime_core::bus::marks::MarkKind;
use runtime_core::rt::tap::Tap;

/// Hints that wait for the next block; a user gives a few a second.
const CAPACITY: usize = 64;

/// Why a hint is not passed on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeskError {
    /// Where the music comes from, nobody can be told anything.
    #[error("{0}")]
    Closed(&'static str),
    /// It says something that cannot be.
    #[error("hint `{hint}`: expected {expected}")]
    Unusable {
        /// The hint.
        hint: Hint,
        /// What can be.
        expected: &'static str,
    },
    /// No input is open, and the hint is about this moment.
    #[error("hint `{0}` is about this moment, and no input is open")]
    NotOpen(Hint),
    /// The input takes no blocks, or somebody says too much.
    #[error("{CAPACITY} hints wait already; try again")]
    Full,
}

/// Where hints are given in.
#[derive(Debug, Clone)]
pub struct HintDesk {
    state: Arc<Mutex<State>>,
    closed: Option<&'static str>,
}

#[derive(Debug, Default)]
struct State {
    standing: Standing,
    queue: Option<Producer<Hint>>,
}

/// What is to be said to each analysis anew.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Standing {
    range: Option<Hint>,
    meter: Option<Hint>,
    tempo: Option<Hint>,
    hold: Option<Hint>,
}

impl Standing {
    /// Takes a word into account; true where it is such a one.
    fn note(&mut self, hint: Hint) -> bool {
        match hint {
            Hint::TempoRange(_) => self.range = Some(hint),
            Hint::Meter(_) => self.meter = Some(hint),
            Hint::ManualTempo(_) => self.tempo = Some(hint),
            Hint::Hold(is_on) => self.hold = is_on.then_some(hint),
            Hint::Clear => *self = Self::default(),
            Hint::Half => return self.scale_tempo(0.5),
            Hint::Double => return self.scale_tempo(2.0),
            Hint::Tap | Hint::Nudge { .. } | Hint::ThisIsOne => return false,
        }
        true
    }

    /// Half and double change a tempo by hand.
    fn scale_tempo(&mut self, by: f64) -> bool {
        if let Some(Hint::ManualTempo(Some(bpm))) = self.tempo
            && let Ok(bpm) = usable_tempo(bpm * by)
        {
            self.tempo = Some(Hint::ManualTempo(Some(bpm)));
        }
        false
    }

    /// Hold last: it starts from the tempo where there is one.
    fn hints(self) -> impl Iterator<Item = Hint> {
        [self.range, self.meter, self.tempo, self.hold].into_iter().flatten()
    }
}

impl Default for HintDesk {
    fn default() -> Self {
        Self { state: Arc::default(), closed: None }
    }
}

impl HintDesk {
    /// A desk that passes nothing on, and says why.
    pub fn closed(reason: &'static str) -> Self {
        Self { state: Arc::default(), closed: Some(reason) }
    }

    /// Whether hints are taken at all.
    pub fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Says something to the analysis: before the next block.
    ///
    /// # Errors
    /// [`DeskError`]; nothing was said then.
    pub fn say(&self, hint: Hint) -> Result<(), DeskError> {
        if let Some(reason) = self.closed {
            return Err(DeskError::Closed(reason));
        }
        check(hint)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut standing = state.standing;
        let stands = standing.note(hint);
        let queue = state.queue.as_mut().filter(|queue| !queue.is_abandoned());
        match queue {
            // It is said when the input is open.
            None if stands => {}
            None => return Err(DeskError::NotOpen(hint)),
            Some(queue) => queue.push(hint).map_err(|_| DeskError::Full)?,
        }
        state.standing = standing;
        Ok(())
    }

    /// The queue of a new analysis, with what stands in it already; the one before is nobody's any more.
    pub fn open(&self, tap: Tap) -> HintedTap {
        let (mut queue, hints) = RingBuffer::new(CAPACITY);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for hint in state.standing.hints() {
            // Four fit.
            let _ = queue.push(hint);
        }
        state.queue = Some(queue);
        HintedTap { tap, hints, waiting: None }
    }
}

/// What no analysis would take is refused where it is said.
fn check(hint: Hint) -> Result<(), DeskError> {
    let refused = |expected| Err(DeskError::Unusable { hint, expected });
    match hint {
        Hint::Meter(beats) if !Meter::of(beats).is_usable() => refused("2 to 7 beats, or auto"),
        Hint::TempoRange(Some((min_bpm, max_bpm))) if !(TempoRange { min_bpm, max_bpm }).is_usable() => {
            refused("MIN:MAX within 40:240 BPM, the one well below the other")
        }
        Hint::ManualTempo(Some(bpm)) if usable_tempo(bpm).is_err() => refused("40 to 240 BPM, or auto"),
        _ => Ok(()),
    }
}

/// A tap that marks what was said before each block. Audio thread.
pub struct HintedTap {
    tap: Tap,
    hints: Consumer<Hint>,
    /// One that found no room among the marks.
    waiting: Option<Hint>,
}

impl HintedTap {
    /// Marks what was said since the last block. Real-time safe: yes.
    pub fn say_hints(&mut self) {
        while let Some(hint) = self.waiting.take().or_else(|| self.hints.pop().ok()) {
            if !self.tap.mark(MarkKind::Hint(hint)) {
                self.waiting = Some(hint);
                return;
            }
        }
    }

    /// [`Tap::push`], after what was said. Real-time safe: yes.
    pub fn push<C: AsRef<[f32]>>(&mut self, channels: &[C], n_samples: usize) {
        self.say_hints();
        self.tap.push(channels, n_samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::bus::audio_ring::{AudioReceiver, audio_ring};
    use runtime_core::bus::counters::Counters;
    use runtime_core::units::SamplePos;

    fn tap() -> (Tap, AudioReceiver) {
        let (sender, receiver) = audio_ring(8_000.0);
        (Tap::new(sender, Counters::default()), receiver)
    }

    /// All marks up to a sample: where, and what.
    fn marks(receiver: &mut AudioReceiver) -> Vec<(u64, String)> {
        let next = || receiver.next_mark(SamplePos(u64::MAX));
        std::iter::from_fn(next)
            .map(|mark| match mark.kind {
                MarkKind::Hint(hint) => (mark.at.0, hint.to_string()),
                other => (mark.at.0, format!("{other:?}")),
            })
            .collect()
    }

    fn said(desk: &HintDesk, hints: &[&str]) {
        hints.iter().for_each(|hint| desk.say(hint.parse().unwrap()).unwrap());
    }

    #[test]
    fn a_hint_stands_before_the_block_that_follows_it() {
        let desk = HintDesk::default();
        let (tap, mut receiver) = tap();
        let mut tap = desk.open(tap);
        tap.push(&[[0.0; 100]], 100);
        said(&desk, &["double", "nudge 20"]);
        tap.push(&[[0.0; 50]], 50);
        said(&desk, &["tap"]);
        tap.push(&[[0.0; 50]], 50);
        let expected = [(100, "double"), (100, "nudge 20"), (150, "tap")].map(|(at, hint)| (at, hint.to_owned()));
        assert_eq!(marks(&mut receiver), expected);
    }

    #[test]
    fn what_was_fixed_is_said_again_and_moments_are_not() {
        let desk = HintDesk::default();
        let mut first = desk.open(tap().0);
        said(&desk, &["meter 3", "tap", "range 70:140", "half", "hold on", "tempo 100", "this-is-1", "hold off", "nudge 5"]);
        first.push(&[[0.0; 10]], 10);
        drop(first);
        said(&desk, &["meter 5"]);
        let (tap, mut receiver) = tap();
        desk.open(tap).say_hints();
        let expected = [(0, "range 70:140"), (0, "meter 5"), (0, "tempo 100")].map(|(at, hint)| (at, hint.to_owned()));
        assert_eq!(marks(&mut receiver), expected);
    }

    #[test]
    fn a_tempo_by_hand_is_said_again_as_half_and_double_left_it() {
        let mut standing = Standing::default();
        for hint in [Hint::Half, Hint::ManualTempo(Some(100.0)), Hint::Double, Hint::Double, Hint::Half, Hint::Half] {
            standing.note(hint);
        }
        assert_eq!(standing.tempo, Some(Hint::ManualTempo(Some(50.0))), "400 BPM is refused");
    }

    #[test]
    fn clear_forgets_what_would_be_said_again() {
        let desk = HintDesk::default();
        said(&desk, &["meter 3", "tempo 100", "clear"]);
        let (tap, mut receiver) = tap();
        desk.open(tap).say_hints();
        assert_eq!(marks(&mut receiver), []);
    }

    #[test]
    fn marks_that_find_no_room_wait_in_order() {
        let desk = HintDesk::default();
        let (mut tap, mut receiver) = tap();
        while tap.mark(MarkKind::Hint(Hint::Tap)) {}
        let mut tap = desk.open(tap);
        said(&desk, &["half", "double"]);
        tap.push(&[[0.0; 10]], 10);
        let n_before = marks(&mut receiver).len();
        tap.push(&[[0.0; 10]], 10);
        assert_eq!(n_before, 256);
        assert_eq!(marks(&mut receiver), [(10, "half".to_owned()), (10, "double".to_owned())]);
    }

    #[test]
    fn what_cannot_be_said_is_refused_with_its_reason() {
        let desk = HintDesk::default();
        let error = |hint: &str| desk.say(hint.parse().unwrap()).unwrap_err().to_string();
        assert_eq!(error("meter 9"), "hint `meter 9`: expected 2 to 7 beats, or auto");
        assert_eq!(error("tempo 500"), "hint `tempo 500`: expected 40 to 240 BPM, or auto");
        assert!(error("range 180:70").contains("MIN:MAX within 40:240 BPM"), "{}", error("range 180:70"));
        assert_eq!(error("tap"), "hint `tap` is about this moment, and no input is open");
        assert_eq!(HintDesk::closed("a recording").say(Hint::Tap), Err(DeskError::Closed("a recording")));
        let _tap = desk.open(tap().0);
        (0..CAPACITY).for_each(|_| desk.say(Hint::Tap).unwrap());
        assert_eq!((desk.say(Hint::Tap), desk.say(Hint::Meter(Some(3)))), (Err(DeskError::Full), Err(DeskError::Full)));
        assert_eq!(desk.state.lock().unwrap().standing, Standing::default(), "what was refused does not stand");
    }
}
