//! What a plugin at its defaults must play for given audio: the beats that `anacrusis analyze` announces. Tests only.

use anacrusis::analyzer::Analyzer;
use anacrusis::document::Mode;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::config::EngineConfig;
use runtime_core::analysis::engine::UPDATE_LEAD_SEC;

use super::audio::Audio;
use super::player::Played;
use super::{Said, Timed};

/// Default note of a downbeat.
pub const DOWNBEAT_KEY: u8 = 36;
/// Default note of another beat.
pub const BEAT_KEY: u8 = 37;
/// The last beats of a stream may be announced after its end, where only a file knows its end.
pub const END_SEC: f64 = 0.25;

/// A note that begins: sample and key.
pub type Note = (u64, u8);

/// The notes of the beats that the causal analysis announces in `audio`, whose channels are equal; without the last
/// [`END_SEC`].
///
/// # Panics
/// On a rate that the engine does not take.
pub fn expected_notes(audio: &Audio) -> Vec<Note> {
    let mut analyzer = Analyzer::new(&EngineConfig::new(audio.rate_hz), BeatModel::load_default(), Mode::Causal).expect("a usable rate");
    analyzer.process(&audio.channels[0]);
    let note = |row: anacrusis::document::BeatRow| {
        let falls = (row.event.t_sec * audio.rate_hz).round() as u64;
        // A beat that is announced late is played where the update takes effect.
        let known = (row.announce_sec * audio.rate_hz).round() as u64 + (UPDATE_LEAD_SEC * audio.rate_hz) as u64;
        (falls.max(known), if row.event.beat_in_bar == 1 { DOWNBEAT_KEY } else { BEAT_KEY })
    };
    let notes = analyzer.finish().into_iter().map(note).collect();
    before_the_end(notes, audio)
}

/// The notes that began in a run, without the last [`END_SEC`].
pub fn played_notes(played: &Played, audio: &Audio) -> Vec<Note> {
    before_the_end(notes(&played.events), audio)
}

/// The notes that began.
pub fn notes(events: &[Timed<u64>]) -> Vec<Note> {
    let note = |event: &Timed<u64>| match event.said {
        Said::NoteOn { key, .. } => Some((event.at, key)),
        _ => None,
    };
    events.iter().filter_map(note).collect()
}

/// MIDI messages that are no notes, with their samples.
pub fn midi(events: &[Timed<u64>]) -> Vec<(u64, [u8; 3])> {
    let message = |event: &Timed<u64>| match event.said {
        Said::Midi(bytes) => Some((event.at, bytes)),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

fn before_the_end(mut notes: Vec<Note>, audio: &Audio) -> Vec<Note> {
    let end = (audio.n_samples() as f64 - END_SEC * audio.rate_hz) as u64;
    notes.retain(|(at, _)| *at < end);
    notes
}
