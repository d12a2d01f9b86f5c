//! A matrix as a model file stores it. Any thread.

/// The weights of a matrix, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Matrix {
    /// The weights themselves, all finite.
    Float(Vec<f32>),
    /// Whole numbers: a weight is its number times the scale of its row.
    Int8 {
        /// The numbers.
        units: Vec<i8>,
        /// `[n_rows]`, finite and not negative.
        scales: Vec<f32>,
    },
}

impl Matrix {
    /// Weights in all rows.
    pub fn n_weights(&self) -> usize {
        match self {
            Self::Float(weights) => weights.len(),
            Self::Int8 { units, .. } => units.len(),
        }
    }

    /// Every weight as a number.
    pub fn to_f32(&self) -> Vec<f32> {
        match self {
            Self::Float(weights) => weights.clone(),
            Self::Int8 { units, scales } => {
                let n_columns = (units.len() / scales.len().max(1)).max(1);
                let row = |(row, &scale): (&[i8], &f32)| row.iter().map(|&unit| f32::from(unit) * scale).collect::<Vec<f32>>();
                units.chunks_exact(n_columns).zip(scales).flat_map(row).collect()
            }
        }
    }
}

impl From<Vec<f32>> for Matrix {
    fn from(weights: Vec<f32>) -> Self {
        Self::Float(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_its_number_times_its_row_s_scale() {
        let matrix = Matrix::Int8 { units: vec![1, -2, 127, -128, 0, 5], scales: vec![0.5, 0.25] };
        assert_eq!((matrix.n_weights(), matrix.to_f32()), (6, vec![0.5, -1.0, 63.5, -32.0, 0.0, 1.25]));
        assert_eq!(Matrix::from(vec![1.5]).to_f32(), [1.5]);
        assert_eq!(Matrix::Int8 { units: vec![], scales: vec![] }.to_f32(), [0.0; 0]);
    }
}
