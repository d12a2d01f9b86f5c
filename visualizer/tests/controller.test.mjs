// The page's controller against the golden trace that the Rust crate writes and checks: bit by bit. Run by `node --test`.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONTROL_MAX, CONTROL_MIN, CONTROL_NAMES, Controller, defaultWeights, juliaC, netWeights } from '../controller/controller.js';
import { TENSORS, decodeWeights } from '../controller/net.js';
import { cosTurns, exp, sigmoid, sinTurns, tanh } from '../controller/numbers.js';

const FOLDER = new URL('../../tests/golden/controller/', import.meta.url);
const TEXT = readFileSync(new URL('trace.json', FOLDER), 'utf8');
const TRACE = JSON.parse(TEXT);

// Numbers of a string of 16 hexadecimal digits each.
function numbers(hex) {
  const view = new DataView(new ArrayBuffer(8));
  return Array.from({ length: hex.length / 16 }, (_, k) => {
    view.setBigUint64(0, BigInt(`0x${hex.slice(16 * k, 16 * k + 16)}`));
    return view.getFloat64(0);
  });
}

function hexOf(values) {
  const view = new DataView(new ArrayBuffer(8));
  return Array.from(values, (value) => {
    view.setFloat64(0, value);
    return view.getBigUint64(0).toString(16).padStart(16, '0');
  }).join('');
}

// The inverse of the example's `numbers` and flags.
function inputOf(hex, flags) {
  const v = numbers(hex);
  return {
    bands: v.slice(0, 16), level: v[16], phase: v[17], bar_phase: v[18], period_sec: v[19], confidence: v[20],
    section_probs: v.slice(21, 29), hazard_probs: v.slice(29, 34), locked: flags[0] === '1', beats_per_bar: parseInt(flags.slice(1), 16),
  };
}

// The trace's made-up weights: 16-bit multiples of 2^-17.
function sampleWeights() {
  const weights = {};
  let at = 0;
  for (const [name, length] of TENSORS) {
    weights[name] = Float64Array.from({ length }, (_, k) => {
      const word = parseInt(TRACE.weights.slice(4 * (at + k), 4 * (at + k) + 4), 16);
      return (word < 32768 ? word : word - 65536) / 131072;
    });
    at += length;
  }
  assert.equal(TRACE.weights.length, 4 * at);
  return weights;
}

test('the trace is the one of its manifest', () => {
  const manifest = JSON.parse(readFileSync(new URL('MANIFEST.json', FOLDER), 'utf8'));
  assert.equal(createHash('sha256').update(TEXT).digest('hex'), manifest.files['trace.json'].sha256);
});

test('functions give the bits of Rust', () => {
  assert.equal(TRACE.functions.length, 64);
  for (const line of TRACE.functions) {
    const [x] = numbers(line);
    assert.equal(hexOf([x, exp(x), tanh(0.2 * x), sigmoid(x), sinTurns(x), cosTurns(x)]), line);
  }
});

test('micro features, mapping, net and c give the bits of Rust', () => {
  const mapping = new Controller(null);
  const net = new Controller(sampleWeights());
  assert.ok(TRACE.steps.length >= 300);
  TRACE.steps.forEach(([input, flags, micro, byHand, byNet, c], k) => {
    const controls = mapping.step(inputOf(input, flags));
    assert.equal(hexOf(mapping.micro.values), micro, `micro features of step ${k}`);
    assert.equal(hexOf(controls), byHand, `mapping, step ${k}`);
    assert.equal(hexOf(net.step(inputOf(input, flags))), byNet, `net, step ${k}`);
    assert.equal(hexOf(juliaC(controls)), c, `c of step ${k}`);
  });
});

test('a reset controller is a new one', () => {
  const used = new Controller(sampleWeights());
  const inputs = TRACE.steps.map(([input, flags]) => inputOf(input, flags));
  const first = inputs.map((input) => hexOf(used.step(input)));
  used.reset();
  assert.deepEqual(inputs.map((input) => hexOf(used.step(input))), first);
});

test('controls stay in their ranges, whatever comes', () => {
  const controller = new Controller(null);
  for (const bad of [NaN, Infinity, -Infinity, 1e300, undefined]) {
    const controls = controller.step({
      bands: Array(16).fill(bad), level: bad, phase: bad, bar_phase: bad, beats_per_bar: bad, period_sec: bad, confidence: bad, locked: true,
      section_probs: Array(8).fill(bad), hazard_probs: Array(5).fill(bad),
    });
    assert.equal(controls.length, CONTROL_NAMES.length);
    controls.forEach((value, k) => assert.ok(value >= CONTROL_MIN[k] && value <= CONTROL_MAX[k], `${CONTROL_NAMES[k]} ${value} for ${bad}`));
  }
});

test('weights of another length are refused', () => {
  assert.throws(() => decodeWeights(btoa('abcd')), /4 bytes, expected/);
});

test('the page has the weights of models/controller_v1', () => {
  const file = readFileSync(new URL('../../models/controller_v1/model.safetensors', import.meta.url));
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + length).toString());
  const weights = netWeights();
  for (const [name, n] of TENSORS) {
    const [from, to] = header[name].data_offsets;
    assert.equal(to - from, 4 * n, name);
    for (let k = 0; k < n; k += 1) assert.equal(weights[name][k], file.readFloatLE(8 + length + from + 4 * k), `${name} ${k}`);
  }
});

test('the default is the one of the manifest', () => {
  const manifest = JSON.parse(readFileSync(new URL('../../models/controller_v1/manifest.json', import.meta.url)));
  assert.equal(defaultWeights() !== null, manifest.is_default);
});
