//! The interfaces of the VST3 shim: nice-plug's methods, and in their place our own where they differ.
//!
//! The list of interfaces, and their order, is nice-plug's 0.4.2: `Class for Wrapper<P>` in its src/wrapper/vst3/wrapper.rs.
//! An interface that a later version adds would be missing here without a word, hence the exact pin.

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::vst3::Wrapper;
use nice_plug::wrapper::vst3::vst3::Class;
// By name: `Steinberg::CString` is something else.
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::CString;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ChannelContext::{IInfoListener, IInfoListenerTrait};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirection, BusInfo, CtrlNumber, IAttributeList, IAudioProcessor, IAudioProcessorTrait, IComponent, IComponentHandler,
    IComponentTrait, IEditController, IEditControllerTrait, IMidiMapping, IMidiMappingTrait, INoteExpressionController,
    INoteExpressionControllerTrait, IProcessContextRequirements, IProcessContextRequirementsTrait, IUnitInfo, IUnitInfoTrait, IoMode,
    MediaType, NoteExpressionTypeID, NoteExpressionTypeInfo, NoteExpressionValue, ParamID, ParamValue, ParameterInfo, ProcessData,
    ProcessSetup, ProgramListID, ProgramListInfo, RoutingInfo, SpeakerArrangement, String128, TChar, UnitID, UnitInfo,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IBStream, IPlugView, IPluginBaseTrait, TBool, TUID, int16, int32, tresult, uint32,
};

use super::Shim;
use crate::interpose::Interposed;

impl<P: Vst3Plugin + Interposed> Class for Shim<P> {
    type Interfaces = (
        IComponent,
        IEditController,
        IAudioProcessor,
        IMidiMapping,
        INoteExpressionController,
        IProcessContextRequirements,
        IUnitInfo,
        IInfoListener,
    );
}

/// Implements an interface: methods after `inner` are nice-plug's, those after `own` are the shim's under the name given.
macro_rules! delegate {
    ($interface:ident {
        inner { $(fn $inner:ident($($inner_arg:ident: $inner_type:ty),*) -> $inner_result:ty;)* }
        own { $(fn $own:ident($($own_arg:ident: $own_type:ty),*) -> $own_result:ty = $method:ident;)* }
    }) => {
        impl<P: Vst3Plugin + Interposed> $interface for Shim<P> {
            $(unsafe fn $inner(&self, $($inner_arg: $inner_type),*) -> $inner_result {
                // SAFETY: the caller keeps the contract of the interface, and the arguments go on as they are.
                unsafe { <Wrapper<P> as $interface>::$inner(&self.inner, $($inner_arg),*) }
            })*
            $(unsafe fn $own(&self, $($own_arg: $own_type),*) -> $own_result {
                // SAFETY: the method has the contract of the interface.
                unsafe { self.$method($($own_arg),*) }
            })*
        }
    };
}

delegate! { IPluginBaseTrait {
    inner {
        fn initialize(context: *mut FUnknown) -> tresult;
        fn terminate() -> tresult;
    }
    own {}
} }

delegate! { IComponentTrait {
    inner {
        fn getControllerClassId(class_id: *mut TUID) -> tresult;
        fn setIoMode(mode: IoMode) -> tresult;
        fn getBusCount(media: MediaType, direction: BusDirection) -> int32;
        fn getBusInfo(media: MediaType, direction: BusDirection, bus_idx: int32, info: *mut BusInfo) -> tresult;
        fn getRoutingInfo(input: *mut RoutingInfo, output: *mut RoutingInfo) -> tresult;
        fn activateBus(media: MediaType, direction: BusDirection, bus_idx: int32, state: TBool) -> tresult;
        fn getState(stream: *mut IBStream) -> tresult;
    }
    own {
        fn setActive(state: TBool) -> tresult = set_active;
        fn setState(stream: *mut IBStream) -> tresult = set_component_state;
    }
} }

delegate! { IEditControllerTrait {
    inner {
        fn setComponentState(stream: *mut IBStream) -> tresult;
        fn setState(stream: *mut IBStream) -> tresult;
        fn getState(stream: *mut IBStream) -> tresult;
        fn getParameterCount() -> int32;
        fn getParamStringByValue(param_id: ParamID, normalized: ParamValue, text: *mut String128) -> tresult;
        fn getParamValueByString(param_id: ParamID, text: *mut TChar, normalized: *mut ParamValue) -> tresult;
        fn normalizedParamToPlain(param_id: ParamID, normalized: ParamValue) -> ParamValue;
        fn plainParamToNormalized(param_id: ParamID, plain: ParamValue) -> ParamValue;
        fn setComponentHandler(handler: *mut IComponentHandler) -> tresult;
        fn createView(name: FIDString) -> *mut IPlugView;
    }
    own {
        fn getParameterInfo(param_idx: int32, info: *mut ParameterInfo) -> tresult = parameter_info;
        fn getParamNormalized(param_id: ParamID) -> ParamValue = param_normalized;
        fn setParamNormalized(param_id: ParamID, normalized: ParamValue) -> tresult = set_param_normalized;
    }
} }

delegate! { IAudioProcessorTrait {
    inner {
        fn setBusArrangements(ins: *mut SpeakerArrangement, n_ins: int32, outs: *mut SpeakerArrangement, n_outs: int32) -> tresult;
        fn getBusArrangement(direction: BusDirection, bus_idx: int32, arrangement: *mut SpeakerArrangement) -> tresult;
        fn canProcessSampleSize(symbolic_sample_size: int32) -> tresult;
        fn getLatencySamples() -> uint32;
        fn setProcessing(state: TBool) -> tresult;
        fn getTailSamples() -> uint32;
    }
    own {
        fn setupProcessing(setup: *mut ProcessSetup) -> tresult = set_up_processing;
        fn process(data: *mut ProcessData) -> tresult = process_block;
    }
} }

delegate! { IMidiMappingTrait {
    inner {
        fn getMidiControllerAssignment(bus_idx: int32, channel: int16, controller: CtrlNumber, param_id: *mut ParamID) -> tresult;
    }
    own {}
} }

delegate! { INoteExpressionControllerTrait {
    inner {
        fn getNoteExpressionCount(bus_idx: int32, channel: int16) -> int32;
        fn getNoteExpressionInfo(bus_idx: int32, channel: int16, expression_idx: int32, info: *mut NoteExpressionTypeInfo) -> tresult;
        fn getNoteExpressionStringByValue(
            bus_idx: int32, channel: int16, id: NoteExpressionTypeID, value: NoteExpressionValue, text: *mut String128
        ) -> tresult;
        fn getNoteExpressionValueByString(
            bus_idx: int32, channel: int16, id: NoteExpressionTypeID, text: *const TChar, value: *mut NoteExpressionValue
        ) -> tresult;
    }
    own {}
} }

delegate! { IProcessContextRequirementsTrait {
    inner {
        fn getProcessContextRequirements() -> uint32;
    }
    own {}
} }

delegate! { IUnitInfoTrait {
    inner {
        fn getUnitCount() -> int32;
        fn getUnitInfo(unit_idx: int32, info: *mut UnitInfo) -> tresult;
        fn getProgramListCount() -> int32;
        fn getProgramListInfo(list_idx: int32, info: *mut ProgramListInfo) -> tresult;
        fn getProgramName(list_id: ProgramListID, program_idx: int32, name: *mut String128) -> tresult;
        fn getProgramInfo(list_id: ProgramListID, program_idx: int32, attribute: CString, value: *mut String128) -> tresult;
        fn hasProgramPitchNames(list_id: ProgramListID, program_idx: int32) -> tresult;
        fn getProgramPitchName(list_id: ProgramListID, program_idx: int32, pitch: int16, name: *mut String128) -> tresult;
        fn getSelectedUnit() -> UnitID;
        fn selectUnit(unit_id: UnitID) -> tresult;
        fn getUnitByBus(media: MediaType, direction: BusDirection, bus_idx: int32, channel: int32, unit_id: *mut UnitID) -> tresult;
        fn setUnitProgramData(list_or_unit_id: int32, program_idx: int32, data: *mut IBStream) -> tresult;
    }
    own {}
} }

delegate! { IInfoListenerTrait {
    inner {
        fn setChannelContextInfos(list: *mut IAttributeList) -> tresult;
    }
    own {}
} }
