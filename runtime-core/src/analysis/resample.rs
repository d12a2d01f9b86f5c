//! First stage: mono host samples at any rate to the models' 22 050 Hz. INFERENCE THREAD.
//!
//! Three ways, chosen by the rate:
//! * 22 050 Hz: samples pass as they are;
//! * rates with a small exact ratio to 22 050 Hz (all usual ones): rubato's synchronous FFT resampler in blocks of about
//!   147 output samples. At 44.1, 48, 88.2, 96, 176.4 and 192 kHz three blocks are one 20 ms hop, so one host hop gives
//!   exactly 441 samples and nothing drifts;
//! * all other rates: rubato's windowed-sinc resampler; the ratio is a double, so the grid is exact to its rounding.
//!
//! Input is cut into the same chunks whatever the caller's block size, so the output is too.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Async, Fft, FixedAsync, FixedSync, Resampler as _, SincInterpolationParameters, WindowFunction};

use crate::units::MODEL_RATE_HZ;

/// Block of the FFT resampler, output samples: a third of a hop. Its delay is half of this, 3.3 ms.
const FFT_BLOCK_OUT_SAMPLES: usize = 147;
/// Largest block of the FFT resampler for rates whose smallest exact block is longer, output samples (20 ms).
const MAX_FFT_BLOCK_OUT_SAMPLES: usize = 441;
/// Window of the anti-aliasing filter. Hann keeps most of the band in so short a filter (6 dB down at 10.8 kHz, where
/// Blackman-Harris squared already is at 10.0 kHz) at the price of 44 dB of stop-band attenuation, which log10(1 + x)
/// features hardly see. NB: `cargo xtask eval` gave F70 .827, downbeat .515 with Hann and .816, .499 with
/// Blackman-Harris squared.
const FILTER_WINDOW: WindowFunction = WindowFunction::Hann;
/// Filter length of the sinc resampler, samples at the lower of the two rates. Half of it is the delay, 2.9 ms.
const SINC_LEN_SAMPLES: usize = 128;
/// Input chunk of the sinc resampler, seconds.
const SINC_CHUNK_SEC: f64 = 0.005;

/// Resamples a mono stream to 22 050 Hz.
pub struct Resampler {
    kind: Kind,
    input_rate_hz: f64,
    delay_samples: f64,
    /// Input that does not fill a chunk yet; one channel.
    pending: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
}

enum Kind {
    Identity,
    Fft { resampler: Box<Fft<f32>>, chunk_in_samples: usize },
    Sinc { resampler: Box<Async<f32>>, chunk_in_samples: usize },
}

impl Resampler {
    /// A resampler from `input_rate_hz`, which must be positive and finite ([`EngineConfig::validate`] checks the range).
    ///
    /// # Panics
    /// On a rate that is not positive and finite.
    ///
    /// [`EngineConfig::validate`]: super::config::EngineConfig::validate
    pub fn new(input_rate_hz: f64) -> Self {
        assert!(input_rate_hz > 0.0 && input_rate_hz.is_finite(), "sample rate {input_rate_hz} Hz was validated by the caller");
        let (kind, delay_samples, max_out) = Self::build(input_rate_hz);
        let chunk_in = match &kind {
            Kind::Identity => 0,
            Kind::Fft { chunk_in_samples, .. } | Kind::Sinc { chunk_in_samples, .. } => *chunk_in_samples,
        };
        Self { kind, input_rate_hz, delay_samples, pending: vec![Vec::with_capacity(chunk_in)], output: vec![vec![0.0; max_out]] }
    }

    fn build(rate_hz: f64) -> (Kind, f64, usize) {
        if rate_hz == MODEL_RATE_HZ {
            return (Kind::Identity, 0.0, 0);
        }
        if let Some((block_in, block_out)) = fft_block(rate_hz) {
            let resampler = Fft::new_custom(rate_hz as usize, MODEL_RATE_HZ as usize, block_in, 1, 1, FILTER_WINDOW, FixedSync::Both)
                .expect("rates are positive and the block is a multiple of the smallest one");
            debug_assert_eq!((resampler.input_frames_next(), resampler.output_frames_next()), (block_in, block_out));
            // The filter's centre is a whole input sample, half a block in.
            let delay_samples = (block_in / 2) as f64 * MODEL_RATE_HZ / rate_hz;
            return (Kind::Fft { resampler: Box::new(resampler), chunk_in_samples: block_in }, delay_samples, block_out);
        }
        let ratio = MODEL_RATE_HZ / rate_hz;
        // The filter spans the same time at the lower rate, whichever side that is; rubato wants a multiple of 8.
        let sinc_len = ((SINC_LEN_SAMPLES as f64 * ratio.recip().max(1.0) / 8.0).ceil() as usize) * 8;
        let parameters = SincInterpolationParameters::new(sinc_len, FILTER_WINDOW);
        let chunk_in = ((rate_hz * SINC_CHUNK_SEC).round() as usize).max(1);
        let resampler = Async::new_sinc(ratio, 1.0, &parameters, chunk_in, 1, FixedAsync::Input)
            .expect("ratio is positive and finite, chunk is not empty");
        let max_out = resampler.output_frames_max();
        // Half the filter, less one output sample: rubato steps its position before the first output (asynchro.rs `step_index`).
        let delay_samples = sinc_len as f64 / 2.0 * ratio - 1.0;
        (Kind::Sinc { resampler: Box::new(resampler), chunk_in_samples: chunk_in }, delay_samples, max_out)
    }

    /// How much later an event appears in the output than in the input, samples at 22 050 Hz.
    pub fn delay_samples(&self) -> f64 {
        self.delay_samples
    }

    /// Consumes a block of any length and hands over each piece of output that it completes. Allocates nothing.
    pub fn process(&mut self, mut mono: &[f32], mut on_output: impl FnMut(&[f32])) {
        let Self { kind, pending, output, .. } = self;
        let chunk_in = match kind {
            Kind::Identity => {
                if !mono.is_empty() {
                    on_output(mono);
                }
                return;
            }
            Kind::Fft { chunk_in_samples, .. } | Kind::Sinc { chunk_in_samples, .. } => *chunk_in_samples,
        };
        while !mono.is_empty() {
            let n = mono.len().min(chunk_in - pending[0].len());
            pending[0].extend_from_slice(&mono[..n]);
            mono = &mono[n..];
            if pending[0].len() == chunk_in {
                let n_out = run_chunk(kind, pending, output);
                on_output(&output[0][..n_out]);
                pending[0].clear();
            }
        }
    }

    /// Returns to the exact state after construction.
    pub fn reset(&mut self) {
        self.pending[0].clear();
        match &mut self.kind {
            Kind::Identity => {}
            Kind::Fft { resampler, .. } => resampler.reset(),
            Kind::Sinc { resampler, .. } => resampler.reset(),
        }
    }

    /// Rate of the input, Hz.
    pub fn input_rate_hz(&self) -> f64 {
        self.input_rate_hz
    }
}

fn run_chunk(kind: &mut Kind, input: &[Vec<f32>], output: &mut [Vec<f32>]) -> usize {
    const SIZES: &str = "buffers have the sizes that the resampler asked for";
    let (n_in, n_out) = (input[0].len(), output[0].len());
    let input = SequentialSliceOfVecs::new(input, 1, n_in).expect(SIZES);
    let mut output = SequentialSliceOfVecs::new_mut(output, 1, n_out).expect(SIZES);
    let result = match kind {
        Kind::Identity => return 0,
        Kind::Fft { resampler, .. } => resampler.process_into_buffer(&input, &mut output, None),
        Kind::Sinc { resampler, .. } => resampler.process_into_buffer(&input, &mut output, None),
    };
    result.expect(SIZES).1
}

/// Block sizes (input, output) of the FFT resampler, or `None` where no short exact block exists.
fn fft_block(rate_hz: f64) -> Option<(usize, usize)> {
    if rate_hz.fract() != 0.0 {
        return None;
    }
    let (rate_in, rate_out) = (rate_hz as usize, MODEL_RATE_HZ as usize);
    let divisor = gcd(rate_in, rate_out);
    let (unit_in, unit_out) = (rate_in / divisor, rate_out / divisor);
    if unit_out > MAX_FFT_BLOCK_OUT_SAMPLES {
        return None;
    }
    let n_units = (FFT_BLOCK_OUT_SAMPLES / unit_out).max(1);
    Some((n_units * unit_in, n_units * unit_out))
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resample(rate_hz: f64, input: &[f32], block: usize) -> Vec<f32> {
        let mut resampler = Resampler::new(rate_hz);
        let mut out = Vec::new();
        for chunk in input.chunks(block.max(1)) {
            resampler.process(chunk, |piece| out.extend_from_slice(piece));
        }
        out
    }

    const USUAL_RATES_HZ: [f64; 6] = [44_100.0, 48_000.0, 88_200.0, 96_000.0, 176_400.0, 192_000.0];

    #[test]
    fn one_hop_at_every_usual_rate_is_exactly_441_samples() {
        for rate in USUAL_RATES_HZ {
            let hop = vec![0.0; (rate / 50.0) as usize];
            let mut resampler = Resampler::new(rate);
            for _ in 0..10 {
                let mut n = 0;
                resampler.process(&hop, |piece| n += piece.len());
                assert_eq!(n, 441, "{rate} Hz");
            }
        }
    }

    /// A band-limited bump at a known time comes out at that time plus the stated delay.
    #[test]
    fn an_event_is_delayed_by_what_is_stated_to_a_tenth_of_a_sample() {
        const TOLERANCE_SAMPLES: f64 = 0.1;
        for rate in USUAL_RATES_HZ.into_iter().chain([8_000.0, 11_025.0, 22_050.0, 32_000.0, 44_056.0, 47_999.5, 384_000.0]) {
            let t0 = 0.25;
            let input: Vec<f32> = (0..rate as usize / 2).map(|i| (-0.5 * ((i as f64 / rate - t0) / 0.002).powi(2)).exp() as f32).collect();
            let output = resample(rate, &input, 512);
            let (mut weight, mut moment) = (0.0f64, 0.0f64);
            for (i, &v) in output.iter().enumerate() {
                weight += f64::from(v);
                moment += f64::from(v) * i as f64;
            }
            let centre = moment / weight - Resampler::new(rate).delay_samples();
            assert!((centre - t0 * MODEL_RATE_HZ).abs() < TOLERANCE_SAMPLES, "{rate} Hz: {centre} for {}", t0 * MODEL_RATE_HZ);
        }
    }

    #[test]
    fn a_tone_keeps_its_level_and_one_above_nyquist_goes() {
        for rate in [44_100.0, 48_000.0, 47_999.5] {
            let tone = |hz: f64| -> f32 {
                let input: Vec<f32> = (0..rate as usize).map(|i| (std::f64::consts::TAU * hz * i as f64 / rate).sin() as f32).collect();
                let out = resample(rate, &input, 777);
                let middle = &out[4_000..16_000];
                (middle.iter().map(|v| v * v).sum::<f32>() / middle.len() as f32).sqrt()
            };
            assert!((tone(1_000.0) - 0.5f32.sqrt()).abs() < 1e-3, "{rate} Hz");
            assert!(tone(14_000.0) < 1e-3, "{rate} Hz");
        }
    }

    #[test]
    fn the_model_rate_passes_bit_for_bit() {
        assert_eq!(resample(22_050.0, &[0.1, -0.2, 0.3], 2), [0.1, -0.2, 0.3]);
    }

    #[test]
    fn reset_is_a_fresh_start() {
        for rate in [44_100.0, 44_057.0] {
            let input: Vec<f32> = (0..5_000).map(|i| (i as f32 * 0.37).sin()).collect();
            let mut resampler = Resampler::new(rate);
            let run = |resampler: &mut Resampler| {
                let mut out = Vec::new();
                resampler.process(&input, |piece| out.extend_from_slice(piece));
                out
            };
            let first = run(&mut resampler);
            resampler.reset();
            assert_eq!(first, run(&mut resampler), "{rate} Hz");
        }
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert!(resample(48_000.0, &[], 64).is_empty());
    }

    proptest! {
        #[test]
        fn the_block_size_does_not_matter(block in 1usize..5_000, rate in prop::sample::select(vec![44_100.0, 48_000.0, 32_000.0, 11_025.0, 50_001.0])) {
            let input: Vec<f32> = (0..12_000).map(|i| ((i * i) as f32 * 1e-4).sin()).collect();
            prop_assert_eq!(resample(rate, &input, block), resample(rate, &input, 12_000));
        }
    }
}
