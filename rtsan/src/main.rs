//! The audio side of the live pipe under RealtimeSanitizer: clean, or one of two mutants that it must report.
//!
//! `#[nonblocking]` tells the sanitizer where the audio thread's code begins and ends; inside, every call that may allocate,
//! lock or enter the system ends the process with a report. Built and run by `cargo xtask rtsan`. Source: RealtimeSanitizer
//! of LLVM, as the Rust toolchain carries it.

mod instance;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use rtsan_standalone::nonblocking;
use runtime_core::bus::marks::{Hint, MarkKind};
use runtime_core::bus::shm::FeedClock;
use runtime_core::rt::follower::{Follower, HostTime, Output, Source};
use runtime_core::rt::midi_clock::{ClockPolicy, OnSilence, Relock};
use runtime_core::rt::tap::Tap;

use instance::{Instance, RATE_HZ, click};

/// Samples a block: not a divisor of anything.
const BLOCK_SAMPLES: usize = 509;
/// Audio from each source, seconds.
const RUN_SEC: f64 = 8.0;

fn main() -> ExitCode {
    let what = std::env::args().nth(1).unwrap_or_default();
    match what.as_str() {
        "clean" => clean(),
        "allocate" => {
            allocate(&mut Vec::new());
            survived(&what)
        }
        "lock" => {
            lock_while_another_thread_holds();
            survived(&what)
        }
        _ => {
            eprintln!("expected clean, allocate or lock, got {what:?}");
            ExitCode::from(2)
        }
    }
}

fn survived(mutant: &str) -> ExitCode {
    eprintln!("the mutant {mutant:?} was not reported: the sanitizer is not linked");
    ExitCode::SUCCESS
}

/// What came out, counted without a heap.
#[derive(Debug, Default)]
struct Heard {
    n_ticks: u32,
    n_beats: u32,
    n_ends: u32,
}

impl Heard {
    fn note(&mut self, output: Output) {
        match output {
            Output::Clock(_) => self.n_ticks += 1,
            Output::Beat(..) => self.n_beats += 1,
            Output::BeatEnd | Output::Unlocked | Output::Hints(_) | Output::Reason(_) | Output::Outlook(_) => self.n_ends += 1,
        }
    }
}

/// One block on the audio thread: everything that an adapter calls there.
#[nonblocking]
fn audio_block(tap: &mut Tap, follower: &mut Follower, channels: [&[f32]; 2], control: &Control, heard: &mut Heard) {
    let start = tap.position();
    if let Some(kind) = control.mark {
        tap.mark(kind);
    }
    tap.push(&channels, BLOCK_SAMPLES);
    follower.set_output(start, control.policy, control.offset_sec);
    follower.set_source(start, control.source);
    follower.block(start, BLOCK_SAMPLES as u32, |_, output| heard.note(output));
    if control.stops {
        follower.stop(tap.position(), |output| heard.note(output));
    }
}

/// What the host and the user say about a block.
struct Control {
    mark: Option<MarkKind>,
    policy: ClockPolicy,
    offset_sec: f64,
    source: Source,
    stops: bool,
}

fn clean() -> ExitCode {
    let Instance { mut tap, mut worker, mut follower } = Instance::new();
    let mut heard = Heard::default();
    let n_blocks = (RUN_SEC * RATE_HZ) as usize / BLOCK_SAMPLES;
    let mut block = [0.0f32; BLOCK_SAMPLES];
    for k in 0..4 * n_blocks {
        for (i, sample) in block.iter_mut().enumerate() {
            *sample = click((k * BLOCK_SAMPLES + i) as u64);
        }
        let in_run = k % n_blocks;
        let beat = (in_run * BLOCK_SAMPLES) as f64 / RATE_HZ * 2.0;
        let host = HostTime { beat, tempo_bpm: 120.0, bar_start_beat: (beat / 4.0).floor() * 4.0, beats_per_bar: 4 };
        let control = Control {
            mark: match in_run {
                50 => Some(MarkKind::Jump),
                400 => Some(MarkKind::Hint(Hint::Nudge { by_us: 3_000 })),
                _ => None,
            },
            policy: ClockPolicy { on_silence: OnSilence::Stop, relock: Relock::RestartOnDownbeat },
            offset_sec: [0.0, -0.3, 0.2, 0.0][k / n_blocks],
            source: match k / n_blocks {
                2 if in_run < n_blocks - 100 => Source::Host(Some(host)),
                2 => Source::Host(None),
                _ => Source::Audio,
            },
            stops: in_run == n_blocks - 1,
        };
        audio_block(&mut tap, &mut follower, [&block, &block[..BLOCK_SAMPLES / 2]], &control, &mut heard);
        // In the last run the analysis stands: the ring fills up, blocks are dropped, marks wait.
        if k < 3 * n_blocks {
            worker.pump(FeedClock::default);
        }
    }
    println!("{heard:?}");
    // Sixteen beats a run, less what it takes to lock; ticks from the first downbeat on.
    let has_played = heard.n_beats > 24 && heard.n_ticks > 24 * 16 && heard.n_ends > 24;
    if has_played { ExitCode::SUCCESS } else { ExitCode::from(3) }
}

/// A mutant: the heap.
#[nonblocking]
fn allocate(numbers: &mut Vec<u64>) {
    numbers.push(1);
    std::hint::black_box(numbers);
}

/// A mutant: a lock that another thread holds. (The sanitizer does not see one that is free: it makes no system call.)
fn lock_while_another_thread_holds() {
    let mutex = Mutex::new(0u64);
    let (is_held, wait_until_held) = channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let guard = mutex.lock();
            let _ = is_held.send(());
            std::thread::sleep(std::time::Duration::from_millis(200));
            drop(guard);
        });
        let _ = wait_until_held.recv();
        lock(&mutex);
    });
}

#[nonblocking]
fn lock(mutex: &Mutex<u64>) {
    if let Ok(mut number) = mutex.lock() {
        *number += 1;
    }
}
