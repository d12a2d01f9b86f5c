// How many pixels the picture has: as many as keep up with the screen. Pure.

/** Heights, pixels. The picture is soft, and is shown larger than it is drawn. */
export const HEIGHTS = [90, 120, 160, 216, 288, 384, 512, 720, 960];
const FIRST = 4;
const FIRST_IN_SOFTWARE = 2;
/** Pictures that are judged together. */
const N_JUDGED = 45;
/** Longer on average is too slow, shorter has room. */
const SLOW_MS = 24;
const FAST_MS = 18;
/** So long a height holds at least. */
const HOLD_MS = 3000;
/** A height that was too slow is tried again after so long. */
const RETRY_MS = 60_000;

export class Scale {
  constructor(isSoftware) {
    this.index = isSoftware ? FIRST_IN_SOFTWARE : FIRST;
    this.times_ms = [];
    this.changed_ms = 0;
    this.tooSlow = { index: HEIGHTS.length, at_ms: -Infinity };
  }

  /** A picture came `dt_ms` after the one before. */
  observe(dt_ms, now_ms) {
    // A page in the background says nothing about speed.
    if (dt_ms <= 0 || dt_ms > 1000) return;
    this.times_ms.push(dt_ms);
    if (this.times_ms.length < N_JUDGED) return;
    const median = this.times_ms.toSorted((a, b) => a - b)[N_JUDGED >> 1];
    this.times_ms = [];
    if (now_ms - this.changed_ms < HOLD_MS) return;
    if (median > SLOW_MS && this.index > 0) {
      this.tooSlow = { index: this.index, at_ms: now_ms };
      this.index -= 1;
      this.changed_ms = now_ms;
    } else if (median < FAST_MS && this.index + 1 < HEIGHTS.length) {
      if (this.index + 1 >= this.tooSlow.index && now_ms - this.tooSlow.at_ms < RETRY_MS) return;
      this.index += 1;
      this.changed_ms = now_ms;
    }
  }

  /** Width and height for a place of these many CSS pixels; never more than it has. */
  size(width, height, density) {
    const drawn = Math.min(HEIGHTS[this.index], Math.round(height * density));
    const shape = Math.min(4, Math.max(0.25, width / height));
    return [Math.max(2, Math.round(drawn * shape)), Math.max(2, drawn)];
  }
}
