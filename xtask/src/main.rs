//! `cargo xtask`: the project's tasks.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use xtask::bundle::Build;
use xtask::install::Action;
use xtask::test_counts::TestCounts;
use xtask::{
    accuracy, bundle, codegen, demo, demo_clip, dist, editor_pictures, feed_header, figures, file_map, foreign, fuzz, install, models,
    process, rtsan, run_command, test_task, train, view_test, workspace_root,
};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project tasks of Anacrusis")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build, analyse a file (or our own clip) and show its beats
    Demo {
        /// Any audio file
        file: Option<PathBuf>,
    },
    /// Build the plugin (CLAP, VST3) and the standalone into target/bundled/
    Bundle {
        /// Unoptimised, with debug assertions
        #[arg(long)]
        debug: bool,
    },
    /// Bundle, and copy the plugin where your hosts look for it
    Install {
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
        /// Delete what an earlier install copied
        #[arg(long)]
        uninstall: bool,
    },
    /// Build the archive that is given to others, for this platform, into target/dist/, and check that the others compile
    Dist,
    /// Run every check and test of the project
    Test {
        /// Skip the training package and the foreign readers where their environments are not made yet
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
    /// Build a corpus, train, calibrate and export our own networks (arguments go to the package in training/)
    #[command(disable_help_flag = true)]
    Train {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure accuracy and cost and write both into README.md and docs/
    Figures {
        /// Arguments for every evaluation, e.g. --corpus DIR
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Measure accuracy against other trackers, by genre, by cause of failure and under strain, and write docs/accuracy.md
    Accuracy(accuracy::Options),
    /// Synthesise the clip of the demo again (the same bytes every time)
    DemoClip,
    /// Write model_contracts/src/v1.rs from model_contracts/v1.json, and the C header and the tables of the feed
    Codegen {
        /// Only check that the files are fresh
        #[arg(long)]
        check: bool,
    },
    /// Write the list of source files in ARCHITECTURE.md
    FileMap {
        /// Only check that the list is fresh
        #[arg(long)]
        check: bool,
    },
    /// Fetch BeatNet's weights, an option, and convert them into models/ (cached; offline after the first time)
    Models {
        /// Make them again even where they are whole
        #[arg(long)]
        force: bool,
    },
    /// Read back what we write with software of others (mido, JAMS, mir_eval, NumPy), in a Python environment of its own
    Foreign,
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
    /// Run the audio side of the live pipe under RealtimeSanitizer, on the stable toolchain
    Rtsan,
    /// Test the web view: its modules, and the page in a headless browser with the app behind it
    ViewTest,
    /// Make the pictures of the web view in docs/images/
    Screenshots,
    /// Make the pictures of the plugin's window in docs/images/ and tests/golden/editor/, from the bundle
    EditorPictures,
}

fn main() -> ExitCode {
    let root = workspace_root();
    let result = match Cli::parse().task {
        Task::Demo { file } => demo::run(&root, file.as_deref()),
        Task::Bundle { debug } => bundle::run(&root, if debug { Build::Debug } else { Build::Release }),
        Task::Install { dry_run, uninstall } => install::run(&root, if uninstall { Action::Uninstall } else { Action::Install }, dry_run),
        Task::Dist => dist::run(&root),
        Task::Test { offline } => test_task::run(&root, offline),
        Task::Check => test_task::check(&root),
        Task::Eval { arguments } => run_command::eval(&root, &arguments),
        Task::Bench { arguments } => run_command::bench(&root, &arguments),
        Task::Train { arguments } => train::run(&root, &arguments),
        Task::Figures { arguments } => figures::run(&root, &arguments),
        Task::Accuracy(options) => accuracy::run(&root, &options),
        Task::DemoClip => demo_clip::run(&root),
        Task::Codegen { check } => codegen::run(&root, check).and_then(|()| feed_header::run(&root, check)),
        Task::FileMap { check } => file_map::run(&root, check),
        Task::Models { force } => models::run(&root, force).map_err(Into::into),
        Task::Fuzz { target, seconds } => fuzz::run(&root, target.as_deref(), seconds),
        Task::Foreign => process::release_binary(&root).and_then(|binary| foreign::run(&root, &binary, &mut TestCounts::default())),
        Task::Rtsan => rtsan::run(&root),
        Task::ViewTest => view_test::run(&root),
        Task::Screenshots => view_test::screenshots(&root),
        Task::EditorPictures => editor_pictures::run(&root),
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
