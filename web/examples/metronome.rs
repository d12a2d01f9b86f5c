//! Serves a metronome, so that receivers and the page can be tried without music: `cargo run -p web --example metronome -- 120`.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use outputs::event::{Beat, Event, Lock, Moment, Section};
use outputs::output::Output;
use outputs::view::View;
use web::{WebConfig, WebOutput};

const BEATS_PER_SECTION: u64 = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bpm: f64 = std::env::args().nth(1).map_or(Ok(120.0), |text| text.parse())?;
    if !(20.0..=400.0).contains(&bpm) {
        return Err(format!("expected 20 to 400 BPM, got {bpm}").into());
    }
    let config = WebConfig { listen: std::env::args().nth(2).unwrap_or_else(|| WebConfig::default().listen), ..WebConfig::default() };
    let mut output = WebOutput::new(config);
    output.open()?;
    println!("{}: a metronome at {bpm} BPM", output.name());

    let started = Instant::now();
    let now = || Moment {
        mono_ns: started.elapsed().as_nanos() as u64,
        unix_ns: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64,
    };
    output.event(&Event::Lock(Lock { at: now(), locked: true, reason: "locked".to_owned() }), now())?;
    let mut n_told = 0;
    loop {
        let moment = now();
        let beats = moment.mono_ns as f64 * 1e-9 * bpm / 60.0;
        while (n_told as f64) < beats + output.lead().as_secs_f64() * bpm / 60.0 {
            let beat = beat(n_told, bpm, moment);
            if n_told.is_multiple_of(BEATS_PER_SECTION) {
                let before = n_told.checked_sub(1).map(section_of);
                let section = Section { at: beat.at, section: section_of(n_told), before, prob: 0.9 };
                output.event(&Event::Section(section), moment)?;
            }
            output.event(&Event::Beat(beat), moment)?;
            n_told += 1;
        }
        output.frame(&view(beats, bpm, moment))?;
        output.poll(moment)?;
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn section_of(number: u64) -> u8 {
    [2, 4][(number / BEATS_PER_SECTION % 2) as usize]
}

fn beat(number: u64, bpm: f64, now: Moment) -> Beat {
    let at_ns = (number as f64 * 60.0 / bpm * 1e9) as u64;
    let bar = number / 4 + 1;
    Beat {
        at: now.shifted_ns(at_ns as i64 - now.mono_ns as i64),
        number,
        beat_in_bar: (number % 4) as u8 + 1,
        beats_per_bar: 4,
        bar,
        bar_in_phrase: ((bar - 1) % 8) as u16 + 1,
        phrase: (bar - 1) / 8 + 1,
        phrase_bars: 8,
        every_bars: [4, 8, 16].into_iter().filter(|n| number.is_multiple_of(4) && (bar - 1).is_multiple_of(u64::from(*n))).collect(),
        bpm,
        period_sec: 60.0 / bpm,
        confidence: 1.0,
        downbeat_prob: if number.is_multiple_of(4) { 1.0 } else { 0.0 },
        intensity: 1.0,
        section: Some(section_of(number)),
    }
}

fn view(beats: f64, bpm: f64, now: Moment) -> View {
    let (number, phase) = (beats as u64, beats.fract() as f32);
    let section = section_of(number);
    let left_beats = BEATS_PER_SECTION - number % BEATS_PER_SECTION;
    let mut section_probs = [0.02; 8];
    section_probs[usize::from(section)] = 0.86;
    View {
        now,
        beat: Some(beat(number, bpm, now)),
        phase,
        locked: true,
        reason: "locked",
        bpm,
        period_sec: 60.0 / bpm,
        confidence: 1.0,
        section: Some(section),
        section_beats: beats % BEATS_PER_SECTION as f64,
        section_probs,
        hazard_probs: [1, 2, 4, 8, 16].map(|horizon| if left_beats <= horizon { 0.95 } else { 0.05 }),
        level: 1.0 - phase,
        bands: std::array::from_fn(|band| (1.0 - phase) * (1.0 - band as f32 / 16.0)),
        beat_activation: (1.0 - phase).powi(4),
        downbeat_activation: if number.is_multiple_of(4) { (1.0 - phase).powi(4) } else { 0.0 },
        age_sec: 0.0,
    }
}
