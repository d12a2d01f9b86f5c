//! The Link output against a Carabiner of our own on a real socket: joining, leading, refusals, stalls, restarts, and strangers.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

#[path = "link_session/mod.rs"]
mod link_session;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use link_session::LinkSession;
use outputs::carabiner::{Carabiner, CarabinerConfig};
use outputs::event::{Beat, Event, Moment};
use outputs::output::{Output, OutputError};

/// How long a test waits for something that a healthy machine does at once.
const PATIENCE: Duration = Duration::from_secs(30);
/// Link's clock is this far ahead of ours here, microseconds.
const LINK_AHEAD_US: i64 = 3_600_000_000;
/// How far the session may be from the music on a loaded machine, milliseconds.
const TOLERANCE_MS: f64 = 15.0;
/// Tempo of the music, fast so that tests are short.
const MUSIC_BPM: f64 = 240.0;

/// What the stand-in does to its clients.
#[derive(Debug, Default)]
struct Manners {
    /// It reads and answers nothing.
    stalls: AtomicBool,
    /// It takes no tempo.
    refuses: AtomicBool,
    /// It hangs up.
    hangs_up: AtomicBool,
    /// It ends.
    ends: AtomicBool,
}

/// Carabiner, as far as the output sees it: answers to `status` come with the next round of its loop, others at once.
struct StandIn {
    address: SocketAddr,
    session: Arc<Mutex<LinkSession>>,
    commands: Arc<Mutex<Vec<String>>>,
    manners: Arc<Manners>,
    epoch: Instant,
    thread: Option<JoinHandle<()>>,
}

fn link_us(epoch: Instant) -> i64 {
    epoch.elapsed().as_micros() as i64 + LINK_AHEAD_US
}

impl StandIn {
    fn start(bpm: f64) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), bpm)
    }

    fn on(listener: TcpListener, bpm: f64) -> Self {
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let session = Arc::new(Mutex::new(LinkSession::new(bpm, LINK_AHEAD_US as f64)));
        let (commands, manners, epoch) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Manners>::default(), Instant::now());
        let (their_session, their_commands, their_manners) = (session.clone(), commands.clone(), manners.clone());
        let thread = std::thread::spawn(move || {
            let mut client = None;
            while !their_manners.ends.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(3));
                if let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true).unwrap();
                    client = Some((stream, String::new(), true));
                }
                if their_manners.hangs_up.swap(false, Ordering::Relaxed) {
                    client = None;
                }
                if their_manners.stalls.load(Ordering::Relaxed) {
                    continue;
                }
                if let Some((stream, text, greets)) = &mut client {
                    let is_open = round(stream, text, greets, &their_session, &their_commands, &their_manners, epoch);
                    client = client.filter(|_| is_open);
                }
            }
        });
        Self { address, session, commands, manners, epoch, thread: Some(thread) }
    }

    fn commands(&self) -> Vec<String> {
        self.commands.lock().unwrap().clone()
    }

    /// Those that change the session.
    fn changes(&self) -> Vec<String> {
        self.commands().into_iter().filter(|line| line.starts_with("bpm") || line.starts_with("force")).collect()
    }

    fn bpm(&self) -> f64 {
        self.session.lock().unwrap().bpm()
    }

    /// How far ahead the session is at a moment of our clock: milliseconds, and the place in the bar.
    fn error(&self, at: Instant) -> (f64, f64) {
        let session = self.session.lock().unwrap();
        let us = at.saturating_duration_since(self.epoch).as_micros() as i64 + LINK_AHEAD_US;
        let beat = session.beat_at(us);
        ((beat - beat.round()) * session.beat_us as f64 / 1000.0, beat.round().rem_euclid(4.0))
    }

    fn stop(mut self) -> SocketAddr {
        self.manners.ends.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.address
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.manners.ends.store(true, Ordering::Relaxed);
    }
}

/// One round of the stand-in's loop; whether the client is still there.
fn round(
    stream: &mut TcpStream,
    text: &mut String,
    greets: &mut bool,
    session: &Mutex<LinkSession>,
    commands: &Mutex<Vec<String>>,
    manners: &Manners,
    epoch: Instant,
) -> bool {
    let mut buffer = [0; 1024];
    match stream.read(&mut buffer) {
        Ok(0) => return false,
        Ok(n_bytes) => text.push_str(&String::from_utf8_lossy(&buffer[..n_bytes])),
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(_) => return false,
    }
    let mut session = session.lock().unwrap();
    let mut answers = if std::mem::take(greets) { session.status(link_us(epoch)) } else { String::new() };
    while let Some((line, rest)) = text.split_once('\n') {
        commands.lock().unwrap().push(line.to_owned());
        let is_refused = line.starts_with("bpm") && manners.refuses.load(Ordering::Relaxed);
        answers += &if is_refused { "bad-bpm no\n".to_owned() } else { session.obey(line, link_us(epoch)) };
        *text = rest.to_owned();
    }
    answers.is_empty() || stream.write_all(answers.as_bytes()).is_ok()
}

/// Music at 240 BPM from now on, played to an output as the runner does.
struct Music {
    epoch: Instant,
    number: u64,
}

impl Music {
    fn start() -> Self {
        Self { epoch: Instant::now(), number: 0 }
    }

    fn at(&self, number: u64) -> Instant {
        self.epoch + Duration::from_secs_f64(number as f64 * 60.0 / MUSIC_BPM)
    }

    fn moment(&self, at: Instant) -> Moment {
        // Any zero will do: the run's clock is not the output's.
        Moment { mono_ns: 77_000_000_000 + at.saturating_duration_since(self.epoch).as_nanos() as u64, unix_ns: 0 }
    }

    /// Plays until `done`, or fails after the patience; gives the moment of the last beat.
    fn play_until(&mut self, output: &mut Carabiner, what: &str, mut done: impl FnMut(&mut Carabiner, u64) -> bool) -> Instant {
        let until = Instant::now() + PATIENCE;
        loop {
            let next = self.at(self.number);
            while Instant::now() < next {
                output.poll(self.moment(Instant::now())).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
            let beat_in_bar = (self.number % 4) as u8 + 1;
            let beat = Beat {
                at: self.moment(next),
                number: self.number,
                beat_in_bar,
                beats_per_bar: 4,
                bpm: MUSIC_BPM,
                confidence: 0.9,
                ..Beat::default()
            };
            output.event(&Event::Beat(beat), self.moment(Instant::now())).unwrap();
            self.number += 1;
            if done(output, self.number - 1) {
                return next;
            }
            assert!(Instant::now() < until, "waited in vain: {what}; {}", output.detail());
        }
    }
}

fn at(address: SocketAddr) -> CarabinerConfig {
    CarabinerConfig { address: address.to_string(), ..CarabinerConfig::default() }
}

fn poll_until(output: &mut Carabiner, what: &str, mut done: impl FnMut(&Carabiner) -> bool) {
    let until = Instant::now() + PATIENCE;
    while !done(output) {
        assert!(Instant::now() < until, "waited in vain: {what}; {}", output.detail());
        output.poll(Moment::default()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn poll_until_error(output: &mut Carabiner) -> OutputError {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Err(error) = output.poll(Moment::default()) {
            assert!(error.may_pass(), "{error}");
            return error;
        }
        assert!(Instant::now() < until, "it never failed");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn joining_changes_nothing_and_shows_the_session() {
    let stand_in = StandIn::start(97.5);
    let before = format!("{:?}", stand_in.session.lock().unwrap());
    let mut output = Carabiner::new(at(stand_in.address));
    output.open().unwrap();
    let mut music = Music::start();
    music.play_until(&mut output, "two bars of beats", |_, number| number == 12);
    assert!(stand_in.commands().iter().all(|line| line == "status" || line == "version"), "{:?}", stand_in.commands());
    assert_eq!(format!("{:?}", stand_in.session.lock().unwrap()), before);
    // Link keeps whole microseconds: 97.5 BPM is 615385 of them.
    assert_eq!(output.detail(), "listening, 1 peer, 97.50 BPM, Carabiner 1.1.6");
}

#[test]
fn armed_the_session_follows_in_tempo_and_bar_and_disarmed_it_is_left_alone() {
    let stand_in = StandIn::start(120.0);
    let mut output = Carabiner::new(at(stand_in.address));
    let switch = output.arm_switch();
    output.open().unwrap();
    let mut music = Music::start();
    music.play_until(&mut output, "a bar", |_, number| number == 4);
    switch.set(true);
    let last = music.play_until(&mut output, "the session to follow", |_, number| {
        let (error_ms, place) = stand_in.error(Instant::now());
        let expected_place = (number % 4) as f64;
        (stand_in.bpm() - MUSIC_BPM).abs() < 0.5 && error_ms.abs() < TOLERANCE_MS && place == expected_place && number > 12
    });
    assert!(stand_in.error(last).0.abs() < TOLERANCE_MS, "{:?}", stand_in.error(last));
    assert!(stand_in.changes()[0] == "bpm 240.0000", "{:?}", stand_in.changes());
    switch.set(false);
    let n_changes = stand_in.changes().len();
    stand_in.session.lock().unwrap().set_tempo(99.0, link_us(stand_in.epoch));
    let now = music.number;
    music.play_until(&mut output, "two bars", |_, number| number == now + 8);
    assert_eq!(stand_in.changes().len(), n_changes);
    assert!((stand_in.bpm() - 99.0).abs() < 0.01);
}

#[test]
fn a_refused_tempo_is_shown_and_not_repeated_with_every_beat() {
    let stand_in = StandIn::start(120.0);
    stand_in.manners.refuses.store(true, Ordering::Relaxed);
    let mut output = Carabiner::new(CarabinerConfig { armed: true, ..at(stand_in.address) });
    output.open().unwrap();
    let mut music = Music::start();
    music.play_until(&mut output, "the refusal", |output, _| output.detail().contains("refused bad-bpm no"));
    let now = music.number;
    music.play_until(&mut output, "two bars", |_, number| number == now + 8);
    assert_eq!(stand_in.changes(), ["bpm 240.0000"]);
}

#[test]
fn one_that_stalls_is_an_error_and_one_that_starts_again_is_joined_anew() {
    let stand_in = StandIn::start(120.0);
    let mut output = Carabiner::new(CarabinerConfig { armed: true, ..at(stand_in.address) });
    output.open().unwrap();
    poll_until(&mut output, "a session", |output| output.detail().contains("BPM"));
    stand_in.manners.stalls.store(true, Ordering::Relaxed);
    let error = poll_until_error(&mut output);
    assert!(error.to_string().contains("has not answered for 4 s"), "{error}");
    stand_in.manners.stalls.store(false, Ordering::Relaxed);
    output.open().unwrap();
    poll_until(&mut output, "a session", |output| output.detail().contains("BPM"));
    stand_in.manners.hangs_up.store(true, Ordering::Relaxed);
    assert!(poll_until_error(&mut output).to_string().contains("closed the connection"));
    let address = stand_in.stop();
    assert!(output.open().unwrap_err().may_pass());
    // It comes back, on the same port where the system lets it, with another clock and another session.
    let Ok(listener) = TcpListener::bind(address) else {
        eprintln!("SKIPPED: the port is not free again yet");
        return;
    };
    let stand_in = StandIn::on(listener, 133.0);
    output.open().unwrap();
    let mut music = Music::start();
    music.play_until(&mut output, "the new session to follow", |_, _| (stand_in.bpm() - MUSIC_BPM).abs() < 0.5);
}

#[test]
fn a_stranger_on_the_port_is_an_error_whether_it_talks_or_not() {
    for (talk, says) in [(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "does not speak as Carabiner does"), (b"", "has not answered")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut output = Carabiner::new(at(listener.local_addr().unwrap()));
        output.open().unwrap();
        let (mut stranger, _) = listener.accept().unwrap();
        stranger.write_all(talk).unwrap();
        let error = poll_until_error(&mut output);
        assert!(error.to_string().contains(says), "{error}");
        output.close();
        // The reading thread ended with the connection: the other side sees the end.
        stranger.set_read_timeout(Some(PATIENCE)).unwrap();
        stranger.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn a_closed_port_is_an_error_that_may_pass_and_a_bad_address_is_none() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Carabiner::new(at(address)).open().unwrap_err();
    assert!(error.may_pass() && error.to_string().contains(&address.to_string()), "{error}");
    let mut output = Carabiner::new(CarabinerConfig { address: "nowhere".into(), ..CarabinerConfig::default() });
    assert!(!output.open().unwrap_err().may_pass());
}

#[test]
fn the_stand_in_of_the_manual_is_led() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/receivers/carabiner_stand_in.py");
    let started = Command::new("python3").arg(script).args(["0", "90"]).stdout(Stdio::piped()).spawn();
    let mut process = match started {
        Ok(process) => process,
        Err(error) => {
            eprintln!("SKIPPED: python3 cannot be started: {error}");
            return;
        }
    };
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let listening = lines.next().unwrap().unwrap();
    let address = listening.strip_prefix("listening on ").unwrap().parse().unwrap();
    let mut output = Carabiner::new(CarabinerConfig { armed: true, ..at(address) });
    output.open().unwrap();
    let mut music = Music::start();
    music.play_until(&mut output, "the tempo and the phase", |output, number| {
        let detail = output.detail();
        let error_ms = detail.split(", ").find_map(|part| part.strip_suffix(" ms")?.parse::<f64>().ok());
        detail.contains("240.") && error_ms.is_some_and(|error_ms| error_ms.abs() < TOLERANCE_MS) && number >= 16
    });
    assert!(output.detail().ends_with("Carabiner 1.1.6 (stand-in)"), "{}", output.detail());
    output.close();
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "bpm 240.0000");
}
