//! `anacrusis completions` and `anacrusis man`: what shells and the manual know of the command line, made from its definition.
//! Main thread.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::exit::{Exit, say, say_error, write_stdout};

/// Name of the program.
const PROGRAM: &str = "anacrusis";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  anacrusis completions bash > ~/.local/share/bash-completion/completions/anacrusis
  anacrusis completions zsh > ~/.zfunc/_anacrusis        with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc
  anacrusis completions fish > ~/.config/fish/completions/anacrusis.fish
  anacrusis completions powershell >> $PROFILE";

const MAN_EXAMPLES: &str = "\
Examples:
  anacrusis man | man -l -                             read the main page now
  anacrusis man --out ~/.local/share/man/man1          all pages, for `man anacrusis-live`";

/// Print the completion script of a shell
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Print the manual page, or write all of them, one for each command
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManArgs {
    /// Folder for all pages; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Runs `completions`.
pub fn run_completions(args: &CompletionsArgs) -> Exit {
    finish(write_stdout(&script(args.shell)), "write to standard output")
}

/// Runs `man`.
pub fn run_man(args: &ManArgs) -> Exit {
    let pages = match pages() {
        Ok(pages) => pages,
        Err(error) => return finish(Err(error), "make the manual"),
    };
    match &args.out {
        Some(folder) => {
            let exit = finish(save(&pages, folder), &format!("write the manual to {}", folder.display()));
            if exit == Exit::Ok {
                say(format_args!("{} pages in {}", pages.len(), folder.display()));
            }
            exit
        }
        None => finish(pages.first().map_or(Ok(()), |(_, page)| write_stdout(page)), "write to standard output"),
    }
}

fn finish(outcome: io::Result<()>, what: &str) -> Exit {
    match outcome {
        Ok(()) => Exit::Ok,
        Err(error) => {
            say_error(format_args!("cannot {what}: {error}"));
            Exit::Failed
        }
    }
}

/// The completion script of a shell.
pub fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut script);
    script
}

/// The manual pages, by file name: the program's first, then those of its commands and of theirs.
///
/// # Errors
/// None in practice: pages are made in memory.
pub fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    // The page of `help` would say nothing that the others do not.
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    add_pages(&command, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    pages.push((man.get_filename(), page));
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        add_pages(subcommand, pages)?;
    }
    Ok(())
}

fn save(pages: &[(String, Vec<u8>)], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    pages.iter().try_for_each(|(name, page)| fs::write(folder.join(name), page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    fn names() -> Vec<String> {
        Cli::command().get_subcommands().filter(|command| !command.is_hide_set()).map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn every_shell_completes_every_command() {
        assert!(Shell::value_variants().len() >= 5);
        for &shell in Shell::value_variants() {
            let script = String::from_utf8(script(shell)).unwrap();
            for name in names() {
                assert!(script.contains(&name), "{shell}: {name}");
            }
            assert!(script.contains("json"), "{shell}: options too");
        }
    }

    #[test]
    fn every_command_has_a_page_that_says_what_it_is() {
        let pages = pages().unwrap();
        assert_eq!(pages[0].0, "anacrusis.1");
        let main = String::from_utf8(pages[0].1.clone()).unwrap();
        for name in names() {
            let file = format!("anacrusis-{name}.1");
            let page = pages.iter().find(|(page, _)| *page == file).map(|(_, page)| String::from_utf8(page.clone()).unwrap());
            let page = page.unwrap_or_else(|| panic!("{file} is missing"));
            assert!(page.contains(".TH") && page.contains(".SH SYNOPSIS"), "{page}");
            // roff writes a hyphen with a backslash.
            assert!(main.contains(&format!("anacrusis\\-{name}(1)")), "{name} is not in the main page");
        }
        assert!(pages.iter().any(|(name, _)| name == "anacrusis-port-use.1"), "and so have the commands of commands");
    }

    #[test]
    fn pages_are_saved_under_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("share/man1");
        save(&pages().unwrap(), &below).unwrap();
        assert!(fs::read_to_string(below.join("anacrusis-doctor.1")).unwrap().contains("doctor"));
        assert!(save(&pages().unwrap(), &below.join("anacrusis.1")).is_err(), "a file in the way");
    }
}
