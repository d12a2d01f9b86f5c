// The net: eight frames of micro features reduced by a dense layer, then a GRU of 32 over these, beat, section, hazard and the last
// controls, and a dense layer to a target each. Weights are 32-bit, sums 64-bit and in order, so that the bits are those of
// `controller/src/net.rs`.

import { BEAT_NAMES, CONTROL_MAX, CONTROL_MIN, CONTROL_NAMES, HIDDEN, MICRO, REDUCED } from './contract.js';
import { sigmoid, tanh } from './numbers.js';

const N_FRAMES = MICRO.history * MICRO.len;
const N_CONTROLS = CONTROL_NAMES.length;
const N_SECTIONS = 8;
const N_HAZARDS = 5;
const N_INPUT = REDUCED + BEAT_NAMES.length + N_SECTIONS + N_HAZARDS + N_CONTROLS;

// Name and length of each tensor, in the order of the file.
export const TENSORS = [
  ['reduce.weight', REDUCED * N_FRAMES], ['reduce.bias', REDUCED],
  ['gru.weight_ih', 3 * HIDDEN * N_INPUT], ['gru.weight_hh', 3 * HIDDEN * HIDDEN], ['gru.bias_ih', 3 * HIDDEN], ['gru.bias_hh', 3 * HIDDEN],
  ['head.weight', N_CONTROLS * HIDDEN], ['head.bias', N_CONTROLS],
];

// Weights by name from the text of `weights.js`: little-endian 32-bit floats in base64. Throws where the length is another.
export function decodeWeights(base64) {
  const text = atob(base64);
  const n = TENSORS.reduce((sum, [, length]) => sum + length, 0);
  if (text.length !== 4 * n) throw new Error(`weights: ${text.length} bytes, expected ${4 * n}`);
  const view = new DataView(new ArrayBuffer(4 * n));
  for (let k = 0; k < text.length; k += 1) view.setUint8(k, text.charCodeAt(k));
  const weights = {};
  let at = 0;
  for (const [name, length] of TENSORS) {
    const values = new Float64Array(length);
    for (let k = 0; k < length; k += 1) values[k] = view.getFloat32(4 * (at + k), true);
    weights[name] = values;
    at += length;
  }
  return weights;
}

export class Net {
  // `weights` as of `decodeWeights`.
  constructor(weights) {
    this.weights = weights;
    this.frames = new Float64Array(N_FRAMES);
    this.input = new Float64Array(N_INPUT);
    this.hidden = new Float64Array(HIDDEN);
    this.fromInput = new Float64Array(3 * HIDDEN);
    this.fromHidden = new Float64Array(3 * HIDDEN);
    this.reduced = new Float64Array(REDUCED);
    this.head = new Float64Array(N_CONTROLS);
  }

  reset() {
    this.frames.fill(0.0);
    this.hidden.fill(0.0);
  }

  // Writes the 12 targets; `last` are the controls of the step before.
  step(micro, read, last, targets) {
    const w = this.weights;
    this.frames.copyWithin(0, MICRO.len);
    this.frames.set(micro, N_FRAMES - MICRO.len);
    dense(w['reduce.weight'], w['reduce.bias'], this.frames, this.reduced);
    let at = 0;
    for (const value of this.reduced) this.input[at++] = tanh(value);
    for (const part of [read.beat, read.sections, read.hazards, last]) for (const value of part) this.input[at++] = value;
    dense(w['gru.weight_ih'], w['gru.bias_ih'], this.input, this.fromInput);
    dense(w['gru.weight_hh'], w['gru.bias_hh'], this.hidden, this.fromHidden);
    for (let k = 0; k < HIDDEN; k += 1) {
      const reset = sigmoid(this.fromInput[k] + this.fromHidden[k]);
      const keep = sigmoid(this.fromInput[HIDDEN + k] + this.fromHidden[HIDDEN + k]);
      const fresh = tanh(this.fromInput[2 * HIDDEN + k] + reset * this.fromHidden[2 * HIDDEN + k]);
      this.hidden[k] = (1.0 - keep) * fresh + keep * this.hidden[k];
    }
    dense(w['head.weight'], w['head.bias'], this.hidden, this.head);
    for (let k = 0; k < N_CONTROLS; k += 1) targets[k] = CONTROL_MIN[k] + (CONTROL_MAX[k] - CONTROL_MIN[k]) * sigmoid(this.head[k]);
  }
}

// out = bias + matrix input, row by row, each sum from the first column to the last.
function dense(matrix, bias, input, out) {
  const n = input.length;
  for (let row = 0; row < out.length; row += 1) {
    let sum = bias[row];
    for (let k = 0; k < n; k += 1) sum += matrix[row * n + k] * input[k];
    out[row] = sum;
  }
}
