// Tempo, confidence, the reason for the lock, level; hazards; which section. From the newest state.

import { sectionLook } from "../model/palette.js";
import { $, make, percent, setFill, setText } from "./dom.js";

/** What each reason means, for people (docs/lock.md). */
const REASONS = {
  locked: "locked",
  searching: "searching for the beat",
  "weak pulse": "weak pulse: going on by itself",
  "ambiguous octave": "locked, half or double is as good",
  silence: "silence",
  held: "held by you",
  "no input": "no input",
};

export class FactsPanel {
  constructor() {
    this.hazards = [];
    this.probs = [];
  }

  /** Builds what depends on the greeting. */
  greet(score) {
    const { labels, horizons_beats } = score;
    this.hazards = horizons_beats.map((n) => {
      const fill = make("i");
      const value = make("b", { text: "–" });
      const column = make("div", { class: "column" }, value, make("span", { class: "shaft" }, fill), make("span", { text: String(n) }), make("small", { text: n === 1 ? "beat" : "beats" }));
      return { column, fill, value };
    });
    $("hazards").replaceChildren(...this.hazards.map((hazard) => hazard.column));
    this.probs = labels.map((_, index) => {
      const look = sectionLook(labels, index);
      const fill = make("i");
      fill.style.background = look.colour;
      const value = make("span", { class: "value", text: "–" });
      const row = make("div", { class: "meter-row prob" }, make("span", { text: `${look.sign} ${look.name}` }), make("span", { class: "track" }, fill), value);
      return { row, fill, value };
    });
    $("probs").replaceChildren(...this.probs.map((prob) => prob.row));
  }

  draw(score, now_ms) {
    const { state } = score;
    if (state === null) return;
    const isAlive = score.isAlive(now_ms);
    const reason = isAlive ? state.reason : "no input";
    const isLocked = state.locked && isAlive;
    setText($("bpm"), isLocked && state.bpm > 0 ? state.bpm.toFixed(1) : "–");
    setText($("lock-sign"), isLocked ? "●" : "○");
    setText($("lock-text"), REASONS[reason] ?? reason);
    $("lock-text").parentElement.classList.toggle("good", isLocked);
    setText($("confidence"), isLocked ? percent(state.confidence) : "–");
    setFill($("confidence-fill"), isLocked ? state.confidence : 0);
    setText($("level"), percent(isAlive ? state.level : 0));
    setFill($("level-fill"), isAlive ? state.level : 0);
    this.hazards.forEach(({ column, fill, value }, i) => {
      const prob = state.hazard_probs[i] ?? 0;
      const height = `scaleY(${Math.min(1, Math.max(0, prob)).toFixed(3)})`;
      if (fill.style.transform !== height) fill.style.transform = height;
      setText(value, percent(prob));
      column.classList.toggle("likely", prob >= 0.5);
    });
    this.probs.forEach(({ row, fill, value }, i) => {
      setFill(fill, state.section_probs[i]);
      setText(value, percent(state.section_probs[i] ?? 0));
      row.classList.toggle("now", i === state.section);
    });
  }
}
