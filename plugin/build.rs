//! Links the Linux library so that it stays mapped after the host has closed it.
//!
//! NB: after `dlclose` of the last instance, the threads that had called the library crashed the host when they ended: glibc
//! calls the destructors that the standard library registered for them (SIGSEGV in `__nptl_deallocate_tsd`, in
//! `tests/tests/host_unload.rs`). Elsewhere the system sees to it by itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}
