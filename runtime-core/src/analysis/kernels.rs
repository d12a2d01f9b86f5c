//! Step kernels of the native networks: frames in their order, explicit state, no allocation. INFERENCE THREAD.
//!
//! One kind of layer a file. Every sum runs in one order on every instruction set, so that results are the same bit for
//! bit with and without AVX2 or AVX-512.

mod band_convolution;
mod column;
mod convolution;
mod dot;
mod elementwise;
mod gru;
mod linear;
mod lstm;

pub use band_convolution::{BandConvolution, Planes};
pub use convolution::{Conv1d, max_pool_2};
pub use dot::dot;
pub use elementwise::{elu, layer_norm, softmax};
pub use gru::Gru;
pub use linear::{Linear, gather_weights};
pub use lstm::Lstm;

/// Whether this processor has AVX2.
pub(super) fn has_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Whether this processor has the parts of AVX-512 that spread bytes over registers of 64 (since Ice Lake and Zen 4).
fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        has!("avx512f") && has!("avx512bw") && has!("avx512vbmi")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}
