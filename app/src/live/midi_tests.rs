//! MIDI notes through a port that writes down, one that is unplugged, and one of the system where there is one.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use midi_port::fake::{FakeClock, FakePort};
use outputs::event::{Lock, Section};
use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;

fn at(mono_ns: u64) -> Moment {
    Moment { mono_ns, unix_ns: 0 }
}

fn beat(beat_in_bar: u8, intensity: f32) -> Event {
    Event::Beat(Beat { beat_in_bar, beats_per_bar: 4, intensity, ..Beat::default() })
}

fn over(port: &FakePort<FakeClock>, config: MidiNotesConfig) -> MidiNotes {
    let port = port.clone();
    MidiNotes::with_opener(config, Box::new(move || Ok(Box::new(port.open()?))))
}

fn fake() -> FakePort<FakeClock> {
    FakePort::new(FakeClock::default())
}

fn bytes(port: &FakePort<FakeClock>) -> Vec<Vec<u8>> {
    port.received().into_iter().map(|message| message.bytes).collect()
}

#[test]
fn beats_are_notes_of_fifty_milliseconds_and_downbeats_another_one() {
    let port = fake();
    let config = MidiNotesConfig { channel: 10, section_cc: None, hazard_cc: None, confidence_cc: None, ..MidiNotesConfig::default() };
    let mut output = over(&port, config);
    assert_eq!(output.frame_interval(), None);
    output.open().unwrap();
    output.event(&beat(1, 1.0), at(0)).unwrap();
    output.poll(at(49 * MS)).unwrap();
    assert_eq!(bytes(&port), [[0x99, 36, 127]]);
    output.poll(at(50 * MS)).unwrap();
    output.event(&beat(2, 0.0), at(500 * MS)).unwrap();
    // The next beat comes before anybody polled: the note before ends first.
    output.event(&beat(3, f32::NAN), at(600 * MS)).unwrap();
    assert_eq!(bytes(&port)[1..], [[0x89, 36, 0], [0x99, 37, 64], [0x89, 37, 0], [0x99, 37, 1]]);
    output.close();
    assert_eq!(bytes(&port).last().unwrap(), &[0x89, 37, 0]);
}

#[test]
fn section_hazard_and_confidence_are_controllers_and_only_changes_are_sent() {
    let port = fake();
    let mut output = over(&port, MidiNotesConfig::default());
    output.open().unwrap();
    let view = View { hazard_probs: [0.0, 0.1, 0.2, 0.5, 1.0], confidence: 1.0, ..View::default() };
    output.frame(&view).unwrap();
    output.frame(&view).unwrap();
    output.event(&Event::Section(Section { section: 4, ..Section::default() }), at(0)).unwrap();
    output.event(&Event::Lock(Lock::default()), at(0)).unwrap();
    assert_eq!(bytes(&port), [[0xb0, 20, 0], [0xb0, 21, 64], [0xb0, 22, 127], [0xb0, 20, 5]]);
    assert_eq!(output.detail(), "own port, channel 1, section chorus");
    drop(output);
    assert_eq!(bytes(&port)[4..], [[0xb0, 20, 0], [0xb0, 21, 0], [0xb0, 22, 0]]);
}

#[test]
fn a_note_that_sounds_when_the_port_is_lost_ends_when_it_is_back() {
    let port = fake();
    let mut output = over(&port, MidiNotesConfig::default());
    output.open().unwrap();
    output.event(&Event::Section(Section { section: 2, ..Section::default() }), at(0)).unwrap();
    output.event(&beat(1, 0.5), at(0)).unwrap();
    port.unplug();
    let error = output.poll(at(60 * MS)).unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("does not take messages"), "{error}");
    assert!(output.open().unwrap_err().may_pass());
    port.plug();
    let n_before = bytes(&port).len();
    output.open().unwrap();
    assert_eq!(bytes(&port)[n_before..], [[0x80, 36, 0], [0xb0, 20, 3]]);
}

#[test]
fn a_port_that_vanishes_without_an_error_is_noticed() {
    let port = fake();
    let mut output = over(&port, MidiNotesConfig::default());
    output.open().unwrap();
    output.poll(at(2_000 * MS)).unwrap();
    port.vanish();
    output.poll(at(2_500 * MS)).unwrap();
    let error = output.poll(at(3_000 * MS)).unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("is gone"), "{error}");
}

#[test]
fn a_value_that_cannot_be_is_named_and_never_tried() {
    assert_eq!(MidiNotesConfig::default().validate(), Ok(()));
    let cases = [
        (MidiNotesConfig { channel: 0, ..MidiNotesConfig::default() }, "channel: expected 1 to 16, got 0"),
        (MidiNotesConfig { beat_note: Some(128), ..MidiNotesConfig::default() }, "beat_note: expected 0 to 127, got 128"),
        (MidiNotesConfig { hazard_cc: Some(120), ..MidiNotesConfig::default() }, "hazard_cc: expected 0 to 119, got 120"),
        (
            MidiNotesConfig { confidence_cc: Some(20), ..MidiNotesConfig::default() },
            "confidence_cc: expected a controller of its own, got 20, which is also section_cc",
        ),
    ];
    for (config, says) in cases {
        assert_eq!(config.validate().unwrap_err().to_string(), says);
        assert!(!over(&fake(), config).open().unwrap_err().may_pass());
    }
    let mut nameless = MidiNotes::new(MidiNotesConfig { port: String::new(), ..MidiNotesConfig::default() });
    assert!(!nameless.open().unwrap_err().may_pass());
    assert!(serde_json::from_str::<MidiNotesConfig>(r#"{"chanel":1}"#).is_err());
}

#[test]
fn nothing_is_said_before_it_is_open() {
    let mut output = over(&fake(), MidiNotesConfig::default());
    assert!(output.event(&beat(1, 0.5), at(0)).unwrap_err().may_pass());
    output.poll(at(5_000 * MS)).unwrap();
}

proptest! {
    /// Whatever is played, lost and found: each note that began ends, and every message has three bytes of MIDI.
    #[test]
    fn every_note_that_began_has_ended(steps in proptest::collection::vec((0u8..6, 0u64..200), 0..60)) {
        let port = fake();
        let mut output = over(&port, MidiNotesConfig::default());
        let (mut now_ns, mut is_open) = (0, false);
        for (what, wait_ms) in steps {
            now_ns += wait_ms * MS;
            if !is_open {
                port.plug();
                output.open().unwrap();
            }
            let done = match what {
                0 | 1 => output.event(&beat(what + 1, 0.5), at(now_ns)),
                2 => { port.unplug(); Ok(()) }
                3 => { output.close(); Err(OutputError::Protocol(String::new())) }
                _ => output.poll(at(now_ns)),
            };
            is_open = done.is_ok();
        }
        port.plug();
        output.open().unwrap();
        output.close();
        let mut sounding = std::collections::BTreeSet::new();
        for message in bytes(&port) {
            prop_assert!(message.len() == 3 && message[0] >= 0x80 && message[1..].iter().all(|&byte| byte < 0x80));
            match message[0] & 0xf0 {
                NOTE_ON => { sounding.insert(message[1]); }
                NOTE_OFF => { sounding.remove(&message[1]); }
                _ => {}
            }
        }
        prop_assert!(sounding.is_empty(), "{:?}", sounding);
    }
}

#[test]
fn a_program_of_the_system_hears_the_notes() {
    let config = MidiNotesConfig { port: format!("Anacrusis test {}", std::process::id()), ..MidiNotesConfig::default() };
    let mut output = MidiNotes::new(config.clone());
    if let Err(error) = output.open() {
        assert!(error.may_pass() || cfg!(windows), "{error}");
        eprintln!("SKIPPED: no MIDI port of the system: {error}");
        return;
    }
    // Its name is the client's; the port of `Anacrusis` is found by what `aseqdump` lists.
    let listed = Command::new("aseqdump").arg("-l").output();
    let Ok(listed) = listed else {
        eprintln!("SKIPPED: aseqdump cannot be started");
        return;
    };
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let line = listed.lines().find(|line| line.contains(&config.port)).unwrap();
    let address = line.split_whitespace().next().unwrap();
    let mut dump = Command::new("aseqdump").args(["-p", address]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(dump.stdout.take().unwrap()).lines();
    // The first line says that it waits.
    lines.next().unwrap().unwrap();
    output.event(&beat(1, 1.0), at(0)).unwrap();
    output.close();
    let note = lines.map_while(Result::ok).find(|line| line.contains("Note on")).unwrap();
    dump.kill().unwrap();
    dump.wait().unwrap();
    assert!(note.contains("36") && note.contains("127"), "{note}");
}
