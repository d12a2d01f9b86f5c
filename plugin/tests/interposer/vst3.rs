//! What a VST3 host sees of a plugin behind the shim.

use std::ffi::c_void;
use std::ptr::null_mut;

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ChannelContext::IInfoListener;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::ParameterInfo_::ParameterFlags_::{kCanAutomate, kIsReadOnly};
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::*;
use nice_plug::wrapper::vst3::vst3::Steinberg::*;
use nice_plug::wrapper::vst3::vst3::{ComPtr, Interface};

use crate::heap;
use crate::probe::*;
use crate::vst3_host::{Host, Listen, Played, factory};
use crate::vst3_lists::Heard;

type Plain = Probe<CLAP_NOTES>;

const THIRTY_SEC: u64 = 30 * 48_000;
/// How many points a block holds: the queue of the shim.
const N_POINTS: usize = 512;

fn tempo_value() -> f64 {
    f64::from(TEMPO_BPM / MAX_TEMPO_BPM)
}

fn beat_value(beat_in_bar: u64) -> f64 {
    f64::from(beat_in_bar as f32 / MAX_BEAT as f32)
}

fn in_mode(mode: Mode) -> Host {
    let mut host = Host::started::<Plain>();
    let mode_id = host.info("Mode").id;
    host.block(0, &[(0, mode_id, mode_value(mode))]);
    host
}

fn mode_value(mode: Mode) -> f64 {
    f64::from(mode as u8) / f64::from(Mode::Panic as u8)
}

#[test]
fn thirty_seconds_have_every_note_and_value_and_no_clock() {
    for block_samples in [512, 64, 4096] {
        let mut host = Host::started::<Plain>();
        let played = host.play(THIRTY_SEC, block_samples);
        let n_notes = |on| played.events.iter().filter(|(_, heard)| matches!(heard, Heard::Note { on: is, .. } if *is == on)).count();
        assert_eq!((n_notes(true), n_notes(false), played.events.len()), (60, 60, 120));
        assert!(played.events.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(played.points_of(host.info("Tempo").id), [(LOCK_SAMPLES, tempo_value())]);
        assert_eq!(played.points_of(host.info("Locked").id), [(LOCK_SAMPLES, 1.0)]);
        let beats: Vec<_> = (4..60u64).map(|beat| (beat * BEAT_SAMPLES, beat_value(beat % 4 + 1))).collect();
        assert_eq!(played.points_of(host.info("Beat").id), beats);
        assert_eq!(played.points.len(), 1 + 1 + 56);
        assert_eq!(host.value(host.info("Beat").id), beat_value(4));
    }
}

#[test]
fn outputs_are_read_only_and_inputs_are_as_before() {
    let host = Host::started::<Plain>();
    for name in ["Tempo", "Locked", "Beat"] {
        assert_eq!(host.info(name).flags, kIsReadOnly, "{name}");
    }
    assert_eq!(host.info("Mode").flags, kCanAutomate);
}

#[test]
fn an_index_beyond_the_last_parameter_is_refused() {
    let host = Host::started::<Plain>();
    let n_params = host.infos().len() as int32;
    // SAFETY: a live plugin; null and indices out of range are what is tested.
    unsafe {
        for param_idx in [n_params, n_params + 1, int32::MAX, -1, int32::MIN] {
            assert_eq!(host.controller.getParameterInfo(param_idx, &mut std::mem::zeroed()), kInvalidArgument, "{param_idx}");
        }
        assert_eq!(host.controller.getParameterInfo(0, null_mut()), kInvalidArgument);
    }
}

#[test]
fn outputs_stay_at_their_default_until_the_plugin_locks() {
    let mut host = Host::started::<Plain>();
    let defaults: Vec<_> = host.infos().iter().map(|info| (info.id, info.defaultNormalizedValue)).collect();
    assert_eq!(host.play(LOCK_SAMPLES, 480).points, []);
    assert!(defaults.iter().all(|&(id, default)| host.value(id) == default));
    host.block(480, &[]);
    assert_eq!(["Tempo", "Locked", "Beat"].map(|name| host.value(host.info(name).id)), [tempo_value(), 1.0, beat_value(1)]);
}

#[test]
fn points_of_a_block_sent_backwards_leave_forwards() {
    let mut host = in_mode(Mode::Burst);
    let played = host.block(4096, &[]);
    assert_eq!(played.points.len(), (0..N_BURST).filter(|i| i % 3 == 2).count());
    assert!(played.points.is_sorted_by_key(|point| point.0));
    assert_eq!(played.events.len(), (0..N_BURST).filter(|i| i % 3 == 1).count());
}

#[test]
fn too_many_points_lose_steps_on_the_way_but_never_the_last_value() {
    let mut host = in_mode(Mode::Overflow);
    let tempo_id = host.info("Tempo").id;
    let played = host.block(1400, &[]);
    assert_eq!(played.points_of(tempo_id).len(), N_POINTS);
    assert_eq!(host.value(tempo_id), 1.0);
    let mode_id = host.info("Mode").id;
    // The probe falls silent, and the host is told where it stands.
    let played = host.block(480, &[(0, mode_id, mode_value(Mode::Junk))]);
    assert_eq!(played.points, [(0, tempo_id, 1.0)]);
    assert_eq!(host.block(480, &[]).points, []);
}

#[test]
fn real_sysex_arrives_and_junk_reaches_nobody() {
    let mut host = in_mode(Mode::SysEx);
    assert_eq!(host.block(480, &[]), Played { events: vec![(240, Heard::SysEx(SYSEX))], points: vec![] });
    let mut host = in_mode(Mode::Junk);
    assert_eq!(host.block(480, &[]), Played::default());
    assert_eq!(host.value(host.info("Tempo").id), 0.0);
}

#[test]
fn values_keep_their_sample_where_the_host_splits_the_block() {
    let whole = Host::started::<Plain>().play(2 * LOCK_SAMPLES, 4800);
    let mut host = Host::started::<Plain>();
    let mode_id = host.info("Mode").id;
    let mut split = Played::default();
    for start in (0..2 * LOCK_SAMPLES).step_by(4800) {
        let block = host.block(4800, &[1, 999, 1000, 1001, 2400, 3000, 4799].map(|offset| (offset, mode_id, 0.0)));
        split.events.extend(block.events.into_iter().map(|(at, heard)| (start + at, heard)));
        split.points.extend(block.points.into_iter().map(|(at, id, value)| (start + at, id, value)));
    }
    assert_eq!(split, whole);
}

#[test]
fn a_host_without_lists_is_told_when_it_has_them() {
    let mut host = Host::started::<Plain>();
    host.listen = Listen::Not;
    host.play(LOCK_SAMPLES + 480, 480);
    assert_eq!(host.value(host.info("Tempo").id), tempo_value(), "learned all the same");
    host.listen = Listen::Takes;
    let played = host.block(480, &[]);
    assert_eq!(played.points.len(), 3);
    assert!(played.points.iter().all(|point| point.0 == 0));
    assert_eq!(host.block(480, &[]).points, [], "once");
}

#[test]
fn what_a_host_writes_to_an_output_is_neither_shown_nor_saved() {
    let mut host = Host::started::<Plain>();
    let (tempo_id, mode_id) = (host.info("Tempo").id, host.info("Mode").id);
    let untouched = host.save();
    // SAFETY: a live plugin.
    unsafe {
        host.stop();
        assert_eq!(host.controller.setParamNormalized(tempo_id, 0.9), kResultOk);
        assert_eq!(host.value(tempo_id), 0.0);
        assert_eq!(host.save(), untouched);
        assert_eq!(host.controller.setParamNormalized(mode_id, 1.0), kResultOk);
        assert_eq!(host.value(mode_id), 1.0, "inputs are the host's");
        host.controller.setParamNormalized(mode_id, 0.0);
        host.start();
    }
    assert_eq!(host.block(480, &[(0, tempo_id, 0.9)]).points, []);
    assert_eq!(host.value(tempo_id), 0.0);
}

#[test]
fn a_loaded_state_changes_no_output_and_live_values_are_told_again() {
    let mut host = Host::started::<Plain>();
    let tempo_id = host.info("Tempo").id;
    host.play(LOCK_SAMPLES + 480, 480);
    let saved = host.save();
    assert_eq!(host.load(&saved), kResultOk);
    assert_eq!(host.value(tempo_id), tempo_value());
    assert_eq!(host.block(480, &[]).points_of(tempo_id), [(0, tempo_value())]);
    let mut fresh = Host::started::<Plain>();
    assert_eq!(fresh.load(&saved), kResultOk);
    assert_eq!((fresh.value(tempo_id), fresh.block(480, &[]).points), (0.0, vec![]));
    assert_eq!(fresh.load(b"not a state"), kResultFalse);
}

#[test]
fn reactivation_tells_what_is_shown_and_the_plugin_takes_it_back() {
    let mut host = Host::started::<Plain>();
    let tempo_id = host.info("Tempo").id;
    host.play(LOCK_SAMPLES + 480, 480);
    host.stop();
    assert_eq!(host.value(tempo_id), tempo_value(), "the shim resets nothing by itself");
    host.start();
    assert_eq!(host.block(480, &[]).points_of(tempo_id), [(0, tempo_value()), (0, 0.0)]);
    host.stop();
    host.start();
    assert_eq!(host.block(480, &[]).points, []);
}

#[test]
fn all_interfaces_are_one_object() {
    let host = Host::create::<Plain>().unwrap();
    fn unknown<I: Interface>(host: &Host) -> *mut c_void {
        let mut object = null_mut::<c_void>();
        let component = host.component.as_ptr().cast::<FUnknown>();
        // SAFETY: a live object; the answer's reference is given back at once, others keep the object alive.
        unsafe {
            assert_eq!(((*(*component).vtbl).queryInterface)(component, I::IID.as_ptr().cast(), &mut object), kResultOk);
            let interface = object.cast::<FUnknown>();
            let mut unknown = null_mut::<c_void>();
            assert_eq!(((*(*interface).vtbl).queryInterface)(interface, FUnknown::IID.as_ptr().cast(), &mut unknown), kResultOk);
            drop(ComPtr::from_raw(object.cast::<FUnknown>()));
            drop(ComPtr::from_raw(unknown.cast::<FUnknown>()));
            unknown
        }
    }
    let own = unknown::<FUnknown>(&host);
    assert_eq!(
        [
            unknown::<IPluginBase>(&host),
            unknown::<IComponent>(&host),
            unknown::<IEditController>(&host),
            unknown::<IAudioProcessor>(&host),
            unknown::<IMidiMapping>(&host),
            unknown::<INoteExpressionController>(&host),
            unknown::<IProcessContextRequirements>(&host),
            unknown::<IUnitInfo>(&host),
            unknown::<IInfoListener>(&host),
        ],
        [own; 9]
    );
    assert!(host.component.cast::<IConnectionPoint>().is_none());
}

#[test]
fn calls_that_no_host_should_make_are_refused() {
    let mut host = Host::create::<Plain>().unwrap();
    assert_eq!(host.try_block(480, &[]), kResultFalse, "not set up");
    let mut host = Host::started::<Plain>();
    assert_eq!(host.try_block(-1, &[]), kInvalidArgument);
    // SAFETY: null is what is tested.
    assert_eq!(unsafe { host.processor.process(null_mut()) }, kInvalidArgument);
}

#[test]
fn a_plugin_that_panics_in_process_is_an_error_to_the_host() {
    let mut host = in_mode(Mode::Panic);
    assert_eq!(host.try_block(480, &[]), kInternalError);
    let mode_id = host.info("Mode").id;
    host.block(480, &[(0, mode_id, 0.0)]);
}

#[test]
fn the_factory_creates_what_it_names_and_nothing_else() {
    let factory = factory::<Plain>();
    let mut object = null_mut::<c_void>();
    // SAFETY: a live factory; null and unknown ids are what is tested.
    unsafe {
        assert_eq!(factory.countClasses(), 1);
        assert_eq!(factory.getClassInfo(1, &mut std::mem::zeroed()), kInvalidArgument);
        assert_eq!(factory.getClassInfo(-1, &mut std::mem::zeroed()), kInvalidArgument);
        assert_eq!(factory.getClassInfo(0, null_mut()), kInvalidArgument);
        assert_eq!(factory.getFactoryInfo(null_mut()), kInvalidArgument);
        let interface = IComponent::IID.as_ptr().cast();
        assert_eq!(factory.createInstance([0; 16].as_ptr(), interface, &mut object), kInvalidArgument);
        assert_eq!(factory.createInstance(std::ptr::null(), interface, &mut object), kInvalidArgument);
    }
    assert!(object.is_null());
}

#[test]
fn a_plugin_that_cannot_be_wrapped_or_made_is_no_plugin() {
    assert_eq!(Host::create::<Probe<UNKNOWN_OUTPUT>>().err(), Some(kInternalError));
    assert_eq!(Host::create::<Probe<NO_START>>().err(), Some(kInternalError));
}

#[test]
fn processing_never_touches_the_heap() {
    for mode in [Mode::Beats, Mode::Burst, Mode::Overflow, Mode::SysEx] {
        for listen in [Listen::Takes, Listen::Not] {
            let mut host = in_mode(mode);
            host.listen = listen;
            host.block(480, &[]);
            let mut n_calls = 0;
            for _ in 0..500 {
                let before = heap::n_calls();
                assert_eq!(host.try_block(480, &[]), kResultOk);
                n_calls += heap::n_calls() - before;
            }
            assert_eq!(n_calls, 0, "{mode:?}, {listen:?}");
        }
    }
}
