//! Projects that were saved with any release open with every parameter as it was: each format, each version since the first.

use integration_tests::host::clap::ClapHost;
use integration_tests::host::saved_state::{is_read_as_it_was_meant, versions};
use integration_tests::host::vst3::Vst3TestHost;

#[test]
fn the_state_of_every_release_is_read_through_clap() {
    assert_eq!(versions().first().map(String::as_str), Some("0.1.0"), "the first release's is kept for ever");
    versions().iter().for_each(|version| is_read_as_it_was_meant(version, "clap", ClapHost::open));
}

#[test]
fn the_state_of_every_release_is_read_through_vst3() {
    versions().iter().for_each(|version| is_read_as_it_was_meant(version, "vst3", Vst3TestHost::open));
}
