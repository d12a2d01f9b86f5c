//! The last stage before lights: at most three flashes in any second, whatever the effects draw.
//!
//! WCAG 2.3.1 (w3.org/TR/WCAG22, "general flash and red flash thresholds"): a general flash is a pair of opposing changes of
//! relative luminance by 0.1 or more where the darker is below 0.8; a red flash a pair of opposing changes of saturated red
//! by 20 of 320. At most three of each in any one second.
//!
//! Watched are each pixel and the mean of the whole strip; luminance and red of each; and each as if the light were
//! proportional to the bytes (LEDs) and as if they were sRGB (screens, controllers with gamma). A swing is a change by the
//! threshold against the last swing, and lasts for as long as it goes on. A new frame is shown only as far as no watched
//! signal would have more than seven swings in 1.05 s, which are three pairs; a pixel that may not jump follows slowly, as
//! long as that is no swing; and where nothing else is left, the strip keeps what it shows, which is no change at all. So the
//! bound holds by construction, and the rules here are stricter than the standard: any darkness and any area count, red need
//! not be saturated, the thresholds are 5 % lower, and the second 5 % longer, for frames that the network brings closer
//! together.
//!
//! What is not covered: several strips that are seen together, and light that is not ours.

/// Swings of one signal within the window: three pairs and a half.
const MAX_SWINGS: usize = 7;
/// As many of them may end with one up, so that the lights may go out at any time.
const MAX_SWINGS_UP: usize = MAX_SWINGS - 1;
/// The window, ns.
const WINDOW_NS: u64 = 1_050_000_000;
/// Swing of relative luminance.
const LUMINANCE_SWING: f32 = 0.095;
/// Swing of red: (R - G - B) of 20 in 320.
const RED_SWING: f32 = 0.0625 * 0.95;
/// Time constant of a pixel that may not jump, seconds.
const SLOW_SEC: f32 = 0.5;
/// Watched of each colour: luminance and red, as light and as sRGB.
const N_SIGNALS: usize = 4;
const SWINGS: [f32; N_SIGNALS] = [LUMINANCE_SWING, RED_SWING, LUMINANCE_SWING, RED_SWING];

/// A pixel as it is sent.
pub type Pixel = [u8; 3];

/// Shows frames as far as that is safe.
#[derive(Debug, Clone)]
pub struct FlashLimiter {
    /// What the lights show.
    shown: Vec<Pixel>,
    next: Vec<Pixel>,
    pixels: Vec<Watch>,
    strip: Watch,
    srgb: [f32; 256],
    last_ns: Option<u64>,
    n_limited: u64,
}

impl FlashLimiter {
    /// For a strip that is dark.
    pub fn new(n_pixels: usize) -> Self {
        let black = vec![[0; 3]; n_pixels];
        let srgb = std::array::from_fn(|byte| decode_srgb(byte as f32 / 255.0));
        Self {
            next: black.clone(),
            shown: black,
            pixels: vec![Watch::default(); n_pixels],
            strip: Watch::default(),
            srgb,
            last_ns: None,
            n_limited: 0,
        }
    }

    /// What to show at `now_ns` (any clock that does not go back) when `wanted` is drawn. Pixels that are missing are dark.
    pub fn step(&mut self, now_ns: u64, wanted: &[Pixel]) -> &[Pixel] {
        let now_ns = now_ns.max(self.last_ns.unwrap_or(0));
        let since_sec = self.last_ns.map_or(0.0, |last_ns| (now_ns - last_ns) as f32 / 1e9);
        self.last_ns = Some(now_ns);
        let slow_share = (since_sec / SLOW_SEC).clamp(0.0, 1.0);
        let wanted_at = |idx: usize| wanted.get(idx).copied().unwrap_or([0; 3]);
        let is_shown = self.try_show(now_ns, |idx, shown| [wanted_at(idx), towards(shown, wanted_at(idx), slow_share)])
            || self.try_show(now_ns, |idx, shown| [towards(shown, wanted_at(idx), slow_share); 2]);
        let is_as_wanted = is_shown && self.shown.iter().enumerate().all(|(idx, shown)| *shown == wanted_at(idx));
        self.n_limited += u64::from(!is_as_wanted);
        &self.shown
    }

    /// Everything dark at once, for the end: at most one swing more, the seventh, so no fourth pair.
    pub fn black_out(&mut self, now_ns: u64) -> &[Pixel] {
        let now_ns = now_ns.max(self.last_ns.unwrap_or(0));
        self.last_ns = Some(now_ns);
        self.next.fill([0; 3]);
        self.commit(now_ns);
        &self.shown
    }

    /// What is shown.
    pub fn shown(&self) -> &[Pixel] {
        &self.shown
    }

    /// Frames that were not shown as they were drawn.
    pub fn n_limited(&self) -> u64 {
        self.n_limited
    }

    /// Shows for each pixel the first of its candidates that it may show, else what it shows. Unless the strip as a whole may not.
    fn try_show(&mut self, now_ns: u64, candidates: impl Fn(usize, Pixel) -> [Pixel; 2]) -> bool {
        for idx in 0..self.shown.len() {
            let (shown, watch, srgb) = (self.shown[idx], &self.pixels[idx], &self.srgb);
            let allowed = candidates(idx, shown).into_iter().find(|&pixel| pixel == shown || watch.allows(&signals(srgb, pixel), now_ns));
            self.next[idx] = allowed.unwrap_or(shown);
        }
        let is_allowed = self.strip.allows(&self.mean_signals(), now_ns);
        if is_allowed {
            self.commit(now_ns);
        }
        is_allowed
    }

    fn commit(&mut self, now_ns: u64) {
        let mean = self.mean_signals();
        self.strip.step(&mean, now_ns);
        for ((shown, next), watch) in self.shown.iter_mut().zip(&self.next).zip(&mut self.pixels) {
            if shown != next {
                watch.step(&signals(&self.srgb, *next), now_ns);
                *shown = *next;
            }
        }
    }

    /// Means over the strip of what would be shown next.
    fn mean_signals(&self) -> [f32; N_SIGNALS] {
        let mut sums = [0.0_f64; N_SIGNALS];
        for pixel in &self.next {
            for (sum, signal) in sums.iter_mut().zip(signals(&self.srgb, *pixel)) {
                *sum += f64::from(signal);
            }
        }
        sums.map(|sum| (sum / self.next.len().max(1) as f64) as f32)
    }
}

/// Luminance and red of a pixel, `[0, 1]`: as light, then as sRGB.
fn signals(srgb: &[f32; 256], pixel: Pixel) -> [f32; N_SIGNALS] {
    // Weights: WCAG 2.2, "relative luminance"; red: "red flash threshold" of WCAG 2.0, without its factor of 320.
    let both = |[r, g, b]: [f32; 3]| [0.2126 * r + 0.7152 * g + 0.0722 * b, (r - g - b).max(0.0)];
    let [luminance, red] = both(pixel.map(|byte| f32::from(byte) / 255.0));
    let [srgb_luminance, srgb_red] = both(pixel.map(|byte| srgb[usize::from(byte)]));
    [luminance, red, srgb_luminance, srgb_red]
}

/// sRGB to light (IEC 61966-2-1, as in WCAG's "relative luminance").
fn decode_srgb(value: f32) -> f32 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// A share of the way from one pixel to another, at least one step of each byte that differs.
fn towards(from: Pixel, to: Pixel, share: f32) -> Pixel {
    std::array::from_fn(|part| {
        let gap = f32::from(to[part]) - f32::from(from[part]);
        let step = (gap.abs() * share).round().max(1.0).min(gap.abs()).copysign(gap);
        (f32::from(from[part]) + step) as u8
    })
}

/// The signals of one pixel or of the strip.
#[derive(Debug, Clone, Copy, Default)]
struct Watch {
    signals: [SwingCounter; N_SIGNALS],
}

impl Watch {
    /// Whether these values would be too many swings for none of the signals.
    fn allows(&self, values: &[f32; N_SIGNALS], now_ns: u64) -> bool {
        let mut counters = self.signals.iter().zip(values).zip(SWINGS);
        counters.all(|((counter, &value), swing)| match counter.swing(value, swing) {
            Some(Direction::Up) => counter.n_recent(now_ns) < MAX_SWINGS_UP,
            Some(Direction::Down) => counter.n_recent(now_ns) < MAX_SWINGS,
            None => true,
        })
    }

    fn step(&mut self, values: &[f32; N_SIGNALS], now_ns: u64) {
        for ((counter, &value), swing) in self.signals.iter_mut().zip(values).zip(SWINGS) {
            counter.step(value, swing, now_ns);
        }
    }
}

/// A direction of a swing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// Swings of one signal: where it turned last, and when the last seven ended.
///
/// A swing ends with the last value that went further its way. So whatever part of a second is looked at, there are no more
/// opposing changes in it than swings that end in it: a change that is part of a swing that began earlier is counted too.
#[derive(Debug, Clone, Copy, Default)]
struct SwingCounter {
    direction: Option<Direction>,
    /// Lowest and highest value since the last swing.
    low: f32,
    high: f32,
    recent_ns: [Option<u64>; MAX_SWINGS],
    next_idx: u8,
}

impl SwingCounter {
    /// The swing that this value would be.
    fn swing(&self, value: f32, threshold: f32) -> Option<Direction> {
        let is_up = self.direction != Some(Direction::Up) && value - self.low >= threshold;
        let is_down = self.direction != Some(Direction::Down) && self.high - value >= threshold;
        if is_up { Some(Direction::Up) } else { is_down.then_some(Direction::Down) }
    }

    fn n_recent(&self, now_ns: u64) -> usize {
        self.recent_ns.iter().flatten().filter(|&&at_ns| now_ns - at_ns <= WINDOW_NS).count()
    }

    fn step(&mut self, value: f32, threshold: f32, now_ns: u64) {
        if let Some(direction) = self.swing(value, threshold) {
            (self.direction, self.low, self.high) = (Some(direction), value, value);
            self.recent_ns[usize::from(self.next_idx)] = Some(now_ns);
            self.next_idx = (self.next_idx + 1) % MAX_SWINGS as u8;
        } else {
            let goes_on = match self.direction {
                Some(Direction::Up) => value > self.high,
                Some(Direction::Down) => value < self.low,
                None => false,
            };
            if goes_on {
                let last_idx = (usize::from(self.next_idx) + MAX_SWINGS - 1) % MAX_SWINGS;
                self.recent_ns[last_idx] = Some(now_ns);
            }
            (self.low, self.high) = (self.low.min(value), self.high.max(value));
        }
    }
}

#[cfg(test)]
#[path = "flash_limit_tests.rs"]
mod tests;
