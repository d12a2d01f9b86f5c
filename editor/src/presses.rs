//! Momentary buttons: on while they are held, and long enough for the audio thread to see.
//!
//! The plugin reads buttons once a block and hears a change from off to on. A click shorter than a block would come and go between
//! two looks, so that a button stays on for [`LEAST_PRESS_SEC`] at least. Pure but for its own memory; time is passed in.

use crate::action::Action;
use crate::control::Control;

/// A press lasts this long at least, seconds: longer than a block of 4096 samples at 44.1 kHz.
pub const LEAST_PRESS_SEC: f64 = 0.12;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Press {
    control: Control,
    since_sec: f64,
    is_held: bool,
}

/// The buttons that are on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presses {
    list: Vec<Press>,
}

impl Presses {
    /// The user pressed a button. One that is still on from a click before is let go first, so that both are heard.
    pub(crate) fn press(&mut self, control: Control, now_sec: f64, actions: &mut Vec<Action>) {
        self.end(|press| press.control == control, actions);
        self.list.push(Press { control, since_sec: now_sec, is_held: true });
        actions.extend([Action::Begin(control), Action::Set(control, 1.0)]);
    }

    /// The user let go.
    pub(crate) fn release(&mut self, control: Control) {
        self.list.iter_mut().filter(|press| press.control == control).for_each(|press| press.is_held = false);
    }

    /// Ends presses that lasted long enough; true while some are left.
    pub(crate) fn tick(&mut self, now_sec: f64, actions: &mut Vec<Action>) -> bool {
        self.end(|press| !press.is_held && now_sec - press.since_sec >= LEAST_PRESS_SEC, actions);
        !self.list.is_empty()
    }

    /// Whether a button is on.
    pub(crate) fn is_on(&self, control: Control) -> bool {
        self.list.iter().any(|press| press.control == control)
    }

    /// Whether none is on.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn end(&mut self, is_over: impl Fn(&Press) -> bool, actions: &mut Vec<Action>) {
        self.list.retain(|press| {
            let ends = is_over(press);
            if ends {
                actions.extend([Action::Set(press.control, 0.0), Action::End(press.control)]);
            }
            !ends
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::{Begin, End, Set};
    use Control::{Half, Tap};

    #[test]
    fn a_click_is_on_long_enough_and_a_hold_until_it_ends() {
        let (mut presses, mut actions) = (Presses::default(), Vec::new());
        presses.press(Tap, 1.0, &mut actions);
        presses.release(Tap);
        assert!(presses.tick(1.05, &mut actions) && presses.is_on(Tap));
        assert_eq!(actions, [Begin(Tap), Set(Tap, 1.0)]);
        assert!(!presses.tick(1.0 + LEAST_PRESS_SEC, &mut actions));
        assert_eq!(actions[2..], [Set(Tap, 0.0), End(Tap)]);

        actions.clear();
        presses.press(Half, 2.0, &mut actions);
        assert!(presses.tick(9.0, &mut actions), "held");
        presses.release(Half);
        assert!(!presses.tick(9.01, &mut actions));
        assert_eq!(actions, [Begin(Half), Set(Half, 1.0), Set(Half, 0.0), End(Half)]);
    }

    #[test]
    fn two_fast_taps_are_two() {
        let (mut presses, mut actions) = (Presses::default(), Vec::new());
        presses.press(Tap, 0.0, &mut actions);
        presses.release(Tap);
        presses.press(Tap, 0.05, &mut actions);
        assert_eq!(actions, [Begin(Tap), Set(Tap, 1.0), Set(Tap, 0.0), End(Tap), Begin(Tap), Set(Tap, 1.0)]);
    }
}
