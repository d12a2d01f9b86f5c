//! What docs/api.md shows is what the program does: every example is run by curl against the real binary.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

mod common;
#[path = "common/http.rs"]
mod http;

use std::process::{Command, Stdio};

use anacrusis::api::openapi::document;
use common::{RATE_HZ, clicks, write_wav};
use http::{Server, free_port};

const API: &str = include_str!("../../docs/api.md");

/// The lines of the examples that ask.
fn examples() -> Vec<&'static str> {
    let blocks = API.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| line.starts_with("curl ")).collect()
}

#[cfg(unix)]
#[test]
fn every_example_runs() {
    assert!(examples().len() >= 15, "{:?}", examples());
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no curl");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_wav(&folder.path().join("song.wav"), &clicks(20.0, RATE_HZ), RATE_HZ);
    let address = format!("127.0.0.1:{}", free_port());
    let mut live = Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"))
        .args(["live", "--file", "song.wav", "--repeat", "--no-feed", "--quiet", "--web", &address])
        .env("ANACRUSIS_CONFIG_DIR", folder.path())
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let server = Server { address };
    server.wait(&mut live);
    server.until("/api/v1/state", |state| state["state"]["locked"] == true);
    let mut failures = Vec::new();
    for example in examples() {
        let shell = Command::new("sh")
            .args(["-c", example])
            .env("HOST", format!("http://{}", server.address))
            .current_dir(folder.path())
            .output()
            .unwrap();
        if !shell.status.success() {
            failures.push(format!("{example}: {}{}", String::from_utf8_lossy(&shell.stdout), String::from_utf8_lossy(&shell.stderr)));
        }
    }
    live.kill().unwrap();
    live.wait().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(std::fs::metadata(folder.path().join("song.beats")).unwrap().len() > 0);
}

#[test]
fn the_document_names_every_setting_and_links_lead_somewhere() {
    let settings = toml::Table::try_from(anacrusis::api::jobs::config::JobsConfig::default()).unwrap();
    for key in settings.keys() {
        assert!(API.contains(&format!("| `{key}` |")), "docs/api.md does not explain jobs.{key}");
    }
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for link in API.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
        assert!(docs.join(link).exists(), "docs/api.md links to {link}");
    }
    for path in document().paths.paths.keys().filter(|path| !path.contains('{')) {
        assert!(API.contains(path.as_str()) || API.contains(path.rsplit('/').next().unwrap()), "docs/api.md does not name {path}");
    }
}
