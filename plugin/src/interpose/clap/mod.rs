//! CLAP: the shim around nice-plug's plugin object. Creation on the main thread, `process` on the audio thread.
//!
//! A CLAP plugin is a table of functions with a pointer to its data. The host gets our copy of nice-plug's table, with a few
//! functions replaced and the data pointer left as it is: nice-plug reads nothing else of the table that it is given, so all
//! its functions work when called with ours, and ours find the shim around the table. Interface: clap/plugin.h, CLAP 1.2.
//!
//! Our functions use nothing that panics, but for the creation of the plugin, where panics are caught.

mod entry;
mod event;
mod extensions;
mod outbox;

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap_sys::events::clap_output_events;
use clap_sys::ext::note_ports::{CLAP_EXT_NOTE_PORTS, clap_plugin_note_ports};
use clap_sys::ext::params::{CLAP_EXT_PARAMS, clap_plugin_params};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process, clap_process_status};
use nice_plug::prelude::ClapPlugin;
use nice_plug::wrapper::clap::Wrapper;

use self::outbox::{Block, Outbox};
use super::Interposed;
use super::params::{Outputs, ShimError};

pub use self::entry::{Exported, entry};

/// One plugin instance: the table that the host holds, and what we keep beside it.
#[repr(C)]
struct Shim {
    /// What the host points to. First, so that a pointer to it is a pointer to the shim.
    clap: clap_plugin,
    /// nice-plug's functions.
    inner: clap_plugin,
    params: clap_plugin_params,
    inner_params: clap_plugin_params,
    state: clap_plugin_state,
    inner_state: clap_plugin_state,
    /// Empty where the plugin has no note ports.
    note_ports: clap_plugin_note_ports,
    inner_note_ports: clap_plugin_note_ports,
    notes_as_midi: bool,
    outputs: Outputs,
    /// Set by the first activation; nice-plug panics in a `process` before that.
    activated: AtomicBool,
    /// Whether `process` runs, and so owns `outbox`.
    processing: AtomicBool,
    outbox: UnsafeCell<Outbox>,
}

// The host's pointer is used as both.
const _: () = assert!(std::mem::offset_of!(Shim, clap) == 0);

/// Creates an instance of `P` with its shim; null, with the reason in the log, if that fails.
///
/// # Safety
///
/// `host` is null or a host that outlives the plugin, as clap/factory/plugin-factory.h demands.
unsafe fn create<P: ClapPlugin + Interposed>(host: *const clap_host) -> *const clap_plugin {
    if host.is_null() {
        return std::ptr::null();
    }
    // SAFETY: the caller promises that the host outlives the plugin.
    let wrapper = Arc::into_raw(unsafe { Wrapper::<P>::new(host) });
    // SAFETY: the reference just leaked keeps the wrapper alive; `destroy` takes it back.
    let inner = *unsafe { &*wrapper }.clap_plugin.borrow();
    // SAFETY: `inner` is nice-plug's own table with its data pointer set.
    match unsafe { Shim::new(inner, P::OUTPUTS, P::CLAP_NOTES_AS_MIDI) } {
        Ok(shim) => Box::into_raw(Box::new(shim)).cast_const().cast(),
        Err(error) => {
            nice_plug::nice_error!("{} is not created: {error}", P::NAME);
            if let Some(destroy) = inner.destroy {
                // SAFETY: nobody else has seen this instance.
                unsafe { destroy(&inner) };
            }
            std::ptr::null()
        }
    }
}

impl Shim {
    /// The shim around a table of nice-plug's.
    ///
    /// # Safety
    ///
    /// `inner` is a live table, on the main thread.
    unsafe fn new(inner: clap_plugin, output_ids: &[&'static str], notes_as_midi: bool) -> Result<Self, ShimError> {
        // SAFETY: each struct is what CLAP defines under that name; the framework's live as long as the plugin.
        let (inner_params, inner_state, inner_note_ports) = unsafe {
            let params = extension::<clap_plugin_params>(&inner, CLAP_EXT_PARAMS).ok_or(ShimError::Framework { what: "clap.params" })?;
            let state = extension::<clap_plugin_state>(&inner, CLAP_EXT_STATE).ok_or(ShimError::Framework { what: "clap.state" })?;
            let note_ports = extension::<clap_plugin_note_ports>(&inner, CLAP_EXT_NOTE_PORTS);
            (params, state, note_ports.unwrap_or(clap_plugin_note_ports { count: None, get: None }))
        };
        // SAFETY: `inner` is live, and this its `clap.params`.
        let params = unsafe { extensions::param_facts(&inner, &inner_params) };
        Ok(Self {
            clap: clap_plugin {
                destroy: Some(destroy),
                activate: Some(activate),
                process: Some(process),
                get_extension: Some(get_extension),
                ..inner
            },
            inner,
            params: extensions::params(inner_params),
            inner_params,
            state: extensions::state(inner_state),
            inner_state,
            note_ports: extensions::note_ports(inner_note_ports),
            inner_note_ports,
            notes_as_midi,
            outputs: Outputs::find(output_ids, &params)?,
            activated: AtomicBool::new(false),
            processing: AtomicBool::new(false),
            outbox: UnsafeCell::new(Outbox::new()),
        })
    }

    /// The shim that a host's pointer stands for.
    ///
    /// # Safety
    ///
    /// `plugin` is null or came from [`create`] and has not been destroyed.
    unsafe fn of<'a>(plugin: *const clap_plugin) -> Option<&'a Self> {
        // SAFETY: the table is the first field of a `repr(C)` shim, and everything that changes in it is atomic or a cell.
        unsafe { plugin.cast::<Self>().as_ref() }
    }
}

/// A copy of an extension's struct; `None` if the framework does not have it.
///
/// # Safety
///
/// `plugin` is live, and `T` is what CLAP defines for `id`.
unsafe fn extension<T: Copy>(plugin: &clap_plugin, id: &CStr) -> Option<T> {
    let get_extension = plugin.get_extension?;
    // SAFETY: the caller's promise; an extension stays valid as long as the plugin.
    unsafe { get_extension(plugin, id.as_ptr()).cast::<T>().as_ref().copied() }
}

unsafe extern "C" fn destroy(plugin: *const clap_plugin) {
    // SAFETY: the host calls this last, and with our pointer.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return };
    if let Some(destroy) = shim.inner.destroy {
        // SAFETY: nice-plug takes back the reference that `create` leaked; its own table dies with it, ours does not.
        unsafe { destroy(plugin) };
    }
    // SAFETY: made by `Box::into_raw` in `create`, and not used after this.
    drop(unsafe { Box::from_raw(plugin.cast::<Shim>().cast_mut()) });
}

unsafe extern "C" fn activate(plugin: *const clap_plugin, sample_rate_hz: f64, n_min_frames: u32, n_max_frames: u32) -> bool {
    // SAFETY: a live pointer of ours.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return false };
    // SAFETY: nice-plug's function on nice-plug's data.
    let activated = shim.inner.activate.is_some_and(|inner| unsafe { inner(plugin, sample_rate_hz, n_min_frames, n_max_frames) });
    if activated {
        shim.activated.store(true, Ordering::Release);
        shim.outputs.mark_moved_untold();
    }
    activated
}

/// Lets nice-plug process the block with our event list in place of the host's.
///
/// Real-time safe: as far as the plugin's and the host's functions are
unsafe extern "C" fn process(plugin: *const clap_plugin, data: *const clap_process) -> clap_process_status {
    // SAFETY: a live pointer of ours, and null or the block of this call.
    let (Some(shim), Some(data)) = (unsafe { (Shim::of(plugin), data.as_ref()) }) else { return CLAP_PROCESS_ERROR };
    let Some(inner) = shim.inner.process else { return CLAP_PROCESS_ERROR };
    if !shim.activated.load(Ordering::Acquire) || shim.processing.swap(true, Ordering::Acquire) {
        return CLAP_PROCESS_ERROR;
    }
    // SAFETY: `processing` was false, so no other call of `process` holds the outbox, and nothing else touches it.
    let outbox = unsafe { &mut *shim.outbox.get() };
    // SAFETY: the host's list is null or valid during this call, in which the block lives.
    let mut block = unsafe { Block::begin(shim, outbox, data.out_events) };
    let list = clap_output_events { ctx: (&raw mut block).cast(), try_push: Some(outbox::try_push) };
    // SAFETY: the host's block but for the list, which is ours, lives until the call returns, and is used in it only.
    let status = unsafe { inner(plugin, &clap_process { out_events: &list, ..*data }) };
    block.finish();
    shim.processing.store(false, Ordering::Release);
    status
}

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    // SAFETY: a live pointer of ours.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return std::ptr::null() };
    if id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: not null, and hosts pass C strings.
    let name = unsafe { CStr::from_ptr(id) };
    if name == CLAP_EXT_PARAMS {
        (&raw const shim.params).cast()
    } else if name == CLAP_EXT_STATE {
        (&raw const shim.state).cast()
    } else if name == CLAP_EXT_NOTE_PORTS && shim.notes_as_midi && shim.inner_note_ports.get.is_some() {
        (&raw const shim.note_ports).cast()
    } else {
        // SAFETY: nice-plug's function on nice-plug's data.
        shim.inner.get_extension.map_or(std::ptr::null(), |inner| unsafe { inner(plugin, id) })
    }
}
