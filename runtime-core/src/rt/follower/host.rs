//! The host's transport as a line and a bar, so that outputs follow it as they follow the analysis. AUDIO THREAD.

use crate::rt::slew::{MAX_COORDINATE, USABLE_SPB};
use crate::state::BeatEvent;
use crate::timeline::Timeline;
use crate::units::StreamSec;

/// Two positions of the host count as one while they are this near, beats.
pub(super) const SAME_LINE_BEATS: f64 = 1e-3;
/// Two tempi of the host count as one while their ratio is this near to 1.
const SAME_TEMPO_RATIO: f64 = 1e-6;
/// A difference from the line followed so far that is a jump and no change of tempo, beats.
const JUMP_BEATS: f64 = 0.5;
/// How far after the downbeat of a pre-roll bar it is safe that the next downbeat is beat 0, beats.
const PAST_DOWNBEAT_BEATS: f64 = 0.5;

/// Where the beat comes from.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Source {
    /// The analysis of the audio.
    #[default]
    Audio,
    /// The host's transport; `None` while it stands. Then the clock stops, whatever its policy about silence.
    Host(Option<HostTime>),
}

/// The host's transport at the first sample of a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostTime {
    /// Position in the song, beats (quarter notes) from 0.
    pub beat: f64,
    /// Tempo, BPM.
    pub tempo_bpm: f64,
    /// Position at which the bar began, beats.
    pub bar_start_beat: f64,
    /// Beats (quarter notes) per bar; 0 = not a whole number.
    pub beats_per_bar: u8,
}

impl HostTime {
    /// The line through this moment, or `None` where it cannot be followed.
    ///
    /// Before beat 0 the host plays a pre-roll, which nobody else hears: it is followed in the last bar before 0 alone, so
    /// that beat 0 is played on its sample and nothing before it. Real-time safe: yes.
    pub(super) fn line_at(&self, now: StreamSec) -> Option<Timeline> {
        let spb = 60.0 / self.tempo_bpm;
        let earliest_beat = PAST_DOWNBEAT_BEATS - f64::from(self.beats_per_bar.max(1));
        // Written so that NaN fails.
        let can_be_followed = USABLE_SPB.contains(&spb) && self.beat > earliest_beat && self.beat < MAX_COORDINATE;
        can_be_followed.then_some(Timeline { t_origin_sec: now.0, beat_origin: self.beat, spb })
    }

    /// A downbeat of the bar that the host is in, with the bar unknown where downbeats do not fall on beats.
    /// Real-time safe: yes.
    pub(super) fn downbeat(&self, line: Timeline) -> BeatEvent {
        let start = self.bar_start_beat.round();
        let is_whole = self.beats_per_bar > 0 && (self.bar_start_beat - start).abs() < SAME_LINE_BEATS && start.abs() < MAX_COORDINATE;
        let (beat, beat_in_bar, beats_per_bar) = match is_whole {
            // The bar of a pre-roll began before 0: one of its length after it.
            true if start < 0.0 => (start.rem_euclid(f64::from(self.beats_per_bar)), 1, self.beats_per_bar),
            true => (start, 1, self.beats_per_bar),
            false => (0.0, 0, 0),
        };
        BeatEvent {
            t_sec: line.time_of(beat).0,
            beat_count: beat as u64,
            beat_in_bar,
            beats_per_bar,
            downbeat_prob: f32::from(beat_in_bar),
            intensity: 1.0,
            conf: 1.0,
        }
    }
}

/// Whether two lines are one from `now` on. Real-time safe: yes.
pub(super) fn is_same_line(a: Timeline, b: Timeline, now: StreamSec) -> bool {
    (a.beat_at(now) - b.beat_at(now)).abs() < SAME_LINE_BEATS && (a.spb / b.spb - 1.0).abs() < SAME_TEMPO_RATIO
}

/// Whether the host went elsewhere in the song. Real-time safe: yes.
pub(super) fn is_jump(from: Timeline, to: Timeline, now: StreamSec) -> bool {
    (from.beat_at(now) - to.beat_at(now)).abs() > JUMP_BEATS
}

/// Whether two downbeats say the same about every beat. Real-time safe: yes.
pub(super) fn is_same_bar(a: &BeatEvent, b: &BeatEvent) -> bool {
    let apart = a.beat_count.abs_diff(b.beat_count);
    a.beats_per_bar == b.beats_per_bar && apart.checked_rem(u64::from(a.beats_per_bar)).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: StreamSec = StreamSec(3.0);
    const HOST: HostTime = HostTime { beat: 9.5, tempo_bpm: 120.0, bar_start_beat: 8.0, beats_per_bar: 4 };

    #[test]
    fn a_position_and_a_tempo_are_a_line() {
        let line = HOST.line_at(NOW).unwrap();
        assert_eq!((line.beat_at(NOW), line.time_of(10.0)), (9.5, StreamSec(3.25)));
        let downbeat = HOST.downbeat(line);
        assert_eq!((downbeat.beat_count, downbeat.beat_in_bar, downbeat.beats_per_bar, downbeat.t_sec), (8, 1, 4, 2.25));
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let bad = [
            HostTime { tempo_bpm: 0.0, ..HOST },
            HostTime { tempo_bpm: -120.0, ..HOST },
            HostTime { tempo_bpm: 1e9, ..HOST },
            HostTime { tempo_bpm: f64::NAN, ..HOST },
            HostTime { beat: f64::NAN, ..HOST },
            HostTime { beat: f64::INFINITY, ..HOST },
            HostTime { beat: -3.5, ..HOST },
            HostTime { beat: -0.5, beats_per_bar: 0, ..HOST },
        ];
        for host in bad {
            assert_eq!(host.line_at(NOW), None, "{host:?}");
        }
    }

    #[test]
    fn a_bar_that_does_not_begin_on_a_beat_is_unknown() {
        let bars = [(8.5, 4), (8.0, 0), (f64::NAN, 4), (f64::INFINITY, 4)];
        for (bar_start_beat, beats_per_bar) in bars {
            let downbeat = HostTime { bar_start_beat, beats_per_bar, ..HOST }.downbeat(Timeline::default());
            assert_eq!((downbeat.beat_in_bar, downbeat.beats_per_bar), (0, 0), "{bar_start_beat}");
        }
    }

    #[test]
    fn a_bar_that_began_in_the_pre_roll_keeps_its_phase() {
        let count = |bar_start_beat| HostTime { bar_start_beat, ..HOST }.downbeat(Timeline::default()).beat_count;
        assert_eq!([count(-4.0), count(-2.0), count(-8.0), count(4.0)], [0, 2, 0, 4]);
    }

    #[test]
    fn bars_are_the_same_where_every_downbeat_is() {
        let bar = |beat_count, beats_per_bar| BeatEvent { beat_count, beats_per_bar, beat_in_bar: 1, ..BeatEvent::default() };
        assert!(is_same_bar(&bar(8, 4), &bar(12, 4)) && is_same_bar(&bar(3, 0), &bar(5, 0)));
        assert!(!is_same_bar(&bar(8, 4), &bar(12, 3)) && !is_same_bar(&bar(8, 4), &bar(10, 4)));
    }
}
