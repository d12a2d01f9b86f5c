//! VST3 entry points: what the host looks up in the library. Main thread.
//!
//! Interface: pluginterfaces/base/ipluginbase.h, and the names per system in the SDK's linuxmain.cpp, macmain.cpp and
//! dllmain.cpp, VST 3.8; one class a library.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::catch_unwind;

use nice_plug::prelude::Vst3Plugin;
use nice_plug::wrapper::setup_logger;
use nice_plug::wrapper::vst3::PluginInfo;
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, FUnknown, IPluginFactory, IPluginFactory2, IPluginFactory2Trait, IPluginFactory3, IPluginFactory3Trait, IPluginFactoryTrait,
    PClassInfo, PClassInfo2, PClassInfoW, PFactoryInfo, TUID, int32, kInternalError, kInvalidArgument, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComWrapper};

use super::Shim;
use crate::interpose::Interposed;

/// Exports one [`Interposed`](crate::interpose::Interposed) plugin as VST3, in place of nice-plug's `nice_export_vst3!`.
#[macro_export]
macro_rules! export_vst3 {
    ($plugin:ty) => {
        /// What a VST3 host looks up in the library.
        #[unsafe(no_mangle)]
        pub extern "system" fn GetPluginFactory() -> *mut ::std::ffi::c_void {
            $crate::interpose::vst3::create_factory::<$plugin>()
        }

        /// Called after the library is loaded.
        #[cfg(all(target_family = "unix", not(target_os = "macos")))]
        #[unsafe(no_mangle)]
        pub extern "C" fn ModuleEntry(_library: *mut ::std::ffi::c_void) -> bool {
            $crate::interpose::vst3::init_module::<$plugin>()
        }

        /// Called before the library is unloaded.
        #[cfg(all(target_family = "unix", not(target_os = "macos")))]
        #[unsafe(no_mangle)]
        pub extern "C" fn ModuleExit() -> bool {
            true
        }

        /// Called after the bundle is loaded.
        #[cfg(target_os = "macos")]
        #[unsafe(no_mangle)]
        pub extern "C" fn bundleEntry(_bundle: *mut ::std::ffi::c_void) -> bool {
            $crate::interpose::vst3::init_module::<$plugin>()
        }

        /// Called before the bundle is unloaded.
        #[cfg(target_os = "macos")]
        #[unsafe(no_mangle)]
        pub extern "C" fn bundleExit() -> bool {
            true
        }

        /// Called after the library is loaded.
        #[cfg(target_os = "windows")]
        #[unsafe(no_mangle)]
        pub extern "system" fn InitDll() -> bool {
            $crate::interpose::vst3::init_module::<$plugin>()
        }

        /// Called before the library is unloaded.
        #[cfg(target_os = "windows")]
        #[unsafe(no_mangle)]
        pub extern "system" fn ExitDll() -> bool {
            true
        }
    };
}

/// Sets up the log when a host has loaded the library of `P`; false if that failed.
pub fn init_module<P: Vst3Plugin>() -> bool {
    catch_unwind(setup_logger::<P>).is_ok()
}

/// A factory for `P`, an `IPluginFactory` with one reference that the caller owns; null if it could not be made.
pub fn create_factory<P: Vst3Plugin + Interposed>() -> *mut c_void {
    let create = || ComWrapper::new(Factory::<P> { info: PluginInfo::for_plugin::<P>(), plugin: PhantomData });
    let factory = catch_unwind(create).ok().and_then(|factory| factory.to_com_ptr::<IPluginFactory>());
    factory.map_or(std::ptr::null_mut(), |factory| factory.into_raw().cast())
}

struct Factory<P> {
    info: PluginInfo,
    plugin: PhantomData<fn() -> P>,
}

impl<P: Vst3Plugin + Interposed> Class for Factory<P> {
    type Interfaces = (IPluginFactory, IPluginFactory2, IPluginFactory3);
}

impl<P> Factory<P> {
    /// Writes what a host asks about the class at `class_idx`.
    ///
    /// # Safety
    ///
    /// `to` is null or has room for a `T`.
    unsafe fn answer<T>(&self, class_idx: int32, to: *mut T, create: impl FnOnce(&PluginInfo) -> T) -> tresult {
        if class_idx != 0 || to.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: not null, and the caller has the room.
        unsafe { to.write(create(&self.info)) };
        kResultOk
    }
}

impl<P: Vst3Plugin + Interposed> IPluginFactoryTrait for Factory<P> {
    unsafe fn getFactoryInfo(&self, info: *mut PFactoryInfo) -> tresult {
        // SAFETY: the caller's pointer.
        unsafe { self.answer(0, info, PluginInfo::create_factory_info) }
    }

    unsafe fn countClasses(&self) -> int32 {
        1
    }

    unsafe fn getClassInfo(&self, class_idx: int32, info: *mut PClassInfo) -> tresult {
        // SAFETY: the caller's pointer.
        unsafe { self.answer(class_idx, info, PluginInfo::create_class_info) }
    }

    unsafe fn createInstance(&self, class_id: FIDString, interface_id: FIDString, object: *mut *mut c_void) -> tresult {
        if class_id.is_null() || interface_id.is_null() || object.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: not null, and class ids have 16 bytes.
        if unsafe { *class_id.cast::<[u8; 16]>() } != *self.info.cid {
            return kInvalidArgument;
        }
        // Runs the plugin's own constructor, which may panic.
        let shim = match catch_unwind(Shim::<P>::new) {
            Ok(Ok(shim)) => ComWrapper::new(shim),
            Ok(Err(error)) => {
                nice_plug::nice_error!("{} is not created: {error}", P::NAME);
                return kInternalError;
            }
            Err(_) => return kInternalError,
        };
        let Some(unknown) = shim.to_com_ptr::<FUnknown>() else { return kInternalError };
        let unknown = unknown.as_ptr();
        // SAFETY: a live object, which gives out its own reference before ours is dropped; interface ids have 16 bytes.
        unsafe { ((*(*unknown).vtbl).queryInterface)(unknown, interface_id.cast::<TUID>(), object) }
    }
}

impl<P: Vst3Plugin + Interposed> IPluginFactory2Trait for Factory<P> {
    unsafe fn getClassInfo2(&self, class_idx: int32, info: *mut PClassInfo2) -> tresult {
        // SAFETY: the caller's pointer.
        unsafe { self.answer(class_idx, info, PluginInfo::create_class_info_2) }
    }
}

impl<P: Vst3Plugin + Interposed> IPluginFactory3Trait for Factory<P> {
    unsafe fn getClassInfoUnicode(&self, class_idx: int32, info: *mut PClassInfoW) -> tresult {
        // SAFETY: the caller's pointer.
        unsafe { self.answer(class_idx, info, PluginInfo::create_class_info_unicode) }
    }

    unsafe fn setHostContext(&self, _context: *mut FUnknown) -> tresult {
        kResultOk
    }
}
