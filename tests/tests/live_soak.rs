//! Minutes, or a whole day, of music through the engine and all outputs at once, faster than it would be played: nothing grows,
//! nothing fails.
//!
//! `ANACRUSIS_SOAK_SEC=86400 cargo test -p integration-tests --test live_soak --release` is the day.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anacrusis::config::Config;
use anacrusis::live::look::Translator;
use anacrusis::live::registry;
use integration_tests::resources::resident_bytes;
use integration_tests::{say, scenes};
use outputs::drive::Drive;
use outputs::event::Moment;
use outputs::look::Board;
use outputs::ndjson::{NdjsonConfig, NdjsonOutput};
use outputs::output::Tuning;
use outputs::session::Session;
use outputs::status::{OutputStatus, Phase};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::Engine;

const RATE_HZ: f64 = 22_050.0;
const HOP_SAMPLES: usize = 441;
const HOP_NS: u64 = 20_000_000;
/// Steps of the outputs within a hop.
const STEPS_PER_HOP: u64 = 4;
/// Length without the variable, seconds.
const USUAL_SEC: u64 = 300;
/// What may be held more at the end than after a fifth, bytes: buffers that fill late, and what the allocator keeps.
const MOST_GROWTH_BYTES: u64 = 8 << 20;
/// Where the run's clocks stand at its start: an hour after boot, on some day.
const START: Moment = Moment { mono_ns: 3_600_000_000_000, unix_ns: 1_790_000_000_000_000_000 };

/// A minute that has everything: 50 s of drums, then silence.
fn minute() -> Vec<f32> {
    let n_samples = (60.0 * RATE_HZ) as usize;
    let beats = scenes::beats_sec(0.3, 100, |_| 124.0);
    let drums = scenes::drums(&beats, 0..100, RATE_HZ, n_samples);
    scenes::sum(&[drums, scenes::pad(10.0..40.0, 0.05, RATE_HZ, n_samples)])
}

/// A UDP receiver that counts.
fn udp_sink() -> (String, Arc<AtomicUsize>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (address, count) = (socket.local_addr().unwrap().to_string(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        let mut bytes = [0; 2_048];
        while socket.recv(&mut bytes).is_ok() {
            counted.fetch_add(1, Relaxed);
        }
    });
    (address, count)
}

/// A TCP receiver that counts bytes and answers each line that `answer` has something for.
fn tcp_sink(answer: fn(&str) -> Option<&'static str>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap().to_string(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    let serve = move |stream: TcpStream, counted: Arc<AtomicUsize>| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        let mut line = Vec::new();
        // OS2L has no line ends: whatever comes is read, in pieces of at most a kilobyte.
        while reader.by_ref().take(1_024).read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            counted.fetch_add(line.len(), Relaxed);
            let answered = answer(&String::from_utf8_lossy(&line)).map_or(Ok(()), |text| stream.write_all(text.as_bytes()));
            if answered.is_err() {
                return;
            }
            line.clear();
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || serve(stream, counted));
        }
    });
    (address, count)
}

/// Enough of Carabiner for a listener.
fn carabiner(line: &str) -> Option<&'static str> {
    match line.trim() {
        "version" => Some("version \"1.1.6\"\n"),
        "status" => Some("status { :peers 1 :bpm 120.000000 :start 1000 :beat 4.000000 }\n"),
        _ => None,
    }
}

#[test]
fn hours_of_music_through_all_outputs_at_once() {
    let seconds = std::env::var("ANACRUSIS_SOAK_SEC").ok().map_or(USUAL_SEC, |text| text.parse().expect("a number of seconds"));
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("set.jsonl");
    let (osc, n_osc) = udp_sink();
    let (rkbx, _) = udp_sink();
    let (wled, n_wled) = udp_sink();
    let (ddp, n_ddp) = udp_sink();
    let (os2l, n_os2l) = tcp_sink(|_| None);
    let (link, _) = tcp_sink(carabiner);
    let settings = format!(
        "[outputs.osc]\ntarget = {osc:?}\nramp_hz = 30.0\n[outputs.rkbx]\nkind = \"osc\"\npreset = \"rkbx\"\ntarget = {rkbx:?}\noffset_ms = -80.0\n\
         [outputs.wled]\ntarget = {wled:?}\n[outputs.ddp]\ntarget = {ddp:?}\npixels = 300\n[outputs.os2l]\ntarget = {os2l:?}\n\
         [outputs.link]\naddress = {link:?}\n[outputs.web]\nlisten = \"127.0.0.1:0\"\n[outputs.record]\npath = {record:?}\n"
    );
    let config = Config::from_table(settings.parse().unwrap()).unwrap();
    let board = Arc::new(Board::default());
    let shared = registry::Shared { board: Arc::clone(&board), ..registry::Shared::default() };
    let mut drives = registry::drives(&config, &shared).unwrap();
    let n_json = Arc::new(AtomicUsize::new(0));
    let json = NdjsonOutput::new(NdjsonConfig::default(), Counting(Arc::clone(&n_json)));
    drives.push(Drive::new(Box::new(json), &Tuning::default()).unwrap());

    let music = minute();
    let mut engine = Engine::new(&EngineConfig::new(RATE_HZ), BeatModel::load_default()).unwrap();
    let mut translator = Translator::new(1);
    let (mut at_a_fifth, mut locked_hops) = (0, 0u64);
    let n_hops = seconds * 50;
    for hop_idx in 0..n_hops {
        let first = (hop_idx as usize * HOP_SAMPLES) % (music.len() - HOP_SAMPLES);
        let now = START.shifted_ns((hop_idx * HOP_NS) as i64);
        engine.process(&music[first..first + HOP_SAMPLES], |report| {
            let mut state = report.state;
            state.wall_ns = START.unix_ns + (state.beat.t_sec * 1e9) as u64;
            translator.state(&state, now.mono_ns, now);
            if let Some(event) = report.update.and_then(|update| update.event) {
                translator.intensity(event.intensity);
            }
        });
        translator.spectrum(engine.spectrum());
        let activation = engine.last_activation();
        translator.activation(activation.beat, activation.downbeat);
        let mut look = translator.look();
        locked_hops += u64::from(look.locked);
        for step in 0..STEPS_PER_HOP {
            look.taken = now.shifted_ns((step * HOP_NS / STEPS_PER_HOP) as i64);
            board.put(&look);
            drives.iter_mut().for_each(|drive| {
                drive.step(&look);
            });
        }
        if hop_idx == n_hops / 5 {
            at_a_fifth = resident_bytes().unwrap_or(0);
        }
    }
    let growth = resident_bytes().unwrap_or(0).saturating_sub(at_a_fifth);
    let statuses: BTreeMap<String, OutputStatus> = drives.iter().map(|drive| drive.status().read()).map(|s| (s.name.clone(), s)).collect();
    drives.iter_mut().for_each(Drive::close);
    say(format_args!(
        "{seconds} s of music, {} outputs, {:.1} MiB more at the end than after a fifth",
        statuses.len(),
        growth as f64 / 1048576.0
    ));

    assert_eq!(statuses.len(), 9);
    assert!(locked_hops * 2 > n_hops, "locked for {locked_hops} of {n_hops} hops");
    let least_beats = locked_hops / 50 * 124 / 60 * 9 / 10;
    for (name, status) in &statuses {
        // A Link session's clock runs in real time, so that this one's answers seem to be late.
        if !name.starts_with("link") {
            assert_eq!((status.phase, status.n_errors, status.last_error.as_str()), (Phase::Open, 0, ""), "{name}");
            assert!(status.n_beats >= least_beats, "{name}: {} beats, expected {least_beats}", status.n_beats);
        }
        assert_ne!(status.phase, Phase::Off, "{name}: {}", status.last_error);
        assert_eq!(status.n_left_out, 0, "{name}");
    }
    for (name, count) in [("osc", &n_osc), ("wled", &n_wled), ("ddp", &n_ddp), ("os2l", &n_os2l), ("json", &n_json)] {
        assert!(count.load(Relaxed) > 0, "{name}: nothing arrived");
    }
    assert!(growth < MOST_GROWTH_BYTES, "{growth} bytes");
    if seconds <= USUAL_SEC {
        let session = Session::read(BufReader::new(std::fs::File::open(&record).unwrap())).unwrap();
        assert!(!session.is_cut && session.looks.len() as u64 * 10 > n_hops * 9, "{} looks of {n_hops} hops", session.looks.len());
    }
}

/// Counts bytes.
struct Counting(Arc<AtomicUsize>);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(bytes.len(), Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
