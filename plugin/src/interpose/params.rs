//! The output parameters as the host sees them: one value each, written on the audio thread, read on any.
//!
//! Each output stands for itself, so one atomic a value is enough and no order between them is promised.

use std::sync::atomic::{AtomicU32, Ordering};

use thiserror::Error;

/// Stands for "the host may hold another value" in [`Output::told`]: no value compares equal to it.
const UNTOLD: u32 = f32::NAN.to_bits();

/// Why a plugin could not be wrapped: a mistake in its declaration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShimError {
    /// `OUTPUTS` names a parameter that the plugin does not have.
    #[error("output `{id}` is not the #[id] of any of the plugin's {n_params} parameters")]
    UnknownOutput {
        /// As in `OUTPUTS`.
        id: &'static str,
        /// How many parameters there are.
        n_params: usize,
    },
    /// `OUTPUTS` is longer than a [`Wire`](super::Wire) can address.
    #[error("{n_outputs} outputs, at most 256 can be addressed")]
    TooManyOutputs {
        /// How many `OUTPUTS` has.
        n_outputs: usize,
    },
    /// The framework did not offer something that the shim stands on.
    #[error("the plugin framework offers no `{what}`, expected nice-plug 0.4.2")]
    Framework {
        /// What is missing, under its name in the format.
        what: &'static str,
    },
}

/// What a format says about one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ParamFacts {
    /// The number under which the host knows the parameter.
    pub(super) param_id: u32,
    /// In [0, 1].
    pub(super) default_normalized: f32,
    /// Steps between the lowest and the highest value, 0 for a continuous parameter.
    pub(super) n_steps: u32,
}

/// One output parameter.
#[derive(Debug)]
pub(super) struct Output {
    facts: ParamFacts,
    /// The value last sent by the plugin, in [0, 1], bits of an `f32`.
    shown: AtomicU32,
    /// The value last passed to the host, or [`UNTOLD`].
    told: AtomicU32,
}

impl Output {
    fn new(facts: ParamFacts) -> Self {
        let default = facts.default_normalized.to_bits();
        Self { facts, shown: AtomicU32::new(default), told: AtomicU32::new(default) }
    }

    /// The number under which the host knows the parameter.
    pub(super) fn param_id(&self) -> u32 {
        self.facts.param_id
    }

    /// The value last sent by the plugin, its default before that, in [0, 1]. Any thread.
    ///
    /// Real-time safe: yes
    pub(super) fn shown(&self) -> f32 {
        f32::from_bits(self.shown.load(Ordering::Relaxed))
    }

    /// [`Self::shown`] in the unit of the CLAP parameter: steps for a stepped one, else normalized.
    ///
    /// Real-time safe: yes
    pub(super) fn shown_clap(&self) -> f64 {
        self.to_clap(self.shown())
    }

    /// A normalized value in the unit of the CLAP parameter. nice-plug maps steps to `[0, n_steps]` and the rest to [0, 1].
    pub(super) fn to_clap(&self, normalized: f32) -> f64 {
        match self.facts.n_steps {
            0 => f64::from(normalized),
            // Whole, so that a host which truncates gets the step that was meant.
            n_steps => (f64::from(normalized) * f64::from(n_steps)).round(),
        }
    }

    /// Takes a new value; gives it back, clamped to [0, 1], if the host does not have it yet and must be told.
    ///
    /// Real-time safe: yes
    pub(super) fn update(&self, normalized: f32) -> Option<f32> {
        if normalized.is_nan() {
            return None;
        }
        // Adding zero turns -0 into 0: one value, one pattern of bits.
        let normalized = normalized.clamp(0.0, 1.0) + 0.0;
        self.shown.store(normalized.to_bits(), Ordering::Relaxed);
        let told = self.told.swap(normalized.to_bits(), Ordering::Relaxed);
        (told != normalized.to_bits()).then_some(normalized)
    }

    /// The shown value if the host must be told it again.
    ///
    /// Real-time safe: yes
    pub(super) fn untold(&self) -> Option<f32> {
        if self.told.load(Ordering::Relaxed) != UNTOLD { None } else { self.update(self.shown()) }
    }

    /// The host did not take a value: it is told the shown one in the next block.
    ///
    /// Real-time safe: yes
    pub(super) fn mark_untold(&self) {
        self.told.store(UNTOLD, Ordering::Relaxed);
    }
}

/// The output parameters of one plugin instance, in the order of `OUTPUTS`.
#[derive(Debug)]
pub(super) struct Outputs {
    list: Box<[Output]>,
}

impl Outputs {
    /// Finds the outputs by their `#[id]` among the parameters that the framework reports.
    ///
    /// # Errors
    ///
    /// An id that no parameter has, or more outputs than can be addressed.
    pub(super) fn find(ids: &[&'static str], params: &[ParamFacts]) -> Result<Self, ShimError> {
        if ids.len() > 256 {
            return Err(ShimError::TooManyOutputs { n_outputs: ids.len() });
        }
        let find = |&id: &&'static str| {
            let facts = params.iter().find(|facts| facts.param_id == param_id(id));
            facts.map(|&facts| Output::new(facts)).ok_or(ShimError::UnknownOutput { id, n_params: params.len() })
        };
        Ok(Self { list: ids.iter().map(find).collect::<Result<_, _>>()? })
    }

    /// The output at a place of `OUTPUTS`.
    pub(super) fn get(&self, output_idx: usize) -> Option<&Output> {
        self.list.get(output_idx)
    }

    /// The output under which the host knows a parameter, `None` for parameters of other kinds.
    pub(super) fn by_param_id(&self, param_id: u32) -> Option<&Output> {
        self.list.iter().find(|output| output.param_id() == param_id)
    }

    /// All outputs, in the order of `OUTPUTS`.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Output> {
        self.list.iter()
    }

    /// After the host loaded state or activated the plugin, nobody knows which values it holds: those that moved are told again.
    ///
    /// Outputs at their default stay silent, so that nothing moves before the plugin has locked.
    pub(super) fn mark_moved_untold(&self) {
        self.list.iter().filter(|output| output.shown() != output.facts.default_normalized).for_each(Output::mark_untold);
    }
}

/// The number under which hosts know the parameter of an `#[id]`.
///
/// nice-plug 0.4.2, `hash_param_id` in src/wrapper/util.rs, which is private there.
fn param_id(id: &str) -> u32 {
    // VST3 reserves the highest bit for the host.
    id.bytes().fold(0u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte))) & 0x7FFF_FFFF
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPO: ParamFacts = ParamFacts { param_id: 110_245_659, default_normalized: 0.5, n_steps: 0 };
    const METER: ParamFacts = ParamFacts { param_id: 103_787_401, default_normalized: 0.0, n_steps: 16 };

    fn outputs() -> Outputs {
        Outputs::find(&["tempo", "meter"], &[METER, TEMPO]).unwrap()
    }

    #[test]
    fn ids_hash_as_java_strings_do() {
        assert_eq!((param_id("tempo"), param_id("meter"), param_id("")), (TEMPO.param_id, METER.param_id, 0));
        assert!(param_id("a long name that overflows") < 1 << 31);
    }

    #[test]
    fn outputs_are_found_in_the_order_of_their_list() {
        let outputs = outputs();
        assert_eq!(outputs.get(0).unwrap().param_id(), TEMPO.param_id);
        assert_eq!(outputs.by_param_id(METER.param_id).unwrap().param_id(), METER.param_id);
        assert!(outputs.get(2).is_none() && outputs.by_param_id(7).is_none());
    }

    #[test]
    fn an_unknown_or_unaddressable_output_is_named() {
        let error = Outputs::find(&["tempo", "nothing"], &[TEMPO]).unwrap_err();
        assert_eq!(error.to_string(), "output `nothing` is not the #[id] of any of the plugin's 1 parameters");
        let error = Outputs::find(&["tempo"; 257], &[TEMPO]).unwrap_err();
        assert_eq!(error, ShimError::TooManyOutputs { n_outputs: 257 });
    }

    #[test]
    fn the_host_is_told_changes_only() {
        let outputs = outputs();
        let tempo = outputs.get(0).unwrap();
        assert_eq!(tempo.shown(), 0.5);
        assert_eq!(tempo.update(0.5), None, "it starts at the default");
        assert_eq!(tempo.update(0.75), Some(0.75));
        assert_eq!(tempo.update(0.75), None);
        assert_eq!((tempo.update(0.5), tempo.shown()), (Some(0.5), 0.5));
    }

    #[test]
    fn values_out_of_range_are_clamped_and_nan_is_ignored() {
        let outputs = outputs();
        let tempo = outputs.get(0).unwrap();
        assert_eq!(tempo.update(7.0), Some(1.0));
        assert_eq!(tempo.update(f32::NAN), None);
        assert_eq!(tempo.shown(), 1.0);
        assert_eq!(tempo.update(f32::NEG_INFINITY), Some(0.0));
        assert_eq!(tempo.update(-0.0), None);
    }

    #[test]
    fn a_value_that_the_host_did_not_take_is_told_again_once() {
        let outputs = outputs();
        let tempo = outputs.get(0).unwrap();
        assert_eq!(tempo.untold(), None);
        assert_eq!(tempo.update(0.75), Some(0.75));
        tempo.mark_untold();
        assert_eq!((tempo.untold(), tempo.untold()), (Some(0.75), None));
    }

    #[test]
    fn only_outputs_that_moved_are_told_again() {
        let outputs = outputs();
        outputs.mark_moved_untold();
        assert!(outputs.iter().all(|output| output.untold().is_none()));
        outputs.get(1).unwrap().update(0.25);
        outputs.mark_moved_untold();
        let again: Vec<_> = outputs.iter().map(Output::untold).collect();
        assert_eq!(again, [None, Some(0.25)]);
    }

    #[test]
    fn stepped_outputs_are_whole_in_clap() {
        let outputs = outputs();
        let meter = outputs.get(1).unwrap();
        for step in 0..=16u8 {
            meter.update(f32::from(step) / 16.0);
            assert_eq!(meter.shown_clap(), f64::from(step));
        }
        assert_eq!(outputs.get(0).unwrap().to_clap(0.3), f64::from(0.3f32));
    }
}
