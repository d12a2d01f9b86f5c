//! The first two stages alone: mono host samples to feature frames with their time. Any thread; not real time.
//!
//! What a network learns from is what it will be given: this is the live engine's own pipe, fed hop by hop as the engine
//! feeds it, with a model in it that only keeps what it sees.

use std::sync::{Arc, Mutex, PoisonError};

use super::activation::{Activation, StepError, StepModel};
use super::beat_model::BeatModel;
use super::engine::without_denormals;
use super::front_end::FrontEnd;
use super::pipe::ActivationPipe;
use crate::units::{FRAMES_PER_SEC, StreamSec};

/// One frame of features with its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimedFeatures<'a> {
    /// The moment that the frame describes.
    pub time: StreamSec,
    /// `[2 * bands]`: log magnitudes, then their positive differences to the frame before.
    pub features: &'a [f32],
}

/// Resampler and features of one stream.
pub struct FeaturePipe {
    pipe: ActivationPipe,
    /// What the model was shown and nobody got yet, `[n_frames, n_features]`.
    seen: Arc<Mutex<Vec<f32>>>,
    n_features: usize,
    hop_samples: usize,
    /// Samples that do not fill a hop yet.
    pending: Vec<f32>,
}

impl FeaturePipe {
    /// A pipe at the start of a stream whose rate [`super::config::EngineConfig::validate`] accepts.
    pub fn new(sample_rate_hz: f64, front_end: FrontEnd) -> Self {
        let hop_samples = (sample_rate_hz / FRAMES_PER_SEC).round() as usize;
        let n_features = front_end.len;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let witness = Box::new(Witness { seen: Arc::clone(&seen), n_features });
        let pipe = ActivationPipe::new(sample_rate_hz, hop_samples, BeatModel::from_network(front_end, witness));
        Self { pipe, seen, n_features, hop_samples, pending: Vec::with_capacity(hop_samples) }
    }

    /// Features per frame.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Consumes a block of mono samples of any length and hands over each frame that it completes.
    ///
    /// The frames do not depend on how the stream is cut into blocks. Samples that are not finite count as 0.
    pub fn process(&mut self, mut mono: &[f32], mut on_frame: impl FnMut(TimedFeatures<'_>)) {
        while !mono.is_empty() {
            let n = mono.len().min(self.hop_samples - self.pending.len());
            self.pending.extend_from_slice(&mono[..n]);
            mono = &mono[n..];
            if self.pending.len() == self.hop_samples {
                self.process_hop(&mut on_frame);
                self.pending.clear();
            }
        }
    }

    /// Ends the stream: silence fills the last hop and completes the frames that still wait for their look-ahead.
    ///
    /// Every frame that the engine or the offline analysis steps over is among them; where the last hop is not full, one more
    /// may come.
    pub fn finish(&mut self, on_frame: impl FnMut(TimedFeatures<'_>)) {
        let n_fill = (self.hop_samples - self.pending.len()) % self.hop_samples;
        let n_hops = (self.pipe.look_ahead_sec() * FRAMES_PER_SEC).ceil() as usize + 1;
        let silence = vec![0.0; n_fill + n_hops * self.hop_samples];
        self.process(&silence, on_frame);
    }

    fn process_hop(&mut self, on_frame: &mut impl FnMut(TimedFeatures<'_>)) {
        let Self { pipe, seen, n_features, pending, .. } = self;
        let mut times = Vec::new();
        without_denormals(|| pipe.process(pending, |frame| times.push(frame.time)));
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (time, features) in times.into_iter().zip(seen.chunks_exact(*n_features)) {
            on_frame(TimedFeatures { time, features });
        }
        seen.clear();
    }
}

/// Keeps the frames it was given, and never hears a beat.
struct Witness {
    seen: Arc<Mutex<Vec<f32>>>,
    n_features: usize,
}

impl StepModel for Witness {
    fn name(&self) -> &str {
        "witness"
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(features);
        Ok(Activation::default())
    }

    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::config::EngineConfig;
    use crate::analysis::engine::Engine;
    use crate::analysis::offline::OfflineAnalysis;
    use crate::analysis::rng::Pcg32;

    /// Noise, louder for 5 ms of every half second.
    fn signal(n_samples: usize, rate_hz: u32) -> Vec<f32> {
        let mut rng = Pcg32::new(1, 1);
        let loud = |n: usize| n % (rate_hz as usize / 2) < rate_hz as usize / 200;
        (0..n_samples).map(|n| (rng.uniform() as f32 - 0.5) * if loud(n) { 1.0 } else { 0.01 }).collect()
    }

    /// Times and features of a stream that is cut into blocks, as bits.
    fn frames(samples: &[f32], rate_hz: u32, block_samples: usize) -> Vec<(u64, Vec<u32>)> {
        let mut pipe = FeaturePipe::new(f64::from(rate_hz), FrontEnd::default());
        let mut frames = Vec::new();
        let mut keep = |f: TimedFeatures<'_>| frames.push((f.time.0.to_bits(), f.features.iter().map(|x| x.to_bits()).collect()));
        samples.chunks(block_samples).for_each(|block| pipe.process(block, &mut keep));
        pipe.finish(&mut keep);
        frames
    }

    #[test]
    fn frames_do_not_depend_on_how_the_stream_is_cut() {
        for rate_hz in [22_050, 44_100, 48_000, 44_056] {
            let samples = signal(rate_hz as usize * 2 + 77, rate_hz);
            let whole = frames(&samples, rate_hz, samples.len());
            assert!((100..=110).contains(&whole.len()), "{rate_hz} Hz: {} frames", whole.len());
            for block_samples in [1, 441, 882, 4096] {
                assert_eq!(frames(&samples, rate_hz, block_samples), whole, "{rate_hz} Hz in blocks of {block_samples}");
            }
        }
    }

    #[test]
    fn frames_are_those_that_the_analyses_step_over() {
        for (rate_hz, n_rest) in [(44_100u32, 0), (44_100, 500), (48_000, 17), (11_025, 220)] {
            let samples = signal(rate_hz as usize + n_rest, rate_hz);
            let ours: Vec<Vec<u32>> = frames(&samples, rate_hz, 1000).into_iter().map(|(_, features)| features).collect();
            let config = EngineConfig::new(f64::from(rate_hz));
            let (mut engine, mut offline) = (None, None);
            let causal = seen_by(|model| {
                let engine = engine.insert(Engine::new(&config, model).unwrap());
                engine.process(&samples, |_| {});
                engine.finish(|_| {});
            });
            let hindsight = seen_by(|model| {
                let offline = offline.insert(OfflineAnalysis::new(&config, model).unwrap());
                offline.process(&samples, |_| {});
                offline.finish(|_| {});
            });
            for theirs in [causal, hindsight] {
                assert!(theirs.len() > 50 && (0..=1).contains(&(ours.len() - theirs.len())), "{} and {}", ours.len(), theirs.len());
                assert_eq!(ours[..theirs.len()], theirs, "{rate_hz} Hz and {n_rest} samples");
            }
        }
    }

    /// What a model is given while `run` has it, as bits.
    fn seen_by(run: impl FnOnce(BeatModel)) -> Vec<Vec<u32>> {
        struct All(Arc<Mutex<Vec<Vec<u32>>>>);
        impl StepModel for All {
            fn name(&self) -> &str {
                "all"
            }
            fn n_features(&self) -> usize {
                FrontEnd::default().len
            }
            fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
                self.0.lock().unwrap().push(features.iter().map(|x| x.to_bits()).collect());
                Ok(Activation::default())
            }
            fn reset(&mut self) {}
        }
        let seen: Arc<Mutex<Vec<Vec<u32>>>> = Arc::default();
        run(BeatModel::from_network(FrontEnd::default(), Box::new(All(Arc::clone(&seen)))));
        std::mem::take(&mut *seen.lock().unwrap())
    }

    #[test]
    fn a_click_is_in_the_frames_around_its_time() {
        let mut samples = vec![0.0f32; 44_100 * 2];
        samples[44_100] = 1.0;
        let mut pipe = FeaturePipe::new(44_100.0, FrontEnd::default());
        let mut levels = Vec::new();
        let half = pipe.n_features() / 2;
        let mut keep = |f: TimedFeatures<'_>| levels.push((f.time.0, f.features[..half].iter().sum::<f32>()));
        pipe.process(&samples, &mut keep);
        pipe.finish(&mut keep);
        let loudest = levels.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
        assert!((loudest.0 - 1.0).abs() <= 0.01 + 1e-9, "{loudest:?}");
    }

    #[test]
    fn an_empty_stream_has_only_the_frames_of_its_silence() {
        let empty = frames(&[], 44_100, 1);
        assert!((1..=6).contains(&empty.len()), "{}", empty.len());
        assert!(empty.iter().all(|(_, features)| features.iter().all(|&bits| bits == 0)));
    }

    #[test]
    fn samples_that_are_not_finite_count_as_zero() {
        let mut samples = signal(4410, 44_100);
        samples[100] = 0.0;
        let expected = frames(&samples, 44_100, 441);
        samples[100] = f32::NAN;
        assert_eq!(frames(&samples, 44_100, 441), expected);
    }
}
