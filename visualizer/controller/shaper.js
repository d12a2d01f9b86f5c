// From targets to controls: silence stills them, ranges hold, and no control moves or speeds up faster than the contract allows.
// So neither mapping nor net can jump or flicker. `controller/src/shaper.rs` is the same, line by line.

import {
  CONTROLLER_HZ, CONTROL_MAX, CONTROL_MIN, CONTROL_NAMES, CONTROL_REST, MAX_ACCEL_PER_SEC2, MAX_SPEED_PER_SEC, PULL_DOWN_PER_SEC,
  PULL_UP_PER_SEC,
} from './contract.js';
import { clamp, finite } from './numbers.js';

const DT_SEC = 1.0 / CONTROLLER_HZ;
const N_CONTROLS = CONTROL_NAMES.length;
// Controls that fall to 0 in silence; the others stay where they are.
const FALLS = [false, false, true, false, true, false, false, true, true, true, true, true];

export class Shaper {
  constructor() {
    this.values = new Float64Array(N_CONTROLS);
    this.speeds = new Float64Array(N_CONTROLS);
    this.reset();
  }

  reset() {
    this.values.set(CONTROL_REST);
    this.speeds.fill(0.0);
  }

  // One step towards the targets; `presence` in [0, 1] is how much there is to hear.
  step(targets, presence) {
    for (let k = 0; k < N_CONTROLS; k += 1) {
      const value = this.values[k];
      const held = clamp(finite(targets[k]), CONTROL_MIN[k], CONTROL_MAX[k]);
      const target = FALLS[k] ? held * presence : value + (held - value) * presence;
      const pull = target > value ? PULL_UP_PER_SEC[k] : PULL_DOWN_PER_SEC[k];
      const wanted = clamp((target - value) * pull, -MAX_SPEED_PER_SEC[k], MAX_SPEED_PER_SEC[k]);
      const change = MAX_ACCEL_PER_SEC2[k] * DT_SEC;
      this.speeds[k] += clamp(wanted - this.speeds[k], -change, change);
      const next = value + this.speeds[k] * DT_SEC;
      this.values[k] = clamp(next, CONTROL_MIN[k], CONTROL_MAX[k]);
      if (this.values[k] !== next) this.speeds[k] = 0.0;
    }
  }
}
