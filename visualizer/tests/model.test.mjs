// What the page knows and how it reckons with time, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../link/clock.js";
import { Demo } from "../link/demo.js";
import { countdown, expectedBeats, inWords } from "../model/countdown.js";
import { sectionLook } from "../model/palette.js";
import { HISTORY_MS, Score } from "../model/score.js";
import { Pace } from "../pace.js";
import { HEIGHTS, Scale } from "../stage/scale.js";

const HORIZONS = [1, 2, 4, 8, 16];
const LABELS = ["silence", "intro", "verse", "pre-chorus", "chorus", "bridge", "inst", "outro"];
const at = (at_ms) => ({ mono_ns: at_ms * 1e6, unix_ns: 0 });
const hello = (session) => ({ type: "hello", session, labels: LABELS, horizons_beats: HORIZONS, lead_ms: 500, program_version: "1" });
const beat = (number, at_ms) => ({ type: "beat", number, at: at(at_ms), beat_in_bar: (number % 4) + 1, beats_per_bar: 4, bar: 1, period_sec: 0.5 });
const state = (at_ms, more = {}) => ({ type: "state", at: at(at_ms), age_sec: 0, locked: true, period_sec: 0.5, level: 0.5, ...more });

test("the answer with the shortest way counts", () => {
  const clock = new ServerClock();
  assert.equal(clock.isKnown, false);
  // The server is 1000 ms ahead. There and back: 2 ms, evenly; then 40 ms, all on the way back.
  clock.take({ t: 100, received: 1_101e6, sent: 1_101e6 }, 102);
  assert.equal(clock.offset(102), 1000);
  clock.take({ t: 200, received: 1_200e6, sent: 1_200e6 }, 240);
  assert.equal(clock.offset(500), 1000);
  assert.equal(clock.uncertainty_ms, 1);
});

test("a better answer is gone over to without a jump, another clock at once", () => {
  const clock = new ServerClock();
  clock.take({ t: 0, received: 1_000e6, sent: 1_000e6 }, 40); // 980 or 1000
  clock.take({ t: 100, received: 1_101e6, sent: 1_101e6 }, 102); // 1000
  assert.equal(clock.offset(102), 980);
  assert.equal(clock.offset(202), 990);
  assert.equal(clock.offset(302), 1000);
  clock.take({ t: 400, received: 9_400.5e6, sent: 9_400.5e6 }, 401);
  assert.equal(clock.offset(401), 9000);
  clock.take({ t: "x", received: 1, sent: 2 }, 500);
  assert.equal(clock.offset(600), 9000);
});

test("beats fall once, in order, also when they are told again", () => {
  const score = new Score();
  score.take(hello("a"));
  for (const message of [beat(1, 1500), beat(0, 1000), beat(1, 1500)]) score.take(message);
  assert.deepEqual(score.fallen(-Infinity, 999), []);
  assert.deepEqual(score.fallen(-Infinity, 1500).map(({ number }) => number), [0, 1]);
  assert.deepEqual(score.fallen(1000, 1499), []);
  score.take(hello("a"));
  assert.equal(score.beats.length, 2, "the same session goes on");
  assert.equal(score.take(hello("b")), true);
  assert.equal(score.beats.length, 0, "another one begins anew");
});

test("position is between announced beats and ends with the lock", () => {
  const score = new Score();
  score.take(hello("a"));
  assert.equal(score.position(0), null);
  for (const message of [beat(2, 1000), beat(3, 1400), state(1000)]) score.take(message);
  const { phase, bar, period_sec } = score.position(1100);
  assert.ok(Math.abs(phase - 0.25) < 1e-9 && Math.abs(bar - 2.25 / 4) < 1e-9 && period_sec === 0.4);
  assert.ok(Math.abs(score.position(1650).phase - 0.5) < 1e-9, "beyond the last announced beat it goes on for a while");
  assert.equal(score.position(9000), null);
  score.take(state(1700, { locked: false }));
  assert.equal(score.position(1700), null);
});

test("what is kept has a bound, and activations may be missing", () => {
  const score = new Score();
  score.take(hello("a"));
  for (let i = 0; i < 5000; i += 1) score.take(state(i * 20, i % 2 ? {} : { beat_activation: 0.3 }));
  assert.ok(score.samples.length <= HISTORY_MS / 20 + 1);
  assert.deepEqual([score.samples.at(-1).beat, score.samples.at(-2).beat], [null, 0.3]);
  for (let i = 0; i < 2000; i += 1) score.take(beat(i, i));
  assert.equal(score.beats.length, 512);
});

test("a source that says nothing is gone", () => {
  const score = new Score();
  assert.equal(score.isAlive(0), false);
  score.take(state(1000));
  assert.deepEqual([score.isAlive(1100), score.isAlive(4000)], [true, false]);
});

test("the countdown names the nearest probable horizon, and nothing that is improbable", () => {
  const known = { horizons_beats: HORIZONS, approach: null, period_sec: 0.5, now_ms: 0 };
  assert.equal(countdown({ ...known, hazard_probs: [0, 0, 0.1, 0.2, 0.29] }), null);
  assert.equal(inWords(null), "no boundary in sight");
  assert.equal(inWords(countdown({ ...known, hazard_probs: [0, 0, 0.1, 0.4, 0.45] }), 4), "within 8 beats (2 bars), 40 %");
  assert.equal(inWords(countdown({ ...known, hazard_probs: [0, 0.1, 0.3, 0.6, 0.9] }), 4), "within 8 beats (2 bars), 60 %");
  assert.equal(inWords(countdown({ ...known, hazard_probs: [0.6, 0.7, 0.7, 0.7, 0.9] }), 4), "within 1 beat, 60 %");
  assert.equal(countdown({ ...known, hazard_probs: [], horizons_beats: [] }), null);
});

test("an announced approach counts down beat by beat, with its own probability", () => {
  const approach = { latest_ms: 2600, prob: 0.55, next: 4, next_prob: 0.7 };
  const known = { horizons_beats: HORIZONS, hazard_probs: [0, 0.1, 0.3, 0.6, 0.9], approach, period_sec: 0.5 };
  assert.deepEqual([0, 300, 2200, 5000].map((now_ms) => countdown({ ...known, now_ms }).beats), [6, 5, 1, 1]);
  assert.deepEqual([countdown({ ...known, now_ms: 0 }).prob, countdown({ ...known, now_ms: 0 }).next], [0.55, 4]);
});

test("the expected distance is the mean over the steps", () => {
  assert.equal(expectedBeats([0, 0, 0, 0.5, 0.5], HORIZONS), 6);
  assert.equal(expectedBeats([0, 0, 0, 0.5, 1], HORIZONS), 9);
  assert.equal(expectedBeats([0, 0, 0, 0, 0], HORIZONS), 16);
});

test("sections differ in sign and colour, and an unknown one is said", () => {
  const looks = LABELS.map((_, index) => sectionLook(LABELS, index));
  assert.equal(new Set(looks.map((look) => look.sign)).size, 8);
  assert.equal(new Set(looks.map((look) => look.colour)).size, 8);
  assert.equal(sectionLook(LABELS, null).name, "–");
  assert.equal(sectionLook(["drop"], 0).name, "drop");
});

test("a picture is seen one interval after it begins", () => {
  const pace = new Pace();
  assert.equal(pace.begin(100).seen_ms.toFixed(1), "116.7");
  for (let i = 1; i < 40; i += 1) pace.begin(100 + i * 10);
  assert.deepEqual(pace.begin(500), { seen_ms: 510, dt_sec: 0.01 });
});

test("the picture shrinks where it is slow, and does not go back and forth", () => {
  const scale = new Scale(false);
  const first = scale.index;
  let now_ms = 0;
  const run = (dt_ms, n) => {
    for (let i = 0; i < n; i += 1) scale.observe(dt_ms, (now_ms += dt_ms));
  };
  run(60, 400);
  assert.ok(scale.index < first);
  const small = scale.index;
  run(16.7, 600);
  assert.ok(scale.index <= small + 1, "a height that was too slow is left alone for a minute");
  run(16.7, 20_000);
  assert.ok(scale.index > small);
  assert.deepEqual(scale.size(100, 50, 1), [100, 50], "never more pixels than there are");
  assert.ok(HEIGHTS.includes(scale.size(4000, 4000, 1)[1]));
});

test("the demo says the same every time, in the form of the app", () => {
  const told = (from_sec) => {
    const messages = [];
    const demo = new Demo({ onMessage: (message) => messages.push(message), onLink() {} }, from_sec);
    const [set, now] = [globalThis.setInterval, performance.now];
    globalThis.setInterval = () => 0;
    demo.start();
    globalThis.setInterval = set;
    performance.now = now;
    return messages;
  };
  assert.deepEqual(told(40), told(40));
  const messages = told(40);
  assert.deepEqual([...new Set(messages.map(({ type }) => type))].toSorted(), ["approach", "beat", "hello", "lock", "section", "state"]);
  for (const { hazard_probs, section_probs, bands } of messages.filter(({ type }) => type === "state")) {
    assert.ok(hazard_probs.every((prob, i) => prob >= 0 && prob <= 1 && prob >= (hazard_probs[i - 1] ?? 0)) && section_probs.length === 8 && bands.length === 16);
  }
});
