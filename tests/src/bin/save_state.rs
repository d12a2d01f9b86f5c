//! `save_state`: writes the state that this version saves, for the tests of later versions. Run once, when a version is released.

use std::process::ExitCode;

use integration_tests::host::clap::ClapHost;
use integration_tests::host::saved_state;
use integration_tests::host::vst3::Vst3TestHost;

fn main() -> ExitCode {
    match saved_state::write(env!("CARGO_PKG_VERSION"), &[("clap", ClapHost::open), ("vst3", Vst3TestHost::open)]) {
        Ok(folder) => {
            println!("{}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: tests/golden/state/{}: {error}", env!("CARGO_PKG_VERSION"));
            ExitCode::FAILURE
        }
    }
}
