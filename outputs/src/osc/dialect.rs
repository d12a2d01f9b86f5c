//! What an OSC dialect is: events and pictures in, messages out. Pure but for what it remembers of what it said.

use super::packet::Message;
use crate::event::{Event, Moment};
use crate::view::View;

/// Words of one kind of receiver.
pub trait Dialect: Send {
    /// Says an event.
    fn event(&mut self, event: &Event, now: Moment, out: &mut Vec<Message>);

    /// Draws ramps and whatever else comes at a steady rate.
    fn frame(&mut self, view: &View, out: &mut Vec<Message>) {
        let _ = (view, out);
    }

    /// Says what falls due between events.
    fn poll(&mut self, now: Moment, out: &mut Vec<Message>) {
        let _ = (now, out);
    }

    /// The receiver is a new one, or heard nothing: what is said only on change must be said again.
    fn forget(&mut self);

    /// The last words.
    fn goodbye(&mut self, out: &mut Vec<Message>) {
        let _ = out;
    }
}
