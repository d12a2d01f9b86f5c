//! `anacrusis replay`: plays a recorded session into outputs, as it was. Main thread.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use outputs::clock::Clock;
use outputs::look::Look;
use outputs::runner::Source;
use outputs::session::{Player, Session};
use toml::Table;

use crate::api::state::SourceKind;
use crate::exit::{Exit, say, say_error};
use crate::live::args::OutputArgs;
use crate::live::hint_desk::HintDesk;
use crate::live::system_clock::MachineClock;
use crate::live::{settings, show};

const EXAMPLES: &str = "\
Examples:
  anacrusis live --loopback --record set.jsonl     record while it listens
  anacrusis replay set.jsonl --web --osc 127.0.0.1:9000

A session holds what was heard, not what outputs made of it: other outputs and offsets can be tried on it.
Exit codes: 0 played to its end, 1 the file is no session, 2 wrong usage.";

/// Play a recorded session into outputs
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ReplayArgs {
    /// The session
    #[arg(value_name = "SESSION")]
    pub session: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub outputs: OutputArgs,
}

/// Shared with the source's thread: whether it is over is asked on the main thread.
#[derive(Clone)]
struct Shared(Arc<Mutex<Player>>);

impl Source for Shared {
    fn look(&mut self, clock: &dyn Clock) -> Look {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).look_at(clock.now())
    }
}

/// Runs the command.
pub fn run(args: &ReplayArgs) -> Exit {
    let config = match settings(&args.outputs, Table::new()) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let read = File::open(&args.session)
        .map_err(|e| e.to_string())
        .and_then(|file| Session::read(BufReader::new(file)).map_err(|e| e.to_string()));
    let session = match read {
        Ok(session) => session,
        Err(message) => {
            say_error(format_args!("{}: {message}", args.session.display()));
            return Exit::Failed;
        }
    };
    if session.is_cut {
        say(format_args!("note: {} breaks off; its last line is left out", args.session.display()));
    }
    let description = format!("{}, {:.0} s", args.session.display(), session.duration_sec());
    let player = Shared(Arc::new(Mutex::new(Player::new(session))));
    let asked = player.clone();
    let mut is_over = || asked.0.lock().unwrap_or_else(PoisonError::into_inner).is_over(MachineClock.now()).then_some(Exit::Ok);
    let hints = HintDesk::closed("a recording has been heard already: nothing that is said changes it");
    let show = show::Show { source: Box::new(player), kind: SourceKind::Replay, input: None, hints, description, is_over: &mut is_over };
    show::run(show, &config, &args.outputs)
}
