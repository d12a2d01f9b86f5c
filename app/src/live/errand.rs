//! What others ask of the main thread while it runs: to end, to record, to record no more. Asked by any thread.

use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// Name of the output that records for the API.
pub const RECORDING_ID: &str = "api-recording";

/// One errand.
#[derive(Debug)]
pub enum Errand {
    /// The end: Ctrl-C, a request to terminate.
    End,
    /// Record into a file that does not exist yet.
    Record {
        /// The file.
        path: PathBuf,
        /// What came of it.
        answer: oneshot::Sender<Result<(), String>>,
    },
    /// Record no more.
    StopRecording {
        /// What came of it.
        answer: oneshot::Sender<Result<(), String>>,
    },
}

/// Where errands are given in.
#[derive(Debug)]
pub struct Errands {
    to: Mutex<Sender<Errand>>,
}

impl Errands {
    /// To whoever holds the other end.
    pub fn new(to: Sender<Errand>) -> Self {
        Self { to: Mutex::new(to) }
    }

    /// Gives one in, and waits for what came of it.
    ///
    /// # Errors
    /// It could not be done, in words.
    pub async fn ask(&self, errand: impl FnOnce(oneshot::Sender<Result<(), String>>) -> Errand) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let ending = || "the program is ending".to_owned();
        self.to.lock().unwrap_or_else(PoisonError::into_inner).send(errand(answer)).map_err(|_| ending())?;
        answered.await.unwrap_or_else(|_| Err(ending()))
    }
}
