//! What both reports have in common: what was measured, and the two forms in which they are put out. Any thread.

use std::fmt::Write;

use serde::Serialize;

use super::machine::Machine;

/// What was measured: program, machine, networks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// Version of this program.
    pub version: &'static str,
    /// Where it ran.
    pub machine: Machine,
    /// Whether the build is optimised as a release is; other figures say little.
    pub release_build: bool,
    /// Names of the networks; empty where the spectral flux ran.
    pub models: Vec<String>,
}

impl Subject {
    /// This program on this machine with these networks.
    pub(super) fn this(models: Vec<String>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), machine: Machine::this(), release_build: !cfg!(debug_assertions), models }
    }

    /// The first lines of a table. `how` follows the names of the networks.
    pub(super) fn write_head(&self, out: &mut String, how: &str) -> std::fmt::Result {
        let Machine { cpu, n_cores, os, arch } = &self.machine;
        let activation = if self.models.is_empty() { "spectral flux".to_owned() } else { self.models.join(" + ") };
        let build = if self.release_build { "release build" } else { "NOT a release build: figures say little" };
        writeln!(out, "machine       {}, {n_cores} cores, {os} {arch}", cpu.as_deref().unwrap_or("unknown processor"))?;
        writeln!(out, "program       anacrusis {}, {build}", self.version)?;
        writeln!(out, "analysis      {activation}{how}")
    }
}

/// A report as one JSON document.
pub(super) fn json_of(report: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("numbers, strings and lists make JSON");
    text.push('\n');
    text
}

/// What `write` writes as aligned text for people.
pub(super) fn table_of(write: impl FnOnce(&mut String) -> std::fmt::Result) -> String {
    let mut text = String::new();
    write(&mut text).expect("writing to a String cannot fail");
    // Columns are padded; blanks at the end of a line are nobody's concern.
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Subject {
        /// A machine that tells little about itself.
        pub(in super::super) fn sample(models: &[&str]) -> Self {
            Self {
                version: "0",
                machine: Machine { cpu: None, n_cores: 2, os: "linux", arch: "x86_64" },
                release_build: true,
                models: models.iter().map(|&name| name.to_owned()).collect(),
            }
        }
    }

    fn head(subject: &Subject, how: &str) -> String {
        table_of(|out| subject.write_head(out, how))
    }

    #[test]
    fn a_head_names_machine_program_and_networks() {
        assert_eq!(
            head(&Subject::sample(&["a", "b"]), "; exact decoder"),
            "machine       unknown processor, 2 cores, linux x86_64\n\
             program       anacrusis 0, release build\n\
             analysis      a + b; exact decoder\n"
        );
        let slow = Subject { release_build: false, ..Subject::sample(&[]) };
        assert!(head(&slow, "").contains("NOT a release build") && head(&slow, "").ends_with("analysis      spectral flux\n"));
    }
}
