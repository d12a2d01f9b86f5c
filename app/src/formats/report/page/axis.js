// Which stretch of the file is in view, and where a moment is on it. Pure.

/** Closest view, seconds from edge to edge. */
const SHORTEST_VIEW_SEC = 0.5;

class Axis {
  constructor(durationSec) {
    this.durationSec = durationSec;
    this.fromSec = 0;
    this.spanSec = durationSec;
    this.width = 1;
  }

  get toSec() {
    return this.fromSec + this.spanSec;
  }

  x(tSec) {
    return ((tSec - this.fromSec) / this.spanSec) * this.width;
  }

  sec(x) {
    return this.fromSec + (x / this.width) * this.spanSec;
  }

  show(fromSec, spanSec) {
    this.spanSec = Math.min(Math.max(spanSec, Math.min(SHORTEST_VIEW_SEC, this.durationSec)), this.durationSec);
    this.fromSec = Math.min(Math.max(fromSec, 0), this.durationSec - this.spanSec);
  }

  /** `factor` > 1 shows more. The moment under `x` stays there. */
  zoom(factor, x) {
    const anchorSec = this.sec(x);
    const spanSec = Math.min(Math.max(this.spanSec * factor, Math.min(SHORTEST_VIEW_SEC, this.durationSec)), this.durationSec);
    this.show(anchorSec - (x / this.width) * spanSec, spanSec);
  }

  pan(pixels) {
    this.show(this.fromSec + (pixels / this.width) * this.spanSec, this.spanSec);
  }

  /** Brings a moment into view, near its left edge, where it is not. */
  reveal(tSec) {
    if (tSec < this.fromSec || tSec > this.fromSec + 0.92 * this.spanSec) this.show(tSec - 0.12 * this.spanSec, this.spanSec);
  }

  /** Moments for the ruler: no nearer to each other than `minPixels`. */
  ticks(minPixels) {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
    const stepSec = steps.find((step) => (step / this.spanSec) * this.width >= minPixels) ?? 7200;
    const ticks = [];
    for (let n = Math.ceil(this.fromSec / stepSec); n * stepSec <= this.toSec; n += 1) ticks.push(n * stepSec);
    return { stepSec, ticks };
  }
}

