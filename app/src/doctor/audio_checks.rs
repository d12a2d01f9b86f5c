//! The checks of `doctor` that concern sound in and out: audio systems, inputs, what records the machine itself. Main thread.
//!
//! The plugin needs none of this, and neither does `analyze`: what is missing is advice and no problem.

use super::Check;
use crate::audio_device::{Device, HostInfo, LOOPBACK_ADVICE, hosts, list, list_outputs};

/// Devices that are named at most.
const MAX_NAMED: usize = 4;
/// Advice where no input is there.
const NO_INPUT: &str = if cfg!(target_os = "linux") {
    "plug one in, start PipeWire or PulseAudio for this user, or join the group `audio` (`sudo usermod -aG audio \"$USER\"`, log in again); \
     only `live` and `calibrate` need an input, the plugin does not"
} else {
    "plug one in and let this program record (privacy settings); only `live` and `calibrate` need an input, the plugin does not"
};

/// All of them.
pub(super) fn all() -> Vec<Check> {
    let inputs = list();
    vec![audio_hosts(&hosts()), audio_inputs(&inputs), loopback(&inputs), audio_outputs(&list_outputs())]
}

fn audio_hosts(hosts: &[HostInfo]) -> Check {
    const NAME: &str = "audio";
    let of = |is_reached: bool| hosts.iter().filter(move |host| host.error.is_none() == is_reached);
    let reached: Vec<&str> = of(true).map(|host| host.name.as_str()).collect();
    let missing: Vec<String> = of(false).map(|host| format!("{} not: {}", host.name, host.error.as_deref().unwrap_or_default())).collect();
    if reached.is_empty() {
        let detail = if missing.is_empty() { "no audio system is known here".to_owned() } else { missing.join("; ") };
        return Check::advice(NAME, detail, "install or start an audio system; the plugin and `analyze` need none");
    }
    Check::ok(NAME, [vec![reached.join(", ")], missing].concat().join("; "))
}

fn audio_inputs(inputs: &[Device]) -> Check {
    const NAME: &str = "audio inputs";
    let devices: Vec<&Device> = inputs.iter().filter(|device| !device.is_loopback).collect();
    match described(&devices) {
        Some(detail) => Check::ok(NAME, detail),
        None => Check::advice(NAME, "none", NO_INPUT),
    }
}

fn loopback(inputs: &[Device]) -> Check {
    const NAME: &str = "loopback";
    let devices: Vec<&Device> = inputs.iter().filter(|device| device.is_loopback).collect();
    match described(&devices) {
        Some(detail) => Check::ok(NAME, detail),
        None => Check::advice(NAME, "nothing records what this machine plays", LOOPBACK_ADVICE),
    }
}

fn audio_outputs(outputs: &[Device]) -> Check {
    const NAME: &str = "audio outputs";
    match described(&outputs.iter().collect::<Vec<_>>()) {
        Some(detail) => Check::ok(NAME, detail),
        None => Check::advice(NAME, "none", "plug one in; only `calibrate` plays sound, nothing else needs one"),
    }
}

/// Names with rates, the default first; `None` where there is none.
fn described(devices: &[&Device]) -> Option<String> {
    let one = |device: &&Device| {
        let rates: Vec<String> = device.rates_hz.iter().map(u32::to_string).collect();
        let mark = if device.is_default { ", default" } else { "" };
        format!("{:?} ({} ch, {} Hz{mark})", device.name, device.n_channels, rates.join("/"))
    };
    let named: Vec<String> = devices.iter().take(MAX_NAMED).map(one).collect();
    let more = devices.len().saturating_sub(MAX_NAMED);
    let rest = if more > 0 { format!(" and {more} more (`anacrusis devices`)") } else { String::new() };
    (!named.is_empty()).then(|| named.join(", ") + &rest)
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn device(name: &str, is_loopback: bool) -> Device {
        Device { name: name.to_owned(), is_loopback, n_channels: 2, rates_hz: vec![44_100, 48_000], ..Device::default() }
    }

    #[test]
    fn what_is_missing_comes_with_what_to_do_and_is_no_problem() {
        for check in [audio_hosts(&[]), audio_inputs(&[]), loopback(&[device("Mic", false)]), audio_outputs(&[])] {
            assert!(check.status == Status::Note && check.fix.is_some_and(|fix| !fix.is_empty()), "{}", check.name);
        }
    }

    #[test]
    fn devices_are_named_with_rates_and_a_loopback_is_no_input() {
        let inputs = [Device { is_default: true, ..device("Mic", false) }, device("Monitor", true)];
        assert_eq!(audio_inputs(&inputs), Check::ok("audio inputs", "\"Mic\" (2 ch, 44100/48000 Hz, default)"));
        assert_eq!(loopback(&inputs), Check::ok("loopback", "\"Monitor\" (2 ch, 44100/48000 Hz)"));
        let many: Vec<Device> = (0..6).map(|n| device(&format!("Card {n}"), false)).collect();
        assert!(audio_outputs(&many).detail.ends_with("\"Card 3\" (2 ch, 44100/48000 Hz) and 2 more (`anacrusis devices`)"));
    }

    #[test]
    fn an_audio_system_that_is_not_reached_is_named_with_the_reason() {
        let host = |name: &str, error: Option<&str>| HostInfo { name: name.to_owned(), error: error.map(str::to_owned) };
        let check = audio_hosts(&[host("PulseAudio", Some("not running")), host("ALSA", None)]);
        assert_eq!((check.status, check.detail.as_str()), (Status::Ok, "ALSA; PulseAudio not: not running"));
        assert_eq!(audio_hosts(&[host("ALSA", Some("gone"))]).status, Status::Note);
    }
}
