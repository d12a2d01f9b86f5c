//! What the host's transport says: jumps to be marked, and its own beat as a source. AUDIO THREAD.

use nice_plug::prelude::Transport;
use runtime_core::rt::follower::HostTime;

/// Positions that differ by less are the same, seconds: hosts round, and so short a jump moves no beat.
const SAME_POSITION_SEC: f64 = 0.005;
/// The same in beats, for hosts that tell nothing else: room for a tempo that changes within a block.
const SAME_POSITION_BEATS: f64 = 0.02;

/// Where the host is, in the unit that it tells.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Position {
    Seconds(f64),
    Beats(f64),
}

/// Follows the transport from block to block.
#[derive(Debug, Clone, Copy, Default)]
pub struct TransportWatch {
    was_playing: bool,
    /// Where the next block begins if nothing happens.
    expected: Option<Position>,
}

impl TransportWatch {
    /// Whether the music goes on elsewhere in this block: the host started, stopped, looped or jumped. `n_samples` is the
    /// length of the block. Real-time safe: yes.
    pub fn jumped(&mut self, transport: &Transport, n_samples: usize) -> bool {
        let position = if transport.playing { position(transport) } else { None };
        let toggled = transport.playing != self.was_playing;
        let moved = match (position, self.expected) {
            (Some(Position::Seconds(now)), Some(Position::Seconds(expected))) => (now - expected).abs() > SAME_POSITION_SEC,
            (Some(Position::Beats(now)), Some(Position::Beats(expected))) => (now - expected).abs() > SAME_POSITION_BEATS,
            _ => false,
        };
        let block_sec = n_samples as f64 / f64::from(transport.sample_rate);
        self.was_playing = transport.playing;
        self.expected = position.map(|position| match position {
            Position::Seconds(now) => Position::Seconds(now + block_sec),
            Position::Beats(now) => Position::Beats(now + block_sec * transport.tempo.unwrap_or(0.0) / 60.0),
        });
        toggled || moved
    }

    /// Forgets what was before. Real-time safe: yes.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

/// NB: not `Transport::pos_samples()`, which divides beats by the present tempo and so jumps whenever the tempo changes.
fn position(transport: &Transport) -> Option<Position> {
    let by_samples = transport.pos_samples.map(|samples| samples as f64 / f64::from(transport.sample_rate));
    let by_beats = || transport.pos_beats.filter(|_| transport.tempo.is_some()).map(Position::Beats);
    by_samples.or(transport.pos_seconds).map(Position::Seconds).or_else(by_beats)
}

/// The host's beat at the first sample of the block, or `None` while it stands or does not say. Real-time safe: yes.
pub fn host_time(transport: &Transport) -> Option<HostTime> {
    let (beat, tempo_bpm) = (transport.pos_beats()?, transport.tempo?);
    if !transport.playing {
        return None;
    }
    let beats_per_bar = match (transport.time_sig_numerator, transport.time_sig_denominator) {
        // In quarter notes; 7/8 is no whole number of them.
        (Some(count @ 1..=64), Some(unit @ 1..=64)) if (count * 4) % unit == 0 => (count * 4 / unit) as u8,
        _ => 0,
    };
    Some(HostTime { beat, tempo_bpm, bar_start_beat: transport.bar_start_pos_beats().unwrap_or(beat), beats_per_bar })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn playing(pos_samples: i64) -> Transport {
        let mut transport = Transport::new(48_000.0);
        (transport.playing, transport.pos_samples) = (true, Some(pos_samples));
        transport
    }

    #[test]
    fn starts_stops_loops_and_jumps_are_seen_once() {
        let mut watch = TransportWatch::default();
        let stopped = Transport::new(48_000.0);
        assert!(!watch.jumped(&stopped, 512));
        assert!(watch.jumped(&playing(0), 512));
        assert!(!watch.jumped(&playing(512), 512));
        assert!(!watch.jumped(&playing(1_025), 512), "a host that rounds");
        assert!(watch.jumped(&playing(0), 512), "a loop");
        assert!(!watch.jumped(&playing(512), 512));
        assert!(watch.jumped(&stopped, 512));
        assert!(!watch.jumped(&stopped, 512));
    }

    #[test]
    fn a_host_that_tells_beats_may_change_its_tempo() {
        let mut watch = TransportWatch::default();
        let mut beat = 100.0;
        for block in 0..200 {
            let mut transport = Transport::new(48_000.0);
            let tempo_bpm = 120.0 + f64::from(block);
            (transport.playing, transport.tempo, transport.pos_beats) = (true, Some(tempo_bpm), Some(beat));
            assert_eq!(watch.jumped(&transport, 512), block == 0);
            beat += 512.0 / 48_000.0 * tempo_bpm / 60.0;
        }
        let mut transport = Transport::new(48_000.0);
        (transport.playing, transport.tempo, transport.pos_beats) = (true, Some(120.0), Some(16.0));
        assert!(watch.jumped(&transport, 512));
    }

    #[test]
    fn a_host_without_positions_never_jumps() {
        let mut watch = TransportWatch::default();
        let mut transport = Transport::new(48_000.0);
        transport.playing = true;
        watch.jumped(&transport, 512);
        assert!((0..5).all(|_| !watch.jumped(&transport, 512)));
    }

    #[test]
    fn the_host_s_meter_is_counted_in_quarter_notes() {
        let mut transport = playing(48_000);
        assert_eq!(host_time(&transport), None, "no tempo");
        (transport.tempo, transport.pos_beats, transport.bar_start_pos_beats) = (Some(120.0), Some(5.0), Some(3.0));
        for (count, unit, beats_per_bar) in [(4, 4, 4), (3, 4, 3), (6, 8, 3), (7, 8, 0), (2, 2, 4), (0, 4, 0), (4, 0, 0)] {
            (transport.time_sig_numerator, transport.time_sig_denominator) = (Some(count), Some(unit));
            let expected = HostTime { beat: 5.0, tempo_bpm: 120.0, bar_start_beat: 3.0, beats_per_bar };
            assert_eq!(host_time(&transport), Some(expected), "{count}/{unit}");
        }
        transport.playing = false;
        assert_eq!(host_time(&transport), None);
    }
}
