//! Hosts close a plugin's library when its last instance goes, while their threads live on and end later. That must not end
//! the host. One test per process: another instance would keep the library open.

use integration_tests::host::MakeHost;
use integration_tests::host::audio::Audio;
use integration_tests::host::checks::render;
use integration_tests::host::clap::ClapHost;
use integration_tests::host::expected::notes;
use integration_tests::host::player::Cuts;
use integration_tests::host::vst3::Vst3TestHost;

#[test]
fn threads_that_called_the_plugin_end_after_its_library_was_closed() {
    for make in [ClapHost::open as MakeHost, Vst3TestHost::open] {
        for _ in 0..3 {
            let thread = std::thread::spawn(move || {
                let Some(mut host) = make() else { return };
                let played = render(&mut *host, &Audio::clip(44_100.0).first(6.0), Cuts::Fixed(512));
                assert!(!notes(&played.events).is_empty());
            });
            thread.join().expect("the host's thread ends well");
        }
    }
}
