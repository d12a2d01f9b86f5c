//! DDP: light effects as pixels for LED controllers, over UDP.
//!
//! Distributed Display Protocol, version 1 (3waylabs.com/ddp): a header of 10 bytes, big-endian, then red, green and blue of
//! each pixel. WLED, Falcon, xLights' players and others listen on port 4048. A frame that is too long for one datagram is
//! several, and the last one says that the whole is to be shown.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::datagram::{Datagrams, parse_target};
use crate::effects::colour::Rgb;
use crate::effects::flash_limit::{FlashLimiter, Pixel};
use crate::effects::palette::{Palette, SectionFader};
use crate::effects::{Effect, Scene};
use crate::event::{Event, Moment};
use crate::output::{Output, OutputError, TuningError};
use crate::view::View;

/// Port of DDP.
pub const DDP_PORT: u16 = 4048;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 10;
/// Pixels of one datagram: 480, of 1440 bytes, which fit an Ethernet frame.
pub const PACKET_PIXELS: usize = 480;
/// Most pixels of a strip.
pub const MAX_PIXELS: u32 = 16_384;
/// Flags: version 1.
const VERSION_1: u8 = 0x40;
/// Flag of a frame's last datagram: show it.
const PUSH: u8 = 0x01;
/// Data type: RGB, 8 bits each.
const RGB_8_BITS: u8 = 0x0b;
/// Destination: the default output device.
const DEFAULT_DEVICE: u8 = 1;
/// Sequence numbers are 1 to 15; 0 would mean that there are none.
const LAST_SEQUENCE: u8 = 15;

/// Settings of a DDP output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DdpConfig {
    /// Controller, `IP` or `IP:port`.
    pub target: String,
    /// Pixels of the strip.
    pub pixels: u32,
    /// Where the strip begins at the controller, pixels from its first one.
    pub first_pixel: u32,
    /// Whether the strip's first pixel is at its far end.
    pub reversed: bool,
    /// What is drawn.
    pub effect: Effect,
    /// Colours by section, `chorus = "#ff3010"`; those that are missing are the usual ones. `unknown` for unknown sections.
    pub colours: BTreeMap<String, String>,
    /// Colour of downbeats and releases.
    pub accent: String,
    /// Brightness, `[0, 1]`.
    pub brightness: f32,
    /// Frames a second.
    pub fps: f64,
}

impl Default for DdpConfig {
    fn default() -> Self {
        Self {
            target: "127.0.0.1".to_owned(),
            pixels: 60,
            first_pixel: 0,
            reversed: false,
            effect: Effect::default(),
            colours: BTreeMap::new(),
            accent: "#ffffff".to_owned(),
            brightness: 0.8,
            fps: 50.0,
        }
    }
}

impl DdpConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first value that cannot be used, by name.
    pub fn validate(&self) -> Result<(), TuningError> {
        let bad = |name, value: String, expected| Err(TuningError { name, value, expected });
        parse_target("target", &self.target, DDP_PORT)?;
        if !(1..=MAX_PIXELS).contains(&self.pixels) {
            return bad("pixels", self.pixels.to_string(), "1 to 16384");
        }
        if self.first_pixel > u32::MAX / 3 - MAX_PIXELS {
            return bad("first_pixel", self.first_pixel.to_string(), "0 to 1431639381");
        }
        Palette::new(&self.colours)?;
        if Rgb::parse(&self.accent).is_none() {
            return bad("accent", format!("{:?}", self.accent), "a colour like \"#ff8000\"");
        }
        if !(0.0..=1.0).contains(&self.brightness) {
            return bad("brightness", self.brightness.to_string(), "0 to 1");
        }
        if !(1.0..=120.0).contains(&self.fps) {
            return bad("fps", self.fps.to_string(), "1 to 120");
        }
        Ok(())
    }
}

/// Numbers the datagrams of one way, 1 to 15 and again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sequence {
    last: u8,
}

impl Sequence {
    fn step(&mut self) -> u8 {
        self.last = self.last % LAST_SEQUENCE + 1;
        self.last
    }
}

/// The datagrams of a frame whose first pixel is the controller's `first_pixel`.
pub fn packets(frame: &[Pixel], first_pixel: u32, sequence: &mut Sequence) -> Vec<Vec<u8>> {
    let n_packets = frame.len().div_ceil(PACKET_PIXELS);
    let packet = |(idx, pixels): (usize, &[Pixel])| {
        let is_last = idx + 1 == n_packets;
        let offset = (first_pixel + (idx * PACKET_PIXELS) as u32) * 3;
        let mut bytes = Vec::with_capacity(HEADER_BYTES + pixels.len() * 3);
        bytes.extend([VERSION_1 | if is_last { PUSH } else { 0 }, sequence.step(), RGB_8_BITS, DEFAULT_DEVICE]);
        bytes.extend(offset.to_be_bytes());
        bytes.extend(((pixels.len() * 3) as u16).to_be_bytes());
        bytes.extend(pixels.as_flattened());
        bytes
    };
    frame.chunks(PACKET_PIXELS).enumerate().map(packet).collect()
}

/// Pixels to one controller.
pub struct DdpOutput {
    config: DdpConfig,
    way: Option<Datagrams>,
    /// What is drawn with; made where the settings are good.
    painter: Option<Painter>,
    sequence: Sequence,
    last_ns: u64,
}

/// Pictures become pixels.
#[derive(Debug)]
struct Painter {
    fader: SectionFader,
    accent: Rgb,
    limiter: FlashLimiter,
    wanted: Vec<Pixel>,
}

impl DdpOutput {
    /// Makes it; nothing is opened yet.
    pub fn new(config: DdpConfig) -> Self {
        Self { config, way: None, painter: None, sequence: Sequence::default(), last_ns: 0 }
    }

    fn send(&mut self) -> Result<(), OutputError> {
        let (Some(way), Some(painter)) = (&mut self.way, &self.painter) else {
            return Err(OutputError::Protocol("ddp is not open".to_owned()));
        };
        for packet in packets(painter.limiter.shown(), self.config.first_pixel, &mut self.sequence) {
            way.send(&packet)?;
        }
        Ok(())
    }
}

impl Painter {
    fn new(config: &DdpConfig) -> Result<Self, TuningError> {
        let n_pixels = config.pixels as usize;
        let fader = SectionFader::new(Palette::new(&config.colours)?);
        let accent = Rgb::parse(&config.accent).unwrap_or(Rgb::WHITE);
        Ok(Self { fader, accent, limiter: FlashLimiter::new(n_pixels), wanted: vec![[0; 3]; n_pixels] })
    }

    fn paint(&mut self, config: &DdpConfig, view: &View) {
        let scene = Scene { view, colour: self.fader.step(view), accent: self.accent, n_pixels: self.wanted.len() };
        for (idx, pixel) in self.wanted.iter_mut().enumerate() {
            let drawn_idx = if config.reversed { scene.n_pixels - 1 - idx } else { idx };
            *pixel = config.effect.pixel(&scene, drawn_idx).scaled(config.brightness).to_bytes();
        }
        self.limiter.step(view.now.mono_ns, &self.wanted);
    }
}

impl Output for DdpOutput {
    fn name(&self) -> String {
        format!("ddp {}", self.config.target)
    }

    fn open(&mut self) -> Result<(), OutputError> {
        let unusable = |error: TuningError| OutputError::Unusable(error.to_string());
        self.config.validate().map_err(unusable)?;
        let target = parse_target("target", &self.config.target, DDP_PORT).map_err(unusable)?;
        // Kept over errors: the lights still show what they were sent last.
        if self.painter.is_none() {
            self.painter = Some(Painter::new(&self.config).map_err(unusable)?);
        }
        self.way.insert(Datagrams::new(target, None)).open()
    }

    fn frame_interval(&self) -> Option<Duration> {
        Some(Duration::from_secs_f64(1.0 / self.config.fps.clamp(1.0, 120.0)))
    }

    /// Everything that is lit is in the frames.
    fn event(&mut self, _event: &Event, _now: Moment) -> Result<(), OutputError> {
        Ok(())
    }

    fn frame(&mut self, view: &View) -> Result<(), OutputError> {
        self.last_ns = view.now.mono_ns;
        if let Some(painter) = &mut self.painter {
            painter.paint(&self.config, view);
        }
        self.send()
    }

    fn close(&mut self) {
        if let Some(painter) = &mut self.painter {
            painter.limiter.black_out(self.last_ns);
            // Twice, because a datagram may be lost; the program ends, whether they arrive or not.
            let _ = self.send().and_then(|()| self.send());
        }
        self.way = None;
    }

    fn detail(&self) -> String {
        let Some(way) = &self.way else { return String::new() };
        let n_limited = self.painter.as_ref().map_or(0, |painter| painter.limiter.n_limited());
        if n_limited > 0 { format!("{}, {n_limited} frames held back by the flash limit", way.detail()) } else { way.detail() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_header_and_its_pixels() {
        let mut sequence = Sequence::default();
        let bytes = packets(&[[1, 2, 3], [4, 5, 6]], 10, &mut sequence);
        assert_eq!(bytes, [[0x41, 1, 0x0b, 1, 0, 0, 0, 30, 0, 6, 1, 2, 3, 4, 5, 6]]);
        assert_eq!(packets(&[[7; 3]], 0, &mut sequence)[0][..4], [0x41, 2, 0x0b, 1]);
    }

    #[test]
    fn a_long_frame_is_several_datagrams_of_which_the_last_pushes() {
        let frame: Vec<Pixel> = (0..1000_u32).map(|idx| [(idx % 251) as u8, 0, 1]).collect();
        let all = packets(&frame, 0, &mut Sequence::default());
        let headers: Vec<_> = all.iter().map(|bytes| bytes[..HEADER_BYTES].to_vec()).collect();
        let expected = [
            [0x40, 1, 0x0b, 1, 0, 0, 0, 0, 0x05, 0xa0],
            [0x40, 2, 0x0b, 1, 0, 0, 0x05, 0xa0, 0x05, 0xa0],
            [0x41, 3, 0x0b, 1, 0, 0, 0x0b, 0x40, 0, 120],
        ];
        assert_eq!(headers, expected);
        let data: Vec<u8> = all.iter().flat_map(|bytes| bytes[HEADER_BYTES..].to_vec()).collect();
        assert_eq!(data, frame.as_flattened());
    }

    #[test]
    fn sequence_numbers_run_from_1_to_15_and_again() {
        let mut sequence = Sequence::default();
        let numbers: Vec<_> = (0..17).map(|_| sequence.step()).collect();
        assert_eq!(numbers[..3], [1, 2, 3]);
        assert_eq!(numbers[13..], [14, 15, 1, 2]);
    }

    #[test]
    fn settings_are_checked_by_name() {
        assert_eq!(DdpConfig::default().validate(), Ok(()));
        let colours = BTreeMap::from([("drop".to_owned(), "#ff0000".to_owned())]);
        for (config, message) in [
            (DdpConfig { target: "strip".into(), ..DdpConfig::default() }, "target: expected an IP"),
            (DdpConfig { pixels: 0, ..DdpConfig::default() }, "pixels: expected 1 to 16384, got 0"),
            (DdpConfig { first_pixel: u32::MAX, ..DdpConfig::default() }, "first_pixel: expected 0 to"),
            (DdpConfig { colours, ..DdpConfig::default() }, "colours: expected silence"),
            (DdpConfig { accent: "white".into(), ..DdpConfig::default() }, "accent: expected a colour"),
            (DdpConfig { brightness: 1.5, ..DdpConfig::default() }, "brightness: expected 0 to 1, got 1.5"),
            (DdpConfig { fps: f64::INFINITY, ..DdpConfig::default() }, "fps: expected 1 to 120, got inf"),
        ] {
            let error = config.validate().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
            assert!(!DdpOutput::new(config).open().unwrap_err().may_pass());
        }
        let last = DdpConfig { first_pixel: 1_431_639_381, ..DdpConfig::default() };
        assert_eq!(last.validate(), Ok(()));
        let all = vec![[0; 3]; MAX_PIXELS as usize];
        assert_eq!(packets(&all, last.first_pixel, &mut Sequence::default()).len(), 35);
    }

    #[test]
    fn a_reversed_strip_is_the_same_picture_from_the_other_end() {
        let mut view = View { locked: true, beat: Some(crate::event::Beat::default()), ..View::default() };
        view.bands[0] = 1.0;
        let painted = |reversed| {
            let config = DdpConfig { reversed, effect: Effect::Bands, pixels: 8, ..DdpConfig::default() };
            let mut painter = Painter::new(&config).unwrap();
            painter.paint(&config, &view);
            painter.limiter.shown().to_vec()
        };
        let mut backwards = painted(true);
        assert!(backwards[7] > backwards[0]);
        backwards.reverse();
        assert_eq!(backwards, painted(false));
    }
}
