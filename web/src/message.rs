//! Every message that the server sends, as types; `GET /schema` says the same as JSON Schema (`schema.json`).
//!
//! Each is one JSON object with `v`, the version of this schema, and `type`. Within a version fields and types are only
//! added: receivers ignore what they do not know.

use model_contracts::v1::HORIZONS_BEATS;
use outputs::event::{Event, EventKind, Moment, SECTION_LABELS};
use outputs::view::{N_BANDS, View};
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use crate::request::MAX_REQUEST_BYTES;

/// Version of the messages.
pub const SCHEMA_VERSION: u32 = 1;
/// What this server can do, by name.
pub const CAPABILITIES: [&str; 8] = ["beat", "section", "approach", "lock", "state", "bands", "sync", "subscribe"];
/// JSON Schema of all messages, both ways.
pub const SCHEMA: &str = include_str!("schema.json");

/// A message with its version, as it is sent.
#[derive(Debug, Serialize)]
pub struct Versioned<T> {
    v: u32,
    #[serde(flatten)]
    message: T,
}

/// The text to send.
///
/// # Panics
/// Never: these types have no maps with odd keys, nor writers that fail.
pub fn to_text(message: impl Serialize) -> String {
    serde_json::to_string(&Versioned { v: SCHEMA_VERSION, message }).expect("plain data becomes JSON")
}

/// What the server says beside events.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Message<'a> {
    /// First of all: who speaks.
    Hello(Box<Hello<'a>>),
    /// What holds now.
    State(Box<State>),
    /// Answer to a `sync`.
    Sync(Sync),
    /// Answer to a `subscribe`: what holds from now on.
    Subscribed(Subscribed),
    /// The client read too slowly, and events passed it by. What still matters follows.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// A request that cannot be met, and why.
    Error(Error),
}

/// An event, with its place in the order of all events of the session.
#[derive(Debug, Serialize)]
pub struct Announced<'a> {
    /// From 0, rising by 1.
    pub seq: u64,
    /// The event.
    #[serde(flatten)]
    pub event: &'a Event,
}

/// Who speaks, and in what terms.
#[derive(Debug, Serialize)]
pub struct Hello<'a> {
    /// `anacrusis`.
    pub program: &'a str,
    /// Its version.
    pub program_version: &'a str,
    /// Another one after each start of the server: numbers of beats begin anew.
    pub session: &'a str,
    /// What time it is on the server's clocks.
    pub clock: Moment,
    /// Names of the sections, by index.
    pub labels: [&'a str; 8],
    /// What `hazard_probs` is about, beats.
    pub horizons_beats: [u32; 5],
    /// Length of `bands`.
    pub n_bands: usize,
    /// How long before its moment an event is sent, ms.
    pub lead_ms: f64,
    /// State messages a second at the most, Hz.
    pub state_hz: f64,
    /// Longest request that is read, bytes.
    pub max_request_bytes: usize,
    /// What this server can do.
    pub capabilities: [&'a str; 8],
}

impl<'a> Hello<'a> {
    /// The greeting of this build.
    pub fn new(session: &'a str, clock: Moment, lead_ms: f64, state_hz: f64) -> Self {
        Self {
            program: "anacrusis",
            program_version: env!("CARGO_PKG_VERSION"),
            session,
            clock,
            labels: SECTION_LABELS,
            horizons_beats: HORIZONS_BEATS,
            n_bands: N_BANDS,
            lead_ms,
            state_hz,
            max_request_bytes: MAX_REQUEST_BYTES,
            capabilities: CAPABILITIES,
        }
    }
}

/// What holds at one moment. Numbers that are not finite are said as 0.
#[derive(Debug, Serialize, ToSchema)]
pub struct State {
    /// The moment.
    pub at: Moment,
    /// Whether beats are announced.
    pub locked: bool,
    /// Why, or why not.
    pub reason: &'static str,
    /// Tempo to show, beats per minute.
    pub bpm: f64,
    /// Seconds per beat.
    pub period_sec: f64,
    /// Position within the beat, `[0, 1)`.
    pub phase: f32,
    /// Number of the beat that fell last; `None` before the first.
    pub beat: Option<u64>,
    /// Its position in the bar, 1-based; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
    /// Bars begun, from 1; 0 = none yet.
    pub bar: u64,
    /// Bar of the phrase, 1-based; 0 = unknown.
    pub bar_in_phrase: u16,
    /// Phrases begun, from 1; 0 = none yet.
    pub phrase: u64,
    /// Bars of a phrase; 0 = unknown.
    pub phrase_bars: u16,
    /// Probability that a true beat lies within 70 ms of the last one, `[0, 1]`.
    pub confidence: f32,
    /// How strongly the beats of late were played, `[0, 1]`.
    pub intensity: f32,
    /// Index of the section's label; `None` = unknown.
    pub section: Option<u8>,
    /// Beats since the section began.
    pub section_beats: f64,
    /// Probabilities of the labels.
    pub section_probs: [f32; 8],
    /// Probability of a boundary within each of the horizons.
    pub hazard_probs: [f32; 5],
    /// Level of the input, `[0, 1]`.
    pub level: f32,
    /// What the network sees in the newest frame: a beat, downbeat or not, `[0, 1]`.
    pub beat_activation: f32,
    /// The same, a downbeat.
    pub downbeat_activation: f32,
    /// Spectrum, low to high, `[0, 1]`; for those who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bands: Option<[f32; N_BANDS]>,
    /// Seconds since the source last said anything; above 1 it is gone.
    pub age_sec: f64,
}

impl State {
    /// What a view says, with or without its bands.
    pub fn new(view: &View, with_bands: bool) -> Self {
        let beat = view.beat.as_ref();
        let finite = |value: f64| if value.is_finite() { value } else { 0.0 };
        let finite_f32 = |value: f32| if value.is_finite() { value } else { 0.0 };
        Self {
            at: view.now,
            locked: view.locked,
            reason: view.reason,
            bpm: finite(view.bpm),
            period_sec: finite(view.period_sec),
            phase: finite_f32(view.phase),
            beat: beat.map(|beat| beat.number),
            beat_in_bar: beat.map_or(0, |beat| beat.beat_in_bar),
            beats_per_bar: beat.map_or(0, |beat| beat.beats_per_bar),
            bar: beat.map_or(0, |beat| beat.bar),
            bar_in_phrase: beat.map_or(0, |beat| beat.bar_in_phrase),
            phrase: beat.map_or(0, |beat| beat.phrase),
            phrase_bars: beat.map_or(0, |beat| beat.phrase_bars),
            confidence: finite_f32(view.confidence),
            intensity: beat.map_or(0.0, |beat| finite_f32(beat.intensity)),
            section: view.section,
            section_beats: finite(view.section_beats),
            section_probs: view.section_probs.map(finite_f32),
            hazard_probs: view.hazard_probs.map(finite_f32),
            level: finite_f32(view.level),
            beat_activation: finite_f32(view.beat_activation),
            downbeat_activation: finite_f32(view.downbeat_activation),
            bands: with_bands.then(|| view.bands.map(finite_f32)),
            age_sec: finite(view.age_sec),
        }
    }
}

/// Two stamps of the server's monotonic clock around a client's question, as in NTP.
#[derive(Debug, Serialize)]
pub struct Sync {
    /// What the client sent.
    pub t: Number,
    /// When it was read, ns on the server's monotonic clock.
    pub received: u64,
    /// When this was written, the same.
    pub sent: u64,
}

/// What a client gets.
#[derive(Debug, Serialize)]
pub struct Subscribed {
    /// Kinds of events.
    pub events: Vec<EventKind>,
    /// State messages a second, Hz; 0 = none.
    pub state_hz: f64,
    /// Whether they have bands.
    pub bands: bool,
}

/// What was wrong with a request.
#[derive(Debug, Serialize)]
pub struct Error {
    /// One word for programs.
    pub code: &'static str,
    /// For people: what was expected, and what came.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use outputs::event::Beat;
    use serde_json::Value;

    use super::*;

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_event_keeps_its_own_form_between_version_and_number() {
        let event = Event::Beat(Beat { at: Moment { mono_ns: 5, unix_ns: 7 }, number: 3, confidence: 0.1, ..Beat::default() });
        let text = to_text(Announced { seq: 9, event: &event });
        assert!(text.starts_with(r#"{"v":1,"seq":9,"type":"beat","at":{"mono_ns":5,"unix_ns":7},"number":3,"#), "{text}");
        assert!(text.contains(r#""confidence":0.1,"#), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    #[test]
    fn bands_are_for_those_who_asked() {
        let view = View { level: 0.5, ..View::default() };
        let plain = parsed(&to_text(Message::State(Box::new(State::new(&view, false)))));
        assert_eq!((&plain["type"], &plain["level"], plain.get("bands")), (&Value::from("state"), &Value::from(0.5), None));
        assert!(plain["beat"].is_null() && plain["section"].is_null());
        let full = parsed(&to_text(Message::State(Box::new(State::new(&view, true)))));
        assert_eq!(full["bands"].as_array().unwrap().len(), 16);
    }

    #[test]
    fn numbers_that_are_none_are_said_as_0() {
        let view = View { bpm: f64::NAN, phase: f32::INFINITY, bands: [f32::NAN; 16], ..View::default() };
        let state = parsed(&to_text(Message::State(Box::new(State::new(&view, true)))));
        assert_eq!((&state["bpm"], &state["phase"], &state["bands"][3]), (&Value::from(0.0), &Value::from(0.0), &Value::from(0.0)));
    }
}
