//! The real plugin's `process`, through the real CLAP entry: it never asks for memory, also while beats are announced,
//! buttons are pressed and the transport is where it likes.

#![allow(dead_code, reason = "the host and the probe have more than this needs")]

#[path = "../interposer/clap_host.rs"]
mod clap_host;
#[path = "../interposer/heap.rs"]
mod heap;
#[path = "../interposer/probe.rs"]
mod probe;

use std::thread;
use std::time::Duration;

use anacrusis_plugin::Anacrusis;
use clap_host::{Host, Kind};

#[global_allocator]
static ALLOCATOR: heap::CountingAllocator = heap::CountingAllocator;

const BLOCK: usize = 480;
/// Clicks at 120 BPM.
const BEAT_SAMPLES: usize = 24_000;
const N_SAMPLES: usize = 20 * 48_000;
/// A pause after each block, so that the analysis keeps up: about five times real time.
const PAUSE: Duration = Duration::from_millis(2);

/// A decaying burst of noise on each beat, over a little noise.
fn sample(at: usize) -> f32 {
    let noise = (at as u32).wrapping_mul(2_654_435_761).wrapping_shr(8) as f32 / (1 << 23) as f32 - 1.0;
    let since_beat = (at % BEAT_SAMPLES) as f32;
    noise * (0.002 + 0.7 * (-since_beat / 1_500.0).exp())
}

#[test]
fn process_never_allocates() {
    let mut host = Host::started::<Anacrusis>();
    let names = ["Tap", "Half tempo", "Double tempo", "Nudge later", "This is 1", "Hold", "Output offset", "Beat notes", "Meter"];
    let ids = names.map(|name| host.info(name).id);
    let (mut n_calls, mut n_notes, mut n_clocks, mut n_values) = (0, 0, 0, 0);
    for (block, start) in (0..N_SAMPLES).step_by(BLOCK).enumerate() {
        for channel in &mut host.audio[..2] {
            channel[..BLOCK].iter_mut().enumerate().for_each(|(i, out)| *out = sample(start + i));
        }
        // From the twelfth second on somebody plays with the controls, several times a second, also within a block.
        let changes = match (block > 1200, block % 20) {
            (true, 3) => vec![(17, ids[(block / 20) % ids.len()], 1.0)],
            (true, 9) => vec![(200, ids[(block / 20) % ids.len()], 0.0)],
            _ => Vec::new(),
        };
        let before = heap::n_calls();
        assert!(host.try_block(BLOCK as u32, &changes));
        n_calls += heap::n_calls() - before;
        for event in host.events() {
            match event.kind {
                Kind::Midi([0x90..=0x9F, ..]) => n_notes += 1,
                Kind::Midi([0xF8, ..]) => n_clocks += 1,
                Kind::Value { .. } => n_values += 1,
                _ => {}
            }
        }
        host.forget_events();
        thread::sleep(PAUSE);
    }
    assert!(n_notes > 10 && n_clocks > 200 && n_values > 20, "{n_notes} notes, {n_clocks} clocks, {n_values} values");
    assert_eq!(n_calls, 0, "heap calls of the audio thread");
}
