//! What the follower plays, as events of the framework: raw MIDI, notes, output parameters. AUDIO THREAD.

use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::*;
use runtime_core::rt::follower::Output;
use runtime_core::state::BeatEvent;

use crate::interpose::Wire;
use crate::params::AnacrusisParams;

/// Output parameters, in the order of their indices.
pub const OUTPUTS: &[&str] =
    &["out_tempo", "out_conf", "out_locked", "out_beat_in_bar", "out_beats_per_bar", "out_pulse", "out_section", "out_hazard"];

/// Velocity of the weakest and the strongest beat, `[0, 1]`.
const VELOCITY: (f32, f32) = (0.5, 1.0);

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
            Output::Clock(message) => self.clock(context, routing, timing, message.bytes(), message.n_bytes()),
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
                    send(context, timing, 5, params.out_pulse.preview_normalized(0.0));
                }
            }
            Output::Unlocked => self.show_nothing(context, params, routing, timing),
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
            self.clock(context, &Routing { clock: true, ..*routing }, 0, [0xFC, 0, 0], 1);
        }
        self.show_nothing(context, params, routing, 0);
    }

    fn clock<P: Plugin<SysExMessage = Wire>>(
        &mut self,
        context: &mut impl ProcessContext<P>,
        routing: &Routing,
        timing: u32,
        bytes: [u8; 3],
        n_bytes: usize,
    ) {
        const START: u8 = 0xFA;
        const CONTINUE: u8 = 0xFB;
        const STOP: u8 = 0xFC;
        let starts = matches!(bytes[0], START | CONTINUE);
        // A receiver that heard no start hears nothing: a clock that was switched on in the middle waits for one.
        if !routing.clock && !self.clock_runs || !starts && !self.clock_runs && bytes[0] != 0xF2 {
            return;
        }
        // Switched off while running: one stop, then silence.
        let (bytes, n_bytes) = if routing.clock { (bytes, n_bytes) } else { ([STOP, 0, 0], 1) };
        self.clock_runs = (self.clock_runs || starts) && bytes[0] != STOP;
        if let Some(message) = bytes.get(..n_bytes).and_then(Wire::midi) {
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
        let velocity = VELOCITY.0 + (VELOCITY.1 - VELOCITY.0) * event.intensity.clamp(0.0, 1.0);
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
        send(context, timing, 0, params.out_tempo.preview_normalized(tempo_bpm as f32));
        send(context, timing, 1, params.out_conf.preview_normalized(event.conf));
        send(context, timing, 2, params.out_locked.preview_normalized(true));
        send(context, timing, 3, params.out_beat_in_bar.preview_normalized(i32::from(event.beat_in_bar)));
        send(context, timing, 4, params.out_beats_per_bar.preview_normalized(i32::from(event.beats_per_bar)));
        send(context, timing, 5, params.out_pulse.preview_normalized(1.0));
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
            params.out_tempo.default_normalized_value(),
            params.out_conf.default_normalized_value(),
            params.out_locked.default_normalized_value(),
            params.out_beat_in_bar.default_normalized_value(),
            params.out_beats_per_bar.default_normalized_value(),
            params.out_pulse.default_normalized_value(),
            params.out_section.default_normalized_value(),
            params.out_hazard.default_normalized_value(),
        ];
        for (idx, value) in defaults.into_iter().enumerate() {
            send(context, timing, idx as u8, value);
        }
    }
}

fn send<P: Plugin<SysExMessage = Wire>>(context: &mut impl ProcessContext<P>, timing: u32, output_idx: u8, normalized: f32) {
    let _ = context.try_send_event(NoteEvent::MidiSysEx { timing, message: Wire::output(output_idx, normalized) });
}
