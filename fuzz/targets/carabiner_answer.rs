//! Any bytes as what Carabiner says, cut anywhere. The first byte says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outputs::carabiner::answer::{Answer, AnswerReader, parse_answer};

fuzz_target!(|data: &[u8]| {
    let Some((&cut, rest)) = data.split_first() else { return };
    let (head, tail) = rest.split_at(usize::from(cut).min(rest.len()));
    let mut whole = AnswerReader::default();
    let mut parts = AnswerReader::default();
    let answers = whole.feed(rest);
    assert_eq!(answers, [parts.feed(head), parts.feed(tail)].concat(), "where it is cut does not matter");
    for answer in answers.into_iter().chain([parse_answer(rest)]) {
        match answer {
            Ok(Answer::Status(status)) => {
                assert!(status.beat_us() >= 1.0 && status.beat_at(0).is_finite());
                let _ = status.now_us();
            }
            Ok(_) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});
