//! Where the cascade's random numbers come from: our own generator, or a log of upstream's. INFERENCE THREAD.

use crate::analysis::rng::Pcg32;

/// The random numbers that BeatNet's cascade asks for, by purpose.
pub trait Draws {
    /// A number in `[0, 1)`.
    fn uniform(&mut self) -> f64;

    /// Which of the first `n` intervals the injected beat particles start at.
    fn inject_start(&mut self, n: usize) -> usize;

    /// Chooses `count` different indices below `len` at random: entries to remove from the bar population.
    fn deleted_bars(&mut self, count: usize, len: usize, indices: &mut Vec<usize>);

    /// Chooses `count` different indices below `len` at random: entries to remove from the beat population.
    fn deleted_beats(&mut self, count: usize, len: usize, indices: &mut Vec<usize>);
}

impl Draws for Pcg32 {
    fn uniform(&mut self) -> f64 {
        Pcg32::uniform(self)
    }

    fn inject_start(&mut self, n: usize) -> usize {
        self.below(n as u32) as usize
    }

    fn deleted_bars(&mut self, count: usize, len: usize, indices: &mut Vec<usize>) {
        indices.clear();
        while indices.len() < count.min(len) {
            let index = self.below(len as u32) as usize;
            if !indices.contains(&index) {
                indices.push(index);
            }
        }
    }

    fn deleted_beats(&mut self, count: usize, len: usize, indices: &mut Vec<usize>) {
        self.deleted_bars(count, len, indices);
    }
}

/// Draws logged from a run of upstream, in call order, one log per purpose.
#[derive(Debug, Clone, Default)]
pub struct LoggedDraws {
    /// Numbers in `[0, 1)`.
    pub uniforms: std::collections::VecDeque<f64>,
    /// Start intervals, `0..4`.
    pub inject_starts: std::collections::VecDeque<usize>,
    /// Indices removed from the bar population.
    pub deleted_bars: std::collections::VecDeque<usize>,
    /// Indices removed from the beat population.
    pub deleted_beats: std::collections::VecDeque<usize>,
}

impl LoggedDraws {
    /// Whether every logged draw was used.
    pub fn is_used_up(&self) -> bool {
        self.uniforms.is_empty() && self.inject_starts.is_empty() && self.deleted_bars.is_empty() && self.deleted_beats.is_empty()
    }
}

impl Draws for LoggedDraws {
    /// # Panics
    /// When the log is used up: the run that is replayed has diverged.
    fn uniform(&mut self) -> f64 {
        self.uniforms.pop_front().expect("a replay asks for as many draws as were logged")
    }

    fn inject_start(&mut self, _: usize) -> usize {
        self.inject_starts.pop_front().expect("a replay asks for as many starts as were logged")
    }

    fn deleted_bars(&mut self, count: usize, _: usize, indices: &mut Vec<usize>) {
        indices.clear();
        indices.extend(self.deleted_bars.drain(..count));
    }

    fn deleted_beats(&mut self, count: usize, _: usize, indices: &mut Vec<usize>) {
        indices.clear();
        indices.extend(self.deleted_beats.drain(..count));
    }
}
