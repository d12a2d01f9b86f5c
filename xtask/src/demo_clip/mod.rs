//! `cargo xtask demo-clip`: synthesises the band piece that `cargo xtask demo` analyses, with its beats.
//!
//! Our own composition, in 4/4 at 112 BPM: a pickup beat (an anacrusis), two bars of introduction, four of verse, four of
//! chorus, two of outro and a last hit, with fills before the chorus and the outro, and every hit a few milliseconds off
//! the grid, as people play. The same bytes on every platform; a test compares them with the files in the repository.

mod synth;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use self::synth::{Mixer, RATE_HZ, Timbre};
use crate::error::TaskError;

/// Folder of the clip in the repository.
pub const FOLDER: &str = "tests/golden/demo";
/// The clip.
pub const AUDIO_FILE: &str = "band_112_4.wav";
/// Its beats: `time_sec<TAB>beat_in_bar`.
pub const BEATS_FILE: &str = "band_112_4.beats";
const MANIFEST_FILE: &str = "MANIFEST.json";

/// Tempo, beats per minute.
pub const TEMPO_BPM: f64 = 112.0;
/// Beats per bar.
pub const BEATS_PER_BAR: u32 = 4;
/// Time of the pickup beat, seconds.
const FIRST_BEAT_SEC: f64 = 0.3;
/// Beats from the pickup to the last hit, both included.
const N_BEATS: u32 = 1 + N_BARS * BEATS_PER_BAR + 1;
const N_BARS: u32 = 12;
/// What rings after the last hit, seconds.
const TAIL_SEC: f64 = 1.2;
/// Hits lie off the grid by at most this, seconds.
const LOOSENESS_SEC: f64 = 0.004;
const SEED: u32 = 112;
/// Level of the loudest sample, full scale = 1.
const PEAK: f64 = 0.8;

const BASS: Timbre = Timbre { harmonics: &[1.0, 0.5, 0.3, 0.15], decay_sec: 0.35, attack_sec: 0.004 };
const PIANO: Timbre = Timbre { harmonics: &[1.0, 0.4, 0.2, 0.1], decay_sec: 0.6, attack_sec: 0.006 };
const LEAD: Timbre = Timbre { harmonics: &[1.0, 0.0, 0.33, 0.0, 0.2], decay_sec: 0.5, attack_sec: 0.012 };

/// Chords of the four-bar cycle, semitones from A3: A minor, F, C, G.
const CHORDS: [[i32; 3]; 4] = [[0, 3, 7], [-4, 0, 3], [-9, -5, -2], [-2, 2, 5]];
/// Bass notes of the same.
const ROOTS: [i32; 4] = [-24, -28, -21, -26];
/// Melody of the four-bar cycle: beat, semitone from A3, length in beats.
const MELODY: [(f64, i32, f64); 16] = [
    (0.0, 12, 1.0),
    (1.0, 15, 0.5),
    (1.5, 14, 0.5),
    (2.0, 12, 1.5),
    (4.0, 12, 1.0),
    (5.0, 10, 0.5),
    (5.5, 8, 1.5),
    (8.0, 7, 0.5),
    (8.5, 10, 0.5),
    (9.0, 15, 1.0),
    (10.0, 14, 1.0),
    (11.0, 10, 0.5),
    (12.0, 14, 1.5),
    (13.5, 12, 0.5),
    (14.0, 10, 1.0),
    (15.0, 7, 1.0),
];

/// Parts of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Intro,
    Verse,
    Chorus,
    Outro,
}

fn part(bar: u32) -> Part {
    match bar {
        0..2 => Part::Intro,
        2..6 => Part::Verse,
        6..10 => Part::Chorus,
        _ => Part::Outro,
    }
}

/// Writes the clip, its beats and their manifest into the workspace `root`.
///
/// # Errors
/// A folder that cannot be written.
pub fn run(root: &Path) -> Result<(), TaskError> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|e| TaskError::io(&folder, e))?;
    for (name, content) in files() {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|e| TaskError::io(&path, e))?;
    }
    eprintln!("demo-clip: wrote {FOLDER}/{AUDIO_FILE} and {BEATS_FILE}");
    Ok(())
}

/// Names and contents of the files.
fn files() -> [(&'static str, Vec<u8>); 3] {
    let (audio, beats) = (wav(&compose()), beats_text().into_bytes());
    let manifest = manifest(&[(AUDIO_FILE, &audio), (BEATS_FILE, &beats)]);
    [(AUDIO_FILE, audio), (BEATS_FILE, beats), (MANIFEST_FILE, manifest.into_bytes())]
}

/// Time of a position counted in beats from the first downbeat, seconds. The pickup is at -1.
fn time_sec(beat: f64) -> f64 {
    FIRST_BEAT_SEC + (beat + 1.0) * 60.0 / TEMPO_BPM
}

fn beats_text() -> String {
    let mut text = String::new();
    for k in 0..N_BEATS {
        // The pickup is the last beat of a bar.
        let position = (k + BEATS_PER_BAR - 1) % BEATS_PER_BAR + 1;
        let _ = writeln!(text, "{:.6}\t{position}", time_sec(f64::from(k) - 1.0));
    }
    text
}

/// The piece, 16-bit mono samples.
fn compose() -> Vec<i16> {
    let mut mixer = Mixer::new(time_sec(f64::from(N_BARS * BEATS_PER_BAR)) + TAIL_SEC, SEED);
    play_pickup(&mut mixer);
    for bar in 0..N_BARS {
        play_drums(&mut mixer, bar);
        play_harmony(&mut mixer, bar);
    }
    play_melody(&mut mixer);
    play_last_hit(&mut mixer);
    mixer.finish(PEAK)
}

/// Where a hit on this beat is played: near the grid.
fn played(mixer: &mut Mixer, beat: f64) -> f64 {
    time_sec(beat) + LOOSENESS_SEC * mixer.random()
}

fn play_pickup(mixer: &mut Mixer) {
    for (sixteenth, gain) in [0.45, 0.3, 0.5, 0.6].into_iter().enumerate() {
        let at = played(mixer, -1.0 + sixteenth as f64 / 4.0);
        mixer.snare(at, gain);
    }
    let at = played(mixer, -1.0);
    mixer.tone(at, -29, 60.0 / TEMPO_BPM, 0.4, BASS);
}

fn play_drums(mixer: &mut Mixer, bar: u32) {
    let first = f64::from(bar * BEATS_PER_BAR);
    let part = part(bar);
    let kicks: &[f64] = match part {
        Part::Intro => &[0.0],
        Part::Verse => &[0.0, 2.0, 2.5],
        Part::Chorus => &[0.0, 1.5, 2.0, 3.5],
        Part::Outro => &[0.0, 2.0],
    };
    for &beat in kicks {
        let at = played(mixer, first + beat);
        mixer.kick(at, 0.9);
    }
    // A fill takes the place of the last beats before the chorus and before the outro.
    let fill_beats = match bar {
        5 => 1,
        9 => 2,
        _ => 0,
    };
    if part != Part::Intro {
        for beat in [1, 3].into_iter().filter(|beat| beat + fill_beats < 4) {
            let at = played(mixer, first + f64::from(beat));
            mixer.snare(at, 0.7);
        }
    }
    for eighth in 0..2 * (4 - fill_beats) {
        let accent = if eighth % 2 == 0 { 0.16 } else { 0.10 };
        let open = part == Part::Chorus && eighth % 2 == 1;
        let at = played(mixer, first + f64::from(eighth) / 2.0);
        mixer.hat(at, if open { 0.07 } else { 0.02 }, accent);
    }
    for sixteenth in 0..4 * fill_beats {
        let at = played(mixer, first + f64::from(4 - fill_beats) + f64::from(sixteenth) / 4.0);
        let falling = f64::from(sixteenth) / f64::from(4 * fill_beats);
        mixer.tom(at, 210.0 - 110.0 * falling, 0.5 + 0.3 * falling);
    }
    if matches!(bar, 2 | 6 | 10) {
        let at = played(mixer, first);
        mixer.hat(at, 0.45, 0.22);
    }
}

fn play_harmony(mixer: &mut Mixer, bar: u32) {
    let first = f64::from(bar * BEATS_PER_BAR);
    let cycle = (bar % 4) as usize;
    let part = part(bar);
    let strikes: &[f64] = if part == Part::Chorus { &[0.0, 1.5, 3.0] } else { &[0.0] };
    for &beat in strikes {
        let at = played(mixer, first + beat);
        let length_beats = if part == Part::Chorus { 1.4 } else { 3.8 };
        for semitone in CHORDS[cycle] {
            mixer.tone(at, semitone, length_beats * 60.0 / TEMPO_BPM, 0.13, PIANO);
        }
    }
    if part == Part::Intro {
        return;
    }
    for eighth in 0..8 {
        let semitone = ROOTS[cycle] + if eighth == 7 { 7 } else { 0 };
        let at = played(mixer, first + f64::from(eighth) / 2.0);
        mixer.tone(at, semitone, 0.45 * 60.0 / TEMPO_BPM, if eighth % 2 == 0 { 0.42 } else { 0.3 }, BASS);
    }
}

/// The melody enters with the second half of the verse.
fn play_melody(mixer: &mut Mixer) {
    for bar in 4..10 {
        let cycle_start = f64::from(bar % 4 * BEATS_PER_BAR);
        for (beat, semitone, length_beats) in MELODY {
            if (cycle_start..cycle_start + 4.0).contains(&beat) {
                let at = played(mixer, f64::from(bar * BEATS_PER_BAR) + beat - cycle_start);
                mixer.tone(at, semitone, 0.95 * length_beats * 60.0 / TEMPO_BPM, 0.2, LEAD);
            }
        }
    }
}

fn play_last_hit(mixer: &mut Mixer) {
    let at = time_sec(f64::from(N_BARS * BEATS_PER_BAR));
    mixer.kick(at, 0.9);
    mixer.hat(at, 0.3, 0.2);
    mixer.tone(at, -24, TAIL_SEC, 0.4, BASS);
    for semitone in CHORDS[0] {
        mixer.tone(at, semitone, TAIL_SEC, 0.14, PIANO);
    }
}

/// A WAV file of 16-bit mono samples (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0").
fn wav(samples: &[i16]) -> Vec<u8> {
    const SAMPLE_BYTES: u32 = 2;
    let n_bytes = samples.len() as u32 * SAMPLE_BYTES;
    let mut bytes = Vec::with_capacity(44 + n_bytes as usize);
    bytes.extend(b"RIFF");
    bytes.extend((36 + n_bytes).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16u32.to_le_bytes());
    // PCM, one channel.
    bytes.extend([1u16.to_le_bytes(), 1u16.to_le_bytes()].as_flattened());
    bytes.extend([RATE_HZ.to_le_bytes(), (RATE_HZ * SAMPLE_BYTES).to_le_bytes()].as_flattened());
    bytes.extend([(SAMPLE_BYTES as u16).to_le_bytes(), 16u16.to_le_bytes()].as_flattened());
    bytes.extend(b"data");
    bytes.extend(n_bytes.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

fn manifest(files: &[(&str, &[u8])]) -> String {
    let entry = |(name, content): &(&str, &[u8])| {
        let sha256: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!({"path": name, "bytes": content.len(), "sha256": sha256})
    };
    let value = serde_json::json!({
        "format": 1,
        "content": "A synthesised band piece, 22 050 Hz mono 16-bit WAV, and its beats: time in seconds, TAB, beat in bar (1 = downbeat).",
        "generator": "cargo xtask demo-clip",
        "tolerance": {"samples": 0},
        "licence": "ours: MIT OR Apache-2.0",
        "tempo_bpm": TEMPO_BPM,
        "beats_per_bar": BEATS_PER_BAR,
        "files": files.iter().map(entry).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_in_the_repository_are_what_is_synthesised() {
        for (name, content) in files() {
            let stored = fs::read(crate::workspace_root().join(FOLDER).join(name)).unwrap();
            assert!(stored == content, "{name} is stale: run `cargo xtask demo-clip`");
        }
    }

    #[test]
    fn the_beats_begin_with_a_pickup_and_are_even() {
        let text = beats_text();
        let rows: Vec<(f64, u32)> =
            text.lines().map(|line| line.split_once('\t').map(|(t, p)| (t.parse().unwrap(), p.parse().unwrap())).unwrap()).collect();
        assert_eq!(rows.len(), 50);
        assert_eq!(rows[..6].iter().map(|row| row.1).collect::<Vec<_>>(), [4, 1, 2, 3, 4, 1]);
        assert_eq!(rows[49].1, 1);
        assert!(rows.windows(2).all(|pair| (pair[1].0 - pair[0].0 - 60.0 / TEMPO_BPM).abs() < 2e-6));
    }
}
