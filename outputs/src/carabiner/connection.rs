//! One connection to Carabiner: commands out, answers in with the moment of their arrival. Thread of the output, and one that reads.
//!
//! The difference of the clocks hangs on when an answer arrives, so that a thread waits for answers and does nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::answer::{Answer, AnswerError, AnswerReader};
use crate::output::OutputError;

/// How long a command may wait to be taken by the system.
const WRITE: Duration = Duration::from_millis(250);
/// Pieces of answers that may wait to be fetched; Carabiner sends tens a second at most, and the output fetches 50 times.
const MAX_PIECES: usize = 256;
/// The most bytes of a piece.
const PIECE_BYTES: usize = 1024;

/// What the reading thread hands over.
enum Piece {
    Bytes(Instant, Vec<u8>),
    Ended(std::io::Error),
}

/// An answer or what is none, and when it arrived.
pub(super) type Arrived = (Instant, Result<Answer, AnswerError>);

/// An open connection.
pub(super) struct Connection {
    stream: TcpStream,
    address: String,
    pieces: Receiver<Piece>,
    reader: Option<JoinHandle<()>>,
    answers: AnswerReader,
}

impl Connection {
    /// Over a stream that is connected; `address` is for errors.
    pub(super) fn new(stream: TcpStream, address: String) -> Result<Self, OutputError> {
        let (sender, pieces) = sync_channel(MAX_PIECES);
        let started = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_write_timeout(Some(WRITE)))
            .and_then(|()| stream.try_clone())
            .and_then(|stream| std::thread::Builder::new().name("carabiner reader".to_owned()).spawn(move || read(stream, &sender)));
        let reader = started.map_err(OutputError::io(format!("use the connection to Carabiner at {address}")))?;
        Ok(Self { stream, address, pieces, reader: Some(reader), answers: AnswerReader::default() })
    }

    /// Sends a command as a packet of its own; versions before 1.1.0 see one command a packet.
    pub(super) fn send(&mut self, command: &str) -> Result<(), OutputError> {
        let line = format!("{command}\n");
        self.stream.write_all(line.as_bytes()).map_err(OutputError::io(format!("send to Carabiner at {}", self.address)))
    }

    /// What arrived since the last call.
    pub(super) fn arrived(&mut self) -> Result<Vec<Arrived>, OutputError> {
        let mut arrived = Vec::new();
        for _ in 0..MAX_PIECES {
            match self.pieces.try_recv() {
                Ok(Piece::Bytes(at, bytes)) => arrived.extend(self.answers.feed(&bytes).into_iter().map(|answer| (at, answer))),
                Ok(Piece::Ended(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    return Err(OutputError::Protocol(format!("Carabiner at {} closed the connection", self.address)));
                }
                Ok(Piece::Ended(error)) => return Err(OutputError::io(format!("read from Carabiner at {}", self.address))(error)),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    return Err(OutputError::Protocol(format!("Carabiner at {} sent more than was read", self.address)));
                }
            }
        }
        Ok(arrived)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It ends the reading thread, too; one that is closed already has ended.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Reads until the connection ends or nobody fetches any more.
fn read(mut stream: TcpStream, sender: &SyncSender<Piece>) {
    let mut buffer = [0; PIECE_BYTES];
    loop {
        let piece = match stream.read(&mut buffer) {
            Ok(0) => Piece::Ended(ErrorKind::UnexpectedEof.into()),
            Ok(n_bytes) => Piece::Bytes(Instant::now(), buffer[..n_bytes].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Piece::Ended(error),
        };
        let is_end = matches!(piece, Piece::Ended(_));
        if sender.try_send(piece).is_err() || is_end {
            return;
        }
    }
}
