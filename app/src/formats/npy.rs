//! NumPy array `[n_beats, 2]`, float64: time in seconds, position in the bar (0 = not known). Any thread.

use super::finite;
use crate::document::Analysis;
use crate::npz::{self, Values};

/// The whole file.
pub(super) fn render(analysis: &Analysis) -> Vec<u8> {
    let values: Vec<f64> = analysis.beats.iter().flat_map(|row| [finite(row.event.t_sec), f64::from(row.event.beat_in_bar)]).collect();
    npz::npy_bytes(&[analysis.beats.len(), 2], Values::F64(&values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples::steady;

    #[test]
    fn a_row_is_a_time_and_a_position() {
        let bytes = render(&steady(2, 1.25, 4));
        let (header, values) = bytes.split_at(bytes.len() - 32);
        assert!(String::from_utf8_lossy(header).contains("'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)"));
        let values: Vec<f64> = values.chunks(8).map(|value| f64::from_le_bytes(value.try_into().unwrap())).collect();
        assert_eq!(values, [1.25, 4.0, 1.75, 1.0]);
    }

    #[test]
    fn no_beats_is_an_array_without_rows() {
        assert!(String::from_utf8_lossy(&render(&steady(0, 0.0, 1))).contains("'shape': (0, 2)"));
    }
}
