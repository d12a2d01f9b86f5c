// What a step of the controller is given, made safe: numbers that are none become 0, probabilities lie in [0, 1], and a beat that is
// not known is no beat. `controller/src/input.rs` is the same.

import { clamp, cosTurns, finite, sinTurns } from './numbers.js';

const N_LABELS = 8;
const N_HORIZONS = 5;

// The longest beat that is foreseen, seconds; a period beyond it is none.
const MAX_PERIOD_SEC = 10.0;

// `{ phase, bar, periodSec, trust, sections, hazards, beat }` of an input.
export function read(input) {
  const periodSec = clamp(finite(input.period_sec), 0.0, MAX_PERIOD_SEC);
  const isKnown = input.locked === true && periodSec > 0.0;
  const trust = isKnown ? clamp(input.confidence, 0.0, 1.0) : 0.0;
  const phase = wrapped(finite(input.phase));
  const hasBar = isKnown && input.beats_per_bar > 0;
  const bar = hasBar ? wrapped(finite(input.bar_phase)) : 0.0;
  return {
    phase,
    bar,
    hasBar,
    periodSec,
    trust,
    sections: probabilities(input.section_probs, N_LABELS),
    hazards: probabilities(input.hazard_probs, N_HORIZONS),
    beat: [
      isKnown ? sinTurns(phase) : 0.0,
      isKnown ? cosTurns(phase) : 0.0,
      hasBar ? sinTurns(bar) : 0.0,
      hasBar ? cosTurns(bar) : 0.0,
      trust,
    ],
  };
}

// Into [0, 1).
export function wrapped(turns) {
  const part = turns - Math.floor(turns);
  return part < 1.0 ? part : 0.0;
}

function probabilities(values, length) {
  const safe = new Float64Array(length);
  for (let k = 0; k < length; k += 1) safe[k] = clamp(values[k], 0.0, 1.0);
  return safe;
}
