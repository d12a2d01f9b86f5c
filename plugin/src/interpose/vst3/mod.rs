//! VST3: the shim around nice-plug's component. `process` on the audio thread, values from any thread, the rest on the main one.
//!
//! nice-plug's component is a plain value inside ours and implements the interfaces as Rust traits, so ours is one COM object
//! with the same interfaces that hands each call on (`delegate.rs`) and does a few itself, below. In `process` our event list
//! stands in for the host's (`event_list.rs`); values for outputs leave as points of the output parameter changes.
//!
//! Interface: pluginterfaces/vst/ivsteditcontroller.h, ivstaudioprocessor.h, ivstcomponent.h, VST 3.8.

mod delegate;
mod event_list;
mod factory;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_::{kCanAutomate, kIsReadOnly};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IAudioProcessorTrait, IComponentTrait, IEditControllerTrait, IEventList, ParamID, ParamValue, ParameterInfo, ProcessData, ProcessSetup,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IBStream, TBool, int32, kInternalError, kInvalidArgument, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{ComPtr, ComWrapper};

use self::event_list::EventList;
use super::Interposed;
use super::params::{Outputs, ParamFacts, ShimError};

pub use self::factory::{create_factory, init_module};

/// One plugin instance.
struct Shim<P: Vst3Plugin> {
    /// nice-plug's component, a plain value: the host sees the shim only.
    inner: Wrapper<P>,
    outputs: Arc<Outputs>,
    event_list: ComWrapper<EventList>,
    /// The list as nice-plug takes it; holds a reference of its own.
    event_list_com: ComPtr<IEventList>,
    /// Set by `setupProcessing`; nice-plug panics in a `process` before that.
    set_up: AtomicBool,
    /// Whether `process` runs, and so owns what waits in `event_list`.
    processing: AtomicBool,
}

impl<P: Vst3Plugin + Interposed> Shim<P> {
    /// A new instance of the plugin with its shim.
    fn new() -> Result<Self, ShimError> {
        let inner = Wrapper::<P>::new();
        let outputs = Arc::new(Outputs::find(P::OUTPUTS, &param_facts(&inner))?);
        let event_list = ComWrapper::new(EventList::new(Arc::clone(&outputs)));
        let event_list_com = event_list.to_com_ptr().ok_or(ShimError::Framework { what: "IEventList" })?;
        Ok(Self { inner, outputs, event_list, event_list_com, set_up: AtomicBool::new(false), processing: AtomicBool::new(false) })
    }

    // The methods that are not nice-plug's; `delegate.rs` puts them into the interfaces. Each has the contract of the interface.

    /// `IComponent::setActive`: what the host knows of the outputs is told again.
    unsafe fn set_active(&self, state: TBool) -> tresult {
        // SAFETY: the caller's arguments.
        let result = unsafe { self.inner.setActive(state) };
        if state != 0 {
            self.outputs.mark_moved_untold();
        }
        result
    }

    /// `IComponent::setState`: what the host knows of the outputs is told again. The values that it loads are never read.
    unsafe fn set_component_state(&self, stream: *mut IBStream) -> tresult {
        // SAFETY: the caller's arguments; nice-plug checks `stream` for null.
        let result = unsafe { <Wrapper<P> as IComponentTrait>::setState(&self.inner, stream) };
        self.outputs.mark_moved_untold();
        result
    }

    /// `IEditController::getParameterInfo`: outputs are read-only and not automatable.
    unsafe fn parameter_info(&self, param_idx: int32, info: *mut ParameterInfo) -> tresult {
        // nice-plug 0.4.2 tests `>` where `>=` is meant and panics, across FFI, for an index that equals the count.
        // SAFETY: no arguments.
        if param_idx < 0 || param_idx >= unsafe { self.inner.getParameterCount() } {
            return kInvalidArgument;
        }
        // SAFETY: the caller's arguments; nice-plug checks `info` for null.
        let result = unsafe { self.inner.getParameterInfo(param_idx, info) };
        // SAFETY: null or the caller's, and filled in if the result is good.
        if let Some(info) = unsafe { info.as_mut() }
            && result == kResultOk
            && self.outputs.by_param_id(info.id).is_some()
        {
            info.flags = info.flags & !kCanAutomate | kIsReadOnly;
        }
        result
    }

    /// `IEditController::getParamNormalized`: an output's value is what the plugin sent last.
    unsafe fn param_normalized(&self, param_id: ParamID) -> ParamValue {
        match self.outputs.by_param_id(param_id) {
            Some(output) => f64::from(output.shown()),
            // SAFETY: the caller's argument.
            None => unsafe { self.inner.getParamNormalized(param_id) },
        }
    }

    /// `IEditController::setParamNormalized`: outputs are not the host's to set. Hosts mirror our own points here; stored, they
    /// would reach saved state.
    unsafe fn set_param_normalized(&self, param_id: ParamID, normalized: ParamValue) -> tresult {
        match self.outputs.by_param_id(param_id) {
            Some(_) => kResultOk,
            // SAFETY: the caller's arguments.
            None => unsafe { self.inner.setParamNormalized(param_id, normalized) },
        }
    }

    /// `IAudioProcessor::setupProcessing`: from here on nice-plug can process.
    unsafe fn set_up_processing(&self, setup: *mut ProcessSetup) -> tresult {
        // NB: twice, because nice-plug 0.4.2 takes over the process mode after it has stored the configuration: the plugin would
        // be activated with the mode of the call before, and an offline render would run live (`tests/tests/host_vst3.rs`).
        // SAFETY: the caller's arguments; nice-plug checks `setup` for null.
        let result = unsafe { self.inner.setupProcessing(setup) };
        // SAFETY: as above.
        let result = if result == kResultOk { unsafe { self.inner.setupProcessing(setup) } } else { result };
        if result == kResultOk {
            self.set_up.store(true, Ordering::Release);
        }
        result
    }

    /// `IAudioProcessor::process`: nice-plug processes with our event list, then the outputs' points go to the host.
    ///
    /// Real-time safe: as far as the plugin's and the host's functions are
    unsafe fn process_block(&self, data: *mut ProcessData) -> tresult {
        // SAFETY: null or the block of this call.
        let Some(data) = (unsafe { data.as_ref() }) else { return kInvalidArgument };
        if data.numSamples < 0 {
            return kInvalidArgument;
        }
        if !self.set_up.load(Ordering::Acquire) || self.processing.swap(true, Ordering::Acquire) {
            return kResultFalse;
        }
        let mut inner_data = ProcessData { outputEvents: self.event_list_com.as_ptr(), ..*data };
        // SAFETY: `processing` was false, so no other call holds the list; the host's lists are null or valid in this call.
        unsafe { self.event_list.begin(data.outputEvents) };
        // Unlike CLAP's, nice-plug's function here is an ordinary one that can unwind out of the plugin.
        // SAFETY: the host's block but for the list, which is ours.
        let result = catch_unwind(AssertUnwindSafe(|| unsafe { self.inner.process(&mut inner_data) }));
        // SAFETY: as for `begin`.
        unsafe { self.event_list.finish(data.outputParameterChanges) };
        self.processing.store(false, Ordering::Release);
        result.unwrap_or(kInternalError)
    }
}

/// What the framework says about each parameter.
fn param_facts(inner: &impl IEditControllerTrait) -> Vec<ParamFacts> {
    // SAFETY: no arguments.
    let n_params = unsafe { inner.getParameterCount() };
    (0..n_params)
        .filter_map(|param_idx| {
            // SAFETY: numbers and arrays of numbers, for which all zeros is a value.
            let mut info: ParameterInfo = unsafe { std::mem::zeroed() };
            // SAFETY: an index in range and room for the answer.
            (unsafe { inner.getParameterInfo(param_idx, &mut info) } == kResultOk).then(|| ParamFacts {
                param_id: info.id,
                default_normalized: info.defaultNormalizedValue as f32,
                n_steps: info.stepCount.max(0).unsigned_abs(),
            })
        })
        .collect()
}
