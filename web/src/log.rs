//! What was published so far, for those who ask now and then instead of listening. Any thread; nothing here waits for a client.
//!
//! The numbers are those of the WebSocket's messages, and so is the session: after another start of the server it begins anew.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use outputs::event::Event;
use outputs::view::View;

/// Events that are kept: at 120 BPM more than two hours of beats.
pub const MAX_EVENTS: usize = 16_384;

/// The newest view and the last events of one session.
#[derive(Debug, Default)]
pub struct Log {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    session: String,
    view: View,
    events: VecDeque<Event>,
    /// Number of the oldest event that is kept.
    first_seq: u64,
}

/// Some of the events.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Which start of the server numbered them.
    pub session: String,
    /// Whether older ones that were asked for are kept no more.
    pub truncated: bool,
    /// Each with its number, rising by 1.
    pub events: Vec<(u64, Event)>,
    /// What to ask for next.
    pub next: u64,
}

impl Log {
    /// Another start of the server: nothing was said yet.
    pub(crate) fn begin(&self, session: &str) {
        *self.inner() = Inner { session: session.to_owned(), ..Inner::default() };
    }

    /// Keeps an event; the oldest goes where there is no room.
    pub(crate) fn event(&self, event: &Event) {
        let mut inner = self.inner();
        if inner.events.len() == MAX_EVENTS {
            inner.events.pop_front();
            inner.first_seq += 1;
        }
        inner.events.push_back(event.clone());
    }

    /// Keeps the newest view.
    pub(crate) fn view(&self, view: &View) {
        self.inner().view.clone_from(view);
    }

    /// Which start of the server it is, and the newest view.
    pub fn now(&self) -> (String, View) {
        let inner = self.inner();
        (inner.session.clone(), inner.view.clone())
    }

    /// At most `limit` events from number `since` on.
    pub fn page(&self, since: u64, limit: usize) -> Page {
        let inner = self.inner();
        let end = inner.first_seq + inner.events.len() as u64;
        let from = since.clamp(inner.first_seq, end);
        // Within what is kept, so that it fits.
        let events = inner.events.iter().skip((from - inner.first_seq) as usize).take(limit);
        let events: Vec<(u64, Event)> = (from..).zip(events.cloned()).collect();
        let next = from + events.len() as u64;
        Page { session: inner.session.clone(), truncated: since < inner.first_seq, events, next }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use outputs::event::Beat;

    use super::*;

    fn log(n_beats: u64) -> Log {
        let log = Log::default();
        log.begin("a");
        (0..n_beats).for_each(|number| log.event(&Event::Beat(Beat { number, ..Beat::default() })));
        log
    }

    fn numbers(page: &Page) -> Vec<u64> {
        page.events.iter().map(|(seq, _)| *seq).collect()
    }

    #[test]
    fn pages_follow_each_other_and_end() {
        let log = log(5);
        let first = log.page(0, 3);
        assert_eq!((numbers(&first), first.next, first.truncated), (vec![0, 1, 2], 3, false));
        assert_eq!(numbers(&log.page(first.next, 3)), [3, 4]);
        let beyond = log.page(99, 3);
        assert_eq!((numbers(&beyond), beyond.next), (vec![], 5), "asked for what is yet to come");
        assert_eq!(log.page(2, 0).next, 2);
    }

    #[test]
    fn the_oldest_go_and_who_misses_them_is_told() {
        let log = log(MAX_EVENTS as u64 + 10);
        let page = log.page(3, 2);
        assert_eq!((numbers(&page), page.truncated), (vec![10, 11], true));
        assert_eq!(page.events[0].1, Event::Beat(Beat { number: 10, ..Beat::default() }));
        assert_eq!(log.page(u64::MAX, 1).next, MAX_EVENTS as u64 + 10);
    }

    #[test]
    fn another_start_begins_anew() {
        let log = log(5);
        log.view(&View { bpm: 120.0, ..View::default() });
        log.begin("b");
        assert_eq!((log.page(0, 9).events.len(), log.now()), (0, ("b".to_owned(), View::default())));
    }
}
