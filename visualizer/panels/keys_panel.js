// Keys: what they do, their list, and the switch that turns them off (WCAG 2.1.4: single letters can get in the way of speech input).

import { recall, remember } from "../link/memory.js";
import { $, make } from "./dom.js";

/** Key, what it does for people, action. */
const KEYS = [
  ["t", "tap: a beat is now", "tap"], ["1", "this is 1: the bar begins here", "one"], ["h", "half: count half as fast", "half"], ["d", "double: count twice as fast", "double"],
  ["[", "nudge earlier", "earlier"], ["]", "nudge later", "later"], ["l", "hold, and release", "hold"], ["x", "clear everything that you said", "clear"],
  ["f", "performance mode, full screen", "perform"], ["v", "moving picture on and off", "picture"], ["?", "this list", "help"], ["Esc", "leave performance mode", null],
];
const SWITCH = "anacrusis.keys";

export class KeysPanel {
  /** @param {Record<string, () => void>} actions by name */
  constructor(actions) {
    $("keys-list").replaceChildren(...KEYS.flatMap(([key, text]) => [make("dt", {}, make("kbd", { text: key.length === 1 ? key.toUpperCase() : key })), make("dd", { text })]));
    const dialog = $("keys");
    const isOn = $("keys-on");
    isOn.checked = recall(SWITCH) !== "off";
    isOn.addEventListener("change", () => remember(SWITCH, isOn.checked ? "on" : "off"));
    addEventListener("keydown", (event) => {
      const isWriting = event.target instanceof HTMLElement && event.target.matches("input:not([type=checkbox]), select, textarea");
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isWriting || dialog.open) return;
      const found = KEYS.find(([key]) => key === event.key.toLowerCase());
      const action = found?.[2];
      // The list of keys is how they are switched on again.
      if (!action || (!isOn.checked && action !== "help")) return;
      event.preventDefault();
      actions[action]();
    });
  }
}
