//! Running mean and variance with exponential forgetting. INFERENCE THREAD.

/// Mean and variance of the last values; a plain average until the memory is full.
#[derive(Debug, Clone)]
pub struct RunningMoments {
    memory_frames: f64,
    n_seen: f64,
    mean: f64,
    variance: f64,
}

impl RunningMoments {
    /// Moments with a time constant in frames.
    pub fn new(memory_frames: f64) -> Self {
        Self { memory_frames, n_seen: 0.0, mean: 0.0, variance: 0.0 }
    }

    /// Adds a value; one that is not finite is ignored.
    pub fn push(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let rate = (1.0 / self.memory_frames).max(1.0 / (self.n_seen + 1.0));
        let deviation = value - self.mean;
        self.n_seen += 1.0;
        self.mean += rate * deviation;
        self.variance += rate * (deviation * deviation - self.variance);
    }

    /// Mean so far; 0 before the first value.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Variance so far.
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Standard deviation so far.
    pub fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }

    /// Whether the memory is as full as half its time constant.
    pub fn is_warm(&self) -> bool {
        self.n_seen >= 0.5 * self.memory_frames
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_are_averaged_plainly() {
        let mut moments = RunningMoments::new(100.0);
        for value in [1.0, 2.0, 3.0] {
            moments.push(value);
        }
        assert!((moments.mean() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn old_values_are_forgotten_and_bad_ones_ignored() {
        let mut moments = RunningMoments::new(50.0);
        (0..500).for_each(|n| moments.push(if n % 2 == 0 { 1.0 } else { -1.0 }));
        assert!((moments.deviation() - 1.0).abs() < 0.05 && moments.is_warm());
        (0..1000).for_each(|_| moments.push(5.0));
        moments.push(f64::NAN);
        assert!((moments.mean() - 5.0).abs() < 1e-6 && moments.variance() < 1e-6);
    }
}
