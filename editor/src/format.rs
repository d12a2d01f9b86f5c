//! Numbers as people read them. Pure functions.

use crate::snapshot::{Run, SectionView};

/// Probability from which on a boundary is said to come.
const FORESEEN_PROB: f32 = 0.5;

/// `128.0`; a dash where there is none.
pub fn tempo(bpm: f32) -> String {
    if bpm.is_finite() && bpm > 0.0 { format!("{bpm:.1}") } else { "–".to_owned() }
}

/// `87 %`.
pub fn percent(share: f32) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.0} %", 100.0 * share)
}

/// `-12 dB`; `silent` below -70 dB, which is what counts as silence.
pub fn level(db: f32) -> String {
    if db.is_finite() && db >= -70.0 { format!("{db:.0} dB") } else { "silent".to_owned() }
}

/// How one tempo relates to the one that is shown: `half`, `double`, `2/3`; nothing where it is no simple ratio.
pub fn relation(bpm: f32, shown_bpm: f32) -> &'static str {
    const RATIOS: [(f32, &str); 8] = [
        (1.0, "now"),
        (0.5, "half"),
        (2.0, "double"),
        (1.5, "3/2"),
        (2.0 / 3.0, "2/3"),
        (0.75, "3/4"),
        (4.0 / 3.0, "4/3"),
        (3.0, "triple"),
    ];
    let ratio = bpm / shown_bpm;
    RATIOS.iter().find(|(expected, _)| (ratio / expected - 1.0).abs() < 0.05).map_or("", |(_, name)| name)
}

/// When the next section comes, in words: the first horizon within which a boundary is more probable than not.
pub fn countdown(section: &SectionView) -> String {
    let foreseen = section.horizons_beats.iter().zip(section.hazard_probs).find(|(_, prob)| *prob >= FORESEEN_PROB);
    match (foreseen, section.horizons_beats[4]) {
        (_, 0) => "no outlook".to_owned(),
        (Some((1, _)), _) => "change on the next beat".to_owned(),
        (Some((beats, _)), _) => format!("change within {beats} beats"),
        (None, last) => format!("no change for {last} beats"),
    }
}

/// What a lock reason means, as a sentence.
pub fn reason_sentence(run: Run, reason: &str) -> &'static str {
    match (run, reason) {
        (Run::Stopped, _) => "not running: the host has not started the plugin",
        (Run::Waiting, _) => "no audio has come yet: press play",
        (_, "locked") => "beats are announced as they are found",
        (_, "weak pulse") => "no clear pulse: the grid goes on by itself",
        (_, "ambiguous octave") => "half or double is nearly as likely",
        (_, "silence") => "nothing is audible",
        (_, "held") => "you hold the grid",
        _ => "listening for a pulse",
    }
}

/// The state in one or two words, for all to see.
pub fn state_word(run: Run, is_locked: bool, reason: &str) -> &'static str {
    match (run, is_locked, reason) {
        (Run::Stopped, ..) => "STOPPED",
        (Run::Waiting, ..) => "WAITING",
        (_, true, "held") => "HELD",
        (_, true, "weak pulse") => "COASTING",
        (_, true, "ambiguous octave") => "LOCKED ?",
        (_, true, _) => "LOCKED",
        (_, false, "silence") => "SILENCE",
        (_, false, "weak pulse") => "NO PULSE",
        _ => "SEARCHING",
    }
}

/// `beat 3 of 4`.
pub fn bar_position(beat_in_bar: u8, beats_per_bar: u8) -> String {
    match (beat_in_bar, beats_per_bar) {
        (_, 0) => "bar unknown".to_owned(),
        (0, beats) => format!("{beats} beats a bar"),
        (beat, beats) => format!("beat {beat} of {beats}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_units_and_never_as_nan() {
        assert_eq!([128.04, 0.0, f32::NAN].map(tempo), ["128.0", "–", "–"]);
        assert_eq!([0.874, 7.0, f32::NAN].map(percent), ["87 %", "100 %", "0 %"]);
        assert_eq!([-12.4, -90.0, f32::NAN].map(level), ["-12 dB", "silent", "silent"]);
    }

    #[test]
    fn ratios_of_tempi_have_names() {
        assert_eq!(
            [120.0, 60.0, 240.0, 180.0, 80.0, 90.0, 97.0].map(|bpm| relation(bpm, 120.0)),
            ["now", "half", "double", "3/2", "2/3", "3/4", ""]
        );
        assert_eq!(relation(60.0, 0.0), "");
    }

    #[test]
    fn the_countdown_is_the_first_probable_horizon() {
        let section = |hazard_probs| SectionView { now: None, horizons_beats: [1, 2, 4, 8, 16], hazard_probs };
        assert_eq!(countdown(&section([0.1, 0.2, 0.6, 0.7, 0.8])), "change within 4 beats");
        assert_eq!(countdown(&section([0.5, 0.6, 0.6, 0.7, 0.8])), "change on the next beat");
        assert_eq!(countdown(&section([0.0; 5])), "no change for 16 beats");
        assert_eq!(countdown(&SectionView::default()), "no outlook");
    }

    #[test]
    fn a_stopped_plugin_says_so_whatever_the_state_was() {
        assert_eq!(state_word(Run::Stopped, true, "locked"), "STOPPED");
        assert!(reason_sentence(Run::Stopped, "locked").starts_with("not running"));
        assert_eq!([true, false].map(|locked| state_word(Run::Live, locked, "weak pulse")), ["COASTING", "NO PULSE"]);
        assert_eq!(bar_position(3, 4) + &bar_position(0, 4) + &bar_position(0, 0), "beat 3 of 44 beats a barbar unknown");
    }
}
