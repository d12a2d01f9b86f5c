//! The binary `anacrusis`: reads the command line and runs one command. Main thread.

use std::process::ExitCode;

use anacrusis::cli::Cli;
use clap::Parser;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
