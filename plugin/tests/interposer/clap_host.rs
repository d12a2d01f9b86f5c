//! A CLAP host of one plugin: creates, drives and records it through the C ABI.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{null, null_mut};

use anacrusis_plugin::interpose::clap::{Exported, entry};
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::events::*;
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_param_info, clap_plugin_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use clap_sys::stream::{clap_istream, clap_ostream};
use clap_sys::version::CLAP_VERSION;

use crate::probe::RATE_HZ;

pub(crate) const MAX_BLOCK: usize = 65_536;
const MAX_CHANGES: usize = 8;

/// What a plugin pushed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Midi([u8; 3]),
    Note { on: bool, key: i16 },
    Value { param_id: u32, value: f64 },
    SysEx([u8; 6]),
    Other(u16),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Event {
    /// From the start of the block; [`Host::play`] makes it samples from its start.
    pub(crate) time_samples: u64,
    pub(crate) flags: u32,
    pub(crate) kind: Kind,
}

/// What the host does with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    Takes,
    Refuses,
    /// The list is null.
    Not,
}

struct Recorder {
    events: Vec<Event>,
    refuses: bool,
}

pub(crate) struct Host {
    plugin: *const clap_plugin,
    _host: Box<clap_host>,
    recorder: Box<Recorder>,
    pub(crate) audio: [Vec<f32>; 4],
    pub(crate) listen: Listen,
}

impl Host {
    /// An instance of `P`, initialised but not active; `None` if the factory gave none.
    pub(crate) fn create<P: Exported>() -> Option<Self> {
        let host = Box::new(clap_host {
            clap_version: CLAP_VERSION,
            host_data: null_mut(),
            name: c"test".as_ptr(),
            vendor: c"".as_ptr(),
            url: c"".as_ptr(),
            version: c"".as_ptr(),
            get_extension: Some(no_extension),
            request_restart: Some(ignore),
            request_process: Some(ignore),
            request_callback: Some(ignore),
        });
        let factory = factory::<P>();
        // SAFETY: the factory's own functions, with a host that outlives the plugin.
        let plugin = unsafe {
            let descriptor = factory.get_plugin_descriptor.unwrap()(factory, 0);
            factory.create_plugin.unwrap()(factory, &*host, (*descriptor).id)
        };
        if plugin.is_null() {
            return None;
        }
        // SAFETY: just created.
        assert!(unsafe { (*plugin).init.unwrap()(plugin) });
        let recorder = Box::new(Recorder { events: Vec::with_capacity(8192), refuses: false });
        Some(Self { plugin, _host: host, recorder, audio: std::array::from_fn(|_| vec![0.0; MAX_BLOCK]), listen: Listen::Takes })
    }

    /// An instance of `P` that is ready to process.
    pub(crate) fn started<P: Exported>() -> Self {
        let host = Self::create::<P>().expect("a plugin");
        host.start();
        host
    }

    pub(crate) fn plugin(&self) -> *const clap_plugin {
        self.plugin
    }

    pub(crate) fn start(&self) {
        // SAFETY: a live plugin, not active.
        unsafe {
            assert!((*self.plugin).activate.unwrap()(self.plugin, RATE_HZ, 1, MAX_BLOCK as u32));
            assert!((*self.plugin).start_processing.unwrap()(self.plugin));
        }
    }

    pub(crate) fn stop(&self) {
        // SAFETY: a live plugin, processing.
        unsafe {
            (*self.plugin).stop_processing.unwrap()(self.plugin);
            (*self.plugin).deactivate.unwrap()(self.plugin);
        }
    }

    /// One block with parameter changes `(time, param_id, value)`; false if the plugin reports an error.
    pub(crate) fn try_block(&mut self, n_samples: u32, changes: &[(u32, u32, f64)]) -> bool {
        self.recorder.refuses = self.listen == Listen::Refuses;
        let [in_l, in_r, out_l, out_r] = &mut self.audio;
        let mut ins = [in_l.as_mut_ptr(), in_r.as_mut_ptr()];
        let mut outs = [out_l.as_mut_ptr(), out_r.as_mut_ptr()];
        let buffer = |channels: &mut [*mut f32; 2]| clap_audio_buffer {
            data32: channels.as_mut_ptr(),
            data64: null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        };
        let (input, mut output) = (buffer(&mut ins), buffer(&mut outs));
        let changes = Changes::new(changes);
        let in_events = clap_input_events { ctx: (&raw const changes).cast_mut().cast(), size: Some(n_changes), get: Some(change) };
        let out_events = clap_output_events { ctx: (&raw mut *self.recorder).cast(), try_push: Some(record) };
        let process = clap_process {
            steady_time: -1,
            frames_count: n_samples,
            transport: null(),
            audio_inputs: &input,
            audio_outputs: &mut output,
            audio_inputs_count: 1,
            audio_outputs_count: 1,
            in_events: &in_events,
            out_events: if self.listen == Listen::Not { null() } else { &out_events },
        };
        // SAFETY: a live plugin and a whole block.
        unsafe { (*self.plugin).process.unwrap()(self.plugin, &process) != CLAP_PROCESS_ERROR }
    }

    /// One block; what the plugin pushed in it.
    pub(crate) fn block(&mut self, n_samples: u32, changes: &[(u32, u32, f64)]) -> Vec<Event> {
        self.recorder.events.clear();
        assert!(self.try_block(n_samples, changes));
        self.events().to_vec()
    }

    /// What the plugin pushed since [`Self::forget_events`].
    pub(crate) fn events(&self) -> &[Event] {
        &self.recorder.events
    }

    /// Makes room in the list that [`Self::try_block`] fills, without freeing it.
    pub(crate) fn forget_events(&mut self) {
        self.recorder.events.clear();
    }

    /// Blocks of a length until `n_samples` are through; what the plugin pushed, times from the start.
    pub(crate) fn play(&mut self, n_samples: u64, block_samples: u32) -> Vec<Event> {
        let mut events = Vec::new();
        let mut start = 0;
        while start < n_samples {
            let n = u64::from(block_samples).min(n_samples - start);
            events.extend(self.block(n as u32, &[]).into_iter().map(|event| Event { time_samples: start + event.time_samples, ..event }));
            start += n;
        }
        events
    }

    pub(crate) fn extension<T>(&self, id: &CStr) -> Option<&T> {
        // SAFETY: a live plugin; the tests ask for the struct that belongs to the id.
        unsafe { (*self.plugin).get_extension.unwrap()(self.plugin, id.as_ptr()).cast::<T>().as_ref() }
    }

    pub(crate) fn params(&self) -> &clap_plugin_params {
        self.extension(CLAP_EXT_PARAMS).expect("clap.params")
    }

    /// Every parameter.
    pub(crate) fn infos(&self) -> Vec<clap_param_info> {
        // SAFETY: a live plugin and room for the answers.
        unsafe {
            let n_params = self.params().count.unwrap()(self.plugin);
            let info = |param_idx| {
                let mut info = std::mem::zeroed();
                assert!(self.params().get_info.unwrap()(self.plugin, param_idx, &mut info));
                info
            };
            (0..n_params).map(info).collect()
        }
    }

    pub(crate) fn info(&self, name: &str) -> clap_param_info {
        // SAFETY: names end with a null byte.
        let is_named = |info: &clap_param_info| unsafe { CStr::from_ptr(info.name.as_ptr()) }.to_str() == Ok(name);
        self.infos().into_iter().find(is_named).expect("a parameter of that name")
    }

    pub(crate) fn value(&self, param_id: u32) -> f64 {
        let mut value = f64::NAN;
        // SAFETY: a live plugin and room for the answer.
        assert!(unsafe { self.params().get_value.unwrap()(self.plugin, param_id, &mut value) });
        value
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::<u8>::new();
        let stream = clap_ostream { ctx: (&raw mut bytes).cast(), write: Some(write) };
        // SAFETY: a live plugin and stream.
        assert!(unsafe { self.state().save.unwrap()(self.plugin, &stream) });
        bytes
    }

    pub(crate) fn load(&self, mut bytes: &[u8]) -> bool {
        let stream = clap_istream { ctx: (&raw mut bytes).cast(), read: Some(read) };
        // SAFETY: a live plugin and stream.
        unsafe { self.state().load.unwrap()(self.plugin, &stream) }
    }

    fn state(&self) -> &clap_plugin_state {
        self.extension(CLAP_EXT_STATE).expect("clap.state")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: a live plugin, not used after this.
        unsafe { (*self.plugin).destroy.unwrap()(self.plugin) };
    }
}

/// The factory of a library with `P`.
pub(crate) fn factory<P: Exported>() -> &'static clap_plugin_factory {
    // SAFETY: the entry point's own function, and the struct that belongs to the id.
    unsafe { entry::<P>().get_factory.unwrap()(CLAP_PLUGIN_FACTORY_ID.as_ptr()).cast::<clap_plugin_factory>().as_ref().expect("a factory") }
}

unsafe extern "C" fn no_extension(_host: *const clap_host, _id: *const c_char) -> *const c_void {
    null()
}

unsafe extern "C" fn ignore(_host: *const clap_host) {}

/// Parameter changes of a block, as the plugin asks for them.
struct Changes {
    events: [clap_event_param_value; MAX_CHANGES],
    n_events: u32,
}

impl Changes {
    fn new(changes: &[(u32, u32, f64)]) -> Self {
        let event = |idx: usize| {
            let (time, param_id, value) = changes.get(idx).copied().unwrap_or_default();
            let size = size_of::<clap_event_param_value>() as u32;
            let header = clap_event_header { size, time, space_id: CLAP_CORE_EVENT_SPACE_ID, type_: CLAP_EVENT_PARAM_VALUE, flags: 0 };
            clap_event_param_value { header, param_id, cookie: null_mut(), note_id: -1, port_index: -1, channel: -1, key: -1, value }
        };
        assert!(changes.len() <= MAX_CHANGES);
        Self { events: std::array::from_fn(event), n_events: changes.len() as u32 }
    }
}

unsafe extern "C" fn n_changes(list: *const clap_input_events) -> u32 {
    // SAFETY: made by `try_block`.
    unsafe { (*(*list).ctx.cast::<Changes>()).n_events }
}

unsafe extern "C" fn change(list: *const clap_input_events, idx: u32) -> *const clap_event_header {
    // SAFETY: made by `try_block`.
    let changes = unsafe { &*(*list).ctx.cast::<Changes>() };
    (&raw const changes.events[idx as usize]).cast()
}

unsafe extern "C" fn record(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: made by `try_block`; each event is what its header says.
    unsafe {
        let recorder = &mut *(*list).ctx.cast::<Recorder>();
        let header = *event;
        let kind = match header.type_ {
            CLAP_EVENT_MIDI => Kind::Midi((*event.cast::<clap_event_midi>()).data),
            CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_OFF => {
                Kind::Note { on: header.type_ == CLAP_EVENT_NOTE_ON, key: (*event.cast::<clap_event_note>()).key }
            }
            CLAP_EVENT_PARAM_VALUE => {
                let value = *event.cast::<clap_event_param_value>();
                assert_eq!((value.note_id, value.port_index, value.channel, value.key), (-1, -1, -1, -1));
                Kind::Value { param_id: value.param_id, value: value.value }
            }
            CLAP_EVENT_MIDI_SYSEX => {
                let sysex = *event.cast::<clap_event_midi_sysex>();
                let bytes = std::slice::from_raw_parts(sysex.buffer, sysex.size as usize);
                Kind::SysEx(bytes.try_into().expect("six bytes"))
            }
            other => Kind::Other(other),
        };
        if recorder.refuses {
            return false;
        }
        recorder.events.push(Event { time_samples: u64::from(header.time), flags: header.flags, kind });
        true
    }
}

unsafe extern "C" fn write(stream: *const clap_ostream, bytes: *const c_void, n_bytes: u64) -> i64 {
    // SAFETY: made by `save`.
    unsafe { (*(*stream).ctx.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(bytes.cast(), n_bytes as usize)) };
    n_bytes as i64
}

unsafe extern "C" fn read(stream: *const clap_istream, to: *mut c_void, n_bytes: u64) -> i64 {
    // SAFETY: made by `load`.
    unsafe {
        let bytes = &mut *(*stream).ctx.cast::<&[u8]>();
        let n = bytes.len().min(n_bytes as usize);
        let (now, later) = bytes.split_at(n);
        std::ptr::copy_nonoverlapping(now.as_ptr(), to.cast(), n);
        *bytes = later;
        n as i64
    }
}
