//! The bundled standalone under a JACK server without a sound card: a file is played into it, its MIDI clock is captured.
//!
//! A real server, real clients, real time: until enough of the clip was heard, some twelve seconds. Passes, aloud, where there is no JACK or no bundle. How
//! late this machine runs its clients is not claimed, only that the clock has the music's tempo.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use integration_tests::host::audio::Audio;
use integration_tests::host::bundle;
use integration_tests::say;
use xtask::demo_clip::TEMPO_BPM;

const RATE_HZ: u32 = 48_000;
const PERIOD_SAMPLES: u32 = 1_024;
/// Notes that are waited for: beats of half a second or so.
const N_NOTES: usize = 16;
/// Longest wait for them: a busy machine gives the server less than real time.
const PLAYING: Duration = Duration::from_secs(60);
/// Longest wait for something to appear.
const PATIENCE: Duration = Duration::from_secs(15);
const TOOLS: [&str; 5] = ["jackd", "jack_lsp", "jack_connect", "jack_midi_dump", "jack-play"];
/// Samples between two ticks at the clip's tempo.
const TICK_SAMPLES: f64 = RATE_HZ as f64 * 60.0 / (24.0 * TEMPO_BPM);

/// Programs that end with the test.
struct Session {
    server: String,
    children: Vec<Child>,
}

impl Session {
    fn start() -> Self {
        let mut session = Self { server: format!("anacrusis-{}", std::process::id()), children: Vec::new() };
        let (rate, period) = (RATE_HZ.to_string(), PERIOD_SAMPLES.to_string());
        let arguments = ["-n", &session.server.clone(), "--no-realtime", "-t", "5000", "-d", "dummy", "-r", &rate, "-p", &period];
        session.spawn(Command::new("jackd").args(arguments).stdout(Stdio::null()));
        session.wait_for("a JACK server", |ports| ports.iter().any(|port| port.starts_with("system:")));
        session
    }

    /// A client of this server, or the server.
    fn client(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        self.prepare(&mut command);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.env("JACK_DEFAULT_SERVER", &self.server).env("JACK_NO_START_SERVER", "1").env("JACK_NO_AUDIO_RESERVATION", "1");
        command.stdin(Stdio::null()).stderr(Stdio::null());
    }

    fn spawn(&mut self, command: &mut Command) {
        self.prepare(command);
        let child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        self.children.push(child);
    }

    fn ports(&self) -> Vec<String> {
        let listed = self.client("jack_lsp").output().expect("jack_lsp runs");
        String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
    }

    fn wait_for(&self, what: &str, is_there: impl Fn(&[String]) -> bool) {
        let start = Instant::now();
        while !is_there(&self.ports()) {
            assert!(start.elapsed() < PATIENCE, "no {what} after {PATIENCE:?}; ports: {:?}", self.ports());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn connect(&self, from: &str, to: &str) {
        self.wait_for(from, |ports| ports.iter().any(|port| port == from));
        self.wait_for(to, |ports| ports.iter().any(|port| port == to));
        let status = self.client("jack_connect").args([from, to]).status().expect("jack_connect runs");
        assert!(status.success(), "{from} to {to}: {status}");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The server last.
        for child in self.children.iter_mut().rev() {
            // One that has ended already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn write_wav(path: &Path, audio: &Audio) {
    let spec = hound::WavSpec { channels: 2, sample_rate: RATE_HZ, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(path, spec).expect("a folder that can be written");
    for (left, right) in audio.channels[0].iter().zip(&audio.channels[1]) {
        for sample in [left, right] {
            writer.write_sample((sample * 32_767.0) as i16).expect("room on the disk");
        }
    }
    writer.finalize().expect("room on the disk");
}

/// Times of each message in samples, with its bytes: lines `time: bytes`, some with a description behind them.
fn messages(dump: &str) -> Vec<(i64, Vec<u8>)> {
    let message = |line: &str| {
        let (time, rest) = line.split_once(':')?;
        let bytes = rest.split_whitespace().map_while(|word| u8::from_str_radix(word, 16).ok().filter(|_| word.len() == 2));
        Some((time.trim().parse().ok()?, bytes.collect()))
    };
    dump.lines().filter_map(message).collect()
}

#[test]
fn the_standalone_sends_the_music_s_clock_to_jack() {
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_installed(tool)).collect();
    if !missing.is_empty() {
        say(format_args!("SKIPPED: not installed: {}", missing.join(", ")));
        return;
    }
    let Some(standalone) = bundle(xtask::bundle::STANDALONE) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (wav, dump) = (folder.path().join("music.wav"), folder.path().join("midi.txt"));
    write_wav(&wav, &Audio::clip(f64::from(RATE_HZ)));

    let mut session = Session::start();
    session.spawn(Command::new(&standalone).args(["--backend", "jack"]).stdout(Stdio::null()));
    // Line by line, or what it holds back is lost at its end.
    let output = File::create(&dump).expect("a folder that can be written");
    session.spawn(Command::new("stdbuf").args(["-oL", "jack_midi_dump", "-a", "dump"]).stdout(output));
    session.connect("anacrusis:midi_output", "dump:input");
    session.spawn(Command::new("jack-play").arg("-u").arg(&wav).stdout(Stdio::null()));
    session.connect("jack-play:out_1", "anacrusis:input_1");
    session.connect("jack-play:out_2", "anacrusis:input_2");
    let heard = || messages(&std::fs::read_to_string(&dump).expect("jack_midi_dump wrote"));
    let count = |messages: &[(i64, Vec<u8>)], status: u8| messages.iter().filter(|(_, bytes)| bytes.first() == Some(&status)).count();
    let start = Instant::now();
    while count(&heard(), 0x90) < N_NOTES && start.elapsed() < PLAYING {
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(session);

    let messages = heard();
    let of = |status: u8| messages.iter().filter(move |(_, bytes)| bytes.first() == Some(&status)).collect::<Vec<_>>();
    assert_eq!(of(0xFA).len(), 1, "one start in\n{messages:?}");
    assert!(of(0xF8).iter().all(|(_, bytes)| bytes.len() == 1), "a tick is one byte");
    assert!(of(0x90).len() >= N_NOTES, "{} notes in {:?}", of(0x90).len(), start.elapsed());
    let ticks: Vec<i64> = of(0xF8).iter().map(|(at, _)| *at).collect();
    let mut intervals: Vec<i64> = ticks.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(intervals.len() > 200 && intervals.iter().all(|interval| *interval > 0), "{} ticks", ticks.len());
    intervals.sort_unstable();
    let median = intervals[intervals.len() / 2] as f64;
    assert!((median / TICK_SAMPLES - 1.0).abs() < 0.02, "{median} samples between ticks, {TICK_SAMPLES} expected");
    // Over the whole run: neither bursts nor gaps.
    let span = (ticks[ticks.len() - 1] - ticks[0]) as f64;
    let expected = span / TICK_SAMPLES;
    assert!((intervals.len() as f64 / expected - 1.0).abs() < 0.03, "{} ticks in {span} samples, {expected:.0} expected", intervals.len());
}

fn is_installed(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}
