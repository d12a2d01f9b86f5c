//! The VST3 bundle in a test host: what `host::checks` claims, and what the format cannot carry.

use integration_tests::host::audio::{Audio, Hostile};
use integration_tests::host::checks;
use integration_tests::host::expected::{midi, notes};
use integration_tests::host::player::Cuts;
use integration_tests::host::vst3::Vst3TestHost;
use integration_tests::host::{MakeHost, Said};

const MAKE: MakeHost = Vst3TestHost::open;

integration_tests::checks_of_every_format!(MAKE, Hostile::Audible);

#[test]
fn no_clock_message_leaves_through_vst3() {
    let Some(mut host) = MAKE() else { return };
    let played = checks::render(&mut *host, &Audio::clip(44_100.0), Cuts::Fixed(512));
    assert!(notes(&played.events).len() > 40);
    assert_eq!(midi(&played.events), []);
    assert!(!played.events.iter().any(|event| event.said == Said::Unexpected), "neither as data nor as legacy controllers");
}
