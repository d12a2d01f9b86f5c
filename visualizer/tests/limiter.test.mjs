// The flash limiter's rule on traces of luminance, and the count that judges it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FALL_PER_SEC, LONGEST_STEP_SEC, LuminanceLimiter, luminanceOf, toLinear, toSrgb } from "../limit/luminance.js";
import { mostFlashes, transitions } from "./flash_count.mjs";

const N_SECONDS = 12;
const MOST = 3;

/** The trace of `wanted(time_sec)` at the times that `pause_sec(i)` apart, as it is and as it is shown. */
function traces(wanted, pause_sec) {
  const limiter = new LuminanceLimiter();
  const [plain, shown] = [[], []];
  let at_sec = 0;
  for (let i = 0; at_sec < N_SECONDS; i += 1) {
    const dt_sec = pause_sec(i);
    at_sec += dt_sec;
    plain.push([at_sec, wanted(at_sec)]);
    shown.push([at_sec, limiter.step(wanted(at_sec), dt_sec)]);
  }
  return { plain, shown };
}

function noise(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Bright for the first part of each period. */
const pulses = (hz, share, high = 1, low = 0) => (t) => ((t * hz) % 1 < share ? high : low);

const random = noise(7);
const inputs = {
  ...Object.fromEntries([2.5, 3, 3.5, 4, 5, 7.3, 8, 10, 15, 16, 20, 29.97, 30].flatMap((hz) => [[`square ${hz} Hz`, pulses(hz, 0.5)], [`pulse ${hz} Hz`, pulses(hz, 0.1)], [`small ${hz} Hz`, pulses(hz, 0.5, 0.31, 0.2)]])),
  "tremolo 20 Hz": (t) => 0.5 + 0.5 * Math.sin(2 * Math.PI * 20 * t),
  "random jumps": () => random(),
  "240 BPM in sixteenths": pulses(16, 0.3),
  "saw up": (t) => (t * 6) % 1,
  "saw down": (t) => 1 - ((t * 6) % 1),
  "no number": (t) => (t % 0.2 < 0.1 ? NaN : 1),
  "out of range": (t) => (t % 0.2 < 0.1 ? -50 : 50),
};
const paces = {
  "24 Hz": () => 1 / 24, "30 Hz": () => 1 / 30, "60 Hz": () => 1 / 60, "75 Hz": () => 1 / 75, "240 Hz": () => 1 / 240, "7 Hz": () => 1 / 7,
  uneven: (i) => [0.004, 0.1, 0.017, 0.033, 0.3][i % 5],
};

for (const [pace, pause_sec] of Object.entries(paces)) {
  test(`whatever is asked for, no more than three flashes a second are shown at ${pace}`, () => {
    for (const [name, wanted] of Object.entries(inputs)) {
      const { shown } = traces(wanted, pause_sec);
      assert.ok(mostFlashes(shown) <= MOST, `${name}: ${mostFlashes(shown)}`);
      assert.ok(shown.every(([, luminance]) => luminance >= 0 && luminance <= 1), name);
    }
  });
}

test("without the limiter the same inputs flash more than that", () => {
  for (const name of ["square 4 Hz", "square 30 Hz", "tremolo 20 Hz", "random jumps", "240 BPM in sixteenths", "saw down"]) {
    const { plain } = traces(inputs[name], paces["60 Hz"]);
    assert.ok(mostFlashes(plain) > MOST, `${name}: ${mostFlashes(plain)}`);
  }
});

test("in any second what is shown falls by less than four steps", () => {
  for (const [pace, pause_sec] of Object.entries(paces)) {
    for (const [name, wanted] of Object.entries(inputs)) {
      const { shown } = traces(wanted, pause_sec);
      const falls = shown.slice(1).map(([at_sec, luminance], i) => ({ at_sec, by: Math.max(0, shown[i][1] - luminance) }));
      for (const { at_sec } of falls) {
        const sum = falls.filter((fall) => fall.at_sec >= at_sec && fall.at_sec <= at_sec + 1).reduce((total, fall) => total + fall.by, 0);
        assert.ok(sum <= FALL_PER_SEC * (1 + 2 * LONGEST_STEP_SEC) + 1e-9, `${name} at ${pace}: ${sum}`);
      }
    }
  }
});

test("slow changes pass as they are, and a beat is seen at once", () => {
  const limiter = new LuminanceLimiter();
  assert.equal(limiter.step(0.05, 1 / 60), 0.05);
  assert.ok(limiter.step(1, 1 / 60) > 0.1);
  const { shown } = traces((t) => 0.3 + 0.05 * Math.sin(t), paces["60 Hz"]);
  const [at_sec, luminance] = shown.at(-1);
  assert.ok(Math.abs(luminance - (0.3 + 0.05 * Math.sin(at_sec))) < 1e-9);
});

test("nothing moves without time", () => {
  const limiter = new LuminanceLimiter(0.5);
  for (const dt_sec of [0, -1, NaN]) assert.equal(limiter.step(0, dt_sec), 0.5);
});

test("flashes are counted by hand the same", () => {
  const at = (...values) => values.map((value, i) => [i * 0.1, value]);
  assert.equal(transitions(at(0, 0.1)).length, 1);
  assert.equal(transitions(at(0, 0.09, 0, 0.09)).length, 0);
  assert.equal(transitions(at(0.85, 1, 0.85, 1)).length, 0, "both too bright to count");
  assert.equal(transitions(at(0, 0.05, 0.1, 0.15, 0.3, 0.19)).length, 2, "one way is one transition, however it is cut");
  assert.equal(mostFlashes(at(0, 1, 0, 1, 0, 1, 0, 1)), 3);
  assert.equal(mostFlashes(at(0, 1, 0, 1, 0, 1, 0, 1, 0)), 4);
  assert.equal(mostFlashes([]), 0);
  assert.equal(mostFlashes([[0, 0], [0.9, 1], [1.8, 0], [2.7, 1]]), 1, "slow ones are few");
});

test("sRGB and linear light are each other's reverse", () => {
  for (const value of [0, 0.002, 0.0031308, 0.04, 0.2, 1]) assert.ok(Math.abs(toLinear(toSrgb(value)) - value) < 1e-6);
  assert.ok(Math.abs(luminanceOf(255, 255, 255) - 1) < 1e-9 && luminanceOf(0, 0, 0) === 0);
  assert.ok(Math.abs(luminanceOf(188, 188, 188) - 0.5) < 0.01, "half the light is 188 of 255");
});
