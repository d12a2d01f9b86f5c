// Draws the picture: a lane for each thing that is known, one below the other, on one canvas; and the overview.

/** Lanes from top to bottom: name, share of the height, method that draws it; a low name stands at the foot, where the line seldom is. */
const LANES = [
  { name: '', share: 26, draw: 'ruler' },
  { name: '', share: 34, draw: 'sections' },
  { name: 'waveform, beats', share: 190, draw: 'waveform' },
  { name: 'transients', share: 34, draw: 'onsets' },
  { name: 'what the network sees', share: 68, draw: 'activations' },
  { name: 'tempo', share: 84, draw: 'tempo' },
  { name: 'confidence, 0 to 100 %', share: 56, draw: 'confidence', isLow: true },
  { name: 'boundary within 16 · 8 · 4 beats', share: 68, draw: 'hazards' },
];
/** Between lanes, pixels. */
const LANE_GAP = 5;
/** Places of the horizons of 16, 8 and 4 beats in a hazard. */
const HORIZONS = [4, 3, 2];
/** Downbeats and beats nearer to each other than this are not drawn, pixels. */
const MIN_BEAT_PIXELS = 3;
/** An onset of this strength is as high as its lane, log10 units. */
const FULL_ONSET = 0.25;

class Lanes {
  constructor(canvas, model, axis) {
    Object.assign(this, { canvas, model, axis, context: canvas.getContext('2d'), colours: {} });
  }

  /** Takes sizes and colours from the page. */
  refresh() {
    const style = getComputedStyle(document.documentElement);
    const names = ['page', 'ink', 'soft', 'line', 'lane', 'wave', 'wave-played', 'beat', 'downbeat', 'onset', 'beat-curve', 'downbeat-curve', 'tempo', 'confidence', 'hazard', 'head', 'window'];
    names.forEach((name) => { this.colours[name] = style.getPropertyValue(`--${name}`).trim(); });
    this.size = fit(this.canvas, this.context);
    this.axis.width = this.size.width;
  }

  draw(headSec) {
    const { context, size } = this;
    context.clearRect(0, 0, size.width, size.height);
    const shares = LANES.reduce((sum, lane) => sum + lane.share, 0);
    const scale = (size.height - LANE_GAP * (LANES.length - 1)) / shares;
    let top = 0;
    for (const lane of LANES) {
      const box = { top, height: lane.share * scale };
      context.save();
      context.beginPath();
      context.rect(0, box.top, size.width, box.height);
      context.clip();
      if (lane.draw !== 'ruler') {
        context.fillStyle = this.colours.lane;
        context.fillRect(0, box.top, size.width, box.height);
      }
      this[lane.draw](box, headSec);
      if (lane.name) this.caption(lane.name, 8, lane.isLow ? box.top + box.height - 7 : box.top + 15);
      context.restore();
      top += box.height + LANE_GAP;
    }
    this.head(headSec);
  }

  /** Text that stays readable over what is drawn below it. */
  caption(text, x, y, align = 'left') {
    const { context } = this;
    context.font = '12.5px system-ui, sans-serif';
    context.textAlign = align;
    context.lineWidth = 4;
    context.lineJoin = 'round';
    context.strokeStyle = this.colours.lane;
    context.strokeText(text, x, y);
    context.fillStyle = this.colours.soft;
    context.fillText(text, x, y);
    context.textAlign = 'left';
  }

  ruler({ top, height }) {
    const { context, axis } = this;
    const { stepSec, ticks } = axis.ticks(76);
    context.font = '13px system-ui, sans-serif';
    context.fillStyle = this.colours.soft;
    for (const tSec of ticks) {
      const x = Math.round(axis.x(tSec));
      context.fillRect(x, top + height - 7, 1, 7);
      context.fillText(clock(tSec, stepSec < 1 ? 1 : 0), Math.min(x + 4, this.size.width - 34), top + height - 9);
    }
  }

  sections({ top, height }) {
    const { context, axis, model } = this;
    if (model.sections.length === 0) this.caption('no sections known', 8, top + height / 2 + 4);
    for (const section of model.sections) {
      const [from, to] = [axis.x(section.start_sec), axis.x(section.end_sec)];
      if (to < 0 || from > this.size.width) continue;
      const colour = model.data.colours[section.label_idx];
      context.globalAlpha = 0.3;
      context.fillStyle = colour;
      context.fillRect(from, top, to - from, height);
      context.globalAlpha = 1;
      context.fillRect(from, top + height - 5, to - from, 5);
      context.fillStyle = this.colours.page;
      context.fillRect(Math.round(from), top, 2, height);
      const name = model.data.labels[section.label_idx];
      context.font = '600 14px system-ui, sans-serif';
      context.fillStyle = this.colours.ink;
      const at = Math.max(from, 0) + 8;
      // A name that does not fit is cut by its first letters, and by nothing where they do not fit either.
      const fitting = [name, name.slice(0, 3), name.slice(0, 1)].find((text) => at + context.measureText(text).width + 4 < to);
      if (fitting) context.fillText(fitting, at, top + height / 2 + 3);
    }
  }

  waveform({ top, height }, headSec) {
    const { context, axis, model, size } = this;
    this.beats({ top, height }, 1);
    const middle = top + height / 2;
    if (!model.waveform) {
      this.caption('no waveform in this report', 8, middle);
      return;
    }
    const headX = axis.x(headSec);
    for (const [colour, from, to] of [['wave-played', 0, headX], ['wave', headX, size.width]]) {
      context.fillStyle = this.colours[colour];
      for (let x = Math.max(0, Math.floor(from)); x < Math.min(to, size.width); x += 1) {
        const peak = model.waveform.between(axis.sec(x), axis.sec(x + 1));
        if (peak) context.fillRect(x, middle - (peak[1] * height) / 2, 1, Math.max(1, ((peak[1] - peak[0]) * height) / 2));
      }
    }
    // Once more, faintly, where the waveform hides them.
    this.beats({ top, height }, 0.4);
  }

  /** Beats as lines in the lower part, downbeats over the whole height with the number of their bar. */
  beats({ top, height }, alpha) {
    const { context, axis, model } = this;
    const first = Math.max(0, lastAt(model.beatTimes, axis.fromSec));
    const pixelsPerBeat = (axis.width / axis.spanSec) * (model.gapSec / 3);
    let nameEnd = 130;
    context.font = '12.5px system-ui, sans-serif';
    for (let idx = first; idx < model.beats.length && model.beatTimes[idx] <= axis.toSec; idx += 1) {
      const isDownbeat = model.beats[idx].beat_in_bar === 1;
      const x = Math.round(axis.x(model.beatTimes[idx]));
      if (isDownbeat) {
        context.fillStyle = this.colours.downbeat;
        context.globalAlpha = alpha * (pixelsPerBeat < MIN_BEAT_PIXELS ? 0.3 : 0.8);
        context.fillRect(x, top, pixelsPerBeat > 12 ? 2 : 1, height);
        context.globalAlpha = 1;
        if (x > nameEnd) {
          context.fillStyle = this.colours.soft;
          context.fillText(String(model.bars[idx]), x + 5, top + 14);
          nameEnd = x + 46;
        }
      } else if (pixelsPerBeat >= MIN_BEAT_PIXELS) {
        context.fillStyle = this.colours.beat;
        context.globalAlpha = alpha;
        context.fillRect(x, top + height * 0.25, 1, height * 0.75);
        context.globalAlpha = 1;
      }
    }
  }

  onsets({ top, height }) {
    const { context, axis, model } = this;
    context.fillStyle = this.colours.onset;
    const last = lastAt(model.onsetTimes, axis.toSec);
    for (let idx = Math.max(0, lastAt(model.onsetTimes, axis.fromSec)); idx <= last; idx += 1) {
      const onset = model.onsets[idx];
      const tall = height * Math.min(1, 0.2 + (0.8 * onset.strength) / FULL_ONSET);
      context.fillRect(Math.round(axis.x(onset.tSec)), top + height - tall, 1.5, tall);
    }
  }

  activations(box) {
    const { curves } = this.model;
    if (!curves) return;
    this.curve(box, curves.beat, this.colours['beat-curve'], true);
    this.curve(box, curves.downbeat, this.colours['downbeat-curve'], false);
  }

  /** A curve of bytes: an area, or a line. The largest value of each pixel. */
  curve({ top, height }, values, colour, isArea) {
    const { context, axis, size } = this;
    const { firstSec, stepSec } = this.model.curves;
    const bottom = top + height;
    context.beginPath();
    context.moveTo(0, bottom);
    for (let x = 0; x <= size.width; x += 1) {
      const from = Math.round((axis.sec(x) - firstSec) / stepSec);
      const to = Math.max(from + 1, Math.round((axis.sec(x + 1) - firstSec) / stepSec));
      let largest = 0;
      for (let idx = Math.max(0, from); idx < Math.min(to, values.length); idx += 1) largest = Math.max(largest, values[idx]);
      context.lineTo(x, bottom - (largest / 255) * (height - 4));
    }
    context.lineTo(size.width, bottom);
    context.globalAlpha = isArea ? 0.45 : 1;
    context[isArea ? 'fillStyle' : 'strokeStyle'] = colour;
    context.lineWidth = 1.2;
    context[isArea ? 'fill' : 'stroke']();
    context.globalAlpha = 1;
  }

  /** A line through values in [0, 1] at times, broken at gaps; with dots where there is room. */
  line({ top, height }, points, colour) {
    const { context, axis, model } = this;
    const y = (value) => top + height - 5 - Math.min(1, Math.max(0, value)) * (height - 12);
    context.beginPath();
    let lastSec = -Infinity;
    for (const [tSec, value] of points) {
      if (tSec - lastSec > model.gapSec) context.moveTo(axis.x(tSec), y(value));
      else context.lineTo(axis.x(tSec), y(value));
      lastSec = tSec;
    }
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke();
    if (points.length * 9 > this.size.width) return;
    context.fillStyle = colour;
    points.forEach(([tSec, value]) => context.fillRect(axis.x(tSec) - 2.5, y(value) - 2.5, 5, 5));
  }

  /** Values at the items in view, and one on either side. */
  inView(items, times, value) {
    const from = Math.max(0, lastAt(times, this.axis.fromSec));
    const to = lastAt(times, this.axis.toSec) + 2;
    return items.slice(from, to).map((item) => [item.time_sec, value(item)]);
  }

  tempo(box) {
    const { model } = this;
    const known = model.beats.map((beat) => beat.bpm).filter((bpm) => bpm > 0);
    if (known.length === 0) return;
    const [lowest, highest] = [Math.min(...known), Math.max(...known)];
    // A steady tempo is a steady line: never less than 10 BPM from bottom to top.
    const margin = Math.max(1, 5 - (highest - lowest) / 2);
    const [low, high] = [lowest - margin, highest + margin];
    const share = (beat) => (beat.bpm > 0 ? (beat.bpm - low) / (high - low) : NaN);
    const points = this.inView(model.beats, model.beatTimes, share).filter(([, value]) => !Number.isNaN(value));
    this.line(box, points, this.colours.tempo);
    this.caption(`${high.toFixed(0)} BPM`, this.size.width - 8, box.top + 15, 'right');
    this.caption(`${low.toFixed(0)} BPM`, this.size.width - 8, box.top + box.height - 5, 'right');
  }

  confidence(box) {
    const { model } = this;
    this.line(box, this.inView(model.beats, model.beatTimes, (beat) => beat.confidence), this.colours.confidence);
  }

  /** Three areas, each within the one before: the nearer the horizon, the darker. */
  hazards({ top, height }) {
    const { context, axis, model } = this;
    if (model.hazards.length === 0) return;
    const times = model.hazards.map((hazard) => hazard.time_sec);
    const bottom = top + height;
    HORIZONS.forEach((horizon, depth) => {
      const points = this.inView(model.hazards, times, (hazard) => hazard.within[horizon]);
      if (points.length === 0) return;
      context.beginPath();
      context.moveTo(axis.x(points[0][0]), bottom);
      points.forEach(([tSec, prob]) => context.lineTo(axis.x(tSec), bottom - prob * (height - 4)));
      context.lineTo(axis.x(points.at(-1)[0]), bottom);
      context.fillStyle = this.colours.hazard;
      context.globalAlpha = [0.18, 0.38, 0.75][depth];
      context.fill();
      context.globalAlpha = 1;
    });
  }

  head(headSec) {
    const { context, axis, size } = this;
    const x = axis.x(headSec);
    if (x < -6 || x > size.width + 6) return;
    context.fillStyle = this.colours.head;
    context.fillRect(x - 1, 0, 2, size.height);
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 9);
    context.fill();
  }
}

/** The whole file in a strip, with what is in view marked. */
function drawOverview(canvas, lanes, headSec) {
  const context = canvas.getContext('2d');
  const { width, height } = fit(canvas, context);
  const { model, axis, colours } = lanes;
  const x = (tSec) => (tSec / model.durationSec) * width;
  context.clearRect(0, 0, width, height);
  for (const section of model.sections) {
    context.fillStyle = model.data.colours[section.label_idx];
    context.fillRect(x(section.start_sec), height - 7, x(section.end_sec) - x(section.start_sec) - 1, 7);
  }
  context.fillStyle = colours.wave;
  for (let at = 0; model.waveform && at < width; at += 1) {
    const peak = model.waveform.between((at / width) * model.durationSec, ((at + 1) / width) * model.durationSec);
    if (peak) context.fillRect(at, (height - 7) * (0.5 - peak[1] / 2), 1, Math.max(1, ((peak[1] - peak[0]) * (height - 7)) / 2));
  }
  const [from, to] = [x(axis.fromSec), x(axis.toSec)];
  context.globalAlpha = 0.62;
  context.fillStyle = colours.lane;
  context.fillRect(0, 0, from, height);
  context.fillRect(to, 0, width - to, height);
  context.globalAlpha = 1;
  context.strokeStyle = colours.window;
  context.lineWidth = 2;
  context.strokeRect(Math.min(from, width - 5) + 1, 1, Math.max(to - from - 2, 3), height - 2);
  context.fillStyle = colours.head;
  context.fillRect(x(headSec) - 1, 0, 2, height);
}

/** Gives a canvas as many pixels as the screen has there; returns its size in those of the page. */
function fit(canvas, context) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) Object.assign(canvas, { width: pixelWidth, height: pixelHeight });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { width: Math.max(1, width), height };
}

