// What the user says: tap, half, double, nudge, this is 1, meter, tempo range, tempo, hold, clear. Each is one hint to the app
// (docs/hints.md); what it answers is said beside the controls.

import { $, make, setText } from "./dom.js";

const NUDGES_MS = [1, 5, 10, 20, 50];
const USUAL_NUDGE_MS = 10;
const METERS = [2, 3, 4, 5, 6, 7];
/** Tempi that the app takes, BPM. */
const SLOWEST = 40;
const FASTEST = 240;

/** Why nothing can be said, by kind of source. */
const NO_HINTS = {
  bridge: "The plugin decides here: say it in its host.",
  replay: "A recording plays: nothing said now changes it.",
  live: "No input is open.",
  none: "Nothing is listened to: this app serves the page and files.",
  demo: "A scripted demo: nobody listens.",
};

export class ControlsPanel {
  /** @param {import("../link/api.js").Api} api */
  constructor(api) {
    this.api = api;
    this.elements = [];
    this.isHeld = false;
    this.reason = "Not known yet whether the app takes hints.";
    this.#build();
    this.#allow(this.reason);
  }

  /** Actions for keys: name to function. */
  get actions() {
    return {
      tap: () => this.say("tap"), half: () => this.say("half"), double: () => this.say("double"), one: () => this.say("this-is-1"),
      earlier: () => this.#nudge(-1), later: () => this.#nudge(1), hold: () => this.say(`hold ${this.isHeld ? "off" : "on"}`), clear: () => this.say("clear"),
    };
  }

  /** What `GET state` said of the source, or an error in its place. */
  know(source, error) {
    if (error) this.#allow(error.code === "missing" ? "This app takes no hints over the network." : "Not connected.");
    else if (source.can_hint) this.#allow(null);
    else this.#allow(NO_HINTS[source.kind] ?? "This source takes no hints.");
  }

  /** The newest state: a switch shows what holds. */
  draw(state) {
    const isHeld = state?.reason === "held";
    if (isHeld === this.isHeld) return;
    this.isHeld = isHeld;
    this.hold.setAttribute("aria-pressed", String(isHeld));
  }

  /** Sends one hint and shows what became of it. */
  async say(hint) {
    if (this.reason !== null) {
      this.#answer(`${hint}: ${this.reason}`, true);
      return;
    }
    try {
      await this.api.hint(hint);
      this.#answer(`✓ ${hint}`, false);
    } catch (error) {
      this.#answer(`✕ ${hint}: ${error.message}`, true);
      if (error.code === "no_hints") this.#allow(error.message);
    }
  }

  #nudge(sign) {
    return this.say(`nudge ${sign * Number(this.nudge_ms.value)}`);
  }

  #answer(text, isBad) {
    const said = $("said");
    setText(said, text);
    said.classList.toggle("bad", isBad);
    said.classList.remove("fresh");
    // Read once, so that the same word twice is seen as two.
    said.getBoundingClientRect();
    said.classList.add("fresh");
  }

  #allow(reason) {
    this.reason = reason;
    const line = $("controls-reason");
    line.hidden = reason === null;
    setText(line, reason ?? "");
    for (const element of this.elements) element.disabled = reason !== null;
  }

  #build() {
    const button = (name, key, act, extra = {}) => {
      const element = make("button", { type: "button", "aria-describedby": "controls-reason", onclick: act, ...extra }, name);
      if (key) element.append(" ", make("kbd", { text: key, "aria-hidden": "true" }));
      this.elements.push(element);
      return element;
    };
    const number = (label, value) => {
      const element = make("input", { type: "number", inputmode: "decimal", min: SLOWEST, max: FASTEST, step: "any", value, "aria-label": label });
      this.elements.push(element);
      return element;
    };
    const select = (label, options, chosen) => {
      const element = make("select", { "aria-label": label }, ...options.map(([value, text]) => make("option", { value, text, selected: value === chosen })));
      this.elements.push(element);
      return element;
    };
    const { tap, half, double, one, earlier, later, hold, clear } = this.actions;
    const [slowest, fastest, tempo] = [number("slowest tempo, BPM", 70), number("fastest tempo, BPM", 180), number("tempo, BPM", 120)];
    const meter = select("beats per bar", [["auto", "as heard"], ...METERS.map((n) => [String(n), `${n} beats`])], "auto");
    meter.addEventListener("change", () => this.say(`meter ${meter.value}`));
    this.nudge_ms = select("step of a nudge", NUDGES_MS.map((n) => [String(n), `${n} ms`]), String(USUAL_NUDGE_MS));
    this.hold = button("Hold", "L", hold, { "aria-pressed": "false" });
    const group = (name, ...children) => make("div", { class: "group", role: "group", "aria-label": name }, make("span", { class: "group-name", text: name }), ...children);
    $("controls").replaceChildren(
      make("div", { class: "taps" }, button("Tap", "T", tap, { class: "tap" }), button("This is 1", "1", one), button("Half", "H", half), button("Double", "D", double), this.hold, button("Clear", "X", clear)),
      group("Nudge", button("− earlier", "[", earlier), this.nudge_ms, button("+ later", "]", later)),
      group("Bar", meter),
      group("Tempo range", slowest, make("span", { text: "to" }), fastest, button("Set", "", () => this.say(`range ${slowest.value}:${fastest.value}`), { "aria-label": "Set tempo range" }),
        button("Any", "", () => this.say("range auto"), { "aria-label": "Any tempo" })),
      group("Tempo", tempo, button("Set", "", () => this.say(`tempo ${tempo.value}`), { "aria-label": "Set tempo" }), button("As heard", "", () => this.say("tempo auto"), { "aria-label": "Tempo as heard" })),
    );
  }
}
