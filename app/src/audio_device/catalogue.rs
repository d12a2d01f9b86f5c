//! Which audio devices this machine has, in the words of `anacrusis devices`. Any thread but the audio thread; slow.
//!
//! The systems differ in what they call a device: each is asked through `cpal`, and what records the machine's own sound is
//! recognised by where and how it is named ([`is_loopback`]).

use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{DeviceDirection, HostId, SupportedStreamConfigRange};
use serde::Serialize;

/// Rates that a device is asked for, Hz.
const USUAL_RATES_HZ: [u32; 9] = [8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000];
/// ALSA's names for conversions of a card that is listed by itself, and for nothing.
const ALSA_NOISE: [&str; 15] = [
    "null",
    "lavrate",
    "samplerate",
    "speexrate",
    "jack",
    "oss",
    "speex",
    "upmix",
    "vdownmix",
    "dmix",
    "dsnoop",
    "iec958",
    "plughw",
    "front",
    "usbstream",
];
/// Parts of the names of programs whose input is what other programs play.
const VIRTUAL_CABLES: [&str; 6] = ["blackhole", "soundflower", "vb-cable", "cable output", "loopback audio", "stereo mix"];

/// How to get an input that records what the machine plays.
pub const LOOPBACK_ADVICE: &str = if cfg!(target_os = "linux") {
    "On Linux, PulseAudio and PipeWire (with pipewire-pulse) have a monitor of each output by themselves: start one of them for this \
     user. With ALSA alone, `sudo modprobe snd-aloop` makes a card that plays into itself: let the player play to it, and listen to \
     `hw:CARD=Loopback,DEV=1`"
} else if cfg!(target_os = "macos") {
    "From macOS 14.6 on any output can be listened to: allow the terminal to record system audio in System Settings > Privacy & \
     Security. On older versions install BlackHole and send the sound there"
} else if cfg!(target_os = "windows") {
    "On Windows each output can be listened to: switch one on in Settings > System > Sound"
} else {
    "See the manual of your audio system for a loopback or monitor device"
};

/// A device, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Device {
    /// The audio system that it belongs to: `ALSA`, `PulseAudio`, `CoreAudio`, `WASAPI`.
    pub host: String,
    /// What people call it.
    pub name: String,
    /// What the system calls it, after `host:`; the same after a restart, as far as the system has such a thing.
    pub id: String,
    /// Whether it is the one that is taken where nobody says; of what records an output: whether that output is.
    pub is_default: bool,
    /// Whether it records what this machine plays.
    pub is_loopback: bool,
    /// Most channels that it has at once; 0 = not known.
    pub n_channels: u16,
    /// The usual rates that it runs at, Hz, ascending.
    pub rates_hz: Vec<u32>,
    /// The rate that it runs at where nobody says, Hz.
    pub default_rate_hz: Option<u32>,
}

/// An audio system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostInfo {
    /// Its name.
    pub name: String,
    /// Why it cannot be reached, if so.
    pub error: Option<String>,
}

/// A device and the means to open it.
pub(super) struct Found {
    pub(super) device: Device,
    pub(super) handle: cpal::Device,
    /// An output that is opened as an input.
    pub(super) is_output_as_input: bool,
}

/// Which way sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Input,
    Output,
}

/// The audio systems that this build knows, reached or not.
pub fn hosts() -> Vec<HostInfo> {
    silence_alsa();
    let of = |&id: &HostId| HostInfo { name: id.name().to_owned(), error: cpal::host_from_id(id).err().map(|error| error.to_string()) };
    cpal::ALL_HOSTS.iter().map(of).collect()
}

/// The inputs of this machine, what records its own sound among them. Empty where there is no audio system.
pub fn list() -> Vec<Device> {
    find_all(Direction::Input).into_iter().map(|found| found.device).collect()
}

/// The outputs of this machine.
pub fn list_outputs() -> Vec<Device> {
    find_all(Direction::Output).into_iter().map(|found| found.device).collect()
}

/// All devices of a direction, those of the system's preferred host first.
pub(super) fn find_all(direction: Direction) -> Vec<Found> {
    silence_alsa();
    let reached: Vec<cpal::Host> = cpal::ALL_HOSTS.iter().filter_map(|&id| cpal::host_from_id(id).ok()).collect();
    // cpal lists the hosts of a system with the one that it prefers first; only that one says what the default is.
    let mut found: Vec<Found> =
        reached.iter().enumerate().flat_map(|(idx, host)| devices_of(host, direction, idx == 0, reached.len() > 1)).collect();
    found.sort_by_key(|found| !found.device.is_default);
    found
}

fn devices_of(host: &cpal::Host, direction: Direction, is_preferred: bool, has_others: bool) -> Vec<Found> {
    let id_of = |device: Option<cpal::Device>| device.and_then(|device| device.id().ok()).map(|id| id.to_string());
    let (default_input, default_output) = (id_of(host.default_input_device()), id_of(host.default_output_device()));
    let mut found: Vec<Found> = Vec::new();
    // ALSA's default need not be among those that it lists.
    let defaults = [host.default_input_device(), host.default_output_device()].into_iter().flatten();
    for handle in host.devices().into_iter().flatten().chain(defaults) {
        let (Ok(id), Ok(description)) = (handle.id(), handle.description()) else { continue };
        let (id, name) = (id.to_string(), description.name().trim().to_owned());
        if is_noise(host.id().name(), id_without_host(&id), has_others) || found.iter().any(|found| found.device.id == id) {
            continue;
        }
        let is_output_as_input = direction == Direction::Input && records_outputs() && description.direction() == DeviceDirection::Output;
        let ranges: Vec<SupportedStreamConfigRange> = match direction {
            Direction::Input if !is_output_as_input => handle.supported_input_configs().into_iter().flatten().collect(),
            _ => handle.supported_output_configs().into_iter().flatten().collect(),
        };
        if ranges.is_empty() {
            continue;
        }
        let is_loopback = direction == Direction::Input && (is_output_as_input || is_loopback(host.id().name(), &name, &id));
        let is_default = is_preferred
            && match direction {
                Direction::Output => default_output.as_deref() == Some(&id),
                Direction::Input if is_output_as_input => default_output.as_deref() == Some(&id),
                Direction::Input if is_loopback => default_output.as_deref().is_some_and(|output| id == format!("{output}.monitor")),
                Direction::Input => default_input.as_deref() == Some(&id),
            };
        let default_config = match direction {
            Direction::Input if !is_output_as_input => handle.default_input_config(),
            _ => handle.default_output_config(),
        };
        let device = Device {
            host: host.id().name().to_owned(),
            name,
            id,
            is_default,
            is_loopback,
            n_channels: most_channels(&ranges, default_config.as_ref().ok().map(cpal::SupportedStreamConfig::channels)),
            rates_hz: usual_rates(&ranges),
            default_rate_hz: default_config.ok().map(|config| config.sample_rate()),
        };
        found.push(Found { device, handle, is_output_as_input });
    }
    found
}

/// ALSA prints a dozen lines to stderr for each device that it tries and does not find; what matters of them comes back as an error.
#[cfg(target_os = "linux")]
fn silence_alsa() {
    // For this thread, until the next call. Without memory for the buffer the lines are printed, and that is all.
    let _ = alsa::Output::local_error_handler();
}

#[cfg(not(target_os = "linux"))]
fn silence_alsa() {}

/// Whether outputs can be opened as inputs here: WASAPI's loopback mode, CoreAudio's process taps.
fn records_outputs() -> bool {
    cfg!(any(target_os = "windows", target_os = "macos"))
}

fn id_without_host(id: &str) -> &str {
    id.split_once(':').map_or(id, |(_, id)| id)
}

/// Whether an input records what the machine plays, by its names.
pub(super) fn is_loopback(host: &str, name: &str, id: &str) -> bool {
    let (name, id) = (name.to_lowercase(), id.to_lowercase());
    let by_host = match host {
        // A source that monitors a sink is named after it (PulseAudio and pipewire-pulse).
        "PulseAudio" | "PipeWire" => id.ends_with(".monitor") || name.starts_with("monitor of "),
        // The card of snd-aloop: what is played to its device 0 is recorded from its device 1.
        "ALSA" => (id.contains("card=loopback") && id.contains("dev=1")) || id.contains("monitor"),
        _ => false,
    };
    by_host || VIRTUAL_CABLES.iter().any(|cable| name.contains(cable))
}

/// Whether a name of ALSA is a conversion of a card that is listed anyway, or a way to a sound server that is listed itself.
fn is_noise(host: &str, id: &str, has_others: bool) -> bool {
    let kind = id.split([':', '=']).next().unwrap_or(id);
    let is_conversion = ALSA_NOISE.contains(&kind) || kind.starts_with("surround");
    host == "ALSA" && (is_conversion || (has_others && matches!(kind, "pulse" | "pipewire")))
}

/// A sound server takes any number of channels and converts: what it has by itself is what counts then.
fn most_channels(ranges: &[SupportedStreamConfigRange], by_default: Option<u16>) -> u16 {
    const CONVERTS_FROM: u16 = 31;
    let most = ranges.iter().map(SupportedStreamConfigRange::channels).max().unwrap_or(0);
    if most >= CONVERTS_FROM { by_default.unwrap_or(most) } else { most }
}

fn usual_rates(ranges: &[SupportedStreamConfigRange]) -> Vec<u32> {
    USUAL_RATES_HZ.into_iter().filter(|&rate_hz| ranges.iter().any(|range| range.contains_rate(rate_hz))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpal::{SampleFormat, SupportedBufferSize};

    fn range(channels: u16, low_hz: u32, high_hz: u32) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, low_hz, high_hz, SupportedBufferSize::Unknown, SampleFormat::F32)
    }

    #[test]
    fn monitors_are_known_by_the_names_of_their_system() {
        let id = "pulseaudio:alsa_output.pci-0000_00_1f.3.analog-stereo.monitor";
        assert!(is_loopback("PulseAudio", "Monitor of Built-in Audio Analog Stereo", id));
        assert!(is_loopback("PulseAudio", "Moniteur de Audio interne", id), "the id does not depend on the language");
        assert!(!is_loopback("PulseAudio", "Built-in Audio", "pulseaudio:alsa_input.pci.analog-stereo"));
        assert!(is_loopback("ALSA", "Loopback, Loopback PCM", "alsa:hw:CARD=Loopback,DEV=1"));
        assert!(!is_loopback("ALSA", "Loopback, Loopback PCM", "alsa:hw:CARD=Loopback,DEV=0"), "the end to play to");
        assert!(!is_loopback("ALSA", "HDA Intel PCH, ALC", "alsa:hw:CARD=PCH,DEV=0"));
        assert!(is_loopback("CoreAudio", "BlackHole 2ch", "coreaudio:x") && is_loopback("WASAPI", "Stereo Mix (Realtek)", "wasapi:y"));
        assert!(!is_loopback("CoreAudio", "MacBook Pro Microphone", "coreaudio:z"));
    }

    #[test]
    fn conversions_of_alsa_are_left_out_and_cards_are_not() {
        for noise in ["null", "plughw:CARD=0,DEV=0", "surround51:CARD=PCH", "dsnoop:CARD=PCH,DEV=0", "lavrate"] {
            assert!(is_noise("ALSA", noise, false), "{noise}");
        }
        for device in ["hw:CARD=PCH,DEV=0", "default", "sysdefault:CARD=PCH", "mine"] {
            assert!(!is_noise("ALSA", device, true), "{device}");
        }
        assert!(is_noise("ALSA", "pulse", true) && !is_noise("ALSA", "pulse", false), "without its host it is the way to the server");
        assert!(!is_noise("CoreAudio", "null", true));
    }

    #[test]
    fn rates_and_channels_are_those_of_all_ranges() {
        let ranges = [range(2, 44_100, 48_000), range(8, 96_000, 96_000)];
        assert_eq!(usual_rates(&ranges), [44_100, 48_000, 96_000]);
        assert_eq!(most_channels(&ranges, Some(2)), 8);
        assert_eq!(most_channels(&[range(1, 1, 384_000), range(31, 1, 384_000)], Some(2)), 2, "a server converts");
        assert_eq!((most_channels(&[], None), usual_rates(&[])), (0, vec![]));
    }
}
