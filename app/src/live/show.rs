//! One run of `live`, `bridge` or `replay`: source and outputs started, shown, ended. Main thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use outputs::drive::Drive;
use outputs::ndjson::READER_GONE;
use outputs::output::Tuning;
use outputs::runner::{Prepare, Runner, Source};
use outputs::session::Recorder;
use outputs::status::{OutputStatus, Phase};

use super::args::OutputArgs;
use super::errand::{Errand, Errands, RECORDING_ID};
use super::hint_desk::HintDesk;
use super::listen::ReportCell;
use super::registry::{self, Shared};
use super::screen::{Picture, Screen};
use super::system_clock::MachineClock;
use crate::api::Api;
use crate::api::jobs::queue::Jobs;
use crate::api::sessions::Sessions;
use crate::api::state::SourceKind;
use crate::config::Config;
use crate::config::data::data_folder;
use crate::exit::{Exit, say, say_error};

/// Time between two pictures.
const PERIOD: Duration = Duration::from_millis(100);

/// What a command brings beside its outputs.
pub struct Show<'a> {
    /// What is listened to.
    pub source: Box<dyn Source>,
    /// What kind of source that is.
    pub kind: SourceKind,
    /// How the input fares; `None` where another program has it.
    pub input: Option<ReportCell>,
    /// Who takes the user's hints.
    pub hints: HintDesk,
    /// Where the music comes from, in words, where that is no input of ours.
    pub description: String,
    /// Asked ten times a second: how it ends, where it is to end.
    pub is_over: &'a mut dyn FnMut() -> Option<Exit>,
}

/// Runs until it is over or somebody presses Ctrl-C, which is how it usually ends and no error.
pub fn run(show: Show<'_>, config: &Config, args: &OutputArgs) -> Exit {
    match try_run(show, config, args) {
        Ok(exit) => exit,
        Err(Stop { exit, message }) => {
            say_error(message);
            exit
        }
    }
}

/// Why it did not begin.
struct Stop {
    exit: Exit,
    message: String,
}

fn try_run(show: Show<'_>, config: &Config, args: &OutputArgs) -> Result<Exit, Stop> {
    let failed = |what: &'static str| move |error: std::io::Error| Stop { exit: Exit::Failed, message: format!("{what}: {error}") };
    let (errands_in, errands) = mpsc::channel();
    end_on_interrupt(errands_in.clone()).map_err(|message| Stop { exit: Exit::Failed, message })?;
    let prepare: Option<Prepare> = args.realtime.then(|| Arc::new(ask_for_priority) as Prepare);
    let mut runner = Runner::start(show.source, Arc::new(MachineClock), prepare).map_err(failed("cannot start a thread"))?;
    // Without a folder nothing is kept beyond this run.
    let fallback = std::env::temp_dir().join(format!("anacrusis-{}", std::process::id()));
    let data = data_folder().unwrap_or(fallback);
    let has_web = config.outputs.iter().any(|output| output.kind == "web");
    let jobs = Jobs::start(config.jobs.clone(), data.join("jobs"), has_web);
    let api = Api {
        source: show.kind,
        description: show.description.clone(),
        input: show.input.clone(),
        hints: show.hints,
        roster: runner.roster(),
        sessions: Arc::new(Sessions::new(data.join("sessions"), Errands::new(errands_in))),
        jobs: Arc::clone(&jobs),
    };
    let shared = Shared { board: runner.board(), asks_priority: args.realtime, api: Some(Arc::new(api)) };
    let drives = registry::drives(config, &shared).map_err(|error| Stop { exit: Exit::Usage, message: error.to_string() })?;
    for drive in drives {
        runner.add(drive).map_err(failed("cannot start a thread"))?;
    }
    let mut screen = Screen::new(args.quiet);
    let exit = loop {
        let (look, outputs) = (runner.look(), runner.statuses());
        screen.show(&Picture { look, input: show.input.as_ref().map(ReportCell::read), source: show.description.clone(), outputs });
        if let Some(exit) = (show.is_over)() {
            break exit;
        }
        if runner.statuses().iter().any(|output| output.phase == Phase::Off && output.last_error == READER_GONE) {
            // `| head` has what it wanted.
            break Exit::Ok;
        }
        match errands.recv_timeout(PERIOD) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Errand::End) | Err(RecvTimeoutError::Disconnected) => break Exit::Ok,
            // Who asked may have gone away meanwhile.
            Ok(Errand::Record { path, answer }) => drop(answer.send(record(&mut runner, path))),
            Ok(Errand::StopRecording { answer }) => drop(answer.send(stop_recording(&mut runner))),
        }
    };
    if !args.quiet {
        runner.statuses().iter().filter_map(summary).for_each(say);
    }
    jobs.stop();
    for name in runner.stop() {
        say(format_args!("note: {name} did not answer and was left behind"));
    }
    Ok(exit)
}

/// How an output fared, in a line; nothing where it said no beat.
fn summary(output: &OutputStatus) -> Option<String> {
    let OutputStatus { name, n_beats, n_left_out, n_errors, late_p50_us, late_p99_us, .. } = output;
    let late = format!("handed over {late_p50_us:.0} us late (median), {late_p99_us:.0} us (99th percentile)");
    (*n_beats > 0).then(|| format!("{name}: {n_beats} beats, {late}, {n_left_out} left out, {n_errors} errors"))
}

/// Ctrl-C and requests to terminate are the end.
fn end_on_interrupt(errands: Sender<Errand>) -> Result<(), String> {
    let on_interrupt = move || {
        // The other end is gone only where the run has ended already.
        let _ = errands.send(Errand::End);
    };
    ctrlc::set_handler(on_interrupt).map_err(|e| format!("cannot handle Ctrl-C: {e}"))
}

/// Records from now on, as an output like others.
fn record(runner: &mut Runner, path: PathBuf) -> Result<(), String> {
    let recorder = Recorder::new(path, runner.board());
    let drive = Drive::new(Box::new(recorder), &Tuning::default()).map_err(|error| error.to_string())?;
    runner.add(drive.identified(RECORDING_ID, "record")).map_err(|error| format!("cannot start a thread: {error}"))
}

fn stop_recording(runner: &mut Runner) -> Result<(), String> {
    if runner.remove(RECORDING_ID) { Ok(()) } else { Err("the recording did not answer and was left behind".to_owned()) }
}

/// Each output's thread asks for itself; where it is refused the run goes on, and `doctor` tells how to get it.
fn ask_for_priority() {
    midi_port::ask_for_real_time();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_of_outputs_that_said_something() {
        let status =
            OutputStatus { name: "osc a:1".to_owned(), n_beats: 7, late_p50_us: 61.4, late_p99_us: 99.6, ..OutputStatus::default() };
        let expected = "osc a:1: 7 beats, handed over 61 us late (median), 100 us (99th percentile), 0 left out, 0 errors";
        assert_eq!(summary(&status).as_deref(), Some(expected));
        assert_eq!(summary(&OutputStatus::default()), None);
    }
}
