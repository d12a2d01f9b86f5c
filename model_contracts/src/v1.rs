//! Constants of the contract, written from `v1.json` by `cargo xtask codegen`. Do not edit.

/// `/audio`
pub mod audio {
    /// `/audio/downmix`
    pub const DOWNMIX: &str = "mean";
    /// `/audio/hop_samples`
    pub const HOP_SAMPLES: u32 = 441;
    /// `/audio/host_rate_max_hz`
    pub const HOST_RATE_MAX_HZ: u32 = 384000;
    /// `/audio/host_rate_min_hz`
    pub const HOST_RATE_MIN_HZ: u32 = 8000;
    /// `/audio/model_rate_hz`
    pub const MODEL_RATE_HZ: u32 = 22050;
    /// `/audio/non_finite_value`
    pub const NON_FINITE_VALUE: u32 = 0;
}

/// `/beat_model`
pub mod beat_model {
    /// `/beat_model/activation`
    pub const ACTIVATION: &str = "softmax";
    /// `/beat_model/class_order`
    pub const CLASS_ORDER: [&str; 3] = ["beat", "downbeat", "none"];

    /// `/beat_model/front_end`
    pub mod front_end {
        /// `/beat_model/front_end/hop_samples`
        pub const HOP_SAMPLES: u32 = 441;
        /// `/beat_model/front_end/kind`
        pub const KIND: &str = "logfb_diff";
        /// `/beat_model/front_end/rate_hz`
        pub const RATE_HZ: u32 = 22050;
        /// `/beat_model/front_end/unit`
        pub const UNIT: &str = "log10(1 + |X|)";
    }
    /// `/beat_model/opset`
    pub const OPSET: u32 = 17;
    /// `/beat_model/state_init`
    pub const STATE_INIT: &str = "zeros";
}

/// `/beat_model_states`
pub mod beat_model_states {
    /// `/beat_model_states/element`
    pub const ELEMENT: &str = "f32";
    /// `/beat_model_states/init`
    pub const INIT: &str = "zeros";
    /// `/beat_model_states/next_suffix`
    pub const NEXT_SUFFIX: &str = "_next";
    /// `/beat_model_states/prefix`
    pub const PREFIX: &str = "state_";
}

/// `/clocks`
pub mod clocks {
    /// `/clocks/anticipator_hz`
    pub const ANTICIPATOR_HZ: f64 = 12.5;
    /// `/clocks/controller_hz`
    pub const CONTROLLER_HZ: u32 = 60;
    /// `/clocks/pool_frames`
    pub const POOL_FRAMES: u32 = 4;
    /// `/clocks/slow_hz`
    pub const SLOW_HZ: u32 = 50;
    /// `/clocks/tick_rule`
    pub const TICK_RULE: &str = "sample index, never wall time";
    /// `/clocks/ticks_per_beat`
    pub const TICKS_PER_BEAT: u32 = 24;
}
/// `/contract_version`
pub const CONTRACT_VERSION: &str = "1.1.0";

/// `/features`
pub mod features {

    /// `/features/logfb`
    pub mod logfb {
        /// `/features/logfb/bands`
        pub const BANDS: u32 = 136;
        /// `/features/logfb/bands_per_octave`
        pub const BANDS_PER_OCTAVE: u32 = 24;
        /// `/features/logfb/bin_hz_divisor_samples`
        pub const BIN_HZ_DIVISOR_SAMPLES: u32 = 1410;
        /// `/features/logfb/difference`
        pub const DIFFERENCE: &str = "positive half-wave of the first-order difference, first frame 0";
        /// `/features/logfb/fft_bins`
        pub const FFT_BINS: u32 = 705;
        /// `/features/logfb/fft_samples`
        pub const FFT_SAMPLES: u32 = 1411;
        /// `/features/logfb/filters`
        pub const FILTERS: &str = "triangular, area-normalised, unique centre bins";
        /// `/features/logfb/fmax_hz`
        pub const FMAX_HZ: u32 = 17000;
        /// `/features/logfb/fmin_hz`
        pub const FMIN_HZ: u32 = 30;
        /// `/features/logfb/frame_centre`
        pub const FRAME_CENTRE: &str = "sample 441 n of the resampled stream (C = 0)";
        /// `/features/logfb/fref_hz`
        pub const FREF_HZ: u32 = 440;
        /// `/features/logfb/len`
        pub const LEN: u32 = 272;
        /// `/features/logfb/unit`
        pub const UNIT: &str = "log10(1 + |X|)";
        /// `/features/logfb/window`
        pub const WINDOW: &str = "hann_symmetric";
        /// `/features/logfb/window_samples`
        pub const WINDOW_SAMPLES: u32 = 1411;
    }
}
/// `/hazard_semantics`
pub const HAZARD_SEMANTICS: &str =
    "P(0 < beats_to_next_boundary <= horizon); the end of the song counts; boundaries between equal labels count";
/// `/horizons_beats`
pub const HORIZONS_BEATS: [u32; 5] = [1, 2, 4, 8, 16];
/// `/labels`
pub const LABELS: [&str; 8] = ["silence", "intro", "verse", "pre-chorus", "chorus", "bridge", "inst", "outro"];

/// Hash of the part of the contract that beat models depend on.
pub const BEAT_MODEL_SCOPE_HASH: &str = "sha256:ef50b1f5bc53a61579bc36add77a6856098ce3a5ed1cfde6bc263a65075bf8f5";
