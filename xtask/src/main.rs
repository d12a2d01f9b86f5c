//! `cargo xtask`: the project's tasks.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{codegen, fuzz, models, workspace_root};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project tasks of Anacrusis")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write model_contracts/src/v1.rs from model_contracts/v1.json
    Codegen {
        /// Only check that the file is fresh
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
        Task::Codegen { check } => codegen::run(&root, check),
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
