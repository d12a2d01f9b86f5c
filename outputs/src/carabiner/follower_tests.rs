//! The follower against a simulated session and music, on simulated clocks: who moves what, when, and how well.

use proptest::prelude::*;

use super::super::answer::{Answer, AnswerReader};
use super::super::clock::LinkClock;
use super::*;

#[path = "../../tests/link_session/mod.rs"]
mod link_session;
use link_session::LinkSession;

/// How close the session comes to the music, milliseconds: a fifth of a jump, and below what is heard as apart.
const TOLERANCE_MS: f64 = 4.0;

/// Music, a session, the output's clock and Link's, which runs differently.
struct Rig {
    follower: Follower,
    session: LinkSession,
    clock: LinkClock,
    our_us: f64,
    drift_ppm: f64,
    /// Everything that was told, with the number of the beat.
    told: Vec<(u64, Command)>,
    /// How long Carabiner thinks before each answer, microseconds, in turn.
    thinking_us: Vec<f64>,
    number: u64,
    beats_per_bar: u8,
    armed: bool,
    confidence: f32,
}

impl Rig {
    fn new(session_bpm: f64, quantum: u8) -> Self {
        Self {
            follower: Follower::new(quantum, true),
            session: LinkSession::new(session_bpm, 4_123_456.0),
            clock: LinkClock::default(),
            our_us: 1e6,
            drift_ppm: 50.0,
            told: Vec::new(),
            thinking_us: vec![19_000.0, 3_000.0, 11_000.0, 700.0],
            number: 0,
            beats_per_bar: 4,
            armed: true,
            confidence: 0.9,
        }
    }

    fn link_us(&self, our_us: f64) -> i64 {
        (our_us * (1.0 + self.drift_ppm / 1e6) + 70e9) as i64
    }

    /// Says a line and takes in the answer, which needs its time.
    fn exchange(&mut self, line: &str) {
        let sent_us = self.our_us;
        let thinking_us = self.thinking_us[self.number as usize % self.thinking_us.len()];
        let computed_us = sent_us + 100.0 + if line == "status" { thinking_us } else { 0.0 };
        let answer = self.session.obey(line, self.link_us(computed_us));
        let received_us = computed_us + 100.0;
        for answer in AnswerReader::default().feed(answer.as_bytes()) {
            match answer.unwrap() {
                Answer::Status(status) => {
                    let sent_ns = (line == "status").then_some((sent_us * 1000.0) as i64);
                    self.clock.add(sent_ns, (received_us * 1000.0) as i64, status.now_us().unwrap());
                    self.follower.on_status(status);
                }
                Answer::BeatAtTime { when_us, beat, .. } => {
                    if let Some(command) = self.follower.on_beat_at_time(when_us, beat, self.armed) {
                        self.tell(command);
                    }
                }
                Answer::Refused(_) => self.follower.on_refusal(),
                other => panic!("{other:?}"),
            }
        }
    }

    fn tell(&mut self, command: Command) {
        self.told.push((self.number, command));
        self.exchange(&command.to_string());
    }

    /// Plays beats at `bpm`, which the tracker sees `seen_off` too fast; asks for the status twice between.
    fn play(&mut self, n_beats: u64, bpm: f64, seen_off: f64) {
        for _ in 0..n_beats {
            let next_us = self.our_us + 60e6 / bpm;
            for share in [0.4, 0.8] {
                self.our_us = next_us - (1.0 - share) * 60e6 / bpm;
                self.exchange("status");
            }
            self.our_us = next_us;
            let beat_in_bar = (self.number % u64::from(self.beats_per_bar)) as u8 + 1;
            let beat = Beat {
                number: self.number,
                beat_in_bar,
                beats_per_bar: self.beats_per_bar,
                bpm: bpm * (1.0 + seen_off),
                confidence: self.confidence,
                ..Beat::default()
            };
            let when_us = self.clock.link_us((self.our_us * 1000.0) as i64).unwrap();
            for command in self.follower.on_beat(&beat, when_us, self.armed) {
                self.tell(command);
            }
            self.number += 1;
        }
    }

    /// How far ahead of the music's last beat the session is: milliseconds, and the place in the bar of `quantum`.
    fn error(&self, quantum: f64) -> (f64, f64) {
        let beat = self.session.beat_at(self.link_us(self.our_us));
        ((beat - beat.round()) * self.session.beat_us as f64 / 1000.0, beat.round().rem_euclid(quantum))
    }

    fn jumps(&self) -> Vec<u64> {
        self.told.iter().filter(|(_, command)| matches!(command, Command::ForceBeatAtTime { .. })).map(|(number, _)| *number).collect()
    }
}

#[test]
fn joining_changes_nothing() {
    let mut rig = Rig::new(120.0, 0);
    rig.armed = false;
    let before = format!("{:?}", rig.session);
    rig.play(64, 131.0, 0.0);
    assert_eq!(rig.told, []);
    assert_eq!(format!("{:?}", rig.session), before);
}

#[test]
fn armed_the_session_takes_tempo_and_bar_of_the_music() {
    let mut rig = Rig::new(120.0, 0);
    rig.play(65, 131.0, 0.0);
    assert!((rig.session.bpm() - 131.0).abs() < 0.2, "{} BPM", rig.session.bpm());
    let (error_ms, place) = rig.error(4.0);
    // The last beat was number 64, a downbeat.
    assert!(error_ms.abs() < TOLERANCE_MS && place == 0.0, "{error_ms} ms, beat {place}");
    // Nothing before the music was sure for four beats; then the tempo first.
    assert!(matches!(rig.told[0], (3, Command::Bpm(bpm)) if bpm == 131.0), "{:?}", rig.told[0]);
    assert!(rig.jumps().len() <= 2 && rig.jumps().iter().all(|number| number % 4 == 0), "{:?}", rig.jumps());
}

#[test]
fn a_tempo_that_is_seen_a_little_wrong_is_leaned_upright_without_a_jump() {
    for seen_off in [-0.0004, 0.0004] {
        let mut rig = Rig::new(128.0, 0);
        rig.play(32, 128.0, seen_off);
        let n_jumps = rig.jumps().len();
        rig.play(321, 128.0, seen_off);
        assert_eq!(rig.jumps().len(), n_jumps);
        let (error_ms, place) = rig.error(4.0);
        assert!(error_ms.abs() < 6.0 && place == 0.0, "{error_ms} ms, beat {place}");
    }
}

#[test]
fn a_change_of_tempo_is_followed_at_once() {
    let mut rig = Rig::new(100.0, 0);
    rig.play(32, 100.0, 0.0);
    rig.play(1, 105.0, 0.0);
    assert!((rig.session.bpm() - 105.0).abs() < 0.2, "{}", rig.session.bpm());
    rig.play(40, 105.0, 0.0);
    assert!(rig.error(4.0).0.abs() < TOLERANCE_MS, "{:?}", rig.error(4.0));
}

#[test]
fn disarming_ends_it_and_arming_takes_it_up() {
    let mut rig = Rig::new(120.0, 0);
    rig.play(16, 126.0, 0.0);
    rig.armed = false;
    let n_told = rig.told.len();
    rig.play(16, 140.0, 0.0);
    assert_eq!(rig.told.len(), n_told);
    rig.armed = true;
    rig.play(9, 140.0, 0.0);
    assert!((rig.session.bpm() - 140.0).abs() < 0.25, "{}", rig.session.bpm());
}

#[test]
fn nothing_is_told_while_the_music_is_not_sure_or_the_lock_is_new() {
    let mut rig = Rig::new(120.0, 0);
    rig.confidence = 0.3;
    rig.play(32, 126.0, 0.0);
    rig.confidence = f32::NAN;
    rig.play(32, 126.0, 0.0);
    assert_eq!(rig.told, []);
    rig.confidence = 0.9;
    rig.play(3, 126.0, 0.0);
    rig.follower.on_lock();
    rig.play(3, 126.0, 0.0);
    assert_eq!(rig.told, []);
    rig.play(1, 126.0, 0.0);
    assert_eq!(rig.told.len(), 1);
}

#[test]
fn a_waltz_has_its_own_quantum_and_a_set_one_that_does_not_fit_keeps_the_beat_alone() {
    let mut rig = Rig::new(120.0, 0);
    rig.beats_per_bar = 3;
    rig.play(61, 120.5, 0.0);
    let (error_ms, place) = rig.error(3.0);
    assert!(error_ms.abs() < TOLERANCE_MS && place == 0.0, "{error_ms} ms, beat {place}");
    let mut rig = Rig::new(120.0, 8);
    rig.play(61, 120.5, 0.0);
    assert_eq!(rig.error(4.0).1, 0.0);
    let mut rig = Rig::new(120.0, 4);
    rig.beats_per_bar = 3;
    rig.play(61, 120.5, 0.0);
    assert!(rig.error(1.0).0.abs() < TOLERANCE_MS);
    // One jump onto the beat at most: bar lines of three and four never agree.
    assert!(rig.jumps().len() <= 1, "{:?}", rig.jumps());
}

#[test]
fn a_bar_that_is_counted_otherwise_once_does_not_move_the_session() {
    let mut rig = Rig::new(120.0, 0);
    rig.play(32, 120.5, 0.0);
    let n_jumps = rig.jumps().len();
    // One downbeat two beats early, then as before.
    rig.play(2, 120.5, 0.0);
    let odd = Beat { number: rig.number, beat_in_bar: 1, beats_per_bar: 4, bpm: 120.5, confidence: 0.9, ..Beat::default() };
    rig.number += 1;
    rig.our_us += 60e6 / 120.5;
    rig.exchange("status");
    let when_us = rig.clock.link_us((rig.our_us * 1000.0) as i64).unwrap();
    for command in rig.follower.on_beat(&odd, when_us, true) {
        rig.tell(command);
    }
    rig.play(29, 120.5, 0.0);
    assert_eq!(rig.jumps().len(), n_jumps);
}

#[test]
fn without_phase_only_the_tempo_is_told() {
    let mut rig = Rig::new(120.0, 0);
    rig.follower = Follower::new(0, false);
    rig.play(64, 133.3, 0.0);
    assert!(rig.told.iter().all(|(_, command)| matches!(command, Command::Bpm(_))), "{:?}", rig.told);
    assert!(rig.told.len() <= 2, "{:?}", rig.told);
}

#[test]
fn a_tempo_beyond_link_is_clamped_and_a_refusal_is_not_repeated_at_once() {
    let mut follower = Follower::new(0, true);
    let status = |now_us: i64| Status { peers: 0, bpm: 120.0, start_us: 0, beat: Some(now_us as f64 / 500_000.0) };
    let mut told = Vec::new();
    for number in 0..24 {
        let when_us = number as i64 * 500_000;
        follower.on_status(status(when_us));
        let beat = Beat { number, bpm: 2000.0, confidence: 1.0, ..Beat::default() };
        for command in follower.on_beat(&beat, when_us, true) {
            told.push((number, command.to_string()));
            follower.on_refusal();
        }
    }
    assert_eq!(told, [(3, "bpm 999.0000".to_owned()), (19, "bpm 999.0000".to_owned())]);
    let odd = Beat { number: 50, bpm: f64::NAN, confidence: 1.0, ..Beat::default() };
    assert_eq!(follower.on_beat(&odd, 0, true), []);
}

#[test]
fn nothing_is_told_about_a_session_that_was_not_heard_of_lately() {
    let mut follower = Follower::new(0, true);
    follower.on_status(Status { peers: 0, bpm: 120.0, start_us: 0, beat: Some(0.0) });
    for number in 0..8 {
        let beat = Beat { number, bpm: 140.0, confidence: 1.0, ..Beat::default() };
        assert_eq!(follower.on_beat(&beat, 3_000_000, true), []);
    }
    // A Carabiner of before 1.1.0 does not tell the time.
    follower.on_status(Status { peers: 0, bpm: 120.0, start_us: 0, beat: None });
    let beat = Beat { number: 8, bpm: 140.0, confidence: 1.0, ..Beat::default() };
    assert_eq!(follower.on_beat(&beat, 0, true), []);
}

#[test]
fn commands_are_those_of_the_readme() {
    assert_eq!(Command::Bpm(128.0).to_string(), "bpm 128.0000");
    assert_eq!(Command::BeatAtTime { when_us: 73_746_356_220, quantum: 4 }.to_string(), "beat-at-time 73746356220 4.0");
    let force = Command::ForceBeatAtTime { beat: -8, when_us: 5, quantum: 3 };
    assert_eq!(force.to_string(), "force-beat-at-time -8.0 5 3.0");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the session was, and however the clocks drift: tempo within a tenth of a percent, phase within the tolerance,
    /// never more than one jump a bar.
    #[test]
    fn any_session_is_led_to_the_music(session_bpm in 60.0f64..180.0, bpm in 60.0f64..200.0, drift_ppm in -100.0f64..100.0, start in -9e6f64..9e6) {
        let mut rig = Rig::new(session_bpm, 0);
        (rig.drift_ppm, rig.session.start_us) = (drift_ppm, start);
        rig.play(97, bpm, 0.0);
        let (error_ms, place) = rig.error(4.0);
        prop_assert!((rig.session.bpm() / bpm - 1.0).abs() < 0.0015, "{} of {}", rig.session.bpm(), bpm);
        prop_assert!(error_ms.abs() < TOLERANCE_MS && place == 0.0, "{} ms, beat {}", error_ms, place);
        prop_assert!(rig.jumps().windows(2).all(|pair| pair[1] - pair[0] >= 4), "{:?}", rig.jumps());
    }

    #[test]
    fn no_beat_and_no_answer_makes_it_panic(
        beats in proptest::collection::vec((any::<u64>(), any::<u8>(), any::<u8>(), any::<f64>(), any::<f32>(), any::<i64>()), 1..40),
        session_beat: f64,
        start_us: i64,
    ) {
        let mut follower = Follower::new(0, true);
        for (number, beat_in_bar, beats_per_bar, bpm, confidence, when_us) in beats {
            follower.on_status(Status { peers: 0, bpm: 120.0, start_us: start_us / 4000, beat: Some(session_beat) });
            let beat = Beat { number, beat_in_bar, beats_per_bar, bpm, confidence, ..Beat::default() };
            for command in follower.on_beat(&beat, when_us / 4000, true) {
                prop_assert!(!matches!(command, Command::Bpm(bpm) if !(20.0..=999.0).contains(&bpm)));
            }
            let _ = follower.on_beat_at_time(when_us / 4000, session_beat, true);
        }
    }
}
