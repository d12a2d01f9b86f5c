//! `packaging/install.sh` as a stranger runs it: in an archive, with a home of one's own.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What `cargo xtask dist` lays out, as far as the script looks at it.
const FILES: [&str; 8] = [
    "Anacrusis.clap",
    "Anacrusis.vst3/Contents/x86_64-linux/Anacrusis.so",
    "Anacrusis.vst3/Contents/Resources/LICENSE-MIT",
    "anacrusis",
    "anacrusis-standalone",
    "man/man1/anacrusis.1",
    "completions/anacrusis.bash",
    "completions/anacrusis.fish",
];
/// Where a file of each lies afterwards, below the home.
const PLACES: [&str; 8] = [
    ".clap/Anacrusis.clap",
    ".vst3/Anacrusis.vst3/Contents/x86_64-linux/Anacrusis.so",
    ".vst3/Anacrusis.vst3/Contents/Resources/LICENSE-MIT",
    ".local/bin/anacrusis",
    ".local/bin/anacrusis-standalone",
    ".local/share/man/man1/anacrusis.1",
    ".local/share/bash-completion/completions/anacrusis",
    ".config/fish/completions/anacrusis.fish",
];

/// An archive that was unpacked, and somebody's home.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().expect("a folder") };
        machine.unpack("first");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/install.sh");
        fs::copy(script, machine.archive().join("install.sh")).expect("the script is there");
        fs::create_dir_all(machine.home()).expect("a home");
        machine
    }

    fn archive(&self) -> PathBuf {
        // With a space, as downloads have them.
        self.folder.path().join("an archive")
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("some one")
    }

    /// Makes every file of the archive say its name and `version`.
    fn unpack(&self, version: &str) {
        for file in FILES {
            write(&self.archive().join(file), &format!("{file} {version}"));
        }
    }

    fn script(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command.arg(self.archive().join("install.sh")).args(arguments).env("HOME", self.home()).env_remove("XDG_DATA_HOME");
        command.output().expect("a shell")
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.script(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// All files below the home.
    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = xtask::folders::files_below(&self.home()).expect("a home");
        files.iter_mut().for_each(|file| *file = file.strip_prefix(self.home()).expect("below it").to_owned());
        files
    }

    fn says(&self, place: &str) -> String {
        fs::read_to_string(self.home().join(place)).expect("it was copied")
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
    fs::write(path, text).expect("files can be written");
}

#[test]
fn what_is_installed_is_there_is_renewed_and_goes_away_again() {
    let machine = Machine::new();
    assert!(machine.succeeds(&["--dry-run"]).contains("nothing was changed"));
    assert_eq!(machine.files(), Vec::<PathBuf>::new());

    machine.succeeds(&[]);
    for (place, file) in PLACES.iter().zip(FILES) {
        assert_eq!(machine.says(place), format!("{file} first"));
    }
    assert_eq!(machine.files().len(), PLACES.len() + 1, "and the record");

    machine.unpack("second");
    machine.succeeds(&[]);
    assert_eq!(machine.says(PLACES[0]), format!("{} second", FILES[0]), "a newer version replaces its own files");

    assert!(machine.succeeds(&["--uninstall", "--dry-run"]).contains("would delete"));
    assert_eq!(machine.files().len(), PLACES.len() + 1);
    machine.succeeds(&["--uninstall"]);
    assert_eq!(machine.files(), Vec::<PathBuf>::new());
    assert!(!machine.home().join(".vst3/Anacrusis.vst3").exists(), "its folders are gone, too");
    assert!(machine.succeeds(&["--uninstall"]).contains("nothing is installed"));
}

#[test]
fn files_of_others_are_neither_replaced_nor_deleted() {
    let machine = Machine::new();
    write(&machine.home().join(PLACES[3]), "mine");
    let refused = machine.script(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("was not installed by this program: move it away first"));
    assert_eq!(machine.files(), [PathBuf::from(PLACES[3])], "all places are looked at before the first is changed");

    fs::remove_file(machine.home().join(PLACES[3])).expect("it was there");
    machine.succeeds(&[]);
    write(&machine.home().join(PLACES[0]), "patched by hand");
    write(&machine.home().join(".vst3/Other.vst3/plugin.so"), "of another maker");
    assert!(machine.succeeds(&["--uninstall"]).contains("left alone, changed since it was installed"));
    assert_eq!(machine.says(PLACES[0]), "patched by hand");
    assert!(machine.home().join(".vst3/Other.vst3/plugin.so").is_file());
    assert_eq!(machine.files().len(), 3, "those two, and the record that still names one");
}

#[test]
fn what_is_not_understood_changes_nothing() {
    let machine = Machine::new();
    let refused = machine.script(&["--purge"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("unknown option --purge"));
    assert_eq!(machine.files(), Vec::<PathBuf>::new());
    assert!(machine.succeeds(&["--help"]).contains("--uninstall"));
}
