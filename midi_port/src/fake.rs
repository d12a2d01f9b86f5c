//! A port and a clock for tests, here and in crates that drive a [`crate::ClockThread`]. Any thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use crate::deadline::MonotonicClock;
use crate::sink::{ClockSink, OpenSink, SinkError};

/// A clock on which a wait takes no time: it moves to the deadline.
#[derive(Debug, Clone, Default)]
pub struct FakeClock {
    now_ns: Arc<AtomicU64>,
    oversleep_ns: Arc<AtomicU64>,
}

impl FakeClock {
    /// The next wait ends this much too late.
    pub fn oversleep_once(&self, late_ns: u64) {
        self.oversleep_ns.store(late_ns, SeqCst);
    }
}

impl MonotonicClock for FakeClock {
    fn now_ns(&self) -> u64 {
        self.now_ns.load(SeqCst)
    }

    fn sleep_until(&self, deadline_ns: u64) {
        let late_ns = self.oversleep_ns.swap(0, SeqCst);
        self.now_ns.fetch_max(deadline_ns + late_ns, SeqCst);
    }
}

/// One message as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When, nanoseconds of the port's clock.
    pub at_ns: u64,
    /// The bytes of the message.
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    is_unplugged: AtomicBool,
    is_deaf: AtomicBool,
}

/// A port that writes down what it is sent and can be unplugged.
#[derive(Debug, Clone)]
pub struct FakePort<C> {
    clock: C,
    shared: Arc<Shared>,
}

impl<C: MonotonicClock + Clone + Send + 'static> FakePort<C> {
    /// A port that is there and has heard nothing.
    pub fn new(clock: C) -> Self {
        Self { clock, shared: Arc::default() }
    }

    /// What [`crate::ClockThread`] opens the port with.
    pub fn opener(&self) -> OpenSink {
        let port = self.clone();
        Box::new(move || Ok(Box::new(port.open()?)))
    }

    /// Opens it once.
    ///
    /// # Errors
    /// [`SinkError::Missing`] while it is unplugged or has vanished.
    pub fn open(&self) -> Result<FakeSink<C>, SinkError> {
        if self.shared.is_unplugged.load(SeqCst) || self.shared.is_deaf.load(SeqCst) {
            return Err(SinkError::Missing { name: "fake".to_owned(), available: Vec::new() });
        }
        Ok(FakeSink { port: self.clone() })
    }

    /// From now on sending and opening fail.
    pub fn unplug(&self) {
        self.shared.is_unplugged.store(true, SeqCst);
    }

    /// From now on messages are lost without an error, and the port says that it is not present.
    pub fn vanish(&self) {
        self.shared.is_deaf.store(true, SeqCst);
    }

    /// There again.
    pub fn plug(&self) {
        self.shared.is_unplugged.store(false, SeqCst);
        self.shared.is_deaf.store(false, SeqCst);
    }

    /// Everything received so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The open end of a [`FakePort`].
#[derive(Debug)]
pub struct FakeSink<C> {
    port: FakePort<C>,
}

impl<C: MonotonicClock> ClockSink for FakeSink<C> {
    fn send(&mut self, message: &[u8]) -> Result<(), SinkError> {
        let shared = &self.port.shared;
        if shared.is_unplugged.load(SeqCst) {
            return Err(SinkError::Send { name: "fake".to_owned(), reason: "unplugged".to_owned() });
        }
        if !shared.is_deaf.load(SeqCst) {
            let received = Received { at_ns: self.port.clock.now_ns(), bytes: message.to_vec() };
            shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
        }
        Ok(())
    }

    fn is_present(&mut self) -> bool {
        !self.port.shared.is_deaf.load(SeqCst)
    }
}
