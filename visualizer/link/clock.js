// The server's clock as the page knows it: asked for over the WebSocket as in NTP, followed by slewing. All in milliseconds.
//
// offset = server's clock less the page's (`performance.now()`). Of the last answers the one that took the shortest way there and
// back is believed, because it can be wrong by half of that way at most (docs/outputs/websocket.md).

/** Answers that are weighed against each other. */
export const N_ANSWERS = 8;
/** Within this time a new offset is gone over to, so that nothing on the page jumps. */
const SLEW_MS = 200;
/** Beyond this difference there is nothing to slew: another clock. */
const JUMP_MS = 100;

export class ServerClock {
  constructor() {
    this.reset();
  }

  /** Forgets everything: another server. */
  reset() {
    this.answers = [];
    this.target_ms = null;
    this.from_ms = 0;
    this.since_ms = 0;
  }

  /** Whether the offset is known at all. */
  get isKnown() {
    return this.target_ms !== null;
  }

  /** How far the offset may be wrong; `null` before the first answer. */
  get uncertainty_ms() {
    return this.answers.length ? Math.min(...this.answers.map((answer) => answer.wait_ms)) / 2 : null;
  }

  /** Takes in an answer `{t, received, sent}` (`t` ms of the page, the others ns of the server) that came at `now_ms`. */
  take({ t, received, sent }, now_ms) {
    const wait_ms = now_ms - t - (sent - received) / 1e6;
    const offset_ms = (received + sent) / 2e6 - (t + now_ms) / 2;
    if (!Number.isFinite(wait_ms) || !Number.isFinite(offset_ms) || wait_ms < 0) return;
    this.answers.push({ wait_ms, offset_ms });
    if (this.answers.length > N_ANSWERS) this.answers.shift();
    const best = this.answers.reduce((a, b) => (b.wait_ms < a.wait_ms ? b : a));
    if (best.offset_ms === this.target_ms) return;
    const shown_ms = this.isKnown ? this.offset(now_ms) : best.offset_ms;
    this.from_ms = Math.abs(best.offset_ms - shown_ms) > JUMP_MS ? best.offset_ms : shown_ms;
    this.target_ms = best.offset_ms;
    this.since_ms = now_ms;
  }

  /** Server's clock less the page's at `now_ms`; 0 before the first answer. */
  offset(now_ms) {
    if (!this.isKnown) return 0;
    const share = Math.min(1, Math.max(0, (now_ms - this.since_ms) / SLEW_MS));
    return this.from_ms + (this.target_ms - this.from_ms) * share;
  }

  /** What time it is on the server's clock when the page's says `now_ms`. */
  serverTime(now_ms) {
    return now_ms + this.offset(now_ms);
  }
}
