// The hand-written mapping: micro features, beat, section and hazard to a target for each control. What the net is measured
// against, and what plays where there is none. `controller/src/mapping.rs` is the same, line by line.

import { MAPPING } from './contract.js';
import { wrapped } from './input.js';
import { clamp, exp, sinTurns } from './numbers.js';

// Indices of the micro features that are used.
const [LOW, MID, HIGH, ONSET_LOW, ONSET_MID, ONSET_HIGH] = [16, 17, 18, 4, 5, 6];
const [SLOW_LEVEL, CENTROID, ONSET_RATE, RELATIVE_LEVEL] = [15, 19, 21, 22];

// Writes the 12 targets.
export function mapping(micro, read, targets) {
  const home = homes(read.sections);
  const tension = clamp((read.hazards[3] - MAPPING.hazard_rest) / (MAPPING.hazard_full - MAPPING.hazard_rest), 0.0, 1.0);
  // The phase that holds when what is asked for now is seen.
  const ahead = read.periodSec > 0.0 ? wrapped(read.phase + MAPPING.lead_sec / read.periodSec) : 0.0;
  const pulse = read.trust * exp(-MAPPING.glow_fade_per_beat * ahead);
  targets[0] = home.path + 0.02 * (micro[RELATIVE_LEVEL] - 0.5);
  targets[1] = 0.7 - 1.3 * tension - 0.3 * micro[LOW];
  targets[2] = 0.6 * read.trust * (read.hasBar ? sinTurns(read.bar) : 0.0) + 0.4 * (micro[ONSET_LOW] - micro[ONSET_HIGH]);
  targets[3] = 0.15 + 0.35 * micro[SLOW_LEVEL] + 0.4 * tension;
  targets[4] = home.turn * (0.4 + 0.6 * micro[RELATIVE_LEVEL]);
  targets[5] = home.palette + 0.08 * tension;
  targets[6] = 0.2 + 0.5 * micro[CENTROID] + 0.3 * micro[ONSET_RATE];
  targets[7] = 0.35 * micro[LOW] + 0.45 * micro[ONSET_LOW] + 0.2 * pulse;
  targets[8] = 0.4 * micro[MID] + 0.6 * micro[ONSET_MID];
  targets[9] = 0.4 * micro[HIGH] + 0.6 * micro[ONSET_HIGH];
  targets[10] = tension;
  targets[11] = pulse;
}

// Means of the sections' homes; squared, so that the likely ones outweigh the rest.
function homes(sections) {
  let total = 0.0;
  const home = { path: 0.0, palette: 0.0, turn: 0.0 };
  for (let k = 0; k < sections.length; k += 1) {
    const weight = sections[k] * sections[k];
    total += weight;
    home.path += weight * MAPPING.section_path[k];
    home.palette += weight * MAPPING.section_palette[k];
    home.turn += weight * MAPPING.section_turn[k];
  }
  // Nothing known: the home of an intro.
  if (!(total > 0.0)) return { path: MAPPING.section_path[1], palette: MAPPING.section_palette[1], turn: MAPPING.section_turn[1] };
  return { path: home.path / total, palette: home.palette / total, turn: home.turn / total };
}
