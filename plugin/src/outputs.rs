//! What the follower plays, as events of the framework: raw MIDI, notes, output parameters. AUDIO THREAD.

use midi_port::notes::beat_velocity;
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::*;
use runtime_core::rt::follower::Output;
use runtime_core::rt::midi_clock::MidiMessage;
use runtime_core::state::BeatEvent;

use crate::interpose::Wire;
use crate::params::AnacrusisParams;

/// The output parameters; an output's number is its place in [`OUTPUTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Shown {
    Tempo,
    Conf,
    Locked,
    BeatInBar,
    BeatsPerBar,
    Pulse,
    Section,
    Hazard,
    Hints,
    Reason,
}

/// Ids of the output parameters, in the order of their indices.
pub const OUTPUTS: &[&str] = &{
    let mut ids = [""; 10];
    ids[Shown::Tempo as usize] = "out_tempo";
    ids[Shown::Conf as usize] = "out_conf";
    ids[Shown::Locked as usize] = "out_locked";
    ids[Shown::BeatInBar as usize] = "out_beat_in_bar";
    ids[Shown::BeatsPerBar as usize] = "out_beats_per_bar";
    ids[Shown::Pulse as usize] = "out_pulse";
    ids[Shown::Section as usize] = "out_section";
    ids[Shown::Hazard as usize] = "out_hazard";
    ids[Shown::Hints as usize] = "out_hints";
    ids[Shown::Reason as usize] = "out_reason";
    ids
};

/// What the outputs of one block need to know, read once.
#[derive(Debug, Clone, Copy)]
pub struct Routing {
    /// Notes are on.
    pub notes: bool,
    /// The MIDI clock goes to the host.
    pub clock: bool,
    /// Output parameters exist: not in the standalone.
    pub outputs: bool,
    channel: u8,
    downbeat_note: u8,
    beat_note: u8,
}

impl Routing {
    /// From the parameters. Real-time safe: yes.
    pub fn of(params: &AnacrusisParams, api: PluginApi) -> Self {
        let number = |param: &IntParam| param.value().clamp(0, 127) as u8;
        Self {
            notes: params.notes.value(),
            clock: params.host_clock.value(),
            outputs: api != PluginApi::Standalone,
            channel: (params.note_channel.value().clamp(1, 16) - 1) as u8,
            downbeat_note: number(&params.note_downbeat),
            beat_note: number(&params.note_beat),
        }
    }
}

/// Turns outputs into events; remembers the note that sounds.
#[derive(Debug, Clone, Copy, Default)]
pub struct EventWriter {
    /// Channel and number of the note that sounds.
    sounding: Option<(u8, u8)>,
    /// An output parameter shows something other than its default.
    shows_values: bool,
    /// Some hints, or a reason other than the default, are shown.
    shows_status: bool,
    /// The clock is out: a start or continue was sent and no stop since.
    clock_runs: bool,
}

impl EventWriter {
    /// Sends one output at `timing`, samples from the start of the block. Events that the host has no room for are dropped:
    /// the audio thread cannot wait. Real-time safe: yes.
    pub fn put<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        params: &AnacrusisParams,
        routing: &Routing,
        timing: u32,
        output: Output,
    ) {
        match output {
            Output::Clock(message) => self.clock(context, routing, timing, message),
            Output::Beat(event, tempo_bpm) => {
                if routing.notes {
                    self.note_on(context, routing, timing, &event);
                }
                if routing.outputs {
                    self.show_beat(context, params, timing, &event, tempo_bpm);
                }
            }
            Output::BeatEnd => {
                self.note_off(context, timing);
                if routing.outputs {
                    show(context, timing, Shown::Pulse, params.out_pulse.preview_normalized(0.0));
                }
            }
            Output::Unlocked => self.show_nothing(context, params, routing, timing),
            Output::Outlook(outlook) => {
                if routing.outputs {
                    show(context, timing, Shown::Section, params.out_section.preview_normalized(i32::from(outlook.section)));
                    show(context, timing, Shown::Hazard, params.out_hazard.preview_normalized(outlook.hazard_prob));
                }
            }
            Output::Hints(flags) => {
                if routing.outputs {
                    self.shows_status = true;
                    show(context, timing, Shown::Hints, params.out_hints.preview_normalized(i32::from(flags.0)));
                }
            }
            Output::Reason(reason) => {
                if routing.outputs {
                    self.shows_status = true;
                    show(context, timing, Shown::Reason, params.out_reason.preview_normalized(i32::from(reason as u8)));
                }
            }
        }
    }

    /// What was left over by an earlier run of the same instance ends at the first sample: a note, a clock, shown values.
    /// Real-time safe: yes.
    pub fn finish<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        params: &AnacrusisParams,
        routing: &Routing,
    ) {
        self.note_off(context, 0);
        if self.clock_runs {
            self.clock(context, &Routing { clock: true, ..*routing }, 0, MidiMessage::Stop);
        }
        self.show_nothing(context, params, routing, 0);
        if std::mem::take(&mut self.shows_status) && routing.outputs {
            show(context, 0, Shown::Hints, params.out_hints.default_normalized_value());
            show(context, 0, Shown::Reason, params.out_reason.default_normalized_value());
        }
    }

    fn clock<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        routing: &Routing,
        timing: u32,
        message: MidiMessage,
    ) {
        let starts = matches!(message, MidiMessage::Start | MidiMessage::Continue);
        // A receiver that heard no start hears nothing: a clock that was switched on in the middle waits for one.
        let leads_in = starts || matches!(message, MidiMessage::SongPosition(_));
        if !(self.clock_runs || routing.clock && leads_in) {
            return;
        }
        // Switched off while running: one stop, then silence.
        let message = if routing.clock { message } else { MidiMessage::Stop };
        self.clock_runs = (self.clock_runs || starts) && message != MidiMessage::Stop;
        if let Some(message) = message.bytes().get(..message.n_bytes()).and_then(Wire::midi) {
            let _ = context.try_send_event(NoteEvent::MidiSysEx { timing, message });
        }
    }

    fn note_on<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        routing: &Routing,
        timing: u32,
        event: &BeatEvent,
    ) {
        let note = if event.beat_in_bar == 1 { routing.downbeat_note } else { routing.beat_note };
        let velocity = beat_velocity(event.intensity);
        self.note_off(context, timing);
        let on = NoteEvent::NoteOn {
            timing,
            voice_id: VoiceID::Wildcard,
            channel: Channel::Number(routing.channel),
            key: Key::Number(note),
            velocity,
        };
        if context.try_send_event(on).is_ok() {
            self.sounding = Some((routing.channel, note));
        }
    }

    fn note_off<P: Plugin<SysExMessage = Wire>>(&mut self, context: &mut impl ProcessContext<P>, timing: u32) {
        if let Some((on_channel, note)) = self.sounding.take() {
            let off = NoteEvent::NoteOff {
                timing,
                voice_id: VoiceID::Wildcard,
                channel: Channel::Number(on_channel),
                key: Key::Number(note),
                velocity: 0.0,
            };
            let _ = context.try_send_event(off);
        }
    }

    fn show_beat<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        params: &AnacrusisParams,
        timing: u32,
        event: &BeatEvent,
        tempo_bpm: f64,
    ) {
        self.shows_values = true;
        show(context, timing, Shown::Tempo, params.out_tempo.preview_normalized(tempo_bpm as f32));
        show(context, timing, Shown::Conf, params.out_conf.preview_normalized(event.conf));
        show(context, timing, Shown::Locked, params.out_locked.preview_normalized(true));
        show(context, timing, Shown::BeatInBar, params.out_beat_in_bar.preview_normalized(i32::from(event.beat_in_bar)));
        show(context, timing, Shown::BeatsPerBar, params.out_beats_per_bar.preview_normalized(i32::from(event.beats_per_bar)));
        show(context, timing, Shown::Pulse, params.out_pulse.preview_normalized(1.0));
    }

    fn show_nothing<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        params: &AnacrusisParams,
        routing: &Routing,
        timing: u32,
    ) {
        if !std::mem::take(&mut self.shows_values) || !routing.outputs {
            return;
        }
        let defaults = [
            (Shown::Tempo, params.out_tempo.default_normalized_value()),
            (Shown::Conf, params.out_conf.default_normalized_value()),
            (Shown::Locked, params.out_locked.default_normalized_value()),
            (Shown::BeatInBar, params.out_beat_in_bar.default_normalized_value()),
            (Shown::BeatsPerBar, params.out_beats_per_bar.default_normalized_value()),
            (Shown::Pulse, params.out_pulse.default_normalized_value()),
            (Shown::Section, params.out_section.default_normalized_value()),
            (Shown::Hazard, params.out_hazard.default_normalized_value()),
        ];
        for (output, normalized) in defaults {
            show(context, timing, output, normalized);
        }
    }
}

fn show<P: Plugin<SysExMessage = Wire>>(context: &mut impl ProcessContext<P>, timing: u32, output: Shown, normalized: f32) {
    let _ = context.try_send_event(NoteEvent::MidiSysEx { timing, message: Wire::output(output as u8, normalized) });
}
