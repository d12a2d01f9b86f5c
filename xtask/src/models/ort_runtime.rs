//! `cargo xtask ort-runtime`: the ONNX Runtime library that the `ort` feature and its tests load.
//!
//! Version 1.23.2 comes inside a Python wheel; the one library is taken out and put into `target/ort/` under a private
//! name, because a library called `onnxruntime` may be shadowed by one that the host has loaded already. Later wheels
//! send telemetry, so the version is pinned. Nothing of this is needed for the native step kernels.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::error::ModelsError;
use super::torch_file::read_member;
use super::wheel::{self, PinnedWheel, sha256_hex};

/// Largest library accepted, bytes.
const MAX_LIBRARY_BYTES: u64 = 1 << 27;

/// ONNX Runtime for one platform.
struct Runtime {
    os: &'static str,
    arch: &'static str,
    wheel: PinnedWheel,
    /// Path of the library in the wheel.
    member: &'static str,
    /// Private name that it gets.
    library: &'static str,
}

const REQUIREMENT: &str = "onnxruntime==1.23.2";

macro_rules! pip_arguments {
    ($platform:literal) => {
        &["--python-version", "3.11", "--implementation", "cp", "--platform", $platform]
    };
}

const RUNTIMES: [Runtime; 5] = [
    Runtime {
        os: "linux",
        arch: "x86_64",
        wheel: PinnedWheel {
            requirement: REQUIREMENT,
            file: "onnxruntime-1.23.2-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            bytes: 17_372_080,
            sha256: "da44b99206e77734c5819aa2142c69e64f3b46edc3bd314f6a45a932defc0b3e",
            pip_arguments: pip_arguments!("manylinux_2_28_x86_64"),
        },
        member: "onnxruntime/capi/libonnxruntime.so.1.23.2",
        library: "anacrusis_ort_1_23_2.so",
    },
    Runtime {
        os: "linux",
        arch: "aarch64",
        wheel: PinnedWheel {
            requirement: REQUIREMENT,
            file: "onnxruntime-1.23.2-cp311-cp311-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
            bytes: 15_220_095,
            sha256: "bbfd2fca76c855317568c1b36a885ddea2272c13cb0e395002c402f2360429a6",
            pip_arguments: pip_arguments!("manylinux_2_28_aarch64"),
        },
        member: "onnxruntime/capi/libonnxruntime.so.1.23.2",
        library: "anacrusis_ort_1_23_2.so",
    },
    Runtime {
        os: "macos",
        arch: "x86_64",
        wheel: PinnedWheel {
            requirement: REQUIREMENT,
            file: "onnxruntime-1.23.2-cp311-cp311-macosx_13_0_x86_64.whl",
            bytes: 19_153_857,
            sha256: "87d8b6eaf0fbeb6835a60a4265fde7a3b60157cf1b2764773ac47237b4d48612",
            pip_arguments: pip_arguments!("macosx_13_0_x86_64"),
        },
        member: "onnxruntime/capi/libonnxruntime.1.23.2.dylib",
        library: "anacrusis_ort_1_23_2.dylib",
    },
    Runtime {
        os: "macos",
        arch: "aarch64",
        wheel: PinnedWheel {
            requirement: REQUIREMENT,
            file: "onnxruntime-1.23.2-cp311-cp311-macosx_13_0_arm64.whl",
            bytes: 17_196_113,
            sha256: "6f91d2c9b0965e86827a5ba01531d5b669770b01775b23199565d6c1f136616c",
            pip_arguments: pip_arguments!("macosx_13_0_arm64"),
        },
        member: "onnxruntime/capi/libonnxruntime.1.23.2.dylib",
        library: "anacrusis_ort_1_23_2.dylib",
    },
    Runtime {
        os: "windows",
        arch: "x86_64",
        wheel: PinnedWheel {
            requirement: REQUIREMENT,
            file: "onnxruntime-1.23.2-cp311-cp311-win_amd64.whl",
            bytes: 13_468_349,
            sha256: "902c756d8b633ce0dedd889b7c08459433fbcf35e9c38d1c03ddc020f0648c6e",
            pip_arguments: pip_arguments!("win_amd64"),
        },
        member: "onnxruntime/capi/onnxruntime.dll",
        library: "anacrusis_ort_1_23_2.dll",
    },
];

/// Puts the library of this machine's platform into `target/ort/` of the workspace `root` and returns its path.
/// A second run does nothing.
///
/// # Errors
/// [`ModelsError`], also where no library is pinned for the platform.
pub fn run(root: &Path) -> Result<PathBuf, ModelsError> {
    let folder = root.join("target/ort");
    let runtime = RUNTIMES.iter().find(|r| (r.os, r.arch) == (OS, ARCH)).ok_or(ModelsError::Platform { os: OS, arch: ARCH })?;
    let library = folder.join(runtime.library);
    // The hash of the library, and of the wheel that it was taken from.
    let note = library.with_extension("sha256");
    let stamp = |content: &[u8]| format!("{} {}\n", sha256_hex(content), runtime.wheel.sha256);
    let is_whole = fs::read(&library).is_ok_and(|content| fs::read_to_string(&note).is_ok_and(|text| text == stamp(&content)));
    if is_whole {
        eprintln!("ort-runtime: {} present and whole", runtime.library);
        return Ok(library);
    }
    let bytes = wheel::fetch(&runtime.wheel, &folder)?;
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).map_err(|e| ModelsError::archive(runtime.wheel.file, e))?;
    let content = read_member(&mut archive, runtime.wheel.file, runtime.member, MAX_LIBRARY_BYTES)?;
    let fresh = folder.join(format!("{}.part", runtime.library));
    fs::write(&fresh, &content).map_err(|e| ModelsError::io(&fresh, e))?;
    fs::rename(&fresh, &library).map_err(|e| ModelsError::io(&library, e))?;
    fs::write(&note, stamp(&content)).map_err(|e| ModelsError::io(&note, e))?;
    eprintln!("ort-runtime: wrote {}", runtime.library);
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_its_own_wheel_and_a_private_name() {
        for (i, runtime) in RUNTIMES.iter().enumerate() {
            assert!(runtime.library.starts_with("anacrusis_ort_1_23_2."));
            assert_eq!(runtime.wheel.sha256.len(), 64);
            assert!(RUNTIMES[..i].iter().all(|other| other.wheel.sha256 != runtime.wheel.sha256));
        }
    }
}
