//! `host_play FILE`: plays an audio file through the real CLAP bundle in the test host, offline, and prints what came out
//! first, as a table. `cargo xtask demo` runs it.

use std::path::Path;
use std::process::ExitCode;

use integration_tests::host::audio::Audio;
use integration_tests::host::checks::render;
use integration_tests::host::clap::ClapHost;
use integration_tests::host::expected::{DOWNBEAT_KEY, midi, notes};
use integration_tests::host::player::{Cuts, Played};
use integration_tests::host::{Said, Timed};

/// Notes that the table shows; ticks between them are counted.
const N_NOTES: usize = 6;
const TICK: u8 = 0xF8;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: host_play FILE");
        return ExitCode::from(2);
    };
    let audio = match Audio::file(Path::new(&path)) {
        Ok(audio) => audio,
        Err(message) => {
            eprintln!("error: {message}");
            return ExitCode::FAILURE;
        }
    };
    // Without a bundle it has been said.
    let Some(mut host) = ClapHost::open() else { return ExitCode::FAILURE };
    let played = render(&mut *host, &audio, Cuts::Fixed(512));
    print!("{}", table(&played, audio.rate_hz));
    let passes =
        played.output.iter().zip(&audio.channels).all(|(out, heard)| out.iter().map(|x| x.to_bits()).eq(heard.iter().map(|x| x.to_bits())));
    println!("audio       {}", if passes { "passed through, bit for bit" } else { "CHANGED" });
    if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first messages with their times, and how many there were in all.
fn table(played: &Played, rate_hz: f64) -> String {
    let mut text = format!("{:>10}  {:<10}  {}\n", "at", "message", "meaning");
    let (mut n_ticks, mut n_notes) = (0, 0);
    for event in &played.events {
        let Some((message, meaning)) = row(event) else { continue };
        if n_notes >= N_NOTES {
            break;
        }
        if event.said == Said::Midi([TICK, 0, 0]) {
            n_ticks += 1;
            if n_ticks > 1 {
                continue;
            }
        }
        let is_note = matches!(event.said, Said::NoteOn { .. });
        if is_note && n_ticks > 1 {
            text += &format!("{:>10}  {:<10}  {} more ticks\n", "", "f8 ...", n_ticks - 1);
        }
        n_ticks = if is_note { 1 } else { n_ticks };
        n_notes += usize::from(is_note);
        text += &format!("{:>8.3} s  {message:<10}  {meaning}\n", event.at as f64 / rate_hz);
    }
    let n_ticks = midi(&played.events).iter().filter(|(_, bytes)| bytes[0] == TICK).count();
    text + &format!("played      {} notes, {n_ticks} clock ticks in all\n", notes(&played.events).len())
}

/// The bytes of a message and what it means; nothing for the ends of notes and for parameters.
fn row(event: &Timed<u64>) -> Option<(String, &'static str)> {
    match event.said {
        Said::NoteOn { channel, key } => {
            Some((format!("{:02x} {key:02x}", 0x90 | channel), if key == DOWNBEAT_KEY { "note: a bar begins" } else { "note: a beat" }))
        }
        Said::Midi(bytes) => match bytes[0] {
            0xF2 => Some((bytes.map(|byte| format!("{byte:02x}")).join(" "), "song position")),
            0xFA => Some(("fa".to_owned(), "clock: start")),
            0xFB => Some(("fb".to_owned(), "clock: continue")),
            0xFC => Some(("fc".to_owned(), "clock: stop")),
            TICK => Some(("f8".to_owned(), "clock: first tick of 24 a beat")),
            _ => None,
        },
        _ => None,
    }
}
