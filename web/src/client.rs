//! One WebSocket client: what it is sent, what it asks, and how it ends. One task a client, on the server's threads.
//!
//! The task does one thing at a time. While a message is on its way to a client that does not read, nothing else is taken for
//! it: states are skipped because only the newest is there, events wait in the ring that all share until they fall out of it.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket, close_code};
use outputs::event::EventKind;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use crate::hub::{Announcement, Counted, Hub, Joined, StateTexts};
use crate::message::{Error, Message, Subscribed, Sync, to_text};
use crate::request::{EVENT_KINDS, Request, RequestError, parse_request};
use crate::server::Limits;

/// Requests that may come at once, and how many a second may go on.
const BURST_REQUESTS: f64 = 200.0;
const REQUESTS_PER_SEC: f64 = 100.0;

/// Talks to a client until it goes, the server stops, or it misbehaves.
pub(crate) async fn serve(socket: WebSocket, hub: Arc<Hub>, limits: Limits, stop: watch::Receiver<bool>, place: Counted) {
    let state_interval = interval_of(hub.config.state_hz, hub.config.state_hz);
    let mut client = Client {
        socket,
        stop,
        kinds: EVENT_KINDS.map(|(_, kind)| kind).to_vec(),
        state_hz: hub.config.state_hz,
        state_interval,
        state_due: Instant::now(),
        bands: None,
        seen_seq: 0,
        last_heard: Instant::now(),
        allowance: Allowance { left: BURST_REQUESTS, at: Instant::now() },
        hub,
        limits,
    };
    let end = client.talk().await;
    client.say_goodbye(end).await;
    drop(place);
}

struct Client {
    socket: WebSocket,
    stop: watch::Receiver<bool>,
    hub: Arc<Hub>,
    limits: Limits,
    /// What the client asked for.
    kinds: Vec<EventKind>,
    state_hz: f64,
    /// At least this long between states; `None` = no states.
    state_interval: Option<Duration>,
    /// Not before this.
    state_due: Instant,
    bands: Option<Counted>,
    /// Events below this number were sent or were not wanted.
    seen_seq: u64,
    last_heard: Instant,
    allowance: Allowance,
}

/// Why it is over.
enum End {
    /// Nobody is there any more.
    Gone,
    /// The client said goodbye.
    Left,
    /// The server stops.
    Stop,
    /// The client did what it must not.
    Refused { code: u16, reason: &'static str },
}

impl Client {
    /// Never returns but with the reason for the end.
    async fn talk(&mut self) -> End {
        match self.try_talk().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn try_talk(&mut self) -> Result<std::convert::Infallible, End> {
        // Before the greeting, so that whoever has it misses nothing from there on.
        let Joined { now, mut events, next_seq } = self.hub.join();
        self.send(self.hub.hello().into()).await?;
        self.announce_all(now, next_seq).await?;
        let mut states = self.hub.states();
        let mut ping = interval(self.limits.ping);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            let (interval, state_due) = (self.state_interval, self.state_due);
            let next_state = async {
                if interval.is_none() {
                    return pending().await;
                }
                sleep_until(state_due.into()).await;
                states.changed().await.is_ok()
            };
            // In the order of what must not wait: events are rare and are why everybody is here.
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return Err(End::Stop),
                event = events.recv() => match event {
                    Ok(announcement) => self.announce(&announcement).await?,
                    Err(broadcast::error::RecvError::Lagged(_)) => events = self.catch_up().await?,
                    Err(broadcast::error::RecvError::Closed) => return Err(End::Stop),
                },
                frame = self.socket.recv() => self.take(frame).await?,
                _ = ping.tick() => {
                    if self.last_heard.elapsed() > self.limits.silence {
                        return Err(End::Gone);
                    }
                    self.send_frame(Frame::Ping(Vec::new().into())).await?;
                }
                is_there = next_state => {
                    if !is_there {
                        return Err(End::Stop);
                    }
                    let state = states.borrow_and_update().clone();
                    self.send_state(state.as_deref()).await?;
                    // From when it was due, so that the rate holds on average; from now after a pause, so that none is made up.
                    self.state_due = (state_due + interval.unwrap_or_default()).max(Instant::now());
                }
            }
        }
    }

    /// The client fell out of the ring: says how many events it missed, then what still matters.
    async fn catch_up(&mut self) -> Result<broadcast::Receiver<Arc<Announcement>>, End> {
        let Joined { now, events, next_seq } = self.hub.join();
        let still: Vec<_> = now.into_iter().filter(|announcement| announcement.seq >= self.seen_seq).collect();
        let missed = (next_seq - self.seen_seq).saturating_sub(still.len() as u64);
        self.send(to_text(Message::Lagged { missed }).into()).await?;
        self.announce_all(still, next_seq).await?;
        Ok(events)
    }

    /// Says what a client that comes in must know; what it hears of next has the number `next_seq`.
    async fn announce_all(&mut self, now: Vec<Arc<Announcement>>, next_seq: u64) -> Result<(), End> {
        for announcement in now {
            self.announce(&announcement).await?;
        }
        self.seen_seq = next_seq;
        Ok(())
    }

    async fn announce(&mut self, announcement: &Announcement) -> Result<(), End> {
        self.seen_seq = announcement.seq + 1;
        if self.kinds.contains(&announcement.kind) { self.send(announcement.text.clone()).await } else { Ok(()) }
    }

    async fn send_state(&mut self, state: Option<&StateTexts>) -> Result<(), End> {
        let Some(state) = state else { return Ok(()) };
        let wanted = if self.bands.is_some() { state.with_bands.as_ref() } else { None };
        self.send(wanted.unwrap_or(&state.plain).clone()).await
    }

    /// Meets what came from the client.
    async fn take(&mut self, frame: Option<Result<Frame, axum::Error>>) -> Result<(), End> {
        let received_ns = self.hub.clock.now().mono_ns;
        self.last_heard = Instant::now();
        match frame {
            Some(Ok(Frame::Text(text))) => self.answer(&text, received_ns).await,
            Some(Ok(Frame::Binary(_))) => self.send_error("binary", "expected text messages, got a binary one".to_owned()).await,
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => {
                self.allowance.spend().then_some(()).ok_or(End::Refused { code: close_code::POLICY, reason: "too many pings" })
            }
            Some(Ok(Frame::Close(_))) => Err(End::Left),
            None => Err(End::Gone),
            Some(Err(error)) => {
                // The library cannot go on reading. What is told apart: a message beyond all measure, and broken framing.
                let message = error.to_string();
                let too_long = message.contains("too long");
                self.send_error(if too_long { "too_long" } else { "protocol" }, message).await?;
                let code = if too_long { close_code::SIZE } else { close_code::PROTOCOL };
                Err(End::Refused { code, reason: if too_long { "message too long" } else { "broken framing" } })
            }
        }
    }

    async fn answer(&mut self, text: &str, received_ns: u64) -> Result<(), End> {
        if !self.allowance.spend() {
            self.send_error("too_many", format!("expected at most {REQUESTS_PER_SEC} requests a second")).await?;
            return Err(End::Refused { code: close_code::POLICY, reason: "too many requests" });
        }
        match parse_request(text) {
            Ok(Request::Sync { t }) => {
                let sent_ns = self.hub.clock.now().mono_ns;
                self.send(to_text(Message::Sync(Sync { t, received: received_ns, sent: sent_ns })).into()).await
            }
            Ok(Request::Subscribe { events, state_hz, bands }) => self.subscribe(events, state_hz, bands).await,
            Err(error) => self.send_request_error(&error).await,
        }
    }

    async fn subscribe(&mut self, events: Option<Vec<EventKind>>, state_hz: Option<f64>, bands: Option<bool>) -> Result<(), End> {
        if let Some(kinds) = events {
            self.kinds = kinds;
        }
        if let Some(hz) = state_hz {
            self.state_hz = hz.min(self.hub.config.state_hz);
            self.state_interval = interval_of(self.state_hz, self.hub.config.state_hz);
            self.state_due = Instant::now();
        }
        match bands {
            Some(true) if self.bands.is_none() => self.bands = Some(self.hub.want_bands()),
            Some(false) => self.bands = None,
            _ => {}
        }
        let subscribed = Subscribed { events: self.kinds.clone(), state_hz: self.state_hz, bands: self.bands.is_some() };
        self.send(to_text(Message::Subscribed(subscribed)).into()).await
    }

    async fn send_request_error(&mut self, error: &RequestError) -> Result<(), End> {
        self.send_error(error.code(), error.to_string()).await
    }

    async fn send_error(&mut self, code: &'static str, message: String) -> Result<(), End> {
        self.send(to_text(Message::Error(Error { code, message })).into()).await
    }

    async fn send(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.send_frame(Frame::Text(text)).await
    }

    /// Waits until the system has taken the frame. A client that takes nothing for long is cut off underneath (`stall.rs`).
    async fn send_frame(&mut self, frame: Frame) -> Result<(), End> {
        tokio::select! {
            biased;
            sent = self.socket.send(frame) => sent.map_err(|_| End::Gone),
            () = stopped(&mut self.stop) => Err(End::Stop),
        }
    }

    /// Says why it is over, and hears the answer, without which the system would throw away what was not yet read.
    async fn say_goodbye(&mut self, end: End) {
        let frame = match end {
            End::Gone => return,
            // The library has an answer ready, and reading on sends it.
            End::Left => None,
            End::Stop => Some(CloseFrame { code: close_code::AWAY, reason: "the server stops".into() }),
            End::Refused { code, reason } => Some(CloseFrame { code, reason: reason.into() }),
        };
        let goodbye = async {
            let is_said = match frame {
                Some(frame) => self.socket.send(Frame::Close(Some(frame))).await.is_ok(),
                None => true,
            };
            if is_said {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        let _ = timeout(self.limits.goodbye, goodbye).await;
    }
}

/// Returns once the server stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error: the handle is gone without a word, which is a stop as well.
    let _ = stop.wait_for(|is_over| *is_over).await;
}

/// Time between states for a client that wants `wanted_hz` of `served_hz`; zero: each one there is; `None`: none.
fn interval_of(wanted_hz: f64, served_hz: f64) -> Option<Duration> {
    if wanted_hz <= 0.0 {
        return None;
    }
    Some(if wanted_hz >= served_hz { Duration::ZERO } else { Duration::from_secs_f64((1.0 / wanted_hz).min(3600.0)) })
}

/// How many more requests a client may make now.
struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    /// Whether there was one left.
    fn spend(&mut self) -> bool {
        let now = Instant::now();
        self.left = (self.left + now.duration_since(self.at).as_secs_f64() * REQUESTS_PER_SEC).min(BURST_REQUESTS);
        self.at = now;
        let is_left = self.left >= 1.0;
        self.left -= f64::from(u8::from(is_left));
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_no_more_states_than_there_are() {
        assert_eq!(interval_of(0.0, 50.0), None);
        assert_eq!(interval_of(50.0, 50.0), Some(Duration::ZERO));
        assert_eq!(interval_of(10.0, 50.0), Some(Duration::from_millis(100)));
        assert_eq!(interval_of(1e-9, 50.0), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn an_allowance_ends_and_comes_back() {
        let mut allowance = Allowance { left: 2.0, at: Instant::now() + Duration::from_secs(60) };
        assert!(allowance.spend() && allowance.spend() && !allowance.spend());
        allowance.at = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(allowance.spend());
    }
}
