//! A plugin that knows its beats without listening: 120 BPM from sample 0, "locked" after two seconds.
//!
//! The parameter `mode` makes it misbehave instead, see [`Mode`].

use std::sync::{Arc, OnceLock};

use anacrusis_plugin::interpose::clap::Exported;
use anacrusis_plugin::interpose::{Interposed, Wire};
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::*;
use nice_plug::wrapper::clap::PluginDescriptor;

pub(crate) const RATE_HZ: f64 = 48_000.0;
/// Samples a beat, at 120 BPM.
pub(crate) const BEAT_SAMPLES: u64 = 24_000;
/// Samples a MIDI clock, 24 a beat.
pub(crate) const TICK_SAMPLES: u64 = 1_000;
/// From this sample on it sends values for its outputs.
pub(crate) const LOCK_SAMPLES: u64 = 96_000;
/// Samples from a note on to its note off.
const NOTE_SAMPLES: u64 = 5_000;

pub(crate) const TEMPO_BPM: f32 = 120.0;
pub(crate) const MAX_TEMPO_BPM: f32 = 300.0;
pub(crate) const MAX_BEAT: i32 = 16;
/// How many events the modes of many send in a block.
pub(crate) const N_BURST: u32 = 500;
pub(crate) const N_OVERFLOW: u32 = 700;
pub(crate) const SYSEX: [u8; 6] = [0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7];

/// What the probe does in `process`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Clock, notes and outputs on the beat.
    Beats = 0,
    /// [`N_BURST`] events in reverse time order.
    Burst,
    /// [`N_OVERFLOW`] values for the tempo, rising.
    Overflow,
    /// Clock at the end, SysEx in the middle, clock at the start, in this order.
    SysEx,
    /// A NaN, an output that does not exist, private bytes that mean nothing.
    Junk,
    /// Panics.
    Panic,
}

const MODES: [Mode; 6] = [Mode::Beats, Mode::Burst, Mode::Overflow, Mode::SysEx, Mode::Junk, Mode::Panic];

/// The kinds of probe.
pub(crate) const CLAP_NOTES: u8 = 0;
pub(crate) const MIDI_NOTES: u8 = 1;
/// Names an output that is no parameter.
pub(crate) const UNKNOWN_OUTPUT: u8 = 2;
/// Panics in its constructor.
pub(crate) const NO_START: u8 = 3;

/// Real SysEx beside our own messages.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Say {
    Wire(Wire),
    Raw([u8; 6]),
}

impl SysExMessage for Say {
    type Buffer = [u8; 6];

    fn from_buffer(_buffer: &[u8]) -> Option<Self> {
        None
    }

    fn as_buffer(&self) -> (Self::Buffer, usize) {
        match self {
            Self::Wire(wire) => wire.as_buffer(),
            Self::Raw(bytes) => (*bytes, bytes.len()),
        }
    }
}

#[derive(Params)]
pub(crate) struct ProbeParams {
    #[id = "mode"]
    mode: IntParam,
    #[id = "tempo"]
    tempo: FloatParam,
    #[id = "locked"]
    locked: BoolParam,
    #[id = "beat"]
    beat: IntParam,
}

pub(crate) struct Probe<const KIND: u8> {
    params: Arc<ProbeParams>,
    position: u64,
    shows_values: bool,
}

impl<const KIND: u8> Default for Probe<KIND> {
    fn default() -> Self {
        assert_ne!(KIND, NO_START, "this probe never starts");
        let params = ProbeParams {
            mode: IntParam::new("Mode", 0, IntRange::Linear { min: 0, max: MODES.len() as i32 - 1 }),
            tempo: FloatParam::new("Tempo", 0.0, FloatRange::Linear { min: 0.0, max: MAX_TEMPO_BPM }),
            locked: BoolParam::new("Locked", false),
            beat: IntParam::new("Beat", 0, IntRange::Linear { min: 0, max: MAX_BEAT }),
        };
        Self { params: Arc::new(params), position: 0, shows_values: false }
    }
}

impl<const KIND: u8> Interposed for Probe<KIND> {
    const OUTPUTS: &'static [&'static str] = if KIND == UNKNOWN_OUTPUT { &["tempo", "nothing"] } else { &["tempo", "locked", "beat"] };
    const CLAP_NOTES_AS_MIDI: bool = KIND == MIDI_NOTES;
}

impl<const KIND: u8> Exported for Probe<KIND> {
    fn descriptor() -> &'static PluginDescriptor {
        static DESCRIPTORS: [OnceLock<PluginDescriptor>; 4] = [const { OnceLock::new() }; 4];
        DESCRIPTORS[usize::from(KIND)].get_or_init(PluginDescriptor::for_plugin::<Self>)
    }
}

impl<const KIND: u8> Plugin for Probe<KIND> {
    const NAME: &'static str = "Probe";
    const VENDOR: &'static str = "Anacrusis";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = "0.1.0";
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: std::num::NonZeroU32::new(2),
        main_output_channels: std::num::NonZeroU32::new(2),
        ..AudioIOLayout::const_default()
    }];
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    // Parameter events of the host split the block.
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = ();
    type SysExMessage = Say;
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.params.clone()
    }

    fn reset(&mut self) {
        self.position = 0;
    }

    fn process(
        &mut self,
        buffer: &mut Buffer<'_>,
        _aux: &mut AuxiliaryBuffers<'_>,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let n_samples = buffer.samples() as u32;
        match MODES[self.params.mode.value() as usize] {
            Mode::Beats => self.beats(n_samples, context),
            Mode::Burst => self.burst(n_samples, context),
            Mode::Overflow => {
                for i in 0..N_OVERFLOW {
                    // From the second on: the first would be the default.
                    wire(context, i * n_samples / N_OVERFLOW, Wire::output(0, (i + 1) as f32 / N_OVERFLOW as f32));
                }
            }
            Mode::SysEx => {
                clock(context, n_samples - 1);
                say(context, n_samples / 2, Say::Raw(SYSEX));
                clock(context, 0);
            }
            Mode::Junk => {
                wire(context, 0, Wire::output(0, f32::NAN));
                wire(context, 0, Wire::output(3, 0.5));
                wire(context, 0, Wire::output(255, 0.5));
                say(context, 0, Say::Raw([0x02, 1, 2, 3, 4, 5]));
            }
            Mode::Panic => panic!("a plugin that panics"),
        }
        self.position += u64::from(n_samples);
        ProcessStatus::KeepAlive
    }
}

impl<const KIND: u8> Probe<KIND> {
    fn beats(&mut self, n_samples: u32, context: &mut impl ProcessContext<Self>) {
        if self.position == 0 && n_samples > 0 {
            wire(context, 0, Wire::midi(&[0xF2, 0, 0]).expect("a song position"));
            wire(context, 0, Wire::midi(&[0xFA]).expect("a start"));
            if self.shows_values {
                self.outputs(context, 0, 0.0, false, 0);
                self.shows_values = false;
            }
        }
        let end = self.position + u64::from(n_samples);
        for at in (self.position.next_multiple_of(TICK_SAMPLES)..end).step_by(TICK_SAMPLES as usize) {
            let timing = (at - self.position) as u32;
            clock(context, timing);
            let beat_in_bar = (at / BEAT_SAMPLES % 4) as i32 + 1;
            let key = if beat_in_bar == 1 { 36 } else { 37 };
            match at % BEAT_SAMPLES {
                0 => {
                    note(context, timing, key, true);
                    if at >= LOCK_SAMPLES {
                        self.outputs(context, timing, TEMPO_BPM, true, beat_in_bar);
                        self.shows_values = true;
                    }
                }
                NOTE_SAMPLES => note(context, timing, key, false),
                _ => {}
            }
        }
    }

    fn outputs(&self, context: &mut impl ProcessContext<Self>, timing: u32, tempo_bpm: f32, locked: bool, beat_in_bar: i32) {
        wire(context, timing, Wire::output(0, self.params.tempo.preview_normalized(tempo_bpm)));
        wire(context, timing, Wire::output(1, self.params.locked.preview_normalized(locked)));
        wire(context, timing, Wire::output(2, self.params.beat.preview_normalized(beat_in_bar)));
    }

    fn burst(&self, n_samples: u32, context: &mut impl ProcessContext<Self>) {
        for i in 0..N_BURST {
            let timing = (N_BURST - 1 - i) * n_samples / N_BURST;
            match i % 3 {
                0 => clock(context, timing),
                1 => note(context, timing, (i % 128) as u8, true),
                _ => wire(context, timing, Wire::output(0, i as f32 / N_BURST as f32)),
            }
        }
    }
}

fn note<const KIND: u8>(context: &mut impl ProcessContext<Probe<KIND>>, timing: u32, key: u8, on: bool) {
    let (voice_id, channel, key, velocity) = (VoiceID::Wildcard, Channel::Number(0), Key::Number(key), 1.0);
    let event = if on {
        NoteEvent::NoteOn { timing, voice_id, channel, key, velocity }
    } else {
        NoteEvent::NoteOff { timing, voice_id, channel, key, velocity }
    };
    // Refused where the host takes no events.
    let _ = context.try_send_event(event);
}

fn clock<const KIND: u8>(context: &mut impl ProcessContext<Probe<KIND>>, timing: u32) {
    wire(context, timing, Wire::midi(&[0xF8]).expect("a clock"));
}

fn wire<const KIND: u8>(context: &mut impl ProcessContext<Probe<KIND>>, timing: u32, message: Wire) {
    say(context, timing, Say::Wire(message));
}

fn say<const KIND: u8>(context: &mut impl ProcessContext<Probe<KIND>>, timing: u32, message: Say) {
    let _ = context.try_send_event(NoteEvent::MidiSysEx { timing, message });
}

impl<const KIND: u8> ClapPlugin for Probe<KIND> {
    const CLAP_ID: &'static str = "org.anacrusis.probe";
    const CLAP_DESCRIPTION: Option<&'static str> = None;
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[ClapFeature::AudioEffect];
}

impl<const KIND: u8> Vst3Plugin for Probe<KIND> {
    const VST3_CLASS_ID: [u8; 16] = *b"AnacrusisProbe00";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx];
}
