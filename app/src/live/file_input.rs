//! A file as if it were played: its blocks at the pace of the clock. Input thread.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use outputs::clock::Clock;

use super::hint_desk::HintedTap;
use crate::decode::{AudioReader, DecodeError};

/// Blocks a second, as a sound card would bring them.
const BLOCKS_PER_SEC: u64 = 100;
/// Further behind than this the process was stopped: the file goes on from where it was, and is not hurried through.
const LONGEST_DELAY_NS: u64 = 500_000_000;
/// After the end sound goes on as silence, so that the last beats are said.
const TAIL_SEC: u64 = 1;

/// A file that is played.
pub struct FileInput {
    path: PathBuf,
    reader: AudioReader,
    repeats: bool,
}

impl FileInput {
    /// Opens a file; with `repeats` it begins again at its end.
    ///
    /// # Errors
    /// As [`AudioReader::open`].
    pub fn open(path: &Path, repeats: bool) -> Result<Self, DecodeError> {
        Ok(Self { path: path.to_owned(), reader: AudioReader::open(path)?, repeats })
    }

    /// Rate of its samples, Hz.
    pub fn sample_rate_hz(&self) -> u32 {
        self.reader.info().sample_rate_hz
    }

    /// Longest block that [`Self::play`] pushes, samples.
    pub fn block_samples(&self) -> usize {
        (u64::from(self.sample_rate_hz()) / BLOCKS_PER_SEC).max(1) as usize
    }

    /// Plays to the end, or until `stop` is set.
    ///
    /// # Errors
    /// The file breaks off, or begins with another rate when it repeats.
    pub fn play(mut self, tap: &mut HintedTap, clock: &dyn Clock, stop: &AtomicBool) -> Result<(), DecodeError> {
        let rate_hz = u64::from(self.sample_rate_hz());
        let mut pace = Pace { base_ns: clock.now().mono_ns, n_samples: 0, rate_hz, block_samples: self.block_samples() };
        let mut mono = Vec::new();
        while !stop.load(Ordering::Acquire) {
            if self.reader.next_block(&mut mono)?.is_some() {
                pace.push(&mono, tap, clock, stop);
            } else if self.repeats && self.reader.stats().n_samples > 0 {
                self.reader = AudioReader::open(&self.path)?;
            } else {
                pace.push(&vec![0.0; (TAIL_SEC * rate_hz) as usize], tap, clock, stop);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// When the next block is due.
struct Pace {
    base_ns: u64,
    n_samples: u64,
    rate_hz: u64,
    block_samples: usize,
}

impl Pace {
    /// Pushes samples, each block when its last sample would have been recorded.
    fn push(&mut self, mono: &[f32], tap: &mut HintedTap, clock: &dyn Clock, stop: &AtomicBool) {
        for block in mono.chunks(self.block_samples) {
            if stop.load(Ordering::Acquire) {
                return;
            }
            self.n_samples += block.len() as u64;
            self.wait(clock);
            tap.push(&[block], block.len());
        }
    }

    fn wait(&mut self, clock: &dyn Clock) {
        let offset_ns = (u128::from(self.n_samples) * 1_000_000_000 / u128::from(self.rate_hz)) as u64;
        let now_ns = clock.now().mono_ns;
        let late_ns = now_ns.saturating_sub(self.base_ns + offset_ns);
        if late_ns > LONGEST_DELAY_NS {
            self.base_ns += late_ns;
        }
        while clock.now().mono_ns < self.base_ns + offset_ns {
            clock.sleep_until(self.base_ns + offset_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::hint_desk::HintDesk;
    use outputs::event::Moment;
    use runtime_core::bus::audio_ring::audio_ring;
    use runtime_core::bus::counters::Counters;
    use runtime_core::rt::tap::Tap;
    use std::sync::atomic::AtomicU64;

    /// Time passes only where somebody waits; once, a while is lost.
    #[derive(Default)]
    struct Hand {
        ns: AtomicU64,
        lost_at_ns: u64,
    }

    impl Clock for Hand {
        fn now(&self) -> Moment {
            let mono_ns = self.ns.load(Ordering::Relaxed);
            Moment { mono_ns, unix_ns: mono_ns }
        }

        fn sleep_until(&self, mono_ns: u64) {
            let was = self.ns.swap(mono_ns, Ordering::Relaxed);
            if was < self.lost_at_ns && mono_ns >= self.lost_at_ns {
                self.ns.store(mono_ns + 10_000_000_000, Ordering::Relaxed);
            }
        }
    }

    fn file(folder: &Path, n_samples: u32) -> PathBuf {
        let path = folder.join("clip.wav");
        let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        (0..n_samples).for_each(|k| writer.write_sample((k % 100) as i16).unwrap());
        writer.finalize().unwrap();
        path
    }

    #[test]
    fn a_file_takes_as_long_as_it_lasts_and_its_tail() {
        let folder = tempfile::tempdir().unwrap();
        let input = FileInput::open(&file(folder.path(), 4_000), false).unwrap();
        assert_eq!((input.sample_rate_hz(), input.block_samples()), (8_000, 80));
        let (sender, receiver) = audio_ring(8_000.0);
        let clock = Hand::default();
        input.play(&mut HintDesk::default().open(Tap::new(sender, Counters::default())), &clock, &AtomicBool::new(false)).unwrap();
        assert_eq!((clock.now().mono_ns, receiver.n_samples()), (1_500_000_000, 12_000));
    }

    #[test]
    fn a_process_that_was_stopped_does_not_hurry() {
        let folder = tempfile::tempdir().unwrap();
        let input = FileInput::open(&file(folder.path(), 4_000), false).unwrap();
        let (sender, _receiver) = audio_ring(8_000.0);
        let clock = Hand { lost_at_ns: 200_000_000, ..Hand::default() };
        input.play(&mut HintDesk::default().open(Tap::new(sender, Counters::default())), &clock, &AtomicBool::new(false)).unwrap();
        // Ten seconds lost while one block was waited for, which was due when it woke.
        assert_eq!(clock.now().mono_ns, 11_490_000_000, "all that was left took its time");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        assert!(FileInput::open(Path::new("no/such/file.wav"), false).is_err());
    }
}
