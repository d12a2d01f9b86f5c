//! Any text as the address of a receiver.
#![no_main]

use libfuzzer_sys::fuzz_target;
use outputs::datagram::parse_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse_target("target", text, 4048) {
        Ok(address) => {
            assert_ne!(address.port(), 0);
            assert_eq!(parse_target("target", &address.to_string(), 1).expect("what was read can be read again"), address);
        }
        Err(error) => assert!(error.to_string().starts_with("target: expected ")),
    }
});
