//! Third stage: features to beat, downbeat and non-beat probabilities, behind one small trait. INFERENCE THREAD.

/// Class probabilities of one frame; they sum to 1. A downbeat frame is *not* also a beat frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activation {
    /// Probability of a beat that is no downbeat.
    pub beat: f32,
    /// Probability of a downbeat.
    pub downbeat: f32,
    /// Probability of neither.
    pub none: f32,
}

impl Default for Activation {
    /// Certainly no beat.
    fn default() -> Self {
        Self { beat: 0.0, downbeat: 0.0, none: 1.0 }
    }
}

/// Why a step failed at run time.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StepError {
    /// A frame of another length than the model takes.
    #[error("model {model} takes frames of {expected} features, got {got}")]
    WrongLength {
        /// Name of the model.
        model: String,
        /// Features per frame that the model takes.
        expected: usize,
        /// Features in the frame given.
        got: usize,
    },
    /// The model returned a value that is not finite.
    #[error("model {model} returned a value that is not finite: {value}")]
    NotFinite {
        /// Name of the model.
        model: String,
        /// The value.
        value: f32,
    },
    /// The backend failed.
    #[error("model {model} failed: {message}")]
    Backend {
        /// Name of the model.
        model: String,
        /// What the backend said.
        message: String,
    },
}

/// Most frames that a model is given at once: enough that reading its weights costs little beside using them, and few enough that what
/// lies between two layers stays in the inner caches.
pub const MAX_BATCH_FRAMES: usize = 32;

/// Frames of features that follow each other, oldest first.
#[derive(Debug, Clone, Copy)]
pub struct FrameBatch<'a> {
    /// `[n_frames, n_features]`
    features: &'a [f32],
    n_features: usize,
}

impl<'a> FrameBatch<'a> {
    /// Frames of `n_features` each; `features` is `[n_frames, n_features]`, of at most [`MAX_BATCH_FRAMES`].
    pub fn new(features: &'a [f32], n_features: usize) -> Self {
        debug_assert!(n_features > 0 && features.len().is_multiple_of(n_features) && features.len() / n_features <= MAX_BATCH_FRAMES);
        Self { features, n_features }
    }

    /// Features per frame.
    pub fn n_features(self) -> usize {
        self.n_features
    }

    /// All of them, `[n_frames, n_features]`.
    pub fn features(self) -> &'a [f32] {
        self.features
    }

    /// Each frame, `[n_features]`.
    pub fn frames(self) -> std::slice::ChunksExact<'a, f32> {
        self.features.chunks_exact(self.n_features)
    }
}

/// A causal model that sees one frame at a time and keeps its own explicit state.
pub trait StepModel: Send {
    /// Name for messages, e.g. `beatnet-1`.
    fn name(&self) -> &str;

    /// Features per frame that [`Self::step`] takes.
    fn n_features(&self) -> usize;

    /// Frames by which the output is late: what [`Self::step`] returns for frame n describes frame n less this.
    fn delay_frames(&self) -> usize {
        0
    }

    /// Consumes one frame of features and returns its activation. Allocates nothing, unless a backend does.
    ///
    /// # Errors
    /// [`StepError`]; the caller falls back to another model.
    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError>;

    /// Consumes several frames and appends their activations: bit for bit what [`Self::step`] returns for one after the other, up to the
    /// first that fails. Allocates nothing where `activations` has room, unless a backend does.
    ///
    /// # Errors
    /// The first failure; `activations` ends with the frame before it.
    fn steps(&mut self, batch: FrameBatch<'_>, activations: &mut Vec<Activation>) -> Result<(), StepError> {
        for frame in batch.frames() {
            activations.push(self.step(frame)?);
        }
        Ok(())
    }

    /// Returns to the exact state after construction.
    fn reset(&mut self);
}

/// What a mean begins with.
const NOTHING: Activation = Activation { beat: 0.0, downbeat: 0.0, none: 0.0 };

/// The mean of several models' activations; the first error of any of them is the error of all.
pub struct Ensemble {
    name: String,
    members: Vec<Box<dyn StepModel>>,
    /// What one member says of several frames, at most [`MAX_BATCH_FRAMES`].
    said: Vec<Activation>,
}

impl Ensemble {
    /// An ensemble of at least one model, all taking the same number of features and equally late.
    ///
    /// # Errors
    /// [`StepError::Backend`] without members or where their delays differ, [`StepError::WrongLength`] where they disagree
    /// on the features.
    pub fn new(members: Vec<Box<dyn StepModel>>) -> Result<Self, StepError> {
        let Some(first) = members.first() else {
            return Err(StepError::Backend { model: "ensemble".to_owned(), message: "no members".to_owned() });
        };
        let expected = first.n_features();
        if let Some(other) = members.iter().find(|m| m.n_features() != expected) {
            return Err(StepError::WrongLength { model: other.name().to_owned(), expected: other.n_features(), got: expected });
        }
        let delay_frames = first.delay_frames();
        if let Some(other) = members.iter().find(|m| m.delay_frames() != delay_frames) {
            let message = format!("expected a delay of {delay_frames} frames as of {}, got {}", first.name(), other.delay_frames());
            return Err(StepError::Backend { model: other.name().to_owned(), message });
        }
        let name = members.iter().map(|m| m.name()).collect::<Vec<_>>().join("+");
        Ok(Self { name, members, said: Vec::with_capacity(MAX_BATCH_FRAMES) })
    }

    /// Adds a member's share to the mean.
    fn add(&self, mean: &mut Activation, activation: Activation) {
        let weight = 1.0 / self.members.len() as f32;
        mean.beat += weight * activation.beat;
        mean.downbeat += weight * activation.downbeat;
        mean.none += weight * activation.none;
    }
}

impl StepModel for Ensemble {
    fn name(&self) -> &str {
        &self.name
    }

    fn n_features(&self) -> usize {
        self.members[0].n_features()
    }

    fn delay_frames(&self) -> usize {
        self.members[0].delay_frames()
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        let mut mean = NOTHING;
        for idx in 0..self.members.len() {
            let activation = self.members[idx].step(features)?;
            self.add(&mut mean, activation);
        }
        Ok(mean)
    }

    fn steps(&mut self, batch: FrameBatch<'_>, activations: &mut Vec<Activation>) -> Result<(), StepError> {
        let n_before = activations.len();
        activations.resize(n_before + batch.frames().len(), NOTHING);
        let mut result = Ok(());
        for idx in 0..self.members.len() {
            let mut said = std::mem::take(&mut self.said);
            said.clear();
            let answered = self.members[idx].steps(batch, &mut said);
            // A frame counts where every member has answered; the error is that of the first frame that does not.
            if said.len() < activations.len() - n_before {
                activations.truncate(n_before + said.len());
                result = answered;
            }
            for (mean, &activation) in activations[n_before..].iter_mut().zip(&said) {
                self.add(mean, activation);
            }
            self.said = said;
        }
        result
    }

    fn reset(&mut self) {
        self.members.iter_mut().for_each(|m| m.reset());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An activation, features, delay in frames.
    struct Fixed(Activation, usize, usize);
    impl StepModel for Fixed {
        fn name(&self) -> &str {
            "fixed"
        }
        fn n_features(&self) -> usize {
            self.1
        }
        fn delay_frames(&self) -> usize {
            self.2
        }
        fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
            Ok(self.0)
        }
        fn reset(&mut self) {}
    }

    #[test]
    fn an_ensemble_is_the_mean() {
        let a = Activation { beat: 0.5, downbeat: 0.25, none: 0.25 };
        let b = Activation { beat: 0.0, downbeat: 0.75, none: 0.25 };
        let mut both = Ensemble::new(vec![Box::new(Fixed(a, 2, 1)), Box::new(Fixed(b, 2, 1))]).unwrap();
        assert_eq!(both.step(&[0.0; 2]).unwrap(), Activation { beat: 0.25, downbeat: 0.5, none: 0.25 });
        assert_eq!((both.name(), both.delay_frames()), ("fixed+fixed", 1));
    }

    /// Repeats its feature as the beat, times the frames it has seen; fails at one of them.
    struct Counting {
        n_seen: usize,
        fails_at: usize,
        name: &'static str,
    }
    impl StepModel for Counting {
        fn name(&self) -> &str {
            self.name
        }
        fn n_features(&self) -> usize {
            1
        }
        fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
            self.n_seen += 1;
            if self.n_seen > self.fails_at {
                return Err(StepError::Backend { model: self.name.to_owned(), message: "no more".to_owned() });
            }
            Ok(Activation { beat: features[0] * self.n_seen as f32, downbeat: 0.1, none: 0.3 })
        }
        fn reset(&mut self) {
            self.n_seen = 0;
        }
    }

    #[test]
    fn an_ensemble_answers_many_frames_as_one_after_the_other() {
        let features: Vec<f32> = (0..5_u8).map(|i| 0.1 + f32::from(i) / 7.0).collect();
        for fails_at in [[9, 9, 9], [9, 3, 9], [4, 3, 2], [2, 4, 2], [0, 9, 9]] {
            let ensemble = || {
                let member = |(fails_at, name)| Box::new(Counting { n_seen: 0, fails_at, name }) as Box<dyn StepModel>;
                Ensemble::new(fails_at.into_iter().zip(["a", "b", "c"]).map(member).collect()).unwrap()
            };
            let mut expected = vec![NOTHING];
            let mut each = ensemble();
            let result = features.iter().try_for_each(|&feature| each.step(&[feature]).map(|activation| expected.push(activation)));
            let mut activations = vec![NOTHING];
            let together = ensemble().steps(FrameBatch::new(&features, 1), &mut activations);
            assert_eq!(activations, expected, "{fails_at:?}");
            assert_eq!(together.map_err(|e| e.to_string()), result.map_err(|e| e.to_string()), "{fails_at:?}");
        }
    }

    #[test]
    fn an_ensemble_refuses_nothing_and_disagreement() {
        assert!(Ensemble::new(vec![]).is_err());
        let ensemble = |b: Fixed| Ensemble::new(vec![Box::new(Fixed(Activation::default(), 2, 0)), Box::new(b)]).err();
        let other = ensemble(Fixed(Activation::default(), 3, 0));
        assert!(matches!(other, Some(StepError::WrongLength { expected: 3, got: 2, .. })));
        let later = ensemble(Fixed(Activation::default(), 2, 3)).unwrap().to_string();
        assert!(later.contains("expected a delay of 0 frames as of fixed, got 3"), "{later}");
        assert!(ensemble(Fixed(Activation::default(), 2, 0)).is_none());
    }
}
