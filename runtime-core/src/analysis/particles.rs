//! Fourth stage, the sampled one: a particle filter over tempo, phase and bar. INFERENCE THREAD.
//!
//! It descends from BeatNet's particle filter cascade (Heydari, Cwitkowitz & Duan, ISMIR 2021), which [`cascade`] keeps
//! as published, and differs where that one loses beats:
//!
//! | BeatNet | here |
//! |---|---|
//! | populations grow | always 1500 particles |
//! | decides with the belief of the frame before, and only on an onset | updates first; the belief holds in every frame, so beats are predicted |
//! | bar particles advance without a beat | each particle carries its exact bar distribution, which moves at its beats only |
//! | gate and floor: weight `a` on a beat, .03 elsewhere, only if `a >= .4` | the joint space's likelihood, in every frame |
//! | whole-frame tempi and times | continuous |
//! | resamples at each onset | when the weights have become uneven |
//!
//! The model (observation, tempo prior, meters) is that of [`joint_space`](super::joint_space), shared with the exact
//! decoder: the two differ in how they compute, not in what they believe. Deterministic for a seed; no allocation.

use super::activation::Activation;
use super::config::{Meter, TempoRange};
use super::decoder::{BeatPosterior, Decoder};
use super::joint_space::JointSpace;
use super::observation::FrameLikelihood;
use super::pulse::PulseEvidence;
use super::rng::Pcg32;
use read_out::ReadOut;
use swarm::Swarm;

pub mod cascade;
pub mod draws;
mod population;
mod read_out;
mod resample;
mod swarm;
mod tempo_belief;

/// Particle decoder: 1500 weighted tempo and phase hypotheses.
#[derive(Debug, Clone)]
pub struct ParticleDecoder {
    seed: u64,
    rng: Pcg32,
    swarm: Swarm,
    read_out: ReadOut,
    n_frames: u64,
    pulse: PulseEvidence,
}

impl ParticleDecoder {
    /// A decoder at the start of a stream, for values that the configuration's validation accepted.
    pub fn new(tempo: TempoRange, meter: Meter, seed: u64) -> Self {
        let mut rng = Pcg32::new(seed, 0);
        let swarm = Swarm::new(JointSpace::new(tempo, meter), &mut rng);
        let read_out = ReadOut::new(&swarm);
        Self { seed, rng, swarm, read_out, n_frames: 0, pulse: PulseEvidence::default() }
    }

    /// End of the latest frame on the swarm's axis, frames.
    fn now(&self) -> f64 {
        self.n_frames as f64
    }
}

impl Decoder for ParticleDecoder {
    fn step(&mut self, activation: &Activation, posterior: &mut BeatPosterior) {
        self.n_frames += 1;
        let now = self.now();
        let likelihood = FrameLikelihood::of(activation);
        self.swarm.pass_beats(now, &mut self.rng);
        let evidence_nats = self.swarm.observe(now, &likelihood, &mut self.rng);
        let is_onset = likelihood.beat.max(likelihood.downbeat) > 1.0;
        self.swarm.resample_if_poor(now, is_onset, &mut self.rng);
        self.read_out.read(&self.swarm, now, posterior);
        posterior.pulse_nats = self.pulse.step(evidence_nats, &likelihood);
    }

    fn reset(&mut self) {
        self.rng = Pcg32::new(self.seed, 0);
        self.n_frames = 0;
        self.swarm.spread_prior(0.0, &mut self.rng);
        self.pulse = PulseEvidence::default();
    }

    fn forget_phase(&mut self) {
        let now = self.now();
        self.swarm.spread_phase(now, &mut self.rng);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder(seed: u64) -> ParticleDecoder {
        ParticleDecoder::new(TempoRange::default(), Meter::Auto, seed)
    }

    /// Ideal activations: a beat every `period` frames, every `meter`-th a downbeat, from frame `first` on.
    fn beat_at(n: u64, period: f64, meter: u64, first: u64) -> Activation {
        let k = ((n as f64 - first as f64) / period).round();
        let is_beat = k >= 0.0 && (first as f64 + k * period).round() == n as f64;
        match (is_beat, k as u64 % meter) {
            (false, _) => Activation { beat: 0.01, downbeat: 0.01, none: 0.98 },
            (true, 0) => Activation { beat: 0.05, downbeat: 0.9, none: 0.05 },
            (true, _) => Activation { beat: 0.9, downbeat: 0.05, none: 0.05 },
        }
    }

    fn follow(decoder: &mut ParticleDecoder, frames: std::ops::Range<u64>, period: f64, meter: u64) -> BeatPosterior {
        let mut posterior = BeatPosterior::default();
        for n in frames {
            decoder.step(&beat_at(n, period, meter, 10), &mut posterior);
        }
        posterior
    }

    #[test]
    fn ideal_beats_are_found_with_tempo_phase_bar_and_meter() {
        for (period, meter) in [(25.0, 4), (20.0, 3), (31.5, 4), (23.25, 2)] {
            for seed in 0..3 {
                let posterior = follow(&mut decoder(seed), 0..1000, period, meter);
                assert!((posterior.interval_frames - period).abs() < 0.3, "{period}: {posterior:?}");
                let nearest = ((999.0 - 10.0) / period).round();
                assert!((posterior.frames_to_beat - (10.0 + nearest * period - 999.0)).abs() < 1.0, "{period}: {posterior:?}");
                assert_eq!(u64::from(posterior.beats_per_bar), meter, "{period}: {posterior:?}");
                assert_eq!(u64::from(posterior.beat_in_bar), nearest as u64 % meter + 1, "{period}: {posterior:?}");
                assert!(posterior.conf > 0.8 && posterior.pulse_nats > 5.0, "{posterior:?}");
            }
        }
    }

    #[test]
    fn beats_go_on_through_a_break() {
        let mut decoder = decoder(0);
        follow(&mut decoder, 0..1000, 25.0, 4);
        let mut posterior = BeatPosterior::default();
        (0..100).for_each(|_| decoder.step(&Activation::default(), &mut posterior));
        // Frame 1099: the beat of frame 1110 is 11 frames away.
        assert!((posterior.frames_to_beat - 11.0).abs() < 2.0 && (posterior.interval_frames - 25.0).abs() < 0.5, "{posterior:?}");
    }

    #[test]
    fn a_new_tempo_is_found_though_no_particle_had_it() {
        let mut decoder = decoder(1);
        follow(&mut decoder, 0..2000, 25.0, 4);
        let posterior = follow(&mut decoder, 2000..3000, 21.0, 4);
        // NB: these few particles settle on half of it, which fits every second beat.
        let ratio = posterior.interval_frames / 21.0;
        assert!((ratio - 1.0).abs() < 0.015 || (ratio - 2.0).abs() < 0.015, "{posterior:?}");
    }

    #[test]
    fn silence_gives_no_evidence_and_stays_finite() {
        let mut decoder = decoder(0);
        let mut posterior = BeatPosterior::default();
        (0..5000).for_each(|_| decoder.step(&Activation::default(), &mut posterior));
        assert!(posterior.interval_frames > 13.0 && posterior.pulse_nats < 0.5 && posterior.conf.is_finite(), "{posterior:?}");
    }

    #[test]
    fn bad_activations_count_as_no_beat() {
        let (mut bad, mut quiet) = (decoder(0), decoder(0));
        let (mut from_bad, mut from_quiet) = (BeatPosterior::default(), BeatPosterior::default());
        for n in 0..300 {
            let silent = n % 7 == 3;
            let heard = beat_at(n, 25.0, 4, 10);
            let broken = Activation { beat: f32::NAN, downbeat: f32::INFINITY, none: f32::NAN };
            bad.step(if silent { &broken } else { &heard }, &mut from_bad);
            quiet.step(if silent { &Activation { beat: 0.0, downbeat: 0.0, none: 1.0 } } else { &heard }, &mut from_quiet);
        }
        assert_eq!(from_bad, from_quiet);
    }

    #[test]
    fn a_reset_decoder_is_a_new_one() {
        let mut used = decoder(5);
        follow(&mut used, 0..700, 22.0, 3);
        used.forget_phase();
        used.reset();
        assert_eq!(follow(&mut used, 0..500, 25.0, 4), follow(&mut decoder(5), 0..500, 25.0, 4));
    }

    #[test]
    fn the_same_seed_gives_the_same_belief_and_another_seed_another() {
        let run = |seed| follow(&mut decoder(seed), 0..500, 25.0, 4);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }

    #[test]
    fn the_population_is_constant_and_its_weight_one_over_ten_minutes() {
        let mut decoder = decoder(0);
        follow(&mut decoder, 0..30_000, 25.0, 4);
        let swarm = &decoder.swarm;
        assert_eq!((swarm.next_beats.len(), swarm.bars.len(), swarm.weights.len()), (1500, 1500, 1500));
        assert!((swarm.weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        assert!(swarm.bars.iter().all(|bar| (bar.iter().sum::<f32>() - 1.0).abs() < 1e-3));
    }

    #[test]
    fn forgetting_the_phase_keeps_tempo_and_meter() {
        let mut decoder = decoder(0);
        follow(&mut decoder, 0..1500, 20.0, 3);
        decoder.forget_phase();
        let mut posterior = BeatPosterior::default();
        decoder.step(&Activation::default(), &mut posterior);
        assert!((posterior.interval_frames - 20.0).abs() < 1.5 && posterior.conf < 0.5, "{posterior:?}");
        assert_eq!(posterior.beats_per_bar, 3);
        assert!((posterior.downbeat_prob - 1.0 / 3.0).abs() < 0.1, "{posterior:?}");
    }

    #[test]
    fn range_and_meter_are_obeyed() {
        let tempo = TempoRange { min_bpm: 140.0, max_bpm: 200.0 };
        let mut decoder = ParticleDecoder::new(tempo, Meter::Fixed(5), 0);
        // Beats at 90 BPM can only be told as twice as many.
        let mut posterior = BeatPosterior::default();
        for n in 0..1500 {
            decoder.step(&beat_at(n, 33.3, 4, 0), &mut posterior);
            let bpm = 3000.0 / posterior.interval_frames;
            assert!((139.0..201.0).contains(&bpm) && posterior.beats_per_bar == 5, "{posterior:?}");
        }
    }
}
