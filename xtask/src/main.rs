//! `cargo xtask`: the project's tasks.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::{codegen, workspace_root};

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
}

fn main() -> ExitCode {
    let root = workspace_root();
    let result = match Cli::parse().task {
        Task::Codegen { check } => codegen::run(&root, check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
