//! Pixels to a socket and to the decoder in Python. Test code.

use outputs::ddp::{DdpConfig, DdpOutput};
use outputs::effects::Effect;
use outputs::output::Output;
use outputs::view::View;

use crate::receiver::{Receiver, at_ms, datagram, phrase_start, socket};

fn view(ms: u64, phase: f32) -> View {
    View {
        now: at_ms(ms),
        beat: Some(phrase_start()),
        phase,
        locked: true,
        period_sec: 0.469,
        section: Some(4),
        section_beats: 9.0,
        ..View::default()
    }
}

#[test]
fn another_decoder_puts_a_long_strip_together_and_sees_it_go_dark() {
    let Some(receiver) = Receiver::listen("ddp.py", &["--hex"]) else { return };
    let colours = [("chorus".to_owned(), "#0000ff".to_owned())].into();
    let config = DdpConfig { target: receiver.address.clone(), pixels: 1000, brightness: 1.0, colours, ..DdpConfig::default() };
    let mut output = DdpOutput::new(config);
    output.open().unwrap();
    output.frame(&view(500, 0.0)).unwrap();
    output.frame(&view(520, 0.99)).unwrap();
    output.close();
    let frames: [String; 4] = receiver.lines();
    // The downbeat to the full, blue and 0.6 white; then what is lit between beats; then black, twice.
    assert_eq!(frames[0], vec!["9999ff"; 1000].join(" "));
    assert_eq!(frames[1], vec!["0c0c14"; 1000].join(" "));
    assert_eq!(frames[2..], [vec!["000000"; 1000].join(" "), vec!["000000"; 1000].join(" ")]);
}

#[test]
fn a_part_of_a_strip_is_sent_to_its_place() {
    let (socket, target) = socket();
    let mut output = DdpOutput::new(DdpConfig { target, pixels: 2, first_pixel: 100, effect: Effect::Bars, ..DdpConfig::default() });
    output.open().unwrap();
    output.frame(&view(500, 0.0)).unwrap();
    let bytes = datagram(&socket);
    assert_eq!(bytes[..10], [0x41, 1, 0x0b, 1, 0, 0, 1, 44, 0, 6]);
    assert_eq!(bytes.len(), 16);
    assert_eq!(bytes[10..13], [204; 3], "the first beat, in the accent's colour at a brightness of 0.8");
    output.frame(&view(520, 0.1)).unwrap();
    assert_eq!(datagram(&socket)[..2], [0x41, 2]);
}

#[test]
fn what_arrives_flashes_three_times_a_second_at_most() {
    let (socket, target) = socket();
    let mut output = DdpOutput::new(DdpConfig { target, pixels: 1, effect: Effect::Bands, brightness: 1.0, ..DdpConfig::default() });
    output.open().unwrap();
    // A spectrum that is all and nothing 25 times a second, for three seconds.
    let mut levels = vec![0.0];
    for idx in 0..150_u64 {
        let bands = [if idx % 2 == 0 { 1.0 } else { 0.001 }; 16];
        output.frame(&View { now: at_ms(idx * 20), bands, ..View::default() }).unwrap();
        let bytes = datagram(&socket);
        levels.push((0.2126 * f64::from(bytes[10]) + 0.7152 * f64::from(bytes[11]) + 0.0722 * f64::from(bytes[12])) / 255.0);
    }
    let turns: Vec<_> = (1..levels.len()).filter(|&idx| f64::abs(levels[idx] - levels[idx - 1]) >= 0.1).collect();
    assert!(turns.len() >= 7, "it is not simply dark: {turns:?}");
    assert!(turns.windows(8).all(|eight| (eight[7] - eight[0]) * 20 > 1000), "{turns:?}");
    assert!(output.detail().contains("held back by the flash limit"), "{}", output.detail());
}

#[test]
fn nobody_listening_is_no_error() {
    let (closed, target) = socket();
    drop(closed);
    let mut output = DdpOutput::new(DdpConfig { target, ..DdpConfig::default() });
    output.open().unwrap();
    for idx in 0..20 {
        output.frame(&view(500 + idx * 20, 0.0)).unwrap();
    }
    output.close();
}
