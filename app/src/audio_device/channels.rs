//! Which channels of a device are listened to: all, some, or their mean. AUDIO THREAD, but for the constructor.

use super::error::DeviceError;

/// Largest gain to either side, dB.
pub const MAX_GAIN_DB: f32 = 60.0;

/// Which channels are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChannelChoice {
    /// All of them, interleaved as the device has them.
    All,
    /// These, interleaved in this order; counted from 1, as they are numbered on devices.
    Pick(Vec<u16>),
    /// The mean of all of them: one channel.
    #[default]
    Mix,
}

/// A choice, for a device with a known number of channels.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelMap {
    n_device_channels: usize,
    /// Factor of each sample.
    gain: f32,
    /// Channels in the order they are given, from 0; empty = the mean of all.
    picked: Vec<usize>,
}

impl ChannelMap {
    /// A map for a device of `n_device_channels`, with a gain in dB.
    ///
    /// # Errors
    /// A channel that the device does not have, none at all, or a gain that is no number from -60 to 60.
    pub fn new(choice: &ChannelChoice, n_device_channels: u16, gain_db: f32, device: &str) -> Result<Self, DeviceError> {
        // Written so that NaN fails.
        if !(-MAX_GAIN_DB..=MAX_GAIN_DB).contains(&gain_db) {
            return Err(DeviceError::Gain { gain_db });
        }
        let picked = match choice {
            _ if n_device_channels == 0 => return Err(DeviceError::NoChannel),
            ChannelChoice::Pick(channels) if channels.is_empty() => return Err(DeviceError::NoChannel),
            ChannelChoice::Mix => Vec::new(),
            ChannelChoice::All => (0..usize::from(n_device_channels)).collect(),
            ChannelChoice::Pick(channels) => {
                if let Some(&asked) = channels.iter().find(|&&channel| channel == 0 || channel > n_device_channels) {
                    return Err(DeviceError::Channel { device: device.to_owned(), n_channels: n_device_channels, asked });
                }
                channels.iter().map(|&channel| usize::from(channel) - 1).collect()
            }
        };
        Ok(Self { n_device_channels: usize::from(n_device_channels), gain: 10.0_f32.powf(gain_db / 20.0), picked })
    }

    /// Channels that come out.
    pub fn n_channels(&self) -> u16 {
        self.picked.len().max(1) as u16
    }

    /// Samples that come out of `n_samples` of the device.
    pub fn n_out(&self, n_samples: usize) -> usize {
        n_samples / self.n_device_channels * usize::from(self.n_channels())
    }

    /// Maps whole frames of the device, interleaved, and returns how many samples were written to the front of `out`. A frame that is
    /// cut short, or that `out` has no room for, is left out.
    ///
    /// Real-time safe: yes.
    pub fn map(&self, frames: &[f32], out: &mut [f32]) -> usize {
        let n_channels = usize::from(self.n_channels());
        let frames_in = frames.chunks_exact(self.n_device_channels);
        let mut n_written = 0;
        for (frame, mapped) in frames_in.zip(out.chunks_exact_mut(n_channels)) {
            if self.picked.is_empty() {
                mapped[0] = frame.iter().sum::<f32>() / self.n_device_channels as f32 * self.gain;
            } else {
                for (sample, &channel) in mapped.iter_mut().zip(&self.picked) {
                    *sample = frame[channel] * self.gain;
                }
            }
            n_written += n_channels;
        }
        n_written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: [f32; 8] = [1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0];

    fn mapped(choice: ChannelChoice, n_channels: u16, gain_db: f32) -> Vec<f32> {
        let map = ChannelMap::new(&choice, n_channels, gain_db, "Card").unwrap();
        let mut out = vec![0.0; map.n_out(FRAMES.len())];
        assert_eq!(map.map(&FRAMES, &mut out), out.len());
        out
    }

    #[test]
    fn channels_are_chosen_in_the_order_asked_for() {
        assert_eq!(mapped(ChannelChoice::All, 4, 0.0), FRAMES);
        assert_eq!(mapped(ChannelChoice::Pick(vec![4, 1]), 4, 0.0), [4.0, 1.0, -4.0, -1.0]);
        assert_eq!(mapped(ChannelChoice::Pick(vec![2]), 4, 0.0), [2.0, -2.0]);
        assert_eq!(mapped(ChannelChoice::Pick(vec![1, 1]), 2, 0.0), [1.0, 1.0, 3.0, 3.0, -1.0, -1.0, -3.0, -3.0]);
    }

    #[test]
    fn a_mix_is_the_mean() {
        assert_eq!(mapped(ChannelChoice::Mix, 4, 0.0), [2.5, -2.5]);
        assert_eq!(mapped(ChannelChoice::Mix, 1, 0.0), FRAMES);
    }

    #[test]
    fn gain_is_in_decibel() {
        let out = mapped(ChannelChoice::Pick(vec![1]), 4, 20.0);
        assert!((out[0] - 10.0).abs() < 1e-5 && (out[1] + 10.0).abs() < 1e-5, "{out:?}");
        assert!((mapped(ChannelChoice::Mix, 8, -6.0)[0] - 0.0).abs() < 1e-6);
    }

    #[test]
    fn what_the_device_does_not_have_is_named() {
        let error = |choice, n_channels, gain_db| ChannelMap::new(&choice, n_channels, gain_db, "Card").unwrap_err();
        let message = error(ChannelChoice::Pick(vec![1, 3]), 2, 0.0).to_string();
        assert_eq!(message, "expected channels from 1 to 2 of \"Card\", got 3");
        assert!(matches!(error(ChannelChoice::Pick(vec![0]), 2, 0.0), DeviceError::Channel { asked: 0, .. }));
        assert_eq!(error(ChannelChoice::Pick(vec![]), 2, 0.0), DeviceError::NoChannel);
        assert_eq!(error(ChannelChoice::Mix, 0, 0.0), DeviceError::NoChannel);
        for gain_db in [f32::NAN, f32::INFINITY, 60.1, -61.0] {
            assert!(matches!(error(ChannelChoice::Mix, 2, gain_db), DeviceError::Gain { .. }), "{gain_db}");
        }
    }

    #[test]
    fn frames_cut_short_and_rooms_too_small_lose_whole_frames_only() {
        let map = ChannelMap::new(&ChannelChoice::All, 3, 0.0, "Card").unwrap();
        let mut out = [9.0; 8];
        assert_eq!(map.map(&FRAMES, &mut out), 6, "8 samples are two frames of three, and a rest");
        assert_eq!(map.map(&FRAMES, &mut out[..5]), 3);
        assert_eq!(map.map(&[], &mut out), 0);
    }

    proptest::proptest! {
        #[test]
        fn a_mix_lies_between_its_channels(frame in proptest::collection::vec(-1.0_f32..1.0, 1..16)) {
            let map = ChannelMap::new(&ChannelChoice::Mix, frame.len() as u16, 0.0, "Card").unwrap();
            let mut out = [0.0];
            map.map(&frame, &mut out);
            let (low, high) = frame.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
            proptest::prop_assert!((low - 1e-5..=high + 1e-5).contains(&out[0]));
        }
    }
}
