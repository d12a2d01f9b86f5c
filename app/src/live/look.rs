//! From the engine's state to a look: stream time to this machine's clock, the spectrum to a level and sixteen bands, the
//! section's probabilities to words. Source thread.

use outputs::event::Moment;
use outputs::look::{ApproachLook, Line, Look, Reason, SectionLook};
use outputs::view::N_BANDS;
use runtime_core::analysis::structure::Sections;
use runtime_core::state::{LockReason, SlowState, StructureEvent};

/// log10(1 + magnitude) of a sine at full scale in its band: half of the analysis window, which adds up to 705.
const FULL_SCALE_LOG10: f32 = 2.55;
/// Level that counts as 0, dB full scale.
const FLOOR_DB: f32 = -60.0;
/// A stream that moves by less than this against the clock is followed at once, seconds.
const USUAL_MOVE_SEC: f64 = 0.1;
/// Readings in a row that a larger move must last for, to be believed: the wall clock, by which the state is stamped, may have been
/// set between stamp and reading.
const BELIEVED_READINGS: u32 = 20;
/// ... while they agree to this, seconds.
const AGREEMENT_SEC: f64 = 0.02;

/// Where stream second 0 lies on the monotonic clock, from readings that are stamped by the wall clock.
#[derive(Debug, Clone, Copy, Default)]
struct StreamOrigin {
    /// Monotonic seconds.
    sec: Option<f64>,
    /// Another one that was read, and how often in a row.
    other: (f64, u32),
}

impl StreamOrigin {
    /// Takes a reading, monotonic seconds; returns what is believed.
    fn read(&mut self, sec: f64) -> f64 {
        let known = *self.sec.get_or_insert(sec);
        if (sec - known).abs() < USUAL_MOVE_SEC {
            (self.sec, self.other) = (Some(sec), (0.0, 0));
            return sec;
        }
        self.other = if (sec - self.other.0).abs() < AGREEMENT_SEC { (sec, self.other.1 + 1) } else { (sec, 1) };
        if self.other.1 < BELIEVED_READINGS {
            return known;
        }
        (self.sec, self.other) = (Some(sec), (0.0, 0));
        sec
    }
}

/// Makes looks of one source's states.
#[derive(Debug, Clone, Default)]
pub struct Translator {
    origin: StreamOrigin,
    sections: Sections,
    look: Look,
}

impl Translator {
    /// For a source that counts its beats from 0; `session` differs from that of every other one.
    pub fn new(session: u64) -> Self {
        Self { look: Look { session, ..Look::default() }, ..Self::default() }
    }

    /// Another state, read `now`; `said_mono_ns` is when the source published it.
    pub fn state(&mut self, state: &SlowState, said_mono_ns: u64, now: Moment) {
        let look = &mut self.look;
        (look.taken, look.said_mono_ns) = (now, said_mono_ns);
        if state.wall_ns == 0 {
            look.reason = Reason::Searching;
            return;
        }
        let age_sec = now.unix_ns.wrapping_sub(state.wall_ns) as i64 as f64 * 1e-9;
        let now_sec = now.mono_ns as f64 * 1e-9;
        let origin_sec = self.origin.read(now_sec - age_sec - state.beat.t_sec);
        let to_mono_ns = |t_sec: f64| ((origin_sec + t_sec).max(0.0) * 1e9) as u64;
        let line = state.timeline;
        look.line = Line { origin_mono_ns: to_mono_ns(line.t_origin_sec), beat_origin: line.beat_origin, period_ns: line.spb * 1e9 };
        let beat = &state.beat;
        look.locked = beat.locked != 0;
        look.reason = reason(beat.reason);
        (look.number, look.beat_in_bar, look.beats_per_bar) = (beat.beat_count, beat.beat_in_bar, beat.beats_per_bar);
        look.bpm = if beat.spb > 0.0 { 60.0 / beat.spb } else { 0.0 };
        (look.confidence, look.downbeat_prob) = (beat.conf, beat.downbeat_prob);
        (look.section_probs, look.hazard_probs) = (state.structure.section_probs, state.structure.hazard_probs);
        let event = self.sections.step(&state.structure);
        match event {
            Some(StructureEvent::Section { t_sec, section, before, prob }) => {
                let change = look.section.change + 1;
                look.section = SectionLook { change, section: Some(section), before, prob, since_mono_ns: to_mono_ns(t_sec) };
            }
            Some(StructureEvent::Approach { t_sec, within_beats, prob, next, next_prob }) => {
                let change = look.approach.change + 1;
                look.approach = ApproachLook { change, within_beats, prob, next, next_prob, since_mono_ns: to_mono_ns(t_sec) };
            }
            None => {}
        }
    }

    /// How strongly the beats of late were played, `[0, 1]`.
    pub fn intensity(&mut self, intensity: f32) {
        self.look.intensity = intensity;
    }

    /// What the network saw in the last frame; the engine keeps beats and downbeats apart, here each downbeat is a beat.
    pub fn activation(&mut self, beat: f32, downbeat: f32) {
        self.look.beat_activation = (beat + downbeat).clamp(0.0, 1.0);
        self.look.downbeat_activation = downbeat.clamp(0.0, 1.0);
    }

    /// The log bands of the last frame, low to high, log10 units.
    pub fn spectrum(&mut self, bands: &[f32]) {
        self.look.bands = sixteen(bands);
        self.look.level = level(bands);
    }

    /// Nothing could be read, `now`: what was said last stands until it is too old.
    pub fn nothing(&mut self, now: Moment) {
        self.look.taken = now;
    }

    /// What is known.
    pub fn look(&self) -> Look {
        self.look
    }
}

fn reason(reason: LockReason) -> Reason {
    match reason {
        LockReason::Searching => Reason::Searching,
        LockReason::Locked => Reason::Locked,
        LockReason::WeakPulse => Reason::WeakPulse,
        LockReason::AmbiguousOctave => Reason::AmbiguousOctave,
        LockReason::Silence => Reason::Silence,
        LockReason::Held => Reason::Held,
    }
}

/// Means over sixteen groups of neighbours of about equal number, a full-scale sine giving about 1.
pub(crate) fn sixteen(bands: &[f32]) -> [f32; N_BANDS] {
    std::array::from_fn(|idx| {
        let group = &bands[idx * bands.len() / N_BANDS..(idx + 1) * bands.len() / N_BANDS];
        let mean = group.iter().sum::<f32>() / group.len().max(1) as f32;
        (mean / FULL_SCALE_LOG10).clamp(0.0, 1.0)
    })
}

/// Level of the loudest band on a scale of dB, `[0, 1]`.
pub(crate) fn level(bands: &[f32]) -> f32 {
    let loudest = bands.iter().copied().fold(0.0, f32::max);
    let magnitude = 10f32.powf(loudest) - 1.0;
    let full_scale = 10f32.powf(FULL_SCALE_LOG10) - 1.0;
    let level_db = 20.0 * (magnitude / full_scale).max(1e-6).log10();
    (1.0 - level_db / FLOOR_DB).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime_core::state::BeatClockState;
    use runtime_core::timeline::Timeline;

    const SEC: u64 = 1_000_000_000;
    const UNIX_NS: u64 = 1_700_000_000 * SEC;

    /// Monotonic second `sec` of a machine that was started at `UNIX_NS`.
    fn at(sec: f64) -> Moment {
        let ns = (sec * 1e9) as u64;
        Moment { mono_ns: ns, unix_ns: UNIX_NS + ns }
    }

    /// Stream second 0 is heard at monotonic second 100; beat 4 falls at stream second 10.
    fn state(t_sec: f64) -> SlowState {
        let timeline = Timeline { t_origin_sec: 10.0, beat_origin: 4.0, spb: 0.5 };
        let beat =
            BeatClockState { t_sec, beat_count: 4, beat_in_bar: 1, beats_per_bar: 4, locked: 1, conf: 0.9, ..BeatClockState::default() };
        SlowState { timeline, beat, wall_ns: at(100.0 + t_sec).unix_ns, ..SlowState::default() }
    }

    fn beat_ns(translator: &Translator, beat: f64) -> i64 {
        translator.look().line.time_of(beat) as i64
    }

    #[test]
    fn a_beat_lies_where_the_stream_was_heard() {
        let mut translator = Translator::new(7);
        translator.state(&state(10.2), 5, at(110.23));
        let look = translator.look();
        assert_eq!((look.session, look.locked, look.said_mono_ns, look.bpm), (7, true, 5, 120.0));
        assert!((beat_ns(&translator, 4.0) - 110 * SEC as i64).abs() < 1_000, "{}", beat_ns(&translator, 4.0));
        assert_eq!(look.beat_in_bar_of(6), 3);
    }

    #[test]
    fn a_wall_clock_that_is_set_moves_no_beat() {
        let mut translator = Translator::new(1);
        translator.state(&state(10.0), 0, at(110.0));
        // The wall clock is put an hour ahead; the state was stamped before, then after.
        let set = |moment: Moment| Moment { unix_ns: moment.unix_ns + 3600 * SEC, ..moment };
        translator.state(&state(10.02), 0, set(at(110.03)));
        assert!((beat_ns(&translator, 4.0) - 110 * SEC as i64).abs() < 1_000_000);
        let stamped = SlowState { wall_ns: state(10.04).wall_ns + 3600 * SEC, ..state(10.04) };
        translator.state(&stamped, 0, set(at(110.05)));
        assert!((beat_ns(&translator, 4.0) - 110 * SEC as i64).abs() < 1_000_000);
    }

    #[test]
    fn a_stream_that_stood_still_is_believed_after_a_while() {
        let mut translator = Translator::new(1);
        translator.state(&state(10.0), 0, at(110.0));
        for k in 0..BELIEVED_READINGS {
            let t_sec = 10.0 + 0.02 * f64::from(k);
            let late = SlowState { wall_ns: state(t_sec).wall_ns + 5 * SEC, ..state(t_sec) };
            translator.state(&late, 0, at(105.0 + 100.0 + t_sec - 90.0));
        }
        assert!((beat_ns(&translator, 4.0) - 115 * SEC as i64).abs() < 1_000_000, "{}", beat_ns(&translator, 4.0));
    }

    #[test]
    fn sections_are_numbered_as_they_change() {
        let mut translator = Translator::new(1);
        for (label, t_sec) in [(2, 10.0), (2, 11.0), (4, 12.0)] {
            let mut now = state(t_sec);
            now.structure.section_probs[label] = 1.0;
            now.structure.t_sec = t_sec;
            translator.state(&now, 0, at(100.0 + t_sec));
        }
        let section = translator.look().section;
        assert_eq!((section.change, section.section, section.before), (2, Some(4), Some(2)));
        assert!((section.since_mono_ns as i64 - 112 * SEC as i64).abs() < 1_000);
    }

    #[test]
    fn silence_is_zero_and_full_scale_is_one() {
        assert_eq!((level(&[0.0; 136]), sixteen(&[0.0; 136])), (0.0, [0.0; 16]));
        assert!((level(&[FULL_SCALE_LOG10; 136]) - 1.0).abs() < 1e-6);
        let mut bands = [0.0; 136];
        bands[..8].fill(FULL_SCALE_LOG10);
        assert_eq!((sixteen(&bands)[0], sixteen(&bands)[1]), (1.0, 0.0));
        assert_eq!(sixteen(&[]), [0.0; 16]);
    }

    #[test]
    fn before_the_first_sample_nothing_is_known() {
        let mut translator = Translator::new(1);
        translator.state(&SlowState::default(), 3, at(1.0));
        assert_eq!((translator.look().reason, translator.look().locked), (Reason::Searching, false));
    }
}
