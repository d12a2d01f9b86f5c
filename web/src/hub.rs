//! Where what is published meets the clients: one text a message, shared by all of them. Any thread; nothing here waits.
//!
//! Events go through a ring of fixed length, in order; a client that falls behind its far end joins anew. Of states only the
//! newest is there. So what the server holds does not depend on how fast anybody reads.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use outputs::event::{Event, EventKind, Moment};
use outputs::view::View;
use tokio::sync::{broadcast, watch};

use crate::clock::Clock;
use crate::config::WebConfig;
use crate::log::Log;
use crate::message::{Announced, Hello, Message, State, to_text};

/// Events that have yet to happen are kept for those who come in between, up to this many.
const MAX_AHEAD: usize = 64;

/// What one server publishes.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) config: WebConfig,
    pub(crate) clock: Clock,
    log: Option<Arc<Log>>,
    /// 32 hexadecimal digits, another after each start.
    pub(crate) session: String,
    pub(crate) started: Instant,
    events: broadcast::Sender<Arc<Announcement>>,
    states: watch::Sender<Option<Arc<StateTexts>>>,
    past: Mutex<Past>,
    n_clients: AtomicUsize,
    n_want_bands: AtomicUsize,
    n_states: AtomicU64,
    held_bytes: Arc<AtomicUsize>,
}

/// An event as it is sent.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) seq: u64,
    pub(crate) kind: EventKind,
    pub(crate) text: Utf8Bytes,
    at: Moment,
    _held: Held,
}

/// A state as it is sent.
#[derive(Debug)]
pub(crate) struct StateTexts {
    pub(crate) plain: Utf8Bytes,
    /// `None` if nobody had asked.
    pub(crate) with_bands: Option<Utf8Bytes>,
    locked: bool,
    _held: Held,
}

/// What a client starts from: everything published before is in `now`, everything after comes through `events`.
pub(crate) struct Joined {
    /// The present lock and section, and what is yet to happen, in order.
    pub(crate) now: Vec<Arc<Announcement>>,
    pub(crate) events: broadcast::Receiver<Arc<Announcement>>,
    /// Number of the first event that comes through `events`.
    pub(crate) next_seq: u64,
}

/// What those who come later need to know.
#[derive(Debug, Default)]
struct Past {
    next_seq: u64,
    lock: Option<Arc<Announcement>>,
    section: Option<Arc<Announcement>>,
    ahead: VecDeque<Arc<Announcement>>,
}

impl Hub {
    /// `event_queue`: events that a client may be behind.
    pub(crate) fn new(config: WebConfig, clock: Clock, log: Option<Arc<Log>>, event_queue: usize) -> Self {
        let secret = RandomState::new();
        let session = format!("{:016x}{:016x}", secret.hash_one("session"), secret.hash_one(std::process::id()));
        if let Some(log) = &log {
            log.begin(&session);
        }
        Self {
            config,
            clock,
            log,
            session,
            started: Instant::now(),
            events: broadcast::channel(event_queue).0,
            states: watch::channel(None).0,
            past: Mutex::default(),
            n_clients: AtomicUsize::new(0),
            n_want_bands: AtomicUsize::new(0),
            n_states: AtomicU64::new(0),
            held_bytes: Arc::default(),
        }
    }

    /// Says an event to everyone.
    pub(crate) fn publish_event(&self, event: &Event) {
        let now_ns = self.clock.now().mono_ns;
        let mut past = self.past();
        let seq = past.next_seq;
        past.next_seq += 1;
        if let Some(log) = &self.log {
            log.event(event);
        }
        let text = to_text(Announced { seq, event });
        let announcement =
            Arc::new(Announcement { seq, kind: event.kind(), at: event.at(), _held: self.hold(text.len()), text: text.into() });
        past.remember(&announcement, now_ns);
        // Under the lock, so that order and number agree and a joining client misses and doubles nothing. Fails without clients.
        let _ = self.events.send(announcement);
    }

    /// Replaces the state.
    pub(crate) fn publish_state(&self, view: &View) {
        let text = |with_bands| Utf8Bytes::from(to_text(Message::State(Box::new(State::new(view, with_bands)))));
        let plain = text(false);
        let with_bands = (self.n_want_bands.load(Ordering::Relaxed) > 0).then(|| text(true));
        let n_bytes = plain.len() + with_bands.as_ref().map_or(0, |text| text.len());
        let texts = StateTexts { plain, with_bands, locked: view.locked, _held: self.hold(n_bytes) };
        self.n_states.fetch_add(1, Ordering::Relaxed);
        if let Some(log) = &self.log {
            log.view(view);
        }
        self.states.send_replace(Some(Arc::new(texts)));
    }

    /// A client begins to listen, or begins again.
    pub(crate) fn join(&self) -> Joined {
        let now_ns = self.clock.now().mono_ns;
        let past = self.past();
        Joined { now: past.now(now_ns), events: self.events.subscribe(), next_seq: past.next_seq }
    }

    /// The states from now on; the present one counts as new.
    pub(crate) fn states(&self) -> watch::Receiver<Option<Arc<StateTexts>>> {
        let mut states = self.states.subscribe();
        states.mark_changed();
        states
    }

    /// The greeting.
    pub(crate) fn hello(&self) -> String {
        let hello = Hello::new(&self.session, self.clock.now(), self.config.lead_ms, self.config.state_hz);
        to_text(Message::Hello(Box::new(hello)))
    }

    /// A place for a client; `None` if all are taken.
    pub(crate) fn take_place(self: &Arc<Self>) -> Option<Counted> {
        let limit = self.config.max_clients;
        let taken = self.n_clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < limit).then_some(n + 1));
        taken.ok().map(|_| Counted { hub: Arc::clone(self), counter: |hub| &hub.n_clients })
    }

    /// Bands are wanted as long as the result lives.
    pub(crate) fn want_bands(self: &Arc<Self>) -> Counted {
        self.n_want_bands.fetch_add(1, Ordering::Relaxed);
        Counted { hub: Arc::clone(self), counter: |hub| &hub.n_want_bands }
    }

    /// Clients now.
    pub(crate) fn clients(&self) -> usize {
        self.n_clients.load(Ordering::Relaxed)
    }

    /// Events published so far.
    pub(crate) fn n_events(&self) -> u64 {
        self.past().next_seq
    }

    /// States published so far.
    pub(crate) fn n_states(&self) -> u64 {
        self.n_states.load(Ordering::Relaxed)
    }

    /// Whether beats are announced, as of the last state; `None` without one.
    pub(crate) fn is_locked(&self) -> Option<bool> {
        self.states.borrow().as_ref().map(|state| state.locked)
    }

    /// Bytes of message texts that are held for anyone.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }

    fn hold(&self, n_bytes: usize) -> Held {
        self.held_bytes.fetch_add(n_bytes, Ordering::Relaxed);
        Held { n_bytes, counter: Arc::clone(&self.held_bytes) }
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Past {
    fn remember(&mut self, announcement: &Arc<Announcement>, now_ns: u64) {
        match announcement.kind {
            EventKind::Lock => self.lock = Some(Arc::clone(announcement)),
            EventKind::Section => self.section = Some(Arc::clone(announcement)),
            EventKind::Beat | EventKind::Approach => {}
        }
        self.ahead.retain(|kept| kept.at.mono_ns > now_ns);
        if self.ahead.len() == MAX_AHEAD {
            self.ahead.pop_front();
        }
        self.ahead.push_back(Arc::clone(announcement));
    }

    fn now(&self, now_ns: u64) -> Vec<Arc<Announcement>> {
        let ahead = self.ahead.iter().filter(|kept| kept.at.mono_ns > now_ns);
        let mut now: Vec<_> = self.lock.iter().chain(&self.section).chain(ahead).cloned().collect();
        now.sort_by_key(|announcement| announcement.seq);
        now.dedup_by_key(|announcement| announcement.seq);
        now
    }
}

/// Counts in one of the hub's counters while it lives.
pub(crate) struct Counted {
    hub: Arc<Hub>,
    counter: fn(&Hub) -> &AtomicUsize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.counter)(&self.hub).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the bytes of a text while it lives.
#[derive(Debug)]
struct Held {
    n_bytes: usize,
    counter: Arc<AtomicUsize>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.counter.fetch_sub(self.n_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use outputs::event::{Beat, Lock, Section};

    use super::*;

    fn hub() -> Arc<Hub> {
        let clock = Clock::new();
        clock.observe(Moment { mono_ns: 1_000_000_000_000, unix_ns: 2_000_000_000_000 });
        Arc::new(Hub::new(WebConfig { max_clients: 2, ..WebConfig::default() }, clock, None, 8))
    }

    fn at(sec: u64) -> Moment {
        Moment { mono_ns: sec * 1_000_000_000, unix_ns: sec * 2_000_000_000 }
    }

    fn beat(number: u64, sec: u64) -> Event {
        Event::Beat(Beat { number, at: at(sec), ..Beat::default() })
    }

    #[test]
    fn who_comes_late_gets_lock_section_and_what_is_yet_to_happen() {
        let hub = hub();
        hub.publish_event(&Event::Lock(Lock { at: at(5), locked: false, reason: "silence".into() }));
        hub.publish_event(&Event::Section(Section { at: at(6), section: 2, ..Section::default() }));
        hub.publish_event(&beat(0, 7));
        hub.publish_event(&Event::Lock(Lock { at: at(8), locked: true, reason: "locked".into() }));
        hub.publish_event(&beat(1, 5_000));
        let Joined { now, mut events, next_seq } = hub.join();
        assert_eq!((now.iter().map(|a| a.seq).collect::<Vec<_>>(), next_seq), (vec![1, 3, 4], 5));
        assert!(events.try_recv().is_err());
        hub.publish_event(&beat(2, 9));
        assert_eq!(events.try_recv().unwrap().seq, 5);
    }

    #[test]
    fn what_is_held_has_a_bound() {
        let hub = hub();
        let joined = hub.join();
        for number in 0..10_000 {
            hub.publish_event(&beat(number, 5_000));
            hub.publish_state(&View::default());
        }
        let longest = joined.events.len().max(MAX_AHEAD) + 1;
        assert!(hub.held_bytes() < (longest + 8) * 1_000, "{}", hub.held_bytes());
        drop((joined, hub.states()));
        assert_eq!((hub.n_events(), hub.n_states()), (10_000, 10_000));
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let hub = hub();
        let places = (hub.take_place().unwrap(), hub.take_place().unwrap());
        assert!(hub.take_place().is_none() && hub.clients() == 2);
        drop(places);
        assert!(hub.clients() == 0 && hub.take_place().is_some());
    }

    #[test]
    fn bands_are_written_only_while_someone_wants_them() {
        let hub = hub();
        let bands = || hub.states().borrow().as_ref().unwrap().with_bands.is_some();
        hub.publish_state(&View::default());
        assert!(!bands());
        let wanted = hub.want_bands();
        hub.publish_state(&View::default());
        assert!(bands());
        drop(wanted);
        hub.publish_state(&View::default());
        assert!(!bands());
    }

    #[test]
    fn each_start_is_another_session() {
        assert_ne!(hub().session, hub().session);
        assert_eq!(hub().session.len(), 32);
    }
}
