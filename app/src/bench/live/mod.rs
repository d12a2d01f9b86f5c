//! `anacrusis bench --live`: what instances of the plugin cost at the real pace, and how old what they say is. Main thread,
//! and a thread for each instance.
//!
//! ```text
//! band -> block_cost   tap and follower alone, 1, 4 and 20 instances in turn
//!      -> together     whole instances, a worker thread each, blocks when they are due
//! clicks -> feed_age   one instance, and a reader of its feed 60 times a second
//!      -> report (table | JSON), with the targets
//! ```
//! The parts are put together as the plugin does it; hosts, formats and parameters are left out.

mod block_cost;
mod feed_age;
mod instance;
mod pace;
pub mod report;
mod together;

use std::f64::consts::TAU;

use super::BenchArgs;
use super::band::Band;
use super::subject::Subject;
use crate::exit::say;
use crate::model::network_names;
use instance::Setup;
use report::{FORMAT_VERSION, LiveReport};

/// Length of the pass of many instances unless chosen, seconds.
const TOGETHER_SEC: u32 = 60;
/// Longest pass of the feed's age, seconds: more clicks change nothing.
const FEED_AGE_SEC: u32 = 30;
/// Audio that is played, seconds: a whole number of bars, so that it can be repeated.
const AUDIO_SEC: f64 = 64.0;
/// Time between clicks, seconds.
const CLICK_PERIOD_SEC: f64 = 0.5;

/// Measures everything.
///
/// # Errors
/// Options that the engine cannot take, no folder for a feed, no thread.
pub(super) fn bench(args: &BenchArgs) -> Result<LiveReport, String> {
    let seconds = args.seconds.unwrap_or(TOGETHER_SEC);
    let n_instances = args.instances as usize;
    let setup = Setup::new(&args.engine, args.rate, args.block as usize)?;
    let rate_hz = f64::from(args.rate);
    let band = Band { first_beat_sec: 0.0, ..Band::default() }.render(rate_hz, AUDIO_SEC);
    let stereo = to_stereo(&band);
    say(format_args!("1 of 3: the audio thread alone"));
    let audio_thread = block_cost::measure(&setup, &stereo)?;
    say(format_args!("2 of 3: {n_instances} instances for {seconds} s"));
    let together = together::measure(&setup, &stereo, n_instances, seconds)?;
    let n_feed_sec = seconds.min(FEED_AGE_SEC);
    say(format_args!("3 of 3: the age of a feed for {n_feed_sec} s"));
    let clicks = to_stereo(&click_track(rate_hz, AUDIO_SEC));
    let feed = feed_age::measure(&setup, &clicks, CLICK_PERIOD_SEC, n_feed_sec)?;
    let targets = report::targets(&audio_thread, &together, &feed);
    Ok(LiveReport {
        format: FORMAT_VERSION,
        subject: Subject::this(network_names(&setup.model()?.origin)),
        sample_rate_hz: args.rate,
        block_samples: args.block,
        audio_thread,
        together,
        feed,
        targets,
    })
}

/// Two channels that differ, whose mean is about the signal.
fn to_stereo(mono: &[f32]) -> [Vec<f32>; 2] {
    [mono.to_vec(), mono.iter().map(|v| 0.9 * v).collect()]
}

/// Short bursts of 2 kHz from time 0 on.
fn click_track(rate_hz: f64, n_seconds: f64) -> Vec<f32> {
    let sample = |n: usize| {
        let t_sec = (n as f64 / rate_hz) % CLICK_PERIOD_SEC;
        (0.8 * (-t_sec / 0.003).exp() * (TAU * 2_000.0 * t_sec).sin()) as f32
    };
    (0..(n_seconds * rate_hz) as usize).map(sample).collect()
}
