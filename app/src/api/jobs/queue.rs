//! The jobs of one program: taken in, worked on one after the other, kept, given up, forgotten. Any thread but the server's own,
//! which must not wait for the disk; the work itself on threads of its own, below all others in priority.
//!
//! Nothing is made before the first job: a run that has none leaves no trace. What an earlier program left is gone on with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use thread_priority::ThreadPriority;

use super::config::JobsConfig;
use super::error::JobError;
use super::feed::Feed;
use super::record::{Job, JobOptions, JobRecord, JobSource, JobStatus};
use super::store::{Store, StoreError};
use super::work::{Run, Stop, WorkError, work};

/// Begun so often, a job is given up: it ends the program each time.
const MAX_RUNS: u32 = 3;
/// Niceness 10 of 19 where the system knows it: live tracking goes before, and jobs still get on.
const PRIORITY: u8 = 25;
/// How long an end waits for jobs to stop.
const PATIENCE: Duration = Duration::from_secs(2);
/// Milliseconds in a day.
const DAY_MS: u64 = 86_400_000;

/// The jobs.
pub struct Jobs {
    /// What they may cost.
    pub config: JobsConfig,
    folder: PathBuf,
    inner: Mutex<Inner>,
    /// Something waits, or the end has come.
    news: Condvar,
}

#[derive(Default)]
struct Inner {
    /// `None` before the first job.
    store: Option<Store>,
    jobs: BTreeMap<u64, JobRecord>,
    runs: BTreeMap<u64, Arc<Run>>,
    threads: Vec<JoinHandle<()>>,
    is_ending: bool,
}

/// What becomes of a job that is not wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Removed {
    /// It ends, and is kept as cancelled.
    Cancelled(Box<Job>),
    /// It was over, and is forgotten with its results.
    Forgotten,
}

impl Jobs {
    /// The jobs of a folder; with `goes_on`, those from before are gone on with at once.
    pub fn start(config: JobsConfig, folder: PathBuf, goes_on: bool) -> Arc<Self> {
        let has_some = Store::exists(&folder);
        let jobs = Arc::new(Self { config, folder, inner: Mutex::default(), news: Condvar::new() });
        if goes_on && has_some {
            // Where another program has them, whoever asks is told.
            drop(jobs.open(&mut jobs.inner()));
        }
        jobs
    }

    /// Where uploads go until they are jobs.
    ///
    /// # Errors
    /// Jobs cannot be kept, or enough wait.
    pub fn upload_folder(self: &Arc<Self>) -> Result<PathBuf, JobError> {
        let mut inner = self.inner();
        self.open(&mut inner)?;
        self.check_room(&inner)?;
        Ok(inner.store.as_ref().map(Store::uploads).unwrap_or_default())
    }

    /// Takes in a file that was uploaded into [`Self::upload_folder`].
    ///
    /// # Errors
    /// Jobs cannot be kept, or enough wait.
    pub fn add_upload(self: &Arc<Self>, file: tempfile::NamedTempFile, name: String, options: JobOptions) -> Result<Job, JobError> {
        let io = |what| move |source| JobError::Io { what, source };
        let n_bytes = file.as_file().metadata().map_err(io("look at the upload"))?.len();
        // A record stands only for sound that is there after a power cut, too.
        file.as_file().sync_all().map_err(io("write the upload"))?;
        self.add(name, options, n_bytes, JobSource::Upload, |path| {
            file.persist(path).map(drop).map_err(|error| JobError::Io { what: "keep the upload", source: error.error })
        })
    }

    /// Takes in a file of the user's, as [`resolve`](super::roots::resolve) has it.
    ///
    /// # Errors
    /// Jobs cannot be kept, or enough wait.
    pub fn add_file(self: &Arc<Self>, path: PathBuf, name: String, options: JobOptions) -> Result<Job, JobError> {
        let n_bytes = std::fs::metadata(&path).map_err(|source| JobError::Io { what: "look at the file", source })?.len();
        self.add(name, options, n_bytes, JobSource::File(path), |_| Ok(()))
    }

    fn add(
        self: &Arc<Self>,
        name: String,
        options: JobOptions,
        n_bytes: u64,
        source: JobSource,
        place: impl FnOnce(PathBuf) -> Result<(), JobError>,
    ) -> Result<Job, JobError> {
        let mut inner = self.inner();
        self.open(&mut inner)?;
        self.check_room(&inner)?;
        let Some(store) = &inner.store else { return Err(JobError::Missing(0)) };
        let job = Job {
            id: 0,
            name,
            status: JobStatus::Queued,
            progress: 0.0,
            error: String::new(),
            has_results: false,
            options,
            n_bytes,
            created_unix_ms: unix_ms(),
            ended_unix_ms: None,
        };
        let mut record = JobRecord { job, source, n_runs: 0, n_result_bytes: 0 };
        store.add(&mut record)?;
        // Killed in between, there is a record without sound, which then fails with that reason.
        if let Err(error) = place(store.sound(&record)) {
            store.remove(&record)?;
            return Err(error);
        }
        let job = record.job.clone();
        inner.jobs.insert(job.id, record);
        self.news.notify_one();
        Ok(job)
    }

    /// All jobs, the newest first.
    ///
    /// # Errors
    /// Jobs cannot be kept.
    pub fn list(self: &Arc<Self>) -> Result<Vec<Job>, JobError> {
        let mut inner = self.inner();
        self.open_if_any(&mut inner)?;
        Ok(inner.jobs.values().rev().map(|record| inner.told(record)).collect())
    }

    /// One job.
    ///
    /// # Errors
    /// There is none of this number, or jobs cannot be kept.
    pub fn get(self: &Arc<Self>, id: u64) -> Result<Job, JobError> {
        let mut inner = self.inner();
        self.open_if_any(&mut inner)?;
        inner.jobs.get(&id).map(|record| inner.told(record)).ok_or(JobError::Missing(id))
    }

    /// What a job says: of one that runs or waits as it says it, of one that is over as it said it.
    ///
    /// # Errors
    /// There is none of this number, or what it said cannot be read.
    pub fn follow(self: &Arc<Self>, id: u64) -> Result<Arc<Run>, JobError> {
        let (path, job) = {
            let mut inner = self.inner();
            self.open_if_any(&mut inner)?;
            let job = inner.jobs.get(&id).map(|record| inner.told(record)).ok_or(JobError::Missing(id))?;
            if !job.status.is_over() {
                return Ok(Arc::clone(inner.runs.entry(id).or_default()));
            }
            (inner.store.as_ref().map(|store| store.events(id)).unwrap_or_default(), job)
        };
        let feed = Feed::read(&path, &job).map_err(|source| JobError::Io { what: "read what the job said", source })?;
        Ok(Arc::new(Run::with(feed)))
    }

    /// The file of a result.
    ///
    /// # Errors
    /// There is none of this number, or it has no results (yet).
    pub fn result(self: &Arc<Self>, id: u64, suffix: &str) -> Result<(PathBuf, Job), JobError> {
        let job = self.get(id)?;
        if !job.has_results {
            let message = match job.status {
                JobStatus::Failed => format!("job {id} failed: {}", job.error),
                JobStatus::Cancelled => format!("job {id} was cancelled"),
                _ => format!("job {id} is not done yet: {:.0} %", 100.0 * job.progress),
            };
            return Err(JobError::NoResults(message));
        }
        let inner = self.inner();
        Ok((inner.store.as_ref().map(|store| store.result(id, suffix)).unwrap_or_default(), job))
    }

    /// Ends a job that is not over; forgets one that is, with its results.
    ///
    /// # Errors
    /// There is none of this number, or jobs cannot be kept.
    pub fn remove(self: &Arc<Self>, id: u64) -> Result<Removed, JobError> {
        let mut inner = self.inner();
        self.open_if_any(&mut inner)?;
        let inner = &mut *inner;
        let (Some(record), Some(store)) = (inner.jobs.get_mut(&id), &inner.store) else { return Err(JobError::Missing(id)) };
        match record.job.status {
            JobStatus::Queued => {
                (record.job.status, record.job.ended_unix_ms) = (JobStatus::Cancelled, Some(unix_ms()));
                store.put(record)?;
                store.remove_upload(record);
                if let Some(run) = inner.runs.remove(&id) {
                    run.feed.end(&record.job);
                }
                Ok(Removed::Cancelled(Box::new(record.job.clone())))
            }
            JobStatus::Running => {
                if let Some(run) = inner.runs.get(&id) {
                    run.stop(Stop::Cancelled);
                }
                let job = Job { status: JobStatus::Cancelled, ..record.job.clone() };
                Ok(Removed::Cancelled(Box::new(job)))
            }
            JobStatus::Done | JobStatus::Failed | JobStatus::Cancelled => {
                store.remove(record)?;
                inner.jobs.remove(&id);
                Ok(Removed::Forgotten)
            }
        }
    }

    /// Ends the threads; jobs that are not over are gone on with by the next program. Returns within two seconds.
    pub fn stop(&self) {
        let threads = {
            let mut inner = self.inner();
            inner.is_ending = true;
            inner.runs.values().for_each(|run| run.stop(Stop::Ending));
            std::mem::take(&mut inner.threads)
        };
        self.news.notify_all();
        let deadline = Instant::now() + PATIENCE;
        for thread in threads {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            if thread.is_finished() {
                // A thread that panicked has said so on stderr.
                let _ = thread.join();
            }
        }
    }

    fn open_if_any(self: &Arc<Self>, inner: &mut Inner) -> Result<(), StoreError> {
        if inner.store.is_some() || !Store::exists(&self.folder) { Ok(()) } else { self.open(inner) }
    }

    /// Opens the store, takes over what it holds, and starts the threads.
    fn open(self: &Arc<Self>, inner: &mut Inner) -> Result<(), StoreError> {
        if inner.store.is_some() {
            return Ok(());
        }
        let store = Store::open(&self.folder)?;
        for mut record in store.all()? {
            if record.job.status == JobStatus::Running {
                let given_up = record.n_runs >= MAX_RUNS;
                record.job.status = if given_up { JobStatus::Failed } else { JobStatus::Queued };
                record.job.progress = 0.0;
                if given_up {
                    record.job.error = format!("the program ended {MAX_RUNS} times while it worked on this file");
                    record.job.ended_unix_ms = Some(unix_ms());
                    store.remove_upload(&record);
                }
                store.put(&record)?;
            }
            inner.jobs.insert(record.job.id, record);
        }
        inner.store = Some(store);
        self.forget_old(inner);
        for _ in 0..self.config.parallel {
            let jobs = Arc::clone(self);
            let thread = std::thread::Builder::new().name("job".to_owned()).spawn(move || jobs.work_on());
            inner.threads.push(thread.map_err(|source| StoreError::Io { folder: self.folder.clone(), source })?);
        }
        Ok(())
    }

    fn check_room(&self, inner: &Inner) -> Result<(), JobError> {
        let n_waiting = inner.jobs.values().filter(|record| record.job.status == JobStatus::Queued).count();
        if n_waiting < self.config.max_queued { Ok(()) } else { Err(JobError::Full(n_waiting)) }
    }

    /// A job's thread.
    fn work_on(self: &Arc<Self>) {
        // Refused, it is as any other thread.
        if let Ok(priority) = PRIORITY.try_into() {
            let _ = ThreadPriority::Crossplatform(priority).set_for_current();
        }
        while let Some((record, run)) = self.next() {
            let (sound, results, events) = {
                let inner = self.inner();
                let Some(store) = &inner.store else { return };
                let id = record.job.id;
                (store.sound(&record), store.results(id), store.events(id))
            };
            let outcome = work(&record, &sound, &results, &events, Duration::from_secs(self.config.time_limit_sec), &run);
            self.settle(&record, &run, outcome);
        }
    }

    /// Waits for the next job; `None` at the end.
    fn next(&self) -> Option<(JobRecord, Arc<Run>)> {
        let mut guard = self.inner();
        loop {
            if guard.is_ending {
                return None;
            }
            let inner = &mut *guard;
            let waiting = inner.jobs.values_mut().find(|record| record.job.status == JobStatus::Queued);
            if let (Some(record), Some(store)) = (waiting, &inner.store) {
                record.job.status = JobStatus::Running;
                record.n_runs += 1;
                // Where this cannot be written, the job is worked on all the same.
                drop(store.put(record));
                let run = Arc::clone(inner.runs.entry(record.job.id).or_default());
                return Some((record.clone(), run));
            }
            guard = self.news.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What became of a job.
    fn settle(&self, record: &JobRecord, run: &Run, outcome: Result<(), WorkError>) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        let id = record.job.id;
        let (Some(record), Some(store)) = (inner.jobs.get_mut(&id), &inner.store) else { return };
        let (status, error, has_results) = match outcome {
            Ok(()) => (JobStatus::Done, String::new(), true),
            Err(WorkError::Partial(reason)) => (JobStatus::Failed, reason, true),
            Err(WorkError::Failed(reason)) => (JobStatus::Failed, reason, false),
            Err(WorkError::Stopped) if run.stopped() == Stop::Ending => {
                // An orderly end is no fault of the file's; on the disk it still runs, which the next program understands.
                record.n_runs -= 1;
                drop(store.put(record));
                return;
            }
            Err(WorkError::Stopped) => (JobStatus::Cancelled, String::new(), false),
        };
        let job = &mut record.job;
        (job.status, job.error, job.has_results) = (status, error, has_results);
        job.progress = run.feed.progress().progress;
        job.ended_unix_ms = Some(unix_ms());
        record.n_result_bytes = store.result_bytes(id);
        let kept = store.put(record);
        if let Err(error) = kept {
            // The next program would work on it once more.
            record.job.error = format!("what became of it cannot be kept: {error}");
        }
        store.remove_upload(record);
        run.feed.end(&record.job);
        inner.runs.remove(&id);
        self.forget_old(inner);
    }

    /// Forgets finished jobs that are too many, too large or too old.
    fn forget_old(&self, inner: &mut Inner) {
        let Inner { store: Some(store), jobs, .. } = inner else { return };
        let oldest_ms = unix_ms().saturating_sub(self.config.keep_days * DAY_MS);
        let over = jobs.values().filter(|record| record.job.status.is_over());
        let mut newest_first: Vec<(u64, u64, u64)> =
            over.map(|record| (record.job.ended_unix_ms.unwrap_or_default(), record.job.id, record.n_result_bytes)).collect();
        newest_first.sort_unstable_by(|a, b| b.cmp(a));
        let mut n_bytes = 0;
        for (idx, (ended_ms, id, n_result_bytes)) in newest_first.into_iter().enumerate() {
            n_bytes += n_result_bytes;
            let is_too_much = idx >= self.config.keep || idx > 0 && n_bytes > self.config.keep_bytes();
            if (is_too_much || ended_ms < oldest_ms)
                && let Some(record) = jobs.get(&id)
                && store.remove(record).is_ok()
            {
                jobs.remove(&id);
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// A job with how far it is now.
    fn told(&self, record: &JobRecord) -> Job {
        let progress = self.runs.get(&record.job.id).filter(|_| record.job.status == JobStatus::Running);
        Job { progress: progress.map_or(record.job.progress, |run| run.feed.progress().progress), ..record.job.clone() }
    }
}

/// Now, ms since the Unix epoch.
fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
