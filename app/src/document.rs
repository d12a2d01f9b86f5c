//! What the analysis of one file found: the one value that every output format is written from. Any thread.

use runtime_core::analysis::candidates::{TempoCandidate, TempoCandidates};
use runtime_core::analysis::confidence::BeatEvidence;
use runtime_core::analysis::hints::HintStatus;
use runtime_core::state::{BeatEvent, LockReason, SECTION_LABELS, StructureEvent, StructureState};

use crate::detail::Detail;
use crate::hint_script::GivenHint;

/// Another tempo is worth a word where it is this probable.
const DOUBT_PROB: f64 = 0.1;

/// One announced beat.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BeatRow {
    /// The beat as the engine said it.
    pub event: BeatEvent,
    /// Seconds of input consumed when the beat was said; offline, the length of the file.
    pub announce_sec: f64,
    /// Tempo at this beat as it is shown, beats per minute; 0 = unknown.
    pub bpm: f64,
    /// What was known of it when it was said; all 0 offline.
    pub evidence: BeatEvidence,
    /// Why beats were announced then; [`LockReason::Locked`] offline.
    pub reason: LockReason,
}

/// From a moment on, why beats are announced or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LockChange {
    /// Seconds of input consumed.
    pub time_sec: f64,
    /// Why, from then on.
    pub reason: LockReason,
}

/// What was said of sections and boundaries while the file played.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StructureLog {
    /// Name of the anticipator; `None` where only the table of what is usual was asked.
    pub anticipator: Option<String>,
    /// Sections and near boundaries, in order.
    pub events: Vec<StructureEvent>,
    /// What was known at each beat, when it was announced.
    pub at_beats: Vec<StructureState>,
}

/// A section from its start to the next one's, or to the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SectionSpan {
    /// Since when it is known, seconds of stream.
    pub start_sec: f64,
    /// Where it ends, seconds of stream.
    pub end_sec: f64,
    /// Its label, as the contract numbers it.
    pub label_idx: u8,
    /// Its label.
    pub label: &'static str,
    /// Probability of the label, `[0, 1]`.
    pub prob: f64,
}

/// How the beats were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As live would have said them.
    Causal,
    /// With the whole file known.
    Offline,
}

impl Mode {
    /// `causal` or `offline`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Causal => "causal",
            Self::Offline => "offline",
        }
    }
}

/// What the analysis of one file found.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// The input as the user named it.
    pub file: String,
    /// Length of what was decoded, seconds.
    pub duration_sec: f64,
    /// Rate of the file, Hz.
    pub sample_rate_hz: u32,
    /// How the beats were found.
    pub mode: Mode,
    /// Names of the networks; empty where the spectral flux ran.
    pub model_names: Vec<String>,
    /// The beats, in order of time.
    pub beats: Vec<BeatRow>,
    /// The tempi that were possible, over all beats; none offline.
    pub candidates: TempoCandidates,
    /// Why beats were announced or not, at the start and at each change; empty offline.
    pub lock: Vec<LockChange>,
    /// Sections and boundaries; nothing offline.
    pub structure: StructureLog,
    /// What was said while the file played.
    pub hints: Vec<GivenHint>,
    /// What was fixed at the end; `None` offline.
    pub in_force: Option<HintStatus>,
    /// Why the input was not read to its end, in words.
    pub ended_by: Option<String>,
    /// What else was wrong with the input, in words.
    pub warnings: Vec<String>,
    /// What a picture needs; `None` where nobody asked for it.
    pub detail: Option<Detail>,
}

impl Analysis {
    /// Median tempo of all beats, beats per minute; `None` without beats.
    pub fn tempo_bpm(&self) -> Option<f64> {
        let mut bpm: Vec<f64> = self.beats.iter().map(|row| row.bpm).filter(|&bpm| bpm > 0.0).collect();
        bpm.sort_by(f64::total_cmp);
        let (low, high) = (bpm.get(bpm.len().checked_sub(1)? / 2)?, bpm.get(bpm.len() / 2)?);
        Some((low + high) / 2.0)
    }

    /// Another tempo that is worth a word.
    pub fn other_tempo(&self) -> Option<TempoCandidate> {
        self.candidates.as_slice().get(1).filter(|other| other.prob >= DOUBT_PROB).copied()
    }

    /// The sections, each up to the next one; none before the first is known.
    pub fn sections(&self) -> Vec<SectionSpan> {
        let mut spans: Vec<SectionSpan> = Vec::new();
        let is_within = |t_sec: &f64| t_sec.is_finite() && (0.0..=self.duration_sec).contains(t_sec);
        for event in &self.structure.events {
            let StructureEvent::Section { t_sec, section, prob, .. } = *event else { continue };
            let Some(label) = SECTION_LABELS.get(usize::from(section)).copied().filter(|_| is_within(&t_sec)) else { continue };
            if let Some(last) = spans.last_mut() {
                last.end_sec = t_sec;
            }
            let prob = if prob.is_finite() { f64::from(prob) } else { 0.0 };
            spans.push(SectionSpan { start_sec: t_sec, end_sec: self.duration_sec, label_idx: section, label, prob });
        }
        spans
    }

    /// Beats per bar at most beats; 0 = unknown.
    pub fn beats_per_bar(&self) -> u8 {
        let mut n_beats = [0usize; 256];
        self.beats.iter().for_each(|row| n_beats[usize::from(row.event.beats_per_bar)] += 1);
        (1..=u8::MAX).rev().max_by_key(|&meter| n_beats[usize::from(meter)]).filter(|&meter| n_beats[usize::from(meter)] > 0).unwrap_or(0)
    }
}

/// Values for the tests of the formats.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// `n_beats` beats in 4/4 at 120 BPM from `first_sec`, the first of which is beat `first_in_bar`.
    pub(crate) fn steady(n_beats: usize, first_sec: f64, first_in_bar: u8) -> Analysis {
        let beats = (0..n_beats).map(|k| row(k as u64, first_sec + 0.5 * k as f64, (usize::from(first_in_bar) - 1 + k) as u8 % 4 + 1, 4));
        Analysis {
            file: "song.wav".to_owned(),
            duration_sec: 10.0,
            sample_rate_hz: 44_100,
            mode: Mode::Causal,
            model_names: vec!["beatnet-1".to_owned()],
            beats: beats.collect(),
            candidates: TempoCandidates::default(),
            lock: Vec::new(),
            structure: StructureLog::default(),
            hints: Vec::new(),
            in_force: None,
            ended_by: None,
            warnings: Vec::new(),
            detail: None,
        }
    }

    /// [`steady`] with a verse from 2 s and a chorus from 6 s to the end at 10 s.
    pub(crate) fn with_sections(n_beats: usize, first_sec: f64, first_in_bar: u8) -> Analysis {
        let mut analysis = steady(n_beats, first_sec, first_in_bar);
        analysis.structure.events = vec![
            StructureEvent::Section { t_sec: 2.0, section: 2, before: None, prob: 0.75 },
            StructureEvent::Approach { t_sec: 5.0, within_beats: 4, prob: 0.5, next: Some(4), next_prob: 0.25 },
            StructureEvent::Section { t_sec: 6.0, section: 4, before: Some(2), prob: 0.5 },
        ];
        analysis
    }

    /// One beat, said 0.05 s ahead at 120 BPM.
    pub(crate) fn row(beat_count: u64, t_sec: f64, beat_in_bar: u8, beats_per_bar: u8) -> BeatRow {
        let event = BeatEvent { t_sec, beat_count, beat_in_bar, beats_per_bar, downbeat_prob: 0.25, intensity: 0.5, conf: 0.75 };
        let (evidence, reason) = (BeatEvidence::default(), LockReason::Locked);
        BeatRow { event, announce_sec: t_sec - 0.05, bpm: 120.0, evidence, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tempo_is_the_median_and_unknown_without_beats() {
        let mut analysis = samples::steady(4, 0.0, 1);
        for (row, bpm) in analysis.beats.iter_mut().zip([100.0, 300.0, 110.0, 0.0]) {
            row.bpm = bpm;
        }
        assert_eq!(analysis.tempo_bpm(), Some(110.0));
        analysis.beats.truncate(2);
        assert_eq!(analysis.tempo_bpm(), Some(200.0));
        analysis.beats.clear();
        assert_eq!(analysis.tempo_bpm(), None);
    }

    #[test]
    fn sections_last_to_the_next_and_those_without_a_place_or_label_are_none() {
        let mut analysis = samples::with_sections(3, 0.0, 1);
        let spans = |analysis: &Analysis| analysis.sections().iter().map(|s| (s.start_sec, s.end_sec, s.label)).collect::<Vec<_>>();
        assert_eq!(spans(&analysis), [(2.0, 6.0, "verse"), (6.0, 10.0, "chorus")]);
        for (t_sec, section) in [(11.0, 2), (f64::NAN, 2), (8.0, 99)] {
            analysis.structure.events.push(StructureEvent::Section { t_sec, section, before: None, prob: 1.0 });
        }
        assert_eq!(spans(&analysis).len(), 2);
        assert_eq!(spans(&samples::steady(3, 0.0, 1)), []);
    }

    #[test]
    fn meter_is_that_of_most_beats() {
        let mut analysis = samples::steady(5, 0.0, 1);
        analysis.beats[0].event.beats_per_bar = 3;
        assert_eq!(analysis.beats_per_bar(), 4);
        analysis.beats.iter_mut().for_each(|row| row.event.beats_per_bar = 0);
        assert_eq!(analysis.beats_per_bar(), 0);
        analysis.beats.clear();
        assert_eq!(analysis.beats_per_bar(), 0);
    }
}
