//! What Carabiner says: its stream cut into answers, and each answer read. Pure and total; any thread.
//!
//! An answer is a word and an EDN map, `status { :peers 0 :bpm 120.000000 :start 73743731220 :beat 597.737570 }`, or a word and
//! text, `bad-bpm x`. Since version 1.1.0 each ends in a line feed; before, nothing stood between two of them. After the README
//! of Deep-Symmetry/carabiner, "Protocol"; own text.

/// The longest answer that is read, bytes; real ones stay below 200.
const MAX_ANSWER_BYTES: usize = 1024;

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The session, asked for or because it changed.
    Status(Status),
    /// The beat at a time that was asked for.
    BeatAtTime {
        /// The time, microseconds of Link's clock.
        when_us: i64,
        /// Beats of the bar or loop that it was asked with.
        quantum: f64,
        /// The beat, counted so that multiples of the quantum begin a bar.
        beat: f64,
    },
    /// The place in the bar at a time that was asked for.
    PhaseAtTime {
        /// The time, microseconds of Link's clock.
        when_us: i64,
        /// Beats of the bar or loop that it was asked with.
        quantum: f64,
        /// Beats since the bar began.
        phase: f64,
    },
    /// Which Carabiner it is.
    Version(String),
    /// A command that it does not know.
    Unsupported(String),
    /// A command whose value it does not take: `bad-bpm`, `bad-time`, `bad-quantum`, `bad-beat`.
    Refused(String),
    /// A well-formed answer to something that we never ask.
    Other(String),
}

/// The Link session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Status {
    /// Other programs in the session.
    pub peers: u32,
    /// Tempo, beats per minute, above 0.
    pub bpm: f64,
    /// When beat 0 was, microseconds of Link's clock.
    pub start_us: i64,
    /// The beat now; `None` before version 1.1.0.
    pub beat: Option<f64>,
}

impl Status {
    /// Length of a beat, microseconds. Link keeps whole ones, which the tempo with its 6 decimals gives back exactly.
    pub fn beat_us(&self) -> f64 {
        (60e6 / self.bpm).round().max(1.0)
    }

    /// What Link's clock showed when this was said, microseconds; `None` before version 1.1.0.
    pub fn now_us(&self) -> Option<i64> {
        self.beat.map(|beat| (self.start_us as f64 + beat * self.beat_us()).round() as i64)
    }

    /// The beat at a time of Link's clock.
    pub fn beat_at(&self, when_us: i64) -> f64 {
        (when_us as f64 - self.start_us as f64) / self.beat_us()
    }
}

/// Why bytes are no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No word that answers begin with.
    #[error("expected an answer of Carabiner, got {0:?}")]
    Unknown(String),
    /// The map is not `{ :key value ... }`.
    #[error("expected {{ :key value ... }}, got {0:?}")]
    NoMap(String),
    /// A value is missing, or no number, or beyond what it can be.
    #[error("expected {expected} at :{key}, got {got:?}")]
    BadValue {
        /// Its key.
        key: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What was there; empty = nothing.
        got: String,
    },
    /// More bytes than an answer has, and no end.
    #[error("{MAX_ANSWER_BYTES} bytes without the end of an answer")]
    TooLong,
}

/// Reads one answer. Any bytes give one or a named error.
///
/// # Errors
/// See [`AnswerError`].
pub fn parse_answer(bytes: &[u8]) -> Result<Answer, AnswerError> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let (word, rest) = text.split_once(|character: char| character.is_whitespace() || character == '{').unwrap_or((text, ""));
    let rest = text[word.len()..].strip_prefix(char::is_whitespace).map_or(&text[word.len()..], |_| rest).trim();
    match word {
        "status" => status(&Map::parse(rest)?).map(Answer::Status),
        "beat-at-time" => {
            let map = Map::parse(rest)?;
            Ok(Answer::BeatAtTime { when_us: map.integer("when")?, quantum: map.number("quantum")?, beat: map.number("beat")? })
        }
        "phase-at-time" => {
            let map = Map::parse(rest)?;
            Ok(Answer::PhaseAtTime { when_us: map.integer("when")?, quantum: map.number("quantum")?, phase: map.number("phase")? })
        }
        "time-at-beat" => Map::parse(rest).map(|_| Answer::Other(word.to_owned())),
        "version" => Ok(Answer::Version(shortened(rest.trim_matches('"')))),
        "unsupported" => Ok(Answer::Unsupported(shortened(rest))),
        "bad-bpm" | "bad-time" | "bad-quantum" | "bad-beat" => Ok(Answer::Refused(shortened(text))),
        _ => Err(AnswerError::Unknown(shortened(text))),
    }
}

fn status(map: &Map<'_>) -> Result<Status, AnswerError> {
    let peers = map.integer("peers")?;
    let peers = u32::try_from(peers).map_err(|_| bad("peers", "a number of peers", &peers.to_string()))?;
    let bpm = map.number("bpm")?;
    if !(1.0..=10_000.0).contains(&bpm) {
        return Err(bad("bpm", "a tempo from 1 to 10000", &bpm.to_string()));
    }
    let beat = map.get("beat").map(|_| map.number("beat")).transpose()?;
    Ok(Status { peers, bpm, start_us: map.integer("start")?, beat })
}

/// The pairs of an EDN map with plain values.
struct Map<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Map<'a> {
    fn parse(text: &'a str) -> Result<Self, AnswerError> {
        let no_map = || AnswerError::NoMap(shortened(text));
        let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(no_map)?;
        // In EDN a comma is white space.
        let mut words = inner.split(|character: char| character.is_whitespace() || character == ',').filter(|word| !word.is_empty());
        let mut pairs = Vec::new();
        while let Some(key) = words.next() {
            let key = key.strip_prefix(':').ok_or_else(no_map)?;
            pairs.push((key, words.next().ok_or_else(no_map)?));
        }
        Ok(Self(pairs))
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| *other == key).map(|(_, value)| *value)
    }

    fn number(&self, key: &'static str) -> Result<f64, AnswerError> {
        let value = self.get(key).unwrap_or("");
        let number = value.parse::<f64>().ok().filter(|number| number.is_finite() && number.abs() < 1e15);
        number.ok_or_else(|| bad(key, "a number", value))
    }

    fn integer(&self, key: &'static str) -> Result<i64, AnswerError> {
        let value = self.get(key).unwrap_or("");
        // A hundred years of microseconds: sums of such times have no overflow.
        let number = value.parse::<i64>().ok().filter(|number| number.unsigned_abs() < 3_200_000_000_000_000);
        number.ok_or_else(|| bad(key, "a whole number", value))
    }
}

fn bad(key: &'static str, expected: &'static str, got: &str) -> AnswerError {
    AnswerError::BadValue { key, expected, got: shortened(got) }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Cuts what arrives into answers, with line feeds between them or, as before version 1.1.0, without.
#[derive(Debug, Default)]
pub struct AnswerReader {
    text: Vec<u8>,
}

impl AnswerReader {
    /// Takes more bytes; gives what is complete now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Result<Answer, AnswerError>> {
        let mut answers = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end(&mut answers),
                b'}' => {
                    self.text.push(byte);
                    self.end(&mut answers);
                }
                _ => {
                    self.text.push(byte);
                    if self.text.len() > MAX_ANSWER_BYTES {
                        self.text.clear();
                        answers.push(Err(AnswerError::TooLong));
                    }
                }
            }
        }
        answers
    }

    fn end(&mut self, answers: &mut Vec<Result<Answer, AnswerError>>) {
        let text = std::mem::take(&mut self.text);
        if text.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let start = start_of_map_answer(&text);
        let (before, answer) = text.split_at(start);
        answers.extend([before, answer].into_iter().filter(|part| !part.is_empty()).map(parse_answer));
    }
}

/// Where the answer with a map begins that ends `text`: old versions say `unsupported versionstatus { ... }`. 0 where it is alone.
fn start_of_map_answer(text: &[u8]) -> usize {
    const WITH_MAP: [&[u8]; 4] = [b"phase-at-time", b"beat-at-time", b"time-at-beat", b"status"];
    let Some(brace) = text.iter().position(|&byte| byte == b'{') else { return 0 };
    let head = text[..brace].trim_ascii_end();
    WITH_MAP.iter().find(|word| head.ends_with(word)).map_or(0, |word| head.len() - word.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(text: &str) -> Result<Answer, AnswerError> {
        parse_answer(text.as_bytes())
    }

    #[test]
    fn the_answers_of_the_readme_are_read() {
        let status = one("status { :peers 0 :bpm 120.000000 :start 73743731220 :beat 597.737570 }").unwrap();
        let expected = Status { peers: 0, bpm: 120.0, start_us: 73_743_731_220, beat: Some(597.737_57) };
        assert_eq!(status, Answer::Status(expected));
        assert_eq!(expected.now_us(), Some(74_042_600_005));
        assert_eq!(expected.beat_at(73_744_231_220), 1.0);
        let playing = one("status { :peers 2 :bpm 120.000000 :start 1 :beat 2.5 :playing true }\n");
        assert!(matches!(playing, Ok(Answer::Status(Status { peers: 2, .. }))));
        let beat = one("beat-at-time { :when 73746356220 :quantum 4.000000 :beat 5.250000 }");
        assert_eq!(beat, Ok(Answer::BeatAtTime { when_us: 73_746_356_220, quantum: 4.0, beat: 5.25 }));
        let phase = one("phase-at-time { :when 73746356220 :quantum 4.000000 :phase 1.250000 }");
        assert_eq!(phase, Ok(Answer::PhaseAtTime { when_us: 73_746_356_220, quantum: 4.0, phase: 1.25 }));
        assert_eq!(one("time-at-beat { :beat 100.0 :quantum 4.0 :when 73793731220 }"), Ok(Answer::Other("time-at-beat".into())));
        assert_eq!(one("version \"1.1.0\""), Ok(Answer::Version("1.1.0".into())));
        assert_eq!(one("unsupported version"), Ok(Answer::Unsupported("version".into())));
        assert_eq!(one("bad-bpm 12"), Ok(Answer::Refused("bad-bpm 12".into())));
    }

    #[test]
    fn a_value_that_cannot_be_is_named_with_its_key() {
        for (text, says) in [
            ("status { :peers 0 :bpm inf :start 0 :beat 0.0 }", "expected a number at :bpm, got \"inf\""),
            ("status { :peers 0 :bpm 0.0 :start 0 :beat 0.0 }", "expected a tempo from 1 to 10000 at :bpm, got \"0\""),
            ("status { :peers -1 :bpm 99.0 :start 0 :beat 0.0 }", "expected a number of peers at :peers, got \"-1\""),
            ("status { :peers 0 :bpm 99.0 :beat 0.0 }", "expected a whole number at :start, got \"\""),
            ("status { :peers 0 :bpm 99.0 :start 9223372036854775807 }", "expected a whole number at :start"),
            ("status { :peers }", "expected { :key value ... }"),
            ("status", "expected { :key value ... }"),
            ("HTTP/1.1 400 Bad Request", "expected an answer of Carabiner, got \"HTTP/1.1 400 Bad Request\""),
        ] {
            let error = one(text).unwrap_err().to_string();
            assert!(error.starts_with(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_status_of_before_1_1_has_no_beat() {
        let Ok(Answer::Status(status)) = one("status { :peers 0 :bpm 120.000000 :start 5 }") else { panic!("no status") };
        assert_eq!(status.now_us(), None);
    }

    #[test]
    fn answers_are_cut_with_and_without_line_feeds() {
        let mut reader = AnswerReader::default();
        let old = reader.feed(b"unsupported versionstatus { :peers 0 :bpm 120.0 :start 5 }status { :peers 1 :bpm 120.0 :start 5 }");
        assert_eq!(old.len(), 3);
        assert_eq!(old[0], Ok(Answer::Unsupported("version".into())));
        assert!(matches!(old[2], Ok(Answer::Status(Status { peers: 1, .. }))));
        assert!(reader.feed(b"\nbad-b").is_empty());
        assert_eq!(
            reader.feed(b"pm x\r\nversion \"1.1.6\"\n"),
            [Ok(Answer::Refused("bad-bpm x".into())), Ok(Answer::Version("1.1.6".into()))]
        );
    }

    #[test]
    fn a_stream_without_an_end_is_given_up() {
        let mut reader = AnswerReader::default();
        let errors = reader.feed(&vec![b'x'; 3 * MAX_ANSWER_BYTES]);
        assert!(!errors.is_empty() && errors.iter().all(|error| *error == Err(AnswerError::TooLong)));
        assert!(matches!(reader.feed(b"\nversion \"1\"\n").last(), Some(Ok(Answer::Version(_)))));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse_answer(&bytes);
            let _ = AnswerReader::default().feed(&bytes);
        }

        #[test]
        fn almost_answers_give_an_answer_or_an_error(
            word in "(status|beat-at-time|phase-at-time|version|bad-bpm)",
            body in r"[ {}:,\-.0-9a-z]{0,60}",
        ) {
            if let Ok(Answer::Status(status)) = parse_answer(format!("{word}{body}").as_bytes()) {
                let _ = (status.now_us(), status.beat_at(i64::MAX), status.beat_us());
            }
        }

        #[test]
        fn a_status_reads_back(peers in 0u32..9, beat_us in 60_061i64..3_000_000, start_us in -1i64 << 40..1 << 40, beat in -1e4f64..1e6) {
            let bpm = 60e6 / beat_us as f64;
            let text = format!("status {{ :peers {peers} :bpm {bpm:.6} :start {start_us} :beat {beat:.6} }}");
            let Ok(Answer::Status(status)) = parse_answer(text.as_bytes()) else { return Err(TestCaseError::fail(text)) };
            prop_assert_eq!((status.peers, status.start_us, status.beat_us()), (peers, start_us, beat_us as f64));
            let now_us = start_us as f64 + beat * beat_us as f64;
            prop_assert!((status.now_us().unwrap() as f64 - now_us).abs() < 3.0);
        }
    }
}
