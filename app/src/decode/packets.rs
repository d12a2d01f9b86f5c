//! Container packets to mono samples: the codec's side of decoding, with times kept true. Any thread.

use std::io;
use std::sync::LazyLock;

use runtime_core::rt::downmix::downmix_interleaved;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions, well_known};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase};

use super::error::DecodeError;
use super::reader::{AudioInfo, BlockSource, DecodeStats, check_rate};
use super::source::OpenSource;

/// A stream may end this much before the time its container states without counting as truncated, seconds:
/// containers round to their own units and to whole packets.
const END_TOLERANCE_SEC: f64 = 0.1;
/// Longest silence that stands for one broken packet, seconds: a packet's stated length is not to be trusted.
const MAX_PACKET_SEC: f64 = 1.0;
/// Longest silence that stands for the broken packets before the first good one, seconds.
const MAX_LEAD_IN_SEC: f64 = 30.0;
/// Lengths of WAV data, bytes, that programs write when they do not know it: FFmpeg and others near 4 GiB, SoX near
/// 2 GiB.
const PLACEHOLDER_BYTES: [std::ops::RangeInclusive<u64>; 2] = [0x7fff_0000..=0x7fff_ffff, 0xffff_0000..=0xffff_ffff];

/// Container readers only: tags are skipped before (see `source`).
static PROBE: LazyLock<Probe> = LazyLock::new(|| {
    let mut probe = Probe::new();
    symphonia::default::register_enabled_formats(&mut probe);
    probe
});

/// Reads one audio track.
pub(super) struct PacketReader {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track_id: u32,
    sec_per_tick: f64,
    rate_hz: u32,
    n_channels: usize,
    /// Samples of all channels, interleaved, of the block decoded last.
    interleaved: Vec<f32>,
    /// True while `interleaved` holds a block that was decoded ahead, to learn what the stream is.
    has_block: bool,
    /// Samples still to be dropped in front.
    n_skip: u64,
    n_delivered: u64,
    /// Length of the track, seconds.
    expected_sec: Option<f64>,
    /// Length of the whole file, seconds, where the track states none: some other track may be the longer.
    file_sec: Option<f64>,
    /// True where the samples end when the bytes do.
    is_open_ended: bool,
    first_packet_error: Option<String>,
}

impl PacketReader {
    /// Finds the container, the track and the codec, and decodes the first block.
    pub(super) fn open(source: OpenSource, stats: &mut DecodeStats) -> Result<(Self, AudioInfo), DecodeError> {
        let edits = source.edits;
        let stream = MediaSourceStream::new(source.media, MediaSourceStreamOptions::default());
        let probed = PROBE.probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default());
        let format = probed.map_err(probe_error)?;
        let container = format.format_info().short_name.to_owned();
        let (track, params) = audio_track(format.as_ref()).ok_or_else(|| DecodeError::NoAudioTrack { container: container.clone() })?;
        let decoder = make_decoder(params)?;
        let codec = decoder.codec_info().short_name.to_owned();
        let start_sec = edits.iter().find(|e| e.track_id == track.id).map_or(0.0, |e| e.start_sec);
        let expected_sec = stated_duration_sec(track, params).map(|sec| (sec - start_sec).max(0.0));
        // A WAV file that does not state its length was written into a pipe.
        let is_open_ended = expected_sec.is_none() && container == "wave";
        let media = format.media_info();
        let file_sec = media.duration.zip(media.time_base).map(|(ticks, base)| ticks_to_sec(ticks, base));
        let sec_per_tick = track.time_base.map_or(0.0, |base| f64::from(base.numer.get()) / f64::from(base.denom.get()));
        let mut reader = Self {
            track_id: track.id,
            sec_per_tick,
            rate_hz: 0,
            n_channels: 0,
            interleaved: Vec::new(),
            has_block: false,
            n_skip: 0,
            n_delivered: 0,
            expected_sec,
            file_sec,
            is_open_ended,
            first_packet_error: None,
            format,
            decoder,
        };
        reader.decode_first(stats)?;
        reader.n_skip = (start_sec * f64::from(reader.rate_hz)).round() as u64;
        let info =
            AudioInfo { sample_rate_hz: reader.rate_hz, n_channels: reader.n_channels, duration_sec: expected_sec, container, codec };
        Ok((reader, info))
    }

    /// Decodes up to the first block, from which rate and channels are known: containers may misstate them.
    fn decode_first(&mut self, stats: &mut DecodeStats) -> Result<(), DecodeError> {
        let mut lead_in_sec = 0.0;
        while !self.decode_packet(stats, &mut lead_in_sec)? {
            // Only broken packets so far.
        }
        if self.rate_hz == 0 {
            let cause = self.first_packet_error.take();
            return Err(cause.map_or(DecodeError::NoSamples, |cause| DecodeError::Undecodable { n_packets: stats.n_bad_packets, cause }));
        }
        let n_silent = (lead_in_sec.min(MAX_LEAD_IN_SEC) * f64::from(self.rate_hz)).round() as usize * self.n_channels;
        self.interleaved.splice(0..0, std::iter::repeat_n(0.0, n_silent));
        self.has_block = true;
        Ok(())
    }

    /// Decodes one packet into `interleaved`. True when there is a block, or at the end, where the block is empty.
    ///
    /// A broken packet becomes silence of its length; before the rate is known its length goes to `lead_in_sec`.
    fn decode_packet(&mut self, stats: &mut DecodeStats, lead_in_sec: &mut f64) -> Result<bool, DecodeError> {
        self.interleaved.clear();
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) if packet.track_id == self.track_id => packet,
            Ok(Some(_)) => return Ok(false),
            Ok(None) => return self.check_end().map(|()| true),
            Err(Error::ResetRequired) => return self.change_track().map(|()| false),
            Err(error) => return self.end_with(error).map(|()| true),
        };
        let decoded = match self.decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(error) => {
                stats.n_bad_packets += 1;
                self.first_packet_error.get_or_insert_with(|| error.to_string());
                let sec = self.packet_sec(&packet);
                *lead_in_sec += sec;
                self.interleaved.resize((sec * f64::from(self.rate_hz)).round() as usize * self.n_channels, 0.0);
                return Ok(!self.interleaved.is_empty());
            }
        };
        let (rate_hz, n_channels) = (decoded.spec().rate(), decoded.spec().channels().count());
        if decoded.frames() == 0 || n_channels == 0 {
            return Ok(false);
        }
        if self.rate_hz == 0 {
            check_rate(rate_hz)?;
            (self.rate_hz, self.n_channels) = (rate_hz, n_channels);
        } else if (rate_hz, n_channels) != (self.rate_hz, self.n_channels) {
            return Err(DecodeError::FormatChanged {
                at_sec: self.delivered_sec(),
                from_rate_hz: self.rate_hz,
                from_channels: self.n_channels,
                to_rate_hz: rate_hz,
                to_channels: n_channels,
            });
        }
        decoded.copy_to_vec_interleaved(&mut self.interleaved);
        Ok(true)
    }

    /// What a packet says of its length, seconds.
    fn packet_sec(&self, packet: &Packet) -> f64 {
        (packet.dur.get() as f64 * self.sec_per_tick).min(MAX_PACKET_SEC)
    }

    /// A chained stream begins its next link: same rules, new codec state.
    fn change_track(&mut self) -> Result<(), DecodeError> {
        let container = self.format.format_info().short_name.to_owned();
        let (track, params) = audio_track(self.format.as_ref()).ok_or(DecodeError::NoAudioTrack { container })?;
        self.decoder = make_decoder(params)?;
        self.track_id = track.id;
        // The first link's length says nothing about the whole.
        self.expected_sec = None;
        self.file_sec = None;
        Ok(())
    }

    fn delivered_sec(&self) -> f64 {
        if self.rate_hz == 0 { 0.0 } else { self.n_delivered as f64 / f64::from(self.rate_hz) }
    }

    /// At the end of the packets: is this the end that the container stated?
    fn check_end(&self) -> Result<(), DecodeError> {
        match self.expected_sec {
            Some(expected) if self.rate_hz > 0 && self.delivered_sec() < expected - END_TOLERANCE_SEC => {
                Err(DecodeError::EndedEarly { at_sec: self.delivered_sec(), expected_sec: self.expected_sec })
            }
            _ => Ok(()),
        }
    }

    /// The container's reader stopped: at the end after all, or before it?
    fn end_with(&self, error: Error) -> Result<(), DecodeError> {
        let at_sec = self.delivered_sec();
        match error {
            Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.is_open_ended => Ok(()),
            Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let expected_sec = self.expected_sec.or(self.file_sec);
                // Some containers end only with their bytes, which is unexpected in a pipe alone.
                match expected_sec {
                    Some(expected) if at_sec > 0.0 && at_sec >= expected - END_TOLERANCE_SEC => Ok(()),
                    _ => Err(DecodeError::EndedEarly { at_sec, expected_sec }),
                }
            }
            Error::IoError(error) => Err(DecodeError::Io(error)),
            other => Err(DecodeError::Corrupt { at_sec, cause: other.to_string() }),
        }
    }
}

impl BlockSource for PacketReader {
    fn next_block(&mut self, mono: &mut Vec<f32>, stats: &mut DecodeStats) -> Result<bool, DecodeError> {
        loop {
            if !std::mem::take(&mut self.has_block) {
                while !self.decode_packet(stats, &mut 0.0)? {}
            }
            let n_frames = self.interleaved.len() / self.n_channels;
            if n_frames == 0 {
                return Ok(false);
            }
            let n_skip = self.n_skip.min(n_frames as u64) as usize;
            self.n_skip -= n_skip as u64;
            if n_skip == n_frames {
                continue;
            }
            mono.resize(n_frames - n_skip, 0.0);
            let n_not_finite = downmix_interleaved(&self.interleaved[n_skip * self.n_channels..], self.n_channels, mono);
            stats.n_not_finite += u64::from(n_not_finite);
            self.n_delivered += mono.len() as u64;
            return Ok(true);
        }
    }
}

/// The track to read: the container's choice, or the first with a known codec.
fn audio_track(format: &dyn FormatReader) -> Option<(&Track, &AudioCodecParameters)> {
    let track = format.default_track(TrackType::Audio).or_else(|| format.first_track(TrackType::Audio))?;
    match &track.codec_params {
        Some(CodecParameters::Audio(params)) => Some((track, params)),
        _ => None,
    }
}

fn make_decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, DecodeError> {
    // Encoder delay and padding are dropped by the codec where the container states them.
    let options = AudioDecoderOptions::default().gapless(true);
    let codecs = symphonia::default::get_codecs();
    if codecs.get_audio_decoder(params.codec).is_none() {
        return Err(DecodeError::UnsupportedCodec { codec: codec_name(params.codec) });
    }
    codecs.make_audio_decoder(params, &options).map_err(|error| match error {
        Error::Unsupported(cause) => DecodeError::UnsupportedCodec { codec: cause.to_owned() },
        other => DecodeError::Malformed { cause: other.to_string() },
    })
}

/// Names of the codecs that people meet and that we lack.
fn codec_name(codec: AudioCodecId) -> String {
    let known = [
        (well_known::CODEC_ID_OPUS, "Opus"),
        (well_known::CODEC_ID_SPEEX, "Speex"),
        (well_known::CODEC_ID_AC3, "AC-3"),
        (well_known::CODEC_ID_EAC3, "E-AC-3"),
        (well_known::CODEC_ID_DCA, "DTS"),
        (well_known::CODEC_ID_WMA, "WMA"),
        (well_known::CODEC_ID_WAVPACK, "WavPack"),
        (well_known::CODEC_ID_TRUEHD, "Dolby TrueHD"),
    ];
    known.iter().find(|(id, _)| *id == codec).map_or_else(|| format!("number {codec}"), |(_, name)| (*name).to_owned())
}

/// The length that the container states, unless it is a placeholder, seconds.
fn stated_duration_sec(track: &Track, params: &AudioCodecParameters) -> Option<f64> {
    let bits = params.bits_per_coded_sample.or(params.bits_per_sample).unwrap_or(0);
    let n_channels = params.channels.as_ref().map_or(0, |c| c.count());
    if let (Some(n_frames), Some(rate)) = (track.num_frames, params.sample_rate.filter(|&r| r > 0)) {
        let n_bytes = n_frames.saturating_mul(u64::from(bits.div_ceil(8))).saturating_mul(n_channels as u64);
        let is_placeholder = PLACEHOLDER_BYTES.iter().any(|range| range.contains(&n_bytes));
        return (!is_placeholder).then(|| n_frames as f64 / f64::from(rate));
    }
    Some(ticks_to_sec(track.duration?, track.time_base?))
}

fn ticks_to_sec(ticks: Duration, base: TimeBase) -> f64 {
    ticks.get() as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get())
}

fn probe_error(error: Error) -> DecodeError {
    match error {
        // The only way in which the probe itself, and not a container's reader, gives up.
        Error::Unsupported("core (probe): no suitable format reader found") => DecodeError::UnknownContainer,
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            DecodeError::Malformed { cause: "it ends before its first sample".to_owned() }
        }
        Error::IoError(error) => DecodeError::Io(error),
        other => DecodeError::Malformed { cause: other.to_string() },
    }
}
