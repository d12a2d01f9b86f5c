//! Standard MIDI file: a tempo map that puts a DAW's grid on the beats, and a note on each. Any thread.
//!
//! Time 0 of the file is time 0 of the audio, so both dropped at the start of a project line up. One Set Tempo a beat;
//! each is computed from the time written so far, so rounding to whole microseconds never adds up. The time before the
//! first beat becomes lead-in beats and, where the bar is known, a short first bar, so that bar lines fall on downbeats.
//! A gap without beats is filled with beats of about the same length that carry no note. Sections are markers, each at its own time, on a
//! beat or not. Source: Standard MIDI Files 1.0.

use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};

use crate::document::Analysis;

/// Ticks of a beat.
const TICKS_PER_BEAT: u32 = 960;
/// Length of a note, ticks.
const NOTE_TICKS: u32 = TICKS_PER_BEAT / 8;
/// General MIDI percussion, channel 10.
const CHANNEL: u4 = u4::new(9);
/// High wood block, on downbeats.
const DOWNBEAT_KEY: u7 = u7::new(76);
/// Low wood block.
const BEAT_KEY: u7 = u7::new(77);
/// Fastest lead-in, seconds per beat (1000 BPM): beyond it DAWs clamp tempi, and everything after would be off.
const MIN_LEAD_IN_SPB: f64 = 0.06;
/// Beats nearer to each other than this are one, seconds.
const MIN_INTERVAL_SEC: f64 = 0.001;
/// Longest interval that a Set Tempo can hold, seconds (24 bits of microseconds), with a margin.
const MAX_INTERVAL_SEC: f64 = 16.0;
/// An interval this many times the beat's own length is a gap, filled with beats without notes.
const GAP_BEATS: f64 = 1.5;
/// Seconds per beat where nothing is known: 120 BPM.
const DEFAULT_SPB: f64 = 0.5;

/// A beat of the grid.
struct GridBeat {
    tick: u32,
    /// 1-based; 0 = unknown.
    beat_in_bar: u8,
    beats_per_bar: u8,
}

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> Vec<u8> {
    let (tempi, beats) = grid(analysis);
    let mut map: Vec<(u32, TrackEventKind<'_>)> =
        tempi.iter().map(|&(tick, us)| (tick, TrackEventKind::Meta(MetaMessage::Tempo(us)))).collect();
    map.extend(signatures(&beats).into_iter().map(|(tick, n)| (tick, TrackEventKind::Meta(MetaMessage::TimeSignature(n, 2, 24, 8)))));
    map.extend(analysis.sections().iter().map(|section| {
        let tick = tick_at(section.start_sec, &tempi);
        (tick, TrackEventKind::Meta(MetaMessage::Marker(section.label.as_bytes())))
    }));
    let mut notes = vec![(0, TrackEventKind::Meta(MetaMessage::TrackName(b"beats")))];
    for beat in &beats {
        let (key, vel) = if beat.beat_in_bar == 1 { (DOWNBEAT_KEY, u7::new(112)) } else { (BEAT_KEY, u7::new(88)) };
        let midi = |message| TrackEventKind::Midi { channel: CHANNEL, message };
        notes.push((beat.tick, midi(MidiMessage::NoteOn { key, vel })));
        notes.push((beat.tick + NOTE_TICKS, midi(MidiMessage::NoteOff { key, vel: u7::new(0) })));
    }
    let header = Header::new(Format::Parallel, Timing::Metrical(u15::new(TICKS_PER_BEAT as u16)));
    let smf = Smf { header, tracks: vec![track(map), track(notes)] };
    let mut bytes = Vec::new();
    smf.write_std(&mut bytes).expect("a Vec takes any bytes");
    bytes
}

/// Tempi (tick, microseconds per beat) and beats on the grid.
fn grid(analysis: &Analysis) -> (Vec<(u32, u24)>, Vec<GridBeat>) {
    let mut grid = GridWriter { tick: 0, written_us: 0, tempi: Vec::new() };
    let mut beats: Vec<GridBeat> = Vec::new();
    let mut rows: Vec<_> = analysis.beats.iter().filter(|row| row.event.t_sec.is_finite() && row.event.t_sec >= 0.0).collect();
    rows.sort_by(|a, b| a.event.t_sec.total_cmp(&b.event.t_sec));
    let mut last_sec: Option<f64> = None;
    for row in rows {
        let t_sec = row.event.t_sec;
        let spb =
            if row.bpm.is_finite() && row.bpm > 0.0 { (60.0 / row.bpm).clamp(MIN_LEAD_IN_SPB, MAX_INTERVAL_SEC) } else { DEFAULT_SPB };
        match last_sec {
            Some(last) if t_sec - last < MIN_INTERVAL_SEC => continue,
            None if t_sec < MIN_LEAD_IN_SPB => grid.advance_partial(t_sec, spb),
            None => grid.advance(t_sec, ((t_sec / spb).round() as u32).max(1)),
            Some(last) if t_sec - last > GAP_BEATS * spb => grid.advance(t_sec, (((t_sec - last) / spb).round() as u32).max(1)),
            Some(_) => grid.advance(t_sec, 1),
        }
        last_sec = Some(t_sec);
        beats.push(GridBeat { tick: grid.tick, beat_in_bar: row.event.beat_in_bar, beats_per_bar: row.event.beats_per_bar });
    }
    (grid.tempi, beats)
}

/// The tick of a moment, by the tempo map; beyond it, at its last tempo.
fn tick_at(t_sec: f64, tempi: &[(u32, u24)]) -> u32 {
    let t_us = t_sec.max(0.0) * 1e6;
    // What holds before the first Set Tempo, as the standard has it.
    let (mut from_tick, mut from_us, mut us_per_beat) = (0, 0.0, DEFAULT_SPB * 1e6);
    let at = |from_tick: u32, from_us: f64, us_per_beat: f64, tick: u32| {
        from_us + f64::from(tick - from_tick) * us_per_beat / f64::from(TICKS_PER_BEAT)
    };
    for &(tick, us) in tempi {
        let tempo_us = at(from_tick, from_us, us_per_beat, tick);
        if tempo_us > t_us {
            break;
        }
        (from_tick, from_us, us_per_beat) = (tick, tempo_us, f64::from(us.as_int()));
    }
    from_tick + ((t_us - from_us) / us_per_beat * f64::from(TICKS_PER_BEAT)).round() as u32
}

/// Lays beats end to end, keeping the exact time that whole microseconds amount to.
struct GridWriter {
    tick: u32,
    written_us: u64,
    tempi: Vec<(u32, u24)>,
}

impl GridWriter {
    /// Moves to `t_sec` in `n_beats` equal beats, or more where a beat could not be that long.
    fn advance(&mut self, t_sec: f64, n_beats: u32) {
        let from_sec = self.written_us as f64 * 1e-6;
        let n_beats = n_beats.max(((t_sec - from_sec) / MAX_INTERVAL_SEC).ceil() as u32);
        for k in 1..=n_beats {
            let to_us = ((from_sec + (t_sec - from_sec) * f64::from(k) / f64::from(n_beats)) * 1e6).round() as u64;
            let us = to_us.saturating_sub(self.written_us).max(1);
            self.set_tempo(us as u32);
            self.tick += TICKS_PER_BEAT;
            self.written_us += us;
        }
    }

    /// Moves to `t_sec`, less than a beat away, in a fraction of a beat.
    fn advance_partial(&mut self, t_sec: f64, spb: f64) {
        let n_ticks = (t_sec / spb * f64::from(TICKS_PER_BEAT)).round() as u32;
        if n_ticks == 0 {
            return;
        }
        let us_per_beat = (t_sec * 1e6 * f64::from(TICKS_PER_BEAT) / f64::from(n_ticks)).round();
        self.set_tempo(us_per_beat as u32);
        self.tick += n_ticks;
        self.written_us += (us_per_beat * f64::from(n_ticks) / f64::from(TICKS_PER_BEAT)).round() as u64;
    }

    fn set_tempo(&mut self, us_per_beat: u32) {
        let us = u24::new(us_per_beat);
        if self.tempi.last().is_none_or(|&(_, last)| last != us) {
            self.tempi.push((self.tick, us));
        }
    }
}

/// Time signatures (tick, beats per bar) that put a bar line on every downbeat.
fn signatures(beats: &[GridBeat]) -> Vec<(u32, u8)> {
    let mut out: Vec<(u32, u8)> = Vec::new();
    let mut push = |tick: u32, n: u8| {
        if out.last().is_none_or(|&(_, last)| last != n) {
            out.push((tick, n));
        }
    };
    let downbeats: Vec<&GridBeat> = beats.iter().filter(|beat| beat.beat_in_bar == 1).collect();
    let meter_of = |beat: &GridBeat| if beat.beats_per_bar == 0 { 4 } else { beat.beats_per_bar };
    if let Some(first) = downbeats.first() {
        let (n_beats, meter) = (first.tick / TICKS_PER_BEAT, u32::from(meter_of(first)));
        // The odd beats come first: a short bar, as an anacrusis is written.
        if n_beats % meter > 0 {
            push(0, (n_beats % meter) as u8);
        }
        push(n_beats % meter * TICKS_PER_BEAT, meter as u8);
    }
    for pair in downbeats.windows(2) {
        let (n_beats, meter) = ((pair[1].tick - pair[0].tick) / TICKS_PER_BEAT, u32::from(meter_of(pair[0])));
        let n_whole = n_beats / meter * meter;
        if n_whole > 0 {
            push(pair[0].tick, meter as u8);
        }
        if n_beats > n_whole {
            push(pair[0].tick + n_whole * TICKS_PER_BEAT, (n_beats - n_whole) as u8);
        }
    }
    if let Some(last) = downbeats.last() {
        push(last.tick, meter_of(last));
    }
    out
}

/// A track: events in order of time, with their distances, and its end.
fn track(mut events: Vec<(u32, TrackEventKind<'_>)>) -> Vec<TrackEvent<'_>> {
    events.sort_by_key(|&(tick, _)| tick);
    let end = events.last().map_or(0, |&(tick, _)| tick);
    events.push((end, TrackEventKind::Meta(MetaMessage::EndOfTrack)));
    let mut last = 0;
    let with_delta = |(tick, kind)| {
        let delta = u28::new(tick - last);
        last = tick;
        TrackEvent { delta, kind }
    };
    events.into_iter().map(with_delta).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::{row, steady, with_sections};
    use proptest::prelude::*;

    /// A MIDI tick is at most this long at our tempi, and half of it is the rounding of the first beat's place.
    const TOLERANCE_SEC: f64 = 0.001;

    struct ReadBack {
        note_secs: Vec<f64>,
        downbeat_ticks: Vec<u32>,
        signatures: Vec<(u32, u8)>,
        markers: Vec<(String, f64)>,
        max_bpm: f64,
    }

    /// Reads a file as a DAW would: ticks to seconds through the tempo map.
    fn read(bytes: &[u8]) -> ReadBack {
        let smf = Smf::parse(bytes).unwrap();
        let Timing::Metrical(ticks_per_beat) = smf.header.timing else { panic!("metrical") };
        let absolute = |k: usize| {
            let mut tick = 0;
            smf.tracks[k].iter().map(move |e| {
                tick += e.delta.as_int();
                (tick, e.kind)
            })
        };
        let tempi: Vec<(u32, f64)> = absolute(0)
            .filter_map(|(tick, kind)| match kind {
                TrackEventKind::Meta(MetaMessage::Tempo(us)) => Some((tick, f64::from(us.as_int()) * 1e-6)),
                _ => None,
            })
            .collect();
        let signatures = absolute(0).filter_map(|(tick, kind)| match kind {
            TrackEventKind::Meta(MetaMessage::TimeSignature(n, 2, ..)) => Some((tick, n)),
            _ => None,
        });
        let markers = absolute(0).filter_map(|(tick, kind)| match kind {
            TrackEventKind::Meta(MetaMessage::Marker(name)) => Some((String::from_utf8(name.to_vec()).unwrap(), tick)),
            _ => None,
        });
        let sec = |tick: u32| {
            let (mut at, mut sec, mut spb) = (0, 0.0, 0.5);
            for &(from, next) in tempi.iter().filter(|&&(from, _)| from <= tick) {
                sec += f64::from(from - at) / f64::from(ticks_per_beat.as_int()) * spb;
                (at, spb) = (from, next);
            }
            sec + f64::from(tick - at) / f64::from(ticks_per_beat.as_int()) * spb
        };
        let notes: Vec<(u32, u7)> = absolute(1)
            .filter_map(|(tick, kind)| match kind {
                TrackEventKind::Midi { message: MidiMessage::NoteOn { key, .. }, .. } => Some((tick, key)),
                _ => None,
            })
            .collect();
        ReadBack {
            note_secs: notes.iter().map(|&(tick, _)| sec(tick)).collect(),
            downbeat_ticks: notes.iter().filter(|&&(_, key)| key == DOWNBEAT_KEY).map(|&(tick, _)| tick).collect(),
            signatures: signatures.collect(),
            markers: markers.map(|(name, tick)| (name, sec(tick))).collect(),
            max_bpm: tempi.iter().map(|&(_, spb)| 60.0 / spb).fold(0.0, f64::max),
        }
    }

    fn check_times(analysis: &Analysis, read: &ReadBack) {
        assert_eq!(read.note_secs.len(), analysis.beats.len());
        for (row, &sec) in analysis.beats.iter().zip(&read.note_secs) {
            assert!((row.event.t_sec - sec).abs() < TOLERANCE_SEC, "{} became {sec}", row.event.t_sec);
        }
    }

    /// Every downbeat must begin a bar of the time signatures.
    fn check_bars(read: &ReadBack) {
        let mut bars = std::collections::BTreeSet::new();
        let end = read.downbeat_ticks.last().copied().unwrap_or(0);
        for (k, &(from, n)) in read.signatures.iter().enumerate() {
            let to = read.signatures.get(k + 1).map_or(end + 1, |&(next, _)| next);
            assert!(
                k + 1 == read.signatures.len() || (to - from).is_multiple_of(u32::from(n) * TICKS_PER_BEAT),
                "whole bars before a change"
            );
            bars.extend((from..to).step_by((u32::from(n) * TICKS_PER_BEAT) as usize));
        }
        assert!(read.downbeat_ticks.iter().all(|tick| bars.contains(tick)), "{:?} {:?}", read.downbeat_ticks, read.signatures);
    }

    #[test]
    fn times_round_trip_with_any_offset_and_bars_fall_on_downbeats() {
        for first_sec in [0.0, 0.0004, 0.01, 0.059, 0.061, 0.25, 0.5, 1.23, 7.77, 100.0] {
            for first_in_bar in 1..=4 {
                let analysis = steady(13, first_sec, first_in_bar);
                let read = read(&render(&analysis));
                check_times(&analysis, &read);
                assert!(read.max_bpm <= 1001.0, "{}", read.max_bpm);
                if first_sec >= MIN_LEAD_IN_SPB || first_sec == 0.0 {
                    check_bars(&read);
                }
            }
        }
    }

    #[test]
    fn a_gap_is_filled_with_beats_without_notes() {
        let mut analysis = steady(4, 0.5, 1);
        analysis.beats.push(row(4, 42.0, 1, 4));
        let read = read(&render(&analysis));
        check_times(&analysis, &read);
        check_bars(&read);
        assert!(read.max_bpm < 125.0);
    }

    #[test]
    fn a_change_of_meter_moves_the_bar_lines() {
        let mut analysis = steady(0, 0.0, 1);
        let positions = [(1, 4), (2, 4), (3, 4), (4, 4), (1, 3), (2, 3), (3, 3), (1, 3), (2, 3), (1, 4), (2, 4)];
        analysis.beats = positions.iter().enumerate().map(|(k, &(at, n))| row(k as u64, 0.5 + 0.5 * k as f64, at, n)).collect();
        let read = read(&render(&analysis));
        check_bars(&read);
        assert_eq!(read.signatures.iter().map(|&(_, n)| n).collect::<Vec<_>>(), [1, 4, 3, 2, 4]);
    }

    #[test]
    fn sections_are_markers_at_their_times() {
        for (n_beats, first_sec) in [(0, 0.0), (6, 0.7), (20, 1.23)] {
            let read = read(&render(&with_sections(n_beats, first_sec, 1)));
            let names: Vec<_> = read.markers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["verse", "chorus"]);
            for ((_, sec), expected_sec) in read.markers.iter().zip([2.0, 6.0]) {
                assert!((sec - expected_sec).abs() < TOLERANCE_SEC, "{sec} in place of {expected_sec}");
            }
        }
    }

    #[test]
    fn no_beats_is_a_valid_file_without_notes() {
        let read = read(&render(&steady(0, 0.0, 1)));
        assert!(read.note_secs.is_empty() && read.signatures.is_empty());
    }

    proptest! {
        #[test]
        fn any_beats_round_trip(
            steps in prop::collection::vec((0.002f64..40.0, 0u8..5, 0u8..8, prop_oneof![Just(0.0), Just(f64::NAN), 30.0f64..300.0]), 0..60),
        ) {
            let mut analysis = steady(0, 0.0, 1);
            let mut t_sec = 0.0;
            for (k, &(step, position, meter, bpm)) in steps.iter().enumerate() {
                t_sec += step;
                let mut beat = row(k as u64, t_sec, position.min(meter), meter);
                beat.bpm = bpm;
                analysis.beats.push(beat);
            }
            let read = read(&render(&analysis));
            check_times(&analysis, &read);
            if t_sec > 0.0 && steps[0].0 >= MIN_LEAD_IN_SPB {
                check_bars(&read);
            }
        }
    }
}
