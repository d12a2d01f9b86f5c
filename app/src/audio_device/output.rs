//! An output that is open: the callback fills blocks of floats and is told when they will sound. The callback runs on the AUDIO
//! THREAD of the system.

use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Data, OutputCallbackInfo, SupportedStreamConfig};
use midi_port::{MonotonicClock, SystemClock};

use super::catalogue::{Device, Direction, Found, find_all};
use super::channels::ChannelChoice;
use super::error::DeviceError;
use super::event::StreamEvent;
use super::matching::{DeviceChoice, find, names};
use super::plan::{Wish, choose, stream_config};
use super::sample::fill_blocks;

/// Frames that the callback fills at most; longer blocks of a device come in several calls.
const MAX_BLOCK_FRAMES: usize = 1024;
/// How long the system may take to open a device.
const OPEN_TIMEOUT: Duration = Duration::from_secs(4);
/// A driver that claims a longer latency than this is not believed, nanoseconds.
const MAX_LATENCY_NS: u64 = 5_000_000_000;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputRequest {
    /// Which device; [`DeviceChoice::Loopback`] is none.
    pub device: DeviceChoice,
    /// Rate, Hz; `None` = the device's own.
    pub rate_hz: Option<u32>,
}

/// Of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputInfo {
    /// Channels, interleaved in the block.
    pub n_channels: u16,
    /// Rate, Hz.
    pub rate_hz: u32,
    /// Frames before this one since the stream was opened.
    pub first_frame: u64,
    /// When the device asked for the block, on [`SystemClock`], nanoseconds; later frames of one request count from the same moment.
    pub asked_ns: u64,
    /// When the first frame will sound, by the driver's own account, on [`SystemClock`], nanoseconds.
    pub sounds_ns: u64,
}

/// A device chosen and a configuration agreed on, and nothing opened yet.
pub struct OutputPlan {
    found: Found,
    config: SupportedStreamConfig,
    available: Vec<String>,
}

/// An output that runs until it is dropped.
pub struct OutputStream {
    _stream: cpal::Stream,
    device: Device,
    rate_hz: u32,
}

impl OutputPlan {
    /// Finds the device and agrees with it on a configuration.
    ///
    /// # Errors
    /// There is no such device, or it cannot do what is asked.
    pub fn new(request: &OutputRequest) -> Result<Self, DeviceError> {
        let mut all = find_all(Direction::Output);
        let devices: Vec<Device> = all.iter().map(|found| found.device.clone()).collect();
        let available = names(&devices);
        let found = all.swap_remove(find(&devices, &request.device, "output")?);
        let own = found.handle.default_output_config().ok();
        let ranges: Vec<_> =
            found.handle.supported_output_configs().map_err(|error| refused(&found.device.name, &error, &available))?.collect();
        let is_server = found.device.host == "PulseAudio";
        let wish = Wish { device: &found.device.name, rate_hz: request.rate_hz, channels: &ChannelChoice::All, is_server };
        let config = choose(&ranges, own, wish)?;
        Ok(Self { found, config, available })
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.found.device
    }

    /// Rate of the blocks, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.config.sample_rate()
    }

    /// Opens the device. `callback` fills blocks that come as silence, on the audio thread, and must not allocate, lock or
    /// wait; `on_event` is told what happens to the device, rarely, on a thread of the system.
    ///
    /// # Errors
    /// The system refuses.
    pub fn start(
        self,
        mut callback: impl FnMut(&mut [f32], &OutputInfo) + Send + 'static,
        mut on_event: impl FnMut(StreamEvent) + Send + 'static,
    ) -> Result<OutputStream, DeviceError> {
        let Self { found: Found { device, handle, .. }, config, available } = self;
        let rate_hz = config.sample_rate();
        let mut blocks = Blocks::new(config.channels(), rate_hz);
        let stream = handle
            .build_output_stream_raw(
                stream_config(&config, device.host == "PulseAudio"),
                config.sample_format(),
                move |data, info| {
                    let now_ns = SystemClock.now_ns();
                    blocks.fill(data, now_ns, sounds_ns(now_ns, info), &mut callback);
                },
                move |error| on_event(StreamEvent::of(&error)),
                Some(OPEN_TIMEOUT),
            )
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(|error| refused(&device.name, &error, &available))?;
        Ok(OutputStream { _stream: stream, device, rate_hz })
    }
}

/// Finds a device and opens it.
///
/// # Errors
/// There is no such device, it cannot do what is asked, or the system refuses.
pub fn open_output(
    request: &OutputRequest,
    callback: impl FnMut(&mut [f32], &OutputInfo) + Send + 'static,
    on_event: impl FnMut(StreamEvent) + Send + 'static,
) -> Result<OutputStream, DeviceError> {
    OutputPlan::new(request)?.start(callback, on_event)
}

impl OutputStream {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Rate of the blocks, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
}

/// Cuts a device's buffer into blocks. AUDIO THREAD.
struct Blocks {
    n_channels: u16,
    rate_hz: u32,
    scratch: Vec<f32>,
    /// Frames filled so far.
    n_frames: u64,
}

impl Blocks {
    fn new(n_channels: u16, rate_hz: u32) -> Self {
        Self { n_channels, rate_hz, scratch: vec![0.0; MAX_BLOCK_FRAMES * usize::from(n_channels.max(1))], n_frames: 0 }
    }

    /// Real-time safe: as much as `take`.
    fn fill(&mut self, data: &mut Data, asked_ns: u64, sounds_ns: u64, take: &mut impl FnMut(&mut [f32], &OutputInfo)) {
        let Self { n_channels, rate_hz, scratch, n_frames } = self;
        let (n_channels, rate_hz, before) = (*n_channels, *rate_hz, *n_frames);
        fill_blocks(data, scratch, |block| {
            let into_ns = (*n_frames - before) * 1_000_000_000 / u64::from(rate_hz.max(1));
            take(block, &OutputInfo { n_channels, rate_hz, first_frame: *n_frames, asked_ns, sounds_ns: sounds_ns + into_ns });
            *n_frames += (block.len() / usize::from(n_channels.max(1))) as u64;
        });
    }
}

/// When the first frame will sound: as far ahead as the driver says.
fn sounds_ns(now_ns: u64, info: &OutputCallbackInfo) -> u64 {
    let at = info.timestamp();
    let latency = at.playback.saturating_duration_since(at.callback).as_nanos();
    now_ns + u64::try_from(latency).unwrap_or(0).min(MAX_LATENCY_NS)
}

fn refused(device: &str, error: &cpal::Error, available: &[String]) -> DeviceError {
    DeviceError::Open { direction: "output", device: device.to_owned(), reason: error.to_string(), available: available.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpal::SampleFormat;

    #[test]
    fn frames_are_counted_over_blocks_and_times_follow_them() {
        let mut samples = vec![7_i16; 2 * 1_200];
        // SAFETY: the pointer and the length are those of a slice of the format's type, which outlives the data.
        let mut data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), SampleFormat::I16) };
        let mut blocks = Blocks::new(2, 48_000);
        let mut asked = Vec::new();
        blocks.fill(&mut data, 5, 1_000, &mut |block, info| {
            block[0] = 0.5;
            asked.push((block.len(), info.first_frame, info.asked_ns, info.sounds_ns));
        });
        assert_eq!(asked, [(2_048, 0, 5, 1_000), (352, 1_024, 5, 21_334_333)]);
        assert_eq!((samples[0], samples[1], samples[2_048], samples[2_399]), (16_384, 0, 16_384, 0));
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_with_it() {
        let request = OutputRequest { device: DeviceChoice::Name("a device that nobody has".into()), rate_hz: None };
        let error = open_output(&request, |_, _| {}, |_| {}).map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("no audio output is called \"a device that nobody has\""), "{error}");
        assert_eq!(error.exit(), crate::exit::Exit::Device);
    }
}
