//! Asks the operating system for real-time priority. MIDI PORT CLOCK THREAD, once.

use crate::status::Priority;

/// SCHED_FIFO priority: above desktop programs, below the 60 and more that audio servers usually take.
#[cfg(unix)]
const FIFO_PRIORITY: u8 = 20;

/// Asks for the calling thread; a refusal is an answer and no error.
pub fn ask_for_real_time() -> Priority {
    if set().is_some() { Priority::Granted } else { Priority::Refused }
}

#[cfg(unix)]
fn set() -> Option<()> {
    use thread_priority::unix::{RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id};
    let priority = thread_priority::ThreadPriority::Crossplatform(FIFO_PRIORITY.try_into().ok()?);
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    set_thread_priority_and_policy(thread_native_id(), priority, policy).ok()
}

#[cfg(not(unix))]
fn set() -> Option<()> {
    thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Max).ok()
}
