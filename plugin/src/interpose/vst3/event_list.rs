//! The event list that nice-plug pushes into: keeps the values for outputs, passes the rest on to the host. Audio thread.
//!
//! VST3 has no MIDI system messages (0xF8 above all), so these end here; the manual says so. Notes go straight on: in this
//! format nothing is mixed into them, the plugin's order is the host's.

use std::cell::{Cell, UnsafeCell};
use std::sync::Arc;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::DataEvent_::DataTypes_::kMidiSysEx;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::Event_::EventTypes_::kDataEvent;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    Event, IEventList, IEventListTrait, IParamValueQueueTrait, IParameterChanges, IParameterChangesTrait,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{int32, kInvalidArgument, kResultFalse, kResultOk, tresult};
use nice_plug::wrapper::vst3::vst3::{Class, ComRef};

use crate::interpose::params::Outputs;
use crate::interpose::queue::TimeQueue;
use crate::interpose::wire::{Message, decode};

const DATA_EVENT: u16 = kDataEvent as u16;
#[allow(clippy::unnecessary_cast, reason = "enums are signed on Windows")]
const MIDI_SYSEX: u32 = kMidiSysEx as u32;

/// A value for an output.
#[derive(Clone, Copy, Default)]
struct Point {
    output_idx: usize,
    normalized: f32,
}

/// Events between plugin and host. Between blocks it is empty and has no host.
pub(super) struct EventList {
    outputs: Arc<Outputs>,
    points: UnsafeCell<TimeQueue<Point>>,
    /// The host's list; null if it wants no events.
    host: Cell<*mut IEventList>,
}

impl Class for EventList {
    type Interfaces = (IEventList,);
}

impl EventList {
    /// A list for the outputs of an instance. Allocates all it will ever need.
    pub(super) fn new(outputs: Arc<Outputs>) -> Self {
        Self { outputs, points: UnsafeCell::new(TimeQueue::new()), host: Cell::new(std::ptr::null_mut()) }
    }

    /// Begins a block with the values that the host has not been told yet.
    ///
    /// # Safety
    ///
    /// From here to [`Self::finish`] this list is used by one thread, and `host` is null or valid.
    ///
    /// Real-time safe: yes
    pub(super) unsafe fn begin(&self, host: *mut IEventList) {
        self.host.set(host);
        for (output_idx, output) in self.outputs.iter().enumerate() {
            if let Some(normalized) = output.untold() {
                // SAFETY: the caller's promise.
                unsafe { self.push(0, Point { output_idx, normalized }) };
            }
        }
    }

    /// Ends a block: hands the points to the host, per output in time order. A host that takes none is told the values again in
    /// the next block.
    ///
    /// # Safety
    ///
    /// As for [`Self::begin`], and `changes` is null or valid.
    ///
    /// Real-time safe: as far as the host's functions are
    pub(super) unsafe fn finish(&self, changes: *mut IParameterChanges) {
        self.host.set(std::ptr::null_mut());
        // SAFETY: the caller's promise; nothing below comes back to this list.
        let points = unsafe { &mut *self.points.get() };
        for (output_idx, output) in self.outputs.iter().enumerate() {
            let mut own_points = points.iter().filter(|(_, point)| point.output_idx == output_idx).peekable();
            if own_points.peek().is_none() {
                continue;
            }
            // SAFETY: null or the host's list.
            let queue = unsafe { ComRef::from_raw(changes) }.and_then(|changes| {
                let mut queue_idx = 0;
                // SAFETY: the host's function with our arguments; its queue lives as long as the list.
                unsafe { ComRef::from_raw(changes.addParameterData(&output.param_id(), &mut queue_idx)) }
            });
            let all_taken = own_points.all(|(time_samples, point)| {
                let mut point_idx = 0;
                queue.is_some_and(|queue| {
                    let offset = int32::try_from(time_samples).unwrap_or(int32::MAX);
                    // SAFETY: the host's function with our arguments.
                    unsafe { queue.addPoint(offset, f64::from(point.normalized), &mut point_idx) == kResultOk }
                })
            });
            if !all_taken {
                output.mark_untold();
            }
        }
        points.clear();
    }

    /// Keeps a point for the end of the block; false, and the value is told in the next block, when there are too many.
    ///
    /// # Safety
    ///
    /// As for [`Self::begin`].
    unsafe fn push(&self, time_samples: u32, point: Point) -> bool {
        // SAFETY: the caller's promise; the queue calls nobody.
        let kept = unsafe { (*self.points.get()).push(time_samples, point) };
        if !kept && let Some(output) = self.outputs.get(point.output_idx) {
            output.mark_untold();
        }
        kept
    }

    /// # Safety
    ///
    /// As for [`Self::begin`].
    unsafe fn push_output(&self, time_samples: u32, output_idx: usize, normalized: f32) -> tresult {
        match self.outputs.get(output_idx).and_then(|output| output.update(normalized)) {
            // SAFETY: the caller's promise.
            Some(normalized) if !unsafe { self.push(time_samples, Point { output_idx, normalized }) } => kResultFalse,
            _ => kResultOk,
        }
    }
}

impl IEventListTrait for EventList {
    unsafe fn getEventCount(&self) -> int32 {
        0
    }

    unsafe fn getEvent(&self, _event_idx: int32, _event: *mut Event) -> tresult {
        kInvalidArgument
    }

    unsafe fn addEvent(&self, event: *mut Event) -> tresult {
        // SAFETY: null or an event of nice-plug's.
        let Some(&Event { sampleOffset: offset, r#type: kind, __field0: body, .. }) = (unsafe { event.as_ref() }) else {
            return kInvalidArgument;
        };
        if kind == DATA_EVENT {
            // SAFETY: the kind says which field is set.
            let data = unsafe { body.data };
            if data.r#type != MIDI_SYSEX || data.bytes.is_null() {
                return kInvalidArgument;
            }
            // SAFETY: not null, and nice-plug gives the length; the bytes live during this call.
            match decode(unsafe { std::slice::from_raw_parts(data.bytes, data.size as usize) }) {
                Message::Output { output_idx, normalized } => {
                    // SAFETY: nice-plug calls this inside `process`, between `begin` and `finish`.
                    return unsafe { self.push_output(offset.max(0).unsigned_abs(), output_idx, normalized) };
                }
                Message::Short(_) | Message::Malformed => return kResultOk,
                Message::SysEx => {}
            }
        }
        // SAFETY: null or the host's list, set by `begin`.
        match unsafe { ComRef::from_raw(self.host.get()) } {
            // SAFETY: the host's function with nice-plug's event.
            Some(host) => unsafe { host.addEvent(event) },
            None => kResultFalse,
        }
    }
}
