//! What a calibration says, for people and for programs.

use serde::Serialize;

use super::estimate::Estimate;

/// Version of the JSON layout.
const FORMAT_VERSION: u32 = 1;

/// How the delay was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Method {
    /// Clicks found in a recording.
    Recording,
    /// Taps of a person.
    Taps,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    format: u32,
    method: Method,
    /// What to set, ms: negative = earlier.
    pub(super) offset_ms: f64,
    /// Of the output, ms.
    delay_ms: f64,
    spread_ms: f64,
    error_ms: f64,
    /// Subtracted from taps, ms.
    reaction_ms: f64,
    /// What the audio driver says of its own share, ms.
    driver_ms: Option<f64>,
    n_clicks: usize,
    n_measured: usize,
    n_used: usize,
    n_outliers: usize,
}

impl Report {
    /// From what was measured; `reaction_ms` is taken off the delay.
    pub(super) fn new(
        method: Method,
        n_clicks: usize,
        n_measured: usize,
        estimate: Estimate,
        reaction_ms: f64,
        is_later: bool,
        driver_ms: Option<f64>,
    ) -> Self {
        let delay_ms = tenths(estimate.delay_ms - reaction_ms);
        let offset_ms = if is_later { delay_ms } else { -delay_ms };
        Self {
            format: FORMAT_VERSION,
            method,
            // Not -0.
            offset_ms: offset_ms + 0.0,
            delay_ms,
            spread_ms: tenths(estimate.spread_ms),
            error_ms: tenths(estimate.error_ms),
            reaction_ms,
            driver_ms: driver_ms.map(tenths),
            n_clicks,
            n_measured,
            n_used: estimate.n_used,
            n_outliers: estimate.n_outliers,
        }
    }

    pub(super) fn as_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("numbers and names make JSON");
        text.push('\n');
        text
    }

    pub(super) fn as_text(&self) -> String {
        let Self { offset_ms, delay_ms, spread_ms, error_ms, n_clicks, n_measured, n_used, n_outliers, .. } = self;
        let (verb, note) = match self.method {
            Method::Recording => ("heard", String::new()),
            Method::Taps => (
                "tapped",
                format!("          less {} ms from hearing to tapping, which is an assumption (docs/calibrate.md)\n", self.reaction_ms),
            ),
        };
        let driver = self.driver_ms.map_or_else(String::new, |ms| format!("          the audio driver says {ms:.1} ms of its own share\n"));
        format!(
            "delay     {delay_ms:.1} ms, give or take {error_ms:.1} (single clicks spread by {spread_ms:.1})\n{note}{driver}clicks    \
             {n_measured} of {n_clicks} {verb}, {n_used} used, {n_outliers} outliers\noffset    {offset_ms:.1} ms\n"
        )
    }
}

fn tenths(ms: f64) -> f64 {
    (10.0 * ms).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATE: Estimate = Estimate { delay_ms: 212.34, spread_ms: 8.04, error_ms: 2.0, n_used: 20, n_outliers: 2 };

    #[test]
    fn an_output_that_is_late_is_told_earlier_unless_the_sound_is_what_is_late() {
        let report = Report::new(Method::Recording, 24, 22, ESTIMATE, 0.0, false, Some(42.66));
        assert_eq!((report.offset_ms, report.delay_ms), (-212.3, 212.3));
        let text = report.as_text();
        assert!(text.starts_with("delay     212.3 ms, give or take 2.0 (single clicks spread by 8.0)\n"), "{text}");
        assert!(text.ends_with(
            "the audio driver says 42.7 ms of its own share\nclicks    22 of 24 heard, 20 used, 2 outliers\noffset    -212.3 ms\n"
        ));
        assert_eq!(Report::new(Method::Recording, 24, 22, ESTIMATE, 0.0, true, None).offset_ms, 212.3);
    }

    #[test]
    fn a_reaction_is_taken_off_and_said() {
        let report = Report::new(Method::Taps, 24, 22, ESTIMATE, 160.0, false, None);
        assert_eq!(report.offset_ms, -52.3);
        assert!(report.as_text().contains("less 160 ms from hearing to tapping") && report.as_text().contains("22 of 24 tapped"));
        let json: serde_json::Value = serde_json::from_str(&report.as_json()).unwrap();
        assert_eq!((&json["method"], &json["reaction_ms"], &json["driver_ms"]), (&"taps".into(), &160.0.into(), &serde_json::Value::Null));
    }

    #[test]
    fn no_delay_is_an_offset_of_plain_zero() {
        let report = Report::new(Method::Recording, 9, 9, Estimate { delay_ms: 0.01, ..ESTIMATE }, 0.0, false, None);
        assert!(report.as_text().ends_with("offset    0.0 ms\n") && report.offset_ms.is_sign_positive());
    }
}
