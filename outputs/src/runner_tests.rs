//! Threads at real pace: an output that hangs holds up nobody, and the end comes in time.

use std::sync::atomic::Ordering::Release;

use super::*;
use crate::event::Moment;
use crate::look::{Line, Reason};
use crate::output::Tuning;
use crate::test_outputs::Probe;

struct Real(Instant);

impl Clock for Real {
    fn now(&self) -> Moment {
        let mono_ns = self.0.elapsed().as_nanos() as u64;
        Moment { mono_ns, unix_ns: mono_ns }
    }
}

/// 600 BPM for ever.
struct Metronome;

impl Source for Metronome {
    fn look(&mut self, clock: &dyn Clock) -> Look {
        let taken = clock.now();
        let line = Line { origin_mono_ns: 0, beat_origin: 0.0, period_ns: 1e8 };
        Look { taken, session: 1, said_mono_ns: taken.mono_ns, locked: true, reason: Reason::Locked, line, bpm: 600.0, ..Look::default() }
    }
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn runner() -> Runner {
    Runner::start(Box::new(Metronome), Arc::new(Real(Instant::now())), None).unwrap()
}

#[test]
fn an_output_that_hangs_holds_up_nobody_and_is_left_behind_by_name() {
    let (stuck, lively) = (Probe::default(), Probe::default());
    stuck.hangs.store(true, Release);
    let mut runner = runner();
    for probe in [&stuck, &lively] {
        runner.add(Drive::new(Box::new(probe.clone()), &Tuning::default()).unwrap()).unwrap();
    }
    wait_for("beats beside one that hangs", || lively.with(|notes| notes.beats.len()) >= 5);
    assert_eq!(stuck.with(|notes| notes.beats.len()), 0);
    assert_eq!(runner.statuses().len(), 2);
    assert!(runner.look().locked);
    assert_eq!(runner.stop(), ["probe"]);
    assert_eq!(lively.with(|notes| notes.closed), 1);
    stuck.hangs.store(false, Release);
}

#[test]
fn one_output_ends_and_the_others_go_on() {
    let (one, other) = (Probe::default(), Probe::default());
    let mut runner = runner();
    for (id, probe) in [("one", &one), ("other", &other)] {
        runner.add(Drive::new(Box::new(probe.clone()), &Tuning::default()).unwrap().identified(id, "probe")).unwrap();
    }
    let roster = runner.roster();
    assert!(runner.remove("one") && !runner.remove("one"));
    assert_eq!((one.with(|notes| notes.closed), roster.statuses().len(), runner.statuses().len()), (1, 1, 1));
    let n_beats = other.with(|notes| notes.beats.len());
    wait_for("beats after one has left", || other.with(|notes| notes.beats.len()) > n_beats);
    assert!(runner.stop().is_empty());
}

#[test]
fn each_thread_is_prepared_once() {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let prepare: Prepare = Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut runner = Runner::start(Box::new(Metronome), Arc::new(Real(Instant::now())), Some(prepare)).unwrap();
    let probe = Probe::default();
    runner.add(Drive::new(Box::new(probe.clone()), &Tuning::default()).unwrap()).unwrap();
    wait_for("a beat", || probe.with(|notes| !notes.beats.is_empty()));
    assert!(runner.stop().is_empty());
    assert_eq!(count.load(Ordering::Relaxed), 1, "outputs only, not the source");
}
