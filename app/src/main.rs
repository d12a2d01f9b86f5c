//! The binary `anacrusis`: reads the command line and runs one command. Main thread.

use std::process::ExitCode;

use anacrusis::bench::allocator::CountingAllocator;
use anacrusis::cli::Cli;
use clap::Parser;

/// Costs one addition an allocation; `anacrusis bench` reads it.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    Cli::parse().run().into()
}
