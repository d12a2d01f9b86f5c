//! Any channel layout to mono: the first step of the pipe. AUDIO THREAD.

/// Limit of one sample: the sum of any number of channels stays finite.
const MAX_ABS: f32 = 1e30;

/// Writes the mean over channels of interleaved samples into `mono` and returns how many samples were not finite.
///
/// `interleaved` holds `mono.len()` sample frames of `n_channels` values. Values that are not finite count as 0 (and
/// are counted), so one broken channel cannot poison the stream. Values are otherwise taken as they are, beyond
/// full scale too. With no channel at all the result is silence. Missing input reads as 0.
///
/// Real-time safe: yes.
pub fn downmix_interleaved(interleaved: &[f32], n_channels: usize, mono: &mut [f32]) -> u32 {
    if n_channels == 0 {
        mono.fill(0.0);
        return 0;
    }
    let gain = 1.0 / n_channels as f32;
    let mut n_not_finite = 0u32;
    let mut input = interleaved.chunks(n_channels);
    for out in mono.iter_mut() {
        let mut sum = 0.0f32;
        for &value in input.next().unwrap_or(&[]) {
            sum += summand(value, &mut n_not_finite);
        }
        *out = sum * gain;
    }
    n_not_finite
}

/// What a sample adds to the sum over channels: itself, limited so that the sum stays finite; 0 where it is not finite, which
/// is counted. Real-time safe: yes.
pub(super) fn summand(value: f32, n_not_finite: &mut u32) -> f32 {
    if value.is_finite() {
        value.clamp(-MAX_ABS, MAX_ABS)
    } else {
        *n_not_finite = n_not_finite.saturating_add(1);
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(interleaved: &[f32], n_channels: usize, n: usize) -> (std::vec::Vec<f32>, u32) {
        let mut mono = std::vec![9.0; n];
        let bad = downmix_interleaved(interleaved, n_channels, &mut mono);
        (mono, bad)
    }

    #[test]
    fn stereo_becomes_the_mean() {
        assert_eq!(mix(&[1.0, 0.0, 0.5, -0.5], 2, 2), (std::vec![0.5, 0.0], 0));
    }

    #[test]
    fn mono_is_passed_on_bit_for_bit() {
        assert_eq!(mix(&[0.1, -0.7], 1, 2), (std::vec![0.1, -0.7], 0));
    }

    #[test]
    fn what_is_not_finite_counts_as_zero() {
        assert_eq!(mix(&[f32::NAN, 1.0, f32::INFINITY, f32::NEG_INFINITY], 2, 2), (std::vec![0.5, 0.0], 3));
    }

    #[test]
    fn eight_channels_no_channels_and_short_input() {
        assert_eq!(mix(&[0.5; 8], 8, 1), (std::vec![0.5], 0));
        assert_eq!(mix(&[], 0, 2), (std::vec![0.0, 0.0], 0));
        assert_eq!(mix(&[1.0], 1, 2), (std::vec![1.0, 0.0], 0));
    }

    #[test]
    fn the_largest_finite_values_stay_finite() {
        assert!(mix(&[f32::MAX; 8], 8, 1).0[0].is_finite());
    }
}
