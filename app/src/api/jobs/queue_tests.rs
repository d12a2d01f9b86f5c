//! The queue with real files: done, failed, cancelled, gone on with, forgotten.

use std::io::Write;
use std::path::Path;

use super::*;
use crate::api::jobs::store::tests::record;

const PATIENCE_SEC: u64 = 120;

fn config() -> JobsConfig {
    JobsConfig::default()
}

fn start(config: JobsConfig, folder: &Path) -> Arc<Jobs> {
    Jobs::start(config, folder.to_owned(), true)
}

fn upload(jobs: &Arc<Jobs>, bytes: &[u8]) -> Result<Job, JobError> {
    let mut file = tempfile::NamedTempFile::new_in(jobs.upload_folder()?).unwrap();
    file.write_all(bytes).unwrap();
    jobs.add_upload(file, "song.wav".to_owned(), JobOptions::default())
}

/// A second of silence.
fn wav() -> Vec<u8> {
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    (0..8_000).for_each(|_| writer.write_sample(0i16).unwrap());
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn wait(jobs: &Arc<Jobs>, id: u64) -> Job {
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_SEC);
    loop {
        let job = jobs.get(id).unwrap();
        if job.status.is_over() {
            return job;
        }
        assert!(Instant::now() < deadline, "{job:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_jobs_there_is_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = start(config(), &folder.path().join("jobs"));
    assert!(jobs.list().unwrap().is_empty() && matches!(jobs.get(1), Err(JobError::Missing(1))));
    assert!(matches!(jobs.remove(1), Err(JobError::Missing(1))));
    jobs.stop();
    assert!(!folder.path().join("jobs").exists());
}

#[test]
fn good_and_bad_files_end_as_they_are_and_leave_their_sound() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = start(config(), folder.path());
    let good = upload(&jobs, &wav()).unwrap().id;
    let bad = upload(&jobs, b"no sound at all").unwrap().id;
    let missing = jobs.add_file(folder.path().join("jobs.redb"), "jobs.redb".to_owned(), JobOptions::default()).unwrap().id;
    let done = wait(&jobs, good);
    assert_eq!((done.status, done.has_results, done.progress, done.error.as_str()), (JobStatus::Done, true, 1.0, ""));
    let (path, _) = jobs.result(good, "beats.json").unwrap();
    assert!(std::fs::read_to_string(path).unwrap().contains("song.wav"));
    let run = jobs.follow(good).unwrap();
    assert_eq!(run.feed.news(0, 9).end.as_deref(), Some(&done));
    for id in [bad, missing] {
        let failed = wait(&jobs, id);
        assert!(failed.status == JobStatus::Failed && !failed.has_results && !failed.error.is_empty(), "{failed:?}");
        assert!(jobs.result(id, "beats").unwrap_err().to_string().contains(&failed.error));
    }
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0);
    assert!(folder.path().join("jobs.redb").exists(), "files that were named are not ours to remove");
    assert_eq!(jobs.remove(good).unwrap(), Removed::Forgotten);
    assert!(!folder.path().join("results").join(good.to_string()).exists());
    assert_eq!(jobs.list().unwrap().iter().map(|job| job.id).collect::<Vec<_>>(), [missing, bad]);
    jobs.stop();
}

#[test]
fn what_waits_can_be_cancelled_and_enough_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = start(JobsConfig { max_queued: 2, ..config() }, folder.path());
    // Its thread ends at once: everything waits.
    upload(&jobs, b"x").unwrap();
    jobs.stop();
    let store_has = || jobs.list().unwrap().iter().filter(|job| job.status == JobStatus::Queued).count();
    while store_has() < 2 {
        upload(&jobs, &wav()).unwrap();
    }
    assert!(matches!(upload(&jobs, &wav()), Err(JobError::Full(2))));
    let id = jobs.list().unwrap()[0].id;
    let run = jobs.follow(id).unwrap();
    let Removed::Cancelled(job) = jobs.remove(id).unwrap() else { panic!("it waited") };
    assert_eq!((job.status, run.feed.news(0, 9).end.map(|end| end.status)), (JobStatus::Cancelled, Some(JobStatus::Cancelled)));
    assert!(jobs.result(id, "beats").unwrap_err().to_string().contains("was cancelled"));
    assert_eq!(store_has(), 1);
}

#[test]
fn the_next_program_goes_on_and_gives_up_what_ends_it_each_time() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(folder.path()).unwrap();
        for (name, status, n_runs) in [("waits", JobStatus::Queued, 0), ("ran", JobStatus::Running, 1), ("kills", JobStatus::Running, 3)] {
            let mut record = record(name, JobSource::Upload);
            (record.job.status, record.n_runs) = (status, n_runs);
            store.add(&mut record).unwrap();
            std::fs::write(store.sound(&record), wav()).unwrap();
        }
    }
    let jobs = start(config(), folder.path());
    assert_eq!([1, 2].map(|id| wait(&jobs, id).status), [JobStatus::Done, JobStatus::Done]);
    let given_up = wait(&jobs, 3);
    assert!(given_up.error.contains("ended 3 times"), "{given_up:?}");
    jobs.stop();
}

#[test]
fn the_oldest_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = start(JobsConfig { keep: 2, ..config() }, folder.path());
    for _ in 0..4 {
        let id = upload(&jobs, b"x").unwrap().id;
        wait(&jobs, id);
    }
    assert_eq!(jobs.list().unwrap().iter().map(|job| job.id).collect::<Vec<_>>(), [4, 3]);
    jobs.stop();
    drop(jobs);
    let again = start(JobsConfig { keep: 1, ..config() }, folder.path());
    assert_eq!(again.list().unwrap().len(), 1);
    again.stop();
}

#[test]
fn a_job_that_takes_too_long_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::default();
    let sound = folder.path().join("sound.wav");
    std::fs::write(&sound, wav()).unwrap();
    let results = folder.path().join("results");
    let record = record("song.wav", JobSource::Upload);
    let error = work(&record, &sound, &results, &results.join("events.jsonl"), Duration::ZERO, &run).unwrap_err();
    assert_eq!(error.to_string(), "stopped after 0 s: jobs.time_limit_sec");
    run.stop(Stop::Cancelled);
    let error = work(&record, &sound, &results, &results.join("events.jsonl"), Duration::from_secs(9), &run).unwrap_err();
    assert_eq!(error, WorkError::Stopped);
    assert!(!results.exists());
}
