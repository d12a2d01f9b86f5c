//! One run of `live`, `bridge` or `replay`: source and outputs started, shown, ended. Main thread.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use outputs::ndjson::READER_GONE;
use outputs::runner::{Prepare, Runner, Source};
use outputs::status::{OutputStatus, Phase};

use super::args::OutputArgs;
use super::listen::InputReport;
use super::registry;
use super::screen::{Picture, Screen};
use super::system_clock::MachineClock;
use crate::config::Config;
use crate::exit::{Exit, say, say_error};

/// Time between two pictures.
const PERIOD: Duration = Duration::from_millis(100);

/// What a command brings beside its outputs.
pub struct Show<'a> {
    /// What is listened to.
    pub source: Box<dyn Source>,
    /// How the input fares; `None` where another program has it.
    pub input: &'a dyn Fn() -> Option<InputReport>,
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
    let interrupted = interrupts().map_err(|message| Stop { exit: Exit::Failed, message })?;
    let prepare: Option<Prepare> = args.realtime.then(|| Arc::new(ask_for_priority) as Prepare);
    let mut runner = Runner::start(show.source, Arc::new(MachineClock), prepare).map_err(failed("cannot start a thread"))?;
    let drives =
        registry::drives(config, &runner.board(), args.realtime).map_err(|error| Stop { exit: Exit::Usage, message: error.to_string() })?;
    for drive in drives {
        runner.add(drive).map_err(failed("cannot start a thread"))?;
    }
    let mut screen = Screen::new(args.quiet);
    let exit = loop {
        let (look, outputs) = (runner.look(), runner.statuses());
        screen.show(&Picture { look, input: (show.input)(), source: show.description.clone(), outputs });
        if let Some(exit) = (show.is_over)() {
            break exit;
        }
        if runner.statuses().iter().any(|output| output.phase == Phase::Off && output.last_error == READER_GONE) {
            // `| head` has what it wanted.
            break Exit::Ok;
        }
        match interrupted.recv_timeout(PERIOD) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break Exit::Ok,
        }
    };
    if !args.quiet {
        runner.statuses().iter().filter_map(summary).for_each(say);
    }
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

/// Hears of Ctrl-C and of requests to terminate.
fn interrupts() -> Result<Receiver<()>, String> {
    let (interrupt, interrupted) = mpsc::channel();
    let on_interrupt = move || {
        // The other end is gone only where the run has ended already.
        let _ = interrupt.send(());
    };
    ctrlc::set_handler(on_interrupt).map_err(|e| format!("cannot handle Ctrl-C: {e}"))?;
    Ok(interrupted)
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
