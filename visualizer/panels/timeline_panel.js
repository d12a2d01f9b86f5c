// The timeline: what was heard to the left of "now", what is announced and foreseen to the right of it. One canvas.

import { sectionLook } from "../model/palette.js";
import { $ } from "./dom.js";

/** Seconds before and after now, on a wide page and on a phone. */
const WIDE = { past_sec: 12, ahead_sec: 8 };
const NARROW = { past_sec: 6, ahead_sec: 4 };
const NARROW_BELOW_PX = 640;
const LANE_PX = 26;
const FOOT_PX = 20;
/** With reduced motion the picture stands still for so long, and "now" moves through it. */
const STILL_MS = 4000;
/** Curves are drawn as broken where nothing came for so long. */
const GAP_MS = 120;
const COLOURS = { ground: "#10141c", wave: "#33405a", text: "#aeb8c9", faint: "#3b465a", beat: "#56b4e9", one: "#ffb02e", now: "#ffffff", cloud: "255, 127, 80" };

export class TimelinePanel {
  constructor() {
    this.canvas = $("timeline");
    this.context = this.canvas.getContext("2d");
  }

  draw(score, now_ms, isCalm) {
    const density = Math.min(2, devicePixelRatio || 1);
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    const [width, height] = [Math.round(clientWidth * density), Math.round(clientHeight * density)];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const { past_sec, ahead_sec } = clientWidth < NARROW_BELOW_PX ? NARROW : WIDE;
    const middle_ms = isCalm ? Math.floor(now_ms / STILL_MS) * STILL_MS : now_ms;
    const from_ms = middle_ms - past_sec * 1000 + (isCalm ? STILL_MS : 0);
    const view = { from_ms, to_ms: from_ms + (past_sec + ahead_sec) * 1000, now_ms, width: clientWidth, height: clientHeight,
      top: LANE_PX + 6, bottom: clientHeight - FOOT_PX };
    view.x = (at_ms) => ((at_ms - view.from_ms) / (view.to_ms - view.from_ms)) * clientWidth;
    const { context } = this;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.fillStyle = COLOURS.ground;
    context.fillRect(0, 0, clientWidth, clientHeight);
    context.font = "12px Inter, system-ui, sans-serif";
    context.textBaseline = "middle";
    this.#cloud(score, view);
    this.#wave(score, view);
    this.#beats(score, view);
    this.#curve(score, view, "beat", COLOURS.beat, []);
    this.#curve(score, view, "downbeat", COLOURS.one, [4, 2]);
    this.#sections(score, view);
    this.#now(view);
  }

  /** How likely a boundary is, beat by beat, from the hazards: darker where it is likelier. */
  #cloud(score, view) {
    const { state, horizons_beats } = score;
    if (state === null || !state.locked || state.period_sec <= 0) return;
    const beat = score.beatAt(view.now_ms);
    const start_ms = beat === null ? view.now_ms : beat.at_ms;
    const period_ms = state.period_sec * 1000;
    const { context } = this;
    let before = 0;
    let prob_before = 0;
    horizons_beats.forEach((horizon, i) => {
      const prob = Math.max(prob_before, state.hazard_probs[i] ?? 0);
      const density = (prob - prob_before) / (horizon - before);
      const left = Math.max(view.x(view.now_ms), view.x(start_ms + before * period_ms));
      const right = Math.min(view.width, view.x(start_ms + horizon * period_ms));
      if (right > left && prob - prob_before > 0.02) {
        context.fillStyle = `rgba(${COLOURS.cloud}, ${Math.min(0.55, 0.06 + 1.6 * density).toFixed(3)})`;
        context.fillRect(left, view.top, right - left, view.bottom - view.top);
      }
      before = horizon;
      prob_before = prob;
    });
  }

  #wave(score, view) {
    const { context } = this;
    const middle = (view.top + view.bottom) / 2;
    const half = (view.bottom - view.top) / 2 - 4;
    context.fillStyle = COLOURS.wave;
    for (const run of runs(score.samples, view)) {
      context.beginPath();
      run.forEach((sample, i) => context[i ? "lineTo" : "moveTo"](view.x(sample.at_ms), middle - half * sample.level));
      run.toReversed().forEach((sample) => context.lineTo(view.x(sample.at_ms), middle + half * sample.level));
      context.fill();
    }
  }

  #curve(score, view, name, colour, dash) {
    const { context } = this;
    const height = (view.bottom - view.top) * 0.9;
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.setLineDash(dash);
    for (const run of runs(score.samples.filter((sample) => sample[name] !== null), view)) {
      context.beginPath();
      run.forEach((sample, i) => context[i ? "lineTo" : "moveTo"](view.x(sample.at_ms), view.bottom - height * sample[name]));
      context.stroke();
    }
    context.setLineDash([]);
  }

  #beats(score, view) {
    const { context } = this;
    const inView = score.beats.filter((beat) => beat.at_ms > view.from_ms && beat.at_ms < view.to_ms);
    context.textAlign = "center";
    const bar_px = inView.length > 1 ? view.x(inView[1].at_ms) - view.x(inView[0].at_ms) : 40;
    for (const beat of inView) {
      const x = view.x(beat.at_ms);
      const isOne = beat.beat_in_bar === 1;
      const isAhead = beat.at_ms > view.now_ms;
      context.globalAlpha = isOne ? 0.95 : 0.6;
      context.strokeStyle = isOne ? COLOURS.one : COLOURS.beat;
      context.lineWidth = isOne ? 2 : 1;
      context.setLineDash(isAhead ? [3, 3] : []);
      line(context, x, isOne ? view.top : view.top + (view.bottom - view.top) * 0.3, view.bottom);
      context.setLineDash([]);
      context.globalAlpha = 1;
      context.beginPath();
      context.arc(x, view.bottom, isOne ? 4.5 : 3, 0, 7);
      context.fillStyle = isAhead ? COLOURS.ground : isOne ? COLOURS.one : COLOURS.beat;
      context.fill();
      context.stroke();
      if (isOne && beat.bar > 0 && (bar_px > 14 || beat.bar % 2 === 1)) {
        context.fillStyle = COLOURS.text;
        context.fillText(String(beat.bar), x, view.height - 7);
      }
    }
    // Beyond what is announced: where the beats would go on, if nothing changes.
    const last = score.beats.at(-1);
    const period_ms = (score.state?.period_sec ?? 0) * 1000;
    if (!last || period_ms < 100 || !score.state.locked) return;
    context.fillStyle = COLOURS.faint;
    for (let at_ms = last.at_ms + period_ms; at_ms < view.to_ms; at_ms += period_ms) {
      if (at_ms > view.now_ms) context.fillRect(view.x(at_ms) - 1, view.bottom - 3, 2, 6);
    }
  }

  #sections(score, view) {
    const { context } = this;
    context.textAlign = "left";
    score.sections.forEach((section, i) => {
      const end_ms = score.sections[i + 1]?.at_ms ?? Math.max(view.now_ms, section.at_ms);
      const [left, right] = [Math.max(0, view.x(section.at_ms)), Math.min(view.width, view.x(end_ms))];
      if (right <= 0 || left >= view.width || section.at_ms > view.now_ms) return;
      const look = sectionLook(score.labels, section.section);
      context.fillStyle = look.colour;
      context.beginPath();
      context.roundRect(left + 1, 2, Math.max(1, right - left - 2), LANE_PX - 4, 5);
      context.fill();
      if (right - left > 60) {
        context.save();
        context.clip();
        context.fillStyle = "#0b0e14";
        context.font = "600 12px Inter, system-ui, sans-serif";
        context.fillText(`${look.sign} ${look.name}`, left + 9, LANE_PX / 2 + 1);
        context.restore();
      }
      if (i > 0 && section.at_ms > view.from_ms) {
        context.strokeStyle = look.colour;
        context.lineWidth = 2;
        line(context, view.x(section.at_ms), 2, view.bottom);
      }
    });
  }

  #now(view) {
    const { context } = this;
    const x = view.x(view.now_ms);
    context.strokeStyle = COLOURS.now;
    context.lineWidth = 2;
    line(context, x, 0, view.height - FOOT_PX + 6);
    context.fillStyle = COLOURS.now;
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 8);
    context.fill();
  }
}

function line(context, x, top, bottom) {
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, bottom);
  context.stroke();
}

/** Samples in view, cut where something is missing. */
function runs(samples, view) {
  const found = [];
  let last_ms = -Infinity;
  for (const sample of samples) {
    if (sample.at_ms < view.from_ms - GAP_MS || sample.at_ms > view.now_ms) continue;
    if (sample.at_ms - last_ms > GAP_MS) found.push([]);
    found.at(-1).push(sample);
    last_ms = sample.at_ms;
  }
  return found;
}
