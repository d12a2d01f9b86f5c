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
pub const CONTRACT_VERSION: &str = "1.3.0";

/// `/controller`
pub mod controller {
    /// `/controller/beat_names`
    pub const BEAT_NAMES: [&str; 5] = ["sin_2pi_phase", "cos_2pi_phase", "sin_2pi_bar", "cos_2pi_bar", "conf"];
    /// `/controller/control_max`
    pub const CONTROL_MAX: [u32; 12] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    /// `/controller/control_meanings`
    pub const CONTROL_MEANINGS: [&str; 12] = [
        "place on the boundary path: 0 at the cusp, 1 near the antenna",
        "out of the path, away from the Mandelbrot set; below 0 towards it",
        "along the path, for quick movement that comes back",
        "0 wide, 1 near",
        "speed of turning, of max_turn_per_sec",
        "place in the colours: one home a section",
        "how many colours at once",
        "how strongly low frequencies act now",
        "the same of the middle",
        "the same of the high",
        "build-up towards a boundary; let go within a beat after it",
        "the beat: 1 on it, then fading",
    ];
    /// `/controller/control_min`
    pub const CONTROL_MIN: [f64; 12] = [0.0, -1.0, -1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    /// `/controller/control_names`
    pub const CONTROL_NAMES: [&str; 12] =
        ["path", "offset", "sway", "zoom", "turn", "palette", "spread", "gain_low", "gain_mid", "gain_high", "tension", "glow"];
    /// `/controller/control_rest`
    pub const CONTROL_REST: [f64; 12] = [0.0, 0.5, 0.0, 0.3, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0];
    /// `/controller/hidden`
    pub const HIDDEN: u32 = 32;

    /// `/controller/julia`
    pub mod julia {
        /// `/controller/julia/along`
        pub const ALONG: f64 = 0.006;
        /// `/controller/julia/distance_max`
        pub const DISTANCE_MAX: f64 = 0.08;
        /// `/controller/julia/distance_min`
        pub const DISTANCE_MIN: f64 = 0.002;
        /// `/controller/julia/inwards`
        pub const INWARDS: f64 = 0.005;
        /// `/controller/julia/outwards`
        pub const OUTWARDS: f64 = 0.035;
        /// `/controller/julia/path_im`
        pub const PATH_IM: [f64; 240] = [
            0.0, 0.01855, 0.03506, 0.05267, 0.07218, 0.09202, 0.11364, 0.13365, 0.1581, 0.18041, 0.19816, 0.2221, 0.24693, 0.26499,
            0.26644, 0.28884, 0.3015, 0.3161, 0.33751, 0.36187, 0.38641, 0.40975, 0.42399, 0.41214, 0.39578, 0.40487, 0.42341, 0.44725,
            0.46374, 0.48101, 0.49861, 0.52143, 0.54018, 0.55574, 0.58022, 0.60259, 0.62693, 0.63643, 0.64999, 0.67451, 0.69666, 0.71177,
            0.71424, 0.69336, 0.66915, 0.64626, 0.62271, 0.63186, 0.63879, 0.6385, 0.62235, 0.60081, 0.60946, 0.62858, 0.65313, 0.67625,
            0.69257, 0.70452, 0.69281, 0.67525, 0.68078, 0.68963, 0.68151, 0.6917, 0.71489, 0.73584, 0.76024, 0.78452, 0.80179, 0.82589,
            0.84922, 0.87349, 0.8834, 0.87331, 0.8609, 0.87989, 0.90461, 0.923, 0.9405, 0.95547, 0.9644, 0.98083, 0.99937, 1.0229, 1.04447,
            1.04179, 1.02035, 1.01519, 1.00192, 1.00881, 1.03235, 1.05321, 1.07073, 1.0929, 1.11659, 1.12193, 1.12356, 1.13326, 1.12402,
            1.10221, 1.08556, 1.06511, 1.04036, 1.01536, 1.00148, 0.98965, 0.96602, 0.94662, 0.93144, 0.91908, 0.90183, 0.87815, 0.88788,
            0.90074, 0.89284, 0.87377, 0.86611, 0.84691, 0.82654, 0.81289, 0.79516, 0.77214, 0.74806, 0.73031, 0.7067, 0.68507, 0.685,
            0.68601, 0.68116, 0.69588, 0.6962, 0.69486, 0.6745, 0.65143, 0.62941, 0.64175, 0.65755, 0.66807, 0.69287, 0.71031, 0.71707,
            0.70092, 0.69555, 0.70459, 0.70271, 0.69154, 0.66777, 0.64679, 0.62293, 0.59924, 0.58688, 0.56549, 0.54139, 0.51992, 0.50353,
            0.51126, 0.51608, 0.50425, 0.49476, 0.48404, 0.46057, 0.43642, 0.41628, 0.39758, 0.38087, 0.3639, 0.33943, 0.31572, 0.29537,
            0.27067, 0.24689, 0.2219, 0.19719, 0.1879, 0.20811, 0.22733, 0.24832, 0.26348, 0.28533, 0.2902, 0.3064, 0.32975, 0.33948,
            0.32822, 0.32933, 0.34374, 0.36305, 0.38633, 0.40325, 0.39648, 0.37561, 0.35385, 0.32895, 0.30618, 0.30445, 0.32216, 0.33166,
            0.35298, 0.35325, 0.34459, 0.34498, 0.35672, 0.38127, 0.4062, 0.42814, 0.43413, 0.44885, 0.44787, 0.42387, 0.40219, 0.38002,
            0.36139, 0.33922, 0.32311, 0.30422, 0.29469, 0.2822, 0.26153, 0.24015, 0.21683, 0.20535, 0.21256, 0.20614, 0.18217, 0.16148,
            0.14116, 0.11864, 0.12731, 0.13112, 0.11643, 0.12811, 0.15066, 0.1658, 0.17237, 0.15253, 0.12775, 0.10663, 0.08594, 0.06869,
            0.05306,
        ];
        /// `/controller/julia/path_kind`
        pub const PATH_KIND: &str = "points at distance 0.016 from the Mandelbrot set (|z| ln|z| / |z'|), evenly along it, upper half";
        /// `/controller/julia/path_re`
        pub const PATH_RE: [f64; 240] = [
            0.31623, 0.33235, 0.35132, 0.36925, 0.38506, 0.40021, 0.41232, 0.4271, 0.43186, 0.43723, 0.45478, 0.46152, 0.46115, 0.44503,
            0.42079, 0.42522, 0.44677, 0.46715, 0.48011, 0.48198, 0.47925, 0.47118, 0.45144, 0.4315, 0.41561, 0.39222, 0.37926, 0.3717,
            0.35345, 0.35966, 0.37739, 0.38765, 0.39967, 0.41852, 0.42059, 0.43112, 0.42805, 0.40649, 0.39327, 0.3972, 0.38723, 0.36721,
            0.34301, 0.33411, 0.33575, 0.32545, 0.32211, 0.29936, 0.27544, 0.25038, 0.23302, 0.22292, 0.20217, 0.1873, 0.18314, 0.17368,
            0.15469, 0.13316, 0.11273, 0.09509, 0.0729, 0.04972, 0.02623, 0.00611, 0.01576, 0.02941, 0.03524, 0.03163, 0.04961, 0.05076,
            0.0456, 0.04173, 0.02088, -0.002, -0.02355, -0.03333, -0.03775, -0.05303, -0.06526, -0.04543, -0.02202, -0.00355, 0.01282,
            0.00666, -0.00498, -0.02726, -0.04024, -0.06416, -0.08461, -0.10432, -0.11266, -0.12616, -0.14326, -0.14355, -0.14513,
            -0.16743, -0.19019, -0.21212, -0.23471, -0.2296, -0.21078, -0.1991, -0.19836, -0.19794, -0.17937, -0.15982, -0.15178, -0.1379,
            -0.156, -0.17769, -0.19495, -0.19836, -0.21906, -0.24015, -0.26284, -0.27779, -0.30142, -0.31672, -0.30494, -0.28403, -0.27553,
            -0.28541, -0.29004, -0.27292, -0.26544, -0.25876, -0.28321, -0.30822, -0.33205, -0.35216, -0.37706, -0.40182, -0.41444,
            -0.42409, -0.43276, -0.45254, -0.47206, -0.49345, -0.49231, -0.5095, -0.53278, -0.55161, -0.57575, -0.59845, -0.62318, -0.6447,
            -0.64145, -0.62786, -0.63388, -0.63148, -0.60984, -0.60287, -0.59936, -0.58905, -0.60799, -0.62882, -0.65318, -0.67433,
            -0.69683, -0.7192, -0.72164, -0.71493, -0.70012, -0.709, -0.72765, -0.74539, -0.74206, -0.73906, -0.75358, -0.75188, -0.75849,
            -0.75951, -0.76375, -0.77772, -0.79257, -0.80854, -0.82191, -0.8411, -0.85282, -0.87688, -0.89426, -0.90273, -0.92405,
            -0.94646, -0.96751, -0.98742, -0.99746, -1.00392, -1.02235, -1.04406, -1.05763, -1.0679, -1.06599, -1.06123, -1.0862, -1.10307,
            -1.12591, -1.13883, -1.16194, -1.18399, -1.20873, -1.22815, -1.22795, -1.22736, -1.23503, -1.25928, -1.27945, -1.30292,
            -1.3044, -1.29293, -1.28588, -1.30223, -1.29725, -1.27889, -1.26414, -1.24093, -1.22101, -1.22663, -1.23695, -1.22921,
            -1.25119, -1.27502, -1.29832, -1.29856, -1.28508, -1.28084, -1.29124, -1.3109, -1.33427, -1.35372, -1.3749, -1.38596, -1.4047,
            -1.42851, -1.43911, -1.43575, -1.42296, -1.40922, -1.42198, -1.43985,
        ];
    }

    /// `/controller/luminance`
    pub mod luminance {
        /// `/controller/luminance/base`
        pub const BASE: f64 = 0.3;
        /// `/controller/luminance/flash_dark_below`
        pub const FLASH_DARK_BELOW: f64 = 0.8;
        /// `/controller/luminance/flash_step`
        pub const FLASH_STEP: f64 = 0.1;
        /// `/controller/luminance/max_flashes_per_sec`
        pub const MAX_FLASHES_PER_SEC: u32 = 3;
        /// `/controller/luminance/weights`
        pub const WEIGHTS: [f64; 12] = [0.0, 0.05, 0.0, 0.05, 0.0, 0.1, 0.1, 0.003, 0.003, 0.003, 0.03, 0.05];
    }

    /// `/controller/mapping`
    pub mod mapping {
        /// `/controller/mapping/glow_fade_per_beat`
        pub const GLOW_FADE_PER_BEAT: f64 = 3.5;
        /// `/controller/mapping/hazard_full`
        pub const HAZARD_FULL: f64 = 0.75;
        /// `/controller/mapping/hazard_rest`
        pub const HAZARD_REST: f64 = 0.25;
        /// `/controller/mapping/lead_sec`
        pub const LEAD_SEC: f64 = 0.03;
        /// `/controller/mapping/section_palette`
        pub const SECTION_PALETTE: [f64; 8] = [0.0, 0.12, 0.3, 0.46, 0.62, 0.78, 0.9, 0.2];
        /// `/controller/mapping/section_path`
        pub const SECTION_PATH: [f64; 8] = [0.03, 0.1, 0.25, 0.45, 0.53, 0.66, 0.725, 0.15];
        /// `/controller/mapping/section_turn`
        pub const SECTION_TURN: [f64; 8] = [0.0, 0.3, 0.4, 0.6, -0.8, -0.4, 0.7, -0.3];
    }
    /// `/controller/max_accel_per_sec2`
    pub const MAX_ACCEL_PER_SEC2: [f64; 12] = [0.4, 6.0, 16.0, 1.2, 2.4, 0.6, 1.2, 900.0, 900.0, 900.0, 25.0, 1200.0];
    /// `/controller/max_speed_per_sec`
    pub const MAX_SPEED_PER_SEC: [f64; 12] = [0.12, 1.0, 2.0, 0.3, 0.6, 0.15, 0.3, 14.0, 14.0, 16.0, 2.5, 20.0];
    /// `/controller/max_turn_per_sec`
    pub const MAX_TURN_PER_SEC: f64 = 0.04;

    /// `/controller/micro`
    pub mod micro {
        /// `/controller/micro/band_groups`
        pub const BAND_GROUPS: [u32; 3] = [4, 7, 5];
        /// `/controller/micro/fast_sec`
        pub const FAST_SEC: f64 = 0.12;
        /// `/controller/micro/history`
        pub const HISTORY: u32 = 8;
        /// `/controller/micro/len`
        pub const LEN: u32 = 24;
        /// `/controller/micro/level_peak_sec`
        pub const LEVEL_PEAK_SEC: u32 = 10;
        /// `/controller/micro/names`
        pub const NAMES: [&str; 24] = [
            "low",
            "mid",
            "high",
            "level",
            "onset_low",
            "onset_mid",
            "onset_high",
            "onset",
            "fast_low",
            "fast_mid",
            "fast_high",
            "fast_level",
            "slow_low",
            "slow_mid",
            "slow_high",
            "slow_level",
            "over_low",
            "over_mid",
            "over_high",
            "centroid",
            "width",
            "onset_rate",
            "relative_level",
            "presence",
        ];
        /// `/controller/micro/onset_floor`
        pub const ONSET_FLOOR: f64 = 0.04;
        /// `/controller/micro/onset_peak_sec`
        pub const ONSET_PEAK_SEC: u32 = 6;
        /// `/controller/micro/onset_sec`
        pub const ONSET_SEC: f64 = 0.05;
        /// `/controller/micro/over_gain`
        pub const OVER_GAIN: u32 = 4;
        /// `/controller/micro/presence_sec`
        pub const PRESENCE_SEC: f64 = 0.4;
        /// `/controller/micro/rate_sec`
        pub const RATE_SEC: u32 = 2;
        /// `/controller/micro/silence_level`
        pub const SILENCE_LEVEL: f64 = 0.12;
        /// `/controller/micro/slow_sec`
        pub const SLOW_SEC: u32 = 4;
    }
    /// `/controller/pull_down_per_sec`
    pub const PULL_DOWN_PER_SEC: [f64; 12] = [0.8, 3.0, 5.0, 1.5, 2.0, 1.2, 1.5, 9.0, 9.0, 11.0, 9.0, 14.0];
    /// `/controller/pull_up_per_sec`
    pub const PULL_UP_PER_SEC: [f64; 12] = [0.8, 3.0, 5.0, 1.5, 2.0, 1.2, 1.5, 28.0, 28.0, 28.0, 1.5, 40.0];
    /// `/controller/reduced`
    pub const REDUCED: u32 = 16;
}

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
