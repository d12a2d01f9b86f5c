//! What the host shows and automates: the user's parameters, and the outputs that move by themselves.
//!
//! Ids are for ever: they are in saved projects. The audio thread reads values (atomics), the inference thread those of the
//! OS MIDI port.

use std::sync::{Arc, Mutex};

use midi_port::OFFSET_MS;
use midi_port::notes;
use nice_plug::prelude::*;
use runtime_core::analysis::config::TempoRange;
use runtime_core::bus::hint::HintFlags;
use runtime_core::bus::marks::Settings;
use runtime_core::rt::midi_clock::{ClockPolicy, OnSilence, Relock};
use runtime_core::state::{LockReason, SECTION_LABELS};

use crate::model_set::ModelSet;
use crate::saved::SavedState;

/// Slowest and fastest tempo that can be followed, BPM.
const TEMPO_BPM: (f32, f32) = (TempoRange::SLOWEST_BPM as f32, TempoRange::FASTEST_BPM as f32);
/// The smallest ratio of fastest to slowest that leaves some tempi to choose from: the engine's, with room for rounding.
const MIN_TEMPO_RATIO: f64 = TempoRange::MIN_RATIO + 1e-6;
/// Earliest and latest output, milliseconds: what the port's clock takes.
const OFFSET_RANGE_MS: FloatRange = FloatRange::Linear { min: *OFFSET_MS.start() as f32, max: *OFFSET_MS.end() as f32 };

/// Where the beat comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum ClockSource {
    /// The analysis of the audio.
    #[id = "audio"]
    Audio,
    /// The host's transport, while it runs.
    #[id = "host"]
    #[name = "Host transport"]
    Host,
}

/// Beats per bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[allow(missing_docs, reason = "each variant's name for users is its documentation")]
pub enum MeterLock {
    /// Decided by what is heard: 2 to 7.
    #[id = "auto"]
    Auto,
    #[id = "2"]
    #[name = "2 beats"]
    Two,
    #[id = "3"]
    #[name = "3 beats"]
    Three,
    #[id = "4"]
    #[name = "4 beats"]
    Four,
    #[id = "5"]
    #[name = "5 beats"]
    Five,
    #[id = "6"]
    #[name = "6 beats"]
    Six,
    #[id = "7"]
    #[name = "7 beats"]
    Seven,
}

/// What the clock does while nothing is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[allow(missing_docs, reason = "each variant's name for users is its documentation")]
pub enum SilencePolicy {
    #[id = "hold"]
    #[name = "Keep ticking"]
    Hold,
    #[id = "stop"]
    #[name = "Stop"]
    Stop,
}

/// How the clock gets to a beat that is somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[allow(missing_docs, reason = "each variant's name for users is its documentation")]
pub enum RelockPolicy {
    #[id = "slew"]
    #[name = "Slew over a beat"]
    Slew,
    #[id = "restart"]
    #[name = "Restart on downbeat"]
    Restart,
}

/// The parameters of one instance.
#[derive(Params)]
#[allow(missing_docs, reason = "each field's name for users is its documentation")]
pub struct AnacrusisParams {
    /// Saved beside the parameters.
    #[persist = "anacrusis"]
    pub saved: Arc<Mutex<SavedState>>,

    #[id = "bypass"]
    pub bypass: BoolParam,
    #[id = "clock_source"]
    pub clock_source: EnumParam<ClockSource>,
    #[id = "tempo_min"]
    pub tempo_min: FloatParam,
    #[id = "tempo_max"]
    pub tempo_max: FloatParam,
    #[id = "meter"]
    pub meter: EnumParam<MeterLock>,
    #[id = "model"]
    pub model: EnumParam<ModelSet>,
    #[id = "offset_ms"]
    pub offset_ms: FloatParam,

    #[id = "notes"]
    pub notes: BoolParam,
    #[id = "note_channel"]
    pub note_channel: IntParam,
    #[id = "note_downbeat"]
    pub note_downbeat: IntParam,
    #[id = "note_beat"]
    pub note_beat: IntParam,
    #[id = "host_clock"]
    pub host_clock: BoolParam,
    #[id = "port_clock"]
    pub port_clock: BoolParam,
    #[id = "on_silence"]
    pub on_silence: EnumParam<SilencePolicy>,
    #[id = "relock"]
    pub relock: EnumParam<RelockPolicy>,

    #[id = "tap"]
    pub tap: BoolParam,
    #[id = "half"]
    pub half: BoolParam,
    #[id = "double"]
    pub double: BoolParam,
    #[id = "nudge_earlier"]
    pub nudge_earlier: BoolParam,
    #[id = "nudge_later"]
    pub nudge_later: BoolParam,
    #[id = "this_is_one"]
    pub this_is_one: BoolParam,
    #[id = "hold"]
    pub hold: BoolParam,
    #[id = "manual"]
    pub manual: BoolParam,
    #[id = "manual_bpm"]
    pub manual_bpm: FloatParam,
    #[id = "forget"]
    pub forget: BoolParam,

    #[id = "out_tempo"]
    pub out_tempo: FloatParam,
    #[id = "out_conf"]
    pub out_conf: FloatParam,
    #[id = "out_locked"]
    pub out_locked: BoolParam,
    #[id = "out_beat_in_bar"]
    pub out_beat_in_bar: IntParam,
    #[id = "out_beats_per_bar"]
    pub out_beats_per_bar: IntParam,
    #[id = "out_pulse"]
    pub out_pulse: FloatParam,
    #[id = "out_section"]
    pub out_section: IntParam,
    #[id = "out_hazard"]
    pub out_hazard: FloatParam,
    #[id = "out_hints"]
    pub out_hints: IntParam,
    #[id = "out_reason"]
    pub out_reason: IntParam,
}

impl Default for AnacrusisParams {
    fn default() -> Self {
        let tempo = |name, bpm| {
            let range = FloatRange::Linear { min: TEMPO_BPM.0, max: TEMPO_BPM.1 };
            FloatParam::new(name, bpm, range).with_step_size(0.1).with_unit(" BPM")
        };
        let note = |name, number| IntParam::new(name, number, IntRange::Linear { min: 0, max: 127 });
        let share = |name| FloatParam::new(name, 0.0, FloatRange::Linear { min: 0.0, max: 1.0 }).with_step_size(0.001).non_automatable();
        let count = |name, max| IntParam::new(name, 0, IntRange::Linear { min: 0, max }).non_automatable();
        let button = |name| BoolParam::new(name, false);
        Self {
            saved: Arc::default(),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
            clock_source: EnumParam::new("Clock source", ClockSource::Audio),
            tempo_min: tempo("Slowest tempo", TEMPO_BPM.0),
            tempo_max: tempo("Fastest tempo", TEMPO_BPM.1),
            meter: EnumParam::new("Meter", MeterLock::Auto),
            model: EnumParam::new("Model", ModelSet::AUTOMATIC),
            offset_ms: FloatParam::new("Output offset", 0.0, OFFSET_RANGE_MS).with_step_size(0.1).with_unit(" ms"),
            notes: BoolParam::new("Beat notes", true),
            note_channel: IntParam::new("Note channel", 1, IntRange::Linear { min: 1, max: 16 }),
            note_downbeat: note("Downbeat note", i32::from(notes::DOWNBEAT_NOTE)),
            note_beat: note("Beat note", i32::from(notes::BEAT_NOTE)),
            host_clock: BoolParam::new("MIDI clock to host", true),
            port_clock: BoolParam::new("MIDI clock to OS port", false).non_automatable(),
            on_silence: EnumParam::new("On silence", SilencePolicy::Hold),
            relock: EnumParam::new("On re-lock", RelockPolicy::Slew),
            tap: button("Tap"),
            half: button("Half tempo"),
            double: button("Double tempo"),
            nudge_earlier: button("Nudge earlier"),
            nudge_later: button("Nudge later"),
            this_is_one: button("This is 1"),
            hold: button("Hold"),
            manual: button("Tempo by hand"),
            manual_bpm: FloatParam::new("Manual tempo", 120.0, FloatRange::Linear { min: TEMPO_BPM.0, max: TEMPO_BPM.1 })
                .with_step_size(0.01)
                .with_unit(" BPM"),
            forget: button("Forget hints"),
            out_tempo: FloatParam::new("Tempo", 0.0, FloatRange::Linear { min: 0.0, max: 300.0 })
                .with_step_size(0.01)
                .with_unit(" BPM")
                .non_automatable(),
            out_conf: share("Confidence"),
            out_locked: BoolParam::new("Locked", false).non_automatable(),
            out_beat_in_bar: count("Beat in bar", 16),
            out_beats_per_bar: count("Beats per bar", 16),
            out_pulse: share("Beat pulse"),
            out_section: count("Section", SECTION_LABELS.len() as i32)
                .with_value_to_string(Arc::new(section_to_text))
                .with_string_to_value(Arc::new(section_from_text)),
            out_hazard: share("Boundary within 8 beats"),
            out_hints: count("Hints", i32::from(HintFlags::MAX))
                .with_value_to_string(Arc::new(hints_to_text))
                .with_string_to_value(Arc::new(hints_from_text)),
            out_reason: count("Lock reason", LockReason::ALL.len() as i32 - 1)
                .with_value_to_string(Arc::new(reason_to_text))
                .with_string_to_value(Arc::new(reason_from_text)),
        }
    }
}

impl AnacrusisParams {
    /// What is tracked. A slowest tempo too near to the fastest, or above it, gives way. Real-time safe: yes.
    pub fn settings(&self) -> Settings {
        let max_bpm = f64::from(self.tempo_max.value()).max(f64::from(TEMPO_BPM.0) * MIN_TEMPO_RATIO);
        let min_bpm = f64::from(self.tempo_min.value()).min(max_bpm / MIN_TEMPO_RATIO);
        let beats_per_bar = match self.meter.value() {
            MeterLock::Auto => 0,
            MeterLock::Two => 2,
            MeterLock::Three => 3,
            MeterLock::Four => 4,
            MeterLock::Five => 5,
            MeterLock::Six => 6,
            MeterLock::Seven => 7,
        };
        Settings { min_bpm, max_bpm, beats_per_bar, model: self.model.value().choice() }
    }

    /// The tempo by hand, where it is on, BPM. Real-time safe: yes.
    pub fn manual_bpm(&self) -> Option<f64> {
        self.manual.value().then(|| f64::from(self.manual_bpm.value()))
    }

    /// What clocks do in silence and after a jump of the beat. Real-time safe: yes.
    pub fn clock_policy(&self) -> ClockPolicy {
        ClockPolicy {
            on_silence: match self.on_silence.value() {
                SilencePolicy::Hold => OnSilence::Hold,
                SilencePolicy::Stop => OnSilence::Stop,
            },
            relock: match self.relock.value() {
                RelockPolicy::Slew => Relock::Slew,
                RelockPolicy::Restart => Relock::RestartOnDownbeat,
            },
        }
    }

    /// Signed offset of all outputs, seconds; negative = earlier. Real-time safe: yes.
    pub fn offset_sec(&self) -> f64 {
        f64::from(self.offset_ms.value()) * 1e-3
    }
}

/// Says that no hint is in force.
const NO_HINTS: &str = "none";
/// How a section that is not known is shown.
const NO_SECTION: &str = "unknown";

/// `hold, nudge`.
fn section_to_text(value: i32) -> String {
    let label = value.checked_sub(1).and_then(|idx| usize::try_from(idx).ok()).and_then(|idx| SECTION_LABELS.get(idx));
    label.copied().unwrap_or(NO_SECTION).to_owned()
}

fn section_from_text(text: &str) -> Option<i32> {
    match text.trim() {
        NO_SECTION => Some(0),
        label => SECTION_LABELS.iter().position(|known| *known == label).map(|idx| idx as i32 + 1),
    }
}

fn hints_to_text(value: i32) -> String {
    let names: Vec<&str> = HintFlags(value.clamp(0, i32::from(HintFlags::MAX)) as u8).names().collect();
    if names.is_empty() { NO_HINTS.to_owned() } else { names.join(", ") }
}

fn hints_from_text(text: &str) -> Option<i32> {
    if text.trim() == NO_HINTS {
        return Some(0);
    }
    let flag = |name: &str| HintFlags::ALL.iter().find(|(_, known)| *known == name.trim()).map(|(flag, _)| i32::from(flag.0));
    text.split(',').map(flag).try_fold(0, |sum, flag| Some(sum | flag?))
}

/// `weak pulse`.
fn reason_to_text(code: i32) -> String {
    LockReason::from_code(code.clamp(0, i32::from(u8::MAX)) as u8).name().to_owned()
}

fn reason_from_text(text: &str) -> Option<i32> {
    LockReason::ALL.iter().find(|reason| reason.name() == text.trim()).map(|&reason| i32::from(reason as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::analysis::config::{EngineConfig, Meter};

    /// Parameters as a state with these values leaves them.
    fn with(tempo_min: f32, tempo_max: f32) -> AnacrusisParams {
        let tempo = |bpm| FloatParam::new("", bpm, FloatRange::Linear { min: TEMPO_BPM.0, max: TEMPO_BPM.1 });
        AnacrusisParams { tempo_min: tempo(tempo_min), tempo_max: tempo(tempo_max), ..AnacrusisParams::default() }
    }

    #[test]
    fn every_pair_of_tempi_gives_settings_that_the_engine_accepts() {
        for min in 0..=32 {
            for max in 0..=32 {
                let settings = with(40.0 + 6.25 * min as f32, 40.0 + 6.25 * max as f32).settings();
                let tempo = TempoRange { min_bpm: settings.min_bpm, max_bpm: settings.max_bpm };
                let config = EngineConfig { tempo, meter: Meter::Auto, ..EngineConfig::new(48_000.0) };
                assert_eq!(config.validate(), Ok(()), "{settings:?}");
            }
        }
        let settings = with(90.0, 180.0).settings();
        assert_eq!((settings.min_bpm, settings.max_bpm), (90.0, 180.0));
    }

    #[test]
    fn hints_are_shown_in_words_that_can_be_read_back() {
        assert_eq!([0, 3, 127].map(hints_to_text), ["none", "hold, tempo", "hold, tempo, level, range, meter, one, nudge"]);
        for value in 0..=127 {
            assert_eq!(hints_from_text(&hints_to_text(value)), Some(value));
        }
        assert_eq!((hints_from_text(""), hints_from_text("held")), (None, None));
    }

    #[test]
    fn reasons_are_shown_in_words_that_can_be_read_back() {
        assert_eq!([0, 1, 4].map(reason_to_text), ["searching", "locked", "silence"]);
        for reason in LockReason::ALL {
            let code = i32::from(reason as u8);
            assert_eq!(reason_from_text(&reason_to_text(code)), Some(code));
        }
        assert_eq!((reason_from_text(""), reason_from_text("lost")), (None, None));
    }

    #[test]
    fn sections_are_shown_by_name() {
        assert_eq!([-1, 0, 1, 5, 8, 9].map(section_to_text), ["unknown", "unknown", "silence", "chorus", "outro", "unknown"]);
        for value in 0..=8 {
            assert_eq!(section_from_text(&section_to_text(value)), Some(value));
        }
        assert_eq!((section_from_text(""), section_from_text("strophe")), (None, None));
    }

    #[test]
    fn ids_are_unique_and_the_outputs_are_parameters() {
        let params = AnacrusisParams::default();
        let mut ids: Vec<String> = params.param_map().into_iter().map(|(id, _, _)| id).collect();
        for output in crate::outputs::OUTPUTS {
            assert!(ids.iter().any(|id| id == output), "{output}");
        }
        let n_ids = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), n_ids);
    }
}
