//! Any bytes as a pickle, and as a PyTorch weight file around one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xtask::models::{pickle, torch_file};

fuzz_target!(|data: &[u8]| {
    if let Ok(tensors) = pickle::read_state_dict(data) {
        for tensor in tensors {
            assert!(tensor.offset + tensor.n_elements() <= tensor.storage_elements, "{tensor:?} leaves its storage");
        }
    }
    if let Ok(tensors) = torch_file::read("fuzz", data) {
        for tensor in tensors {
            assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>(), "{}", tensor.name);
        }
    }
});
