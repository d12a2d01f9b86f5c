//! `anacrusis serve`: the page and the HTTP API without an input: files are analysed, as jobs. Main thread.

use std::path::PathBuf;

use outputs::clock::Clock;
use outputs::look::Look;
use outputs::runner::Source;
use toml::{Table, Value};

use crate::api::state::SourceKind;
use crate::exit::{Exit, say, say_error};
use crate::live::args::OutputArgs;
use crate::live::hint_desk::HintDesk;
use crate::live::{settings, show};

const EXAMPLES: &str = "\
Examples:
  anacrusis serve                                  on http://127.0.0.1:7770
  anacrusis serve --root ~/Music                   files below it may be named
  anacrusis serve --web 0.0.0.0:7770 --web-token correct-horse

docs/api.md has what can be asked. Ctrl-C ends it; jobs that are not done then are gone on with by the next start.
Exit codes: 0 ended, 1 no thread, 2 wrong usage.";

/// Serve the HTTP API and its page without listening: files are analysed on request
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct ServeArgs {
    /// A folder below which files may be named; repeatable
    #[arg(long, value_name = "FOLDER", help_heading = "Files")]
    pub root: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub outputs: OutputArgs,
}

/// Nothing is heard.
struct Silence;

impl Source for Silence {
    fn look(&mut self, clock: &dyn Clock) -> Look {
        Look { taken: clock.now(), ..Look::default() }
    }
}

impl ServeArgs {
    /// The server is on, and the folders are allowed beside those of the settings.
    fn table(&self) -> Result<Table, String> {
        let web = Table::from_iter([("enabled".to_owned(), Value::Boolean(true))]);
        let outputs = Table::from_iter([("web".to_owned(), Value::Table(web))]);
        let mut table = Table::from_iter([("outputs".to_owned(), Value::Table(outputs))]);
        if !self.root.is_empty() {
            let real = |root: &PathBuf| {
                let path = root.canonicalize().map_err(|error| format!("--root {}: {error}", root.display()))?;
                Ok(Value::String(path.to_string_lossy().into_owned()))
            };
            let roots = self.root.iter().map(real).collect::<Result<_, String>>()?;
            table.insert("jobs".to_owned(), Value::Table(Table::from_iter([("roots".to_owned(), Value::Array(roots))])));
        }
        Ok(table)
    }
}

/// Runs the command.
pub fn run(args: &ServeArgs) -> Exit {
    let table = match args.table() {
        Ok(table) => table,
        Err(message) => {
            say_error(message);
            return Exit::Usage;
        }
    };
    let mut config = match settings(&args.outputs, table) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    // There is nothing to tell the others.
    config.outputs.retain(|output| output.kind == "web");
    if !args.outputs.quiet {
        say("serving without an input; Ctrl-C ends it");
    }
    let hints = HintDesk::closed("nothing is heard here: `anacrusis live` takes hints");
    let description = "files on request".to_owned();
    let source = Box::new(Silence);
    let show = show::Show { source, kind: SourceKind::None, input: None, hints, description, is_over: &mut || None };
    show::run(show, &config, &args.outputs)
}
