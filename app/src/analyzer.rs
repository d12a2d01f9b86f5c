//! Samples in, beat rows out: the engine or the offline analysis behind one interface. Any thread.
//!
//! Causal rows are exactly what live would say, whatever the block size; this file only writes down when it was said.

use runtime_core::analysis::anticipator_model::AnticipatorModel;
use runtime_core::analysis::beat_model::BeatModel;
use runtime_core::analysis::candidates::{TempoCandidates, TempoHistogram};
use runtime_core::analysis::confidence::BeatEvidence;
use runtime_core::analysis::config::{ConfigError, EngineConfig};
use runtime_core::analysis::engine::{Engine, FrameReport};
use runtime_core::analysis::hints::HintStatus;
use runtime_core::analysis::offline::OfflineAnalysis;
use runtime_core::analysis::pipe::ActivationFrame;
use runtime_core::state::{BeatEvent, LockReason, StructureEvent};

use crate::anticipator::network_name;
use crate::detail::{Detail, DetailCollector, SeenFrame};
use crate::document::{BeatRow, LockChange, Mode, StructureLog};
use crate::hint_script::{GivenHint, HintScript, TimedHint};

/// An analysis of one stream.
pub struct Analyzer {
    state: State,
    sample_rate_hz: f64,
    n_samples: u64,
    rows: Vec<BeatRow>,
    /// Mean over the beats of what was believed about the tempo.
    tempi: TempoHistogram,
    lock: Vec<LockChange>,
    structure: StructureLog,
    /// What will be said, the next one last.
    to_say: Vec<TimedHint>,
    said: Vec<GivenHint>,
    /// Only where somebody asked for it.
    detail: Option<DetailCollector>,
}

/// What a stream brought, at its end.
pub struct Finished {
    /// Its beats, in order of time.
    pub rows: Vec<BeatRow>,
    /// What became of the hints; those after the end are not among them.
    pub said: Vec<GivenHint>,
    /// What a picture needs; `None` where nobody asked for it.
    pub detail: Option<Detail>,
}

enum State {
    Causal(Box<Engine>),
    Offline(Box<OfflineAnalysis>),
}

impl Analyzer {
    /// An analysis at the start of a stream.
    ///
    /// # Errors
    /// A configuration value that cannot be used.
    pub fn new(config: &EngineConfig, model: BeatModel, mode: Mode) -> Result<Self, ConfigError> {
        let state = match mode {
            Mode::Causal => State::Causal(Box::new(Engine::new(config, model)?)),
            Mode::Offline => State::Offline(Box::new(OfflineAnalysis::new(config, model)?)),
        };
        Ok(Self {
            state,
            sample_rate_hz: config.sample_rate_hz,
            n_samples: 0,
            rows: Vec::new(),
            tempi: TempoHistogram::default(),
            lock: Vec::new(),
            structure: StructureLog::default(),
            to_say: Vec::new(),
            said: Vec::new(),
            detail: None,
        })
    }

    /// From now on keeps what a picture needs. Before the first sample, or times are off.
    pub fn keep_detail(&mut self) {
        self.detail = Some(DetailCollector::new(self.sample_rate_hz));
    }

    /// Another anticipator than the embedded one. Offline, where nothing is foreseen, none runs.
    pub fn set_anticipator(&mut self, model: AnticipatorModel) {
        if let State::Causal(engine) = &mut self.state {
            engine.set_anticipator(model);
        }
    }

    /// Says these hints at their times. Offline, where nothing is said while it plays, they are left out.
    pub fn follow_script(&mut self, script: &HintScript) {
        self.to_say = script.hints().iter().rev().copied().collect();
    }

    /// Consumes a block of mono samples of any length.
    pub fn process(&mut self, mut mono: &[f32]) {
        while let Some(next) = self.to_say.last() {
            let at_sample = (next.at_sec * self.sample_rate_hz).round() as u64;
            let n_before = at_sample.saturating_sub(self.n_samples);
            if n_before >= mono.len() as u64 {
                break;
            }
            let (before, after) = mono.split_at(n_before as usize);
            self.hear(before);
            mono = after;
            self.say_next();
        }
        self.hear(mono);
    }

    fn hear(&mut self, mono: &[f32]) {
        self.n_samples += mono.len() as u64;
        let Self { rows, tempi, lock, structure, sample_rate_hz, detail, .. } = self;
        if let Some(detail) = detail {
            detail.hear(mono);
        }
        match &mut self.state {
            State::Causal(engine) => engine.process(mono, |report| {
                note(report, *sample_rate_hz, rows, tempi, lock);
                note_structure(report, structure);
                see(detail, seen(report));
            }),
            State::Offline(offline) => {
                offline.process_watched(mono, |event| rows.push(unannounced(event)), |frame| see(detail, seen_offline(frame)));
            }
        }
    }

    fn say_next(&mut self) {
        if let (Some(said), State::Causal(engine)) = (self.to_say.pop(), &mut self.state) {
            let refused = engine.hint(said.hint).err().map(|refusal| refusal.to_string());
            self.said.push(GivenHint { said, refused });
        }
    }

    /// The beats so far, as they were found: those after the end of the stream are among them, and offline nothing else is known of them.
    pub fn rows(&self) -> &[BeatRow] {
        &self.rows
    }

    /// What was said of sections and boundaries so far; nothing offline.
    pub fn structure_events(&self) -> &[StructureEvent] {
        &self.structure.events
    }

    /// The tempi that were possible, over the beats so far; none offline.
    pub fn candidates(&self) -> TempoCandidates {
        self.tempi.candidates()
    }

    /// What was said of sections and boundaries so far; nothing offline.
    pub fn structure(&self) -> StructureLog {
        let anticipator = match &self.state {
            State::Causal(engine) => network_name(engine.structure().origin()).map(str::to_owned),
            State::Offline(_) => None,
        };
        StructureLog { anticipator, ..self.structure.clone() }
    }

    /// Why beats were announced or not, at the start and at each change so far; empty offline.
    pub fn lock(&self) -> &[LockChange] {
        &self.lock
    }

    /// What is fixed now; `None` offline.
    pub fn hints(&self) -> Option<HintStatus> {
        match &self.state {
            State::Causal(engine) => Some(engine.hints()),
            State::Offline(_) => None,
        }
    }

    /// Ends the stream and returns its beats, in order of time.
    ///
    /// A beat that was predicted to fall after the end of the stream is left out: it never fell.
    pub fn finish(self) -> Vec<BeatRow> {
        self.finish_whole().rows
    }

    /// [`finish`](Self::finish), with all else that there is.
    pub fn finish_whole(mut self) -> Finished {
        let end_sec = self.n_samples as f64 / self.sample_rate_hz;
        let Self { state, rows, tempi, lock, sample_rate_hz, detail, .. } = &mut self;
        match state {
            State::Causal(engine) => engine.finish(|report| {
                note(report, *sample_rate_hz, rows, tempi, lock);
                see(detail, seen(report));
            }),
            State::Offline(offline) => {
                offline.finish_watched(|event| rows.push(unannounced(event)), |frame| see(detail, seen_offline(frame)));
            }
        }
        // NaN falls outside the range too.
        rows.retain(|row| (0.0..=end_sec).contains(&row.event.t_sec));
        rows.iter_mut().for_each(|row| row.announce_sec = row.announce_sec.min(end_sec));
        if let State::Offline(_) = state {
            complete_offline(rows, end_sec);
        }
        Finished { rows: self.rows, said: self.said, detail: self.detail.map(|detail| detail.finish(end_sec)) }
    }
}

/// Writes down why beats are announced, the beat that a report announces, and which tempi were possible then.
fn note(report: &FrameReport, sample_rate_hz: f64, rows: &mut Vec<BeatRow>, tempi: &mut TempoHistogram, lock: &mut Vec<LockChange>) {
    let reason = report.state.beat.reason;
    if lock.last().is_none_or(|last| last.reason != reason) {
        lock.push(LockChange { time_sec: report.samples_received.to_stream_sec(sample_rate_hz).0, reason });
    }
    let Some(row) = row_of(report, sample_rate_hz) else { return };
    rows.push(row);
    report.candidates.as_slice().iter().for_each(|candidate| tempi.add(candidate.bpm, candidate.prob));
}

/// Writes down what is said of the sections, and what is known of them when a beat is announced.
fn note_structure(report: &FrameReport, log: &mut StructureLog) {
    log.events.extend(report.structure_event);
    if report.update.is_some_and(|update| update.event.is_some()) {
        log.at_beats.push(report.state.structure);
    }
}

fn see(detail: &mut Option<DetailCollector>, frame: SeenFrame) {
    if let Some(detail) = detail {
        detail.see(&frame);
    }
}

fn seen(report: &FrameReport) -> SeenFrame {
    SeenFrame { t_sec: report.time.0, activation: report.activation, flux: report.flux, rms: report.rms }
}

fn seen_offline(frame: &ActivationFrame) -> SeenFrame {
    SeenFrame { t_sec: frame.time.0, activation: frame.activation, flux: frame.flux, rms: frame.rms }
}

/// The beat that a report announces.
fn row_of(report: &FrameReport, sample_rate_hz: f64) -> Option<BeatRow> {
    let update = report.update?;
    let announce_sec = report.samples_received.to_stream_sec(sample_rate_hz).0;
    let (bpm, evidence, reason) = (60.0 / update.shown_spb, report.evidence, report.state.beat.reason);
    Some(BeatRow { event: update.event?, announce_sec, bpm, evidence, reason })
}

fn unannounced(event: &BeatEvent) -> BeatRow {
    let (evidence, reason) = (BeatEvidence::default(), LockReason::Locked);
    BeatRow { event: *event, announce_sec: f64::INFINITY, bpm: 0.0, evidence, reason }
}

/// Offline, every beat is said at the end, and its tempo is that of the beats around it.
fn complete_offline(rows: &mut [BeatRow], end_sec: f64) {
    let times: Vec<f64> = rows.iter().map(|row| row.event.t_sec).collect();
    for (k, row) in rows.iter_mut().enumerate() {
        row.announce_sec = end_sec;
        let (from, to) = (k.saturating_sub(1), (k + 1).min(times.len() - 1));
        let interval_sec = times[to] - times[from];
        row.bpm = if interval_sec > 0.0 { 60.0 * (to - from) as f64 / interval_sec } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::row;

    #[test]
    fn offline_tempo_is_that_of_the_neighbours() {
        let mut rows: Vec<_> = [1.0, 1.5, 2.5].iter().enumerate().map(|(k, &t)| row(k as u64, t, 1, 4)).collect();
        complete_offline(&mut rows, 9.0);
        assert_eq!(rows.iter().map(|r| r.bpm).collect::<Vec<_>>(), [120.0, 80.0, 60.0]);
        assert!(rows.iter().all(|r| r.announce_sec == 9.0));
        let mut alone = vec![row(0, 1.0, 1, 4)];
        complete_offline(&mut alone, 9.0);
        assert_eq!(alone[0].bpm, 0.0);
        complete_offline(&mut [], 9.0);
    }

    #[test]
    fn a_picture_shows_the_same_clicks_live_and_offline() {
        const RATE_HZ: usize = 22_050;
        let mut samples = vec![0.0f32; 4 * RATE_HZ];
        (0..8).for_each(|n| samples[n * RATE_HZ / 2 + RATE_HZ / 4..][..40].fill(0.9));
        for mode in [Mode::Causal, Mode::Offline] {
            let mut analyzer = Analyzer::new(&EngineConfig::new(RATE_HZ as f64), BeatModel::flux(None), mode).unwrap();
            analyzer.keep_detail();
            analyzer.process(&samples);
            let detail = analyzer.finish_whole().detail.unwrap();
            let times: Vec<f64> = detail.onsets.iter().map(|onset| onset.t_sec).collect();
            assert_eq!(times.len(), 8, "{mode:?}: {times:?}");
            for (n, t_sec) in times.iter().enumerate() {
                let expected_sec = 0.5 * n as f64 + 0.25;
                assert!((t_sec - expected_sec).abs() < 0.015, "{mode:?}: {t_sec} in place of {expected_sec}");
            }
            assert_eq!(detail.waveform.peaks.iter().filter(|peak| peak[1] > 100).count(), 8);
            assert!((detail.curves.beat.len() as f64 - 200.0).abs() <= 1.0, "{}", detail.curves.beat.len());
            assert!(detail.curves.level.iter().any(|&level| level > 150));
        }
    }

    #[test]
    fn an_empty_stream_has_no_beats() {
        for mode in [Mode::Causal, Mode::Offline] {
            let mut analyzer = Analyzer::new(&EngineConfig::new(44_100.0), BeatModel::flux(None), mode).unwrap();
            analyzer.process(&[]);
            assert_eq!(analyzer.finish(), []);
        }
    }
}
