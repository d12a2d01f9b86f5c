//! A VST3 host of one plugin: creates, drives and records it through its COM interfaces.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::null_mut;

use anacrusis_plugin::interpose::Interposed;
use anacrusis_plugin::interpose::vst3::create_factory;
use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::*;
use nice_plug::wrapper::vst3::vst3::Steinberg::*;
use nice_plug::wrapper::vst3::vst3::{ComPtr, ComWrapper, Interface};

use crate::probe::RATE_HZ;
use crate::vst3_lists::{Changes, Events, Heard, Queue, Stream};

pub(crate) const MAX_BLOCK: usize = 65_536;

/// Which of its lists the host gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    Takes,
    Not,
}

pub(crate) struct Host {
    pub(crate) component: ComPtr<IComponent>,
    pub(crate) processor: ComPtr<IAudioProcessor>,
    pub(crate) controller: ComPtr<IEditController>,
    events: ComWrapper<Events>,
    ins: ComWrapper<Changes>,
    outs: ComWrapper<Changes>,
    audio: [Vec<f32>; 4],
    pub(crate) listen: Listen,
}

/// A block's or a run's events, and points as `(time, param_id, normalized)`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Played {
    pub(crate) events: Vec<(u64, Heard)>,
    pub(crate) points: Vec<(u64, ParamID, f64)>,
}

impl Played {
    pub(crate) fn points_of(&self, param_id: ParamID) -> Vec<(u64, f64)> {
        self.points.iter().filter(|point| point.1 == param_id).map(|point| (point.0, point.2)).collect()
    }
}

/// The factory of a library with `P`.
pub(crate) fn factory<P: Vst3Plugin + Interposed>() -> ComPtr<IPluginFactory> {
    // SAFETY: a factory with one reference for us.
    unsafe { ComPtr::from_raw(create_factory::<P>().cast()) }.expect("a factory")
}

impl Host {
    /// An instance of `P`, not set up; the factory's answer if it gave none.
    pub(crate) fn create<P: Vst3Plugin + Interposed>() -> Result<Self, tresult> {
        let factory = factory::<P>();
        let mut object = null_mut::<c_void>();
        // SAFETY: the factory's own functions with ids of 16 bytes and room for the answer.
        let component = unsafe {
            let mut info: PClassInfo = std::mem::zeroed();
            assert_eq!(factory.getClassInfo(0, &mut info), kResultOk);
            let result = factory.createInstance(info.cid.as_ptr(), IComponent::IID.as_ptr().cast(), &mut object);
            ComPtr::from_raw(object.cast::<IComponent>()).ok_or(result)?
        };
        // SAFETY: just created.
        assert_eq!(unsafe { component.initialize(null_mut()) }, kResultOk);
        Ok(Self {
            processor: component.cast().expect("IAudioProcessor"),
            controller: component.cast().expect("IEditController"),
            component,
            events: ComWrapper::new(Events { heard: RefCell::new(Vec::with_capacity(8192)) }),
            ins: ComWrapper::new(Changes::new()),
            outs: ComWrapper::new(Changes::new()),
            audio: std::array::from_fn(|_| vec![0.0; MAX_BLOCK]),
            listen: Listen::Takes,
        })
    }

    /// An instance of `P` that is ready to process.
    pub(crate) fn started<P: Vst3Plugin + Interposed>() -> Self {
        let host = Self::create::<P>().expect("a plugin");
        let mut setup = ProcessSetup {
            processMode: ProcessModes_::kRealtime as int32,
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as int32,
            maxSamplesPerBlock: MAX_BLOCK as int32,
            sampleRate: RATE_HZ,
        };
        // SAFETY: a live plugin.
        assert_eq!(unsafe { host.processor.setupProcessing(&mut setup) }, kResultOk);
        host.start();
        host
    }

    pub(crate) fn start(&self) {
        // SAFETY: a live plugin, set up.
        unsafe {
            assert_eq!(self.component.setActive(1), kResultOk);
            assert_eq!(self.processor.setProcessing(1), kResultOk);
        }
    }

    pub(crate) fn stop(&self) {
        // SAFETY: a live plugin, processing.
        unsafe {
            assert_eq!(self.processor.setProcessing(0), kResultOk);
            assert_eq!(self.component.setActive(0), kResultOk);
        }
    }

    /// Runs one block with parameter changes `(offset, param_id, normalized)`, which are in order of id, offset.
    pub(crate) fn try_block(&mut self, n_samples: int32, changes: &[(int32, ParamID, f64)]) -> tresult {
        self.events.heard.borrow_mut().clear();
        self.ins.clear();
        self.outs.clear();
        let mut queue_idx = usize::MAX;
        for &(offset, param_id, value) in changes {
            let is_open = self.ins.queues.get(queue_idx).is_some_and(|(queue, _)| queue.param_id.get() == param_id);
            if !is_open {
                queue_idx = self.ins.n_used.get();
                self.ins.n_used.set(queue_idx + 1);
                self.ins.queues[queue_idx].0.param_id.set(param_id);
            }
            self.ins.queues[queue_idx].0.points.borrow_mut().push((offset, value));
        }
        let [in_l, in_r, out_l, out_r] = &mut self.audio;
        let mut ins = [in_l.as_mut_ptr(), in_r.as_mut_ptr()];
        let mut outs = [out_l.as_mut_ptr(), out_r.as_mut_ptr()];
        let buffers = |channels: &mut [*mut f32; 2]| AudioBusBuffers {
            numChannels: 2,
            silenceFlags: 0,
            __field0: AudioBusBuffers__type0 { channelBuffers32: channels.as_mut_ptr() },
        };
        let (mut input, mut output) = (buffers(&mut ins), buffers(&mut outs));
        let listens = self.listen == Listen::Takes;
        let mut data = ProcessData {
            processMode: ProcessModes_::kRealtime as int32,
            symbolicSampleSize: SymbolicSampleSizes_::kSample32 as int32,
            numSamples: n_samples,
            numInputs: 1,
            numOutputs: 1,
            inputs: &mut input,
            outputs: &mut output,
            inputParameterChanges: self.ins.as_com_ref::<IParameterChanges>().expect("changes").as_ptr(),
            outputParameterChanges: if listens { self.outs.as_com_ref().expect("changes").as_ptr() } else { null_mut() },
            inputEvents: null_mut(),
            outputEvents: if listens { self.events.as_com_ref().expect("events").as_ptr() } else { null_mut() },
            processContext: null_mut(),
        };
        // SAFETY: a live plugin and a whole block.
        unsafe { self.processor.process(&mut data) }
    }

    /// One block; what the plugin pushed in it.
    pub(crate) fn block(&mut self, n_samples: u32, changes: &[(int32, ParamID, f64)]) -> Played {
        assert_eq!(self.try_block(n_samples as int32, changes), kResultOk);
        let queues = self.outs.queues[..self.outs.n_used.get()].iter();
        let points = |queue: &Queue| {
            let param_id = queue.param_id.get();
            queue.points.borrow().iter().map(|&(offset, value)| (offset as u64, param_id, value)).collect::<Vec<_>>()
        };
        Played { events: self.events.heard.borrow().clone(), points: queues.flat_map(|(queue, _)| points(queue)).collect() }
    }

    /// Blocks of a length until `n_samples` are through; what the plugin pushed, times from the start.
    pub(crate) fn play(&mut self, n_samples: u64, block_samples: u32) -> Played {
        let mut played = Played::default();
        let mut start = 0;
        while start < n_samples {
            let n = u64::from(block_samples).min(n_samples - start);
            let block = self.block(n as u32, &[]);
            played.events.extend(block.events.into_iter().map(|(at, heard)| (start + at, heard)));
            played.points.extend(block.points.into_iter().map(|(at, id, value)| (start + at, id, value)));
            start += n;
        }
        played
    }

    /// Every parameter.
    pub(crate) fn infos(&self) -> Vec<ParameterInfo> {
        // SAFETY: a live plugin and room for the answers.
        unsafe {
            let info = |param_idx| {
                let mut info = std::mem::zeroed();
                assert_eq!(self.controller.getParameterInfo(param_idx, &mut info), kResultOk);
                info
            };
            (0..self.controller.getParameterCount()).map(info).collect()
        }
    }

    pub(crate) fn info(&self, name: &str) -> ParameterInfo {
        let is_named = |info: &ParameterInfo| {
            let title: Vec<u16> = info.title.iter().copied().take_while(|&unit| unit != 0).collect();
            String::from_utf16(&title).is_ok_and(|title| title == name)
        };
        self.infos().into_iter().find(is_named).expect("a parameter of that name")
    }

    pub(crate) fn value(&self, param_id: ParamID) -> f64 {
        // SAFETY: a live plugin.
        unsafe { self.controller.getParamNormalized(param_id) }
    }

    pub(crate) fn save(&self) -> Vec<u8> {
        let stream = ComWrapper::new(Stream { bytes: RefCell::default(), position: Cell::new(0) });
        // SAFETY: a live plugin and stream.
        assert_eq!(unsafe { self.component.getState(stream.as_com_ref().expect("a stream").as_ptr()) }, kResultOk);
        stream.bytes.take()
    }

    pub(crate) fn load(&self, bytes: &[u8]) -> tresult {
        let stream = ComWrapper::new(Stream { bytes: RefCell::new(bytes.to_vec()), position: Cell::new(0) });
        // SAFETY: a live plugin and stream.
        unsafe { self.component.setState(stream.as_com_ref().expect("a stream").as_ptr()) }
    }
}
