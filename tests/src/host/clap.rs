//! The CLAP test host, on `clack-host`. Tests only.

use std::ffi::CString;
use std::io::Cursor;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use clack_extensions::gui::{GuiApiType, GuiConfiguration, GuiSize, HostGui, HostGuiImpl, PluginGui, Window};
use clack_extensions::latency::PluginLatency;
use clack_extensions::params::{ParamInfoBuffer, ParamInfoFlags, PluginParams};
use clack_extensions::render::{PluginRender, RenderMode};
use clack_extensions::state::PluginState;
use clack_host::events::event_types::{ParamValueEvent, TransportEvent, TransportFlags};
use clack_host::events::spaces::CoreEventSpace;
use clack_host::events::{EventFlags, Match};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};

use super::{Mode, Parameter, Said, Setup, TestHost, Timed, Transport, bundle};

/// What the plugin may call; of extensions it offers that for windows alone.
struct Callbacks {
    wants_callback: AtomicBool,
    /// Size that the window asked for, packed; 0 = none.
    wants_size: AtomicU64,
}

impl HostGuiImpl for Callbacks {
    fn resize_hints_changed(&self) {}

    fn request_resize(&self, new_size: GuiSize) -> Result<(), HostError> {
        self.wants_size.store(new_size.pack_to_u64(), Ordering::Release);
        Ok(())
    }

    fn request_show(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn request_hide(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn closed(&self, _was_destroyed: bool) {}
}

impl SharedHandler<'_> for Callbacks {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        self.wants_callback.store(true, Ordering::Release);
    }
}

struct Handlers;

impl HostHandlers for Handlers {
    type Shared<'a> = Callbacks;
    type MainThread<'a> = ();
    type AudioProcessor<'a> = ();

    fn declare_extensions(builder: &mut HostExtensions<'_, Self>, _shared: &Self::Shared<'_>) {
        builder.register::<HostGui>();
    }
}

/// One instance in a CLAP host.
pub struct ClapHost {
    // Before the instance: a processor that outlives it leaks both.
    processor: Option<StartedPluginAudioProcessor<Handlers>>,
    instance: PluginInstance<Handlers>,
    parameters: Vec<(Parameter, f64)>,
    rate_hz: f64,
    steady_samples: u64,
    pending: EventBuffer,
    ports: [AudioPorts; 2],
    input: [Vec<f32>; 2],
}

impl ClapHost {
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
        let path = bundle(xtask::bundle::CLAP)?;
        // SAFETY: the library is our own build.
        let entry = unsafe { PluginEntry::load(&path) }.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let factory = entry.get_plugin_factory().expect("a plugin factory");
        assert_eq!(factory.plugin_count(), 1);
        let id = CString::from(factory.plugin_descriptor(0).and_then(|descriptor| descriptor.id()).expect("a plugin with an id"));
        let host = HostInfo::new("Anacrusis test host", "Anacrusis", "", "1").expect("no NUL in these");
        let mut instance = PluginInstance::<Handlers>::new(
            |_| Callbacks { wants_callback: AtomicBool::new(false), wants_size: AtomicU64::new(0) },
            |_| (),
            &entry,
            &id,
            &host,
        )
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let parameters = read_parameters(&mut instance);
        Some(Self {
            processor: None,
            instance,
            parameters,
            rate_hz: 0.0,
            steady_samples: 0,
            pending: EventBuffer::new(),
            ports: [AudioPorts::with_capacity(2, 1), AudioPorts::with_capacity(2, 1)],
            input: [Vec::new(), Vec::new()],
        })
    }

    /// Opens the window within the X11 window `parent`; returns its size, pixels.
    ///
    /// # Panics
    /// On a plugin that does not open it.
    pub fn open_window(&mut self, parent: u32) -> (u32, u32) {
        self.open_window_slowly(parent, Duration::ZERO)
    }

    /// As [`ClapHost::open_window`], with a pause between making the window and showing it.
    pub fn open_window_slowly(&mut self, parent: u32, pause: Duration) -> (u32, u32) {
        let plugin = self.instance.plugin_handle();
        let gui: PluginGui = plugin.get_extension().expect("a window");
        let api = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };
        assert!(gui.is_api_supported(&plugin, api));
        gui.create(&plugin, api).expect("the window can be made");
        let size = gui.get_size(&plugin).expect("a size");
        // SAFETY: the parent lives until the window is closed.
        unsafe { gui.set_parent(&plugin, Window::from_x11_handle(parent.into())) }.expect("the window can be put into another");
        std::thread::sleep(pause);
        gui.show(&plugin).expect("the window can be shown");
        self.idle();
        (size.width, size.height)
    }

    /// Closes it.
    pub fn close_window(&mut self) {
        let plugin = self.instance.plugin_handle();
        let gui: PluginGui = plugin.get_extension().expect("a window");
        gui.destroy(&plugin);
        self.idle();
    }

    /// Makes the window larger or smaller, as a host does when its own frame is dragged.
    pub fn resize_window(&mut self, width: u32, height: u32) {
        let plugin = self.instance.plugin_handle();
        let gui: PluginGui = plugin.get_extension().expect("a window");
        gui.set_size(&plugin, GuiSize { width, height }).expect("a size that the window takes");
        self.idle();
    }

    /// The size that the window asked for since the last call, pixels.
    pub fn wanted_size(&mut self) -> Option<(u32, u32)> {
        let packed = self.instance.access_shared_handler(|callbacks| callbacks.wants_size.swap(0, Ordering::AcqRel));
        let size = GuiSize::unpack_from_u64(packed);
        (packed != 0).then_some((size.width, size.height))
    }

    /// Does what the plugin asked the main thread for.
    pub fn idle(&mut self) {
        if self.instance.access_shared_handler(|callbacks| callbacks.wants_callback.swap(false, Ordering::AcqRel)) {
            self.instance.call_on_main_thread_callback();
        }
    }

    fn params(&mut self) -> PluginParams {
        self.instance.plugin_handle().get_extension().expect("parameters")
    }

    /// Largest plain value of a parameter; the smallest is 0.
    fn scale(&self, id: u32) -> f64 {
        let (_, scale) = self.parameters.iter().find(|(parameter, _)| parameter.id == id).unwrap_or_else(|| panic!("no parameter {id}"));
        *scale
    }

    fn said(&self, event: &UnknownEvent) -> Said {
        let is_live = event.header().flags().contains(EventFlags::IS_LIVE);
        let number = |value: Match<u16>| value.into_specific().and_then(|value| u8::try_from(value).ok());
        match event.as_core_event() {
            Some(CoreEventSpace::NoteOn(note)) => match (number(note.channel()), number(note.key())) {
                (Some(channel), Some(key)) => Said::NoteOn { channel, key },
                _ => Said::Unexpected,
            },
            Some(CoreEventSpace::NoteOff(note)) => match (number(note.channel()), number(note.key())) {
                (Some(channel), Some(key)) => Said::NoteOff { channel, key },
                _ => Said::Unexpected,
            },
            Some(CoreEventSpace::Midi(midi)) => Said::of_midi(midi.data()),
            Some(CoreEventSpace::ParamGestureBegin(gesture)) => {
                Said::Gesture { id: gesture.param_id().map_or(u32::MAX, ClapId::get), begins: true }
            }
            Some(CoreEventSpace::ParamGestureEnd(gesture)) => {
                Said::Gesture { id: gesture.param_id().map_or(u32::MAX, ClapId::get), begins: false }
            }
            Some(CoreEventSpace::ParamValue(change)) => {
                let id = change.param_id().map_or(u32::MAX, ClapId::get);
                Said::Value { id, normalized: change.value() / self.scale(id), is_live }
            }
            _ => Said::Unexpected,
        }
    }

    fn transport_event(&self, transport: &Transport) -> TransportEvent {
        let beat = transport.beat(self.rate_hz);
        let bar = (beat / f64::from(transport.beats_per_bar)).floor();
        let known = TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_SECONDS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE;
        TransportEvent {
            header: EventHeader::new_core(0, EventFlags::empty()),
            flags: if transport.is_playing { known | TransportFlags::IS_PLAYING } else { known },
            song_pos_beats: BeatTime::from_float(beat),
            song_pos_seconds: SecondsTime::from_float(transport.position_samples as f64 / self.rate_hz),
            tempo: transport.tempo_bpm,
            tempo_inc: 0.0,
            loop_start_beats: BeatTime::from_int(0),
            loop_end_beats: BeatTime::from_int(0),
            loop_start_seconds: SecondsTime::from_int(0),
            loop_end_seconds: SecondsTime::from_int(0),
            bar_start: BeatTime::from_float(bar * f64::from(transport.beats_per_bar)),
            bar_number: bar as i32,
            time_signature_numerator: transport.beats_per_bar,
            time_signature_denominator: 4,
        }
    }
}

/// The parameters with their largest plain values.
fn read_parameters(instance: &mut PluginInstance<Handlers>) -> Vec<(Parameter, f64)> {
    let handle = instance.plugin_handle();
    let params: PluginParams = handle.get_extension().expect("parameters");
    let mut buffer = ParamInfoBuffer::new();
    let mut read = Vec::new();
    for idx in 0..params.count(&handle) {
        let info = params.get_info(&handle, idx, &mut buffer).expect("a parameter below the count");
        assert_eq!(info.min_value, 0.0, "nice-plug's smallest plain value");
        let parameter = Parameter {
            id: info.id.get(),
            name: String::from_utf8_lossy(info.name).into_owned(),
            is_read_only: info.flags.contains(ParamInfoFlags::IS_READONLY),
            is_automatable: info.flags.contains(ParamInfoFlags::IS_AUTOMATABLE),
            is_bypass: info.flags.contains(ParamInfoFlags::IS_BYPASS),
            default_normalized: info.default_value / info.max_value,
        };
        read.push((parameter, info.max_value));
    }
    // One past the end must be refused, not end the host.
    assert!(params.get_info(&handle, read.len() as u32, &mut buffer).is_none());
    read
}

impl TestHost for ClapHost {
    fn parameters(&mut self) -> Vec<Parameter> {
        self.parameters.iter().map(|(parameter, _)| parameter.clone()).collect()
    }

    fn value(&mut self, id: u32) -> f64 {
        self.idle();
        let (params, scale) = (self.params(), self.scale(id));
        params.get_value(&self.instance.plugin_handle(), ClapId::new(id)).expect("a parameter of the plugin") / scale
    }

    fn set(&mut self, id: u32, normalized: f64) {
        self.pending.push(&ParamValueEvent::new(0, ClapId::new(id), Pckn::match_all(), normalized * self.scale(id)));
        if self.processor.is_none() {
            let params = self.params();
            let mut plugin = self.instance.inactive_plugin_handle().expect("not active");
            params.flush(&mut plugin, &self.pending.as_input(), &mut OutputEvents::void());
            self.pending.clear();
        }
    }

    fn latency_samples(&mut self) -> u32 {
        let plugin = self.instance.plugin_handle();
        plugin.get_extension::<PluginLatency>().map_or(0, |latency| latency.get(&plugin))
    }

    fn activate(&mut self, setup: &Setup) {
        let plugin = self.instance.plugin_handle();
        let render: PluginRender = plugin.get_extension().expect("the render extension");
        let mode = if setup.mode == Mode::Offline { RenderMode::Offline } else { RenderMode::Realtime };
        render.set(&plugin, mode).expect("a render mode that the plugin takes");
        let config =
            PluginAudioConfiguration { sample_rate: setup.rate_hz, min_frames_count: 1, max_frames_count: setup.max_block_samples as u32 };
        let stopped = self.instance.activate(|_, _| (), config).expect("the plugin can be activated");
        self.processor = Some(stopped.start_processing().expect("the plugin can process"));
        self.rate_hz = setup.rate_hz;
    }

    fn deactivate(&mut self) {
        let processor = self.processor.take().expect("the plugin is active");
        self.instance.deactivate(processor.stop_processing());
        self.idle();
    }

    fn process(&mut self, input: [&[f32]; 2], transport: Option<&Transport>, output: &mut [Vec<f32>; 2], events: &mut Vec<Timed<u32>>) {
        let transport = transport.map(|transport| self.transport_event(transport));
        for (copy, channel) in self.input.iter_mut().zip(input) {
            copy.clear();
            copy.extend_from_slice(channel);
        }
        output.iter_mut().for_each(|channel| channel.resize(input[0].len(), 0.0));
        let mut said = EventBuffer::new();
        let [input_ports, output_ports] = &mut self.ports;
        let inputs = input_ports.with_input_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_input_only(self.input.iter_mut().map(InputChannel::variable)),
        }]);
        let mut outputs = output_ports.with_output_buffers([AudioPortBuffer {
            latency: 0,
            channels: AudioPortBufferType::f32_output_only(output.iter_mut().map(Vec::as_mut_slice)),
        }]);
        let processor = self.processor.as_mut().expect("the plugin is active");
        let pending = self.pending.as_input();
        let call = || {
            processor
                .process(&inputs, &mut outputs, &pending, &mut said.as_output(), Some(self.steady_samples), transport.as_ref())
                .expect("the plugin processes");
        };
        // As real hosts do: subnormal numbers count as zero on the audio thread.
        // SAFETY: the code inside works on sound; none of it relies on subnormal numbers.
        unsafe { no_denormals::no_denormals(call) };
        self.steady_samples += input[0].len() as u64;
        self.pending.clear();
        events.extend(said.iter().map(|event| Timed { at: event.header().time(), said: self.said(event) }));
        self.idle();
    }

    fn save(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let plugin = self.instance.plugin_handle();
        let state: PluginState = plugin.get_extension().expect("the state extension");
        state.save(&plugin, &mut bytes).expect("a state that can be saved");
        bytes
    }

    fn load(&mut self, state: &[u8]) -> bool {
        let plugin = self.instance.plugin_handle();
        let extension: PluginState = plugin.get_extension().expect("the state extension");
        let taken = extension.load(&plugin, &mut Cursor::new(state)).is_ok();
        self.idle();
        taken
    }
}

impl Drop for ClapHost {
    fn drop(&mut self) {
        if self.processor.is_some() {
            self.deactivate();
        }
    }
}
