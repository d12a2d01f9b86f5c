//! `anacrusis controls`: what the fast controller makes of a file, step by step, for training it and for judging it. Main thread.
//!
//! ```text
//! audio -> trace (the engine as it runs live) -> inputs [n, 36] at 60 Hz -+-> controller -> controls [n, 12] -> .npz
//! .npz of an earlier run, inputs changed by whoever judges ---------------+               -> judge (c, distance, picture)
//! ```

mod judge;
mod options;
mod trace;

pub use options::ControlsArgs;

use std::path::Path;

use controller::{Controller, N_CONTROLS, N_MICRO, Weights};

use self::judge::Judged;
use self::options::ControllerName;
use self::trace::{N_INPUT, to_input};
use crate::analyze::write::write_whole;
use crate::exit::{Exit, say_error};
use crate::npz::{self, Array, NpzReader, Values};

/// Runs the command.
pub fn run(args: &ControlsArgs) -> Exit {
    match make(args) {
        Ok(()) => Exit::Ok,
        Err(message) => {
            say_error(message);
            Exit::Failed
        }
    }
}

fn make(args: &ControlsArgs) -> Result<(), String> {
    let mut controller = controller(&args.controller)?;
    let rows = inputs(&args.input)?;
    let (mut micro, mut controls) = (Vec::new(), Vec::with_capacity(rows.len()));
    for row in &rows {
        controls.push(controller.step(&to_input(row)));
        micro.extend(controller.micro().map(|value| value as f32));
    }
    let judged = args.judge.then(|| Judged::of(&controls));
    let flat: Vec<f64> = controls.iter().flatten().copied().collect();
    let n = rows.len();
    let (input_shape, micro_shape, control_shape, c_shape) = ([n, N_INPUT], [n, N_MICRO], [n, N_CONTROLS], [n, 2]);
    let (step_shape, second_shape) = ([n], [judged.as_ref().map_or(0, |judged| judged.entropy_bits.len())]);
    let mut arrays = vec![
        Array { name: "inputs", shape: &input_shape, values: Values::F32(rows.as_flattened()) },
        Array { name: "micro", shape: &micro_shape, values: Values::F32(&micro) },
        Array { name: "controls", shape: &control_shape, values: Values::F64(&flat) },
    ];
    if let Some(judged) = &judged {
        arrays.extend([
            Array { name: "c", shape: &c_shape, values: Values::F64(judged.c.as_flattened()) },
            Array { name: "distance", shape: &step_shape, values: Values::F64(&judged.distance) },
            Array { name: "luminance", shape: &step_shape, values: Values::F64(&judged.luminance) },
            Array { name: "picture_mean", shape: &step_shape, values: Values::F64(&judged.picture_mean) },
            Array { name: "entropy_bits", shape: &second_shape, values: Values::F64(&judged.entropy_bits) },
        ]);
    }
    write_whole(&args.output, &npz::to_bytes(&arrays)).map_err(|e| format!("cannot write {}: {e}", args.output.display()))
}

/// The inputs in a `.npz`, or those that the engine gives on an audio file.
fn inputs(path: &Path) -> Result<Vec<[f32; N_INPUT]>, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    if path.extension().is_some_and(|extension| extension == "npz") {
        return NpzReader::open(path).and_then(|mut npz| npz.rows("inputs")).map_err(|e| failed(&e));
    }
    trace::trace(path).map_err(|e| failed(&e))
}

fn controller(name: &ControllerName) -> Result<Controller, String> {
    Ok(match name {
        ControllerName::Mapping => Controller::mapping(),
        ControllerName::Net => Controller::net(Weights::shipped()),
        ControllerName::Weights(path) => {
            let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
            Controller::net(Weights::from_safetensors(&bytes).map_err(|e| format!("{}: {e}", path.display()))?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use controller::Input;

    #[test]
    fn inputs_go_through_a_file_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let rows: Vec<[f32; N_INPUT]> = (0..90).map(|k| std::array::from_fn(|i| ((k * 7 + i) % 10) as f32 * 0.1)).collect();
        let first = folder.path().join("a.npz");
        let array = Array { name: "inputs", shape: &[90, N_INPUT], values: Values::F32(rows.as_flattened()) };
        std::fs::write(&first, npz::to_bytes(&[array])).unwrap();
        let args = |input: &Path, output: &str| ControlsArgs {
            input: input.to_owned(),
            output: folder.path().join(output),
            controller: ControllerName::Mapping,
            judge: true,
        };
        make(&args(&first, "b.npz")).unwrap();
        make(&args(&folder.path().join("b.npz"), "c.npz")).unwrap();
        let [b, c] = ["b.npz", "c.npz"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
        assert_eq!(b, c, "the same inputs give the same bytes");
        assert_eq!(NpzReader::open(&folder.path().join("b.npz")).unwrap().rows::<N_INPUT>("inputs").unwrap(), rows);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("w.safetensors");
        std::fs::write(&weights, b"no weights").unwrap();
        let message = controller(&ControllerName::Weights(weights)).unwrap_err();
        assert!(message.contains("w.safetensors: the controller's weights cannot be read"), "{message}");
        assert!(inputs(Path::new("/nowhere/a.npz")).unwrap_err().contains("cannot be read"));
        assert!(inputs(Path::new("/nowhere/a.wav")).unwrap_err().contains("a.wav"));
    }

    #[test]
    fn an_input_of_a_row_has_each_number_in_its_place() {
        let row: [f32; N_INPUT] = std::array::from_fn(|k| k as f32);
        let input: Input = to_input(&row);
        assert_eq!((input.bands[15], input.level, input.phase, input.bar_phase, input.beats_per_bar), (15.0, 16.0, 17.0, 18.0, 19));
        assert_eq!((input.period_sec, input.confidence, input.locked), (20.0, 21.0, true));
        assert_eq!((input.section_probs[0], input.hazard_probs[4]), (23.0, 35.0));
    }
}
