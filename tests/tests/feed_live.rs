//! From samples to a polling reader through a real mapped feed: how old what it sees is, whether beats are there before they
//! fall, and what they are worth on the annotated corpus.
//!
//! Time is simulated: blocks, the worker's looks and the reader's polls happen in the order in which a machine without load
//! would do them, each in no time at all, so that the result is the same everywhere. What a real machine adds is measured
//! by `anacrusis bench --live`.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anacrusis::bench::band::Band;
use anacrusis::decode::AudioReader;
use anacrusis::eval::clip::{Scorable, scorable, score_clip};
use anacrusis::eval::corpus::{Corpus, Piece};
use anacrusis::eval::{DEFAULT_SKIP_SEC, Tracked, TrackedBeat};
use integration_tests::signals::clicks;
use integration_tests::{corpus_dir, say};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;
use runtime_core::analysis::worker::{Outlets, POLL, Worker};
use runtime_core::bus::audio_ring::audio_ring_for;
use runtime_core::bus::counters::Counters;
use runtime_core::bus::shm::{FeedClock, FeedInfo, FeedReader, FeedWriter};
use runtime_core::bus::state_cell::state_cell;
use runtime_core::bus::updates::update_queue;
use runtime_core::rt::follower::{Follower, Output};
use runtime_core::rt::tap::Tap;
use runtime_core::units::{FRAME_SEC, StreamSec};

/// Polls of the reader per second: a display's frame rate.
const POLLS_PER_SEC: f64 = 60.0;
/// What we promise such a reader: the state is no older, seconds.
const MAX_AGE_SEC: f64 = 0.060;
/// Rounding of times that are multiples of 2 ms, of blocks and of 1/60 s, seconds.
const ROUNDING_SEC: f64 = 1e-6;
/// The clock map forgets a delay this slowly, seconds: a look of the worker and some drift.
const MAP_ERROR_SEC: f64 = 0.003;
/// How far an announced beat may be from the real one, seconds.
const BEAT_TOLERANCE_SEC: f64 = 0.025;
/// Rate of what is generated, Hz.
const RATE_HZ: f64 = 48_000.0;
/// Length of what is generated, seconds.
const PLAYED_SEC: f64 = 24.0;
/// Steady beats are locked by then, seconds.
const LOCKED_SEC: f64 = 8.0;
/// Every how many-th piece of the corpus is played: all of them take minutes on two cores.
const PIECE_STRIDE: usize = 3;
/// Most that the beats which the reader saw in time may fall behind all beats, as F-measure.
const MAX_LIVE0_LOSS: f64 = 0.02;
/// Any tracker worth the name, so that silence does not pass: aubio has .567 on this corpus.
const MIN_F70: f64 = 0.5;
/// Samples per block for the corpus.
const BLOCK_SAMPLES: usize = 512;
/// Start of both clocks, nanoseconds.
const T0: FeedClock = FeedClock { monotonic_ns: 50_000_000_000, wall_ns: 1_700_000_000_000_000_000 };

/// Both clocks at a time of the stream.
fn clock_at(now_sec: f64) -> FeedClock {
    let since_ns = (now_sec * 1e9) as u64;
    FeedClock { monotonic_ns: T0.monotonic_ns + since_ns, wall_ns: T0.wall_ns + since_ns }
}

/// An instance without its threads.
struct Rig {
    tap: Tap,
    follower: Follower,
    worker: Worker,
    reader: FeedReader,
    rate_hz: f64,
    n_beats_played: usize,
}

impl Rig {
    fn new(folder: &Path, rate_hz: f64, model: BeatModel) -> Self {
        let engine = Engine::new(&EngineConfig::new(rate_hz), model).expect("a usual rate");
        let feed = FeedWriter::create(folder, &FeedInfo { name: "test", sample_rate_hz: rate_hz }, T0).expect("a private folder");
        let reader = FeedReader::open(feed.path()).expect("a feed that was just made");
        let counters = Counters::default();
        let (sender, receiver) = audio_ring_for(rate_hz, 8_192);
        let (updates_in, updates_out) = update_queue();
        let outlets = Outlets { updates: updates_in, state: state_cell().0, feed: Some(feed) };
        let worker = Worker::new(engine, receiver, outlets, counters.clone(), || 0);
        let follower = Follower::new(updates_out, counters.clone(), rate_hz);
        Self { tap: Tap::new(sender, counters), follower, worker, reader, rate_hz, n_beats_played: 0 }
    }

    /// Plays `samples`. A block is there when its last sample was recorded; the worker looks every [`POLL`]; `on_poll` gets the
    /// time of the stream, seconds, 60 times a second. Of what falls together, the reader comes first and the block last:
    /// the worst case.
    fn play(&mut self, samples: &[f32], block_samples: usize, mut on_poll: impl FnMut(f64, &FeedReader)) {
        let (mut n_looks, mut n_polls) = (0u64, 0u64);
        for (k, block) in samples.chunks(block_samples).enumerate() {
            let block_sec = (k * block_samples + block.len()) as f64 / self.rate_hz;
            loop {
                let (look_sec, poll_sec) = (n_looks as f64 * POLL.as_secs_f64(), n_polls as f64 / POLLS_PER_SEC);
                if look_sec.min(poll_sec) > block_sec {
                    break;
                }
                if poll_sec <= look_sec {
                    on_poll(poll_sec, &self.reader);
                    n_polls += 1;
                } else {
                    self.worker.pump(|| clock_at(look_sec));
                    n_looks += 1;
                }
            }
            let (start, n_beats) = (self.tap.position(), &mut self.n_beats_played);
            self.tap.push(&[block], block.len());
            self.follower.block(start, block.len() as u32, |_, output| *n_beats += usize::from(matches!(output, Output::Beat(..))));
        }
    }
}

/// A folder that only this test knows.
fn feeds() -> (tempfile::TempDir, std::path::PathBuf) {
    let home = tempfile::tempdir().expect("the system has a folder for temporary files");
    let folder = home.path().join("feeds");
    (home, folder)
}

/// Clicks half a second apart.
fn click_times(n_seconds: f64) -> Vec<f64> {
    (0..).map(|k| 0.25 + 0.5 * f64::from(k)).take_while(|&t_sec| t_sec < n_seconds).collect()
}

#[test]
fn the_state_is_never_older_than_block_hop_and_look() {
    let (_home, folder) = feeds();
    for (rate_hz, block_samples) in
        [(48_000.0, 64), (48_000.0, 512), (44_100.0, 1_024), (48_000.0, 1_200), (22_050.0, 441), (32_000.0, 777)]
    {
        let mut rig = Rig::new(&folder, rate_hz, BeatModel::flux(None));
        let samples = clicks(&click_times(6.0), 0.8, rate_hz, (6.0 * rate_hz) as usize);
        let (mut oldest_sec, mut oldest_wall_sec, mut n_polls) = (0.0f64, 0.0f64, 0);
        rig.play(&samples, block_samples, |now_sec, reader| {
            // Before that the first hop is not complete.
            if now_sec > 0.1 {
                let state = reader.fresh_state(clock_at(now_sec)).expect("a living feed with a state");
                oldest_sec = oldest_sec.max(now_sec - state.beat.t_sec);
                oldest_wall_sec = oldest_wall_sec.max((clock_at(now_sec).wall_ns - state.wall_ns) as f64 * 1e-9);
                n_polls += 1;
            }
        });
        assert!(n_polls > 300, "{n_polls} polls");
        let bound_sec = block_samples as f64 / rate_hz + FRAME_SEC + POLL.as_secs_f64();
        let which = format!("{block_samples} samples at {rate_hz} Hz: {oldest_sec} s, by the wall clock {oldest_wall_sec} s");
        assert!(oldest_sec <= bound_sec.min(MAX_AGE_SEC) + ROUNDING_SEC, "{which}");
        assert!((oldest_wall_sec - oldest_sec).abs() <= MAP_ERROR_SEC, "{which}");
        let state = rig.reader.state().expect("a state");
        assert_eq!((state.health.late_updates, state.health.lost_samples), (0, 0), "{which}");
    }
}

#[test]
fn every_click_is_announced_to_a_polling_reader_before_it_falls() {
    let times_sec = click_times(PLAYED_SEC);
    // A click without any body is no music that the networks have heard: the flux is sure of its phase.
    announced_before_they_fall(&times_sec, &clicks(&times_sec, 0.8, RATE_HZ, (PLAYED_SEC * RATE_HZ) as usize), BeatModel::flux(None));
}

#[test]
fn every_beat_of_a_band_is_announced_to_a_polling_reader_before_it_falls() {
    let band = Band::default();
    announced_before_they_fall(&band.beats_sec(PLAYED_SEC), &band.render(RATE_HZ, PLAYED_SEC), BeatModel::load_default());
}

/// Checks events and timeline in the feed against the times of all beats.
fn announced_before_they_fall(times_sec: &[f64], samples: &[f32], model: BeatModel) {
    let (_home, folder) = feeds();
    let mut rig = Rig::new(&folder, RATE_HZ, model);
    let (mut seen, mut events, mut n_foreseen, mut worst_sec) = (0, Vec::new(), 0, 0.0f64);
    rig.play(samples, BLOCK_SAMPLES, |now_sec, reader| {
        for event in reader.events_since(seen).expect("a whole feed") {
            assert_eq!(event.number, seen + 1, "no event is missed at 60 Hz");
            seen = event.number;
            events.push((now_sec, event.event));
        }
        // The timeline alone says it, too, all the time: when is the next beat?
        let next = times_sec.iter().find(|&&t_sec| t_sec > now_sec + BEAT_TOLERANCE_SEC);
        if let (Some(next_sec), true) = (next, now_sec > LOCKED_SEC) {
            let state = reader.state().expect("a state");
            let timeline = state.timeline;
            let beat = timeline.beat_at(StreamSec(now_sec + BEAT_TOLERANCE_SEC)).ceil();
            // Within the tolerance of the edge either beat is right.
            let error_sec =
                [beat, beat - 1.0, beat + 1.0].map(|beat| (timeline.time_of(beat).0 - next_sec).abs()).into_iter().fold(1.0, f64::min);
            assert_eq!(state.beat.locked, 1, "at {now_sec} s");
            worst_sec = worst_sec.max(error_sec);
            n_foreseen += 1;
        }
    });
    assert!(n_foreseen > 900 && worst_sec <= BEAT_TOLERANCE_SEC, "{n_foreseen} polls, the timeline is up to {worst_sec} s off");
    let due: Vec<f64> = times_sec.iter().copied().filter(|&t_sec| t_sec > LOCKED_SEC && t_sec < PLAYED_SEC - 0.1).collect();
    let mut least_lead_sec = f64::INFINITY;
    for due_sec in &due {
        let of_beat: Vec<_> = events.iter().filter(|(_, event)| (event.t_sec - due_sec).abs() <= BEAT_TOLERANCE_SEC).collect();
        assert_eq!(of_beat.len(), 1, "events of the beat at {due_sec} s: {of_beat:?}");
        least_lead_sec = least_lead_sec.min(due_sec - of_beat[0].0);
    }
    assert!(due.len() > 28 && least_lead_sec > 0.0, "{} beats, seen {least_lead_sec} s ahead at least", due.len());
    assert!(rig.n_beats_played >= due.len(), "{} beats came out of the audio thread", rig.n_beats_played);
}

/// What a reader of the feed saw of one piece, and when.
fn read_from_feed(piece: &Piece, folder: &Path) -> Tracked {
    let mut file = AudioReader::open(&piece.audio).expect("a piece of the corpus");
    let rate_hz = f64::from(file.info().sample_rate_hz);
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while file.next_block(&mut block).expect("a whole file").is_some() {
        samples.extend_from_slice(&block);
    }
    let duration_sec = samples.len() as f64 / rate_hz;
    let (mut seen, mut beats) = (0, Vec::new());
    Rig::new(folder, rate_hz, BeatModel::load_default()).play(&samples, BLOCK_SAMPLES, |now_sec, reader| {
        for event in reader.events_since(seen).expect("a whole feed") {
            seen = event.number;
            let event = event.event;
            let (beat_in_bar, conf) = (event.beat_in_bar, f64::from(event.conf));
            beats.push(TrackedBeat { time_sec: event.t_sec, announce_sec: now_sec, beat_in_bar, bpm: 0.0, conf });
        }
    });
    // A beat that was predicted to fall after the end never fell.
    beats.retain(|beat| beat.time_sec <= duration_sec);
    Tracked { beats, duration_sec, cpu_sec: 0.0 }
}

#[test]
fn beats_read_from_the_feed_are_known_in_time_on_the_corpus() {
    let Some(corpus) = corpus_dir() else { return };
    let (_home, folder) = feeds();
    let corpus = Corpus::read(&corpus, None).expect("a corpus");
    let scored = corpus.pieces.iter().filter(|piece| scorable(&piece.reference, DEFAULT_SKIP_SEC) == Scorable::Beats);
    let pieces: Vec<&Piece> = scored.step_by(PIECE_STRIDE).collect();
    let (next, scores) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tracked = read_from_feed(piece, &folder);
                    let clip = score_clip(&piece.reference, piece.downbeats_scored, &tracked, DEFAULT_SKIP_SEC);
                    scores.lock().expect("no thread failed").push((clip.f70, clip.live0, clip.latency_median_ms));
                }
            });
        }
    });
    let scores = scores.into_inner().expect("no thread failed");
    assert_eq!(scores.len(), pieces.len());
    let n = scores.len() as f64;
    let (f70, live0) = scores.iter().fold((0.0, 0.0), |(f70, live0), score| (f70 + score.0 / n, live0 + score.1 / n));
    let mut latencies_ms: Vec<f64> = scores.iter().filter_map(|score| score.2).collect();
    latencies_ms.sort_by(f64::total_cmp);
    let median_ms = latencies_ms.get(latencies_ms.len() / 2).copied().unwrap_or(f64::NAN);
    say(format_args!(
        "feed read 60 times a second, every {PIECE_STRIDE}rd piece, {n} of {}: F70 {f70:.4}, live0 {live0:.4}, latency median {median_ms:.1} ms",
        corpus.pieces.len()
    ));
    assert!(f70 >= MIN_F70, "F70 {f70}");
    assert!(live0 >= f70 - MAX_LIVE0_LOSS, "F70 {f70}, live0 {live0}");
}
