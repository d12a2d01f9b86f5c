//! The VST3 bundle in a test host: what `host::checks` claims, and what the format cannot carry.

use integration_tests::host::audio::{Audio, Hostile};
use integration_tests::host::checks;
use integration_tests::host::expected::{midi, notes};
use integration_tests::host::player::Cuts;
use integration_tests::host::vst3::Vst3TestHost;
use integration_tests::host::{MakeHost, Said};

const MAKE: MakeHost = Vst3TestHost::open;

#[test]
fn audio_passes_bit_for_bit() {
    checks::audio_passes_bit_for_bit(MAKE, Hostile::Audible);
}

#[test]
fn notes_are_the_announced_beats() {
    checks::notes_are_the_announced_beats(MAKE);
}

#[test]
fn block_size_and_mode_change_nothing() {
    checks::block_size_and_mode_change_nothing(MAKE);
}

#[test]
fn outputs_are_read_only_and_move_on_beats() {
    checks::outputs_are_read_only_and_move_on_beats(MAKE);
}

#[test]
fn state_survives_a_round_trip() {
    checks::state_survives_a_round_trip(MAKE);
}

#[test]
fn instances_do_not_disturb_each_other() {
    checks::instances_do_not_disturb_each_other(MAKE);
}

#[test]
fn activations_leave_nothing_behind() {
    checks::activations_leave_nothing_behind(MAKE);
}

#[test]
fn the_host_s_transport_can_lead() {
    checks::the_host_s_transport_can_lead(MAKE);
}

#[test]
fn jumps_loops_and_stops_are_survived() {
    checks::jumps_loops_and_stops_are_survived(MAKE);
}

#[test]
fn bypass_is_silent() {
    checks::bypass_is_silent(MAKE);
}

#[test]
fn no_clock_message_leaves_through_vst3() {
    let Some(mut host) = MAKE() else { return };
    let played = checks::render(&mut *host, &Audio::clip(44_100.0), Cuts::Fixed(512));
    assert!(notes(&played.events).len() > 40);
    assert_eq!(midi(&played.events), []);
    assert!(!played.events.iter().any(|event| event.said == Said::Unexpected), "neither as data nor as legacy controllers");
}
