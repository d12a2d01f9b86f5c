//! What the worker tells everybody outside the audio thread. End to end with tap and follower: `tests/live_pipe`.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use super::*;
use crate::analysis::activation::{Activation, StepError, StepModel};
use crate::analysis::beat_model::BeatModel;
use crate::analysis::config::EngineConfig;
use crate::analysis::front_end::FrontEnd;
use crate::bus::audio_ring::{AudioSender, audio_ring};
use crate::bus::marks::{Hint, Mark, ModelChoice, Settings};
use crate::bus::shm::{FeedInfo, FeedReader, prepare_directory};
use crate::bus::state_cell::{StateReader, state_cell};
use crate::bus::updates::{UpdateReceiver, update_queue};

const RATE_HZ: f64 = 44_100.0;
const HOP: usize = 882;
/// Wall clock at sample 0 of the fake clock.
const EPOCH_NS: u64 = 1_700_000_000_000_000_000;
/// Longest that a test with a real thread may take; it takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both ends of everything around a worker.
struct Rig {
    sender: AudioSender,
    worker: Worker,
    updates: UpdateReceiver,
    state: StateReader,
    counters: Counters,
    position: u64,
}

thread_local!(static FAKE_NS: Cell<u64> = const { Cell::new(0) });

/// A clock that goes on by a microsecond whenever its thread reads it.
fn fake_ns() -> u64 {
    FAKE_NS.replace(FAKE_NS.get() + 1_000)
}

impl Rig {
    fn new(model: BeatModel) -> Self {
        let (sender, input) = audio_ring(RATE_HZ);
        let (update_sender, updates) = update_queue();
        let (writer, state) = state_cell();
        let counters = Counters::default();
        let engine = Engine::new(&EngineConfig::new(RATE_HZ), model).unwrap();
        let outlets = Outlets { updates: update_sender, state: writer, feed: None };
        let worker = Worker::new(engine, input, outlets, counters.clone(), fake_ns);
        Self { sender, worker, updates, state, counters, position: 0 }
    }

    fn push(&mut self, n_samples: usize) {
        assert!(self.sender.push_samples(n_samples, (self.position..).map(click)));
        self.position += n_samples as u64;
    }

    fn mark(&mut self, kind: MarkKind) {
        assert!(self.sender.push_mark(Mark { at: SamplePos(self.position), kind }));
    }

    /// The fake wall clock is `delay_sec` after the moment at which the newest sample was played.
    fn pump(&mut self, delay_sec: f64) -> usize {
        let wall_ns = wall_ns(self.position, delay_sec);
        self.worker.pump(|| FeedClock { monotonic_ns: wall_ns - EPOCH_NS, wall_ns })
    }

    fn listen(&mut self, n_hops: usize) {
        for _ in 0..n_hops {
            self.push(HOP);
            self.pump(0.003);
        }
    }
}

fn wall_ns(position: u64, delay_sec: f64) -> u64 {
    EPOCH_NS + ((position as f64 / RATE_HZ + delay_sec) * 1e9) as u64
}

/// A click of 10 ms every half a second.
fn click(position: u64) -> f32 {
    let since_samples = (position % 22_050) as f32;
    if since_samples < 441.0 { 0.5 * (since_samples * 0.3).sin() * (1.0 - since_samples / 441.0) } else { 0.0 }
}

/// Says nothing until it panics.
struct Bomb {
    n_features: usize,
    n_steps_left: u32,
}

impl StepModel for Bomb {
    fn name(&self) -> &str {
        "bomb"
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
        self.n_steps_left = self.n_steps_left.checked_sub(1).expect("the bomb goes off, as the test wants");
        Ok(Activation::default())
    }

    fn reset(&mut self) {}
}

fn bomb(n_steps: u32) -> BeatModel {
    let front_end = FrontEnd::default();
    let net = Box::new(Bomb { n_features: front_end.len, n_steps_left: n_steps });
    BeatModel::from_network(front_end, net)
}

#[test]
fn the_cell_holds_what_the_worker_published() {
    let mut rig = Rig::new(BeatModel::flux(None));
    assert_eq!(rig.state.read(), SlowState::default());
    for k in 0..300 {
        rig.push([1, 64, 441, 1000, 4096][k % 5]);
        rig.pump(0.0);
        assert_eq!(rig.state.read(), *rig.worker.state());
    }
    let state = rig.state.read();
    assert_eq!(state.beat.locked, 1);
    assert_eq!(state.beat.t_sec, (rig.position / HOP as u64 * HOP as u64) as f64 / RATE_HZ, "the newest whole hop");
    assert!(state.frame > 300 && rig.worker.pump(FeedClock::default) == 0);
}

#[test]
fn the_wall_clock_is_that_of_the_sample() {
    let mut rig = Rig::new(BeatModel::flux(None));
    assert_eq!(rig.state.read().wall_ns, 0, "nobody has heard anything");
    for k in 0..400 {
        rig.push(HOP);
        // Looked for up to 9 ms late.
        rig.pump(0.003 + 0.001 * f64::from(k * 7 % 10));
        let state = rig.state.read();
        let position = SamplePos((state.beat.t_sec * RATE_HZ).round() as u64);
        let error_ns = state.wall_ns as i64 - wall_ns(position.0, 0.003) as i64;
        assert!((-1_000_000..10_000_000).contains(&error_ns), "{error_ns} ns at {}", state.beat.t_sec);
        assert!(k < 20 || error_ns < 1_000_000, "{error_ns} ns at {}", state.beat.t_sec);
    }
}

#[test]
fn the_wall_clock_is_true_across_a_gap() {
    let mut rig = Rig::new(BeatModel::flux(None));
    rig.listen(100);
    rig.push(HOP);
    rig.mark(MarkKind::Gap { n_samples: 66_150 });
    rig.position += 66_150;
    rig.push(HOP);
    // Both hops wait, with a second and a half between them. Each state on the way is looked at when the time is asked for.
    let wall_ns_now = wall_ns(rig.position, 0.003);
    let states = RefCell::new(Vec::new());
    rig.worker.pump(|| {
        states.borrow_mut().push(rig.state.read());
        FeedClock { monotonic_ns: wall_ns_now - EPOCH_NS, wall_ns: wall_ns_now }
    });
    let states = states.into_inner();
    assert!(states.len() >= 3 && states[1].beat.t_sec < states[2].beat.t_sec);
    for state in states {
        let position = (state.beat.t_sec * RATE_HZ).round() as u64;
        let error_ns = state.wall_ns as i64 - wall_ns(position, 0.003) as i64;
        assert!(error_ns.abs() < 1_000_000, "{error_ns} ns at {}", state.beat.t_sec);
    }
    assert_eq!(rig.state.read().health.lost_samples, 66_150);
    assert!((rig.state.read().beat.t_sec - rig.position as f64 / RATE_HZ).abs() < 0.02);
}

#[test]
fn the_load_counts_hops_gaps_jumps_and_queues() {
    let mut rig = Rig::new(BeatModel::flux(None));
    rig.listen(20);
    rig.mark(MarkKind::Jump);
    rig.mark(MarkKind::Gap { n_samples: 10 });
    rig.position += 10;
    rig.push(4 * HOP);
    rig.counters.add_block(5_000);
    rig.counters.note_pending_updates(3);
    rig.counters.add_nan_samples(7);
    rig.counters.add_late_update();
    rig.pump(0.0);
    let load = rig.worker.load;
    assert_eq!((load.n_hops, load.n_gaps, load.n_jumps), (24, 1, 1));
    assert_eq!((load.ring_samples, load.max_ring_samples), (0, 4 * HOP as u32));
    assert_eq!((load.n_blocks, load.max_block_ns, load.max_pending_updates), (1, 5_000, 3));
    assert_eq!((rig.state.read().health.nan_samples, rig.state.read().health.late_updates), (7, 1));
    // Each stage took a microsecond or two of the fake clock, some not in the first hops, which fill no frame.
    assert!(load.stage_ns.iter().all(|&ns| (100.0..20_000.0).contains(&ns)), "{:?}", load.stage_ns);
    // The hop has one stage more than the feed has room for.
    let share = load.stage_ns.iter().sum::<f32>() / load.hop_ns;
    assert!((0.3..1.0).contains(&share) && f64::from(load.max_hop_ns) >= f64::from(load.hop_ns), "{share}");
}

#[test]
fn the_feed_shows_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let feeds = directory.path().join("feeds");
    prepare_directory(&feeds).unwrap();
    let mut rig = Rig::new(BeatModel::flux(None));
    let now = FeedClock { monotonic_ns: 1, wall_ns: EPOCH_NS };
    let feed = FeedWriter::create(&feeds, &FeedInfo { name: "test", sample_rate_hz: RATE_HZ }, now).unwrap();
    let reader = FeedReader::open(feed.path()).unwrap();
    rig.worker.outlets.feed = Some(feed);
    rig.listen(300);
    assert_eq!(reader.state().unwrap(), *rig.worker.state());
    assert_eq!(reader.load().unwrap(), rig.worker.load);
}

#[test]
fn bad_settings_are_refused_and_harmless() {
    let mut rig = Rig::new(BeatModel::flux(None));
    rig.listen(200);
    let good = Settings { min_bpm: 40.0, max_bpm: 240.0, beats_per_bar: 0, model: ModelChoice::Flux };
    let bad = [Settings { min_bpm: f64::NAN, ..good }, Settings { max_bpm: 60.0, ..good }, Settings { beats_per_bar: 200, ..good }];
    for settings in bad {
        rig.mark(MarkKind::Settings(settings));
        rig.listen(10);
    }
    assert_eq!((rig.state.read().health.fault, rig.state.read().beat.locked), (Fault::None as u8, 1));
}

#[test]
fn a_panic_is_said_once_and_time_goes_on() {
    let mut rig = Rig::new(bomb(100));
    while rig.state.read().health.fault == Fault::None as u8 {
        assert!(rig.position < 200 * HOP as u64, "the bomb did not go off");
        rig.listen(1);
    }
    let broke_at = rig.position;
    rig.listen(50);
    let state = rig.state.read();
    assert_eq!((state.health.fault, state.beat.locked), (Fault::Analysis as u8, 0));
    assert_eq!(state.beat.t_sec, rig.position as f64 / RATE_HZ);
    let updates: Vec<BeatUpdate> = std::iter::from_fn(|| rig.updates.take()).collect();
    assert!(updates.is_sorted_by_key(|update| update.effective_at), "stamps never go back");
    let last = updates.last().unwrap();
    assert_eq!((last.locked, last.conf, last.event), (0, 0.0, None));
    // In time for the audio thread, which is at the newest sample.
    assert_eq!(last.effective_at.0, broke_at + (UPDATE_LEAD_SEC * RATE_HZ) as u64);
    rig.mark(MarkKind::Hint(Hint::Double));
    rig.listen(50);
    assert_eq!((rig.updates.take(), rig.state.read().beat.t_sec), (None, rig.position as f64 / RATE_HZ));
}

#[test]
fn a_real_thread_analyses_all_that_is_pushed_and_stops_when_told() {
    let Rig { mut sender, mut worker, updates, state, .. } = Rig::new(BeatModel::flux(None));
    let stop = AtomicBool::new(false);
    let n_samples = 20 * RATE_HZ as u64;
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| worker.run(&stop, |_| {}));
        let mut position = 0;
        while position < n_samples {
            assert!(began.elapsed() < PATIENCE, "only {position} samples were taken");
            if sender.push_samples(441, (position..).map(click)) {
                position += 441;
            } else {
                std::thread::sleep(POLL);
            }
        }
        while state.read().beat.t_sec < 19.97 {
            assert!(began.elapsed() < PATIENCE, "analysed up to {} s", state.read().beat.t_sec);
            std::thread::sleep(POLL);
        }
        stop.store(true, Ordering::Release);
    });
    assert_eq!((state.read(), state.read().beat.locked, state.read().health.lost_samples), (*worker.state(), 1, 0));
    // The same beats as without a thread.
    let mut updates = updates;
    let threaded: Vec<BeatUpdate> = std::iter::from_fn(|| updates.take()).collect();
    let mut rig = Rig::new(BeatModel::flux(None));
    rig.listen(1000);
    let expected: Vec<BeatUpdate> = std::iter::from_fn(|| rig.updates.take()).collect();
    assert!(expected.len() > 30 && threaded == expected);
}

#[test]
fn the_rest_is_three_quarters_of_a_block_within_its_limits() {
    for (block_sec, expected_ms) in
        [(0.0, 6), (0.0013, 6), (0.0107, 8), (0.0213, 8), (1.0, 8), (f64::NAN, 6), (f64::INFINITY, 6), (-1.0, 6)]
    {
        assert_eq!(rest(block_sec).as_millis(), expected_ms, "{block_sec}");
    }
}

#[test]
fn sections_and_boundaries_are_those_of_an_engine_that_hears_everything_at_once() {
    let mut rig = Rig::new(BeatModel::flux(None));
    rig.listen(600);
    let samples: Vec<f32> = (0..rig.position).map(click).collect();
    let mut engine = Engine::new(&EngineConfig::new(RATE_HZ), BeatModel::flux(None)).unwrap();
    let (mut last, mut outlooks) = (None, Vec::new());
    engine.process(&samples, |report| {
        last = Some(report.state.structure);
        outlooks.extend(report.update.map(|update| update.outlook));
    });
    assert_eq!(Some(rig.state.read().structure), last);
    let structure = last.unwrap();
    assert!(structure.t_sec > 11.5 && structure.hazard_probs[4] > 0.0, "{structure:?}");
    let said: Vec<_> = std::iter::from_fn(|| rig.updates.take()).map(|update| update.outlook).collect();
    assert_eq!(said, outlooks);
    assert!(said.last().is_some_and(|outlook| outlook.hazard_prob > 0.0), "{said:?}");
}
