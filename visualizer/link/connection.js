// The WebSocket: opened, opened again after any end, and asked for the time. Knows no message but its own.

import { N_ANSWERS, ServerClock } from "./clock.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4000;
/** States come 50 times a second: after so long without a word the way is dead, whatever the system says. */
const SILENCE_MS = 5000;
/** Between questions for the time: at first, and once there are enough answers. */
const ASK_FIRST_MS = 100;
const ASK_LATER_MS = 2000;

export class Connection {
  /**
   * @param {{onMessage: (message: object) => void, onLink: (isUp: boolean) => void}} listener
   */
  constructor(listener) {
    this.listener = listener;
    this.clock = new ServerClock();
    this.socket = null;
    this.pause_ms = FIRST_PAUSE_MS;
    this.retry = null;
    this.heard_ms = 0;
    this.asked_ms = -Infinity;
  }

  start() {
    this.#open();
    setInterval(() => this.#watch(), ASK_FIRST_MS);
    // A network or a page that is back need not wait for the next try.
    addEventListener("online", () => this.#hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.#hurry());
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  #open() {
    this.retry = null;
    const address = `${location.origin.replace(/^http/, "ws")}/ws${tokenQuery()}`;
    const socket = new WebSocket(address);
    this.socket = socket;
    this.heard_ms = performance.now();
    socket.onopen = () => {
      this.clock.reset();
      this.asked_ms = -Infinity;
      this.send({ type: "subscribe", bands: true });
      this.listener.onLink(true);
    };
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      const now_ms = performance.now();
      this.heard_ms = now_ms;
      const message = parsed(event.data);
      if (message === null) return;
      if (message.type === "sync") this.clock.take(message, now_ms);
      // Only who is greeted is through: a server that takes connections and drops them is not asked without a pause.
      if (message.type === "hello") this.pause_ms = FIRST_PAUSE_MS;
      this.listener.onMessage(message);
    };
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.socket = null;
      this.listener.onLink(false);
      this.retry = setTimeout(() => this.#open(), this.pause_ms);
      this.pause_ms = Math.min(LONGEST_PAUSE_MS, this.pause_ms * 2);
    };
  }

  #watch() {
    const now_ms = performance.now();
    if (this.socket === null) return;
    if (now_ms - this.heard_ms > SILENCE_MS) {
      const dead = this.socket;
      dead.onclose({});
      dead.close();
      return;
    }
    const pause_ms = this.clock.answers.length < N_ANSWERS ? ASK_FIRST_MS : ASK_LATER_MS;
    if (this.socket.readyState === WebSocket.OPEN && now_ms - this.asked_ms >= pause_ms) {
      this.asked_ms = now_ms;
      this.send({ type: "sync", t: performance.now() });
    }
  }

  #hurry() {
    if (this.retry === null) return;
    clearTimeout(this.retry);
    this.#open();
  }
}

/** The token of the page's own address, as a query; empty without one. */
export function tokenQuery() {
  const token = new URLSearchParams(location.search).get("token");
  return token === null ? "" : `?token=${encodeURIComponent(token)}`;
}

function parsed(text) {
  try {
    const message = JSON.parse(text);
    return message !== null && typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
