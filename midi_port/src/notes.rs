//! Beats as notes: the numbers and velocities that the plugin and the ports of the command line share. Pure; any thread.

/// Note of a beat that is no downbeat, unless the user chose another: C sharp 1, side stick in General MIDI.
pub const BEAT_NOTE: u8 = 37;
/// Note of a downbeat, unless the user chose another: C 1, bass drum in General MIDI.
pub const DOWNBEAT_NOTE: u8 = 36;

/// Velocity of the weakest and the strongest beat, `[0, 1]`.
const VELOCITY: (f32, f32) = (0.5, 1.0);

/// Velocity of a beat played with this intensity, both `[0, 1]`. Real-time safe: yes.
pub fn beat_velocity(intensity: f32) -> f32 {
    VELOCITY.0 + (VELOCITY.1 - VELOCITY.0) * intensity.clamp(0.0, 1.0)
}

/// A share of `[0, 1]` in the 7 bits of a MIDI data byte; 0 where it is no number. Real-time safe: yes.
pub fn seven_bits(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 127.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strong_beat_is_loud_and_a_weak_one_is_heard() {
        assert_eq!([-1.0, 0.0, 0.5, 1.0, 9.0].map(|intensity| seven_bits(beat_velocity(intensity))), [64, 64, 95, 127, 127]);
        assert_eq!([0.0, 1.0, 2.0, -3.0, f32::NAN].map(seven_bits), [0, 127, 127, 0, 0]);
    }
}
