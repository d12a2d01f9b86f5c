//! In steady state a hop allocates nothing, frees nothing: counted, for every path through the pipe.

use anacrusis::bench::allocator::{CountingAllocator, allocations_of, is_installed};
use anacrusis::bench::band::Band;
use integration_tests::runs::{config, networks};
use integration_tests::signals::{Colour, noise};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::{DecoderKind, EngineConfig, Meter};
use runtime_core::analysis::engine::Engine;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const DECODERS: [DecoderKind; 2] = [DecoderKind::Exact, DecoderKind::Particle];
/// Audio before anything is counted, seconds.
const WARM_UP_SEC: f64 = 1.0;

/// Allocations after the warm-up, and beats, so that a test which heard nothing is noticed.
fn count(config: &EngineConfig, model: BeatModel, samples: &[f32], block_samples: usize) -> (u64, usize) {
    let mut engine = Engine::new(config, model).expect("a valid configuration");
    let (warm_up, rest) = samples.split_at((WARM_UP_SEC * config.sample_rate_hz) as usize);
    engine.process(warm_up, |_| {});
    let mut n_beats = 0;
    let ((), n_allocations) = allocations_of(|| {
        for block in rest.chunks(block_samples) {
            engine.process(block, |report| n_beats += usize::from(report.update.is_some_and(|update| update.event.is_some())));
        }
    });
    (n_allocations, n_beats)
}

#[test]
fn the_allocator_counts() {
    assert!(is_installed());
}

#[test]
fn music_allocates_nothing_with_the_networks() {
    for decoder in DECODERS {
        for rate_hz in [44_100.0, 48_000.0, 22_050.0, 44_056.0, 96_000.0] {
            let Some(model) = networks() else { return };
            let (n_allocations, n_beats) = count(&config(rate_hz, decoder), model, &Band::default().render(rate_hz, 15.0), 64);
            assert_eq!(n_allocations, 0, "{decoder:?}, {rate_hz} Hz");
            assert!(n_beats > 10, "{decoder:?}, {rate_hz} Hz: {n_beats} beats");
        }
    }
}

#[test]
fn music_allocates_nothing_with_the_fallback() {
    for decoder in DECODERS {
        for meter in [Meter::Auto, Meter::Fixed(3), Meter::Fixed(7)] {
            let config = EngineConfig { meter, ..config(48_000.0, decoder) };
            let (n_allocations, n_beats) = count(&config, BeatModel::flux(None), &Band::default().render(48_000.0, 15.0), 512);
            assert_eq!(n_allocations, 0, "{decoder:?}, {meter:?}");
            assert!(n_beats > 10, "{decoder:?}, {meter:?}: {n_beats} beats");
        }
    }
}

#[test]
fn silence_noise_and_bad_samples_allocate_nothing() {
    let mut bad = noise(Colour::Pink, 0.1, 220_500, 1);
    bad.iter_mut().step_by(97).for_each(|v| *v = f32::NAN);
    for samples in [vec![0.0; 220_500], noise(Colour::White, 0.3, 220_500, 2), bad] {
        for decoder in DECODERS {
            assert_eq!(count(&config(44_100.0, decoder), BeatModel::flux(None), &samples, 1000).0, 0, "{decoder:?}");
        }
    }
}

#[test]
fn resets_allocate_nothing() {
    for decoder in DECODERS {
        let mut engine = Engine::new(&config(44_100.0, decoder), BeatModel::flux(None)).expect("a valid configuration");
        let samples = Band::default().render(44_100.0, 2.0);
        engine.process(&samples, |_| {});
        for _ in 0..2 {
            assert_eq!(allocations_of(|| engine.soft_reset()).1, 0, "{decoder:?}");
            assert_eq!(allocations_of(|| engine.process(&samples, |_| {})).1, 0, "{decoder:?}");
            assert_eq!(allocations_of(|| engine.reset()).1, 0, "{decoder:?}");
            assert_eq!(allocations_of(|| engine.process(&samples, |_| {})).1, 0, "{decoder:?}");
        }
    }
}
