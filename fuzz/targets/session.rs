//! Any bytes as a recorded session, which is then played: whatever it says, beats are numbered one by one and in order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outputs::event::{Event, Moment};
use outputs::output::Tuning;
use outputs::schedule::Schedule;
use outputs::session::{Player, Session};

/// Moments at which it is played.
const N_STEPS: u64 = 100;
/// Lead of the output, nanoseconds.
const LEAD_NS: u64 = 500_000_000;

fuzz_target!(|data: &[u8]| {
    let Ok(session) = Session::read(data) else { return };
    let step_ns = ((session.duration_sec() * 1e9) as u64 / N_STEPS).clamp(5_000_000, 1_000_000_000);
    let (mut player, mut events) = (Player::new(session), Vec::new());
    let tuning = Tuning { every_beats: 1, offset_ms: -30.0, ..Tuning::default() };
    let mut schedule = Schedule::new(&tuning, LEAD_NS);
    for step in 0..N_STEPS {
        let mono_ns = 1_000_000_000 + step * step_ns;
        let look = player.look_at(Moment { mono_ns, unix_ns: mono_ns });
        schedule.take(&look, &mut events);
        let view = schedule.view(&look);
        assert!((0.0..1.0).contains(&view.phase), "{}", view.phase);
        let _ = schedule.next_due_ns(&look);
    }
    let beats = events.iter().filter_map(|event| if let Event::Beat(beat) = event { Some(beat) } else { None });
    let mut last = None;
    for beat in beats {
        assert_eq!(beat.number, last.map_or(0, |(number, _)| number + 1));
        assert!(last.is_none_or(|(_, at)| beat.at.mono_ns >= at), "a beat before the one before");
        last = Some((beat.number, beat.at.mono_ns));
    }
});
