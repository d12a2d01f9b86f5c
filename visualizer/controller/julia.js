// From controls to the constant of a Julia set: a place on the boundary path (a table in the contract), pushed out of it or
// towards the Mandelbrot set, and along it. `controller/src/julia.rs` gives the same bits.

import { JULIA } from './contract.js';
import { clamp } from './numbers.js';

const LAST = JULIA.path_re.length - 1;

// `[re, im]` of c for the controls `path`, `offset`, `sway` (the first three).
export function juliaC(controls) {
  const at = clamp(controls[0], 0.0, 1.0) * LAST;
  const floor = Math.floor(at);
  const k = floor < LAST ? floor : LAST - 1;
  const u = at - k;
  const re = JULIA.path_re[k] + (JULIA.path_re[k + 1] - JULIA.path_re[k]) * u;
  const im = JULIA.path_im[k] + (JULIA.path_im[k + 1] - JULIA.path_im[k]) * u;
  const [fromRe, fromIm] = tangent(k);
  const [toRe, toIm] = tangent(k + 1);
  const tangentRe = fromRe + (toRe - fromRe) * u;
  const tangentIm = fromIm + (toIm - fromIm) * u;
  const length = Math.sqrt(tangentRe * tangentRe + tangentIm * tangentIm);
  const offset = clamp(controls[1], -1.0, 1.0);
  const out = offset < 0.0 ? offset * JULIA.inwards : offset * JULIA.outwards;
  const along = clamp(controls[2], -1.0, 1.0) * JULIA.along;
  // The path runs with the set on its left: a right turn of the tangent points outwards.
  return [re + (tangentIm * out + tangentRe * along) / length, im + (tangentIm * along - tangentRe * out) / length];
}

function tangent(k) {
  const before = k > 0 ? k - 1 : 0;
  const after = k < LAST ? k + 1 : LAST;
  return [JULIA.path_re[after] - JULIA.path_re[before], JULIA.path_im[after] - JULIA.path_im[before]];
}
