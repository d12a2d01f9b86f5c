//! Jobs on the disk: an embedded database of records, and files beside it. One program at a time. Any thread but the server's own.
//!
//! ```text
//! FOLDER/jobs.redb            records: what is asked, and what became of it
//! FOLDER/uploads/ID.EXT       sound that was uploaded, until its job is over
//! FOLDER/results/ID/SUFFIX    each format as it was rendered at the end; events.jsonl: what was streamed
//! ```
//! A record says that results are there only after they are: a program that is killed leaves files without a record, which the next
//! start removes, and never a record without files.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use super::record::{JobRecord, JobSource};

/// Number to record, as JSON.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("jobs");
/// `next`: the number of the next job.
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");
/// Name of the database's file.
const FILE: &str = "jobs.redb";
/// What was streamed while a job ran, as lines of JSON.
const EVENTS: &str = "events.jsonl";

/// Why jobs cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another program has them.
    #[error("another anacrusis that runs now has the jobs in {}", .0.display())]
    Elsewhere(PathBuf),
    /// The file system refuses.
    #[error("jobs cannot be kept in {}: {source}", .folder.display())]
    Io {
        /// Where they lie.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database refuses.
    #[error("jobs cannot be kept: {0}")]
    Database(Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

/// The jobs of this user.
#[derive(Debug)]
pub struct Store {
    database: Database,
    folder: PathBuf,
}

impl Store {
    /// Whether there are jobs from before.
    pub fn exists(folder: &Path) -> bool {
        folder.join(FILE).is_file()
    }

    /// Opens the jobs in a folder, which is made; removes what a killed program left behind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { folder: folder.to_owned(), source };
        for part in ["uploads", "results"] {
            make_private(&folder.join(part)).map_err(io)?;
        }
        let database = Database::create(folder.join(FILE)).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => StoreError::Elsewhere(folder.to_owned()),
            other => other.into(),
        })?;
        let store = Self { database, folder: folder.to_owned() };
        store.write(|_, _| Ok(()))?;
        store.sweep().map_err(io)?;
        Ok(store)
    }

    /// Every job, the oldest first. A record that cannot be read, of a later version, is left out and left alone.
    ///
    /// # Errors
    /// The database refuses.
    pub fn all(&self) -> Result<Vec<JobRecord>, StoreError> {
        let table = self.database.begin_read()?.open_table(RECORDS)?;
        let mut records = Vec::new();
        for row in table.iter()? {
            records.extend(serde_json::from_slice(row?.1.value()).ok());
        }
        Ok(records)
    }

    /// Keeps a new job under the next number.
    ///
    /// # Errors
    /// The database refuses.
    pub fn add(&self, record: &mut JobRecord) -> Result<(), StoreError> {
        self.write(|records, counters| {
            let id = counters.get("next")?.map_or(1, |next| next.value());
            counters.insert("next", id + 1)?;
            record.job.id = id;
            records.insert(id, text(record).as_slice())?;
            Ok(())
        })
    }

    /// Keeps what became of a job.
    ///
    /// # Errors
    /// The database refuses.
    pub fn put(&self, record: &JobRecord) -> Result<(), StoreError> {
        self.write(|records, _| {
            records.insert(record.job.id, text(record).as_slice())?;
            Ok(())
        })
    }

    /// Forgets a job, with its files.
    ///
    /// # Errors
    /// The database refuses.
    pub fn remove(&self, record: &JobRecord) -> Result<(), StoreError> {
        let id = record.job.id;
        self.write(|records, _| {
            records.remove(id)?;
            Ok(())
        })?;
        self.remove_upload(record);
        // What cannot be removed now is at the next start.
        let _ = fs::remove_dir_all(self.results(id));
        Ok(())
    }

    /// Where uploads lie.
    pub fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    /// Where the sound of a job lies.
    pub fn sound(&self, record: &JobRecord) -> PathBuf {
        match &record.source {
            JobSource::Upload => self.uploads().join(record.job.id.to_string()),
            JobSource::File(path) => path.clone(),
        }
    }

    /// Removes the sound of a job, where it is ours.
    pub fn remove_upload(&self, record: &JobRecord) {
        if record.source == JobSource::Upload {
            // What cannot be removed now is at the next start.
            let _ = fs::remove_file(self.sound(record));
        }
    }

    /// Where the results of a job lie.
    pub fn results(&self, id: u64) -> PathBuf {
        self.folder.join("results").join(id.to_string())
    }

    /// One of its results.
    pub fn result(&self, id: u64, suffix: &str) -> PathBuf {
        self.results(id).join(suffix)
    }

    /// Length of its results, bytes; what cannot be looked at counts as nothing.
    pub fn result_bytes(&self, id: u64) -> u64 {
        let entries = fs::read_dir(self.results(id)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// What was streamed while it ran.
    pub fn events(&self, id: u64) -> PathBuf {
        self.results(id).join(EVENTS)
    }

    fn write(
        &self,
        change: impl FnOnce(&mut redb::Table<'_, u64, &'static [u8]>, &mut redb::Table<'_, &'static str, u64>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write()?;
        {
            let (mut records, mut counters) = (transaction.open_table(RECORDS)?, transaction.open_table(COUNTERS)?);
            change(&mut records, &mut counters)?;
        }
        Ok(transaction.commit()?)
    }

    /// Removes files that no record knows.
    fn sweep(&self) -> io::Result<()> {
        let table = self.all().map_err(io::Error::other)?;
        let known: BTreeSet<String> = table.iter().map(|record| record.job.id.to_string()).collect();
        let running: BTreeSet<String> =
            table.iter().filter(|record| !record.job.status.is_over()).map(|record| record.job.id.to_string()).collect();
        for (part, kept) in [("uploads", &running), ("results", &known)] {
            for entry in fs::read_dir(self.folder.join(part))? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !kept.contains(&name) {
                    let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                }
            }
        }
        Ok(())
    }
}

fn text(record: &JobRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("plain data becomes JSON")
}

/// Makes a folder that only this user may look into.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::jobs::record::{Job, JobOptions, JobStatus};

    pub(in crate::api::jobs) fn record(name: &str, source: JobSource) -> JobRecord {
        let job = Job {
            id: 0,
            name: name.to_owned(),
            status: JobStatus::Queued,
            progress: 0.0,
            error: String::new(),
            has_results: false,
            options: JobOptions::default(),
            n_bytes: 3,
            created_unix_ms: 1,
            ended_unix_ms: None,
        };
        JobRecord { job, source, n_runs: 0, n_result_bytes: 0 }
    }

    #[test]
    fn numbers_rise_and_come_back_never() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut records = ["a", "b"].map(|name| record(name, JobSource::Upload));
        records.iter_mut().for_each(|record| store.add(record).unwrap());
        assert_eq!(records.each_ref().map(|record| record.job.id), [1, 2]);
        store.remove(&records[1]).unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        let mut third = record("c", JobSource::File("/music/c.wav".into()));
        store.add(&mut third).unwrap();
        third.job.status = JobStatus::Done;
        store.put(&third).unwrap();
        assert_eq!(store.all().unwrap(), [records[0].clone(), third.clone()]);
        assert_eq!((third.job.id, store.sound(&third)), (3, PathBuf::from("/music/c.wav")));
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut records = ["waits", "is over"].map(|name| record(name, JobSource::Upload));
        records[1].job.status = JobStatus::Done;
        for record in &mut records {
            store.add(record).unwrap();
            fs::write(store.sound(record), b"x").unwrap();
            fs::create_dir_all(store.results(record.job.id)).unwrap();
            fs::write(store.result(record.job.id, "beats"), b"x").unwrap();
        }
        fs::write(store.uploads().join(".tmp123"), b"half").unwrap();
        fs::create_dir_all(store.results(99)).unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        let has = |path: PathBuf| path.exists();
        assert_eq!([has(store.sound(&records[0])), has(store.sound(&records[1]))], [true, false]);
        assert_eq!([has(store.result(1, "beats")), has(store.result(2, "beats"))], [true, true]);
        assert_eq!([has(store.uploads().join(".tmp123")), has(store.results(99))], [false, false]);
    }

    #[test]
    fn one_program_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!Store::exists(folder.path()));
        let _store = Store::open(folder.path()).unwrap();
        assert!(Store::exists(folder.path()));
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Elsewhere(_))));
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, b"x").unwrap();
        let message = Store::open(&file).unwrap_err().to_string();
        assert!(message.starts_with("jobs cannot be kept in "), "{message}");
        let broken = folder.path().join("broken");
        fs::create_dir_all(&broken).unwrap();
        fs::write(broken.join(FILE), b"no database at all, but long enough to be looked at").unwrap();
        assert!(Store::open(&broken).is_err());
    }
}
