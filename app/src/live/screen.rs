//! What people see while it listens: a few lines that are drawn anew on a terminal, or a line for each change where stderr is none.
//! Main thread.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stderr};

use outputs::event::section_name;
use outputs::look::Look;
use outputs::status::{OutputStatus, Phase};

use super::listen::InputReport;

/// Between two plain lines that only repeat, nanoseconds.
const REPEAT_NS: u64 = 30_000_000_000;
/// Width of the level meter, characters.
const METER_WIDTH: usize = 20;
/// Width of an output's name.
const NAME_WIDTH: usize = 28;
/// A boundary is told of from this probability on.
const NEAR_PROB: f32 = 0.3;
/// Horizons of the hazards, beats.
const HORIZONS_BEATS: [u32; 5] = model_contracts::v1::HORIZONS_BEATS;

/// Everything that is shown.
#[derive(Debug, Clone, Default)]
pub struct Picture {
    /// What is known of the music, as of now.
    pub look: Look,
    /// The input; `None` where another program has it.
    pub input: Option<InputReport>,
    /// Where it comes from, where that is no input of ours.
    pub source: String,
    /// The outputs.
    pub outputs: Vec<OutputStatus>,
}

/// Draws pictures.
pub struct Screen {
    kind: Kind,
}

enum Kind {
    /// Nothing is shown.
    Quiet,
    /// Drawn over what was drawn before, so many lines.
    Terminal { n_lines: usize },
    /// A line for each change.
    Plain { said: String, errors: Vec<(String, u64)>, repeat_at_ns: u64 },
}

impl Screen {
    /// For stderr as it is.
    pub fn new(is_quiet: bool) -> Self {
        let kind = if is_quiet {
            Kind::Quiet
        } else if stderr().is_terminal() {
            Kind::Terminal { n_lines: 0 }
        } else {
            Kind::Plain { said: String::new(), errors: Vec::new(), repeat_at_ns: 0 }
        };
        Self { kind }
    }

    /// Shows a picture. A stderr that is gone is nobody's concern.
    pub fn show(&mut self, picture: &Picture) {
        let text = match &mut self.kind {
            Kind::Quiet => return,
            Kind::Terminal { n_lines } => {
                let lines = lines(picture);
                // Without wrapping: a line that is too long is cut at the edge, and so many lines are so many rows.
                let mut text = String::from("\x1b[?7l");
                if *n_lines > 0 {
                    let _ = write!(text, "\x1b[{n_lines}A");
                }
                for line in &lines {
                    let _ = writeln!(text, "{line}\x1b[K");
                }
                // An output less than before leaves a line behind.
                text.push_str("\x1b[J\x1b[?7h");
                *n_lines = lines.len();
                text
            }
            Kind::Plain { said, errors, repeat_at_ns } => plain(picture, said, errors, repeat_at_ns),
        };
        let _ = stderr().lock().write_all(text.as_bytes());
    }
}

/// The picture as lines.
fn lines(picture: &Picture) -> Vec<String> {
    let mut lines = vec![music(&picture.look), structure(&picture.look)];
    match &picture.input {
        Some(input) => lines.push(input_line(input, picture.look.level)),
        None => lines.push(format!("  from   {}", picture.source)),
    }
    lines.extend(picture.outputs.iter().map(output_line));
    if picture.outputs.is_empty() {
        lines.push("  no outputs: `--web`, `--osc HOST:PORT`, `--midi-clock` and others switch them on".to_owned());
    }
    lines
}

/// Tempo, lock, beat in the bar.
fn music(look: &Look) -> String {
    if look.is_gone() {
        return "  no input".to_owned();
    }
    if !look.locked {
        return format!("  ---.- BPM  {}", look.reason.name());
    }
    let number = look.line.beat_at(look.taken.mono_ns).floor().max(0.0) as u64;
    let beat_in_bar = look.beat_in_bar_of(number);
    let dots: String = match look.beats_per_bar {
        0 => "bar unknown".to_owned(),
        meter => (1..=meter).map(|beat| if beat == beat_in_bar { '●' } else { '○' }).collect(),
    };
    format!("  {:5.1} BPM  {dots}  {}  {:.0} % sure", look.bpm, look.reason.name(), 100.0 * look.confidence)
}

/// Section and the boundary that is near.
fn structure(look: &Look) -> String {
    let mut text = format!("  {}", section_name(look.section.section));
    if let Some(section) = look.section.section {
        let _ = write!(text, " ({:.0} %)", 100.0 * look.section_probs.get(usize::from(section)).copied().unwrap_or(0.0));
    }
    let near = look.hazard_probs.iter().zip(HORIZONS_BEATS).find(|&(&prob, _)| prob >= NEAR_PROB);
    if let Some((prob, beats)) = near {
        let unit = if beats == 1 { "beat" } else { "beats" };
        let _ = write!(text, ", another within {beats} {unit}: {:.0} %", 100.0 * prob);
    }
    text
}

fn input_line(input: &InputReport, level: f32) -> String {
    let n_full = (level * METER_WIDTH as f32).round() as usize;
    let meter: String = (0..METER_WIDTH).map(|idx| if idx < n_full { '▮' } else { '▯' }).collect();
    let mut text = if input.is_open { format!("  {meter}  {} at {} Hz", input.name, input.rate_hz) } else { "  input closed".to_owned() };
    if input.n_xruns > 0 {
        let _ = write!(text, ", samples lost {} times", input.n_xruns);
    }
    if !input.last_error.is_empty() {
        let _ = write!(text, ": {}", input.last_error);
    }
    text
}

fn output_line(output: &OutputStatus) -> String {
    let state = match output.phase {
        Phase::Starting => "starting".to_owned(),
        Phase::Open => format!("{} beats", output.n_beats),
        Phase::Waiting => format!("again in {:.0} s", output.retry_sec.ceil()),
        Phase::Off => "off".to_owned(),
    };
    let mut text = format!("  {:NAME_WIDTH$}  {state}", output.name);
    if !output.detail.is_empty() && output.phase == Phase::Open {
        let _ = write!(text, ", {}", output.detail);
    }
    if !output.last_error.is_empty() {
        let _ = write!(text, "  ({})", output.last_error);
    }
    text
}

/// What changed since the last call, as lines.
fn plain(picture: &Picture, said: &mut String, errors: &mut Vec<(String, u64)>, repeat_at_ns: &mut u64) -> String {
    let look = &picture.look;
    let mut text = String::new();
    let state = match (look.is_gone(), look.locked) {
        (true, _) => "no input".to_owned(),
        (_, false) => look.reason.name().to_owned(),
        (_, true) => format!("{}, {}", look.reason.name(), section_name(look.section.section)),
    };
    if *said != state || look.taken.mono_ns >= *repeat_at_ns {
        *repeat_at_ns = look.taken.mono_ns + REPEAT_NS;
        let bpm = if look.locked { format!("{:.1} BPM, ", look.bpm) } else { String::new() };
        let _ = writeln!(text, "{bpm}{state}");
        *said = state;
    }
    for output in &picture.outputs {
        let known = errors.iter_mut().find(|(name, _)| *name == output.name);
        let n_known = known.as_ref().map_or(0, |(_, n)| *n);
        if output.n_errors > n_known {
            let _ = writeln!(text, "{}: {}", output.name, output.last_error);
            match known {
                Some((_, n)) => *n = output.n_errors,
                None => errors.push((output.name.clone(), output.n_errors)),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use outputs::event::Moment;
    use outputs::look::{Line, Reason, SectionLook};

    fn look() -> Look {
        let taken = Moment { mono_ns: 10_600_000_000, unix_ns: 0 };
        let line = Line { origin_mono_ns: 10_000_000_000, beat_origin: 4.0, period_ns: 5e8 };
        let section = SectionLook { change: 1, section: Some(4), ..SectionLook::default() };
        let mut look = Look { taken, said_mono_ns: 10_590_000_000, locked: true, reason: Reason::Locked, line, section, ..Look::default() };
        (look.number, look.beat_in_bar, look.beats_per_bar, look.bpm, look.confidence, look.level) = (4, 1, 4, 120.04, 0.93, 0.5);
        (look.section_probs[4], look.hazard_probs) = (0.7, [0.0, 0.1, 0.2, 0.4, 0.8]);
        look
    }

    fn output(phase: Phase) -> OutputStatus {
        OutputStatus { name: "osc 127.0.0.1:9000".to_owned(), phase, n_beats: 12, retry_sec: 1.4, ..OutputStatus::default() }
    }

    #[test]
    fn a_picture_says_beat_section_input_and_outputs() {
        let input = InputReport { name: "song.wav".to_owned(), rate_hz: 44_100, is_open: true, ..InputReport::default() };
        let failed = OutputStatus { last_error: "refused".to_owned(), n_errors: 1, ..output(Phase::Waiting) };
        let picture = Picture { look: look(), input: Some(input), source: String::new(), outputs: vec![output(Phase::Open), failed] };
        let lines = lines(&picture);
        assert_eq!(lines[0], "  120.0 BPM  ○●○○  locked  93 % sure");
        assert_eq!(lines[1], "  chorus (70 %), another within 8 beats: 40 %");
        assert_eq!(lines[2], "  ▮▮▮▮▮▮▮▮▮▮▯▯▯▯▯▯▯▯▯▯  song.wav at 44100 Hz");
        assert_eq!(lines[3], "  osc 127.0.0.1:9000            12 beats");
        assert_eq!(lines[4], "  osc 127.0.0.1:9000            again in 2 s  (refused)");
    }

    #[test]
    fn without_a_source_it_says_so() {
        let gone = Look { said_mono_ns: 0, ..look() };
        assert_eq!(music(&gone), "  no input");
        let searching = Look { locked: false, reason: Reason::Searching, ..look() };
        assert_eq!(music(&searching), "  ---.- BPM  searching");
        let none = Picture { look: look(), source: "nothing yet".to_owned(), ..Picture::default() };
        assert!(lines(&none)[2].contains("nothing yet") && lines(&none)[3].contains("--web"));
    }

    #[test]
    fn plain_lines_are_of_changes() {
        let (mut said, mut errors, mut repeat) = (String::new(), Vec::new(), 0);
        let mut picture = Picture { look: look(), outputs: vec![output(Phase::Open)], ..Picture::default() };
        let mut say = |picture: &Picture| plain(picture, &mut said, &mut errors, &mut repeat);
        assert_eq!(say(&picture), "120.0 BPM, locked, chorus\n");
        assert_eq!(say(&picture), "");
        picture.outputs[0].n_errors = 1;
        picture.outputs[0].last_error = "refused".to_owned();
        assert_eq!(say(&picture), "osc 127.0.0.1:9000: refused\n");
        assert_eq!(say(&picture), "");
        picture.look.taken.mono_ns += REPEAT_NS;
        picture.look.said_mono_ns += REPEAT_NS;
        assert_eq!(say(&picture), "120.0 BPM, locked, chorus\n", "after a while, once more");
    }
}
