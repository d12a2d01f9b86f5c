//! How long a step takes: `cargo run -p controller --example step_time`. A benchmark, and no test: machines differ.

use std::hint::black_box;
use std::time::Instant;

use controller::{Controller, Input, Weights};

/// Steps of a run: five minutes of music.
const N_STEPS: u32 = 18_000;
/// Runs, of which the quickest counts: the others were disturbed.
const N_RUNS: u32 = 5;

fn main() {
    for (name, new) in [("mapping", Controller::mapping()), ("net", Controller::net(Weights::sample(1)))] {
        let run = |_| {
            let mut controller = new.clone();
            let begun = Instant::now();
            for k in 0..N_STEPS {
                let phase = f64::from(k % 30) / 30.0;
                let input =
                    Input { bands: [phase; 16], level: 0.5, phase, period_sec: 0.5, confidence: 0.9, locked: true, ..Input::default() };
                black_box(controller.step(black_box(&input)));
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(N_STEPS)
        };
        let best_us = (0..N_RUNS).map(run).fold(f64::INFINITY, f64::min);
        println!("{name}: {best_us:.2} us a step");
    }
}
