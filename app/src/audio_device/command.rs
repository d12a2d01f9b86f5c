//! `anacrusis devices`: the inputs of this machine, what it plays itself among them, and how loud they are. Main thread.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::levels::{Levels, bar};
use super::{ChannelChoice, Device, DeviceChoice, DeviceError, InputPlan, InputRequest, LOOPBACK_ADVICE, StreamEvent, list, list_outputs};
use crate::exit::{Exit, say, say_error, write_stdout};

/// Version of the JSON layout.
const FORMAT_VERSION: u32 = 1;
/// Time between two levels on a terminal.
const REDRAW: Duration = Duration::from_millis(100);
/// Time between two levels elsewhere.
const LINE: Duration = Duration::from_secs(1);
/// Channels that fit on a line of a terminal.
const MAX_BARS: usize = 2;

const EXAMPLES: &str = "\
Examples:
  anacrusis devices                          inputs, and what records what this machine plays
  anacrusis devices --json                   the same for programs
  anacrusis devices --meter                  levels of the default input for 10 seconds
  anacrusis devices --meter 30 --loopback    of what this machine plays, for 30 seconds
  anacrusis devices --meter --device Scarlett

Exit codes: 0 done, 2 wrong usage, 3 no device, or it failed.";

/// List audio inputs, what this machine plays among them, and show their levels
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct DevicesArgs {
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// List outputs in place of inputs
    #[arg(long, conflicts_with = "meter")]
    pub outputs: bool,
    /// Show the levels of an input for this many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "10", value_parser = parse_seconds)]
    pub meter: Option<f64>,
    /// Which input: its id, its name or a part of it
    #[arg(long, value_name = "NAME", requires = "meter", conflicts_with = "loopback")]
    pub device: Option<String>,
    /// What this machine plays
    #[arg(long, requires = "meter")]
    pub loopback: bool,
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected seconds from 0.1 to 86400".to_owned()),
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    format: u32,
    devices: &'a [Device],
    loopback_advice: Option<&'static str>,
}

#[derive(Serialize)]
struct Metered {
    t_sec: f64,
    peak_db: Vec<f32>,
}

/// Runs the command.
pub fn run(args: &DevicesArgs) -> Exit {
    let outcome = match args.meter {
        Some(seconds) => meter(args, Duration::from_secs_f64(seconds)),
        None if args.outputs => show(&list_outputs(), args, "output"),
        None => show(&list(), args, "input"),
    };
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            say_error(&error);
            error.exit()
        }
    }
}

fn show(devices: &[Device], args: &DevicesArgs, direction: &str) -> Result<Exit, DeviceError> {
    let lacks_loopback = !args.outputs && !devices.iter().any(|device| device.is_loopback);
    let text = if args.json {
        let listed = Listed { format: FORMAT_VERSION, devices, loopback_advice: lacks_loopback.then_some(LOOPBACK_ADVICE) };
        to_json(&listed)
    } else {
        as_text(devices)
    };
    put_out(&text)?;
    if devices.is_empty() {
        say_error(format_args!("there is no audio {direction}"));
    }
    if lacks_loopback && !args.json {
        say(format_args!("nothing here records what this machine plays. {LOOPBACK_ADVICE}"));
    }
    Ok(if devices.is_empty() { Exit::Device } else { Exit::Ok })
}

/// A line a device, and its id below it.
fn as_text(devices: &[Device]) -> String {
    let mut text = String::new();
    for device in devices {
        let kind = if device.is_loopback { "loopback" } else { "device  " };
        let mark = if device.is_default { '*' } else { ' ' };
        let rates: Vec<String> = device.rates_hz.iter().map(|rate_hz| rate_hz.to_string()).collect();
        let channels = match device.n_channels {
            0 => "channels not known".to_owned(),
            1 => "1 channel".to_owned(),
            n => format!("{n} channels"),
        };
        text += &format!("{mark} {kind}  {}: {channels}, {} Hz ({})\n", device.name, rates.join(" "), device.host);
        text += &format!("              {}\n", device.id);
    }
    if devices.iter().any(|device| device.is_default) {
        text += "* where no device is named\n";
    }
    text
}

fn meter(args: &DevicesArgs, length: Duration) -> Result<Exit, DeviceError> {
    let device = match &args.device {
        Some(name) => DeviceChoice::Name(name.clone()),
        None if args.loopback => DeviceChoice::Loopback,
        None => DeviceChoice::Default,
    };
    let plan = InputPlan::new(&InputRequest { device, channels: ChannelChoice::All, ..InputRequest::default() })?;
    let levels = Arc::new(Levels::new(plan.n_channels()));
    let ended: Arc<Mutex<Option<StreamEvent>>> = Arc::default();
    let (for_thread, for_events) = (Arc::clone(&levels), Arc::clone(&ended));
    let stream = plan.start(
        move |block, _| for_thread.add(block),
        move |event| {
            if event.needs_reopen() {
                *for_events.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(event);
            }
        },
    )?;
    say(format_args!("{}, {} Hz", stream.device().name, stream.rate_hz()));
    let is_drawn = std::io::stdout().is_terminal() && !args.json;
    let started = Instant::now();
    let mut hold: Vec<f32> = vec![super::levels::FLOOR_DB; usize::from(stream.n_channels())];
    while started.elapsed() < length {
        thread::sleep((if is_drawn { REDRAW } else { LINE }).min(length.saturating_sub(started.elapsed())));
        if let Some(StreamEvent::Gone { reason } | StreamEvent::RateChanged { reason }) =
            ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
        {
            let device = stream.device().name.clone();
            return Err(DeviceError::Lost { device, reason, available: super::matching::names(&list()) });
        }
        let peaks_db = levels.take_db();
        for (hold, &peak_db) in hold.iter_mut().zip(&peaks_db) {
            *hold = hold.max(peak_db);
        }
        put_out(&if args.json {
            format!(
                "{}\n",
                serde_json::to_string(&Metered { t_sec: started.elapsed().as_secs_f64(), peak_db: peaks_db }).unwrap_or_default()
            )
        } else {
            let line = level_line(&peaks_db, is_drawn);
            if is_drawn { format!("\r{line}") } else { format!("{line}\n") }
        })?;
    }
    if is_drawn {
        put_out("\n")?;
    }
    if hold.iter().all(|&hold| hold <= super::levels::FLOOR_DB) {
        say("nothing but silence: is something playing, and does this program have the right to record?");
    }
    Ok(Exit::Ok)
}

/// Levels of all channels; bars for the first ones where there is room for little.
fn level_line(peaks_db: &[f32], is_drawn: bool) -> String {
    let n_bars = if is_drawn { MAX_BARS } else { peaks_db.len() };
    let one = |(idx, &peak_db): (usize, &f32)| {
        let bar = if idx < n_bars { format!(" {}", bar(peak_db)) } else { String::new() };
        format!("{}: {peak_db:6.1} dB{bar}", idx + 1)
    };
    peaks_db.iter().enumerate().map(one).collect::<Vec<_>>().join("  ")
}

fn to_json(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect("strings, numbers and flags make JSON");
    text.push('\n');
    text
}

/// A stdout that refuses is no device that failed, but there is nobody to tell the difference to.
fn put_out(text: &str) -> Result<(), DeviceError> {
    write_stdout(text.as_bytes()).map_err(|error| DeviceError::NoHost { reason: format!("cannot write to standard output: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_marks_the_default_and_what_is_a_loopback() {
        let microphone = Device {
            host: "ALSA".into(),
            name: "Built-in".into(),
            id: "alsa:hw:0".into(),
            is_default: true,
            n_channels: 2,
            rates_hz: vec![44_100, 48_000],
            ..Device::default()
        };
        let monitor = Device { is_default: false, is_loopback: true, n_channels: 1, ..microphone.clone() };
        let text = as_text(&[microphone, monitor]);
        assert!(
            text.starts_with("* device    Built-in: 2 channels, 44100 48000 Hz (ALSA)\n              alsa:hw:0\n  loopback  "),
            "{text}"
        );
        assert!(text.ends_with("* where no device is named\n"));
        assert_eq!(as_text(&[]), "");
    }

    #[test]
    fn levels_say_which_channel_they_are_of() {
        let line = level_line(&[-6.0, -96.0, 0.0], true);
        assert!(line.starts_with("1:   -6.0 dB ######################--") && line.ends_with("3:    0.0 dB"), "{line}");
    }

    #[test]
    fn a_length_is_a_sensible_number() {
        assert_eq!(parse_seconds("2.5"), Ok(2.5));
        for text in ["0", "-1", "NaN", "inf", "1e9", "x"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
