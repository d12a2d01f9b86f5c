//! Activations that know the truth, wholly or in part: what the decoder would make of a perfect network. Worker threads.
//!
//! The score with such activations bounds what a better network alone can gain; what is still missing, the decoder loses. Two
//! half-truths part the beat from the bar: true beats with the network's division into beats and downbeats, and the reverse.

use runtime_core::analysis::activation::{Activation, StepError, StepModel};
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::resample::Resampler;
use runtime_core::units::{FRAMES_PER_SEC, MODEL_RATE_HZ};

use crate::eval::reference::Reference;

/// What is taken from the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum OracleChoice {
    /// Where beats are; the network says which are downbeats
    Beat,
    /// Which beats are downbeats; the network says where beats are
    Split,
    /// Both: no network is heard
    All,
}

impl OracleChoice {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Beat => "beat",
            Self::Split => "split",
            Self::All => "all",
        }
    }
}

/// Probability of a beat in the frame that holds one. Not 1: a good network is not that sure either, and some of its
/// beats are nobody's.
const BEAT_PROB: f32 = 0.95;
/// Probability of a beat in every other frame.
const ELSEWHERE_PROB: f32 = 0.02;
/// Share of the beat's probability that the other class has in ideal activations.
const OTHER_CLASS_SHARE: f32 = 0.05;

/// `model`, with what `choice` says replaced by the truth of the piece at `sample_rate_hz`.
pub fn with_truth(mut model: BeatModel, choice: OracleChoice, reference: &Reference, sample_rate_hz: f64) -> BeatModel {
    // A frame describes the moment of its centre less the resampler's delay (DESIGN: C = 0); labels are `floor(50 t)`.
    let delay_sec = Resampler::new(sample_rate_hz).delay_samples() / MODEL_RATE_HZ;
    let is_downbeat = |time_sec: &f64| reference.downbeats_sec().binary_search_by(|other| other.total_cmp(time_sec)).is_ok();
    let labels = reference
        .times_sec()
        .iter()
        .map(|time_sec| (((time_sec + delay_sec) * FRAMES_PER_SEC).floor().max(0.0) as usize, is_downbeat(time_sec)))
        .collect();
    model.net = Box::new(OracleNet { inner: model.net, choice, labels, n_steps: 0 });
    model
}

/// A network that is corrected as it speaks.
struct OracleNet {
    inner: Box<dyn StepModel>,
    choice: OracleChoice,
    /// Frames with a beat, and whether it is a downbeat; in order.
    labels: Vec<(usize, bool)>,
    n_steps: usize,
}

impl OracleNet {
    /// Whether frame `frame` holds a beat, and which class the nearest beat has; `None` of a piece without beats.
    fn truth(&self, frame: usize) -> Option<(bool, bool)> {
        let after = self.labels.partition_point(|(other, _)| *other < frame);
        let near = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|idx| self.labels.get(idx));
        near.min_by_key(|(other, _)| other.abs_diff(frame)).map(|(other, is_downbeat)| (*other == frame, *is_downbeat))
    }

    fn correct(&self, frame: usize, said: Activation) -> Activation {
        let (is_beat, is_downbeat) = self.truth(frame).unwrap_or_default();
        let ideal_prob = if is_beat { BEAT_PROB } else { ELSEWHERE_PROB };
        let (said_prob, downbeat_share) =
            (said.beat + said.downbeat, if is_downbeat { 1.0 - OTHER_CLASS_SHARE } else { OTHER_CLASS_SHARE });
        match self.choice {
            OracleChoice::All => divided(ideal_prob, downbeat_share),
            OracleChoice::Split => divided(said_prob, downbeat_share),
            OracleChoice::Beat if said_prob > 0.0 => divided(ideal_prob, said.downbeat / said_prob),
            OracleChoice::Beat => divided(ideal_prob, OTHER_CLASS_SHARE),
        }
    }
}

/// The activation of a probability that a beat is here, and of a share of it that it is a downbeat.
fn divided(prob: f32, downbeat_share: f32) -> Activation {
    Activation { beat: prob * (1.0 - downbeat_share), downbeat: prob * downbeat_share, none: 1.0 - prob }
}

impl StepModel for OracleNet {
    fn name(&self) -> &str {
        "oracle"
    }

    fn n_features(&self) -> usize {
        self.inner.n_features()
    }

    fn delay_frames(&self) -> usize {
        self.inner.delay_frames()
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        let said = if self.choice == OracleChoice::All { Activation::default() } else { self.inner.step(features)? };
        self.n_steps += 1;
        // The first steps describe no frame.
        Ok((self.n_steps.checked_sub(self.delay_frames() + 1)).map_or(said, |frame| self.correct(frame, said)))
    }

    fn reset(&mut self) {
        self.inner.reset();
        self.n_steps = 0;
    }
}

#[cfg(test)]
mod tests {
    use runtime_core::analysis::front_end::FrontEnd;

    use super::*;

    /// Says the same of every frame, two frames late.
    struct Constant(Activation);

    impl StepModel for Constant {
        fn name(&self) -> &str {
            "constant"
        }
        fn n_features(&self) -> usize {
            FrontEnd::default().len
        }
        fn delay_frames(&self) -> usize {
            2
        }
        fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
            Ok(self.0)
        }
        fn reset(&mut self) {}
    }

    const SAID: Activation = Activation { beat: 0.3, downbeat: 0.1, none: 0.6 };

    /// Rows of the first `n` frames; beats at .05 s (frame 2), a downbeat, and at .105 s (frame 5).
    fn rows(choice: OracleChoice, n: usize) -> Vec<Activation> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0.05\t1\n0.105\t2\n").unwrap();
        let inner = BeatModel::from_network(FrontEnd::default(), Box::new(Constant(SAID)));
        let mut model = with_truth(inner, choice, &Reference::read(file.path()).unwrap(), MODEL_RATE_HZ);
        let features = vec![0.0; model.net.n_features()];
        (0..n + 2).map(|_| model.net.step(&features).unwrap()).skip(2).collect()
    }

    fn near(left: f32, right: f32) -> bool {
        (left - right).abs() < 1e-6
    }

    #[test]
    fn the_whole_truth_is_one_frame_a_beat_in_its_class() {
        let rows = rows(OracleChoice::All, 8);
        let beats: Vec<usize> = (0..8).filter(|&frame| rows[frame].none < 0.5).collect();
        assert_eq!(beats, [2, 5]);
        assert!(rows[2].downbeat > 0.9 && rows[5].beat > 0.9);
        assert!(rows.iter().all(|row| near(row.beat + row.downbeat + row.none, 1.0)));
    }

    #[test]
    fn half_truths_keep_the_other_half_of_the_network() {
        let beat = rows(OracleChoice::Beat, 8);
        assert!(near(beat[2].downbeat / (beat[2].beat + beat[2].downbeat), 0.25) && beat[2].none < 0.1 && beat[3].none > 0.9);
        let split = rows(OracleChoice::Split, 8);
        assert!(split.iter().all(|row| near(row.none, SAID.none)));
        assert!(split[3].downbeat > split[3].beat && split[4].beat > split[4].downbeat, "the nearest beat decides");
    }

    #[test]
    fn without_beats_there_are_none() {
        let inner = BeatModel::from_network(FrontEnd::default(), Box::new(Constant(SAID)));
        let mut model = with_truth(inner, OracleChoice::All, &Reference::default(), 44_100.0);
        let features = vec![0.0; model.net.n_features()];
        assert!((0..20).all(|_| model.net.step(&features).unwrap().none > 0.5));
    }

    #[test]
    fn a_reset_starts_the_piece_again() {
        let inner = BeatModel::from_network(FrontEnd::default(), Box::new(Constant(SAID)));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0.05\t1\n").unwrap();
        let mut model = with_truth(inner, OracleChoice::All, &Reference::read(file.path()).unwrap(), MODEL_RATE_HZ);
        let features = vec![0.0; model.net.n_features()];
        let mut run = || (0..9).map(|_| model.net.step(&features).unwrap()).collect::<Vec<_>>();
        let first = run();
        model.net.reset();
        assert_eq!(first, (0..9).map(|_| model.net.step(&features).unwrap()).collect::<Vec<_>>());
    }
}
