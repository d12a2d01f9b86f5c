//! Beats do not depend on how the stream is cut into blocks: what makes `--causal` the same as live.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use anacrusis::analyzer::Analyzer;
use anacrusis::document::{BeatRow, Mode};
use common::clicks;
use proptest::prelude::*;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;

/// Beats of a stream that is cut after each of `lengths` in turn, samples.
fn beats(samples: &[f32], rate_hz: u32, lengths: &[usize], mode: Mode) -> Vec<BeatRow> {
    let mut analyzer = Analyzer::new(&EngineConfig::new(f64::from(rate_hz)), BeatModel::flux(None), mode).unwrap();
    let mut rest = samples;
    for &length in lengths.iter().cycle() {
        let (block, after) = rest.split_at(length.min(rest.len()));
        analyzer.process(block);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    analyzer.finish()
}

#[test]
fn usual_block_sizes_give_the_same_beats() {
    for (rate_hz, mode) in [(22_050, Mode::Causal), (44_100, Mode::Causal), (48_000, Mode::Offline)] {
        let samples = clicks(12.0, rate_hz);
        let expected = beats(&samples, rate_hz, &[441], mode);
        assert!(!expected.is_empty(), "{rate_hz} {mode:?}");
        for length in [1, 64, 1000, 4096, samples.len()] {
            assert_eq!(beats(&samples, rate_hz, &[length], mode), expected, "{rate_hz} {mode:?} {length}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_the_same_beats(lengths in prop::collection::vec(0usize..5000, 1..20)) {
        prop_assume!(lengths.iter().any(|&length| length > 0));
        let samples = clicks(8.0, 22_050);
        prop_assert_eq!(beats(&samples, 22_050, &lengths, Mode::Causal), beats(&samples, 22_050, &[samples.len()], Mode::Causal));
    }
}
