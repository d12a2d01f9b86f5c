//! The plugin without a host: JACK, or the system's audio and MIDI. Main thread.

use anacrusis_plugin::Anacrusis;

fn main() -> std::process::ExitCode {
    if nice_plug::nice_export_standalone::<Anacrusis>() { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
