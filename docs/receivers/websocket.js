// Follows Anacrusis over WebSocket and calls you when things happen, not when they are told. Browsers, and Node 22 or newer.
//
//     const anacrusis = new Anacrusis("ws://127.0.0.1:7770/ws", { beat: (beat) => flash(beat.beat_in_bar === 1) });
//
// Beats are told about half a second before they fall, stamped with the server's clock. This measures how far that clock is
// from `performance.now()`, and waits. It connects again by itself.
"use strict";

class Anacrusis {
  // `handlers`: functions by type of message: hello, beat, section, approach, lock, state, lagged, error; and `link`, which is
  // called with true or false. `options.subscribe`: { events: [...], state_hz: 50, bands: false }; `options.offset_ms`: later,
  // or earlier if negative: a beamer that shows everything 40 ms late wants -40.
  constructor(url, handlers = {}, options = {}) {
    this.url = url;
    this.handlers = handlers;
    this.options = options;
    this.answers = [];
    this.timers = new Set();
    this.pause_ms = 500;
    this.connect();
    this.clock = setInterval(() => this.ask(), 1000);
  }

  // When it is `mono_ns` on the server, on `performance.now()`; null if not yet known.
  here_ms(mono_ns) {
    return this.answers.length ? mono_ns / 1e6 - this.answers[0].offset_ms : null;
  }

  close() {
    this.is_closed = true;
    clearInterval(this.clock);
    this.forget();
    this.socket.close();
  }

  connect() {
    if (this.is_closed) return;
    this.socket = new WebSocket(this.url);
    this.socket.onopen = () => {
      this.pause_ms = 500;
      this.answers = [];
      this.call("link", true);
      this.say({ type: "subscribe", ...this.options.subscribe });
      for (let i = 0; i < 5; i += 1) setTimeout(() => this.ask(), i * 50);
    };
    this.socket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.socket.onclose = () => {
      this.call("link", false);
      this.forget();
      setTimeout(() => this.connect(), this.pause_ms);
      this.pause_ms = Math.min(8000, this.pause_ms * 2);
    };
    this.socket.onerror = () => {};
  }

  take(message) {
    if (message.type === "sync") this.sync(message);
    else if (message.type === "beat") this.wait(message);
    else this.call(message.type, message);
  }

  // As NTP: the server's time in the middle of the way there and back. The shorter the way, the better the answer.
  sync(answer) {
    const now_ms = performance.now();
    const wait_ms = now_ms - answer.t - (answer.sent - answer.received) / 1e6;
    const offset_ms = (answer.received + answer.sent) / 2e6 - (answer.t + now_ms) / 2;
    // Old answers lose slowly, for clocks drift apart.
    this.answers.forEach((known) => { known.wait_ms += 0.05; });
    this.answers.push({ wait_ms, offset_ms });
    this.answers.sort((a, b) => a.wait_ms - b.wait_ms);
    this.answers.length = Math.min(8, this.answers.length);
  }

  wait(beat) {
    const due_ms = this.here_ms(beat.at.mono_ns);
    const left_ms = due_ms === null ? 0 : due_ms + (this.options.offset_ms || 0) - performance.now();
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      this.call("beat", beat);
    }, Math.max(0, left_ms));
    this.timers.add(timer);
  }

  // After a reconnection what is yet to happen is told again.
  forget() {
    this.timers.forEach(clearTimeout);
    this.timers.clear();
  }

  ask() {
    this.say({ type: "sync", t: performance.now() });
  }

  say(message) {
    if (this.socket.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  call(type, message) {
    if (Object.hasOwn(this.handlers, type)) this.handlers[type](message);
  }
}

if (typeof module !== "undefined") module.exports = { Anacrusis };
