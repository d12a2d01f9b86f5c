//! Between the plugin framework and the host: carries what nice-plug hides, raw MIDI and output parameters.
//!
//! ```text
//! Plugin::process -> try_send_event(MidiSysEx(Wire)) -> nice-plug -> our event list -> the host's event list
//!                                                                        |                 and output parameters
//!                                                                        '-> shown values -> the host's `get_value`
//! ```
//!
//! nice-plug 0.4.2 has no raw MIDI message but SysEx, and writes parameters for an open editor only. So the plugin packs what
//! it has to say into SysEx events ([`Wire`]), and a shim per format stands where the host's event list would be: it
//! unpacks them into what the format can carry, in time order, and passes everything else on. nice-plug itself is stock;
//! `docs/adr/0007-interposers.md` has the choice and what it relies on.
//!
//! Threads: events on the audio thread, values from any thread, the rest on the host's main thread. Nothing is shared between
//! plugin and shim but the events; between threads, only atomics that stand for themselves.

pub mod clap;
mod params;
mod queue;
pub mod vst3;
mod wire;

use nice_plug::prelude::Plugin;

pub use params::ShimError;
pub use wire::Wire;

/// A plugin with output parameters, to be exported with [`export_clap!`](crate::export_clap) and
/// [`export_vst3!`](crate::export_vst3) in place of nice-plug's macros.
///
/// Outputs are ordinary parameters of the plugin that it never writes: they give name, range and text, and stay at their
/// default, also in saved state. What the host shows is what was sent last by [`Wire::output`].
///
/// Rules for the plugin:
/// - `MIDI_OUTPUT` is at least `Basic`, or nice-plug refuses the events.
/// - The standalone has no shim: send no output where `plugin_api()` is `Standalone`.
/// - Send one output's values in time order; only changes are passed on.
/// - Send the default when a value ceases to hold (lock lost), and in the first block after `reset` if another was shown:
///   the shim keeps the last value and resets nothing by itself.
pub trait Interposed: Plugin {
    /// The output parameters, by their `#[id]`; the position in this list is the index of [`Wire::output`].
    const OUTPUTS: &'static [&'static str];

    /// Whether CLAP hosts get notes as MIDI messages rather than CLAP note events. VST3 always has its own notes.
    const CLAP_NOTES_AS_MIDI: bool;
}
