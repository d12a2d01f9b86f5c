//! What the documents for users tell people to type is understood by this program: command lines by the parser, settings by the
//! outputs that they set up.

use clap::Parser;

use crate::cli::Cli;
use crate::config::Config;
use crate::live::registry::{Shared, drives};

const PAGES: [(&str, &str); 4] = [
    ("README.md", include_str!("../../README.md")),
    ("docs/manual.md", include_str!("../../docs/manual.md")),
    ("docs/faq.md", include_str!("../../docs/faq.md")),
    ("docs/troubleshooting.md", include_str!("../../docs/troubleshooting.md")),
];
/// What a line that runs the program begins with.
const PROGRAMS: [&str; 2] = ["anacrusis", "target/release/anacrusis"];

/// The words of a command as a shell reads them, up to a comment, a pipe or a redirection.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => (quote, word) = (Some(c), Some(word.unwrap_or_default())),
            (None, '|' | '>' | '&') => break,
            (None, '#') if word.is_none() => break,
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Blocks of a language in a page, indented ones too.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let (mut blocks, mut open) = (Vec::new(), None::<String>);
    for line in page.lines().map(str::trim) {
        match &mut open {
            Some(_) if line == "```" => blocks.extend(open.take()),
            Some(block) => *block += &format!("{line}\n"),
            None if line == format!("```{language}") => open = Some(String::new()),
            None => {}
        }
    }
    blocks
}

/// Command lines of a page: of its blocks for a shell, and between backticks where they stand in the text.
fn commands(page: &str) -> Vec<Vec<String>> {
    let in_blocks = blocks(page, "sh").join("");
    let in_text: Vec<&str> =
        page.lines().filter(|line| !line.contains("```")).flat_map(|line| line.split('`').skip(1).step_by(2)).collect();
    let lines = in_blocks.lines().chain(in_text).flat_map(|line| line.split(" | ").collect::<Vec<_>>()).map(words);
    // In a sentence, `anacrusis live` is the command's name and may want more: those that end here are left alone.
    lines.filter(|words| words.len() > 2 && PROGRAMS.contains(&words[0].as_str())).collect()
}

#[test]
fn every_command_line_of_the_documents_is_understood() {
    let mut n_commands = 0;
    for (name, page) in PAGES {
        for command in commands(page) {
            // The text names options by placeholders of their own.
            let is_complete = !command.iter().any(|word| word == "COMMAND");
            if let (true, Err(error)) = (is_complete, Cli::try_parse_from(&command)) {
                panic!("{name}: {}\n{error}", command.join(" "));
            }
            n_commands += 1;
        }
    }
    assert!(n_commands > 50, "{n_commands} commands were found");
}

#[test]
fn the_settings_files_of_the_manual_make_their_outputs() {
    let files = blocks(PAGES[1].1, "toml");
    assert_eq!(files.len(), 2, "a file for visuals and one for lights");
    for file in files {
        let config = Config::from_table(file.parse().unwrap()).unwrap();
        assert_eq!(drives(&config, &Shared::default()).map_err(|error| error.to_string()).unwrap().len(), 3, "{file}");
    }
}

#[test]
fn lines_are_cut_as_a_shell_cuts_them() {
    assert_eq!(words("anacrusis port use \"Synth:MIDI 1\"   # one of them; or"), ["anacrusis", "port", "use", "Synth:MIDI 1"]);
    assert_eq!(words("anacrusis analyze --hint '4 half' a#b.wav > out"), ["anacrusis", "analyze", "--hint", "4 half", "a#b.wav"]);
    assert!(words("  # nothing").is_empty() && words("").is_empty());
    assert_eq!(commands("see `anacrusis live` and `anacrusis live --web`\n```sh\nx | anacrusis live -q\n```\n").len(), 2);
}
