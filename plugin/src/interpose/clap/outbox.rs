//! The event list that nice-plug pushes into: unpacks, sorts, and passes on to the host. Audio thread.
//!
//! Each event of a block waits in the queue until the block is done, then all go to the host in time order. Should the queue run
//! full, as in a huge offline block, what waits goes out early and an event that comes late for its time moves to the
//! last time that has left: the host's list stays sorted and nothing is lost. Interface: clap/events.h, CLAP 1.2.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_DONT_RECORD, CLAP_EVENT_MIDI, CLAP_EVENT_MIDI_SYSEX, CLAP_EVENT_NOTE_OFF, CLAP_EVENT_NOTE_ON,
    CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_midi, clap_event_midi_sysex, clap_event_note, clap_event_param_value,
    clap_output_events,
};

use super::Shim;
use super::event::{Slot, copy, header, note_as_midi, read};
use crate::interpose::params::Output;
use crate::interpose::queue::TimeQueue;
use crate::interpose::wire::{Message, decode};

/// Events between plugin and host. Between blocks it is empty.
pub(super) struct Outbox {
    queue: TimeQueue<Slot>,
}

impl Outbox {
    /// An empty one. Allocates all it will ever need.
    pub(super) fn new() -> Self {
        Self { queue: TimeQueue::new() }
    }
}

/// The outbox while the host waits for a block.
pub(super) struct Block<'a> {
    shim: &'a Shim,
    queue: &'a mut TimeQueue<Slot>,
    /// Null if the host wants no events.
    host: *const clap_output_events,
    /// Time of the last event that has left, samples from the start of the block.
    last_left_samples: u32,
}

impl<'a> Block<'a> {
    /// Begins a block with the values that the host has not been told yet.
    ///
    /// # Safety
    ///
    /// `host` is null or valid as long as the block.
    ///
    /// Real-time safe: yes
    pub(super) unsafe fn begin(shim: &'a Shim, outbox: &'a mut Outbox, host: *const clap_output_events) -> Self {
        let mut block = Self { shim, queue: &mut outbox.queue, host, last_left_samples: 0 };
        for output in shim.outputs.iter() {
            if let Some(normalized) = output.untold() {
                block.push_value(0, output, normalized);
            }
        }
        block
    }

    /// Sends everything that waits.
    pub(super) fn finish(mut self) {
        self.send_until(u32::MAX);
    }

    fn push_value(&mut self, time_samples: u32, output: &Output, normalized: f32) {
        let event = clap_event_param_value {
            header: header::<clap_event_param_value>(time_samples, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_DONT_RECORD),
            param_id: output.param_id(),
            cookie: std::ptr::null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value: output.to_clap(normalized),
        };
        // SAFETY: a whole event, whose header has its size.
        unsafe { self.push((&raw const event).cast()) };
    }

    fn push_midi(&mut self, time_samples: u32, port_index: u16, data: [u8; 3]) {
        let header = header::<clap_event_midi>(time_samples, CLAP_EVENT_MIDI, 0);
        let event = clap_event_midi { header, port_index, data };
        // SAFETY: a whole event, whose header has its size.
        unsafe { self.push((&raw const event).cast()) };
    }

    /// Queues a copy of an event that holds no pointers. False if it is too long to be one that we know.
    ///
    /// # Safety
    ///
    /// `event` is followed by the bytes that it counts.
    unsafe fn push(&mut self, event: *const clap_event_header) -> bool {
        // SAFETY: the caller's promise.
        let Some(slot) = (unsafe { copy(event) }) else { return false };
        // SAFETY: as above; `copy` found it at least as long as its header.
        let time_samples = unsafe { (*event).time }.max(self.last_left_samples);
        self.queue.push(time_samples, slot) || {
            self.send_until(u32::MAX);
            self.queue.push(time_samples.max(self.last_left_samples), slot)
        }
    }

    /// Sends what is due before or at a time, in order.
    fn send_until(&mut self, last_samples: u32) {
        while let Some((time_samples, slot)) = self.queue.pop_until(last_samples) {
            self.last_left_samples = time_samples;
            if !self.send(time_samples, slot) {
                self.refused(&slot);
            }
        }
    }

    /// Hands one event to the host; whether the host took it.
    fn send(&mut self, time_samples: u32, mut slot: Slot) -> bool {
        let event = (&raw mut slot).cast::<clap_event_header>();
        // SAFETY: each slot starts with the header of the event that was copied into it.
        unsafe { (*event).time = time_samples };
        // SAFETY: null or valid, by the promise of `begin`.
        let try_push = unsafe { self.host.as_ref() }.and_then(|host| host.try_push);
        // SAFETY: the host's function with its own list and a whole event.
        try_push.is_some_and(|try_push| unsafe { try_push(self.host, event) })
    }

    /// A value that the host did not take is told again in the next block. Notes and clock are worth nothing later.
    fn refused(&self, slot: &Slot) {
        let event = std::ptr::from_ref(slot).cast::<clap_event_param_value>();
        // SAFETY: each slot holds a whole event, and is large and aligned enough to be read as any.
        let (header, param_id) = unsafe { ((*event).header, (*event).param_id) };
        if header.space_id == CLAP_CORE_EVENT_SPACE_ID
            && header.type_ == CLAP_EVENT_PARAM_VALUE
            && let Some(output) = self.shim.outputs.by_param_id(param_id)
        {
            output.mark_untold();
        }
    }
}

/// `clap_output_events::try_push` of our list: false if the event could not be taken.
///
/// Real-time safe: as far as the host's function is
pub(super) unsafe extern "C" fn try_push(list: *const clap_output_events, event: *const clap_event_header) -> bool {
    // SAFETY: the list is the one that `process` made, whose context is a block that nothing else uses meanwhile.
    let block = unsafe { list.as_ref().and_then(|list| list.ctx.cast::<Block<'_>>().as_mut()) };
    match block {
        // SAFETY: not null, and nice-plug's events are as long as their headers say.
        Some(block) if !event.is_null() => unsafe { block.take(event) },
        _ => false,
    }
}

impl Block<'_> {
    /// Takes one event of nice-plug's; false if that is not possible.
    ///
    /// # Safety
    ///
    /// `event` is followed by the bytes that it counts.
    unsafe fn take(&mut self, event: *const clap_event_header) -> bool {
        // SAFETY: the caller's promise.
        let header = unsafe { *event };
        if header.space_id == CLAP_CORE_EVENT_SPACE_ID {
            match header.type_ {
                // SAFETY: as above.
                CLAP_EVENT_MIDI_SYSEX => return unsafe { self.take_sysex(event) },
                CLAP_EVENT_NOTE_ON | CLAP_EVENT_NOTE_OFF if self.shim.notes_as_midi => {
                    // SAFETY: as above.
                    if let Some(note) = unsafe { read::<clap_event_note>(event) }
                        && let Some(data) = note_as_midi(&note)
                    {
                        self.push_midi(header.time, note.port_index.max(0).unsigned_abs(), data);
                        return true;
                    }
                }
                _ => {}
            }
        }
        // SAFETY: as above.
        unsafe { self.push(event) }
    }

    /// Takes what the plugin says in a SysEx event: a value, a system message, or real SysEx.
    ///
    /// # Safety
    ///
    /// As for [`Self::take`], and the event's bytes can be read.
    unsafe fn take_sysex(&mut self, event: *const clap_event_header) -> bool {
        // SAFETY: the caller's promise.
        let Some(sysex) = (unsafe { read::<clap_event_midi_sysex>(event) }) else { return false };
        if sysex.buffer.is_null() {
            return false;
        }
        // SAFETY: not null, and of that length by the caller's promise.
        match decode(unsafe { std::slice::from_raw_parts(sysex.buffer, sysex.size as usize) }) {
            Message::Output { output_idx, normalized } => {
                if let Some(output) = self.shim.outputs.get(output_idx)
                    && let Some(normalized) = output.update(normalized)
                {
                    self.push_value(sysex.header.time, output, normalized);
                }
            }
            Message::Short(data) => self.push_midi(sysex.header.time, sysex.port_index, data),
            // SAFETY: the caller's promise.
            Message::SysEx => return unsafe { self.pass_on(event) },
            Message::Malformed => {}
        }
        true
    }

    /// Passes on an event whose bytes live only now, after everything that is due before it.
    ///
    /// # Safety
    ///
    /// As for [`Self::take`].
    unsafe fn pass_on(&mut self, event: *const clap_event_header) -> bool {
        // SAFETY: the caller's promise.
        let Some(slot) = (unsafe { copy(event) }) else { return false };
        // SAFETY: as above.
        let time_samples = unsafe { (*event).time }.max(self.last_left_samples);
        self.send_until(time_samples);
        self.last_left_samples = time_samples;
        self.send(time_samples, slot)
    }
}
