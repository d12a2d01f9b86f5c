//! `anacrusis completions` and `anacrusis man` by the real binary: each shell's script is one that the shell takes, each page is there.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::process::{Command, Stdio};

use common::{anacrusis, names_in, run};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = run(anacrusis().arg("--help")).stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<String> =
        listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect();
    assert!(names.len() >= 10, "{help}");
    names
}

#[test]
fn every_shell_gets_a_script_that_names_every_command() {
    for shell in SHELLS {
        let ran = run(anacrusis().args(["completions", shell]));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{shell}");
        for name in commands() {
            assert!(ran.stdout.contains(&name), "{shell}: {name}");
        }
    }
    let unknown = run(anacrusis().args(["completions", "cmd"]));
    assert!(unknown.code == 2 && unknown.stderr.contains("powershell"), "{}", unknown.stderr);
}

#[test]
fn the_shells_that_are_here_take_their_scripts() {
    let folder = tempfile::tempdir().unwrap();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = folder.path().join(shell);
        std::fs::write(&script, run(anacrusis().args(["completions", shell])).stdout).unwrap();
        match Command::new(shell).arg(check).arg(&script).stderr(Stdio::piped()).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => eprintln!("SKIPPED: {shell} is not here"),
        }
    }
}

#[test]
fn every_command_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man1");
    let ran = run(anacrusis().args(["man", "--out"]).arg(&out));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    let pages = names_in(&out);
    assert!(pages.contains(&"anacrusis.1".to_owned()) && pages.contains(&"anacrusis-port-use.1".to_owned()), "{pages:?}");
    for name in commands() {
        let page = std::fs::read_to_string(out.join(format!("anacrusis-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && page.contains(&format!("anacrusis\\-{name}")), "{page}");
    }
    let main = run(anacrusis().arg("man"));
    assert!(main.code == 0 && main.stdout.contains(".TH anacrusis 1"), "{}", main.stdout);
    std::fs::write(folder.path().join("file"), "").unwrap();
    let refused = run(anacrusis().args(["man", "--out"]).arg(folder.path().join("file")));
    assert!(refused.code == 1 && refused.stderr.contains("cannot write the manual to"), "{}", refused.stderr);
}
