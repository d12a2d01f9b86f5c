//! The VST3 test host, on `vst3-host`. Tests only.

#[cfg(target_os = "linux")]
use vst3_host::WindowHandle;
use vst3_host::audio::AudioBuffers;
use vst3_host::midi::PluginEventData;
use vst3_host::{ParameterEdit, Plugin, ProcessMode, TransportPosition, Vst3Host};

use super::{Mode, Parameter, Said, Setup, TestHost, Timed, Transport, bundle};

/// Until it is activated.
const RATE_HZ: f64 = 48_000.0;
const BLOCK_SAMPLES: usize = 512;

/// One instance in a VST3 host.
pub struct Vst3TestHost {
    plugin: Plugin,
    buffers: AudioBuffers,
    rate_hz: f64,
}

impl Vst3TestHost {
    /// An instance from the bundle, or `None`, said aloud, where there is no bundle.
    ///
    /// # Panics
    /// On a bundle that cannot be loaded.
    pub fn open() -> Option<Box<dyn TestHost>> {
        Some(Box::new(Self::load()?))
    }

    /// [`Self::open`], with its window.
    ///
    /// # Panics
    /// On a bundle that cannot be loaded.
    pub fn load() -> Option<Self> {
        let path = bundle(xtask::bundle::VST3)?;
        let mut host = Vst3Host::builder().sample_rate(RATE_HZ).block_size(BLOCK_SAMPLES).build().expect("valid settings");
        let plugin = host.load_plugin(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Some(Self { plugin, buffers: AudioBuffers::new(2, 2, BLOCK_SAMPLES, RATE_HZ), rate_hz: RATE_HZ })
    }

    /// Opens the window within the X11 window `parent`; returns its size, pixels.
    ///
    /// # Panics
    /// On a plugin that does not open it.
    #[cfg(target_os = "linux")]
    pub fn open_window(&mut self, parent: u32) -> (i32, i32) {
        assert!(self.plugin.has_editor());
        self.plugin.open_editor(WindowHandle::from_x11(parent)).expect("the window can be opened");
        self.plugin.attached_editor_size().expect("a size").expect("an open window")
    }

    /// Closes it.
    ///
    /// # Panics
    /// On a window that cannot be closed.
    pub fn close_window(&mut self) {
        self.plugin.close_editor().expect("an open window");
    }

    /// Runs what the window asked the host's event loop for.
    pub fn idle(&mut self) {
        self.plugin.service_run_loop();
    }

    /// What the user did in the window since the last call: parameter, and whether it was begun, set or ended.
    pub fn take_edits(&mut self) -> Vec<ParameterEdit> {
        self.plugin.take_parameter_edits()
    }
}

impl TestHost for Vst3TestHost {
    fn parameters(&mut self) -> Vec<Parameter> {
        let parameters = self.plugin.get_parameters().expect("a controller");
        let of = |parameter: &vst3_host::Parameter| Parameter {
            id: parameter.id,
            name: parameter.name.clone(),
            is_read_only: parameter.is_read_only,
            is_automatable: parameter.can_automate,
            is_bypass: parameter.is_bypass,
            default_normalized: parameter.default,
        };
        parameters.iter().map(of).collect()
    }

    fn value(&mut self, id: u32) -> f64 {
        self.plugin.get_parameter(id).expect("a controller")
    }

    fn set(&mut self, id: u32, normalized: f64) {
        self.plugin.set_parameter(id, normalized).expect("a parameter of the plugin");
    }

    fn latency_samples(&mut self) -> u32 {
        self.plugin.latency_samples()
    }

    fn activate(&mut self, setup: &Setup) {
        let mode = if setup.mode == Mode::Offline { ProcessMode::Offline } else { ProcessMode::Realtime };
        self.plugin.reconfigure(setup.rate_hz, setup.max_block_samples).expect("a setup that the plugin takes");
        self.plugin.set_process_mode(mode).expect("a mode that the plugin takes");
        self.plugin.start_processing().expect("the plugin can process");
        self.rate_hz = setup.rate_hz;
        self.buffers.sample_rate = setup.rate_hz;
        self.buffers.block_size = setup.max_block_samples;
    }

    fn deactivate(&mut self) {
        self.plugin.stop_processing().expect("the plugin is active");
    }

    fn process(&mut self, input: [&[f32]; 2], transport: Option<&Transport>, output: &mut [Vec<f32>; 2], events: &mut Vec<Timed<u32>>) {
        if let Some(transport) = transport {
            let position = TransportPosition { samples: transport.position_samples, quarter_notes: transport.beat(self.rate_hz) };
            self.plugin.set_tempo(transport.tempo_bpm).expect("a tempo in range");
            self.plugin.set_time_signature(i32::from(transport.beats_per_bar), 4).expect("a meter in range");
            self.plugin.set_playing(transport.is_playing).expect("a transport");
            self.plugin.set_transport_position(position).expect("a finite position");
        }
        for (copy, channel) in self.buffers.inputs.iter_mut().zip(input) {
            copy.clear();
            copy.extend_from_slice(channel);
        }
        self.buffers.outputs.iter_mut().for_each(|channel| channel.resize(input[0].len(), 0.0));
        self.plugin.process_audio(&mut self.buffers).expect("the plugin processes");
        for (channel, from) in output.iter_mut().zip(&self.buffers.outputs) {
            channel.clear();
            channel.extend_from_slice(from);
        }
        // This host keeps no positions of output parameter changes: they count as at the start of the block.
        let changes = self.plugin.get_parameter_changes().into_iter();
        events.extend(changes.map(|(id, normalized)| Timed { at: 0, said: Said::Value { id, normalized, is_live: false } }));
        for event in self.plugin.take_output_events() {
            let said = match event.data {
                PluginEventData::NoteOn { channel, pitch, .. } => Said::NoteOn { channel: channel as u8, key: pitch as u8 },
                PluginEventData::NoteOff { channel, pitch, .. } => Said::NoteOff { channel: channel as u8, key: pitch as u8 },
                _ => Said::Unexpected,
            };
            events.push(Timed { at: event.sample_offset as u32, said });
        }
    }

    fn save(&mut self) -> Vec<u8> {
        self.plugin.save_state().expect("a state that can be saved")
    }

    fn load(&mut self, state: &[u8]) -> bool {
        self.plugin.load_state(state).is_ok()
    }
}
