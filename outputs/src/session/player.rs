//! A session as a source: each look when it was said, counted from the start. Source thread.

use super::Session;
use crate::clock::Clock;
use crate::event::Moment;
use crate::look::{GONE_NS, Look};
use crate::runner::Source;

/// Plays a session once.
pub struct Player {
    looks: Vec<Look>,
    /// The look that was said last.
    at: usize,
    /// When playing began, monotonic nanoseconds.
    began_ns: Option<u64>,
}

impl Player {
    /// Plays from the first look on.
    pub fn new(session: Session) -> Self {
        Self { looks: session.looks, at: 0, began_ns: None }
    }

    /// The newest look of a moment, with all its times on this run's clock.
    pub fn look_at(&mut self, now: Moment) -> Look {
        let Some(first) = self.looks.first() else { return Look { taken: now, ..Look::default() } };
        let began_ns = *self.began_ns.get_or_insert(now.mono_ns);
        let by_ns = began_ns as i64 - first.taken.mono_ns as i64;
        let recorded_ns = now.mono_ns.saturating_add_signed(by_ns.saturating_neg());
        while self.looks.get(self.at + 1).is_some_and(|next| next.taken.mono_ns <= recorded_ns) {
            self.at += 1;
        }
        let mut look = self.looks[self.at];
        look.taken = now;
        for time_ns in
            [&mut look.said_mono_ns, &mut look.line.origin_mono_ns, &mut look.section.since_mono_ns, &mut look.approach.since_mono_ns]
        {
            *time_ns = time_ns.saturating_add_signed(by_ns);
        }
        look
    }

    /// Whether the last look is so old that outputs know that nobody plays any more.
    pub fn is_over(&self, now: Moment) -> bool {
        let (Some(first), Some(last), Some(began_ns)) = (self.looks.first(), self.looks.last(), self.began_ns) else {
            return self.looks.is_empty();
        };
        now.mono_ns > began_ns + (last.taken.mono_ns - first.taken.mono_ns) + GONE_NS
    }
}

impl Source for Player {
    fn look(&mut self, clock: &dyn Clock) -> Look {
        self.look_at(clock.now())
    }
}
