//! At which rate, with how many channels and in which format a device is opened. Pure.

use cpal::{BufferSize, SampleFormat, StreamConfig, SupportedBufferSize, SupportedStreamConfig, SupportedStreamConfigRange};

use super::channels::ChannelChoice;
use super::error::DeviceError;
use super::sample::is_pcm;

/// Block that a sound server is asked for, seconds. Left to itself it may hand over seconds at once (pipewire-pulse's
/// `pulse.default.frag`, PulseAudio's default fragment).
const SERVER_BLOCK_SEC: f64 = 0.01;

/// What is asked of the choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// Name of the device, for messages.
    pub(super) device: &'a str,
    /// Rate, Hz; `None` = the device's own.
    pub(super) rate_hz: Option<u32>,
    pub(super) channels: &'a ChannelChoice,
    /// Whether the device's own configuration counts, and not all that a sound server would convert to.
    pub(super) is_server: bool,
}

/// Chooses among what a device can do; `own` is what it does by itself.
///
/// # Errors
/// The device does not run at the rate, has not the channels, or speaks no PCM.
pub(super) fn choose(
    ranges: &[SupportedStreamConfigRange],
    own: Option<SupportedStreamConfig>,
    wish: Wish<'_>,
) -> Result<SupportedStreamConfig, DeviceError> {
    let Wish { device, rate_hz, channels, is_server } = wish;
    let highest = match channels {
        ChannelChoice::Pick(channels) => channels.iter().copied().max().unwrap_or(0),
        _ => 0,
    };
    // What the device does by itself goes through the fewest conversions.
    let is_enough = |config: &SupportedStreamConfig| {
        rate_hz.is_none_or(|rate_hz| rate_hz == config.sample_rate()) && config.channels() >= highest && is_pcm(config.sample_format())
    };
    if let Some(own) = own.filter(is_enough) {
        return Ok(own);
    }
    if let Some(own) = own.filter(|own| is_server && own.channels() < highest) {
        return Err(DeviceError::Channel { device: device.to_owned(), n_channels: own.channels(), asked: highest });
    }
    let pcm: Vec<&SupportedStreamConfigRange> = ranges.iter().filter(|range| is_pcm(range.sample_format())).collect();
    let Some(most) = pcm.iter().map(|range| range.channels()).max() else {
        let format = ranges.first().map_or_else(|| "nothing".to_owned(), |range| range.sample_format().to_string());
        return Err(DeviceError::Format { device: device.to_owned(), format });
    };
    if most < highest {
        return Err(DeviceError::Channel { device: device.to_owned(), n_channels: most, asked: highest });
    }
    let wanted_hz = rate_hz.or(own.map(|own| own.sample_rate()));
    let n_own = own.map_or(2, |own| own.channels());
    let rated = pcm
        .iter()
        .filter(|range| range.channels() >= highest.max(1))
        .filter_map(|&&range| Some((range, rate_of(range, wanted_hz, rate_hz.is_some())?)));
    let best = rated.min_by_key(|&(range, at_hz)| {
        let is_other_rate = wanted_hz.is_some_and(|wanted_hz| wanted_hz != at_hz);
        (is_other_rate, range.channels().abs_diff(n_own.max(highest)), loss(range.sample_format()))
    });
    best.and_then(|(range, at_hz)| range.try_with_sample_rate(at_hz)).ok_or_else(|| DeviceError::Rate {
        device: device.to_owned(),
        asked_hz: wanted_hz.unwrap_or(0),
        available: rates_in_words(&pcm),
    })
}

/// The rate of a range that is nearest to what is wanted; `None` where it must be that one and is not there.
fn rate_of(range: SupportedStreamConfigRange, wanted_hz: Option<u32>, is_asked: bool) -> Option<u32> {
    let (low_hz, high_hz) = (range.min_sample_rate(), range.max_sample_rate());
    match wanted_hz {
        Some(wanted_hz) if range.contains_rate(wanted_hz) => Some(wanted_hz),
        Some(_) if is_asked => None,
        Some(wanted_hz) => Some(wanted_hz.clamp(low_hz, high_hz)),
        None => Some(48_000.clamp(low_hz, high_hz)),
    }
}

/// How much of a sound a format loses; less is better.
fn loss(format: SampleFormat) -> u8 {
    match format {
        SampleFormat::F32 => 0,
        SampleFormat::I32 | SampleFormat::I24 | SampleFormat::F64 | SampleFormat::I64 => 1,
        SampleFormat::U32 | SampleFormat::U24 | SampleFormat::U64 => 2,
        SampleFormat::I16 => 3,
        SampleFormat::U16 => 4,
        _ => 5,
    }
}

fn rates_in_words(ranges: &[&SupportedStreamConfigRange]) -> String {
    let mut words: Vec<String> = Vec::new();
    for range in ranges {
        let (low_hz, high_hz) = (range.min_sample_rate(), range.max_sample_rate());
        let word = if low_hz == high_hz { format!("{low_hz}") } else { format!("{low_hz} to {high_hz}") };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    format!("{} Hz", words.join(", "))
}

/// How the system is asked for it.
pub(super) fn stream_config(config: &SupportedStreamConfig, is_server: bool) -> StreamConfig {
    let mut stream = config.config();
    if is_server {
        let n_frames = (f64::from(config.sample_rate()) * SERVER_BLOCK_SEC).round() as u32;
        stream.buffer_size = BufferSize::Fixed(match *config.buffer_size() {
            SupportedBufferSize::Range { min, max } => n_frames.clamp(min, max.max(min)),
            SupportedBufferSize::Unknown => n_frames.max(1),
        });
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(channels: u16, low_hz: u32, high_hz: u32, format: SampleFormat) -> SupportedStreamConfigRange {
        SupportedStreamConfigRange::new(channels, low_hz, high_hz, SupportedBufferSize::Unknown, format)
    }

    fn own(channels: u16, rate_hz: u32, format: SampleFormat) -> Option<SupportedStreamConfig> {
        Some(SupportedStreamConfig::new(channels, rate_hz, SupportedBufferSize::Unknown, format))
    }

    fn chosen(
        ranges: &[SupportedStreamConfigRange],
        own: Option<SupportedStreamConfig>,
        rate_hz: Option<u32>,
        channels: &ChannelChoice,
        is_server: bool,
    ) -> Result<(u16, u32, SampleFormat), DeviceError> {
        choose(ranges, own, Wish { device: "Card", rate_hz, channels, is_server })
            .map(|config| (config.channels(), config.sample_rate(), config.sample_format()))
    }

    const MIX: ChannelChoice = ChannelChoice::Mix;

    #[test]
    fn the_devices_own_way_is_kept_where_it_is_enough() {
        let ranges = [range(2, 44_100, 96_000, SampleFormat::F32)];
        let own = own(2, 44_100, SampleFormat::I16);
        assert_eq!(chosen(&ranges, own, None, &MIX, false), Ok((2, 44_100, SampleFormat::I16)));
        assert_eq!(chosen(&ranges, own, Some(44_100), &MIX, false), Ok((2, 44_100, SampleFormat::I16)));
        assert_eq!(chosen(&ranges, own, Some(96_000), &MIX, false), Ok((2, 96_000, SampleFormat::F32)));
    }

    #[test]
    fn a_high_channel_opens_a_wide_configuration() {
        let ranges = [
            range(2, 48_000, 48_000, SampleFormat::F32),
            range(8, 48_000, 48_000, SampleFormat::I16),
            range(8, 48_000, 48_000, SampleFormat::I32),
        ];
        let own = own(2, 48_000, SampleFormat::F32);
        let pick = ChannelChoice::Pick(vec![3, 7]);
        assert_eq!(chosen(&ranges, own, None, &pick, false), Ok((8, 48_000, SampleFormat::I32)), "wide, and the better format");
        let message = chosen(&ranges, own, None, &ChannelChoice::Pick(vec![9]), false).unwrap_err().to_string();
        assert_eq!(message, "expected channels from 1 to 8 of \"Card\", got 9");
    }

    #[test]
    fn a_server_is_not_asked_for_channels_that_it_would_invent() {
        let ranges: Vec<_> = (1..32).map(|channels| range(channels, 1, 384_000, SampleFormat::F32)).collect();
        let own = own(2, 48_000, SampleFormat::F32);
        assert!(matches!(
            chosen(&ranges, own, None, &ChannelChoice::Pick(vec![3]), true),
            Err(DeviceError::Channel { n_channels: 2, asked: 3, .. })
        ));
        assert_eq!(chosen(&ranges, own, Some(44_100), &MIX, true), Ok((2, 44_100, SampleFormat::F32)));
    }

    #[test]
    fn a_rate_that_is_not_there_is_named_with_those_that_are() {
        let ranges = [range(2, 44_100, 48_000, SampleFormat::F32), range(1, 96_000, 96_000, SampleFormat::F32)];
        let error = chosen(&ranges, own(2, 48_000, SampleFormat::F32), Some(22_050), &MIX, false).unwrap_err();
        assert_eq!(error.to_string(), "\"Card\" does not run at 22050 Hz; it has 44100 to 48000, 96000 Hz");
    }

    #[test]
    fn what_is_no_pcm_is_refused_or_stepped_around() {
        let dsd = range(2, 2_822_400, 2_822_400, SampleFormat::DsdU8);
        assert!(matches!(chosen(&[dsd], None, None, &MIX, false), Err(DeviceError::Format { .. })));
        assert!(matches!(chosen(&[], None, None, &MIX, false), Err(DeviceError::Format { .. })));
        let pcm = range(2, 44_100, 48_000, SampleFormat::U8);
        assert_eq!(chosen(&[dsd, pcm], own(2, 2_822_400, SampleFormat::DsdU8), None, &MIX, false), Ok((2, 48_000, SampleFormat::U8)));
        assert_eq!(chosen(&[pcm], None, None, &MIX, false), Ok((2, 48_000, SampleFormat::U8)));
    }

    #[test]
    fn a_server_is_asked_for_short_blocks_and_a_card_for_its_own() {
        let sized = |min, max| SupportedStreamConfig::new(2, 48_000, SupportedBufferSize::Range { min, max }, SampleFormat::F32);
        assert_eq!(stream_config(&sized(1, 10_000), true).buffer_size, BufferSize::Fixed(480));
        assert_eq!(stream_config(&sized(1_024, 10_000), true).buffer_size, BufferSize::Fixed(1_024));
        assert_eq!(stream_config(&sized(1, 10_000), false).buffer_size, BufferSize::Default);
    }
}
