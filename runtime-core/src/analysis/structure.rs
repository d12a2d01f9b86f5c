//! Sixth stage, 12.5 times a second: which section is playing, and how near the next boundary is. INFERENCE THREAD.
//!
//! Steps of pooled sound and beats go to the anticipator; where there is none, to the table of what is usual. Silence is told by
//! the level, not by the network. Between steps the last state stands.

mod sections;
#[cfg(test)]
mod tests;

pub use sections::{FOLLOWS, Sections};

use model_contracts::v1;

use super::anticipator::{Anticipation, N_HORIZONS, N_LABELS};
use super::anticipator_model::{AnticipatorModel, AnticipatorOrigin};
use super::structure_features::beat_line::TrackerView;
use super::structure_features::pool::PooledStep;
use super::structure_features::{StructureFeatures, StructureStep};
use super::structure_prior::StructurePrior;
use crate::state::{BeatEvent, Outlook, StructureEvent, StructureState};

/// Section probabilities of silence: the first label of the contract.
const SILENCE: [f32; N_LABELS] = {
    let mut probs = [0.0; N_LABELS];
    probs[0] = 1.0;
    probs
};
/// The horizon of [`Outlook::hazard_prob`], beats.
const OUTLOOK_BEATS: u32 = 8;

/// Who watches the steps, each with what the network itself made of it.
pub type StepWatcher = Box<dyn FnMut(&StructureStep<'_>, Option<&Anticipation>) + Send>;
/// Who writes down what goes in.
pub type InputRecorder = Box<dyn FnMut(StructureInput<'_>) + Send>;

/// What goes in, in the order in which it does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StructureInput<'a> {
    /// The tracker announces a beat.
    Announce(BeatEvent),
    /// A step was heard; what the tracker says at that moment.
    Step(&'a PooledStep, TrackerView),
    /// After a jump: nobody knows where in the piece this is.
    ForgetPiece,
}

/// Sections and boundaries of one stream.
pub struct StructureStage {
    features: StructureFeatures,
    model: AnticipatorModel,
    prior: &'static StructurePrior,
    sections: Sections,
    state: StructureState,
    event: Option<StructureEvent>,
    /// What the network brought last.
    anticipation: Option<Anticipation>,
    watcher: Option<StepWatcher>,
    recorder: Option<InputRecorder>,
}

impl StructureStage {
    /// At the start of a stream.
    pub fn new(model: AnticipatorModel) -> Self {
        Self {
            features: StructureFeatures::default(),
            model,
            prior: StructurePrior::embedded(),
            sections: Sections::default(),
            state: StructureState::default(),
            event: None,
            anticipation: None,
            watcher: None,
            recorder: None,
        }
    }

    /// Takes what comes next. Allocates nothing, as long as watcher and recorder do not.
    pub fn take(&mut self, input: StructureInput<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder(input);
        }
        match input {
            StructureInput::Announce(event) => self.features.announce(event),
            StructureInput::Step(pooled, tracker) => self.step(pooled, &tracker),
            StructureInput::ForgetPiece => self.features.forget_piece(),
        }
    }

    /// As of the last step.
    pub fn state(&self) -> &StructureState {
        &self.state
    }

    /// What there is to say since it was asked last.
    pub fn take_event(&mut self) -> Option<StructureEvent> {
        self.event.take()
    }

    /// For the outputs of the audio thread.
    pub fn outlook(&self) -> Outlook {
        let horizon = v1::HORIZONS_BEATS.iter().position(|&horizon| horizon == OUTLOOK_BEATS);
        Outlook {
            section: self.sections.section().map_or(0, |section| section + 1),
            hazard_prob: horizon.map_or(0.0, |horizon| self.state.hazard_probs[horizon]),
        }
    }

    /// What the network brought at the last step; `None` where none runs.
    pub fn anticipation(&self) -> Option<&Anticipation> {
        self.anticipation.as_ref()
    }

    /// What runs.
    pub fn origin(&self) -> &AnticipatorOrigin {
        &self.model.origin
    }

    /// Another model from the next step on, at its initial state.
    pub fn set_model(&mut self, model: AnticipatorModel) {
        self.model = model;
    }

    /// `watcher` is shown every step from now on.
    pub fn watch(&mut self, watcher: StepWatcher) {
        self.watcher = Some(watcher);
    }

    /// `recorder` is given everything that goes in from now on.
    pub fn record(&mut self, recorder: InputRecorder) {
        self.recorder = Some(recorder);
    }

    /// Returns to the exact state after construction; model, watcher and recorder stay.
    pub fn reset(&mut self) {
        self.features.reset();
        self.forget();
        self.state = StructureState::default();
    }

    fn forget(&mut self) {
        if let Some(net) = &mut self.model.net {
            net.reset();
        }
        self.sections = Sections::default();
        self.event = None;
        self.anticipation = None;
    }

    fn step(&mut self, pooled: &PooledStep, tracker: &TrackerView) {
        let Self { features, model, prior, sections, state, event, anticipation, watcher, .. } = self;
        let step = features.step(pooled, tracker);
        if step.is_new_piece {
            if let Some(net) = &mut model.net {
                net.reset();
            }
            *sections = Sections::default();
        }
        // Behind another front end than the one that it was trained on, the network would hear silence.
        let net = model.net.as_mut().filter(|_| pooled.has_sound);
        *anticipation = net.and_then(|net| net.step(step.row));
        if let Some(watcher) = watcher {
            watcher(&step, anticipation.as_ref());
        }
        state.t_sec = step.t_sec;
        (state.section_probs, state.hazard_probs) = match anticipation {
            Some(said) => (if step.is_silent { SILENCE } else { said.section_probs }, said.hazard_probs),
            None => ([0.0; N_LABELS], prior.hazard_probs(&step)),
        };
        if let Some(said) = sections.step(state) {
            *event = Some(said);
        }
    }
}

const _: () = assert!(N_HORIZONS == 5 && N_LABELS == 8, "the state's arrays");
