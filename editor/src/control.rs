//! The controls: which parameter each is, how it is worked, and what its tooltip says. Plain data.

/// How a control is worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Pressed: on while it is held.
    Momentary,
    /// Clicked: on or off.
    Toggle,
    /// Dragged, or turned with the wheel; a double click brings back the default.
    Number,
    /// One of a list.
    Choice,
}

macro_rules! controls {
    ($($name:ident, $id:literal, $kind:ident, $label:literal, $tip:literal;)+) => {
        /// A parameter that the user sets in the window.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant's tooltip is its documentation")]
        pub enum Control {
            $($name,)+
        }

        impl Control {
            /// All, in the order of [`Snapshot::controls`](crate::Snapshot::controls).
            pub const ALL: [Self; [$($id,)+].len()] = [$(Self::$name,)+];

            /// The parameter's id.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// How it is worked.
            pub fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind,)+ }
            }

            /// Its name in the window.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// What it does, with units.
            pub fn tip(self) -> &'static str {
                match self { $(Self::$name => $tip,)+ }
            }
        }
    };
}

controls! {
    Tap, "tap", Momentary, "TAP", "A beat is now. Four taps set tempo (within 12 %) and phase.";
    Half, "half", Momentary, "HALF", "Count half as fast, at once.";
    Double, "double", Momentary, "DOUBLE", "Count twice as fast, at once.";
    NudgeEarlier, "nudge_earlier", Momentary, "- 5 ms", "All beats 5 ms earlier. Adds up, until hints are forgotten.";
    NudgeLater, "nudge_later", Momentary, "+ 5 ms", "All beats 5 ms later. Adds up, until hints are forgotten.";
    ThisIsOne, "this_is_one", Momentary, "THIS IS 1", "The beat nearest to now begins the bar.";
    Hold, "hold", Toggle, "HOLD", "Go on at this tempo and phase, whatever is heard.";
    Forget, "forget", Momentary, "FORGET", "Forget taps, half, double, nudges and the 1. Switches that are on stay on.";
    Meter, "meter", Choice, "Meter", "Beats per bar. Auto finds 2 to 7.";
    TempoMin, "tempo_min", Number, "Slowest", "The slowest tempo that is considered, 40 to 240 BPM. Drag; with Shift finely.";
    TempoMax, "tempo_max", Number, "Fastest", "The fastest tempo that is considered, 40 to 240 BPM. At least 10 % above the slowest.";
    Manual, "manual", Toggle, "By hand", "On: the tempo is the one to the right; its beats are heard.";
    ManualBpm, "manual_bpm", Number, "Manual tempo", "The tempo by hand, 40 to 240 BPM, in steps of 0.01 BPM.";
    Offset, "offset_ms", Number, "Offset", "All outputs earlier (negative) or later, -500 to 500 ms.";
    Model, "model", Choice, "Model", "What listens. Automatic is the best in this build.";
    ClockSource, "clock_source", Choice, "Clock source", "Where the beat comes from: the audio, or the host's transport while it runs.";
    OnSilence, "on_silence", Choice, "On silence", "What clocks do while nothing is locked.";
    Relock, "relock", Choice, "On re-lock", "How clocks get to a beat that is more than an eighth of a beat away.";
    NoteChannel, "note_channel", Number, "Channel", "MIDI channel of the beat notes, 1 to 16.";
    NoteDownbeat, "note_downbeat", Number, "Note of 1", "MIDI note number of the downbeat, 0 to 127.";
    NoteBeat, "note_beat", Number, "Note of beat", "MIDI note number of the other beats, 0 to 127.";
    Bypass, "bypass", Toggle, "Bypass", "Nothing leaves but the audio. Listening goes on.";
    Notes, "notes", Toggle, "Beat notes", "A MIDI note on each beat, for 50 ms, to the host.";
    HostClock, "host_clock", Toggle, "Clock to host", "MIDI clock, 24 ticks a beat, with start, stop and song position, to the host. VST3 cannot carry it.";
    PortClock, "port_clock", Toggle, "Clock to port", "MIDI clock on a port of the system, from a thread of its own. Which port: the command `anacrusis port`.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_everything_has_words() {
        let mut ids: Vec<&str> = Control::ALL.iter().map(|control| control.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Control::ALL.len());
        for (place, control) in Control::ALL.into_iter().enumerate() {
            assert_eq!(control as usize, place);
            assert!(!control.label().is_empty() && control.tip().ends_with('.'), "{control:?}");
        }
    }

    #[test]
    fn tooltips_of_numbers_name_their_unit_or_range() {
        for control in Control::ALL.into_iter().filter(|control| control.kind() == Kind::Number) {
            assert!(["BPM", "ms", " to "].iter().any(|unit| control.tip().contains(unit)), "{control:?}");
        }
    }
}
