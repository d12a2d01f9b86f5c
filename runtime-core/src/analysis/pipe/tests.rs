//! Answers with the frames that they are about, failures, blocks together and alone.

use super::*;
use crate::analysis::activation::StepError;

/// Says how loud the frame of some frames ago was, as a network would that has heard what followed.
struct Late {
    delay_frames: usize,
    heard: VecDeque<f32>,
    n_features: usize,
    fails_at: Option<usize>,
    n_steps: usize,
}

impl Late {
    fn model(delay_frames: usize, fails_at: Option<usize>) -> BeatModel {
        let front_end = FrontEnd::default();
        let heard = VecDeque::from(vec![0.0; delay_frames]);
        BeatModel::from_network(front_end.clone(), Box::new(Self { delay_frames, heard, n_features: front_end.len, fails_at, n_steps: 0 }))
    }
}

impl StepModel for Late {
    fn name(&self) -> &str {
        "late"
    }
    fn n_features(&self) -> usize {
        self.n_features
    }
    fn delay_frames(&self) -> usize {
        self.delay_frames
    }
    fn step(&mut self, features: &[f32]) -> Result<Activation, StepError> {
        self.n_steps += 1;
        if Some(self.n_steps) == self.fails_at {
            return Err(StepError::NotFinite { model: "late".to_owned(), value: f32::NAN });
        }
        self.heard.push_back(features[..self.n_features / 2].iter().sum());
        let beat = self.heard.pop_front().unwrap_or_default();
        Ok(Activation { beat, downbeat: 0.0, none: 1.0 })
    }
    fn reset(&mut self) {
        self.heard = VecDeque::from(vec![0.0; self.delay_frames]);
        self.n_steps = 0;
    }
}

const RATE_HZ: f64 = 44_100.0;
const HOP: usize = 882;

/// Two seconds with a click at a moment.
fn click(at_sec: f64) -> Vec<f32> {
    let mut samples = vec![0.0; 2 * RATE_HZ as usize];
    samples[(at_sec * RATE_HZ) as usize..][..8].fill(0.9);
    samples
}

fn frames(pipe: &mut ActivationPipe, samples: &[f32]) -> Vec<ActivationFrame> {
    let mut frames = Vec::new();
    samples.chunks(HOP).for_each(|hop| pipe.process(hop, |frame| frames.push(*frame)));
    frames
}

fn loudest(frames: &[ActivationFrame]) -> ActivationFrame {
    *frames.iter().max_by(|a, b| a.activation.beat.total_cmp(&b.activation.beat)).expect("some frames")
}

#[test]
fn an_answer_has_the_time_and_the_level_of_the_frame_that_it_is_about() {
    let pipe = |delay_frames| ActivationPipe::new(RATE_HZ, HOP, Late::model(delay_frames, None));
    let prompt = frames(&mut pipe(0), &click(1.0));
    assert!((loudest(&prompt).time.0 - 1.0).abs() < 0.01, "{:?}", loudest(&prompt));
    for delay_frames in [1, 3] {
        let mut late = pipe(delay_frames);
        let got = frames(&mut late, &click(1.0));
        assert_eq!(got, prompt[..prompt.len() - delay_frames], "the same frames, the last ones not yet");
        let added_sec = late.look_ahead_sec() - pipe(0).look_ahead_sec();
        assert!((added_sec - 0.02 * delay_frames as f64).abs() < 1e-9, "{added_sec}");
        late.reset();
        assert_eq!(frames(&mut late, &click(1.0)), got, "a reset returns to the start");
    }
}

#[test]
fn time_goes_on_where_frames_are_skipped_or_the_network_fails() {
    let mut pipe = ActivationPipe::new(RATE_HZ, HOP, Late::model(2, None));
    frames(&mut pipe, &click(1.0)[..40 * HOP]);
    pipe.skip(50);
    let after = frames(&mut pipe, &click(1.0)[..40 * HOP]);
    assert!(after.windows(2).all(|pair| pair[1].frame > pair[0].frame));
    assert_eq!(after.windows(2).filter(|pair| pair[1].frame.0 - pair[0].frame.0 == 51).count(), 1);

    let mut failing = ActivationPipe::new(RATE_HZ, HOP, Late::model(2, Some(60)));
    let all = frames(&mut failing, &click(1.5));
    assert!(all.iter().enumerate().all(|(n, frame)| frame.frame.0 == n as u64), "no frame is missing");
    let onset = all[70..].iter().max_by(|a, b| a.activation.beat.total_cmp(&b.activation.beat)).expect("some frames");
    assert!((onset.time.0 - 1.5).abs() < 0.03, "the fallback is not late: {onset:?}");
    assert_eq!(failing.health().fault, Fault::Activation as u8);
}

#[test]
fn blocks_that_are_heard_together_bring_what_they_bring_alone() {
    for (delay_frames, fails_at) in [(0, None), (3, None), (0, Some(60)), (2, Some(64))] {
        let pipe = || ActivationPipe::new(RATE_HZ, HOP, Late::model(delay_frames, fails_at));
        let mut samples = click(1.0);
        samples[30_000] = f32::NAN;
        let mut alone = pipe();
        let of_a_hop = |hop: &[f32]| {
            let mut frames = Vec::new();
            alone.process(hop, |frame| frames.push(*frame));
            (frames, alone.spectrum().to_vec(), alone.health())
        };
        let expected: Vec<_> = samples.chunks(HOP).map(of_a_hop).collect();

        let mut together = pipe();
        let (mut hops, mut got) = (samples.chunks(HOP).peekable(), Vec::new());
        while hops.peek().is_some() {
            while together.has_room()
                && let Some(hop) = hops.next()
            {
                together.hear(hop);
            }
            together.look();
            while together.has_heard() {
                let mut frames = Vec::new();
                together.hand_over(|frame| frames.push(*frame));
                got.push((frames, together.spectrum().to_vec(), together.health()));
            }
        }
        assert_eq!(got, expected, "late by {delay_frames}, failing at {fails_at:?}");
    }
}

#[test]
fn a_block_may_complete_more_frames_than_the_network_sees_at_once() {
    let samples = click(1.0);
    let mut whole = Vec::new();
    ActivationPipe::new(RATE_HZ, samples.len(), Late::model(1, Some(70))).process(&samples, |frame| whole.push(*frame));
    assert!(whole.len() > 2 * MAX_BATCH_FRAMES);
    assert_eq!(whole, frames(&mut ActivationPipe::new(RATE_HZ, HOP, Late::model(1, Some(70))), &samples));
}

#[test]
fn another_model_drops_what_waited_for_the_old_one() {
    let mut pipe = ActivationPipe::new(RATE_HZ, HOP, Late::model(3, None));
    let before = frames(&mut pipe, &click(1.0)[..20 * HOP]);
    pipe.set_model(Late::model(1, None));
    let after = frames(&mut pipe, &click(1.0)[..20 * HOP]);
    let (last, first) = (before[before.len() - 1].frame.0, after[0].frame.0);
    assert_eq!(first, last + 4, "three were dropped");
    assert_eq!(after.len(), 19, "and one waits");
}
