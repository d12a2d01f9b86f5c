//! What the outputs do, in words. Pure but for reading parameters.

use ::editor::{Control, Light, LightState};
use nice_plug::context::PluginApi;

use crate::params::AnacrusisParams;
use crate::port::PortStatus;

/// What the lights depend on besides parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// An instance runs.
    pub(super) runs: bool,
    /// Beats are announced.
    pub(super) is_locked: bool,
    /// The port of the system.
    pub(super) port: PortStatus,
    /// The state is in shared memory.
    pub(super) has_feed: bool,
    /// The plugin's format.
    pub(super) api: PluginApi,
}

/// The lights, in the order in which they are shown.
pub(super) fn lights(params: &AnacrusisParams, facts: Facts) -> Vec<Light> {
    let light = |name, (state, word), control: Option<Control>, tip: &str| {
        let tip = match control {
            Some(control) => format!("{} {tip}", control.tip()),
            None => tip.to_owned(),
        };
        Light { name, state, word, control, tip }
    };
    let to_host = |is_on: bool, verb| match (facts.runs, is_on, params.bypass.value(), facts.is_locked) {
        (_, false, ..) => (LightState::Off, "off"),
        (false, ..) => (LightState::Idle, "stopped"),
        (_, _, true, _) => (LightState::Idle, "bypassed"),
        (_, _, _, true) => (LightState::On, verb),
        (_, _, _, false) => (LightState::Idle, "waiting"),
    };
    let host_clock = match facts.api {
        PluginApi::Vst3 => (LightState::Off, "not in VST3"),
        _ => to_host(params.host_clock.value(), "ticking"),
    };
    let port = match (facts.runs, params.port_clock.value(), facts.port) {
        (_, false, _) => (LightState::Off, "off"),
        (false, ..) => (LightState::Idle, "stopped"),
        (_, _, PortStatus::Off | PortStatus::Opening) => (LightState::Idle, "opening"),
        (_, _, PortStatus::Open) => (LightState::On, "open"),
        (_, _, PortStatus::Lost) => (LightState::Fault, "lost"),
        (_, _, PortStatus::None) => (LightState::Fault, "no port"),
    };
    let feed = match (facts.runs, facts.has_feed) {
        (false, _) => (LightState::Off, "off"),
        (true, true) => (LightState::On, "open"),
        (true, false) => (LightState::Fault, "none"),
    };
    vec![
        light("Beat notes", to_host(params.notes.value(), "sending"), Some(Control::Notes), "Click to switch."),
        light("Clock to host", host_clock, Some(Control::HostClock), "Click to switch."),
        light("Clock to port", port, Some(Control::PortClock), "Click to switch."),
        light("Shared feed", feed, None, "The state in shared memory, for other programs of this machine: `anacrusis bridge` serves it."),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use nice_plug::prelude::BoolParam;

    fn words(params: &AnacrusisParams, facts: Facts) -> [(LightState, &'static str); 4] {
        let lights = lights(params, facts);
        std::array::from_fn(|n| (lights[n].state, lights[n].word))
    }

    const LIVE: Facts = Facts { runs: true, is_locked: true, port: PortStatus::Off, has_feed: true, api: PluginApi::Clap };

    #[test]
    fn what_is_on_sends_while_it_is_locked() {
        let params = AnacrusisParams::default();
        use LightState::{Idle, Off, On};
        assert_eq!(words(&params, LIVE), [(On, "sending"), (On, "ticking"), (Off, "off"), (On, "open")]);
        assert_eq!(words(&params, Facts { is_locked: false, ..LIVE })[..2], [(Idle, "waiting"); 2]);
        assert_eq!(words(&params, Facts { api: PluginApi::Vst3, ..LIVE })[1], (Off, "not in VST3"));
        assert_eq!(words(&params, Facts { runs: false, ..LIVE })[0], (Idle, "stopped"));
    }

    #[test]
    fn faults_have_words_of_their_own() {
        let params = AnacrusisParams { port_clock: BoolParam::new("", true), ..AnacrusisParams::default() };
        let port = |port| words(&params, Facts { port, ..LIVE })[2];
        assert_eq!(
            [PortStatus::Opening, PortStatus::Open, PortStatus::Lost, PortStatus::None].map(|status| port(status).1),
            ["opening", "open", "lost", "no port"]
        );
        assert_eq!(port(PortStatus::None).0, LightState::Fault);
        assert_eq!(words(&params, Facts { has_feed: false, ..LIVE })[3], (LightState::Fault, "none"));
    }
}
