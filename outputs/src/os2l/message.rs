//! OS2L messages: what we say, byte for byte, and what a server says back. Pure; any thread.
//!
//! One JSON object a message, after <https://os2l.org>. VirtualDJ puts nothing between two of them; we end each with a line
//! feed, which readers by line need and readers of objects skip.

use serde::{Deserialize, Serialize};

/// The largest message from a server that is read, bytes. Subscriptions of 3.5 KB are known.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// What we say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "evt")]
pub enum Message {
    /// A beat.
    #[serde(rename = "beat")]
    Beat {
        /// Tempo or phase are not what the beat before let expect.
        change: bool,
        /// Number of the beat; the first of each bar is a multiple of the beats per bar.
        pos: u64,
        /// Tempo, beats per minute.
        bpm: f64,
        /// How strongly it was played, `[0, 1]`.
        strength: f64,
    },
    /// A button goes down or up.
    #[serde(rename = "btn")]
    Button {
        /// Its name.
        name: String,
        /// The page that it is on; left out where there is none.
        #[serde(skip_serializing_if = "String::is_empty")]
        page: String,
        /// Down or up.
        state: ButtonState,
    },
    /// A number for a control.
    #[serde(rename = "cmd")]
    Command {
        /// Which control.
        id: u16,
        /// Percent, `[0, 100]`.
        param: f64,
    },
}

/// Where a button is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ButtonState {
    /// Down.
    On,
    /// Up.
    Off,
}

impl Message {
    /// The bytes, with the line feed.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("text and numbers always have a form in JSON");
        line.push(b'\n');
        line
    }
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A button of ours is shown as on or off.
    Feedback {
        /// Its name.
        name: String,
        /// Whether it is on.
        on: bool,
    },
    /// Something that is not for us, by its kind: `subscribe`.
    Other(String),
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not JSON, or no object.
    #[error("expected a JSON object, got {0}")]
    NoObject(String),
    /// No kind.
    #[error("expected a text at \"evt\", got {0}")]
    NoKind(String),
    /// A feedback without a name or a state.
    #[error("expected feedback with a name and a state \"on\" or \"off\", got {0}")]
    BadFeedback(String),
}

/// Reads one object. Any bytes give a message or a named error.
///
/// # Errors
/// See [`MessageError`].
pub fn parse_message(bytes: &[u8]) -> Result<Incoming, MessageError> {
    let shown = || String::from_utf8_lossy(bytes).chars().take(80).collect::<String>();
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(bytes) else {
        return Err(MessageError::NoObject(shown()));
    };
    let text = |key: &str| object.get(key).and_then(serde_json::Value::as_str);
    match text("evt") {
        None => Err(MessageError::NoKind(shown())),
        Some("feedback") => match (text("name"), text("state")) {
            (Some(name), Some("on")) => Ok(Incoming::Feedback { name: name.to_owned(), on: true }),
            (Some(name), Some("off")) => Ok(Incoming::Feedback { name: name.to_owned(), on: false }),
            _ => Err(MessageError::BadFeedback(shown())),
        },
        Some(kind) => Ok(Incoming::Other(kind.to_owned())),
    }
}

/// Cuts what arrives into objects by their braces, whether anything stands between them or not. Keeps at most 16 KiB.
#[derive(Debug, Default)]
pub struct Splitter {
    object: Vec<u8>,
    depth: usize,
    in_text: bool,
    escaped: bool,
    /// Bytes that belong to no object, and objects that were too long.
    n_skipped: u64,
}

impl Splitter {
    /// Takes more bytes; gives the objects that are complete now.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut complete = Vec::new();
        for &byte in bytes {
            if self.depth == 0 && byte != b'{' {
                self.n_skipped += u64::from(!byte.is_ascii_whitespace());
                continue;
            }
            self.object.push(byte);
            self.step(byte);
            if self.depth == 0 {
                complete.push(std::mem::take(&mut self.object));
            } else if self.object.len() >= MAX_MESSAGE_BYTES {
                self.n_skipped += self.object.len() as u64;
                *self = Self { n_skipped: self.n_skipped, ..Self::default() };
            }
        }
        complete
    }

    /// Bytes that were skipped so far.
    pub fn n_skipped(&self) -> u64 {
        self.n_skipped
    }

    fn step(&mut self, byte: u8) {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' => self.depth += 1,
            b'}' => self.depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(message: &Message) -> String {
        String::from_utf8(message.line()).unwrap()
    }

    #[test]
    fn messages_are_those_of_the_page() {
        let beat = Message::Beat { change: true, pos: 12, bpm: 120.0, strength: 0.8 };
        assert_eq!(text(&beat), "{\"evt\":\"beat\",\"change\":true,\"pos\":12,\"bpm\":120.0,\"strength\":0.8}\n");
        let button = Message::Button { name: "chorus".into(), page: String::new(), state: ButtonState::On };
        assert_eq!(text(&button), "{\"evt\":\"btn\",\"name\":\"chorus\",\"state\":\"on\"}\n");
        let on_page = Message::Button { name: "verse".into(), page: "*".into(), state: ButtonState::Off };
        assert_eq!(text(&on_page), "{\"evt\":\"btn\",\"name\":\"verse\",\"page\":\"*\",\"state\":\"off\"}\n");
        assert_eq!(text(&Message::Command { id: 3, param: 57.0 }), "{\"evt\":\"cmd\",\"id\":3,\"param\":57.0}\n");
    }

    #[test]
    fn feedback_is_read_and_the_rest_is_named() {
        let feedback = parse_message(br#"{"evt":"feedback","name":"chorus","page":"x","state":"on"}"#);
        assert_eq!(feedback, Ok(Incoming::Feedback { name: "chorus".into(), on: true }));
        assert_eq!(parse_message(br#"{"evt":"subscribe","trigger":[]}"#), Ok(Incoming::Other("subscribe".into())));
        assert!(matches!(parse_message(b"[1]"), Err(MessageError::NoObject(_))));
        assert!(matches!(parse_message(br#"{"evt":3}"#), Err(MessageError::NoKind(_))));
        let bad = parse_message(br#"{"evt":"feedback","name":"x","state":"maybe"}"#).unwrap_err();
        assert!(bad.to_string().contains("maybe"), "{bad}");
    }

    #[test]
    fn objects_are_cut_at_their_own_braces_and_what_is_between_is_counted() {
        let mut splitter = Splitter::default();
        let objects = splitter.feed(br#"xy{"a":"}\"{"}{"b":{"c":1}} {"d""#);
        assert_eq!(objects, [br#"{"a":"}\"{"}"#.to_vec(), br#"{"b":{"c":1}}"#.to_vec()]);
        assert_eq!(splitter.n_skipped(), 2);
        assert_eq!(splitter.feed(b":2}\n"), [br#"{"d":2}"#.to_vec()]);
    }

    #[test]
    fn an_object_without_an_end_is_given_up_and_the_next_one_is_read() {
        let mut splitter = Splitter::default();
        assert!(splitter.feed(b"{").is_empty());
        assert!(splitter.feed(&vec![b'x'; MAX_MESSAGE_BYTES]).is_empty());
        assert!(splitter.n_skipped() >= MAX_MESSAGE_BYTES as u64);
        assert_eq!(splitter.feed(b"{}"), [b"{}".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_and_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000), cut in 0usize..2000) {
            let mut splitter = Splitter::default();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            for object in [splitter.feed(head), splitter.feed(tail)].concat() {
                let _ = parse_message(&object);
            }
            let _ = parse_message(&bytes);
        }

        #[test]
        fn where_it_is_cut_does_not_matter(text in r#"[{}"\\a ]{0,60}"#, cut in 0usize..60) {
            let bytes = text.as_bytes();
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            let mut whole = Splitter::default();
            let mut parts = Splitter::default();
            prop_assert_eq!(whole.feed(bytes), [parts.feed(head), parts.feed(tail)].concat());
            prop_assert_eq!(whole.n_skipped(), parts.n_skipped());
        }

        #[test]
        fn what_we_say_reads_back(change: bool, pos in 0u64..1 << 53, bpm in 20.0f64..400.0, strength in 0.0f64..1.0) {
            let line = Message::Beat { change, pos, bpm, strength }.line();
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(value["pos"].as_u64(), Some(pos));
            prop_assert_eq!(value["bpm"].as_f64(), Some(bpm));
        }
    }
}
