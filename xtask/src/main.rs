//! `cargo xtask`: the project's tasks.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{codegen, demo, demo_clip, figures, file_map, fuzz, models, run_command, test_task, workspace_root};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project tasks of Anacrusis")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Prepare models, build, analyse a file (or our own clip) and show its beats
    Demo {
        /// Any audio file
        file: Option<PathBuf>,
    },
    /// Run every check and test of the project
    Test {
        /// Go on without models where they are not in the cache and cannot be fetched
        #[arg(long)]
        offline: bool,
    },
    /// Run the quick checks: generated files, formatting, clippy, dependencies, licences
    Check,
    /// Score this build on a corpus with known beats (arguments go to `anacrusis eval`)
    #[command(disable_help_flag = true)]
    Eval {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure the cost of a hop (arguments go to `anacrusis bench`)
    #[command(disable_help_flag = true)]
    Bench {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure accuracy and cost and write both into README.md and docs/
    Figures {
        /// Arguments for every evaluation, e.g. --corpus DIR
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Synthesise the clip of the demo again (the same bytes every time)
    DemoClip,
    /// Write model_contracts/src/v1.rs from model_contracts/v1.json
    Codegen {
        /// Only check that the file is fresh
        #[arg(long)]
        check: bool,
    },
    /// Write the list of source files in ARCHITECTURE.md
    FileMap {
        /// Only check that the list is fresh
        #[arg(long)]
        check: bool,
    },
    /// Fetch the BeatNet weights and convert them into models/ (cached; offline after the first time)
    Models {
        /// Make them again even where they are whole
        #[arg(long)]
        force: bool,
    },
    /// Fetch ONNX Runtime for the `ort` feature into target/ort/ (cached)
    OrtRuntime,
    /// Fuzz the readers of foreign files, guided by coverage, on the stable toolchain
    Fuzz {
        /// Only this target
        #[arg(long)]
        target: Option<String>,
        /// Seconds per target
        #[arg(long, default_value_t = fuzz::DEFAULT_SECONDS)]
        seconds: u32,
    },
}

fn main() -> ExitCode {
    let root = workspace_root();
    let result = match Cli::parse().task {
        Task::Demo { file } => demo::run(&root, file.as_deref()),
        Task::Test { offline } => test_task::run(&root, offline),
        Task::Check => test_task::check(&root),
        Task::Eval { arguments } => run_command::eval(&root, &arguments),
        Task::Bench { arguments } => run_command::bench(&root, &arguments),
        Task::Figures { arguments } => figures::run(&root, &arguments),
        Task::DemoClip => demo_clip::run(&root),
        Task::Codegen { check } => codegen::run(&root, check),
        Task::FileMap { check } => file_map::run(&root, check),
        Task::Models { force } => models::run(&root, force).map_err(Into::into),
        Task::Fuzz { target, seconds } => fuzz::run(&root, target.as_deref(), seconds),
        Task::OrtRuntime => models::ort_runtime::run(&root).map(drop).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
