//! A receiver of the docs as a second process, and a plain socket. Test code.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver as Channel, RecvTimeoutError, channel};
use std::time::Duration;

use outputs::event::{Beat, Moment};

/// The longest that anything is waited for: a machine under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A Python program of `docs/receivers` that runs.
pub(crate) struct Receiver {
    child: Child,
    lines: Channel<String>,
    /// Where it listens; empty where it does not.
    pub(crate) address: String,
}

impl Receiver {
    /// Starts one that listens, on any port. `None`, and loudly, where there is no Python.
    pub(crate) fn listen(script: &str, args: &[&str]) -> Option<Self> {
        let mut receiver = Self::start(script, &[&["--host", "127.0.0.1", "--port", "0"], args].concat())?;
        let line = receiver.line();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("expected an address, got {line:?}"));
        receiver.address = address.replace("0.0.0.0", "127.0.0.1");
        Some(receiver)
    }

    /// Starts one that reads its standard input, or a file.
    pub(crate) fn start(script: &str, args: &[&str]) -> Option<Self> {
        let path = format!("{}/../docs/receivers/{script}", env!("CARGO_MANIFEST_DIR"));
        Self::spawn(script, Command::new("python3").arg(path).args(args))
    }

    /// Starts a program that is written out in the docs.
    pub(crate) fn start_code(what: &str, code: &str) -> Option<Self> {
        Self::spawn(what, Command::new("python3").args(["-u", "-c", code]))
    }

    fn spawn(what: &str, command: &mut Command) -> Option<Self> {
        let mut child = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("SKIPPED: the receiver {what} was not run, because python3 cannot be started: {error}");
                return None;
            }
        };
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        Some(Self { child, lines, address: String::new() })
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the receiver prints a line in time")
    }

    /// The next lines that it prints.
    pub(crate) fn lines<const N: usize>(&self) -> [String; N] {
        std::array::from_fn(|_| self.line())
    }

    /// A line, if there is one yet.
    pub(crate) fn try_line(&self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Waits until it ends, without another line.
    pub(crate) fn ends(&self) {
        assert_eq!(self.lines.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected), "no line more, and an end");
    }

    /// Its standard input.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A socket on any port, and its address.
pub(crate) fn socket() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

/// The next datagram.
pub(crate) fn datagram(socket: &UdpSocket) -> Vec<u8> {
    let mut bytes = vec![0; 2048];
    let n_bytes = socket.recv(&mut bytes).unwrap();
    bytes.truncate(n_bytes);
    bytes
}

/// Milliseconds from the start of both clocks; Unix time a second later.
pub(crate) fn at_ms(ms: u64) -> Moment {
    Moment { mono_ns: ms * 1_000_000, unix_ns: 1_000_000_000 + ms * 1_000_000 }
}

/// The first beat of a phrase.
pub(crate) fn phrase_start() -> Beat {
    Beat {
        at: at_ms(500),
        number: 32,
        beat_in_bar: 1,
        beats_per_bar: 4,
        bar: 9,
        bar_in_phrase: 1,
        phrase: 2,
        phrase_bars: 8,
        every_bars: vec![4, 8],
        bpm: 128.0,
        period_sec: 60.0 / 128.0,
        confidence: 0.5,
        downbeat_prob: 0.75,
        intensity: 1.0,
        section: Some(4),
    }
}
