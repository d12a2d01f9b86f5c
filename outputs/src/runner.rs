//! A thread for each output, and one for the source: nobody waits for anybody. Made and ended on the main thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::dial::Roster;
use crate::drive::Drive;
use crate::look::{Board, Look};
use crate::status::{OutputStatus, StatusCell};

/// How often the source is asked, nanoseconds.
const SOURCE_NS: u64 = 5_000_000;
/// How long the end waits for outputs that are slower than they promised.
const GRACE: Duration = Duration::from_millis(300);

/// Says what is known of the music, 200 times a second: must not wait.
pub trait Source: Send {
    /// The newest look, with `taken` of now.
    fn look(&mut self, clock: &dyn Clock) -> Look;
}

/// A thread that does something again and again until it is told to stop.
struct Worker {
    thread: JoinHandle<()>,
    status: Option<Arc<StatusCell>>,
    patience: Duration,
    /// Ends this one alone.
    leave: Arc<AtomicBool>,
}

impl Worker {
    /// Waits for the thread, which was told; its name where it does not end in time.
    fn end(self, deadline: Instant) -> Option<String> {
        let Self { thread, status, .. } = self;
        while !thread.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        if !thread.is_finished() {
            return Some(status.map_or_else(|| "source".to_owned(), |status| status.read().name));
        }
        // A thread that panicked has said so on stderr.
        let _ = thread.join();
        None
    }
}

/// What each output's thread does first: it may ask for a priority.
pub type Prepare = Arc<dyn Fn() + Send + Sync>;

/// The threads of one run. Dropping it ends them.
pub struct Runner {
    prepare: Option<Prepare>,
    board: Arc<Board>,
    roster: Arc<Roster>,
    stop: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    workers: Vec<Worker>,
}

impl Runner {
    /// Starts to ask `source`. `prepare` runs at the start of each output's thread.
    ///
    /// # Errors
    /// The system has no thread.
    pub fn start(mut source: Box<dyn Source>, clock: Arc<dyn Clock>, prepare: Option<Prepare>) -> std::io::Result<Self> {
        let (board, stop) = (Arc::new(Board::default()), Arc::new(AtomicBool::new(false)));
        board.put(&source.look(clock.as_ref()));
        let roster = Arc::default();
        let mut runner = Self { board: Arc::clone(&board), roster, stop, clock: Arc::clone(&clock), workers: Vec::new(), prepare };
        runner.spawn("source", None, Duration::ZERO, Arc::default(), move || {
            let look = source.look(clock.as_ref());
            board.put(&look);
            look.taken.mono_ns + SOURCE_NS
        })?;
        Ok(runner)
    }

    /// Adds an output.
    ///
    /// # Errors
    /// The system has no thread.
    pub fn add(&mut self, mut drive: Drive) -> std::io::Result<()> {
        let (handle, status, patience, leave) = (drive.handle(), drive.status(), drive.patience(), Arc::<AtomicBool>::default());
        let left = Arc::clone(&leave);
        let (board, clock, stop) = (Arc::clone(&self.board), Arc::clone(&self.clock), Arc::clone(&self.stop));
        let name = status.read().name;
        let step = move || {
            let look = at_now(board.look(), clock.as_ref());
            let next_ns = drive.step(&look);
            if stop.load(Ordering::Acquire) || left.load(Ordering::Acquire) {
                drive.close();
            }
            next_ns
        };
        self.spawn(&name, Some(status), patience, leave, step)?;
        self.roster.add(handle);
        Ok(())
    }

    /// Ends one output, which says goodbye; false: there is none of this id, or it does not answer and is left behind.
    pub fn remove(&mut self, id: &str) -> bool {
        let is_meant = |worker: &Worker| worker.status.as_ref().is_some_and(|status| status.read().id == id);
        let Some(idx) = self.workers.iter().position(is_meant) else { return false };
        let worker = self.workers.remove(idx);
        self.roster.remove(id);
        worker.leave.store(true, Ordering::Release);
        let deadline = Instant::now() + worker.patience + GRACE;
        worker.end(deadline).is_none()
    }

    /// Where the newest look hangs.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// The outputs as others see them.
    pub fn roster(&self) -> Arc<Roster> {
        Arc::clone(&self.roster)
    }

    /// The newest look, as of now.
    pub fn look(&self) -> Look {
        at_now(self.board.look(), self.clock.as_ref())
    }

    /// How each output fares, in the order in which they were added.
    pub fn statuses(&self) -> Vec<OutputStatus> {
        self.workers.iter().filter_map(|worker| worker.status.as_ref().map(|status| status.read())).collect()
    }

    /// Ends all threads, outputs saying goodbye; returns the names of those that did not end in time and are left behind.
    pub fn stop(mut self) -> Vec<String> {
        self.end()
    }

    fn end(&mut self) -> Vec<String> {
        self.stop.store(true, Ordering::Release);
        let patience = self.workers.iter().map(|worker| worker.patience).max().unwrap_or_default() + GRACE;
        let deadline = Instant::now() + patience;
        self.workers.drain(..).filter_map(|worker| worker.end(deadline)).collect()
    }

    /// Runs `step` until the end; it returns when it wants to run again, and runs once more after the end was called.
    fn spawn(
        &mut self,
        name: &str,
        status: Option<Arc<StatusCell>>,
        patience: Duration,
        leave: Arc<AtomicBool>,
        mut step: impl FnMut() -> u64 + Send + 'static,
    ) -> std::io::Result<()> {
        let (stop, clock, left) = (Arc::clone(&self.stop), Arc::clone(&self.clock), Arc::clone(&leave));
        let prepare = self.prepare.clone().filter(|_| status.is_some());
        let body = move || {
            if let Some(prepare) = prepare {
                prepare();
            }
            loop {
                let is_last = stop.load(Ordering::Acquire) || left.load(Ordering::Acquire);
                let next_ns = step();
                if is_last {
                    return;
                }
                clock.sleep_until(next_ns);
            }
        };
        let thread = std::thread::Builder::new().name(name.chars().take(15).collect()).spawn(body)?;
        self.workers.push(Worker { thread, status, patience, leave });
        Ok(())
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.end();
    }
}

/// The same look a moment later.
fn at_now(look: Look, clock: &dyn Clock) -> Look {
    Look { taken: clock.now(), ..look }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
