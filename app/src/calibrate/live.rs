//! Plays the clicks, and hears them or takes taps. Main thread; the two callbacks run on the AUDIO THREADS of the system.
//!
//! A click's moment is when the device asked for its sample: from there on, everything is the output's delay. A recording's
//! moments are when its samples were heard, by the driver's account of its own latency.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use midi_port::{MonotonicClock, SystemClock};

use super::CalibrateError;
use super::clicks::waveform;
use super::played::Played;
use crate::audio_device::{
    BlockInfo, ChannelChoice, DeviceChoice, InputPlan, InputRequest, InputStream, OutputInfo, OutputPlan, OutputRequest, OutputStream,
    StreamEvent,
};

/// Peak of the clicks.
const LEVEL: f32 = 0.5;
/// How long a device may take to play or give its first sample beyond the schedule.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rate that is asked for first, Hz.
const RATE_HZ: u32 = 48_000;

/// A recording of the clicks.
pub(super) struct Recorded {
    pub(super) samples: Vec<f32>,
    pub(super) rate_hz: u32,
    pub(super) played: Played,
    /// What the driver itself says of its latency, ms.
    pub(super) stated_ms: f64,
}

/// What happened to a device while it ran.
#[derive(Default)]
struct Trouble {
    n_xruns: AtomicU32,
    is_gone: AtomicBool,
}

impl Trouble {
    fn note(&self, event: &StreamEvent) {
        if *event == StreamEvent::Xrun {
            self.n_xruns.fetch_add(1, Relaxed);
        } else if event.needs_reopen() {
            self.is_gone.store(true, Relaxed);
        }
    }

    fn check(&self, device: &str) -> Result<(), CalibrateError> {
        if self.is_gone.load(Relaxed) {
            return Err(CalibrateError::Lost { device: device.to_owned() });
        }
        match self.n_xruns.load(Relaxed) {
            0 => Ok(()),
            n_xruns => Err(CalibrateError::Xruns { device: device.to_owned(), n_xruns }),
        }
    }
}

/// Written by the audio thread of the output.
struct Schedule {
    /// First frame of each click.
    frames: Vec<u64>,
    /// When the device asked for it, nanoseconds; 0 = not yet.
    asked_ns: Vec<AtomicU64>,
    /// Latency by the driver's account, nanoseconds, of the newest block.
    stated_ns: AtomicU64,
}

impl Schedule {
    fn new(clicks_sec: &[f64], rate_hz: u32) -> Self {
        let frames: Vec<u64> = clicks_sec.iter().map(|at_sec| (at_sec * f64::from(rate_hz)).round() as u64).collect();
        let asked_ns = frames.iter().map(|_| AtomicU64::new(0)).collect();
        Self { frames, asked_ns, stated_ns: AtomicU64::new(0) }
    }

    /// Draws the clicks of a block into it, on all channels. Real-time safe: yes.
    fn fill(&self, block: &mut [f32], info: &OutputInfo, click: &[f32]) {
        let n_channels = usize::from(info.n_channels.max(1));
        let (from, n_frames) = (info.first_frame, (block.len() / n_channels) as u64);
        self.stated_ns.store(info.sounds_ns.saturating_sub(info.asked_ns), Relaxed);
        for (&start, asked_ns) in self.frames.iter().zip(&self.asked_ns) {
            if (from..from + n_frames).contains(&start) {
                let into_ns = (start - from) * 1_000_000_000 / u64::from(info.rate_hz.max(1));
                asked_ns.store(info.asked_ns + into_ns, Relaxed);
            }
            let end = start + click.len() as u64;
            for frame in start.max(from)..end.min(from + n_frames) {
                let sample = LEVEL * click[(frame - start) as usize];
                let at = (frame - from) as usize * n_channels;
                block[at..at + n_channels].fill(sample);
            }
        }
    }

    fn is_done(&self) -> bool {
        self.asked_ns.last().is_none_or(|asked_ns| asked_ns.load(Relaxed) > 0)
    }

    /// The moments of the clicks in seconds after `zero_ns`.
    fn clicks_sec(&self, zero_ns: f64) -> Vec<f64> {
        self.asked_ns.iter().map(|asked_ns| (asked_ns.load(Relaxed) as f64 - zero_ns) * 1e-9).collect()
    }
}

/// Written by the audio thread of the input: a fixed room, so that nothing is allocated there.
struct Tape {
    samples: Vec<AtomicU32>,
    n_written: AtomicUsize,
    /// Sum over blocks of when sample 0 was heard by their account, less [`Self::base_ns`], nanoseconds; a float's bits.
    sum_start: AtomicU64,
    n_blocks: AtomicU64,
    base_ns: u64,
}

impl Tape {
    fn new(n_samples: usize, base_ns: u64) -> Self {
        let samples = (0..n_samples).map(|_| AtomicU32::new(0)).collect();
        Self { samples, n_written: AtomicUsize::new(0), sum_start: AtomicU64::new(0), n_blocks: AtomicU64::new(0), base_ns }
    }

    /// Real-time safe: yes.
    fn add(&self, block: &[f32], info: &BlockInfo) {
        let n_written = self.n_written.load(Relaxed);
        for (place, sample) in self.samples[n_written.min(self.samples.len())..].iter().zip(block) {
            place.store(sample.to_bits(), Relaxed);
        }
        self.n_written.store((n_written + block.len()).min(self.samples.len()), Relaxed);
        let start_ns = info.captured_ns as f64 - self.base_ns as f64 - info.first_frame as f64 * 1e9 / f64::from(info.rate_hz.max(1));
        let sum = f64::from_bits(self.sum_start.load(Relaxed)) + start_ns;
        self.sum_start.store(sum.to_bits(), Relaxed);
        self.n_blocks.fetch_add(1, Relaxed);
    }

    /// When sample 0 was heard: the mean of what all blocks say, which their jitter does not move.
    fn start_ns(&self) -> Option<f64> {
        let n_blocks = self.n_blocks.load(Relaxed);
        (n_blocks > 0).then(|| self.base_ns as f64 + f64::from_bits(self.sum_start.load(Relaxed)) / n_blocks as f64)
    }

    fn samples(&self) -> Vec<f32> {
        let n_written = self.n_written.load(Relaxed);
        self.samples[..n_written].iter().map(|sample| f32::from_bits(sample.load(Relaxed))).collect()
    }
}

/// Plays the clicks into one device and records them from another.
pub(super) fn record(
    clicks_sec: &[f64],
    output: &DeviceChoice,
    input: &DeviceChoice,
    max_delay_sec: f64,
) -> Result<Recorded, CalibrateError> {
    let output = output_plan(output)?;
    let request = InputRequest { device: input.clone(), channels: ChannelChoice::Mix, ..InputRequest::default() };
    let input = InputPlan::new(&request)?;
    let rate_hz = input.rate_hz();
    let length_sec = clicks_sec.last().copied().unwrap_or(0.0) + max_delay_sec + PATIENCE.as_secs_f64();
    let tape = Arc::new(Tape::new((length_sec * f64::from(rate_hz)) as usize, SystemClock.now_ns()));
    let (for_thread, heard_trouble) = (Arc::clone(&tape), Arc::new(Trouble::default()));
    let for_events = Arc::clone(&heard_trouble);
    let input: InputStream = input.start(move |block, info| for_thread.add(block, info), move |event| for_events.note(&event))?;
    let (stream, schedule, played_trouble) = play(clicks_sec, output)?;
    wait(clicks_sec, &schedule, &stream, &played_trouble)?;
    thread::sleep(Duration::from_secs_f64(max_delay_sec + 0.2));
    played_trouble.check(&stream.device().name)?;
    heard_trouble.check(&input.device().name)?;
    let Some(start_ns) = tape.start_ns() else { return Err(CalibrateError::Deaf { device: input.device().name.clone() }) };
    let played = Played::new(schedule.clicks_sec(start_ns), Vec::new());
    Ok(Recorded { samples: tape.samples(), rate_hz, played, stated_ms: 1e-6 * schedule.stated_ns.load(Relaxed) as f64 })
}

/// Plays the clicks and takes the taps of whoever hears them, a line each.
pub(super) fn tap(clicks_sec: &[f64], output: &DeviceChoice, max_delay_sec: f64) -> Result<(Played, f64), CalibrateError> {
    let output = output_plan(output)?;
    let zero_ns = SystemClock.now_ns();
    let taps = taps();
    let (stream, schedule, trouble) = play(clicks_sec, output)?;
    wait(clicks_sec, &schedule, &stream, &trouble)?;
    thread::sleep(Duration::from_secs_f64(max_delay_sec));
    trouble.check(&stream.device().name)?;
    let taps_sec = taps.try_iter().map(|tap_ns| (tap_ns as f64 - zero_ns as f64) * 1e-9).collect();
    Ok((Played::new(schedule.clicks_sec(zero_ns as f64), taps_sec), 1e-6 * schedule.stated_ns.load(Relaxed) as f64))
}

/// The moments of lines on standard input. The thread ends with the program: nothing can interrupt a read.
fn taps() -> Receiver<u64> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in std::io::stdin().lock().split(b'\n') {
            if line.is_err() || send.send(SystemClock.now_ns()).is_err() {
                return;
            }
        }
    });
    receive
}

/// At the rate of the click's own making where the device has it.
fn output_plan(device: &DeviceChoice) -> Result<OutputPlan, CalibrateError> {
    let request = |rate_hz| OutputRequest { device: device.clone(), rate_hz };
    Ok(OutputPlan::new(&request(Some(RATE_HZ))).or_else(|_| OutputPlan::new(&request(None)))?)
}

fn play(clicks_sec: &[f64], output: OutputPlan) -> Result<(OutputStream, Arc<Schedule>, Arc<Trouble>), CalibrateError> {
    let rate_hz = output.rate_hz();
    let schedule = Arc::new(Schedule::new(clicks_sec, rate_hz));
    let trouble = Arc::new(Trouble::default());
    let (for_thread, for_events, click) = (Arc::clone(&schedule), Arc::clone(&trouble), waveform(rate_hz));
    let stream = output.start(move |block, info| for_thread.fill(block, info, &click), move |event| for_events.note(&event))?;
    Ok((stream, schedule, trouble))
}

/// Until the last click was handed over.
fn wait(clicks_sec: &[f64], schedule: &Schedule, stream: &OutputStream, trouble: &Trouble) -> Result<(), CalibrateError> {
    let end = Instant::now() + Duration::from_secs_f64(clicks_sec.last().copied().unwrap_or(0.0)) + PATIENCE;
    while !schedule.is_done() {
        if trouble.is_gone.load(Relaxed) || Instant::now() > end {
            return Err(CalibrateError::Lost { device: stream.device().name.clone() });
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_lie_at_their_frames_whatever_the_blocks_are() {
        let clicks_sec = [0.01, 0.05];
        let (rate_hz, click) = (48_000, waveform(48_000));
        let schedule = Schedule::new(&clicks_sec, rate_hz);
        let mut played = Vec::new();
        for (n_frames, asked_ns) in [(300, 1_000_000), (400, 7_250_000), (3_000, 15_583_333)] {
            let mut block = vec![0.0; 2 * n_frames];
            let info = OutputInfo { n_channels: 2, rate_hz, first_frame: played.len() as u64, asked_ns, sounds_ns: asked_ns + 9_000_000 };
            schedule.fill(&mut block, &info, &click);
            assert!(block.chunks(2).all(|frame| frame[0] == frame[1]));
            played.extend(block.chunks(2).map(|frame| frame[0]));
        }
        assert!(schedule.is_done());
        for start in [480, 2_400] {
            assert!(played[start..start + click.len()].iter().zip(&click).all(|(x, y)| (x - LEVEL * y).abs() < 1e-7));
        }
        assert!(played[..480].iter().all(|&x| x == 0.0) && played[864..2_400].iter().all(|&x| x == 0.0));
        // Frame 480 is 180 frames into the block that was asked for at 7.25 ms; frame 2400 is 1700 into the one at 15.58 ms.
        let clicks_sec = schedule.clicks_sec(0.0);
        assert!((clicks_sec[0] - 0.011).abs() < 1e-6 && (clicks_sec[1] - 0.051).abs() < 1e-6, "{clicks_sec:?}");
        assert_eq!(schedule.stated_ns.load(Relaxed), 9_000_000);
    }

    #[test]
    fn a_tape_knows_when_it_began_although_blocks_jitter_and_takes_no_more_than_it_has_room_for() {
        let tape = Tape::new(1_000, 5_000_000_000);
        assert_eq!(tape.start_ns(), None);
        for (first_frame, jitter_ns) in [(0, 400_000), (480, -400_000)] {
            let captured_ns = (6_000_000_000 + first_frame as i64 * 1_000_000_000 / 48_000 + jitter_ns) as u64;
            let info = BlockInfo { n_channels: 1, rate_hz: 48_000, first_frame, captured_ns };
            tape.add(&[0.25; 480], &info);
        }
        assert!((tape.start_ns().unwrap() - 6_000_000_000.0).abs() < 2.0);
        assert_eq!(tape.samples(), [0.25; 960]);
        tape.add(&[0.5; 480], &BlockInfo { n_channels: 1, rate_hz: 48_000, first_frame: 960, captured_ns: 6_020_000_000 });
        assert_eq!((tape.samples().len(), tape.samples()[999]), (1_000, 0.5));
        tape.add(&[0.5; 480], &BlockInfo { n_channels: 1, rate_hz: 48_000, first_frame: 1_440, captured_ns: 6_030_000_000 });
        assert_eq!(tape.samples().len(), 1_000);
    }

    #[test]
    fn lost_samples_and_lost_devices_are_errors() {
        let trouble = Trouble::default();
        trouble.note(&StreamEvent::Rerouted);
        assert!(trouble.check("Card").is_ok());
        trouble.note(&StreamEvent::Xrun);
        assert!(matches!(trouble.check("Card"), Err(CalibrateError::Xruns { n_xruns: 1, .. })));
        trouble.note(&StreamEvent::Gone { reason: "x".into() });
        assert!(matches!(trouble.check("Card"), Err(CalibrateError::Lost { .. })));
    }
}
