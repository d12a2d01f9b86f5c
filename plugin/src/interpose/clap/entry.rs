//! CLAP entry point: what the host looks up in the library. Main thread.
//!
//! Interface: clap/entry.h and clap/factory/plugin-factory.h, CLAP 1.2; one plugin a library.

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::panic::catch_unwind;

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::{CLAP_PLUGIN_FACTORY_ID, clap_plugin_factory};
use clap_sys::host::clap_host;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::version::CLAP_VERSION;
use nice_plug::prelude::ClapPlugin;
use nice_plug::wrapper::clap::PluginDescriptor;
use nice_plug::wrapper::setup_logger;

use super::create;
use crate::interpose::Interposed;

/// A plugin that CLAP hosts can find; [`export_clap!`](crate::export_clap) implements it.
pub trait Exported: ClapPlugin + Interposed {
    /// Name, vendor and so on, made once: hosts keep pointers into it.
    fn descriptor() -> &'static PluginDescriptor;
}

/// Exports one [`Interposed`] plugin as CLAP, in place of nice-plug's `nice_export_clap!`.
#[macro_export]
macro_rules! export_clap {
    ($plugin:ty) => {
        impl $crate::interpose::clap::Exported for $plugin {
            fn descriptor() -> &'static ::nice_plug::wrapper::clap::PluginDescriptor {
                static DESCRIPTOR: ::std::sync::OnceLock<::nice_plug::wrapper::clap::PluginDescriptor> = ::std::sync::OnceLock::new();
                DESCRIPTOR.get_or_init(::nice_plug::wrapper::clap::PluginDescriptor::for_plugin::<$plugin>)
            }
        }

        /// What a CLAP host looks up in the library.
        #[allow(non_upper_case_globals, reason = "the name is CLAP's")]
        #[unsafe(no_mangle)]
        #[used]
        pub static clap_entry: ::nice_plug::wrapper::clap::clap_plugin_entry = $crate::interpose::clap::entry::<$plugin>();
    };
}

/// The entry point of a library with the plugin `P`.
pub const fn entry<P: Exported>() -> clap_plugin_entry {
    clap_plugin_entry { clap_version: CLAP_VERSION, init: Some(init::<P>), deinit: Some(deinit), get_factory: Some(get_factory::<P>) }
}

struct Factory<P>(PhantomData<P>);

impl<P: Exported> Factory<P> {
    const TABLE: &'static clap_plugin_factory = &clap_plugin_factory {
        get_plugin_count: Some(get_plugin_count),
        get_plugin_descriptor: Some(get_plugin_descriptor::<P>),
        create_plugin: Some(create_plugin::<P>),
    };
}

unsafe extern "C" fn init<P: Exported>(_path: *const c_char) -> bool {
    catch_unwind(setup_logger::<P>).is_ok()
}

unsafe extern "C" fn deinit() {}

unsafe extern "C" fn get_factory<P: Exported>(factory_id: *const c_char) -> *const c_void {
    // SAFETY: hosts pass C strings.
    if factory_id.is_null() || unsafe { CStr::from_ptr(factory_id) } != CLAP_PLUGIN_FACTORY_ID {
        return std::ptr::null();
    }
    std::ptr::from_ref(Factory::<P>::TABLE).cast()
}

unsafe extern "C" fn get_plugin_count(_factory: *const clap_plugin_factory) -> u32 {
    1
}

unsafe extern "C" fn get_plugin_descriptor<P: Exported>(
    _factory: *const clap_plugin_factory,
    plugin_idx: u32,
) -> *const clap_plugin_descriptor {
    // Panics for a name with a null byte in it.
    match catch_unwind(P::descriptor) {
        Ok(descriptor) if plugin_idx == 0 => descriptor.clap_plugin_descriptor(),
        _ => std::ptr::null(),
    }
}

unsafe extern "C" fn create_plugin<P: Exported>(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    plugin_id: *const c_char,
) -> *const clap_plugin {
    if plugin_id.is_null() {
        return std::ptr::null();
    }
    // SAFETY: not null, and hosts pass C strings.
    let plugin_id = unsafe { CStr::from_ptr(plugin_id) };
    // Runs the plugin's own constructor, which may panic.
    let created = catch_unwind(|| {
        if plugin_id != P::descriptor().clap_id() {
            return std::ptr::null();
        }
        // SAFETY: hosts outlive their plugins.
        unsafe { create::<P>(host) }
    });
    created.unwrap_or(std::ptr::null())
}
