//! The golden trace is what this build gives, bit by bit; `visualizer/tests/controller.test.mjs` holds the page's modules to the same
//! file. So a change of either side fails one of the two.

#[path = "../examples/golden_trace.rs"]
mod golden_trace;

use golden_trace::{TRACE, folder, manifest, trace};

#[test]
fn the_controller_gives_the_bits_of_the_golden_trace() {
    let expected = std::fs::read_to_string(folder().join(TRACE)).expect("the golden trace");
    let got = trace();
    for (k, (expected, got)) in expected.lines().zip(got.lines()).enumerate() {
        assert_eq!(expected, got, "line {k} of {TRACE}; a change that is meant is written by the example golden_trace");
    }
    assert_eq!(expected.len(), got.len());
}

#[test]
fn the_trace_is_the_one_of_its_manifest() {
    let expected = std::fs::read_to_string(folder().join("MANIFEST.json")).expect("its manifest");
    let text = std::fs::read_to_string(folder().join(TRACE)).expect("the golden trace");
    assert_eq!(expected, manifest(&text));
}
