//! Any bytes as an audio file, through the application's own glue around the decoders.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Samples after which one input is enough: a small file may decode to hours.
const MAX_SAMPLES: usize = 1 << 18;

fuzz_target!(|data: &[u8]| {
    let _ = anacrusis::decode::decode_bytes(data.to_vec(), MAX_SAMPLES);
});
