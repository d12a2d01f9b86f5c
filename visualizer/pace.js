// When the picture that is being drawn will be seen. Pure.
//
// `requestAnimationFrame` passes the time at which the picture begins. It is on the screen about one interval later, when the next one
// begins. So a beat belongs into the first picture whose begin plus one interval is not before it: seen up to one interval
// after its moment, and never before.

const N_INTERVALS = 31;
const USUAL_MS = 1000 / 60;
const SHORTEST_MS = 4;
const LONGEST_MS = 50;

export class Pace {
  constructor() {
    this.last_ms = null;
    this.intervals_ms = [];
  }

  /** A picture begins at `begin_ms`; returns when it will be seen, and the seconds since the last one. */
  begin(begin_ms) {
    const dt_ms = this.last_ms === null ? 0 : Math.max(0, begin_ms - this.last_ms);
    this.last_ms = begin_ms;
    if (dt_ms > 0) this.intervals_ms.push(dt_ms);
    if (this.intervals_ms.length > N_INTERVALS) this.intervals_ms.shift();
    return { seen_ms: begin_ms + this.interval_ms, dt_sec: dt_ms / 1000 };
  }

  /** The usual time between pictures: the median of late. */
  get interval_ms() {
    const sorted = this.intervals_ms.toSorted((a, b) => a - b);
    return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, sorted[sorted.length >> 1] ?? USUAL_MS));
  }
}
