//! `anacrusis bridge`: says through every output what an instance of the plugin hears, read from its feed. Main thread.

use std::path::PathBuf;

use runtime_core::bus::shm::{FeedClock, FeedReader, feed_directory};
use toml::Table;

use crate::api::state::SourceKind;
use crate::exit::{Exit, say_error, write_stdout};
use crate::live::args::OutputArgs;
use crate::live::feed_source::{FeedChoice, FeedSource};
use crate::live::hint_desk::HintDesk;
use crate::live::{settings, show};

const EXAMPLES: &str = "\
Examples:
  anacrusis bridge --list                    the instances that run
  anacrusis bridge --web --os2l              the one that was heard last; follows restarts
  anacrusis bridge --name Drums --link --link-arm

Ctrl-C ends it. Exit codes: 0 ended, 1 feeds cannot be listed, 2 wrong usage.";

/// Tell other programs and devices what a running plugin hears
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct BridgeArgs {
    /// List the feeds that there are, and end
    #[arg(long, help_heading = "Feed")]
    pub list: bool,
    /// The feed of this name, as --list prints it [default: the one that was written to last]
    #[arg(long, value_name = "NAME", help_heading = "Feed")]
    pub name: Option<String>,
    /// This file, and whatever takes its place
    #[arg(long, value_name = "FILE", conflicts_with = "name", help_heading = "Feed")]
    pub feed: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment on a flattened field would replace the command's own help")]
    pub outputs: OutputArgs,
}

/// Runs the command.
pub fn run(args: &BridgeArgs) -> Exit {
    let folder = match feed_directory() {
        Ok(folder) => folder,
        Err(error) => {
            say_error(error);
            return Exit::Failed;
        }
    };
    if args.list {
        return list(&folder);
    }
    let config = match settings(&args.outputs, Table::new()) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let (choice, description) = match (&args.feed, &args.name) {
        (Some(path), _) => (FeedChoice::File(path.clone()), format!("feed {}", path.display())),
        (None, Some(name)) => (FeedChoice::Newest { folder, name: Some(name.clone()) }, format!("feed of {name:?}")),
        (None, None) => (FeedChoice::Newest { folder, name: None }, "the newest feed".to_owned()),
    };
    let source = Box::new(FeedSource::new(choice));
    let hints = HintDesk::closed("the plugin takes hints by its own parameters: a feed is only read");
    let show = show::Show { source, kind: SourceKind::Bridge, input: None, hints, description, is_over: &mut || None };
    show::run(show, &config, &args.outputs)
}

/// A line a feed: name, process, alive or not, file.
fn list(folder: &std::path::Path) -> Exit {
    let feeds = match FeedReader::list(folder) {
        Ok(feeds) => feeds,
        Err(error) => {
            say_error(error);
            return Exit::Failed;
        }
    };
    let now = FeedClock::now();
    let line = |feed: &runtime_core::bus::shm::Feed| {
        let state = if feed.header.is_alive(now) { "alive" } else { "dead" };
        format!("{}\t{state}\tprocess {}\t{}\n", feed.header.name, feed.header.pid, feed.path.display())
    };
    let text: String = feeds.iter().map(line).collect();
    if text.is_empty() {
        crate::exit::say("there is no feed: load the plugin in a host, or run `anacrusis live`");
    }
    match write_stdout(text.as_bytes()) {
        Ok(()) => Exit::Ok,
        Err(error) => {
            say_error(format_args!("cannot write to standard output: {error}"));
            Exit::Failed
        }
    }
}
