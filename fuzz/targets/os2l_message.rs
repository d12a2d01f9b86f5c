//! Any bytes as what an OS2L server says, cut anywhere. The first byte says where.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outputs::os2l::message::{Splitter, parse_message};

fuzz_target!(|data: &[u8]| {
    let Some((&cut, rest)) = data.split_first() else { return };
    let (head, tail) = rest.split_at(usize::from(cut).min(rest.len()));
    let mut whole = Splitter::default();
    let mut parts = Splitter::default();
    let objects = whole.feed(rest);
    assert_eq!(objects, [parts.feed(head), parts.feed(tail)].concat(), "where it is cut does not matter");
    assert_eq!(whole.n_skipped(), parts.n_skipped());
    for object in &objects {
        let _ = parse_message(object);
    }
    let _ = parse_message(rest);
});
