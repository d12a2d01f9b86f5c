//! An input that is open: blocks of floats with the moment they were heard. The callback runs on the AUDIO THREAD of the system.
//!
//! Between the device and the callback nothing allocates, locks or logs; what the callback does is its own business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Data, InputCallbackInfo, SupportedStreamConfig};
use midi_port::{MonotonicClock, SystemClock};

use super::catalogue::{Device, Direction, Found, find_all};
use super::channels::{ChannelChoice, ChannelMap};
use super::error::DeviceError;
use super::event::StreamEvent;
use super::matching::{DeviceChoice, find, names};
use super::plan::{Wish, choose, stream_config};
use super::sample::for_each_block;

/// Frames that the callback gets at most; longer blocks of a device come in several calls.
const MAX_BLOCK_FRAMES: usize = 1024;
/// How long the system may take to open a device.
const OPEN_TIMEOUT: Duration = Duration::from_secs(4);
/// A driver that claims a longer latency than this is not believed, nanoseconds.
const MAX_LATENCY_NS: u64 = 5_000_000_000;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InputRequest {
    /// Which device.
    pub device: DeviceChoice,
    /// Which of its channels.
    pub channels: ChannelChoice,
    /// Gain, dB, from -60 to 60.
    pub gain_db: f32,
    /// Rate, Hz; `None` = the device's own.
    pub rate_hz: Option<u32>,
}

/// Of one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockInfo {
    /// Channels, interleaved in the block.
    pub n_channels: u16,
    /// Rate, Hz.
    pub rate_hz: u32,
    /// Frames before this one since the stream was opened.
    pub first_frame: u64,
    /// When the first frame was heard, on [`SystemClock`], nanoseconds; as right as the driver is about its own latency.
    pub captured_ns: u64,
}

/// A device chosen and a configuration agreed on, and nothing opened yet: its rate can be known before there is a callback.
pub struct InputPlan {
    found: Found,
    config: SupportedStreamConfig,
    map: ChannelMap,
    available: Vec<String>,
}

/// An input that runs until it is dropped.
pub struct InputStream {
    _stream: cpal::Stream,
    device: Device,
    rate_hz: u32,
    n_channels: u16,
    progress: Arc<Progress>,
}

/// Written by the audio thread, read by any.
#[derive(Debug)]
struct Progress {
    n_frames: AtomicU64,
    /// On [`SystemClock`].
    last_block_ns: AtomicU64,
}

impl InputPlan {
    /// Finds the device and agrees with it on a configuration.
    ///
    /// # Errors
    /// There is no such device, or it cannot do what is asked.
    pub fn new(request: &InputRequest) -> Result<Self, DeviceError> {
        // Wrong usage is said before devices are looked for.
        ChannelMap::new(&ChannelChoice::Mix, 1, request.gain_db, "")?;
        if request.channels == ChannelChoice::Pick(Vec::new()) {
            return Err(DeviceError::NoChannel);
        }
        let mut all = find_all(Direction::Input);
        let devices: Vec<Device> = all.iter().map(|found| found.device.clone()).collect();
        let available = names(&devices);
        let found = all.swap_remove(find(&devices, &request.device, "input")?);
        let is_server = found.device.host == "PulseAudio";
        let refused = |error: cpal::Error| refused(&found.device.name, &error, &available);
        let (ranges, own) = if found.is_output_as_input {
            (found.handle.supported_output_configs().map_err(refused)?.collect::<Vec<_>>(), found.handle.default_output_config().ok())
        } else {
            (found.handle.supported_input_configs().map_err(refused)?.collect(), found.handle.default_input_config().ok())
        };
        let wish = Wish { device: &found.device.name, rate_hz: request.rate_hz, channels: &request.channels, is_server };
        let config = choose(&ranges, own, wish)?;
        let map = ChannelMap::new(&request.channels, config.channels(), request.gain_db, &found.device.name)?;
        Ok(Self { found, config, map, available })
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.found.device
    }

    /// Rate of the blocks, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.config.sample_rate()
    }

    /// Channels of the blocks.
    pub fn n_channels(&self) -> u16 {
        self.map.n_channels()
    }

    /// Opens the device. `callback` runs on the audio thread and must not allocate, lock or wait; `on_event` is told what
    /// happens to the device, rarely, on a thread of the system.
    ///
    /// # Errors
    /// The system refuses.
    pub fn start(
        self,
        mut callback: impl FnMut(&[f32], &BlockInfo) + Send + 'static,
        mut on_event: impl FnMut(StreamEvent) + Send + 'static,
    ) -> Result<InputStream, DeviceError> {
        let Self { found: Found { device, handle, .. }, config, map, available } = self;
        let is_server = device.host == "PulseAudio";
        let (rate_hz, n_channels) = (config.sample_rate(), map.n_channels());
        let progress = Arc::new(Progress { n_frames: AtomicU64::new(0), last_block_ns: AtomicU64::new(SystemClock.now_ns()) });
        let mut blocks = Blocks::new(map, usize::from(config.channels()), rate_hz);
        let of_thread = Arc::clone(&progress);
        let stream = handle
            .build_input_stream_raw(
                stream_config(&config, is_server),
                config.sample_format(),
                move |data, info| {
                    let now_ns = SystemClock.now_ns();
                    blocks.take(data, captured_ns(now_ns, info), &mut callback);
                    of_thread.n_frames.store(blocks.n_frames, Relaxed);
                    of_thread.last_block_ns.store(now_ns, Relaxed);
                },
                move |error| on_event(StreamEvent::of(&error)),
                Some(OPEN_TIMEOUT),
            )
            .and_then(|stream| stream.play().map(|()| stream))
            .map_err(|error| refused(&device.name, &error, &available))?;
        Ok(InputStream { _stream: stream, device, rate_hz, n_channels, progress })
    }
}

/// Finds a device and opens it; see [`InputPlan`] for whoever has to know the rate first.
///
/// # Errors
/// There is no such device, it cannot do what is asked, or the system refuses.
pub fn open_input(
    request: &InputRequest,
    callback: impl FnMut(&[f32], &BlockInfo) + Send + 'static,
    on_event: impl FnMut(StreamEvent) + Send + 'static,
) -> Result<InputStream, DeviceError> {
    InputPlan::new(request)?.start(callback, on_event)
}

impl InputStream {
    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Rate of the blocks, Hz.
    pub fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Channels of the blocks.
    pub fn n_channels(&self) -> u16 {
        self.n_channels
    }

    /// Frames that have come so far.
    pub fn n_frames(&self) -> u64 {
        self.progress.n_frames.load(Relaxed)
    }

    /// How long ago the last block came, or the stream was opened, nanoseconds. Not every driver says that its device is gone;
    /// a stream that has given nothing for two seconds is as good as gone (but for a loopback on Windows, which is
    /// silent by giving nothing).
    pub fn silent_for_ns(&self) -> u64 {
        SystemClock.now_ns().saturating_sub(self.progress.last_block_ns.load(Relaxed))
    }
}

/// Cuts what a device gives into blocks of chosen channels. AUDIO THREAD.
struct Blocks {
    map: ChannelMap,
    rate_hz: u32,
    n_device_channels: usize,
    /// Whole frames of the device.
    device: Vec<f32>,
    mapped: Vec<f32>,
    /// Frames given so far.
    n_frames: u64,
}

impl Blocks {
    fn new(map: ChannelMap, n_device_channels: usize, rate_hz: u32) -> Self {
        let n_mapped = MAX_BLOCK_FRAMES * usize::from(map.n_channels());
        Self {
            map,
            rate_hz,
            n_device_channels,
            device: vec![0.0; MAX_BLOCK_FRAMES * n_device_channels],
            mapped: vec![0.0; n_mapped],
            n_frames: 0,
        }
    }

    /// Real-time safe: as much as `give`.
    fn take(&mut self, data: &Data, captured_ns: u64, give: &mut impl FnMut(&[f32], &BlockInfo)) {
        let Self { map, rate_hz, n_device_channels, device, mapped, n_frames } = self;
        let (rate_hz, before) = (*rate_hz, *n_frames);
        for_each_block(data, device, |frames| {
            let n_mapped = map.map(frames, mapped);
            if n_mapped > 0 {
                let into_ns = (*n_frames - before) * 1_000_000_000 / u64::from(rate_hz.max(1));
                let info = BlockInfo { n_channels: map.n_channels(), rate_hz, first_frame: *n_frames, captured_ns: captured_ns + into_ns };
                give(&mapped[..n_mapped], &info);
            }
            *n_frames += (frames.len() / *n_device_channels) as u64;
        });
    }
}

/// When the first frame of a device's buffer was heard: as long ago as the driver says.
fn captured_ns(now_ns: u64, info: &InputCallbackInfo) -> u64 {
    let at = info.timestamp();
    let latency = at.callback.saturating_duration_since(at.capture).as_nanos();
    now_ns.saturating_sub(u64::try_from(latency).unwrap_or(0).min(MAX_LATENCY_NS))
}

fn refused(device: &str, error: &cpal::Error, available: &[String]) -> DeviceError {
    DeviceError::Open { direction: "input", device: device.to_owned(), reason: error.to_string(), available: available.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpal::{InputStreamTimestamp, SampleFormat, StreamInstant};

    fn taken(samples: &mut [i16], choice: &ChannelChoice, n_channels: u16) -> Vec<(Vec<f32>, BlockInfo)> {
        let map = ChannelMap::new(choice, n_channels, 0.0, "Card").unwrap();
        let mut blocks = Blocks::new(map, usize::from(n_channels), 48_000);
        let mut given = Vec::new();
        // SAFETY: the pointer and the length are those of a slice of the format's type, which outlives the data.
        let data = unsafe { Data::from_parts(samples.as_mut_ptr().cast(), samples.len(), SampleFormat::I16) };
        for start_ns in [1_000, 2_000] {
            blocks.take(&data, start_ns, &mut |block, info| given.push((block.to_vec(), *info)));
        }
        given
    }

    #[test]
    fn frames_are_counted_over_blocks_and_times_follow_them() {
        let mut samples: Vec<i16> = (0..2 * 1_500).map(|n| if n % 2 == 0 { 16_384 } else { 0 }).collect();
        let given = taken(&mut samples, &ChannelChoice::Pick(vec![2, 1]), 2);
        let starts: Vec<_> = given.iter().map(|(block, info)| (block.len(), info.first_frame, info.captured_ns)).collect();
        // 1024 frames at 48 kHz are 21333333 ns.
        let expected = [(2_048, 0, 1_000), (952, 1_024, 21_334_333), (2_048, 1_500, 2_000), (952, 2_524, 21_335_333)];
        assert_eq!(starts, expected);
        assert!(given.iter().all(|(block, info)| block[..2] == [0.0, 0.5] && info.n_channels == 2 && info.rate_hz == 48_000));
    }

    #[test]
    fn an_empty_buffer_of_a_device_gives_no_block() {
        assert_eq!(taken(&mut [], &ChannelChoice::Mix, 2), []);
    }

    #[test]
    fn the_moment_of_a_block_is_the_drivers_latency_ago() {
        let info = |callback_ns, capture_ns| {
            let at = StreamInstant::from_nanos;
            InputCallbackInfo::new(InputStreamTimestamp { callback: at(callback_ns), capture: at(capture_ns) })
        };
        assert_eq!(captured_ns(1_000_000, &info(500, 200)), 999_700);
        assert_eq!(captured_ns(1_000_000, &info(200, 500)), 1_000_000, "heard before it sounded: not believed");
        assert_eq!(captured_ns(10_000_000_000, &info(9_000_000_000, 0)), 5_000_000_000, "no more than five seconds");
        assert_eq!(captured_ns(100, &info(500, 200)), 0);
    }

    #[test]
    fn wrong_usage_is_said_without_looking_for_devices() {
        let refused = |request: InputRequest| InputPlan::new(&request).map(|_| ()).unwrap_err();
        assert!(matches!(refused(InputRequest { gain_db: f32::NAN, ..InputRequest::default() }), DeviceError::Gain { .. }));
        assert_eq!(refused(InputRequest { channels: ChannelChoice::Pick(vec![]), ..InputRequest::default() }), DeviceError::NoChannel);
    }

    #[test]
    fn a_name_that_nobody_has_is_refused_with_it() {
        let request = InputRequest { device: DeviceChoice::Name("a device that nobody has".into()), ..InputRequest::default() };
        let error = open_input(&request, |_, _| {}, |_| {}).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("\"a device that nobody has\"; there is "), "{error}");
        assert_eq!(error.exit(), crate::exit::Exit::Device);
    }
}
