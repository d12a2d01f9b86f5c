//! The five MIDI messages of a clock and their bytes. AUDIO THREAD, or any other. Source: MIDI 1.0, system common and
//! system real-time messages.

/// Clock ticks per quarter note, here per beat.
pub const TICKS_PER_BEAT: u64 = 24;
/// Clock ticks per unit of the song position, a sixteenth note.
pub const TICKS_PER_SIXTEENTH: u64 = 6;
/// Song positions that fourteen bits can name: 0 to 16383.
pub const N_SONG_POSITIONS: u64 = 1 << 14;

/// One message of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MidiMessage {
    /// F8: one twenty-fourth of a beat.
    Tick,
    /// FA: play from position 0 with the next tick.
    Start,
    /// FB: play from the song position with the next tick.
    Continue,
    /// FC.
    Stop,
    /// F2: the song position in sixteenths, below [`N_SONG_POSITIONS`].
    SongPosition(u16),
}

impl MidiMessage {
    /// The song position of a tick, wrapped to fourteen bits. Real-time safe: yes.
    pub fn song_position_of(tick: u64) -> Self {
        Self::SongPosition(((tick / TICKS_PER_SIXTEENTH) % N_SONG_POSITIONS) as u16)
    }

    /// Three bytes, of which the first [`Self::n_bytes`] are sent; the others are 0. Real-time safe: yes.
    pub fn bytes(self) -> [u8; 3] {
        match self {
            Self::Tick => [0xF8, 0, 0],
            Self::Start => [0xFA, 0, 0],
            Self::Continue => [0xFB, 0, 0],
            Self::Stop => [0xFC, 0, 0],
            Self::SongPosition(position) => [0xF2, (position & 0x7F) as u8, ((position >> 7) & 0x7F) as u8],
        }
    }

    /// How many bytes the message has, 1 or 3. Real-time safe: yes.
    pub fn n_bytes(self) -> usize {
        if matches!(self, Self::SongPosition(_)) { 3 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_seven_bits_of_a_song_position_come_first() {
        assert_eq!(MidiMessage::SongPosition(0).bytes(), [0xF2, 0, 0]);
        assert_eq!(MidiMessage::SongPosition(16_383).bytes(), [0xF2, 0x7F, 0x7F]);
        assert_eq!(MidiMessage::SongPosition(129).bytes(), [0xF2, 1, 1]);
    }

    #[test]
    fn a_song_position_counts_six_ticks_and_wraps_at_16384() {
        assert_eq!(MidiMessage::song_position_of(95), MidiMessage::SongPosition(15));
        assert_eq!(MidiMessage::song_position_of(96), MidiMessage::SongPosition(16));
        assert_eq!(MidiMessage::song_position_of(6 * 16_384 + 12), MidiMessage::SongPosition(2));
    }

    #[test]
    fn real_time_messages_are_one_byte() {
        let messages = [MidiMessage::Tick, MidiMessage::Start, MidiMessage::Continue, MidiMessage::Stop];
        assert_eq!(messages.map(|m| (m.bytes()[0], m.n_bytes())), [(0xF8, 1), (0xFA, 1), (0xFB, 1), (0xFC, 1)]);
    }
}
