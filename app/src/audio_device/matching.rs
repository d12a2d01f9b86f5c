//! Which device is meant by what was asked for. Pure: lists in, one of their members out.

use super::catalogue::Device;
use super::error::DeviceError;

/// Which device is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// The one that the system takes where nobody says.
    #[default]
    Default,
    /// What this machine plays: the monitor of the default output, else of any other.
    Loopback,
    /// By its id or its name, or a part of the name that only one has.
    Name(String),
}

/// How well a device fits a name; the largest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    PartOfId,
    PartOfName,
    NameButForCase,
    Name,
    Id,
}

/// The index of the device that is meant.
///
/// # Errors
/// None fits, or several fit equally well.
pub(super) fn find(devices: &[Device], choice: &DeviceChoice, direction: &'static str) -> Result<usize, DeviceError> {
    let available = || names(devices);
    match choice {
        DeviceChoice::Default => {
            let is_default = |device: &Device| device.is_default && !device.is_loopback;
            devices.iter().position(is_default).ok_or_else(|| DeviceError::NoDefault { direction, available: available() })
        }
        DeviceChoice::Loopback => {
            let of_default = devices.iter().position(|device| device.is_loopback && device.is_default);
            let any = || devices.iter().position(|device| device.is_loopback);
            of_default.or_else(any).ok_or_else(|| DeviceError::NoLoopback { available: available() })
        }
        DeviceChoice::Name(name) => by_name(devices, name, direction),
    }
}

fn by_name(devices: &[Device], asked: &str, direction: &'static str) -> Result<usize, DeviceError> {
    let fits: Vec<(usize, Fit)> = devices.iter().enumerate().filter_map(|(idx, device)| Some((idx, fit(device, asked)?))).collect();
    let Some(best) = fits.iter().map(|&(_, fit)| fit).max() else {
        return Err(DeviceError::NoSuchDevice { direction, asked: asked.to_owned(), available: names(devices) });
    };
    let best: Vec<usize> = fits.iter().filter(|&&(_, fit)| fit == best).map(|&(idx, _)| idx).collect();
    match best[..] {
        [idx] => Ok(idx),
        _ => {
            let fitting = best.iter().map(|&idx| format!("{:?} ({})", devices[idx].name, devices[idx].id)).collect();
            Err(DeviceError::Ambiguous { direction, asked: asked.to_owned(), fitting })
        }
    }
}

fn fit(device: &Device, asked: &str) -> Option<Fit> {
    let (name, lower) = (device.name.to_lowercase(), asked.trim().to_lowercase());
    let without_host = device.id.split_once(':').map_or(device.id.as_str(), |(_, id)| id);
    if device.id == asked || without_host == asked {
        Some(Fit::Id)
    } else if device.name == asked {
        Some(Fit::Name)
    } else if name == lower {
        Some(Fit::NameButForCase)
    } else if lower.is_empty() {
        None
    } else if name.contains(&lower) {
        Some(Fit::PartOfName)
    } else {
        device.id.to_lowercase().contains(&lower).then_some(Fit::PartOfId)
    }
}

pub(super) fn names(devices: &[Device]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(devices.len());
    for device in devices {
        if !names.contains(&device.name) {
            names.push(device.name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, id: &str) -> Device {
        Device { name: name.to_owned(), id: id.to_owned(), ..Device::default() }
    }

    fn devices() -> Vec<Device> {
        vec![
            Device { is_default: true, ..device("Built-in Audio", "pulseaudio:alsa_input.pci.analog-stereo") },
            device("Scarlett 2i2 USB", "pulseaudio:alsa_input.usb-Focusrite"),
            Device { is_loopback: true, ..device("Monitor of HDMI", "pulseaudio:alsa_output.hdmi.monitor") },
            Device { is_loopback: true, is_default: true, ..device("Monitor of Built-in Audio", "pulseaudio:alsa_output.pci.monitor") },
            device("Scarlett 2i2 USB, USB Audio", "alsa:hw:CARD=USB,DEV=0"),
        ]
    }

    fn named(name: &str) -> Result<usize, DeviceError> {
        find(&devices(), &DeviceChoice::Name(name.to_owned()), "input")
    }

    #[test]
    fn the_default_is_no_monitor_and_loopback_is_that_of_the_default_output() {
        assert_eq!(find(&devices(), &DeviceChoice::Default, "input"), Ok(0));
        assert_eq!(find(&devices(), &DeviceChoice::Loopback, "input"), Ok(3));
        let mut without = devices();
        without[3].is_default = false;
        assert_eq!(find(&without, &DeviceChoice::Loopback, "input"), Ok(2), "any is better than none");
    }

    #[test]
    fn an_id_goes_before_a_name_and_a_whole_name_before_a_part() {
        assert_eq!(named("alsa:hw:CARD=USB,DEV=0"), Ok(4));
        assert_eq!(named("hw:CARD=USB,DEV=0"), Ok(4));
        assert_eq!(named("Scarlett 2i2 USB"), Ok(1), "although another name begins so");
        assert_eq!(named("scarlett 2I2 usb"), Ok(1));
        assert_eq!(named("hdmi"), Ok(2));
        assert_eq!(named("Focusrite"), Ok(1), "a part of the id");
    }

    #[test]
    fn what_fits_several_is_refused_with_all_of_them() {
        let message = named("Scarlett").unwrap_err().to_string();
        assert!(
            message.contains("\"Scarlett\" fits several audio inputs: \"Scarlett 2i2 USB\" (pulseaudio:alsa_input.usb-Focusrite), "),
            "{message}"
        );
        assert!(message.contains("(alsa:hw:CARD=USB,DEV=0)"), "{message}");
    }

    #[test]
    fn what_fits_none_is_refused_with_what_is_there() {
        let message = named("Behringer").unwrap_err().to_string();
        assert!(message.starts_with("no audio input is called \"Behringer\"; there is \"Built-in Audio\", \"Scarlett"), "{message}");
        assert!(named("").is_err(), "an empty name is part of every name, and means none");
        assert!(named("  ").is_err());
    }

    #[test]
    fn nothing_is_found_among_none() {
        for choice in [DeviceChoice::Default, DeviceChoice::Loopback, DeviceChoice::Name("x".into())] {
            assert!(find(&[], &choice, "input").unwrap_err().to_string().contains("there is none"), "{choice:?}");
        }
        let no_default = [device("A", "alsa:a")];
        assert!(matches!(find(&no_default, &DeviceChoice::Default, "output"), Err(DeviceError::NoDefault { direction: "output", .. })));
        let message = find(&no_default, &DeviceChoice::Loopback, "input").unwrap_err().to_string();
        assert!(message.contains("records what this machine plays; there is \"A\"."), "{message}");
    }

    proptest::proptest! {
        #[test]
        fn any_name_finds_a_device_or_an_error(name in ".{0,24}") {
            if let Ok(idx) = named(&name) {
                proptest::prop_assert!(idx < devices().len());
            }
        }
    }
}
