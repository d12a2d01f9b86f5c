//! OSC to a socket and to the decoder in Python. Test code.

use outputs::event::{Approach, Beat, Event, Lock, Moment, Section};
use outputs::osc::{OscConfig, OscOutput, OscPreset};
use outputs::output::Output;
use outputs::view::View;

use crate::receiver::{Receiver, at_ms, datagram, phrase_start, socket};

fn open(config: OscConfig) -> OscOutput {
    let mut output = OscOutput::new(config);
    output.open().unwrap();
    output
}

/// One event of each kind.
fn events() -> [Event; 4] {
    [
        Event::Lock(Lock { at: at_ms(400), locked: true, reason: "locked".into() }),
        Event::Beat(phrase_start()),
        Event::Section(Section { at: at_ms(501), section: 4, before: Some(2), prob: 0.75 }),
        Event::Approach(Approach { at: at_ms(502), within_beats: 8, prob: 0.25, next: Some(5), next_prob: 0.5, latest: None }),
    ]
}

#[test]
fn messages_have_the_bytes_that_the_specification_says() {
    let (socket, target) = socket();
    let mut output = open(OscConfig { target, ..OscConfig::default() });
    let beat = Beat { number: 7, bpm: 128.0, confidence: 0.5, ..Beat::default() };
    output.event(&Event::Beat(beat), at_ms(0)).unwrap();
    assert_eq!(datagram(&socket), b"/beat\0\0\0,iff\0\0\0\0\0\0\0\x07\x43\0\0\0\x3f\0\0\0");
    assert_eq!(datagram(&socket), b"/bpm\0\0\0\0,f\0\0\x43\0\0\0");
    output.frame(&View { hazard_probs: [0.0, 0.0, 0.25, 0.5, 1.0], ..View::default() }).unwrap();
    assert_eq!(datagram(&socket), b"/hazard\0,fffff\0\0\0\0\0\0\0\0\0\0\x3e\x80\0\0\x3f\0\0\0\x3f\x80\0\0");
}

#[test]
fn a_tagged_beat_is_one_bundle_with_its_moment() {
    let (socket, target) = socket();
    let mut output = open(OscConfig { target, time_tags: true, ..OscConfig::default() });
    let beat = Beat { at: at_ms(500), number: 7, bpm: 128.0, ..Beat::default() };
    output.event(&Event::Beat(beat), at_ms(400)).unwrap();
    let expected = b"#bundle\0\x83\xaa\x7e\x81\x80\0\0\0\
        \0\0\0\x1c/beat\0\0\0,iff\0\0\0\0\0\0\0\x07\x43\0\0\0\0\0\0\0\
        \0\0\0\x10/bpm\0\0\0\0,f\0\0\x43\0\0\0";
    assert_eq!(datagram(&socket), expected);
}

#[test]
fn another_decoder_reads_every_kind_of_message() {
    let Some(receiver) = Receiver::listen("osc.py", &[]) else { return };
    let mut output = open(OscConfig { target: receiver.address.clone(), prefix: "/show".into(), ramp_hz: 50.0, ..OscConfig::default() });
    for event in events() {
        output.event(&event, event.at()).unwrap();
    }
    output.frame(&View { locked: true, phase: 0.25, hazard_probs: [0.0, 0.125, 0.25, 0.5, 1.0], ..View::default() }).unwrap();
    output.close();
    let expected = [
        "/show/lock 1 locked",
        "/show/beat 32 128 0.5",
        "/show/downbeat 32",
        "/show/bar 9 1 4",
        "/show/phrase 2",
        "/show/every 4 9",
        "/show/every 8 9",
        "/show/bpm 128",
        "/show/section chorus 0.75",
        "/show/approach 8 0.25 bridge",
        "/show/phase 0.25",
        "/show/hazard 0 0.125 0.25 0.5 1",
        "/show/lock 0 closed",
    ];
    assert_eq!(receiver.lines(), expected);
}

#[test]
fn another_decoder_reads_the_moments_of_tagged_messages() {
    let Some(receiver) = Receiver::listen("osc.py", &["--exact"]) else { return };
    let mut output = open(OscConfig { target: receiver.address.clone(), time_tags: true, ..OscConfig::default() });
    for event in events() {
        output.event(&event, event.at()).unwrap();
    }
    // Unix time is a second later than the clock; 2^-32 s are cut off.
    let expected = ["/lock 1.399999999 1 locked", "/beat 1.500000000 32 128 0.5"];
    assert_eq!(receiver.lines(), expected);
    let rest: [String; 8] = receiver.lines();
    assert!(rest[..6].iter().all(|line| line.contains(" 1.500000000 ")), "{rest:?}");
    assert_eq!(rest[6..], ["/section 1.500999999 chorus 0.75", "/approach 1.501999999 8 0.25 bridge"]);
}

#[test]
fn each_preset_says_what_its_receiver_reads() {
    let said = |preset, expected: &[&str]| {
        let Some(receiver) = Receiver::listen("osc.py", &[]) else { return };
        let mut output = open(OscConfig { target: receiver.address.clone(), preset, resync: true, ..OscConfig::default() });
        for event in events() {
            output.event(&event, event.at()).unwrap();
        }
        output.poll(at_ms(10_000)).unwrap();
        for line in expected {
            assert_eq!(&receiver.line(), line, "{preset:?}");
        }
    };
    said(
        OscPreset::Resolume,
        &["/composition/tempocontroller/tempo 0.225", "/composition/tempocontroller/resync 1", "/composition/tempocontroller/resync 0"],
    );
    said(OscPreset::Reaper, &["/tempo/raw 128"]);
    said(OscPreset::AbletonOsc, &["/live/song/set/tempo 128"]);
    let rkbx = [
        "/bpm/current 128",
        "/beat/trigger/1 1",
        "/beat/trigger/2 1",
        "/beat/trigger/4 1",
        "/phrase/countin 32",
        "/phrase/current chorus",
        "/phrase/next bridge",
        "/beat/trigger/1 0",
        "/beat/trigger/2 0",
        "/beat/trigger/4 0",
    ];
    said(OscPreset::Rkbx, &rkbx);
}

#[test]
fn a_tempo_that_stands_still_is_not_repeated() {
    let (socket, target) = socket();
    let mut output = open(OscConfig { target, preset: OscPreset::Reaper, ..OscConfig::default() });
    for bpm in [120.0, 120.04, 119.97, 121.0] {
        output.event(&Event::Beat(Beat { bpm, ..Beat::default() }), Moment::default()).unwrap();
    }
    assert_eq!(datagram(&socket), b"/tempo/raw\0\0,f\0\0\x42\xf0\0\0");
    assert_eq!(datagram(&socket), b"/tempo/raw\0\0,f\0\0\x42\xf2\0\0");
}

#[cfg(unix)]
#[test]
fn a_receiver_that_starts_last_is_told_the_tempo() {
    let (closed, target) = socket();
    drop(closed);
    let mut output = open(OscConfig { target: target.clone(), preset: OscPreset::Reaper, ..OscConfig::default() });
    let beat = Event::Beat(Beat { bpm: 120.0, ..Beat::default() });
    let end = std::time::Instant::now() + crate::receiver::PATIENCE;
    while !output.detail().contains("nobody listens") {
        assert!(std::time::Instant::now() < end, "{}", output.detail());
        output.event(&beat, Moment::default()).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(5));
        output.poll(Moment::default()).unwrap();
    }
    let socket = std::net::UdpSocket::bind(&target).unwrap();
    socket.set_read_timeout(Some(crate::receiver::PATIENCE)).unwrap();
    output.event(&beat, Moment::default()).unwrap();
    assert_eq!(datagram(&socket), b"/tempo/raw\0\0,f\0\0\x42\xf0\0\0");
}

#[test]
fn what_the_receiver_sends_back_does_no_harm() {
    let (socket, target) = socket();
    let mut output = open(OscConfig { target, ..OscConfig::default() });
    let beat = Event::Beat(Beat::default());
    output.event(&beat, Moment::default()).unwrap();
    let (_, sender) = socket.recv_from(&mut [0; 64]).unwrap();
    for _ in 0..2000 {
        // Nobody reads them: the system drops what does not fit.
        let _ = socket.send_to(&[0xff; 1000], sender);
    }
    output.poll(Moment::default()).unwrap();
    output.event(&beat, Moment::default()).unwrap();
    assert!(datagram(&socket).starts_with(b"/beat\0"));
}
