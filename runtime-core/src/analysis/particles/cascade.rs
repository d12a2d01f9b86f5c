//! BeatNet's particle filter cascade as published: beat particles, and bar particles that move on with the beats.
//! INFERENCE THREAD. It is the reference that our own [`ParticleDecoder`](super::ParticleDecoder) is measured against.
//!
//! Source: Heydari, Cwitkowitz & Duan, "BeatNet: CRNN and particle filtering for online joint beat, downbeat and meter
//! tracking", ISMIR 2021, section 3.2; `particle_filtering_cascade.py` of BeatNet 1.1.3. [`Variant::Upstream`] has its
//! defects too and replays logged runs draw by draw (`tests/tests/golden_particles.rs`).

use super::draws::Draws;
use super::population::Population;
use crate::analysis::activation::Activation;
use crate::analysis::beatnet_space::RingSpace;
use crate::analysis::rng::Pcg32;
use crate::units::FRAME_SEC;

/// Beat particles at the start.
pub const N_BEAT_PARTICLES: usize = 1500;
/// Bar particles at the start.
pub const N_BAR_PARTICLES: usize = 250;

/// Activations below this tell nothing (BeatNet `ig_threshold`, the "information gate") ...
const GATE_PROB: f64 = 0.4;
/// ... and count as this, which is also the weight of a beat particle away from a beat.
const FLOOR_PROB: f64 = 0.03;
/// A gated activation above this resamples the beat particles.
const RESAMPLE_PROB: f64 = 0.1;
/// A gated activation above this injects beat particles at several tempi.
const INJECT_BEATS_PROB: f64 = 0.8;
/// Beat particles injected: every [`INJECT_STRIDE`]-th interval.
const N_INJECTED_BEATS: usize = 7;
/// Distance between injected tempi, intervals; the first one is random below [`INJECT_STARTS`].
const INJECT_STRIDE: usize = 6;
/// Number of possible first injected intervals.
const INJECT_STARTS: usize = 4;
/// A downbeat activation above this injects a bar particle at the start of each meter.
const INJECT_BARS_PROB: f64 = 0.7;
/// A downbeat is emitted only above this.
const DOWNBEAT_PROB: f64 = 0.4;
/// A beat is looked for in this many frames from its start: `int(0.07 s / 0.02 s) + 1`.
const WINDOW_FRAMES: usize = 4;
/// Shortest distance of two beats, in beats of the present tempo.
const REFRACTORY_BEATS: f64 = 0.4;

/// Which of upstream's defects are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// BeatNet 1.1.3: both populations grow, the decision uses the belief of the frame before, and the bar particles
    /// move on without a beat.
    Upstream,
    /// As upstream, but the populations keep their size, by random deletion, as in BeatNet-Plus.
    FixedPopulations,
    /// Fixed populations, the belief is updated before the decision, and the bar particles move only on accepted beats.
    Repaired,
}

/// What an emitted beat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// First beat of a bar; 1 in BeatNet's output.
    Downbeat,
    /// Any other beat; 2 in BeatNet's output.
    Beat,
}

/// A beat that the cascade emitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CascadeEvent {
    /// Time of the frame, seconds of stream: index times 20 ms, as upstream prints it.
    pub t_sec: f64,
    /// What it is.
    pub label: Label,
}

/// What one frame brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CascadeFrame {
    /// Median beat state that the decision used.
    pub median_state: u16,
    /// Most frequent bar state, where the bar particles moved.
    pub bar_state: Option<u16>,
    /// Beat emitted.
    pub event: Option<CascadeEvent>,
}

/// The cascade: 1500 particles for tempo and phase, 250 for meter and position in the bar.
#[derive(Debug, Clone)]
pub struct Cascade {
    variant: Variant,
    beats: Population,
    bars: Population,
    n_frames: u64,
    last_event: Option<CascadeEvent>,
    deleted: Vec<usize>,
}

impl Cascade {
    /// A cascade with particles spread evenly over both spaces; as upstream, never on the last state of a space.
    pub fn new(variant: Variant, rng: &mut Pcg32) -> Self {
        let (beats, bars) = (RingSpace::beats(), RingSpace::bars());
        let mut spread = |n: usize, n_states: usize| {
            let mut states: Vec<u16> = (0..n).map(|_| rng.below(n_states as u32 - 1) as u16).collect();
            states.sort_unstable();
            states
        };
        let beat_states = spread(N_BEAT_PARTICLES, beats.n_states());
        let bar_states = spread(N_BAR_PARTICLES, bars.n_states());
        Self::from_states(variant, beat_states, bar_states)
    }

    /// A cascade with given particles: beat states below 1449, bar states below 9; neither list empty.
    pub fn from_states(variant: Variant, beat_states: Vec<u16>, bar_states: Vec<u16>) -> Self {
        let beats = Population::new(RingSpace::beats(), beat_states);
        let bars = Population::new(RingSpace::bars(), bar_states);
        Self { variant, beats, bars, n_frames: 0, last_event: None, deleted: Vec::with_capacity(N_INJECTED_BEATS) }
    }

    /// Beat states, `[n]`.
    pub fn beat_states(&self) -> &[u16] {
        self.beats.states()
    }

    /// Bar states, `[n]`.
    pub fn bar_states(&self) -> &[u16] {
        self.bars.states()
    }

    /// Consumes the activation of one frame. Grows its memory in [`Variant::Upstream`].
    pub fn step(&mut self, activation: &Activation, draws: &mut impl Draws) -> CascadeFrame {
        let t_sec = FRAME_SEC * self.n_frames as f64;
        self.n_frames += 1;
        let (beat, downbeat) = (f64::from(activation.beat), f64::from(activation.downbeat));
        let strongest = beat.max(downbeat);
        // Written so that NaN counts as nothing heard.
        let gated = if strongest >= GATE_PROB { strongest } else { FLOOR_PROB };

        if self.variant == Variant::Repaired {
            self.update_beats(gated, draws);
        }
        let median_state = self.beats.median_state();
        let mut frame = CascadeFrame { median_state, bar_state: None, event: None };
        if self.is_due(median_state, t_sec) && (self.variant != Variant::Repaired || gated >= GATE_PROB) {
            self.update_bars(beat, downbeat, draws);
            let bar_state = self.bars.mode_state();
            frame.bar_state = Some(bar_state);
            frame.event = self.label(bar_state, downbeat, gated).map(|label| CascadeEvent { t_sec, label });
            self.last_event = frame.event.or(self.last_event);
        }
        if self.variant != Variant::Repaired {
            self.update_beats(gated, draws);
        }
        frame
    }

    /// Whether the median particle stands in the window of a beat, and the last beat was long enough ago.
    fn is_due(&self, median_state: u16, t_sec: f64) -> bool {
        let space = self.beats.space();
        let since_last_sec = t_sec - self.last_event.map_or(0.0, |event| event.t_sec);
        let refractory_sec = REFRACTORY_BEATS * FRAME_SEC * space.length_of(median_state) as f64;
        space.position_of(median_state) < WINDOW_FRAMES && since_last_sec > refractory_sec
    }

    fn label(&self, bar_state: u16, downbeat: f64, gated: f64) -> Option<Label> {
        let after_downbeat = self.last_event.is_some_and(|event| event.label == Label::Downbeat);
        if self.bars.space().position_of(bar_state) == 0 && !after_downbeat && downbeat > DOWNBEAT_PROB {
            Some(Label::Downbeat)
        } else {
            (gated > GATE_PROB).then_some(Label::Beat)
        }
    }

    fn update_bars(&mut self, beat: f64, downbeat: f64, draws: &mut impl Draws) {
        self.bars.advance(draws);
        let injects = downbeat > INJECT_BARS_PROB;
        let n_meters = self.bars.space().n_rings();
        if injects {
            self.bars.inject(0..n_meters);
        }
        self.bars.weigh_and_resample(downbeat, beat, draws);
        if injects {
            // Upstream adds three and takes back one.
            let count = if self.variant == Variant::Upstream { 1 } else { n_meters };
            draws.deleted_bars(count, self.bars.states().len(), &mut self.deleted);
            self.bars.remove(&mut self.deleted);
        }
    }

    fn update_beats(&mut self, gated: f64, draws: &mut impl Draws) {
        self.beats.advance(draws);
        if gated <= RESAMPLE_PROB {
            return;
        }
        let injects = gated > INJECT_BEATS_PROB;
        if injects {
            let start = draws.inject_start(INJECT_STARTS);
            self.beats.inject((start..self.beats.space().n_rings()).step_by(INJECT_STRIDE).take(N_INJECTED_BEATS));
        }
        self.beats.weigh_and_resample(gated, FLOOR_PROB, draws);
        // Upstream computes this deletion and throws its result away.
        if injects && self.variant != Variant::Upstream {
            draws.deleted_beats(N_INJECTED_BEATS, self.beats.states().len(), &mut self.deleted);
            self.beats.remove(&mut self.deleted);
        }
    }
}
