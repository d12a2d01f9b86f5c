//! What the numbers were measured on. Any thread.

use serde::Serialize;

/// The machine, as far as the system tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// Model of the processor; `None` where the system does not tell.
    pub cpu: Option<String>,
    /// Cores that this process may use.
    pub n_cores: usize,
    /// Operating system.
    pub os: &'static str,
    /// Instruction set.
    pub arch: &'static str,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        Self {
            cpu: std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| field(&text, "model name")),
            n_cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
        }
    }
}

/// Largest resident memory of this process so far, bytes (`VmHWM` of proc(5)); `None` where the system does not tell.
pub fn peak_resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = field(&text, "VmHWM")?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "VmHWMx:\t1 kB\nVmHWM:\t  2048 kB\nVmHWM: 3 kB\n";
        assert_eq!((field(text, "VmHWM").as_deref(), field(text, "Vm")), (Some("2048 kB"), None));
    }

    #[test]
    fn this_machine_has_a_core_and_on_linux_a_peak() {
        assert!(Machine::this().n_cores >= 1);
        assert!(!cfg!(target_os = "linux") || peak_resident_bytes().is_some_and(|bytes| bytes > 100_000));
    }
}
