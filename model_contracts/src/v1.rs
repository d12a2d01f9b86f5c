//! Constants of the contract, written from `v1.json` by `cargo xtask codegen`. Do not edit.

/// `/anticipator`
pub mod anticipator {
    /// `/anticipator/audio_clip`
    pub const AUDIO_CLIP: u32 = 6;
    /// `/anticipator/calibrated_in_graph`
    pub const CALIBRATED_IN_GRAPH: bool = true;
    /// `/anticipator/hazard_bins_from_beats`
    pub const HAZARD_BINS_FROM_BEATS: [u32; 6] = [0, 1, 2, 4, 8, 16];
    /// `/anticipator/hazard_head`
    pub const HAZARD_HEAD: &str = "softmax over the bins; P(h) = sum of the bins that end by h; hazard_logits = its log odds";
    /// `/anticipator/monotone_hazard`
    pub const MONOTONE_HAZARD: bool = true;
    /// `/anticipator/opset`
    pub const OPSET: u32 = 17;
    /// `/anticipator/state_init`
    pub const STATE_INIT: &str = "zeros";
}

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
pub const CONTRACT_VERSION: &str = "1.2.0";

/// `/features`
pub mod features {

    /// `/features/audio_pooled`
    pub mod audio_pooled {
        /// `/features/audio_pooled/chroma`
        pub const CHROMA: &str = "bands from C4 to C8 less the mean of the octave around each, folded to pitch classes from C, mean zero";
        /// `/features/audio_pooled/chroma_hz`
        pub const CHROMA_HZ: [u32; 2] = [260, 4200];
        /// `/features/audio_pooled/dtype`
        pub const DTYPE: &str = "f32";
        /// `/features/audio_pooled/len`
        pub const LEN: u32 = 290;
        /// `/features/audio_pooled/level`
        pub const LEVEL: &str = "log10 of the RMS, at least -5";
        /// `/features/audio_pooled/scalars`
        pub const SCALARS: [&str; 6] = ["level", "low_share", "mid_share", "high_share", "flatness", "diff_sum"];
        /// `/features/audio_pooled/share_edges_hz`
        pub const SHARE_EDGES_HZ: [u32; 2] = [200, 2000];
        /// `/features/audio_pooled/step_moment`
        pub const STEP_MOMENT: &str = "that of its last frame, 4 k + 3";
    }

    /// `/features/beat`
    pub mod beat {
        /// `/features/beat/len`
        pub const LEN: u32 = 5;
        /// `/features/beat/log_spb`
        pub const LOG_SPB: &str = "ln(seconds per beat / 0.5)";
        /// `/features/beat/names`
        pub const NAMES: [&str; 5] = ["sin_2pi_phase", "cos_2pi_phase", "log_spb", "conf", "downbeat_prob"];
        /// `/features/beat/spb_max_sec`
        pub const SPB_MAX_SEC: f64 = 1.5;
        /// `/features/beat/spb_min_sec`
        pub const SPB_MIN_SEC: f64 = 0.24;
        /// `/features/beat/virtual_downbeat_prob`
        pub const VIRTUAL_DOWNBEAT_PROB: f64 = 0.25;
        /// `/features/beat/virtual_spb_sec`
        pub const VIRTUAL_SPB_SEC: f64 = 0.5;
    }

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

    /// `/features/struct`
    pub mod r#struct {
        /// `/features/struct/len`
        pub const LEN: u32 = 40;
        /// `/features/struct/memory_beats`
        pub const MEMORY_BEATS: u32 = 256;
        /// `/features/struct/names`
        pub const NAMES: [&str; 40] = [
            "sim_chroma_4",
            "sim_chroma_8",
            "sim_chroma_16",
            "sim_chroma_32",
            "sim_chroma_64",
            "sim_chroma_128",
            "sim_timbre_4",
            "sim_timbre_8",
            "sim_timbre_16",
            "sim_timbre_32",
            "sim_timbre_64",
            "sim_timbre_128",
            "match_score",
            "match_margin",
            "match_lag",
            "match_run",
            "match_since_boundary",
            "match_until_boundary",
            "novelty_2",
            "novelty_4",
            "novelty_8",
            "since_peak_2",
            "since_peak_4",
            "since_peak_8",
            "peak_4_sin_2",
            "peak_4_cos_2",
            "peak_4_sin_4",
            "peak_4_cos_4",
            "peak_4_sin_8",
            "peak_4_cos_8",
            "level_over_4",
            "level_over_8",
            "level_over_16",
            "level_over_32",
            "bar_sin",
            "bar_cos",
            "log_beats",
            "bar_length",
            "silence",
            "virtual_clock",
        ];
        /// `/features/struct/new_piece_silence_sec`
        pub const NEW_PIECE_SILENCE_SEC: u32 = 4;
        /// `/features/struct/no_history_value`
        pub const NO_HISTORY_VALUE: u32 = 0;
        /// `/features/struct/norm_floor`
        pub const NORM_FLOOR: f64 = 0.02;
        /// `/features/struct/timbre_len`
        pub const TIMBRE_LEN: u32 = 24;
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

/// Hash of the part of the contract that anticipators depend on.
pub const ANTICIPATOR_SCOPE_HASH: &str = "sha256:3120dfac0e170fff09c8fc8fc8153f495826feb6229f7f72595ff9cbefb73225";
