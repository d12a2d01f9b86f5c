//! `anacrusis devices` and what needs a device, by the real binary: without any sound card, and with ALSA's own pretended one.

#![allow(clippy::unwrap_used, reason = "a test that fails panics")]

mod common;

use std::path::Path;

use assert_cmd::Command;
use common::{anacrusis, run, write_wav};

/// The binary on a machine without sound: ALSA's configuration knows no device, and no sound server is reached.
fn without_sound(folder: &Path) -> Command {
    let config = folder.join("asound.conf");
    std::fs::write(&config, "# no device\n").unwrap();
    with_alsa(folder, &config)
}

fn with_alsa(folder: &Path, config: &Path) -> Command {
    let mut command = anacrusis();
    command.env("ALSA_CONFIG_PATH", config).env("PULSE_SERVER", format!("unix:{}", folder.join("no-server").display()));
    command.env("PULSE_RUNTIME_PATH", folder).env("XDG_RUNTIME_DIR", folder).env("ANACRUSIS_CONFIG_DIR", folder);
    command
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_device_every_command_says_so_and_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["devices"], "there is no audio input"),
        (&["devices", "--outputs"], "there is no audio output"),
        (&["devices", "--meter", "1"], "there is no default audio input; there is none"),
        (&["devices", "--meter", "1", "--loopback"], "nothing here records what this machine plays; there is none"),
        (&["devices", "--meter", "1", "--device", "Scarlett"], "no audio input is called \"Scarlett\"; there is none"),
        (&["calibrate"], "there is no default audio output; there is none"),
        (&["calibrate", "--tap"], "there is no default audio output; there is none"),
        (&["calibrate", "--output", "Living room"], "no audio output is called \"Living room\"; there is none"),
        (&["calibrate", "--loopback", "--write", "osc"], "there is no default audio output"),
    ];
    for (args, message) in cases {
        let ran = run(without_sound(folder.path()).args(args));
        assert!(ran.code == 3 && ran.stderr.contains(message), "{args:?}: {} {}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("ALSA lib"), "{}", ran.stderr);
    }
    assert!(!folder.path().join("anacrusis.toml").exists(), "what was not measured is not written");
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_device_json_is_an_empty_list_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(without_sound(folder.path()).args(["devices", "--json"]));
    let listed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &listed["format"], &listed["devices"]), (3, &1.into(), &serde_json::json!([])));
    assert!(listed["loopback_advice"].as_str().unwrap().contains("monitor"));
}

#[test]
fn wrong_usage_is_2() {
    for args in
        [&["devices", "--device", "x"][..], &["devices", "--meter", "0"], &["devices", "--meter", "--outputs"], &["devices", "--no"]]
    {
        assert_eq!(run(anacrusis().args(args)).code, 2, "{args:?}");
    }
}

/// ALSA's `file` plugin over its `null` one takes any configuration and gives the bytes of a file as what it records.
#[cfg(target_os = "linux")]
fn pretended(folder: &Path) -> Command {
    let (config, raw) = (folder.join("asound.conf"), folder.join("in.raw"));
    // A second of a square wave of half scale, 16 bits, two channels.
    let bytes: Vec<u8> = (0..48_000_i32)
        .flat_map(|n| {
            let x = if n / 50 % 2 == 0 { 16_384_i16 } else { -16_384 };
            [x, x / 2]
        })
        .flat_map(i16::to_le_bytes)
        .collect();
    std::fs::write(&raw, bytes).unwrap();
    let text = format!(
        "pcm.pretended {{\n type file\n slave.pcm {{ type null }}\n file /dev/null\n infile \"{}\"\n format raw\n hint {{ show on description \"Pretended card\" }}\n}}\n\
         ctl.pretended {{ type hw card 0 }}\n",
        raw.display()
    );
    std::fs::write(&config, text).unwrap();
    with_alsa(folder, &config)
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_that_alsa_pretends_is_listed_and_metered() {
    let folder = tempfile::tempdir().unwrap();
    let listed = run(pretended(folder.path()).args(["devices", "--json"]));
    let json: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    let Some(device) = json["devices"].as_array().unwrap().iter().find(|device| device["id"] == "alsa:pretended") else {
        // Not every build of ALSA has the plugin.
        eprintln!("SKIPPED: ALSA's file plugin is not there: {} {}", listed.stdout, listed.stderr);
        return;
    };
    assert_eq!((listed.code, &device["host"], &device["is_loopback"]), (0, &"ALSA".into(), &false.into()), "{device}");
    assert!(device["rates_hz"].as_array().unwrap().contains(&48_000.into()), "{device}");

    let metered = run(pretended(folder.path()).args(["devices", "--json", "--meter", "1", "--device", "pretended"]));
    assert_eq!(metered.code, 0, "{}", metered.stderr);
    let line: serde_json::Value = serde_json::from_str(metered.stdout.lines().next().unwrap()).unwrap();
    assert!(line["peak_db"].as_array().is_some_and(|peaks| !peaks.is_empty()), "{line}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_calibration_with_a_device_that_hears_nothing_is_refused_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("quiet.wav");
    write_wav(&wav, &[0.0; 48_000], 48_000);
    std::fs::write(folder.path().join("played.json"), "{\"format\":1,\"clicks_sec\":[0.1,0.5,0.9]}").unwrap();
    let args = ["calibrate", "--write", "osc", "--recording", wav.to_str().unwrap(), "--played"];
    let ran = run(without_sound(folder.path()).args(args).arg(folder.path().join("played.json")));
    assert!(ran.code == 1 && ran.stderr.contains("expected at least 6 clicks that count, got 0"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Turn the volume up") && !folder.path().join("anacrusis.toml").exists());
}
