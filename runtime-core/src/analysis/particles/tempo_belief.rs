//! What the particles believe about the tempo alone. INFERENCE THREAD.

use super::ParticleDecoder;
use crate::analysis::candidates::TempoBelief;

impl TempoBelief for ParticleDecoder {
    fn tempo_masses(&self, visit: &mut dyn FnMut(f64, f64)) {
        for (&interval_frames, &weight) in self.swarm.intervals.iter().zip(&self.swarm.weights) {
            visit(interval_frames, weight);
        }
    }
}
