//! `anacrusis port` by the real binary, with or without MIDI on the machine.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;

use common::{Ran, anacrusis, run};

fn port(folder: &Path, args: &[&str]) -> Ran {
    run(anacrusis().env("ANACRUSIS_CONFIG_DIR", folder).arg("port").args(args))
}

#[test]
fn a_choice_is_kept_for_this_machine_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    assert!(port(folder.path(), &["show"]).stdout.starts_with("nothing chosen"));
    for (args, shown) in [
        (&["use", "a port that nobody has", "--absent"][..], "existing \"a port that nobody has\"\n"),
        (&["virtual", "My clock"], "virtual \"My clock\"\n"),
        (&["off"], "off\n"),
    ] {
        if cfg!(windows) && args[0] == "virtual" {
            assert_eq!(port(folder.path(), args).code, 3, "there are no virtual ports");
            continue;
        }
        let ran = port(folder.path(), args);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
        assert_eq!(port(folder.path(), &["show"]).stdout, shown);
    }
}

#[test]
fn a_port_that_is_not_there_is_refused_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ran = port(folder.path(), &["use", "a port that nobody has"]);
    assert!(ran.code == 3 && ran.stderr.contains("MIDI"), "{}", ran.stderr);
    assert_eq!(port(folder.path(), &["virtual", " "]).code, 2, "no port can have this name");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn list_prints_names_or_says_that_there_is_no_midi() {
    let folder = tempfile::tempdir().unwrap();
    let ran = port(folder.path(), &["list"]);
    match ran.code {
        0 => assert!(!ran.stdout.is_empty() || ran.stderr.contains("no MIDI port")),
        3 => assert!(ran.stdout.is_empty() && ran.stderr.contains("MIDI is not available"), "{}", ran.stderr),
        code => panic!("{code}: {}", ran.stderr),
    }
}

#[test]
fn a_broken_choice_is_an_error_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("midi-port.json"), "loud").unwrap();
    let ran = port(folder.path(), &["show"]);
    assert!(ran.code == 1 && ran.stderr.contains("midi-port.json"), "{}", ran.stderr);
}
