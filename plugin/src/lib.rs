//! The plugin: CLAP, VST3 and standalone around `runtime-core`. A thin adapter; audio passes through bit for bit.
//!
//! ```text
//! host block -> rt::tap -> (inference thread, or inline offline) -> rt::follower -> outputs -> host
//! ```
//! Threads: `process` and `reset` on the audio thread, the rest on the host's main thread. What nice-plug hides goes through
//! `interpose`. The window (`editor`) reads what instances post on the `board`, and no more.

pub mod board;
pub mod editor;
pub mod instance;
pub mod interpose;
pub mod model_set;
pub mod outputs;
pub mod params;
pub mod port;
pub mod saved;
pub mod transport;

use std::sync::Arc;
use std::time::Instant;

use nice_plug::prelude::*;
use runtime_core::analysis::hints::HintStatus;
use runtime_core::bus::hint::Hint;
use runtime_core::bus::marks::MarkKind;
use runtime_core::rt::follower::Source;

use board::Board;
use editor::{AnacrusisEditor, EditDesk};
use instance::Instance;
use interpose::{Interposed, Wire};
use outputs::{EventWriter, OUTPUTS, Routing};
use params::{AnacrusisParams, ClockSource};
use transport::{TransportWatch, host_time};

/// Environment variable that, at `0`, leaves the plugin without its window: for a host or a driver that does not get on with it.
pub const WINDOW_VARIABLE: &str = "ANACRUSIS_WINDOW";
/// A nudge, microseconds.
const NUDGE_US: i32 = 5_000;

/// The plugin.
#[derive(Default)]
pub struct Anacrusis {
    params: Arc<AnacrusisParams>,
    /// What the window reads.
    board: Board,
    /// What the window changes.
    desk: Arc<EditDesk>,
    /// Between activation and deactivation.
    instance: Option<Instance>,
    writer: EventWriter,
    transport: TransportWatch,
    buttons: Buttons,
    /// What the user fixed while an earlier instance ran.
    kept: Option<HintStatus>,
    was_bypassed: bool,
    /// What an earlier run left over has to be ended in the next block.
    finish_first: bool,
}

/// Which momentary parameters were pressed in the block before.
#[derive(Debug, Clone, Copy, Default)]
struct Buttons {
    pressed: [bool; 7],
    hold: bool,
    manual_bpm: Option<f64>,
}

impl Plugin for Anacrusis {
    const NAME: &'static str = "Anacrusis";
    const VENDOR: &'static str = "Anacrusis developers";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[
        AudioIOLayout {
            main_input_channels: NonZeroU32::new(2),
            main_output_channels: NonZeroU32::new(2),
            ..AudioIOLayout::const_default()
        },
        AudioIOLayout {
            main_input_channels: NonZeroU32::new(1),
            main_output_channels: NonZeroU32::new(1),
            ..AudioIOLayout::const_default()
        },
    ];
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    /// Hints take effect at their sample.
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = AnacrusisEditor;
    type SysExMessage = Wire;
    /// What the user did in the window, on its way to the main thread.
    type BackgroundTask = ::editor::Action;

    fn params(&self) -> Arc<dyn Params> {
        Arc::clone(&self.params) as _
    }

    fn task_executor(&mut self) -> TaskExecutor<Self> {
        let (desk, params) = (Arc::clone(&self.desk), Arc::clone(&self.params));
        Box::new(move |action| desk.apply(&params, action))
    }

    fn editor(&mut self, executor: AsyncExecutor<Self>) -> Option<AnacrusisEditor> {
        if std::env::var_os(WINDOW_VARIABLE).is_some_and(|value| value == "0") {
            return None;
        }
        let edit = move |action| executor.execute_gui(action);
        Some(AnacrusisEditor::new(Arc::clone(&self.params), self.board.clone(), Arc::clone(&self.desk), Arc::new(edit)))
    }

    fn filter_state(state: &mut PluginState) {
        saved::migrate(state);
    }

    fn activate(&mut self, _layout: &AudioIOLayout, config: &BufferConfig, context: &mut impl ActivateContext<Self>) -> bool {
        // Before the new one starts, so that its feed and port are free.
        self.end_instance();
        context.set_latency_samples(0);
        self.buttons = Buttons::at_start(&self.params);
        let is_offline = config.process_mode == ProcessMode::Offline;
        let rate_hz = f64::from(config.sample_rate);
        match Instance::start(&self.params, rate_hz, config.max_buffer_size as usize, is_offline, self.kept.as_ref()) {
            Ok(instance) => {
                self.board.post(Some(instance.shared()));
                self.instance = Some(instance);
            }
            // Audio passes through all the same.
            Err(error) => nice_error!("Anacrusis does not listen: {error}"),
        }
        true
    }

    fn reset(&mut self) {
        self.transport.reset();
        self.finish_first = true;
        if let Some(instance) = &mut self.instance {
            instance.tap.mark(MarkKind::Jump);
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer<'_>,
        _aux: &mut AuxiliaryBuffers<'_>,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let began = Instant::now();
        let Self { params, instance, writer, transport, buttons, .. } = self;
        let Some(instance) = instance else { return ProcessStatus::Normal };
        let n_samples = buffer.samples();
        let start = instance.tap.position();
        let routing = Routing::of(params, context.plugin_api());

        if transport.jumped(context.transport(), n_samples) {
            instance.tap.mark(MarkKind::Jump);
        }
        let settings = params.settings();
        if settings != instance.settings && instance.tap.mark(MarkKind::Settings(settings)) {
            instance.settings = settings;
        }
        buttons.mark(params, |hint| instance.tap.mark(MarkKind::Hint(hint)));
        instance.tap.push(buffer.as_slice_immutable(), n_samples);
        instance.analyse_inline();

        if std::mem::take(&mut self.finish_first) {
            instance.follower.stop(start, |output| writer.put(context, params, &routing, 0, output));
            writer.finish(context, params, &routing);
        }
        let is_bypassed = params.bypass.value();
        if is_bypassed && !self.was_bypassed {
            instance.follower.stop(start, |output| writer.put(context, params, &routing, 0, output));
        }
        self.was_bypassed = is_bypassed;
        instance.follower.set_output(start, params.clock_policy(), params.offset_sec());
        instance.follower.set_source(start, source(params, context.transport()));
        instance.follower.block(start, n_samples as u32, |timing, output| {
            if !is_bypassed {
                writer.put(context, params, &routing, timing, output);
            }
        });
        instance.counters.add_block(u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX));
        // Ticks go on in silence: the host must not put us to sleep.
        ProcessStatus::KeepAlive
    }

    fn deactivate(&mut self) {
        self.finish_first = true;
        self.end_instance();
    }
}

impl Anacrusis {
    /// Ends the instance, if there is one, and keeps what the user fixed for the next.
    fn end_instance(&mut self) {
        self.board.post(None);
        if let Some(mut instance) = self.instance.take() {
            self.kept = instance.stop().or(self.kept);
        }
    }
}

fn source(params: &AnacrusisParams, transport: &Transport) -> Source {
    match params.clock_source.value() {
        ClockSource::Audio => Source::Audio,
        ClockSource::Host => Source::Host(host_time(transport)),
    }
}

impl Buttons {
    /// For an analysis that begins: what is pressed already was meant for another one, but a hold holds.
    fn at_start(params: &AnacrusisParams) -> Self {
        Self { pressed: momentary(params).map(|(param, _)| param.value()), hold: false, manual_bpm: None }
    }

    /// Hands over a hint for each button that was pressed since the block before. A hint that `mark` refuses is given again.
    fn mark(&mut self, params: &AnacrusisParams, mut mark: impl FnMut(Hint) -> bool) {
        for (was_pressed, (param, hint)) in self.pressed.iter_mut().zip(momentary(params)) {
            let is_pressed = param.value();
            let is_said = is_pressed && !*was_pressed;
            if !is_said || mark(hint) {
                *was_pressed = is_pressed;
                if is_said && hint == Hint::Clear {
                    // A switch that is on says so again.
                    (self.hold, self.manual_bpm) = (false, None);
                }
            }
        }
        let manual_bpm = params.manual_bpm();
        if manual_bpm != self.manual_bpm && mark(Hint::ManualTempo(manual_bpm)) {
            self.manual_bpm = manual_bpm;
        }
        let hold = params.hold.value();
        if hold != self.hold && mark(Hint::Hold(hold)) {
            self.hold = hold;
        }
    }
}

/// The momentary parameters and what they say.
fn momentary(params: &AnacrusisParams) -> [(&BoolParam, Hint); 7] {
    [
        (&params.tap, Hint::Tap),
        (&params.half, Hint::Half),
        (&params.double, Hint::Double),
        (&params.nudge_earlier, Hint::Nudge { by_us: -NUDGE_US }),
        (&params.nudge_later, Hint::Nudge { by_us: NUDGE_US }),
        (&params.this_is_one, Hint::ThisIsOne),
        (&params.forget, Hint::Clear),
    ]
}

impl Interposed for Anacrusis {
    const OUTPUTS: &'static [&'static str] = OUTPUTS;
    const CLAP_NOTES_AS_MIDI: bool = true;
}

impl ClapPlugin for Anacrusis {
    const CLAP_ID: &'static str = "org.anacrusis.anacrusis";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Knows where the beat is, and says so ahead of time");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] =
        &[ClapFeature::AudioEffect, ClapFeature::Analyzer, ClapFeature::NoteDetector, ClapFeature::Stereo, ClapFeature::Mono];
}

impl Vst3Plugin for Anacrusis {
    const VST3_CLASS_ID: [u8; 16] = *b"AnacrusisBeatClk";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] = &[Vst3SubCategory::Fx, Vst3SubCategory::Analyzer, Vst3SubCategory::Tools];
}

export_clap!(Anacrusis);
export_vst3!(Anacrusis);

#[cfg(test)]
mod tests {
    use super::*;

    /// Parameters with these buttons on.
    fn pressed(tap: bool, this_is_one: bool, hold: bool) -> AnacrusisParams {
        let button = |is_on| BoolParam::new("", is_on);
        AnacrusisParams { tap: button(tap), this_is_one: button(this_is_one), hold: button(hold), ..AnacrusisParams::default() }
    }

    fn marks(buttons: &mut Buttons, params: &AnacrusisParams) -> Vec<Hint> {
        let mut hints = Vec::new();
        buttons.mark(params, |hint| {
            hints.push(hint);
            true
        });
        hints
    }

    #[test]
    fn a_button_speaks_when_it_is_pressed_and_not_while_it_is_held() {
        let mut buttons = Buttons::default();
        assert_eq!(marks(&mut buttons, &pressed(false, false, false)), []);
        assert_eq!(marks(&mut buttons, &pressed(true, false, true)), [Hint::Tap, Hint::Hold(true)]);
        assert_eq!(marks(&mut buttons, &pressed(true, true, true)), [Hint::ThisIsOne]);
        assert_eq!(marks(&mut buttons, &pressed(false, true, false)), [Hint::Hold(false)]);
        assert_eq!(marks(&mut buttons, &pressed(true, true, false)), [Hint::Tap]);
    }

    #[test]
    fn switches_that_are_on_survive_that_all_is_forgotten() {
        let button = |is_on| BoolParam::new("", is_on);
        let switched = |forget| AnacrusisParams { hold: button(true), manual: button(true), forget: button(forget), ..Default::default() };
        let mut buttons = Buttons::default();
        let switches = [Hint::ManualTempo(Some(120.0)), Hint::Hold(true)];
        assert_eq!(marks(&mut buttons, &switched(false)), switches);
        assert_eq!(marks(&mut buttons, &switched(false)), []);
        assert_eq!(marks(&mut buttons, &switched(true)), [Hint::Clear, switches[0], switches[1]]);
        assert_eq!(marks(&mut buttons, &pressed(false, false, false)), [Hint::ManualTempo(None), Hint::Hold(false)]);
    }

    #[test]
    fn a_refused_hint_is_given_again() {
        let mut buttons = Buttons::default();
        buttons.mark(&pressed(true, false, true), |_| false);
        assert_eq!(marks(&mut buttons, &pressed(true, false, true)), [Hint::Tap, Hint::Hold(true)]);
    }

    #[test]
    fn a_new_analysis_is_held_and_not_tapped() {
        let params = pressed(true, false, true);
        assert_eq!(marks(&mut Buttons::at_start(&params), &params), [Hint::Hold(true)]);
    }
}
