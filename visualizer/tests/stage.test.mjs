// The flash limiter on rendered pixels: pictures drawn by the page's own stage, asked for the worst, read back and counted.

import assert from "node:assert/strict";
import { test } from "node:test";

import { mostFlashes } from "./flash_count.mjs";
import { App, browser, openPage, skip } from "./support.mjs";

const WIDTH = 32;
const HEIGHT = 18;
/** Pixels of a tile's side: flashes are counted in each, and in the whole. */
const TILE = 6;
const N_SECONDS = 2.2;
const MOST = 3;
/** What is also drawn at an uneven pace. */
const UNEVEN = ["controls that jump", "black and white, 15 Hz", "red and black, 10 Hz"];

/** Runs in the page: renders `name` for `n_seconds` and returns the mean luminance of each tile, picture by picture. */
async function render({ name, isLimited, width, height, tile, n_seconds, pauses_ms }) {
  const [{ Stage }, { lookOf }, { Controller, CONTROL_MIN, CONTROL_MAX, defaultWeights }, { luminanceOf, toLinear }, { Surface }] = await Promise.all(
    ["stage/stage.js", "visuals.js", "controller/controller.js", "limit/luminance.js", "stage/gl.js"].map((file) => import(`/view/${file}`)),
  );
  const canvas = document.createElement("canvas");
  canvas.style.cssText = `position: fixed; width: ${width}px; height: ${height}px`;
  document.body.append(canvas);
  const stage = Stage.make(canvas);
  const { gl, julia, limiter, target } = stage;
  if (gl.drawingBufferWidth !== width || gl.drawingBufferHeight !== height) throw new Error(`expected ${width} x ${height} pixels, got ${gl.drawingBufferWidth} x ${gl.drawingBufferHeight}`);
  let seed = 12345;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const controller = new Controller(defaultWeights());
  const music = (level, more = {}) => controller.step({ bands: new Array(16).fill(level), level, phase: 0, bar_phase: 0, beats_per_bar: 4, period_sec: 0.25, confidence: 1, locked: true,
    section_probs: [0, 0, 0, 0, 1, 0, 0, 0], hazard_probs: [0, 0, 0, 0, 0], ...more });
  const wild = () => CONTROL_MIN.map((low, i) => low + (CONTROL_MAX[i] - low) * random());
  const [bright, dark] = [CONTROL_MAX.map((most, i) => (i === 3 ? 0 : most)), CONTROL_MIN.map((least, i) => (i === 1 ? 1 : least))];
  const square = (t, hz) => (t * hz) % 1 < 0.5;
  const fills = { "black and white, 15 Hz": [15, [1, 1, 1], [0, 0, 0]], "black and white, 5 Hz": [5, [1, 1, 1], [0, 0, 0]], "half grey, 8 Hz": [8, [0.4, 0.4, 0.4], [0.2, 0.2, 0.2]],
    "red and black, 10 Hz": [10, [1, 0, 0], [0, 0, 0]], "red and blue, 6 Hz": [6, [1, 0, 0], [0, 0, 1]], "out of range, 12 Hz": [12, [9, 9, 9], [-9, -9, -9]] };
  const draws = {
    "square-wave noise": (t) => julia.draw(target, lookOf(music(square(t, 9) ? 0.5 + 0.5 * random() : 0, { phase: (t * 4) % 1 }), 0)),
    "tremolo 20 Hz": (t) => julia.draw(target, lookOf(music(0.5 + 0.5 * Math.sin(2 * Math.PI * 20 * t), { phase: (t * 4) % 1 }), 0)),
    "sections that jump": (t) => julia.draw(target, lookOf(music(1, { section_probs: [0, 0, 0, 0, 0, 0, 0, 0].map((_, i) => Number(i === Math.floor(random() * 8))), hazard_probs: new Array(5).fill(Number(square(t, 7))) }), 0)),
    "controls that jump": () => julia.draw(target, lookOf(wild(), random())),
    "bright and dark controls, 10 Hz": (t) => julia.draw(target, lookOf(square(t, 10) ? bright : dark, 0)),
    "no numbers": (t) => julia.draw(target, lookOf(bright.map((value) => (square(t, 10) ? value : NaN)), 0)),
    "a pixel pattern that turns over": (t) => {
      gl.enable(gl.SCISSOR_TEST);
      for (let x = 0; x < width; x += 4) {
        gl.scissor(x, 0, 4, height);
        const value = (x / 4 + Math.floor(t * 20)) % 2;
        target.fill(value, value, value);
      }
      gl.disable(gl.SCISSOR_TEST);
    },
  };
  for (const [fill, [hz, on, off]] of Object.entries(fills)) draws[fill] = (t) => target.fill(...(square(t, hz) ? on : off));
  const pixels = new Uint8Array(width * height * 4);
  const pictures = [];
  let [at_ms, reddest, brightest] = [0, 0, 0];
  for (let i = 0; at_ms < n_seconds * 1000; i += 1) {
    const dt_ms = pauses_ms[i % pauses_ms.length];
    at_ms += dt_ms;
    draws[name](at_ms / 1000);
    if (isLimited) limiter.show(target, dt_ms / 1000);
    else limiter.showUnlimited(target);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const [columns, rows] = [Math.ceil(width / tile), Math.ceil(height / tile)];
    const sums = new Float64Array(columns * rows);
    const counts = new Float64Array(columns * rows);
    for (let p = 0; p < width * height; p += 1) {
      const [red, green, blue] = pixels.subarray(p * 4, p * 4 + 3);
      const at = Math.floor((p % width) / tile) + columns * Math.floor(Math.floor(p / width) / tile);
      const luminance = luminanceOf(red, green, blue);
      sums[at] += luminance;
      counts[at] += 1;
      brightest = Math.max(brightest, luminance);
      // Rounding decides the share of what is nearly black.
      if (red > 40) reddest = Math.max(reddest, toLinear(red / 255) / (toLinear(red / 255) + toLinear(green / 255) + toLinear(blue / 255)));
    }
    // One pixel alone, too.
    pictures.push([at_ms / 1000, [...sums.map((sum, k) => sum / counts[k]), luminanceOf(pixels[0], pixels[1], pixels[2])]]);
  }
  const problem = gl.getError();
  canvas.remove();
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return { pictures, reddest, brightest, problem, names: Object.keys(draws) };
}

/** Most flashes in a second in any tile, and in the mean of all. */
function worst(pictures) {
  const n = pictures[0][1].length;
  const of = (value) => mostFlashes(pictures.map(([at_sec, tiles]) => [at_sec, value(tiles)]));
  return Math.max(of((tiles) => tiles.reduce((sum, tile) => sum + tile, 0) / n), ...Array.from({ length: n }, (_, k) => of((tiles) => tiles[k])));
}

test("no picture of the stage flashes more than three times a second, whatever its controls", { skip, timeout: 600_000 }, async (t) => {
  const app = await App.start(t);
  const page = await openPage(await browser(t), `${app.address}?demo`, { reducedMotion: "reduce" });
  const run = (name, isLimited, pauses_ms) => page.evaluate(render, { name, isLimited, width: WIDTH, height: HEIGHT, tile: TILE, n_seconds: N_SECONDS, pauses_ms });
  const even = [1000 / 60];
  const { names } = await run("tremolo 20 Hz", true, even);
  const seen = {};
  for (const name of names) {
    for (const pauses_ms of UNEVEN.includes(name) ? [even, [14, 90, 33, 17]] : [even]) {
      const { pictures, reddest, brightest, problem } = await run(name, true, pauses_ms);
      assert.equal(problem, 0, `${name}: WebGL error`);
      assert.ok(worst(pictures) <= MOST, `${name}: ${worst(pictures)} flashes in a second`);
      assert.ok(reddest < 0.8, `${name}: saturated red, ${reddest}`);
      if (pauses_ms === even) seen[name] = { most: worst(pictures), brightest };
    }
  }
  assert.ok(seen["controls that jump"].brightest > 0.05 && seen["square-wave noise"].brightest > 0.05, "something was drawn");
  // The same without the limiter, or the test would prove nothing.
  const bare = {};
  for (const name of names) bare[name] = worst((await run(name, false, even)).pictures);
  t.diagnostic(`most flashes in a second, limited / not: ${names.map((name) => `${name} ${seen[name].most}/${bare[name]}`).join(", ")}`);
  for (const name of ["black and white, 15 Hz", "black and white, 5 Hz", "half grey, 8 Hz", "red and black, 10 Hz", "controls that jump", "bright and dark controls, 10 Hz", "a pixel pattern that turns over"]) {
    assert.ok(bare[name] > MOST, `${name} without the limiter: ${bare[name]}`);
  }
  assert.deepEqual(page.problems, []);
});

