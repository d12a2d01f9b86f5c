//! What is shown: plain data, made by the plugin's adapter once a frame of the screen. Every number is made safe here.

use std::sync::Arc;

use crate::control::Control;

/// Whether an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Run {
    /// The host has not activated the plugin.
    #[default]
    Stopped,
    /// Activated; no audio has come yet.
    Waiting,
    /// The analysis keeps up with the audio on a thread of its own.
    Live,
    /// The host renders faster than real time.
    Offline,
}

/// The beat, now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BeatView {
    /// Beats are announced.
    pub is_locked: bool,
    /// Why they are, or why not: a word or two.
    pub reason: &'static str,
    /// Probability that the last beat was right, `[0, 1]`.
    pub conf: f32,
    /// Beats per minute, as shown to people.
    pub tempo_bpm: f32,
    /// Number of the beat on the timeline that is playing.
    pub beat_number: i64,
    /// Position within it, `[0, 1)`.
    pub phase: f32,
    /// Position in the bar, from 1; 0 = unknown.
    pub beat_in_bar: u8,
    /// Beats per bar; 0 = unknown.
    pub beats_per_bar: u8,
}

/// One tempo that is possible.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TempoView {
    /// Beats per minute.
    pub bpm: f32,
    /// Its probability, `[0, 1]`.
    pub prob: f32,
}

/// Sections and boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SectionView {
    /// The section that plays with its probability; `None` = unknown.
    pub now: Option<(&'static str, f32)>,
    /// Horizons, beats.
    pub horizons_beats: [u32; 5],
    /// Probability of a boundary within each horizon, `[0, 1]`.
    pub hazard_probs: [f32; 5],
}

/// One point of the scroll.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScopePoint {
    /// Seconds from now, negative = past.
    pub at_sec: f32,
    /// Activation of a beat, `[0, 1]`.
    pub beat_prob: f32,
    /// Activation of a downbeat, `[0, 1]`.
    pub downbeat_prob: f32,
}

/// A beat in the scroll.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mark {
    /// Seconds from now, negative = past.
    pub at_sec: f32,
    /// It begins a bar.
    pub is_downbeat: bool,
    /// It is foreseen.
    pub is_predicted: bool,
}

/// What an output does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LightState {
    /// Switched off, or not there.
    #[default]
    Off,
    /// On, and nothing to send.
    Idle,
    /// Sends.
    On,
    /// Wants to send and cannot.
    Fault,
}

/// An output's light.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Light {
    /// Its name.
    pub name: &'static str,
    /// Its state, said again in [`Self::word`].
    pub state: LightState,
    /// A word or two.
    pub word: &'static str,
    /// The parameter that a click switches, where there is one.
    pub control: Option<Control>,
    /// What it is, for the tooltip.
    pub tip: String,
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ControlView {
    /// In [0, 1].
    pub normalized: f32,
    /// The default, in [0, 1].
    pub default_normalized: f32,
    /// With its unit.
    pub text: String,
    /// The texts of a [`Kind::Choice`](crate::Kind::Choice), in the order of its values.
    pub choices: Arc<[String]>,
}

impl ControlView {
    /// Whether a switch is on.
    pub fn is_on(&self) -> bool {
        self.normalized >= 0.5
    }
}

/// Everything that is shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    /// Whether an instance runs.
    pub run: Run,
    /// The beat.
    pub beat: BeatView,
    /// Possible tempi, the most probable first.
    pub tempi: Vec<TempoView>,
    /// Sections.
    pub section: SectionView,
    /// The last seconds, oldest first.
    pub scope: Vec<ScopePoint>,
    /// Beats in and beyond them.
    pub marks: Vec<Mark>,
    /// Level of the input, dB of full scale.
    pub level_db: f32,
    /// Highest level of the last seconds, dB of full scale.
    pub peak_db: f32,
    /// What the user fixed, in words; empty = nothing.
    pub hints: String,
    /// What went wrong, in words; empty = nothing.
    pub trouble: String,
    /// The outputs.
    pub lights: Vec<Light>,
    /// The values of [`Control::ALL`], in that order.
    pub controls: Vec<ControlView>,
}

impl Snapshot {
    /// The value of a control; a default where the snapshot has none.
    pub fn control(&self, control: Control) -> ControlView {
        self.controls.get(control as usize).cloned().unwrap_or_default()
    }

    /// With every number finite and in its range: what is no number counts as 0 and is not painted.
    #[must_use]
    pub fn made_safe(mut self) -> Self {
        let unit = |value: f32| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
        let tempo = |bpm: f32| if bpm.is_finite() { bpm.clamp(0.0, 999.0) } else { 0.0 };
        let db = |db: f32| if db.is_finite() { db.clamp(-120.0, 12.0) } else { -120.0 };
        let beat = &mut self.beat;
        (beat.conf, beat.tempo_bpm) = (unit(beat.conf), tempo(beat.tempo_bpm));
        beat.phase = unit(beat.phase).min(1.0f32.next_down());
        // More than anyone can count; a bar beyond it is as good as unknown.
        if beat.beats_per_bar > 16 {
            (beat.beats_per_bar, beat.beat_in_bar) = (0, 0);
        }
        beat.beat_in_bar = if beat.beat_in_bar <= beat.beats_per_bar { beat.beat_in_bar } else { 0 };
        self.tempi.retain(|view| view.bpm.is_finite() && view.bpm > 0.0 && view.prob.is_finite());
        self.tempi.iter_mut().for_each(|view| *view = TempoView { bpm: tempo(view.bpm), prob: unit(view.prob) });
        self.section.hazard_probs = self.section.hazard_probs.map(unit);
        self.section.now = self.section.now.map(|(name, prob)| (name, unit(prob)));
        self.scope.retain(|point| point.at_sec.is_finite());
        for point in &mut self.scope {
            (point.beat_prob, point.downbeat_prob) = (unit(point.beat_prob), unit(point.downbeat_prob));
        }
        self.marks.retain(|mark| mark.at_sec.is_finite());
        (self.level_db, self.peak_db) = (db(self.level_db), db(self.peak_db));
        for control in &mut self.controls {
            (control.normalized, control.default_normalized) = (unit(control.normalized), unit(control.default_normalized));
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_made_one_or_left_out() {
        let snapshot = Snapshot {
            beat: BeatView {
                conf: f32::NAN,
                tempo_bpm: f32::INFINITY,
                phase: 1.0,
                beat_in_bar: 200,
                beats_per_bar: 4,
                ..Default::default()
            },
            tempi: vec![TempoView { bpm: f32::NAN, prob: 0.5 }, TempoView { bpm: 90.0, prob: 7.0 }],
            scope: vec![ScopePoint { at_sec: f32::NAN, ..Default::default() }, ScopePoint { beat_prob: f32::NAN, ..Default::default() }],
            marks: vec![Mark { at_sec: f32::NEG_INFINITY, ..Default::default() }],
            level_db: f32::NAN,
            controls: vec![ControlView { normalized: f32::NAN, ..Default::default() }],
            ..Default::default()
        }
        .made_safe();
        assert_eq!((snapshot.beat.conf, snapshot.beat.tempo_bpm, snapshot.beat.beat_in_bar), (0.0, 0.0, 0));
        assert!(snapshot.beat.phase < 1.0);
        assert_eq!(snapshot.tempi, [TempoView { bpm: 90.0, prob: 1.0 }]);
        assert_eq!((snapshot.scope.len(), snapshot.scope[0].beat_prob, snapshot.marks.len()), (1, 0.0, 0));
        assert_eq!((snapshot.level_db, snapshot.controls[0].normalized), (-120.0, 0.0));
    }

    #[test]
    fn a_control_that_is_not_there_is_a_default() {
        assert_eq!(Snapshot::default().control(Control::Bypass), ControlView::default());
    }
}
