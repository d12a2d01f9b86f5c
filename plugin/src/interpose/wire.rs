//! What the plugin says to its shim, as bytes inside a SysEx event. Audio thread.
//!
//! The first byte tells the kinds apart: below 0x80 can never open a MIDI message, so 0x01 is ours; 0xF0 is real SysEx; from
//! 0xF1 up it is a system message, which CLAP can carry as raw MIDI.

use nice_plug::prelude::SysExMessage;

/// Opens an output value: tag, index, four bytes of an `f32`.
const OUTPUT_TAG: u8 = 0x01;
const OUTPUT_BYTES: usize = 6;

/// A message to the shim, the `SysExMessage` of an [`Interposed`](super::Interposed) plugin.
///
/// ```
/// use anacrusis_plugin::interpose::Wire;
///
/// let clock = Wire::midi(&[0xF8]).expect("a timing clock");
/// let tempo = Wire::output(0, 0.5);
/// assert_ne!(clock, tempo);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    bytes: [u8; OUTPUT_BYTES],
    n_bytes: u8,
}

impl Wire {
    /// A MIDI system message of one to three bytes: clock, start, continue, stop, song position and the like.
    ///
    /// `None` unless it is complete: the status is known, from 0xF1 up and no part of SysEx, and its data bytes are there and
    /// below 0x80. Reaches a CLAP host; VST3 has no such messages and drops it.
    ///
    /// Real-time safe: yes
    pub fn midi(message: &[u8]) -> Option<Self> {
        let (&status, data) = message.split_first()?;
        // MIDI 1.0 detailed specification, table VI and VII: data bytes of each system message.
        let n_data = match status {
            0xF1 | 0xF3 => 1,
            0xF2 => 2,
            0xF6 | 0xF8 | 0xFA..=0xFC | 0xFE | 0xFF => 0,
            _ => return None,
        };
        if data.len() != n_data || data.iter().any(|&byte| byte >= 0x80) {
            return None;
        }
        let mut bytes = [0; OUTPUT_BYTES];
        bytes.iter_mut().zip(message).for_each(|(to, from)| *to = *from);
        Some(Self { bytes, n_bytes: message.len() as u8 })
    }

    /// The value of an output parameter.
    ///
    /// `output_idx` counts in [`Interposed::OUTPUTS`](super::Interposed::OUTPUTS); `normalized` is in [0, 1], from the
    /// parameter's `preview_normalized`. Values outside are clamped, a NaN or an index out of range is ignored.
    ///
    /// Real-time safe: yes
    pub fn output(output_idx: u8, normalized: f32) -> Self {
        let [a, b, c, d] = normalized.to_le_bytes();
        Self { bytes: [OUTPUT_TAG, output_idx, a, b, c, d], n_bytes: OUTPUT_BYTES as u8 }
    }
}

impl SysExMessage for Wire {
    type Buffer = [u8; OUTPUT_BYTES];

    /// Messages go one way only: what a host sends is never ours.
    fn from_buffer(_buffer: &[u8]) -> Option<Self> {
        None
    }

    fn as_buffer(&self) -> (Self::Buffer, usize) {
        (self.bytes, usize::from(self.n_bytes))
    }
}

/// What the bytes of a SysEx event mean to a shim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Message {
    /// A value for an output parameter.
    Output { output_idx: usize, normalized: f32 },
    /// A system message, padded with zeros.
    Short([u8; 3]),
    /// Real SysEx, for the host as it is.
    SysEx,
    /// Nothing that may reach a host.
    Malformed,
}

/// Reads the bytes of a SysEx event.
///
/// Real-time safe: yes
pub(super) fn decode(bytes: &[u8]) -> Message {
    match *bytes {
        [OUTPUT_TAG, output_idx, a, b, c, d] => {
            Message::Output { output_idx: usize::from(output_idx), normalized: f32::from_le_bytes([a, b, c, d]) }
        }
        [0xF0, ..] => Message::SysEx,
        [status @ 0xF1..=0xFF, ref data @ ..] if data.len() <= 2 => {
            let mut data = data.iter().copied();
            Message::Short([status, data.next().unwrap_or(0), data.next().unwrap_or(0)])
        }
        _ => Message::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(wire: Wire) -> Vec<u8> {
        let (buffer, n_bytes) = wire.as_buffer();
        buffer[..n_bytes].to_vec()
    }

    #[test]
    fn system_messages_go_through_as_they_are() {
        for (message, padded) in [
            (&[0xF8][..], [0xF8, 0, 0]),
            (&[0xFA], [0xFA, 0, 0]),
            (&[0xFB], [0xFB, 0, 0]),
            (&[0xFC], [0xFC, 0, 0]),
            (&[0xF3, 5], [0xF3, 5, 0]),
            (&[0xF2, 1, 2], [0xF2, 1, 2]),
        ] {
            let sent = bytes(Wire::midi(message).unwrap());
            assert_eq!(sent, message);
            assert_eq!(decode(&sent), Message::Short(padded));
        }
    }

    #[test]
    fn incomplete_and_foreign_messages_are_no_wire() {
        for message in [
            &[][..],
            &[0x90, 60, 1],
            &[0x01],
            &[0xF0, 0xF7],
            &[0xF7],
            &[0xF4],
            &[0xF9],
            &[0xF2, 1],
            &[0xF2, 1, 2, 3],
            &[0xF2, 0x80, 0],
            &[0xF8, 0],
        ] {
            assert_eq!(Wire::midi(message), None, "{message:02x?}");
        }
    }

    #[test]
    fn output_values_keep_every_bit() {
        for normalized in [0.0, 1.0, 0.1, -3.0, f32::MIN_POSITIVE, f32::INFINITY] {
            assert_eq!(decode(&bytes(Wire::output(200, normalized))), Message::Output { output_idx: 200, normalized });
        }
        assert!(matches!(decode(&bytes(Wire::output(0, f32::NAN))), Message::Output { normalized, .. } if normalized.is_nan()));
    }

    #[test]
    fn real_sysex_is_left_alone_and_private_bytes_stay_in() {
        assert_eq!(decode(&[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7]), Message::SysEx);
        for private in [&[][..], &[0x01], &[0x01, 0, 0, 0, 0], &[0x01, 0, 0, 0, 0, 0, 0], &[0x02, 0, 0, 0, 0, 0], &[0x90, 1, 2], &[0xF8; 4]]
        {
            assert_eq!(decode(private), Message::Malformed, "{private:02x?}");
        }
    }

    #[test]
    fn nothing_that_a_host_sends_is_a_wire() {
        assert_eq!(Wire::from_buffer(&bytes(Wire::output(0, 0.5))), None);
        assert_eq!(Wire::from_buffer(&[0xF8]), None);
    }
}
