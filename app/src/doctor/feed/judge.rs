//! What is wrong with an instance, and what to do about it: a pure function of what its feed says. Any thread.

use runtime_core::analysis::engine::UPDATE_LEAD_SEC;
use runtime_core::state::Fault;
use runtime_core::units::FRAME_SEC;

use super::super::Check;
use super::reading::{Live, Reading};

/// A hop, microseconds: what its analysis may take at the very most.
const HOP_US: f64 = FRAME_SEC * 1e6;
/// Above this share of a hop the analysis has no room for another load on the machine.
const BUSY_SHARE: f64 = 0.5;
/// Above this share of a block's length the audio thread takes too much of the host's time.
const BUSY_BLOCK_SHARE: f64 = 0.5;
/// More than this in the ring and the state is old, seconds.
const OLD_RING_SEC: f64 = 0.1;
/// Error of one tick interval that a receiver hears as a change of tempo, microseconds: 4.8 % at 120 BPM.
const AUDIBLE_JITTER_US: f32 = 1_000.0;

/// What to do where the processor is too slow.
const FREE_CPU: &str = "close other programs, freeze tracks, use fewer instances, or choose one network or the spectral flux as the model";

/// All checks of one feed, in the order of the pipe.
pub(super) fn judge(reading: &Reading) -> Vec<Check> {
    let mut checks = vec![writer(reading)];
    let Some(live) = &reading.live else {
        checks.push(Check::note("input", "nothing has been heard yet: the host has not started the instance"));
        return checks;
    };
    let rate_hz = reading.sample_rate_hz;
    checks.extend([
        input(live, rate_hz, reading.is_alive),
        beat(live),
        fault(live),
        late_updates(live, rate_hz),
        lost_samples(live),
        bad_samples(live),
        analysis(live),
        stages(live),
        audio_thread(live, rate_hz),
        queues(live, rate_hz),
        midi_clock(live),
    ]);
    checks
}

fn writer(reading: &Reading) -> Check {
    let Reading { name, pid, sample_rate_hz, .. } = reading;
    match reading.heartbeat_age_ms {
        Some(age_ms) if reading.is_alive => {
            Check::ok("writer", format!("{name:?}, process {pid}, {sample_rate_hz} Hz, heartbeat {age_ms:.0} ms old"))
        }
        age_ms => {
            let since = age_ms.map_or("before the last boot".to_owned(), |age_ms| format!("{:.1} s", age_ms * 1e-3));
            let detail = format!("{name:?}, process {pid}: gone, no heartbeat since {since}; what follows is its last word");
            Check::problem("writer", detail, "load the plugin again; `anacrusis doctor` deletes what killed hosts left")
        }
    }
}

fn input(live: &Live, rate_hz: f64, is_alive: bool) -> Check {
    if live.blocks_per_sec == 0.0 && is_alive {
        let fix = "start the host's audio, and keep it from suspending the plugin in silence";
        return Check::advice("input", format!("stands still at {:.1} s: the host passes no blocks in", live.stream_sec), fix);
    }
    let blocks = match (live.mean_block_samples, rate_hz > 0.0) {
        (Some(n), true) => format!(", about {n:.0} samples a block ({:.1} ms)", 1e3 * n / rate_hz),
        _ => String::new(),
    };
    let age = live.age_ms.filter(|_| is_alive).map_or(String::new(), |ms| format!(", newest sample {ms:.0} ms old"));
    Check::ok("input", format!("{:.1} blocks a second{blocks}{age}; {} jumps of the host", live.blocks_per_sec, live.n_jumps))
}

fn beat(live: &Live) -> Check {
    if !live.is_locked {
        return Check::note(
            "beat",
            format!("not locked, {}: no beat is announced (music with a beat is needed for some seconds)", live.reason),
        );
    }
    let Live { tempo_bpm, beat_in_bar, beats_per_bar, conf, .. } = live;
    let bar = if *beats_per_bar == 0 { "bar unknown".to_owned() } else { format!("beat {beat_in_bar} of {beats_per_bar}") };
    Check::ok("beat", format!("{}, {tempo_bpm:.1} BPM, {bar}, confidence {conf:.2}", live.reason))
}

fn fault(live: &Live) -> Check {
    match live.fault {
        fault if fault == Fault::None as u8 => Check::ok("analysis", "runs as configured"),
        fault if fault == Fault::Activation as u8 => Check::problem(
            "analysis",
            "no usable network: the spectral flux has taken over, less accurately",
            "install a build with networks (`cargo xtask models`, then build again), or choose the flux as the model",
        ),
        fault if fault == Fault::Analysis as u8 => Check::problem(
            "analysis",
            "stopped by an error of ours: the last tempo goes on without listening",
            "deactivate and activate the plugin, and report this with `--report FILE`",
        ),
        other => Check::problem("analysis", format!("unknown fault {other}"), "use `doctor` of the plugin's version"),
    }
}

fn late_updates(live: &Live, rate_hz: f64) -> Check {
    let n = live.late_updates;
    if n == 0 {
        return Check::ok("late updates", "none");
    }
    let (lead_ms, block_ms) = (1e3 * UPDATE_LEAD_SEC, live.mean_block_samples.filter(|_| rate_hz > 0.0).map(|n| 1e3 * n / rate_hz));
    let detail = format!("{n} in {} hops came after their sample and took effect up to a block later", live.n_hops);
    match block_ms {
        Some(block_ms) if block_ms > lead_ms => Check::problem(
            "late updates",
            format!("{detail}; a block is {block_ms:.1} ms long"),
            format!("choose a block below {lead_ms:.0} ms: at most {:.0} samples at {rate_hz} Hz", (UPDATE_LEAD_SEC * rate_hz).floor()),
        ),
        _ => Check::problem("late updates", detail, format!("{FREE_CPU}; or choose a smaller block")),
    }
}

fn lost_samples(live: &Live) -> Check {
    if live.lost_samples == 0 && live.n_gaps == 0 {
        return Check::ok("lost samples", "none");
    }
    let Live { lost_samples, n_gaps, .. } = live;
    Check::problem("lost samples", format!("{lost_samples} in {n_gaps} gaps: the analysis fell two seconds behind"), FREE_CPU)
}

fn bad_samples(live: &Live) -> Check {
    match live.nan_samples {
        0 => Check::ok("bad samples", "none"),
        n => Check::problem("bad samples", format!("{n} were no numbers and count as 0"), "look for a broken plugin before this one"),
    }
}

fn analysis(live: &Live) -> Check {
    let Live { hop_us, max_hop_us, n_hops, .. } = live;
    let (share, longest_ms) = (hop_us / HOP_US, max_hop_us * 1e-3);
    let detail = format!("{hop_us:.0} us a hop of 20 ms = {:.1} % of a core, longest {longest_ms:.1} ms, {n_hops} hops", 100.0 * share);
    if share > BUSY_SHARE {
        Check::problem("cost", detail, FREE_CPU)
    } else if *max_hop_us > HOP_US {
        Check::advice(
            "cost",
            format!("{detail}: once longer than a hop"),
            "nothing, unless updates came late: other programs took the core",
        )
    } else {
        Check::ok("cost", detail)
    }
}

fn stages(live: &Live) -> Check {
    let parts: Vec<String> = live.stages.iter().map(|stage| format!("{} {:.0} us", stage.stage, stage.mean_us)).collect();
    Check::ok("stages", parts.join(", "))
}

fn audio_thread(live: &Live, rate_hz: f64) -> Check {
    let block_us = live.mean_block_samples.filter(|_| rate_hz > 0.0).map(|n| 1e6 * n / rate_hz);
    let longest_us = live.max_block_us;
    match block_us {
        Some(block_us) if longest_us > BUSY_BLOCK_SHARE * block_us => Check::advice(
            "audio thread",
            format!("longest block {longest_us:.0} us of {block_us:.0} us"),
            "give the host's audio thread real-time priority, or choose a larger block; once at the start is usual",
        ),
        Some(block_us) => Check::ok("audio thread", format!("longest block {longest_us:.0} us of {block_us:.0} us")),
        None => Check::ok("audio thread", format!("longest block {longest_us:.0} us")),
    }
}

fn queues(live: &Live, rate_hz: f64) -> Check {
    let to_ms = |n: u32| if rate_hz > 0.0 { 1e3 * f64::from(n) / rate_hz } else { 0.0 };
    let Live { ring_samples, max_ring_samples, max_pending_updates, .. } = live;
    let detail = format!(
        "{ring_samples} samples wait ({:.0} ms), most {max_ring_samples} ({:.0} ms); most updates {max_pending_updates}",
        to_ms(*ring_samples),
        to_ms(*max_ring_samples)
    );
    if to_ms(*ring_samples) > 1e3 * OLD_RING_SEC { Check::problem("queues", detail, FREE_CPU) } else { Check::ok("queues", detail) }
}

fn midi_clock(live: &Live) -> Check {
    let Live { midi_jitter_p50_us: p50_us, midi_jitter_p99_us: p99_us, .. } = live;
    if *p99_us == 0.0 {
        return Check::ok("midi clock", "no port of the system is driven, or nothing was sent yet");
    }
    let detail = format!("jitter {p50_us:.0} us median, {p99_us:.0} us 99th percentile");
    if *p99_us > AUDIBLE_JITTER_US {
        let fix = "get real-time priority for its thread: `anacrusis doctor` says how";
        Check::problem("midi clock", format!("{detail}: receivers hear the tempo waver"), fix)
    } else {
        Check::ok("midi clock", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Status, is_healthy};
    use super::super::reading::samples::{healthy, with};
    use super::*;

    /// The only problem of a reading.
    fn problem(reading: &Reading) -> Check {
        let problems: Vec<Check> = judge(reading).into_iter().filter(|check| check.status == Status::Problem).collect();
        assert_eq!(problems.len(), 1, "{problems:#?}");
        assert!(problems[0].fix.as_deref().is_some_and(|fix| !fix.is_empty()));
        problems[0].clone()
    }

    #[test]
    fn a_healthy_instance_has_no_problem_and_no_advice() {
        assert!(judge(&healthy()).iter().all(|check| check.status == Status::Ok), "{:#?}", judge(&healthy()));
    }

    #[test]
    fn each_trouble_is_one_problem_under_its_name() {
        type Change = fn(&mut Live);
        let cases: [(&str, Change); 9] = [
            ("analysis", |live| live.fault = Fault::Activation as u8),
            ("analysis", |live| live.fault = Fault::Analysis as u8),
            ("analysis", |live| live.fault = 77),
            ("late updates", |live| live.late_updates = 3),
            ("lost samples", |live| (live.lost_samples, live.n_gaps) = (512, 1)),
            ("bad samples", |live| live.nan_samples = 1),
            ("cost", |live| live.hop_us = 10_001.0),
            ("queues", |live| live.ring_samples = 4_801),
            ("midi clock", |live| live.midi_jitter_p99_us = 1_001.0),
        ];
        for (name, change) in cases {
            assert_eq!(problem(&with(change)).name, name);
        }
    }

    #[test]
    fn late_updates_of_long_blocks_ask_for_shorter_ones() {
        let reading = with(|live| (live.late_updates, live.mean_block_samples) = (3, Some(2_048.0)));
        let check = problem(&reading);
        assert!(check.detail.contains("42.7 ms") && check.fix.as_deref().is_some_and(|fix| fix.contains("1200 samples")), "{check:?}");
        assert!(problem(&with(|live| live.late_updates = 3)).fix.is_some_and(|fix| fix.contains("close other programs")));
    }

    #[test]
    fn a_dead_writer_is_the_problem_and_its_silence_is_not() {
        let mut reading = with(|live| live.blocks_per_sec = 0.0);
        assert!(is_healthy(&judge(&reading)), "a host that stands still is no problem");
        (reading.is_alive, reading.heartbeat_age_ms) = (false, Some(1_500.0));
        let check = problem(&reading);
        assert!(check.name == "writer" && check.detail.contains("since 1.5 s"), "{check:?}");
    }

    #[test]
    fn before_the_first_hop_nothing_else_is_judged() {
        let reading = Reading { live: None, ..healthy() };
        assert_eq!(judge(&reading).iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), ["writer", "input"]);
    }

    #[test]
    fn an_unknown_rate_divides_by_nothing() {
        let reading = Reading { sample_rate_hz: 0.0, ..with(|live| live.late_updates = 1) };
        assert!(judge(&reading).iter().all(|check| !check.detail.contains("inf") && !check.detail.contains("NaN")));
    }
}
