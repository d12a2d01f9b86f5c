//! WLED audio sync, version 2: level, spectrum and beats for LED controllers that run WLED, without a microphone there.
//!
//! One datagram of 44 bytes a frame, little-endian; layout and limits are those of WLED's receiver
//! (wled/WLED `usermods/audioreactive/audio_reactive.cpp`, `struct audioSyncPacket`), which drops any other length. WLED's
//! own beat flag is a loud moment that has passed; here it is the tracked beat, in the first frame at or after it.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::datagram::{Datagrams, Fate, parse_target};
use crate::event::{Event, Moment};
use crate::output::{Output, OutputError, TuningError};
use crate::view::{N_BANDS, View};

/// The group that WLED joins.
pub const WLED_GROUP: &str = "239.0.0.1";
/// WLED's port for audio sync.
pub const WLED_PORT: u16 = 11988;
/// Bytes of a packet.
pub const PACKET_BYTES: usize = 44;
/// Never are two packets closer than this, ns: WLED's own senders keep to it.
const MIN_INTERVAL_NS: u64 = 20_000_000;
/// A beat that fell longer ago, ns, is not flashed any more: late light is worse than none.
const PEAK_LATEST_NS: u64 = 100_000_000;
/// Largest level of WLED's samples.
const SAMPLE_MAX: f32 = 255.0;
/// Largest band that WLED sends.
const BAND_MAX: f32 = 254.0;
/// Largest magnitude: WLED scales its spectrum so that it ends "~4096 max" (comment in `audio_reactive.cpp`).
const MAGNITUDE_MAX: f32 = 4096.0;
/// Time constant of the smoothed level, seconds.
const SMOOTH_SEC: f32 = 0.1;
/// Edges of WLED's 16 bands, Hz (comments beside `fftCalc[]` there).
const BAND_EDGES_HZ: [f32; N_BANDS + 1] =
    [43.0, 86.0, 129.0, 216.0, 301.0, 430.0, 560.0, 818.0, 1120.0, 1421.0, 1895.0, 2412.0, 3015.0, 3704.0, 4479.0, 7106.0, 9259.0];

/// Settings of a WLED output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WledConfig {
    /// Receiver, `IP` or `IP:port`: the multicast group 239.0.0.1 that every WLED joins, or one controller.
    pub target: String,
    /// IPv4 address of the network interface to send from; empty = the system's choice.
    pub interface: String,
    /// Time between packets, ms.
    pub frame_ms: f64,
    /// Level and bands times this.
    pub gain: f32,
    /// Where the source tells no level: draw one from the beats, full on the beat and falling to the next.
    pub beat_as_level: bool,
}

impl Default for WledConfig {
    fn default() -> Self {
        Self { target: WLED_GROUP.to_owned(), interface: String::new(), frame_ms: 22.0, gain: 1.0, beat_as_level: false }
    }
}

impl WledConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), TuningError> {
        let bad = |name, value: String, expected| Err(TuningError { name, value, expected });
        parse_target("target", &self.target, WLED_PORT)?;
        self.interface_ip()?;
        if !(20.0..=100.0).contains(&self.frame_ms) {
            return bad("frame_ms", self.frame_ms.to_string(), "20 to 100");
        }
        if !(0.0..=100.0).contains(&self.gain) {
            return bad("gain", self.gain.to_string(), "0 to 100");
        }
        Ok(())
    }

    fn interface_ip(&self) -> Result<Option<Ipv4Addr>, TuningError> {
        if self.interface.is_empty() {
            return Ok(None);
        }
        let expected = "empty, or the IPv4 address of an interface such as 192.168.1.20";
        let ip = self.interface.parse().map_err(|_| TuningError { name: "interface", value: format!("{:?}", self.interface), expected })?;
        Ok(Some(ip))
    }
}

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WledPacket {
    /// Level, `[0, 255]`.
    pub sample_raw: f32,
    /// Level, smoothed, `[0, 255]`.
    pub sample_smooth: f32,
    /// Whether a beat falls.
    pub is_peak: bool,
    /// Spectrum, low to high, `[0, 254]`.
    pub bands: [u8; N_BANDS],
    /// Strength of the strongest frequency, `[0, 4096]`.
    pub magnitude: f32,
    /// The strongest frequency, Hz, `[1, 11025]`.
    pub major_peak_hz: f32,
}

impl WledPacket {
    /// Its 44 bytes.
    pub fn to_bytes(&self) -> [u8; PACKET_BYTES] {
        let mut bytes = [0; PACKET_BYTES];
        bytes[0..6].copy_from_slice(b"00002\0");
        bytes[8..12].copy_from_slice(&self.sample_raw.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.sample_smooth.to_le_bytes());
        bytes[16] = u8::from(self.is_peak);
        bytes[18..34].copy_from_slice(&self.bands);
        bytes[36..40].copy_from_slice(&self.magnitude.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.major_peak_hz.to_le_bytes());
        bytes
    }
}

/// Pictures become packets: remembers which beat was flashed, and the level.
#[derive(Debug, Clone, Default)]
pub struct WledEncoder {
    gain: f32,
    beat_as_level: bool,
    smooth: f32,
    drawn_mono_ns: Option<u64>,
    flashed_beat: Option<u64>,
}

impl WledEncoder {
    /// As the settings say.
    pub fn new(config: &WledConfig) -> Self {
        Self { gain: config.gain, beat_as_level: config.beat_as_level, ..Self::default() }
    }

    /// The packet of a picture; `None` = too soon after the last one.
    pub fn step(&mut self, view: &View) -> Option<WledPacket> {
        let since_ns = self.drawn_mono_ns.map(|drawn| view.now.mono_ns.saturating_sub(drawn));
        if since_ns.is_some_and(|since_ns| since_ns < MIN_INTERVAL_NS) {
            return None;
        }
        self.drawn_mono_ns = Some(view.now.mono_ns);
        let (level, bands) = self.sound(view);
        let since_sec = since_ns.map_or(f32::INFINITY, |since_ns| since_ns as f32 / 1e9);
        self.smooth += (level - self.smooth) * (1.0 - (-since_sec / SMOOTH_SEC).exp());
        let (loudest_idx, loudest) =
            bands.iter().copied().enumerate().fold((0, 0.0), |best, (idx, band)| if band > best.1 { (idx, band) } else { best });
        let centre_hz = (BAND_EDGES_HZ[loudest_idx] * BAND_EDGES_HZ[loudest_idx + 1]).sqrt();
        Some(WledPacket {
            sample_raw: level * SAMPLE_MAX,
            sample_smooth: self.smooth * SAMPLE_MAX,
            is_peak: self.peak(view),
            bands: bands.map(|band| (band * BAND_MAX).round() as u8),
            magnitude: loudest * MAGNITUDE_MAX,
            major_peak_hz: if loudest > 0.0 { centre_hz } else { 1.0 },
        })
    }

    /// Level and bands, `[0, 1]`.
    fn sound(&self, view: &View) -> (f32, [f32; N_BANDS]) {
        if !view.has_source() {
            return (0.0, [0.0; N_BANDS]);
        }
        let share = |value: f32| if value.is_finite() { (value * self.gain).clamp(0.0, 1.0) } else { 0.0 };
        let (level, bands) = (share(view.level), view.bands.map(share));
        let is_untold = level == 0.0 && bands.iter().all(|&band| band == 0.0);
        match view.beat.as_ref().filter(|_| self.beat_as_level && is_untold && view.locked) {
            Some(beat) => {
                let left = (1.0 - view.phase).clamp(0.0, 1.0);
                let strength = share(beat.intensity.max(0.5)) * left * left;
                // A drum: strong below, weak above.
                (strength, std::array::from_fn(|idx| strength * (1.0 - idx as f32 / N_BANDS as f32)))
            }
            None => (level, bands),
        }
    }

    /// Whether a beat fell since the last packet.
    fn peak(&mut self, view: &View) -> bool {
        let Some(beat) = view.beat.as_ref().filter(|_| view.locked && view.has_source()) else { return false };
        let is_new = self.flashed_beat.replace(beat.number) != Some(beat.number);
        is_new && view.now.mono_ns.saturating_sub(beat.at.mono_ns) <= PEAK_LATEST_NS
    }
}

/// Level, spectrum and beats to WLED.
pub struct WledOutput {
    config: WledConfig,
    encoder: WledEncoder,
    way: Option<Datagrams>,
}

impl WledOutput {
    /// Makes it; nothing is opened yet.
    pub fn new(config: WledConfig) -> Self {
        let encoder = WledEncoder::new(&config);
        Self { config, encoder, way: None }
    }

    fn send(&mut self, packet: WledPacket) -> Result<Fate, OutputError> {
        match &mut self.way {
            Some(way) => way.send(&packet.to_bytes()),
            None => Err(OutputError::Protocol("wled is not open".to_owned())),
        }
    }
}

impl Output for WledOutput {
    fn name(&self) -> String {
        format!("wled {}", self.config.target)
    }

    fn open(&mut self) -> Result<(), OutputError> {
        let unusable = |error: TuningError| OutputError::Unusable(error.to_string());
        self.config.validate().map_err(unusable)?;
        let target = parse_target("target", &self.config.target, WLED_PORT).map_err(unusable)?;
        self.way.insert(Datagrams::new(target, self.config.interface_ip().map_err(unusable)?)).open()
    }

    fn frame_interval(&self) -> Option<Duration> {
        Some(Duration::from_secs_f64(self.config.frame_ms.clamp(20.0, 100.0) / 1000.0))
    }

    /// Everything that WLED can be told is in the frames.
    fn event(&mut self, _event: &Event, _now: Moment) -> Result<(), OutputError> {
        Ok(())
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        if let Some(packet) = self.encoder.step(view) {
            self.send(packet)?;
        }
        Ok(())
    }

    fn close(&mut self) {
        // Silence, so that nothing stays lit until WLED gives up waiting; the program ends, whether it arrives or not.
        let _ = self.send(WledPacket { major_peak_hz: 1.0, ..WledPacket::default() });
        self.way = None;
    }

    fn detail(&self) -> String {
        self.way.as_ref().map(Datagrams::detail).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Beat;

    fn view(ms: u64, beat: u64, beat_ms: u64) -> View {
        let moment = |ms: u64| Moment { mono_ns: ms * 1_000_000, unix_ns: 0 };
        View { now: moment(ms), beat: Some(Beat { at: moment(beat_ms), number: beat, ..Beat::default() }), locked: true, ..View::default() }
    }

    #[test]
    fn a_packet_has_the_44_bytes_of_version_2() {
        let mut bands = [0; N_BANDS];
        (bands[0], bands[15]) = (254, 1);
        let packet = WledPacket { sample_raw: 127.5, sample_smooth: 2.0, is_peak: true, bands, magnitude: 4096.0, major_peak_hz: 60.5 };
        let mut expected = Vec::from(*b"00002\0\0\0");
        expected.extend([0, 0, 0xff, 0x42]); // 127.5
        expected.extend([0, 0, 0, 0x40]); // 2
        expected.extend([1, 0]);
        expected.extend([254, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        expected.extend([0, 0]);
        expected.extend([0, 0, 0x80, 0x45]); // 4096
        expected.extend([0, 0, 0x72, 0x42]); // 60.5
        assert_eq!(packet.to_bytes().to_vec(), expected);
        assert_eq!(expected.len(), PACKET_BYTES);
    }

    #[test]
    fn the_first_frame_at_or_after_a_beat_flashes_and_no_other() {
        let mut encoder = WledEncoder::new(&WledConfig::default());
        let flashes: Vec<_> = [(1000, 5, 1000), (1022, 5, 1000), (1490, 5, 1000), (1512, 6, 1500), (1534, 6, 1500)]
            .map(|(ms, beat, beat_ms)| encoder.step(&view(ms, beat, beat_ms)).unwrap().is_peak)
            .into();
        assert_eq!(flashes, [true, false, false, true, false]);
    }

    #[test]
    fn a_beat_is_not_flashed_late_nor_without_a_lock_nor_without_a_source() {
        let mut encoder = WledEncoder::new(&WledConfig::default());
        assert!(!encoder.step(&view(1150, 5, 1000)).unwrap().is_peak);
        assert!(!encoder.step(&View { locked: false, ..view(1500, 6, 1500) }).unwrap().is_peak);
        assert!(!encoder.step(&View { age_sec: 1.5, ..view(2000, 7, 2000) }).unwrap().is_peak);
    }

    #[test]
    fn packets_are_never_closer_than_20_ms_and_a_beat_between_waits_for_the_next() {
        let mut encoder = WledEncoder::new(&WledConfig::default());
        assert!(encoder.step(&view(1000, 5, 1000)).is_some());
        assert!(encoder.step(&view(1015, 6, 1014)).is_none());
        assert!(encoder.step(&view(1020, 6, 1014)).unwrap().is_peak);
    }

    #[test]
    fn level_and_bands_fill_their_ranges_and_nothing_leaves_them() {
        let mut encoder = WledEncoder::new(&WledConfig::default());
        let mut view = View { level: 1.0, ..view(1000, 5, 1000) };
        view.bands[9] = 1.0;
        let packet = encoder.step(&view).unwrap();
        assert_eq!((packet.sample_raw, packet.sample_smooth, packet.bands[9], packet.bands[8]), (255.0, 255.0, 254, 0));
        assert_eq!(packet.magnitude, 4096.0);
        assert!((1421.0..1895.0).contains(&packet.major_peak_hz), "{}", packet.major_peak_hz);
        view.now.mono_ns += 100_000_000;
        (view.level, view.bands) = (f32::NAN, [f32::INFINITY; N_BANDS]);
        let packet = encoder.step(&view).unwrap();
        assert_eq!((packet.sample_raw, packet.bands, packet.major_peak_hz), (0.0, [0; N_BANDS], 1.0));
        // A tenth of a second later the smoothed level is 1/e of what it was.
        assert!((packet.sample_smooth - 255.0 / std::f32::consts::E).abs() < 0.1, "{}", packet.sample_smooth);
    }

    #[test]
    fn a_source_without_level_is_drawn_from_its_beats_where_that_was_chosen() {
        let silent = View { phase: 0.5, ..view(1000, 5, 1000) };
        assert_eq!(WledEncoder::new(&WledConfig::default()).step(&silent).unwrap().sample_raw, 0.0);
        let drawn = WledEncoder::new(&WledConfig { beat_as_level: true, ..WledConfig::default() }).step(&silent).unwrap();
        // Half strength at least, a quarter of it in the middle of the beat.
        assert_eq!((drawn.sample_raw, drawn.bands[0]), (255.0 * 0.125, 32));
    }

    #[test]
    fn settings_are_checked_by_name() {
        assert_eq!(WledConfig::default().validate(), Ok(()));
        for (config, message) in [
            (WledConfig { target: "wled.local".into(), ..WledConfig::default() }, "target: expected an IP"),
            (WledConfig { interface: "eth0".into(), ..WledConfig::default() }, "interface: expected empty, or the IPv4"),
            (WledConfig { frame_ms: 10.0, ..WledConfig::default() }, "frame_ms: expected 20 to 100, got 10"),
            (WledConfig { gain: f32::NAN, ..WledConfig::default() }, "gain: expected 0 to 100, got NaN"),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
            assert!(!WledOutput::new(config).open().unwrap_err().may_pass());
        }
    }
}
