//! Activations from elsewhere in place of a network, and a network's activations for elsewhere. Any thread; not real time.
//!
//! Row n of a recording is the activation of frame n, said as many frames later as the network is late: decoder and tracker,
//! with their announce times, do exactly what they would have done behind that network.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::activation::{Activation, StepError, StepModel};
use super::beat_model::BeatModel;
use super::front_end::FrontEnd;

/// How many frames a [`RecordedActivations`] was asked for.
#[derive(Debug, Clone, Default)]
pub struct FrameCount(Arc<AtomicUsize>);

impl FrameCount {
    /// Frames so far.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Plays back one row a frame; after the last one there is certainly no beat.
pub struct RecordedActivations {
    rows: Vec<Activation>,
    n_features: usize,
    delay_frames: usize,
    n_steps: usize,
    n_frames: FrameCount,
}

impl RecordedActivations {
    /// A model that takes the contract's standard features and says `rows`, each `delay_frames` after its frame; and the
    /// count of the frames it was asked for: where that exceeds the rows, the recording was too short.
    pub fn model(rows: Vec<Activation>, delay_frames: usize) -> (BeatModel, FrameCount) {
        let front_end = FrontEnd::default();
        let n_frames = FrameCount::default();
        let net = Self { rows, n_features: front_end.len, delay_frames, n_steps: 0, n_frames: n_frames.clone() };
        (BeatModel::from_network(front_end, Box::new(net)), n_frames)
    }
}

impl StepModel for RecordedActivations {
    fn name(&self) -> &str {
        "recorded"
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn delay_frames(&self) -> usize {
        self.delay_frames
    }

    fn step(&mut self, _: &[f32]) -> Result<Activation, StepError> {
        self.n_steps += 1;
        // The first steps describe no frame.
        let n_frames = self.n_steps.saturating_sub(self.delay_frames);
        self.n_frames.0.store(n_frames, Ordering::Relaxed);
        Ok(n_frames.checked_sub(1).and_then(|frame| self.rows.get(frame)).copied().unwrap_or_default())
    }

    fn reset(&mut self) {
        self.n_steps = 0;
        self.n_frames.0.store(0, Ordering::Relaxed);
    }
}

/// What a [`Recorder`] has written down.
#[derive(Clone)]
pub struct Recording(Arc<Mutex<Result<Vec<Activation>, StepError>>>);

impl Recording {
    /// Takes the rows so far, one a frame.
    ///
    /// # Errors
    /// The network's first failure: what came after it was not the network's.
    pub fn take(&self) -> Result<Vec<Activation>, StepError> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), Ok(Vec::new()))
    }
}

/// A network whose activations are written down. Allocates as it goes.
pub struct Recorder {
    inner: Box<dyn StepModel>,
    /// Steps until the first that describes a frame.
    n_early_steps: usize,
    recording: Recording,
}

impl Recorder {
    /// The same model, written down.
    pub fn model(mut model: BeatModel) -> (BeatModel, Recording) {
        let recording = Recording(Arc::new(Mutex::new(Ok(Vec::new()))));
        let n_early_steps = model.net.delay_frames();
        model.net = Box::new(Self { inner: model.net, n_early_steps, recording: recording.clone() });
        (model, recording)
    }
}

impl StepModel for Recorder {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn n_features(&self) -> usize {
        self.inner.n_features()
    }

    fn delay_frames(&self) -> usize {
        self.inner.delay_frames()
    }

    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        let said = self.inner.step(features);
        let mut recording = self.recording.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&mut *recording, &said) {
            (Ok(_), Ok(_)) if self.n_early_steps > 0 => self.n_early_steps -= 1,
            (Ok(rows), Ok(activation)) => rows.push(*activation),
            (Ok(_), Err(error)) => *recording = Err(error.clone()),
            (Err(_), _) => {}
        }
        said
    }

    fn reset(&mut self) {
        self.inner.reset();
        self.n_early_steps = self.inner.delay_frames();
        *self.recording.0.lock().unwrap_or_else(PoisonError::into_inner) = Ok(Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::config::EngineConfig;
    use crate::analysis::engine::{Engine, FrameReport};

    fn row(beat: f32) -> Activation {
        Activation { beat, downbeat: 0.0, none: 1.0 - beat }
    }

    /// Clicks at 120 BPM.
    fn clicks(n_samples: usize) -> Vec<f32> {
        (0..n_samples).map(|n| if n % 22_050 < 60 { if n % 2 == 0 { 0.9 } else { -0.9 } } else { 0.0 }).collect()
    }

    fn reports(samples: &[f32], model: BeatModel) -> Vec<FrameReport> {
        let mut engine = Engine::new(&EngineConfig::new(44_100.0), model).unwrap();
        let mut reports = Vec::new();
        engine.process(samples, |report| reports.push(*report));
        engine.finish(|report| reports.push(*report));
        reports
    }

    #[test]
    fn rows_are_said_in_order_and_the_end_is_no_beat() {
        let none = Activation::default();
        for (delay_frames, expected) in [(0, [row(0.25), row(0.5), none, none]), (1, [none, row(0.25), row(0.5), none])] {
            let (mut model, n_frames) = RecordedActivations::model(vec![row(0.25), row(0.5)], delay_frames);
            assert_eq!(expected.map(|_| model.net.step(&[]).unwrap()), expected);
            assert_eq!((n_frames.get(), model.net.delay_frames()), (4 - delay_frames, delay_frames));
            model.net.reset();
            assert_eq!((n_frames.get(), model.net.step(&[]).unwrap()), (0, expected[0]));
        }
    }

    #[test]
    fn an_engine_cannot_tell_the_recording_from_the_network() {
        let samples = clicks(44_100 * 8);
        let (model, recording) = Recorder::model(BeatModel::flux(None));
        let live = reports(&samples, model);
        let rows = recording.take().unwrap();
        assert_eq!(rows.len(), live.len());
        let (model, n_frames) = RecordedActivations::model(rows, 0);
        assert_eq!(reports(&samples, model), live);
        assert_eq!(n_frames.get(), live.len());
        assert!(live.iter().any(|report| report.update.is_some_and(|update| update.event.is_some())));
    }

    #[test]
    fn a_late_network_is_played_back_as_late() {
        let samples = clicks(44_100 * 4);
        let (model, recording) = Recorder::model(BeatModel::flux(None));
        let prompt = reports(&samples, model);
        let rows = recording.take().unwrap();
        let (model, recording) = Recorder::model(RecordedActivations::model(rows.clone(), 3).0);
        let late = reports(&samples, model);
        assert_eq!(recording.take().unwrap(), rows);
        assert_eq!(late.len(), prompt.len());
        for (late, prompt) in late.iter().zip(&prompt).take(190) {
            assert_eq!((late.frame, late.activation), (prompt.frame, prompt.activation));
            assert_eq!(late.samples_received.0, prompt.samples_received.0 + 3 * 882);
        }
    }

    #[test]
    fn a_failure_is_the_recording_of_all() {
        let (mut model, recording) = Recorder::model(BeatModel::flux(None));
        model.net.step(&vec![0.0; model.front_end.len]).unwrap();
        model.net.step(&[]).unwrap_err();
        assert!(matches!(recording.take(), Err(StepError::WrongLength { got: 0, .. })));
    }
}
