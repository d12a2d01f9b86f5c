//! Any text as what a WebSocket client asks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use web::{Request, parse_request};

/// Largest rate of states that can be asked for, Hz.
const MAX_STATE_HZ: f64 = 1000.0;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse_request(text) {
        Ok(Request::Subscribe { events, state_hz, .. }) => {
            assert!(state_hz.is_none_or(|hz| (0.0..=MAX_STATE_HZ).contains(&hz)));
            // What a client makes the server hold is bounded.
            assert!(events.is_none_or(|events| events.len() <= data.len()));
        }
        Ok(Request::Sync { t }) => assert!(!t.to_string().is_empty()),
        Err(error) => assert!(!error.code().is_empty() && !error.to_string().is_empty()),
    }
});
