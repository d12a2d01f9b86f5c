// The fast controller: what is heard, the beat foreseen to now, section and hazard become 12 bounded controls, 60 times a second of
// music, whatever the frame rate. Pure: no clock, no page. `controller/src/lib.rs` gives the same bits in Rust.
//
//   const controller = new Controller(defaultWeights());
//   const controls = controller.step({ bands, level, phase, bar_phase, beats_per_bar, period_sec, confidence, locked,
//                                      section_probs, hazard_probs });
//   const [re, im] = juliaC(controls);
//
// `bands` (16), `level`, `confidence`, `section_probs` (8), `hazard_probs` (5) as in the `state` message; `phase` and `bar_phase` in
// [0, 1) of the beat and the bar at the moment that is drawn. docs/controller.md says what each control means.

import { CONTROL_NAMES } from './contract.js';
import { read } from './input.js';
import { mapping } from './mapping.js';
import { Micro } from './micro.js';
import { Net, decodeWeights } from './net.js';
import { Shaper } from './shaper.js';
import { IS_DEFAULT, WEIGHTS } from './weights.js';

export { CONTROLLER_HZ, CONTROL_MAX, CONTROL_MEANINGS, CONTROL_MIN, CONTROL_NAMES, CONTROL_REST, MAX_TURN_PER_SEC } from './contract.js';
export { juliaC } from './julia.js';

// Index of the micro feature that says how much there is to hear.
const PRESENCE = 23;

// The weights of the net that ships, as the constructor takes them.
export function netWeights() {
  return decodeWeights(WEIGHTS);
}

// What plays by default: the net's weights, or `null` for the mapping (docs/adr/0015-fast-controller.md).
export function defaultWeights() {
  return IS_DEFAULT ? netWeights() : null;
}

export class Controller {
  // With weights the net, with `null` the mapping.
  constructor(weights) {
    this.net = weights ? new Net(weights) : null;
    this.micro = new Micro();
    this.shaper = new Shaper();
    this.targets = new Float64Array(CONTROL_NAMES.length);
  }

  // Back to the state after construction.
  reset() {
    this.net?.reset();
    this.micro.reset();
    this.shaper.reset();
  }

  // One step of 1/60 s of music: the 12 controls, in the order of `CONTROL_NAMES`.
  step(input) {
    const micro = this.micro.step(input.bands, input.level);
    const known = read(input);
    if (this.net) this.net.step(micro, known, this.shaper.values, this.targets);
    else mapping(micro, known, this.targets);
    this.shaper.step(this.targets, micro[PRESENCE]);
    return this.shaper.values.slice();
  }
}
