//! Files analysed by the HTTP API of the real binary: as jobs, across restarts, and whatever is sent in their place.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails with it")]

mod common;
#[path = "common/http.rs"]
mod http;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anacrusis::formats::Format;
use clap::ValueEnum;
use common::{anacrusis, clicks, run, write_wav};
use http::{Server, free_port, sse};
use serde_json::{Value, json};

/// `anacrusis serve`, killed when dropped.
struct Serving {
    child: Child,
    server: Server,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("anacrusis"));
        command.args(["serve", "--quiet", "--web", &address]).args(arguments).env("ANACRUSIS_CONFIG_DIR", folder);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Server { address };
        server.wait(&mut child);
        Self { child, server }
    }

    fn upload(&self, name: &str, bytes: &[u8]) -> u64 {
        let answer = self.server.upload(&format!("/api/v1/jobs?name={name}"), bytes);
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_u64().unwrap()
    }

    /// Waits until a job is over.
    fn over(&self, id: u64) -> Value {
        self.server.until(&format!("/api/v1/jobs/{id}"), |job| job["status"] != "queued" && job["status"] != "running")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/demo/band_112_4.wav")
}

/// Bytes of a click track, at the lowest rate that there is.
fn wav(folder: &Path, n_seconds: f64) -> Vec<u8> {
    const RATE_HZ: u32 = 8_000;
    let path = folder.join("made.wav");
    write_wav(&path, &clicks(n_seconds, RATE_HZ), RATE_HZ);
    std::fs::read(path).unwrap()
}

#[test]
fn an_upload_gives_what_analyze_gives_byte_for_byte_and_tells_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let server = &serving.server;
    assert_eq!(server.get("/api/v1/jobs").json()["jobs"], json!([]));
    assert!(!folder.path().join("data/jobs").exists(), "nothing is made before the first job");
    let bytes = std::fs::read(demo()).unwrap();
    let id = serving.upload("band_112_4.wav", &bytes);
    let told = sse(&server.get(&format!("/api/v1/jobs/{id}/events")).body);
    let (_, last, job) = told.last().unwrap();
    assert_eq!((last.as_str(), &job["status"], &job["progress"]), ("end", &json!("done"), &json!(1.0)));
    let beats: Vec<_> = told.iter().filter(|(_, event, _)| event == "beat").collect();
    assert!(beats.len() > 40, "{}", beats.len());
    assert!(told.iter().filter(|(_, event, _)| event == "progress").count() > 2);
    let ids: Vec<u64> = told.iter().filter_map(|(id, _, _)| *id).collect();
    assert_eq!(ids, (0..ids.len() as u64).collect::<Vec<_>>());
    // From the tenth on, as if the connection had broken.
    let resumed = sse(&server.ask("GET", &format!("/api/v1/jobs/{id}/events"), "Last-Event-ID: 9\r\n", b"").body);
    let again: Vec<_> = resumed.iter().filter(|(id, _, _)| id.is_some()).collect();
    assert_eq!(again, told.iter().filter(|(id, _, _)| id.is_some_and(|id| id > 9)).collect::<Vec<_>>());

    let here = folder.path().join("here");
    std::fs::create_dir(&here).unwrap();
    std::fs::copy(demo(), here.join("band_112_4.wav")).unwrap();
    let names: Vec<String> =
        Format::value_variants().iter().map(|format| format.to_possible_value().unwrap().get_name().to_owned()).collect();
    let ran = run(anacrusis().current_dir(&here).args(["analyze", "band_112_4.wav", "--format", &names.join(",")]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(server.get("/api/v1/jobs").json()["formats"], json!(names));
    for (format, name) in Format::value_variants().iter().zip(&names) {
        let result = server.get(&format!("/api/v1/jobs/{id}/result/{name}"));
        assert_eq!(result.status, 200, "{name}");
        assert!(result.head.contains(&format!("content-type: {}", format.media_type())), "{name}: {}", result.head);
        let expected = std::fs::read(here.join(format!("band_112_4.{}", format.suffix()))).unwrap();
        // The report of a file that lies here has a link to it.
        if *format == Format::Report {
            assert!(result.head.contains("sandbox allow-scripts") && result.body.starts_with(b"<!doctype html>"), "{}", result.head);
        } else {
            assert!(result.body == expected, "{name}: {} bytes, {} expected", result.body.len(), expected.len());
        }
    }
    assert_eq!(server.get(&format!("/api/v1/jobs/{id}/result/mp3")).code(), "not_found");
    assert_eq!(server.send("DELETE", &format!("/api/v1/jobs/{id}"), "").status, 204);
    assert_eq!(server.get(&format!("/api/v1/jobs/{id}")).code(), "not_found");
}

#[test]
fn options_count_and_bad_files_fail_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let server = &serving.server;
    let bytes = wav(folder.path(), 20.0);
    let half = server.upload("/api/v1/jobs?name=a.wav&meter=3&hints=8%20half", &bytes).json();
    assert_eq!(half["options"], json!({ "offline": false, "meter": 3, "hints": ["8 half"] }));
    let offline = server.upload("/api/v1/jobs?offline=true", &bytes).json();
    let broken = serving.upload("noise.wav", b"this is no sound at all, whatever it says");
    let job = serving.over(half["id"].as_u64().unwrap());
    assert_eq!(job["status"], "done", "{job}");
    let document = server.get(&format!("/api/v1/jobs/{}/result/json", job["id"])).json();
    assert_eq!((&document["beats_per_bar"], &document["in_force"]["meter"]), (&json!(3), &json!(3)), "{}", document["in_force"]);
    assert_eq!(serving.over(offline["id"].as_u64().unwrap())["status"], "done");
    let failed = serving.over(broken);
    let reason = failed["error"].as_str().unwrap();
    assert!(failed["status"] == "failed" && !reason.is_empty(), "{failed}");
    let ran = run(anacrusis().args(["analyze", "--stdout", "-"]).write_stdin(&b"this is no sound at all, whatever it says"[..]));
    assert!(ran.stderr.contains(reason), "{} {reason}", ran.stderr);
    assert_eq!(server.get(&format!("/api/v1/jobs/{broken}/result/json")).code(), "no_results");
    // One that breaks off has what comes before.
    let cut = serving.upload("cut.wav", &bytes[..bytes.len() / 2]);
    let job = serving.over(cut);
    assert_eq!((job["status"].as_str(), job["has_results"].as_bool()), (Some("failed"), Some(true)), "{job}");
    assert_eq!(server.get(&format!("/api/v1/jobs/{cut}/result/beats")).status, 200);
}

#[cfg(unix)]
#[test]
fn a_killed_program_is_gone_on_with_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Serving::start(folder.path(), &[]);
    let long = first.upload("long.wav", &wav(folder.path(), 240.0));
    let short = first.upload("short.wav", &wav(folder.path(), 15.0));
    first.server.until(&format!("/api/v1/jobs/{long}"), |job| job["status"] != "queued" && job["progress"] != 0.0);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let second = Serving::start(folder.path(), &[]);
    let before = second.server.get(&format!("/api/v1/jobs/{short}")).json();
    assert_eq!((&before["status"], &before["name"]), (&json!("queued"), &json!("short.wav")));
    // Another program with the same folder is told who has them.
    let other = Serving::start(folder.path(), &[]);
    assert_eq!(other.server.get("/api/v1/jobs").code(), "elsewhere");
    for id in [long, short] {
        assert_eq!(second.over(id)["status"], "done");
        assert_eq!(second.server.get(&format!("/api/v1/jobs/{id}/result/beats")).status, 200);
    }
}

#[test]
fn a_hundred_wait_and_any_of_them_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--set", "jobs.max_queued=101"]);
    let server = &serving.server;
    let long = serving.upload("long.wav", &wav(folder.path(), 3_600.0));
    server.until(&format!("/api/v1/jobs/{long}"), |job| job["status"] == "running");
    let bytes = wav(folder.path(), 3.0);
    let ids: Vec<u64> = (0..101).map(|_| serving.upload("short.wav", &bytes)).collect();
    assert_eq!(server.upload("/api/v1/jobs", &bytes).code(), "full");
    assert_eq!(server.get("/api/v1/jobs").json()["jobs"].as_array().unwrap().len(), 102);
    let cancelled = server.send("DELETE", &format!("/api/v1/jobs/{}", ids[50]), "");
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")));
    assert_eq!(server.send("DELETE", &format!("/api/v1/jobs/{long}"), "").json()["status"], "cancelled");
    assert_eq!(serving.over(long)["status"], "cancelled");
    let told = sse(&server.get(&format!("/api/v1/jobs/{}/events", ids[50])).body);
    assert_eq!(told.last().unwrap().2["status"], "cancelled");
    // In their order: when the fifth is done, so are those before it. The others are not waited for.
    assert_eq!(serving.over(ids[4])["status"], "done");
    assert!(ids[..4].iter().all(|id| server.get(&format!("/api/v1/jobs/{id}")).json()["status"] == "done"));
    let last = server.send("DELETE", &format!("/api/v1/jobs/{}", ids[100]), "");
    assert!(last.status == 200 || last.status == 204, "{last:?}");
}

#[test]
fn only_files_below_a_root_may_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("music");
    std::fs::create_dir_all(root.join("in")).unwrap();
    std::fs::write(folder.path().join("secret.wav"), wav(folder.path(), 3.0)).unwrap();
    std::fs::write(root.join("in/song.wav"), wav(folder.path(), 15.0)).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.path().join("secret.wav"), root.join("link.wav")).unwrap();
    let serving = Serving::start(folder.path(), &["--root", root.to_str().unwrap()]);
    let ask = |path: &str| serving.server.send("POST", "/api/v1/jobs", &json!({ "path": path }).to_string());
    let outside = folder.path().join("secret.wav");
    for given in ["../secret.wav", "in/../../secret.wav", outside.to_str().unwrap(), "/etc/passwd", "", "in/song.wav\0"] {
        let answer = ask(given);
        assert_eq!((answer.status, answer.code().as_str()), (403, "outside"), "{given:?}");
    }
    #[cfg(unix)]
    assert_eq!(ask("link.wav").code(), "outside");
    assert_eq!((ask("in/none.wav").code().as_str(), ask("in").code().as_str()), ("not_found", "no_file"));
    let job = ask("in/song.wav").json();
    assert_eq!(serving.over(job["id"].as_u64().unwrap())["status"], "done");
    assert!(root.join("in/song.wav").exists(), "it is the user's");
    let closed = Serving::start(&folder.path().join("music"), &[]);
    assert_eq!(closed.server.send("POST", "/api/v1/jobs", r#"{"path":"x"}"#).code(), "no_roots");
}

#[test]
fn what_is_no_job_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &["--set", "jobs.max_upload_mb=1"]);
    let server = &serving.server;
    let large = server.upload("/api/v1/jobs", &vec![0; 1_000_001]);
    assert_eq!((large.status, large.code().as_str()), (413, "too_large"));
    let octets = "Content-Type: application/octet-stream\r\n";
    let json_body = "Content-Type: application/json\r\n";
    for (path, headers, body, status, code) in [
        ("/api/v1/jobs", octets, "", 400, "body"),
        ("/api/v1/jobs", "Content-Type: text/plain\r\n", "x", 415, "media_type"),
        ("/api/v1/jobs", "Content-Type: multipart/form-data; boundary=x\r\n", "x", 415, "media_type"),
        ("/api/v1/jobs", "", "x", 415, "media_type"),
        ("/api/v1/jobs?meter=9", octets, "x", 422, "options"),
        ("/api/v1/jobs?meter=x", octets, "x", 400, "query"),
        ("/api/v1/jobs?tempo=1000", octets, "x", 422, "options"),
        ("/api/v1/jobs?bpm_range=70", octets, "x", 400, "query"),
        ("/api/v1/jobs?offline=true&hints=1%20tap", octets, "x", 422, "options"),
        ("/api/v1/jobs", json_body, r#"{"path":"x","colour":1}"#, 400, "body"),
        ("/api/v1/jobs", json_body, r#"{"path":"x","options":{"meter":1}}"#, 422, "options"),
    ] {
        let answer = server.ask("POST", path, headers, body.as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path} {headers}{body}: {answer:?}");
    }
    for id in ["1", "0", "-1", "x", "99999999999999999999999", "%00"] {
        assert_eq!(server.get(&format!("/api/v1/jobs/{id}")).status, 404, "{id}");
        assert_eq!(server.send("DELETE", &format!("/api/v1/jobs/{id}"), "").status, 404, "{id}");
        assert_eq!(server.get(&format!("/api/v1/jobs/{id}/result/json")).status, 404, "{id}");
    }
    assert!(!folder.path().join("data/jobs/uploads").read_dir().is_ok_and(|mut left| left.next().is_some()), "nothing is left of them");
}
