//! The command line: which command runs. Main thread.

use clap::{Parser, Subcommand};

use crate::audio_device::command as devices;
use crate::exit::Exit;
use crate::{analyze, bench, bridge, calibrate, completions, controls, doctor, eval_command, features, live, port, replay, serve};

const EXAMPLES: &str = "\
Examples:
  anacrusis analyze song.mp3              beats beside it, in song.beats
  anacrusis analyze -f json,mid -o out Music/
  anacrusis live --loopback --web         listen, and tell browsers, lights and instruments
  anacrusis bridge --osc 127.0.0.1:7000   the same from a running plugin
  anacrusis serve --root Music            the same for other programs, by HTTP
  anacrusis eval --corpus DIR             score this build on pieces with known beats
  anacrusis features song.mp3             what a network sees of it, for training
  anacrusis bench                         what the analysis costs on this machine
  anacrusis doctor                        what this machine and this build can do
  anacrusis doctor --feed                 how a running instance of the plugin fares
  anacrusis devices                       audio inputs, and what this machine plays
  anacrusis calibrate --write wled        how late an output is, and the offset that makes up for it
  anacrusis port list                     MIDI ports that the plugin's clock can go to

`anacrusis help COMMAND` says more. Data goes to stdout, messages go to stderr.
Exit codes: 0 all done, 1 some files failed, 2 wrong usage, 3 a device failed.";

/// Knows where the beat is, where the bar is, and says so ahead of time.
#[derive(Debug, Parser)]
#[command(name = "anacrusis", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Analyze(analyze::AnalyzeArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Live(live::LiveArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Bridge(bridge::BridgeArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Replay(replay::ReplayArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Serve(serve::ServeArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Eval(eval_command::EvalArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Features(features::FeaturesArgs),
    // For those who train the controller: not in the list.
    #[command(hide = true)]
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Controls(controls::ControlsArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Bench(bench::BenchArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Doctor(doctor::DoctorArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Port(port::PortArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Devices(devices::DevicesArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Calibrate(calibrate::CalibrateArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Completions(completions::CompletionsArgs),
    #[allow(missing_docs, reason = "a doc comment here would replace the help of the arguments' type")]
    Man(completions::ManArgs),
}

impl Cli {
    /// Runs the command.
    pub fn run(&self) -> Exit {
        match &self.command {
            Command::Analyze(args) => analyze::run(args),
            Command::Live(args) => live::run(args),
            Command::Bridge(args) => bridge::run(args),
            Command::Replay(args) => replay::run(args),
            Command::Serve(args) => serve::run(args),
            Command::Eval(args) => eval_command::run(args),
            Command::Features(args) => features::run(args),
            Command::Controls(args) => controls::run(args),
            Command::Bench(args) => bench::run(args),
            Command::Doctor(args) => doctor::run(args),
            Command::Port(args) => port::run(args),
            Command::Devices(args) => devices::run(args),
            Command::Calibrate(args) => calibrate::run(args),
            Command::Completions(args) => completions::run_completions(args),
            Command::Man(args) => completions::run_man(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }
}
