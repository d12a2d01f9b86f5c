//! What a CLAP host sees of a plugin behind the shim.

use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

use clap_sys::events::CLAP_EVENT_DONT_RECORD;
use clap_sys::ext::note_ports::{
    CLAP_EXT_NOTE_PORTS, CLAP_NOTE_DIALECT_CLAP, CLAP_NOTE_DIALECT_MIDI, clap_note_port_info, clap_plugin_note_ports,
};
use clap_sys::ext::params::*;

use crate::clap_host::{Event, Host, Kind, Listen, factory};
use crate::heap;
use crate::probe::*;

type WithClapNotes = Probe<CLAP_NOTES>;
type WithMidiNotes = Probe<MIDI_NOTES>;

const THIRTY_SEC: u64 = 30 * 48_000;

fn count(events: &[Event], is_it: impl Fn(Kind) -> bool) -> usize {
    events.iter().filter(|event| is_it(event.kind)).count()
}

fn values(events: &[Event], param_id: u32) -> Vec<(u64, f64)> {
    let value = |event: &Event| match event.kind {
        Kind::Value { param_id: id, value } if id == param_id => Some((event.time_samples, value)),
        _ => None,
    };
    events.iter().filter_map(value).collect()
}

fn n_values(events: &[Event]) -> usize {
    count(events, |kind| matches!(kind, Kind::Value { .. }))
}

fn in_mode<P: anacrusis_plugin::interpose::clap::Exported>(mode: Mode) -> Host {
    let mut host = Host::started::<P>();
    let mode_id = host.info("Mode").id;
    // A block without samples sets the parameter and processes nothing.
    assert!(host.try_block(0, &[(0, mode_id, f64::from(mode as u8))]));
    host
}

/// Normalized values in the unit of CLAP for a parameter without steps.
fn tempo_value() -> f64 {
    f64::from(TEMPO_BPM / MAX_TEMPO_BPM)
}

#[test]
fn thirty_seconds_have_every_clock_note_and_value_in_time_order() {
    for block_samples in [512, 64, 4096] {
        let mut host = Host::started::<WithClapNotes>();
        let events = host.play(THIRTY_SEC, block_samples);
        assert!(events.is_sorted_by_key(|event| event.time_samples));
        assert_eq!(count(&events, |kind| kind == Kind::Midi([0xF8, 0, 0])), 1440);
        assert_eq!(count(&events, |kind| kind == Kind::Midi([0xFA, 0, 0])), 1);
        assert_eq!(count(&events, |kind| kind == Kind::Midi([0xF2, 0, 0])), 1);
        assert_eq!(count(&events, |kind| matches!(kind, Kind::Note { on: true, .. })), 60);
        assert_eq!(count(&events, |kind| matches!(kind, Kind::Note { on: false, .. })), 60);
        // Sent each beat, passed on when they change.
        assert_eq!(values(&events, host.info("Tempo").id), [(LOCK_SAMPLES, tempo_value())]);
        assert_eq!(values(&events, host.info("Locked").id), [(LOCK_SAMPLES, 1.0)]);
        let beats: Vec<_> = (4..60u64).map(|beat| (beat * BEAT_SAMPLES, (beat % 4 + 1) as f64)).collect();
        assert_eq!(values(&events, host.info("Beat").id), beats);
        assert_eq!(events.len(), 1440 + 2 + 120 + 58, "nothing else");
        let is_plain = |event: &Event| event.flags == if matches!(event.kind, Kind::Value { .. }) { CLAP_EVENT_DONT_RECORD } else { 0 };
        assert!(events.iter().all(is_plain), "values are not recorded, and nothing is live");
        let clocks: Vec<_> = events.iter().filter(|event| event.kind == Kind::Midi([0xF8, 0, 0])).map(|event| event.time_samples).collect();
        assert!(clocks.iter().zip(0..).all(|(&at, i)| at == i * TICK_SAMPLES));
    }
}

#[test]
fn notes_are_midi_where_the_plugin_wants_it() {
    let mut host = Host::started::<WithMidiNotes>();
    let events = host.play(THIRTY_SEC, 480);
    assert!(events.is_sorted_by_key(|event| event.time_samples));
    assert_eq!(count(&events, |kind| matches!(kind, Kind::Note { .. })), 0);
    assert_eq!(count(&events, |kind| kind == Kind::Midi([0x90, 36, 127])), 15);
    assert_eq!(count(&events, |kind| kind == Kind::Midi([0x90, 37, 127])), 45);
    assert_eq!(count(&events, |kind| matches!(kind, Kind::Midi([0x80, 36 | 37, 127]))), 60);
    assert_eq!(count(&events, |kind| kind == Kind::Midi([0xF8, 0, 0])), 1440);
}

#[test]
fn the_note_port_prefers_the_dialect_of_the_notes() {
    fn preferred(host: &Host) -> u32 {
        let ports: &clap_plugin_note_ports = host.extension(CLAP_EXT_NOTE_PORTS).expect("clap.note-ports");
        // SAFETY: a live plugin and room for the answer.
        unsafe {
            assert_eq!((ports.count.unwrap()(host.plugin(), false), ports.count.unwrap()(host.plugin(), true)), (1, 0));
            let mut info: clap_note_port_info = std::mem::zeroed();
            assert!(ports.get.unwrap()(host.plugin(), 0, false, &mut info));
            assert!(!ports.get.unwrap()(host.plugin(), 1, false, &mut info));
            info.preferred_dialect
        }
    }
    assert_eq!(preferred(&Host::started::<WithClapNotes>()), CLAP_NOTE_DIALECT_CLAP);
    assert_eq!(preferred(&Host::started::<WithMidiNotes>()), CLAP_NOTE_DIALECT_MIDI);
}

#[test]
fn a_block_sent_backwards_leaves_forwards_and_whole() {
    let mut host = in_mode::<WithClapNotes>(Mode::Burst);
    for n_samples in [4096, 500, 100] {
        let events = host.block(n_samples, &[]);
        assert_eq!(events.len(), N_BURST as usize);
        assert!(events.is_sorted_by_key(|event| event.time_samples));
    }
}

#[test]
fn more_events_than_the_queue_holds_are_all_delivered_in_order() {
    let mut host = in_mode::<WithClapNotes>(Mode::Overflow);
    let events = host.block(1400, &[]);
    let expected: Vec<_> = (0..N_OVERFLOW).map(|i| (u64::from(2 * i), f64::from((i + 1) as f32 / N_OVERFLOW as f32))).collect();
    assert_eq!(values(&events, host.info("Tempo").id), expected);
    // Thirty seconds in one block: 1622 events through a queue of 512.
    let mut host = Host::started::<WithMidiNotes>();
    let events = host.play(THIRTY_SEC, 60_000);
    assert_eq!(events.len(), 1440 + 2 + 120 + 58);
    assert!(events.is_sorted_by_key(|event| event.time_samples));
}

#[test]
fn real_sysex_arrives_whole_and_in_its_place() {
    let mut host = in_mode::<WithClapNotes>(Mode::SysEx);
    let events: Vec<_> = host.block(480, &[]).into_iter().map(|event| (event.time_samples, event.kind)).collect();
    // What is pushed after the SysEx cannot leave before it: SysEx is not kept.
    assert_eq!(events, [(240, Kind::SysEx(SYSEX)), (240, Kind::Midi([0xF8, 0, 0])), (479, Kind::Midi([0xF8, 0, 0]))]);
}

#[test]
fn junk_reaches_nobody() {
    let mut host = in_mode::<WithClapNotes>(Mode::Junk);
    assert_eq!(host.block(480, &[]), []);
    assert_eq!(host.value(host.info("Tempo").id), 0.0);
}

#[test]
fn outputs_are_read_only_and_inputs_are_as_before() {
    let host = Host::started::<WithClapNotes>();
    assert_eq!(host.info("Tempo").flags, CLAP_PARAM_IS_READONLY);
    for name in ["Locked", "Beat"] {
        assert_eq!(host.info(name).flags, CLAP_PARAM_IS_READONLY | CLAP_PARAM_IS_STEPPED, "{name}");
    }
    assert_eq!(host.info("Mode").flags, CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_AUTOMATABLE | CLAP_PARAM_IS_MODULATABLE);
}

#[test]
fn an_index_beyond_the_last_parameter_is_refused() {
    let host = Host::started::<WithClapNotes>();
    let n_params = host.infos().len() as u32;
    for param_idx in [n_params, n_params + 1, u32::MAX] {
        // SAFETY: a live plugin and room for the answer.
        assert!(!unsafe { host.params().get_info.unwrap()(host.plugin(), param_idx, &mut std::mem::zeroed()) });
    }
}

#[test]
fn outputs_stay_at_their_default_until_the_plugin_locks() {
    let mut host = Host::started::<WithClapNotes>();
    let defaults: Vec<_> = host.infos().iter().map(|info| (info.id, info.default_value)).collect();
    assert_eq!(n_values(&host.play(LOCK_SAMPLES, 480)), 0);
    assert!(defaults.iter().all(|&(id, default)| host.value(id) == default));
    host.block(480, &[]);
    assert_eq!(["Tempo", "Locked", "Beat"].map(|name| host.value(host.info(name).id)), [tempo_value(), 1.0, 1.0]);
}

#[test]
fn values_can_be_read_on_any_thread_while_processing() {
    let mut host = Host::started::<WithClapNotes>();
    let (beat_id, done) = (host.info("Beat").id, AtomicBool::new(false));
    // The address alone: the extension's functions may be called from there, the host itself stays here.
    let (plugin, get_value) = (host.plugin() as usize, host.params().get_value.unwrap());
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut n_reads = 0u64;
            loop {
                let ended = done.load(Ordering::Acquire);
                let mut value = f64::NAN;
                // SAFETY: the plugin lives until the scope ends, and reads atomics here.
                assert!(unsafe { get_value(plugin as *const _, beat_id, &mut value) });
                assert!((0..=4).any(|beat| value == f64::from(beat)), "{value}");
                n_reads += 1;
                if ended {
                    return n_reads;
                }
            }
        });
        host.play(THIRTY_SEC, 512);
        done.store(true, Ordering::Release);
        assert!(reader.join().unwrap() > 0);
    });
    assert_eq!(host.value(beat_id), 4.0);
}

#[test]
fn values_keep_their_sample_where_the_host_splits_the_block() {
    let whole = Host::started::<WithClapNotes>().play(2 * LOCK_SAMPLES, 4800);
    let mut host = Host::started::<WithClapNotes>();
    let mode_id = host.info("Mode").id;
    let mut split = Vec::new();
    for start in (0..2 * LOCK_SAMPLES).step_by(4800) {
        // Beside, on and around the events of the block.
        let at = [1, 999, 1000, 1001, 2400, 3000, 4799].map(|time| (time, mode_id, 0.0));
        split.extend(host.block(4800, &at).into_iter().map(|event| Event { time_samples: start + event.time_samples, ..event }));
    }
    assert_eq!(split, whole);
}

#[test]
fn a_value_that_the_host_refused_is_told_in_the_next_block() {
    for listen in [Listen::Refuses, Listen::Not] {
        let mut host = Host::started::<WithClapNotes>();
        host.listen = listen;
        assert_eq!(host.play(LOCK_SAMPLES + 480, 480), []);
        assert_eq!(host.value(host.info("Tempo").id), tempo_value(), "{listen:?}: learned all the same");
        host.listen = Listen::Takes;
        let events = host.block(480, &[]);
        assert_eq!(n_values(&events), 3, "{listen:?}");
        assert!(events.iter().all(|event| event.time_samples == 0));
        assert_eq!(n_values(&host.block(480, &[])), 0, "{listen:?}: once");
    }
}

#[test]
fn what_a_host_writes_to_an_output_is_never_shown() {
    let mut host = Host::started::<WithClapNotes>();
    let (tempo_id, beat_id) = (host.info("Tempo").id, host.info("Beat").id);
    assert_eq!(n_values(&host.block(480, &[(0, tempo_id, 0.9), (7, beat_id, 9.0)])), 0);
    assert_eq!((host.value(tempo_id), host.value(beat_id)), (0.0, 0.0));
    host.play(LOCK_SAMPLES + 480, 480);
    assert_eq!(host.value(tempo_id), tempo_value());
    host.block(480, &[(0, tempo_id, 0.9)]);
    assert_eq!(host.value(tempo_id), tempo_value());
}

#[test]
fn a_loaded_state_changes_no_output_and_live_values_are_told_again() {
    let mut host = Host::started::<WithClapNotes>();
    let [tempo_id, mode_id] = ["Tempo", "Mode"].map(|name| host.info(name).id);
    host.play(LOCK_SAMPLES + 480, 480);
    let saved = host.save();
    assert_eq!(n_values(&host.block(480, &[])), 0);
    assert!(host.load(&saved));
    assert_eq!(host.value(tempo_id), tempo_value());
    assert_eq!(values(&host.block(480, &[]), tempo_id), [(0, tempo_value())]);
    // A new instance knows nothing of the old one's values, and nothing moves in it.
    let mut fresh = Host::started::<WithClapNotes>();
    assert!(fresh.load(&saved));
    assert_eq!((fresh.value(tempo_id), n_values(&fresh.block(480, &[]))), (0.0, 0));
    // Inputs are saved and loaded as ever.
    host.block(0, &[(0, mode_id, f64::from(Mode::Junk as u8))]);
    let saved = host.save();
    host.block(0, &[(0, mode_id, 0.0)]);
    assert!(host.load(&saved));
    // nice-plug's own value, which is not rounded to whole steps.
    assert_eq!(host.value(mode_id).round(), f64::from(Mode::Junk as u8));
    assert!(!host.load(b"not a state"));
}

#[test]
fn reactivation_tells_what_is_shown_and_the_plugin_takes_it_back() {
    let mut host = Host::started::<WithClapNotes>();
    let [tempo_id, locked_id] = ["Tempo", "Locked"].map(|name| host.info(name).id);
    host.play(LOCK_SAMPLES + 480, 480);
    host.stop();
    assert_eq!(host.value(tempo_id), tempo_value(), "the shim resets nothing by itself");
    host.start();
    let events = host.block(480, &[]);
    assert_eq!(values(&events, tempo_id), [(0, tempo_value()), (0, 0.0)]);
    assert_eq!(values(&events, locked_id), [(0, 1.0), (0, 0.0)]);
    assert_eq!(host.value(tempo_id), 0.0);
    // At its default again, nothing more is said.
    host.stop();
    host.start();
    assert_eq!(n_values(&host.block(480, &[])), 0);
}

#[test]
fn calls_that_no_host_should_make_are_refused() {
    let mut host = Host::create::<WithMidiNotes>().unwrap();
    assert!(!host.try_block(480, &[]), "not activated");
    let plugin = host.plugin();
    let tempo_id = host.info("Tempo").id;
    // SAFETY: null is what is tested; everything else is live.
    unsafe {
        assert_eq!((*plugin).process.unwrap()(plugin, null()), 0);
        assert_eq!((*plugin).process.unwrap()(null(), null()), 0);
        assert!((*plugin).get_extension.unwrap()(plugin, null()).is_null());
        assert!((*plugin).get_extension.unwrap()(plugin, c"clap.nothing".as_ptr()).is_null());
        let params = host.params();
        assert!(!params.get_info.unwrap()(plugin, 0, null_mut()));
        assert!(!params.get_value.unwrap()(plugin, tempo_id, null_mut()));
        assert!(!params.get_value.unwrap()(plugin, 12345, &mut 0.0));
        let ports: &clap_plugin_note_ports = host.extension(CLAP_EXT_NOTE_PORTS).unwrap();
        assert!(!ports.get.unwrap()(plugin, 0, false, null_mut()));
    }
}

#[test]
fn the_factory_creates_what_it_names_and_nothing_else() {
    let factory = factory::<WithClapNotes>();
    // SAFETY: null is what is tested; everything else is live.
    unsafe {
        assert_eq!(factory.get_plugin_count.unwrap()(factory), 1);
        assert!(factory.get_plugin_descriptor.unwrap()(factory, 1).is_null());
        let create = factory.create_plugin.unwrap();
        assert!(create(factory, null(), c"org.anacrusis.probe".as_ptr()).is_null());
        assert!(create(factory, null(), null()).is_null());
        assert!(create(factory, null(), c"org.anacrusis.other".as_ptr()).is_null());
        let entry = anacrusis_plugin::interpose::clap::entry::<WithClapNotes>();
        assert!(entry.get_factory.unwrap()(null()).is_null());
        assert!(entry.get_factory.unwrap()(c"clap.other-factory".as_ptr()).is_null());
    }
}

#[test]
fn a_plugin_that_cannot_be_wrapped_or_made_is_no_plugin() {
    assert!(Host::create::<Probe<UNKNOWN_OUTPUT>>().is_none());
    assert!(Host::create::<Probe<NO_START>>().is_none());
}

#[test]
fn processing_never_touches_the_heap() {
    for mode in [Mode::Beats, Mode::Burst, Mode::Overflow, Mode::SysEx] {
        for listen in [Listen::Takes, Listen::Refuses, Listen::Not] {
            let mut host = in_mode::<WithMidiNotes>(mode);
            host.listen = listen;
            // The host's list, kept at its size, must not be what is counted.
            host.block(480, &[]);
            let n_blocks = 500;
            let mut n_calls = 0;
            for _ in 0..n_blocks {
                let before = heap::n_calls();
                assert!(host.try_block(480, &[]));
                n_calls += heap::n_calls() - before;
                host.forget_events();
            }
            assert_eq!(n_calls, 0, "{mode:?}, {listen:?}");
        }
    }
}
