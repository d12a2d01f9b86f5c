//! The report as aligned text for people. Any thread.

use std::fmt::Write;

use model_contracts::v1;

use super::report::{HorizonFigures, Interval, PredictorFigures, StructureReport};

/// Stands where there is no figure.
const NONE: &str = "-";
/// Title and figure of a row of a predictor.
type Row = (&'static str, fn(&HorizonFigures) -> Option<Interval>);
/// Rows of every predictor.
const ROWS: [Row; 6] = [
    ("AP", |figures| Some(figures.ap)),
    ("AP over floor", |figures| figures.ap_over_floor),
    ("AUC", |figures| Some(figures.auc)),
    ("Brier", |figures| Some(figures.brier)),
    ("log loss", |figures| Some(figures.log_loss)),
    ("ECE", |figures| Some(figures.ece)),
];

impl StructureReport {
    /// The whole report as text.
    pub fn table(&self) -> String {
        let mut text = String::new();
        self.write_table(&mut text).expect("writing to a String cannot fail");
        text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    fn write_table(&self, out: &mut String) -> std::fmt::Result {
        write!(out, "{:34}", "boundary within")?;
        v1::HORIZONS_BEATS.iter().try_for_each(|horizon| write!(out, " {:>16}", format!("{horizon} beats")))?;
        writeln!(out)?;
        if let Some(first) = self.predictors.iter().find(|predictor| !predictor.horizons.is_empty()) {
            write!(out, "{:34}", "share of beats")?;
            for figures in by_horizon(first) {
                write!(out, " {:>16}", figures.map_or(NONE.to_owned(), |figures| format!("{:.3}", figures.base_rate)))?;
            }
            writeln!(out)?;
        }
        for predictor in self.predictors.iter().filter(|predictor| !predictor.horizons.is_empty()) {
            write_horizons(out, predictor)?;
        }
        writeln!(out, "\n{:34} {:>20} {:>20} {:>20}", "section at a beat", "accuracy", "macro F1", "log loss")?;
        for predictor in &self.predictors {
            if let Some(labels) = &predictor.labels {
                let [accuracy, macro_f1, log_loss] = [labels.accuracy, labels.macro_f1, labels.log_loss].map(shown);
                writeln!(out, "{:34} {accuracy:>20} {macro_f1:>20} {log_loss:>20}", predictor.name)?;
            }
        }
        let majority = self.label_shares.iter().copied().fold(0.0, f64::max);
        writeln!(out, "{:34} {majority:>20.3}", "the most frequent label")?;
        if let Some(time) = &self.over_time {
            let delay = time.delay_median_beats.map_or(NONE.to_owned(), |beats| format!("{beats:.1} beats"));
            writeln!(
                out,
                "\nnew sections: {} of {:.0} % said, after {delay} (median); {:.1} changes of label a minute",
                time.n_changes,
                100.0 * time.declared,
                time.flips_per_minute
            )?;
        }
        writeln!(out)?;
        let kinds: Vec<String> = self.kinds.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        writeln!(out, "{}: {} pieces ({}), {} beats", self.corpus, self.pieces.len(), kinds.join(", "), self.n_beats)?;
        for (id, reason) in &self.failed {
            writeln!(out, "failed: {id}: {reason}")?;
        }
        let run: Vec<String> = self.configuration.iter().map(|(key, value)| format!("{key} {value}")).collect();
        writeln!(out, "run: {}", run.join(", "))?;
        writeln!(out, "at annotated beats, beats and bars as tracked; [95 % bootstrap over pieces]")
    }
}

fn write_horizons(out: &mut String, predictor: &PredictorFigures) -> std::fmt::Result {
    writeln!(out, "\n{}", predictor.name)?;
    for (title, figure) in ROWS {
        if predictor.horizons.iter().all(|figures| figure(figures).is_none()) {
            continue;
        }
        write!(out, "  {title:32}")?;
        for figures in by_horizon(predictor) {
            write!(out, " {:>16}", figures.and_then(figure).map_or(NONE.to_owned(), shown))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A place for every horizon of the contract; where all beats or none have a boundary within it, there are no figures.
fn by_horizon(predictor: &PredictorFigures) -> impl Iterator<Item = Option<&HorizonFigures>> {
    v1::HORIZONS_BEATS.iter().map(|horizon| predictor.horizons.iter().find(|figures| figures.horizon_beats == *horizon))
}

/// `.312 [.270 .350]`
fn shown(figure: Interval) -> String {
    let short = |value: f64| format!("{value:.3}").replacen("0.", ".", 1);
    match figure.interval {
        Some([low, high]) => format!("{} [{} {}]", short(figure.value), short(low), short(high)),
        None => short(figure.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(shown(Interval { value: 0.3125, interval: Some([0.27, 1.0]) }), ".312 [.270 1.000]");
        assert_eq!(shown(Interval { value: -0.05, interval: None }), "-.050");
    }
}
