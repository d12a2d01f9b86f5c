//! CLAP extensions with one function replaced each: what the host may do with an output, and what it reads.
//!
//! Main thread, except `get_value`, which some hosts call from anywhere: it reads atomics only.

use clap_sys::ext::note_ports::{CLAP_NOTE_DIALECT_MIDI, clap_note_port_info, clap_plugin_note_ports};
use clap_sys::ext::params::{
    CLAP_PARAM_IS_ENUM, CLAP_PARAM_IS_HIDDEN, CLAP_PARAM_IS_READONLY, CLAP_PARAM_IS_STEPPED, clap_param_info, clap_plugin_params,
};
use clap_sys::ext::state::clap_plugin_state;
use clap_sys::plugin::clap_plugin;
use clap_sys::stream::clap_istream;

use super::Shim;
use crate::interpose::params::ParamFacts;

/// What stays of an output's flags: neither automatable nor modulatable.
const KEPT_FLAGS: u32 = CLAP_PARAM_IS_STEPPED | CLAP_PARAM_IS_ENUM | CLAP_PARAM_IS_HIDDEN;

/// `clap.params` of the shim: the framework's, with outputs read-only and their values ours.
pub(super) fn params(inner: clap_plugin_params) -> clap_plugin_params {
    clap_plugin_params { get_info: Some(get_info), get_value: Some(get_value), ..inner }
}

/// `clap.state` of the shim: the framework's, and the host is told the outputs again after a load.
pub(super) fn state(inner: clap_plugin_state) -> clap_plugin_state {
    clap_plugin_state { load: Some(load), ..inner }
}

/// `clap.note-ports` of the shim: the framework's, with MIDI as the preferred dialect of the output.
pub(super) fn note_ports(inner: clap_plugin_note_ports) -> clap_plugin_note_ports {
    clap_plugin_note_ports { get: Some(note_port), ..inner }
}

/// What the framework says about each parameter.
///
/// # Safety
///
/// `plugin` is live and `params` its `clap.params`, on the main thread.
pub(super) unsafe fn param_facts(plugin: &clap_plugin, params: &clap_plugin_params) -> Vec<ParamFacts> {
    let (Some(count), Some(get_info)) = (params.count, params.get_info) else { return Vec::new() };
    // SAFETY: the caller's promise.
    let n_params = unsafe { count(plugin) };
    (0..n_params)
        .filter_map(|param_idx| {
            let mut info = empty_info();
            // SAFETY: as above, with an index in range and room for the answer.
            unsafe { get_info(plugin, param_idx, &mut info) }.then(|| {
                let is_stepped = info.flags & CLAP_PARAM_IS_STEPPED != 0;
                // nice-plug 0.4.2: all parameters span [0, max_value], the number of steps or 1.
                ParamFacts {
                    param_id: info.id,
                    default_normalized: (info.default_value / info.max_value) as f32,
                    n_steps: if is_stepped { info.max_value as u32 } else { 0 },
                }
            })
        })
        .collect()
}

fn empty_info() -> clap_param_info {
    clap_param_info {
        id: 0,
        flags: 0,
        cookie: std::ptr::null_mut(),
        name: [0; _],
        module: [0; _],
        min_value: 0.0,
        max_value: 0.0,
        default_value: 0.0,
    }
}

unsafe extern "C" fn get_info(plugin: *const clap_plugin, param_idx: u32, info: *mut clap_param_info) -> bool {
    // SAFETY: a live pointer of ours.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return false };
    let (Some(count), Some(inner)) = (shim.inner_params.count, shim.inner_params.get_info) else { return false };
    // nice-plug 0.4.2 tests `>` where `>=` is meant and panics, across FFI, for an index that equals the count.
    // SAFETY: nice-plug's functions on nice-plug's data; it checks `info` for null.
    if unsafe { param_idx >= count(plugin) || !inner(plugin, param_idx, info) } {
        return false;
    }
    // SAFETY: filled in just now, so it is not null.
    let info = unsafe { &mut *info };
    if shim.outputs.by_param_id(info.id).is_some() {
        info.flags = info.flags & KEPT_FLAGS | CLAP_PARAM_IS_READONLY;
    }
    true
}

unsafe extern "C" fn get_value(plugin: *const clap_plugin, param_id: u32, value: *mut f64) -> bool {
    // SAFETY: a live pointer of ours.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return false };
    // SAFETY: null or room for the answer.
    if let (Some(output), Some(value)) = (shim.outputs.by_param_id(param_id), unsafe { value.as_mut() }) {
        *value = output.shown_clap();
        return true;
    }
    // SAFETY: nice-plug's function on nice-plug's data; it checks `value` for null.
    shim.inner_params.get_value.is_some_and(|inner| unsafe { inner(plugin, param_id, value) })
}

unsafe extern "C" fn load(plugin: *const clap_plugin, stream: *const clap_istream) -> bool {
    // SAFETY: a live pointer of ours.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return false };
    // SAFETY: nice-plug's function on nice-plug's data; it checks `stream` for null.
    let loaded = shim.inner_state.load.is_some_and(|inner| unsafe { inner(plugin, stream) });
    // Also after a failed load: the host may have changed its mind about the values before.
    shim.outputs.mark_moved_untold();
    loaded
}

unsafe extern "C" fn note_port(plugin: *const clap_plugin, port_idx: u32, is_input: bool, info: *mut clap_note_port_info) -> bool {
    // SAFETY: a live pointer of ours.
    let Some(shim) = (unsafe { Shim::of(plugin) }) else { return false };
    let Some(inner) = shim.inner_note_ports.get else { return false };
    // nice-plug does not look whether `info` is null.
    // SAFETY: nice-plug's function on nice-plug's data.
    if info.is_null() || !unsafe { inner(plugin, port_idx, is_input, info) } {
        return false;
    }
    if !is_input {
        // SAFETY: not null, and filled in just now.
        unsafe { (*info).preferred_dialect = CLAP_NOTE_DIALECT_MIDI };
    }
    true
}
