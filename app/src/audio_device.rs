//! Sound in and out of the machine: which devices there are, opened by name, as blocks of 32-bit floats.
//!
//! ```text
//! catalogue (hosts -> Device) -> matching (what was asked for -> one of them) -> plan (rate, channels, format)
//!    -> input: device's samples -> channels (convert, choose, mix, gain) -> callback      AUDIO THREAD of the system
//!    -> output: callback -> the device's samples                                          AUDIO THREAD of the system
//! ```
//! A thin layer over `cpal`: ALSA and PulseAudio (so PipeWire too) on Linux, CoreAudio, WASAPI. What a machine *plays* is
//! an input like any other here ([`DeviceChoice::Loopback`]): the monitors of PulseAudio and PipeWire, outputs opened as
//! inputs on Windows and on macOS from 14.6. A device that goes away is a [`StreamEvent`], and whoever opened it opens it again.

mod catalogue;
mod channels;
pub mod command;
mod error;
mod event;
mod input;
mod levels;
mod matching;
mod output;
mod plan;
mod sample;

pub use catalogue::{Device, HostInfo, LOOPBACK_ADVICE, hosts, list, list_outputs};
pub use channels::{ChannelChoice, ChannelMap, MAX_GAIN_DB};
pub use error::DeviceError;
pub use event::StreamEvent;
pub use input::{BlockInfo, InputPlan, InputRequest, InputStream, open_input};
pub use matching::DeviceChoice;
pub use output::{OutputInfo, OutputPlan, OutputRequest, OutputStream, open_output};
