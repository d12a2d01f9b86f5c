//! What a VST3 host hands to a plugin: its lists of events and parameter changes, and a stream in memory.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::null_mut;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::Event_::EventTypes_::{kDataEvent, kNoteOffEvent, kNoteOnEvent};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::*;
use nice_plug::wrapper::vst3::vst3::Steinberg::*;
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper};

/// What a plugin pushed, times from the start of the block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Heard {
    Note { on: bool, key: i16 },
    SysEx([u8; 6]),
    Other(u16),
}

/// The host's event list.
pub(crate) struct Events {
    pub(crate) heard: RefCell<Vec<(u64, Heard)>>,
}

impl Class for Events {
    type Interfaces = (IEventList,);
}

impl IEventListTrait for Events {
    unsafe fn getEventCount(&self) -> int32 {
        self.heard.borrow().len() as int32
    }

    unsafe fn getEvent(&self, _idx: int32, _event: *mut Event) -> tresult {
        kResultFalse
    }

    unsafe fn addEvent(&self, event: *mut Event) -> tresult {
        // SAFETY: the plugin's event, whose kind says which field is set.
        let (offset, heard) = unsafe {
            let event = &*event;
            let body = event.__field0;
            let heard = match event.r#type {
                kind if kind == kNoteOnEvent as u16 => Heard::Note { on: true, key: body.noteOn.pitch },
                kind if kind == kNoteOffEvent as u16 => Heard::Note { on: false, key: body.noteOff.pitch },
                kind if kind == kDataEvent as u16 => {
                    let bytes = std::slice::from_raw_parts(body.data.bytes, body.data.size as usize);
                    Heard::SysEx(bytes.try_into().expect("six bytes"))
                }
                other => Heard::Other(other),
            };
            (event.sampleOffset, heard)
        };
        self.heard.borrow_mut().push((offset as u64, heard));
        kResultOk
    }
}

/// Points of one parameter, in either direction.
pub(crate) struct Queue {
    pub(crate) param_id: Cell<ParamID>,
    pub(crate) points: RefCell<Vec<(int32, ParamValue)>>,
}

impl Class for Queue {
    type Interfaces = (IParamValueQueue,);
}

impl IParamValueQueueTrait for Queue {
    unsafe fn getParameterId(&self) -> ParamID {
        self.param_id.get()
    }

    unsafe fn getPointCount(&self) -> int32 {
        self.points.borrow().len() as int32
    }

    unsafe fn getPoint(&self, idx: int32, offset: *mut int32, value: *mut ParamValue) -> tresult {
        let Some(&point) = self.points.borrow().get(idx as usize) else { return kInvalidArgument };
        // SAFETY: the caller has room for the answers.
        unsafe { (*offset, *value) = point };
        kResultOk
    }

    unsafe fn addPoint(&self, offset: int32, value: ParamValue, idx: *mut int32) -> tresult {
        let mut points = self.points.borrow_mut();
        // SAFETY: the caller has room for the answer.
        unsafe { *idx = points.len() as int32 };
        points.push((offset, value));
        kResultOk
    }
}

/// Parameter changes of a block: a fixed set of queues, one a parameter.
pub(crate) struct Changes {
    pub(crate) queues: [(ComWrapper<Queue>, ComPtr<IParamValueQueue>); 8],
    pub(crate) n_used: Cell<usize>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        let queue = |_| {
            let queue = ComWrapper::new(Queue { param_id: Cell::new(0), points: RefCell::new(Vec::with_capacity(1024)) });
            let com = queue.to_com_ptr().expect("a queue");
            (queue, com)
        };
        Self { queues: std::array::from_fn(queue), n_used: Cell::new(0) }
    }

    pub(crate) fn clear(&self) {
        self.n_used.set(0);
        self.queues.iter().for_each(|(queue, _)| queue.points.borrow_mut().clear());
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        self.n_used.get() as int32
    }

    unsafe fn getParameterData(&self, idx: int32) -> *mut IParamValueQueue {
        self.queues.get(idx as usize).map_or(null_mut(), |(_, com)| com.as_ptr())
    }

    unsafe fn addParameterData(&self, param_id: *const ParamID, idx: *mut int32) -> *mut IParamValueQueue {
        // One call a parameter and block: this host does not look whether it has the parameter already.
        let (queue, com) = &self.queues[self.n_used.get()];
        // SAFETY: the caller's id, and room for the answer.
        unsafe {
            queue.param_id.set(*param_id);
            *idx = self.n_used.get() as int32;
        }
        self.n_used.set(self.n_used.get() + 1);
        com.as_ptr()
    }
}

/// A stream in memory.
pub(crate) struct Stream {
    pub(crate) bytes: RefCell<Vec<u8>>,
    pub(crate) position: Cell<usize>,
}

impl Class for Stream {
    type Interfaces = (IBStream,);
}

impl IBStreamTrait for Stream {
    unsafe fn read(&self, to: *mut c_void, n_bytes: int32, n_read: *mut int32) -> tresult {
        let bytes = self.bytes.borrow();
        let rest = &bytes[self.position.get()..];
        let n = rest.len().min(n_bytes as usize);
        // SAFETY: the caller has room for `n_bytes`.
        unsafe {
            std::ptr::copy_nonoverlapping(rest.as_ptr(), to.cast(), n);
            *n_read = n as int32;
        }
        self.position.set(self.position.get() + n);
        kResultOk
    }

    unsafe fn write(&self, from: *mut c_void, n_bytes: int32, n_written: *mut int32) -> tresult {
        // SAFETY: the caller has `n_bytes`.
        unsafe {
            self.bytes.borrow_mut().extend_from_slice(std::slice::from_raw_parts(from.cast(), n_bytes as usize));
            *n_written = n_bytes;
        }
        kResultOk
    }

    unsafe fn seek(&self, position: int64, mode: int32, result: *mut int64) -> tresult {
        let n_bytes = self.bytes.borrow().len();
        self.position.set(if mode == IBStream_::IStreamSeekMode_::kIBSeekEnd as int32 { n_bytes } else { position as usize });
        // SAFETY: null or room for the answer.
        if let Some(result) = unsafe { result.as_mut() } {
            *result = self.position.get() as int64;
        }
        kResultOk
    }

    unsafe fn tell(&self, position: *mut int64) -> tresult {
        // SAFETY: the caller has room for the answer.
        unsafe { *position = self.position.get() as int64 };
        kResultOk
    }
}
