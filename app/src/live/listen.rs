//! The input and its analysis: opened, watched, opened again when it goes away. INPUT THREAD, which owns device or file; the sound
//! itself arrives on the AUDIO THREAD of the system, which only pushes it into the ring.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use runtime_core::bus::counters::Counters;
use serde::Serialize;
use utoipa::ToSchema;

use super::feed_source::FeedSlot;
use super::file_input::FileInput;
use super::hint_desk::{HintDesk, HintedTap};
use super::system_clock::MachineClock;
use crate::anticipator::AnticipatorArgs;
use crate::audio_device::{DeviceError, InputPlan, InputRequest, StreamEvent};
use crate::engine_args::EngineArgs;
use crate::instance::{Ingredients, Instance};

/// What our own feed is called.
pub const FEED_NAME: &str = "anacrusis live";
/// Between two tries to open a device.
const RETRY: Duration = Duration::from_secs(1);
/// How often the input thread looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// A device that brings nothing for so long is opened again, nanoseconds.
const SILENT_NS: u64 = 2_000_000_000;
/// Longest block of a device that the ring is prepared for, samples.
const LONGEST_BLOCK_SAMPLES: usize = 16_384;

/// Where sound comes from.
pub enum Input {
    /// A file, opened already.
    File(FileInput, PathBuf),
    /// A device.
    Device(InputRequest),
}

/// Where the input's report hangs.
#[derive(Debug, Clone, Default)]
pub struct ReportCell(Arc<Mutex<InputReport>>);

impl ReportCell {
    /// How the input fares.
    pub fn read(&self) -> InputReport {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn update(&self, change: impl FnOnce(&mut InputReport)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// How the input fares.
#[derive(Debug, Clone, PartialEq, Default, Serialize, ToSchema)]
pub struct InputReport {
    /// Device or file.
    pub name: String,
    /// Rate, Hz; 0 before it is open.
    pub rate_hz: u32,
    /// Whether sound is expected to come now.
    pub is_open: bool,
    /// It came to its end and will not be opened again.
    pub is_over: bool,
    /// The last thing that went wrong; empty = nothing did.
    pub last_error: String,
    /// Times it was opened.
    pub n_opened: u32,
    /// Times that the device lost samples.
    pub n_xruns: u32,
    /// Samples that were dropped because the analysis could not keep up, or that were no numbers.
    pub n_bad_samples: u64,
}

/// How an analysis is made for each rate.
#[derive(Clone)]
pub struct Recipe {
    /// How beats are found.
    pub engine: EngineArgs,
    /// Where feeds go.
    pub feed_folder: PathBuf,
    /// What the user says to it.
    pub hints: HintDesk,
}

impl Recipe {
    /// Starts an analysis at a rate, Hz; its feed goes into `slot`.
    fn start(&self, rate_hz: u32, block_samples: usize, slot: &FeedSlot) -> Result<(Instance, HintedTap, Counters), String> {
        let anticipator: &AnticipatorArgs = &self.engine.anticipator;
        let ingredients = Ingredients {
            config: self.engine.config(rate_hz),
            model: self.engine.model.load().map_err(|e| e.to_string())?,
            anticipator: anticipator.load().map_err(|e| e.to_string())?,
            block_samples,
            feed_folder: &self.feed_folder,
            name: FEED_NAME,
        };
        let (instance, end) = Instance::start(ingredients)?;
        slot.set(instance.feed_path());
        Ok((instance, self.hints.open(end.tap), end.counters))
    }
}

/// A running input. Dropping it ends it.
pub struct Listener {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    report: ReportCell,
}

impl Listener {
    /// Starts to listen; the feed of the analysis goes into `slot`.
    ///
    /// # Errors
    /// The system has no thread.
    pub fn start(input: Input, recipe: Recipe, slot: FeedSlot) -> std::io::Result<Self> {
        let (stop, report) = (Arc::new(AtomicBool::new(false)), ReportCell::default());
        let body = Body { recipe, slot, stop: Arc::clone(&stop), report: report.clone() };
        let thread = std::thread::Builder::new().name("input".to_owned()).spawn(move || match input {
            Input::File(file, path) => body.play(file, &path),
            Input::Device(request) => body.follow(&request),
        })?;
        Ok(Self { stop, thread: Some(thread), report })
    }

    /// Where it says how it fares.
    pub fn report(&self) -> ReportCell {
        self.report.clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so on stderr.
            let _ = thread.join();
        }
    }
}

struct Body {
    recipe: Recipe,
    slot: FeedSlot,
    stop: Arc<AtomicBool>,
    report: ReportCell,
}

impl Body {
    fn tell(&self, change: impl FnOnce(&mut InputReport)) {
        self.report.update(change);
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Plays a file to its end.
    fn play(&self, file: FileInput, path: &Path) {
        let (rate_hz, block_samples) = (file.sample_rate_hz(), file.block_samples());
        self.opened(path.display().to_string(), rate_hz);
        let outcome = self.recipe.start(rate_hz, block_samples, &self.slot).and_then(|(instance, mut tap, _)| {
            let played = file.play(&mut tap, &MachineClock, &self.stop).map_err(|error| format!("{}: {error}", path.display()));
            drop(instance);
            played
        });
        self.tell(|report| {
            (report.is_over, report.is_open) = (true, false);
            report.last_error = outcome.err().unwrap_or_default();
        });
    }

    /// Listens to a device, for as long as the program runs.
    fn follow(&self, request: &InputRequest) {
        while !self.is_stopped() {
            let outcome = self.listen(request);
            let gives_up = matches!(&outcome, Err(Failure::Device(error)) if !error.may_pass()) || matches!(outcome, Err(Failure::Ours(_)));
            self.tell(|report| {
                report.is_open = false;
                report.is_over = gives_up;
                if let Err(error) = outcome {
                    report.last_error = error.to_string();
                }
            });
            if gives_up {
                return;
            }
            let waits = RETRY.as_millis() / LOOK.as_millis();
            (0..waits).take_while(|_| !self.is_stopped()).for_each(|_| std::thread::sleep(LOOK));
        }
    }

    /// Opens the device and waits until it is gone.
    fn listen(&self, request: &InputRequest) -> Result<(), Failure> {
        let plan = InputPlan::new(request)?;
        let (name, rate_hz) = (plan.device().name.clone(), plan.rate_hz());
        // The device's callback mixes nothing: the tap takes the mean of its channels.
        let n_channels = usize::from(plan.n_channels());
        let (_instance, mut tap, counters) = self.recipe.start(rate_hz, LONGEST_BLOCK_SAMPLES, &self.slot).map_err(Failure::Ours)?;
        let (events_in, events) = channel();
        let is_windows_loopback = cfg!(windows) && plan.device().is_loopback;
        let stream = plan.start(
            move |block, _| push(&mut tap, block, n_channels),
            // A receiver that is gone means that the stream is being closed.
            move |event| drop(events_in.send(event)),
        )?;
        self.opened(name, rate_hz);
        loop {
            if self.is_stopped() {
                return Ok(());
            }
            let counts = counters.read();
            self.tell(|report| report.n_bad_samples = u64::from(counts.nan_samples));
            if let Some(reason) = self.heard_of(&events) {
                return Err(Failure::Gone(reason));
            }
            if stream.silent_for_ns() > SILENT_NS && !is_windows_loopback {
                return Err(Failure::Gone("it brings nothing any more".to_owned()));
            }
        }
    }

    /// Waits a moment for news of the device; the reason where it is gone.
    fn heard_of(&self, events: &Receiver<StreamEvent>) -> Option<String> {
        match events.recv_timeout(LOOK) {
            Ok(StreamEvent::Gone { reason } | StreamEvent::RateChanged { reason }) => Some(reason),
            Ok(StreamEvent::Xrun) => {
                self.tell(|report| report.n_xruns += 1);
                None
            }
            Ok(StreamEvent::Rerouted) => {
                self.tell(|report| report.last_error = "the system moved the input to another device".to_owned());
                None
            }
            Ok(StreamEvent::RealTimeRefused { reason }) => {
                self.tell(|report| report.last_error = format!("no real-time priority for the input: {reason}"));
                None
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some("its stream ended".to_owned()),
        }
    }

    fn opened(&self, name: String, rate_hz: u32) {
        self.tell(|report| {
            (report.name, report.rate_hz, report.is_open, report.is_over) = (name, rate_hz, true, false);
            report.n_opened += 1;
        });
    }
}

/// Channels that the tap's mean is taken of on the audio thread at a time.
const MOST_CHANNELS: usize = 64;

/// Pushes interleaved frames. Real-time safe: yes.
fn push(tap: &mut HintedTap, block: &[f32], n_channels: usize) {
    if n_channels <= 1 {
        tap.push(&[block], block.len());
        return;
    }
    // The ring takes one channel after another, a device brings them side by side: in small pieces on the stack.
    const PIECE: usize = 32;
    let n_used = n_channels.min(MOST_CHANNELS);
    let mut planes = [[0.0f32; PIECE]; MOST_CHANNELS];
    for frames in block.chunks(PIECE * n_channels) {
        let n_frames = frames.len() / n_channels;
        for (frame_idx, frame) in frames.chunks_exact(n_channels).enumerate() {
            for (plane, &value) in planes.iter_mut().zip(frame) {
                plane[frame_idx] = value;
            }
        }
        tap.push(&planes[..n_used], n_frames);
    }
}

/// Why an input ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error("the device is gone: {0}")]
    Gone(String),
    #[error("{0}")]
    Ours(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::bus::audio_ring::audio_ring;
    use runtime_core::rt::tap::Tap;

    #[test]
    fn side_by_side_channels_become_their_mean() {
        let (sender, mut receiver) = audio_ring(8_000.0);
        let mut tap = HintDesk::default().open(Tap::new(sender, Counters::default()));
        let frames: Vec<f32> = (0..100).flat_map(|k| [k as f32, 0.0]).collect();
        push(&mut tap, &frames, 2);
        push(&mut tap, &[7.0, 8.0], 1);
        let mut got = Vec::new();
        receiver.take_samples(receiver.n_samples(), |part| got.extend_from_slice(part));
        let expected: Vec<f32> = (0..100).map(|k| k as f32 / 2.0).chain([7.0, 8.0]).collect();
        assert_eq!(got, expected);
    }
}
