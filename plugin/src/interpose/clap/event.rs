//! Events as CLAP lays them out: a header with the size, and that many bytes. Audio thread.
//!
//! Layouts: clap/events.h, CLAP 1.2.

use std::mem::size_of;

use clap_sys::events::{CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_NOTE_ON, clap_event_header, clap_event_note, clap_event_param_value};

/// Room for one event, in words. The largest that nice-plug sends, a parameter value, takes seven.
const SLOT_WORDS: usize = 8;

/// One event of any kind: the bytes that its header counts.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(8))]
pub(super) struct Slot([u64; SLOT_WORDS]);

const _: () = assert!(size_of::<clap_event_param_value>() <= size_of::<Slot>());
const _: () = assert!(align_of::<clap_event_param_value>() <= align_of::<Slot>());

/// A note event as MIDI; `None` for one that has no single channel and key.
pub(super) fn note_as_midi(note: &clap_event_note) -> Option<[u8; 3]> {
    let channel = u8::try_from(note.channel).ok().filter(|channel| *channel < 16)?;
    let key = u8::try_from(note.key).ok().filter(|key| *key < 128)?;
    // Saturates, and is 0 for a NaN.
    let velocity = (note.velocity * 127.0).round() as u8;
    if note.header.type_ == CLAP_EVENT_NOTE_ON {
        // A note on of velocity 0 would be a note off.
        Some([0x90 | channel, key, velocity.clamp(1, 127)])
    } else {
        Some([0x80 | channel, key, velocity.min(127)])
    }
}

/// The header of an event of type `T`, `time_samples` after the start of the block.
pub(super) fn header<T>(time_samples: u32, type_: u16, flags: u32) -> clap_event_header {
    clap_event_header { size: size_of::<T>() as u32, time: time_samples, space_id: CLAP_CORE_EVENT_SPACE_ID, type_, flags }
}

/// An event of type `T`; `None` if it is shorter.
///
/// # Safety
///
/// `event` is followed by the bytes that it counts, and those are a `T` if they are as many.
pub(super) unsafe fn read<T: Copy>(event: *const clap_event_header) -> Option<T> {
    // SAFETY: the caller's promise; the type is read only after its size was found.
    unsafe { ((*event).size as usize >= size_of::<T>()).then(|| *event.cast::<T>()) }
}

/// A copy of an event; `None` if its size is not one that an event of ours or nice-plug's can have.
///
/// # Safety
///
/// `event` is followed by the bytes that it counts.
pub(super) unsafe fn copy(event: *const clap_event_header) -> Option<Slot> {
    // SAFETY: the caller's promise.
    let n_bytes = unsafe { (*event).size } as usize;
    if !(size_of::<clap_event_header>()..=size_of::<Slot>()).contains(&n_bytes) {
        return None;
    }
    let mut slot = Slot::default();
    // SAFETY: both sides have `n_bytes`, and they are apart.
    unsafe { std::ptr::copy_nonoverlapping(event.cast::<u8>(), (&raw mut slot).cast(), n_bytes) };
    Some(slot)
}

#[cfg(test)]
mod tests {
    use clap_sys::events::{CLAP_EVENT_MIDI, CLAP_EVENT_NOTE_OFF};

    use super::*;

    fn note(type_: u16, channel: i16, key: i16, velocity: f64) -> clap_event_note {
        clap_event_note { header: header::<clap_event_note>(0, type_, 0), note_id: -1, port_index: 0, channel, key, velocity }
    }

    #[test]
    fn notes_become_midi_and_a_note_on_never_has_velocity_zero() {
        assert_eq!(note_as_midi(&note(CLAP_EVENT_NOTE_ON, 9, 36, 1.0)), Some([0x99, 36, 127]));
        assert_eq!(note_as_midi(&note(CLAP_EVENT_NOTE_ON, 0, 127, 0.0)), Some([0x90, 127, 1]));
        assert_eq!(note_as_midi(&note(CLAP_EVENT_NOTE_OFF, 15, 0, 0.0)), Some([0x8F, 0, 0]));
        assert_eq!(note_as_midi(&note(CLAP_EVENT_NOTE_ON, 0, 60, f64::NAN)), Some([0x90, 60, 1]));
    }

    #[test]
    fn a_note_for_all_channels_or_keys_stays_a_clap_note() {
        for (channel, key) in [(-1, 60), (16, 60), (0, -1), (0, 128)] {
            assert_eq!(note_as_midi(&note(CLAP_EVENT_NOTE_ON, channel, key, 1.0)), None);
        }
    }

    #[test]
    fn events_of_impossible_size_are_not_copied() {
        for size in [0, 15, size_of::<Slot>() as u32 + 1, u32::MAX] {
            let event = clap_event_header { size, ..header::<clap_event_header>(0, CLAP_EVENT_MIDI, 0) };
            // SAFETY: nothing is read beyond the header when the size is refused.
            assert!(unsafe { copy(&event) }.is_none(), "{size}");
        }
    }
}
