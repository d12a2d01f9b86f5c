// What lies over the picture: beat, bar, section now, countdown to the next, tempo. The same in the page and on a stage.

import { LuminanceLimiter, toSrgb } from "../limit/luminance.js";
import { count, countdown, inWords } from "../model/countdown.js";
import { sectionLook } from "../model/palette.js";
import { $, make, percent, setFill, setText, setVariable } from "./dom.js";

/** Relative luminance that a beat's glow has at its brightest, and how fast it fades, per second. Beside the moving picture, which has its
 *  own, there is no glow but that of a lone dot, which covers it: two that are limited would be twice as fast together. */
const GLOW_LUMINANCE = 0.2;
const GLOW_FADE_PER_SEC = 5;
/** Countdowns in bars from this many on. */
const BARS_FROM = 2;

export class StagePanel {
  constructor() {
    this.stage = $("stage");
    this.dots = $("dots");
    this.glow = new LuminanceLimiter();
    this.glow_wanted = 0;
    this.beat = null;
  }

  /** A beat falls now. */
  fall(beat) {
    this.beat = beat;
    const { beat_in_bar, beats_per_bar, bar, bar_in_phrase, phrase_bars, phrase } = beat;
    setText($("beat"), beat_in_bar > 0 ? String(beat_in_bar) : "•");
    setText($("bar"), bar > 0 ? `bar ${bar}` : "bar unknown");
    setText($("phrase"), bar_in_phrase > 0 ? `${bar_in_phrase} of ${phrase_bars}, phrase ${phrase}` : "");
    this.#dots(Math.max(1, beats_per_bar), Math.max(1, beat_in_bar));
    this.stage.dataset.beat = String(beat.number);
    this.stage.classList.toggle("one", beat_in_bar === 1);
    this.glow_wanted = GLOW_LUMINANCE * (beat_in_bar === 1 ? 1 : 0.75);
  }

  /** No music to count: what was shown last is not true any more. */
  rest() {
    if (this.beat === null) return;
    this.beat = null;
    setText($("beat"), "–");
    setText($("bar"), "bar unknown");
    setText($("phrase"), "");
    this.#dots(this.dots.childElementCount || 4, 0);
  }

  /** Everything that is not bound to a beat. @param {boolean} isCalm no flash at all */
  draw(score, now_ms, dt_sec, isCalm) {
    this.glow_wanted = isCalm ? 0 : this.glow_wanted * Math.exp(-GLOW_FADE_PER_SEC * dt_sec);
    // As everything that may flash: no faster than three times a second, at any tempo.
    // Styles mix in sRGB values.
    const glow = toSrgb(this.glow.step(this.glow_wanted, dt_sec)) / toSrgb(GLOW_LUMINANCE);
    setVariable(this.stage, "--glow", glow.toFixed(2));
    const { state } = score;
    if (state === null) return;
    const isLocked = state.locked && score.isAlive(now_ms);
    setText($("stage-bpm"), isLocked && state.bpm > 0 ? state.bpm.toFixed(1) : "–");
    this.#section(score, state);
    this.#next(score, state, now_ms);
  }

  #section(score, state) {
    const look = sectionLook(score.labels, state.section);
    setText($("section"), `${look.sign} ${look.name}`);
    setVariable(document.documentElement, "--section", look.colour);
    const bars = state.beats_per_bar > 1 ? Math.floor(state.section_beats / state.beats_per_bar) : null;
    const prob = state.section === null ? 0 : state.section_probs[state.section];
    const since = state.section_beats < 1 ? "since now" : bars === null || bars === 0 ? `for ${count(Math.floor(state.section_beats), "beat")}` : `for ${count(bars, "bar")}`;
    setText($("section-note"), state.section === null ? "not known yet" : `${percent(prob)} sure, ${since}`);
  }

  #next(score, state, now_ms) {
    const { hazard_probs, period_sec, beats_per_bar } = state;
    const { horizons_beats, approach } = score;
    const found = countdown({ hazard_probs, horizons_beats, approach, period_sec, now_ms });
    const isNear = found !== null;
    $("next").classList.toggle("near", isNear);
    setFill($("next-fill"), isNear ? found.prob : 0);
    if (!isNear) {
      setText($("next-count"), "–");
      setText($("next-unit"), "");
      setText($("next-note"), inWords(null));
      return;
    }
    const inBars = beats_per_bar > 1 && found.beats % beats_per_bar === 0 && found.beats / beats_per_bar >= BARS_FROM;
    const n = inBars ? found.beats / beats_per_bar : found.beats;
    setText($("next-count"), `≤ ${n}`);
    setText($("next-unit"), count(n, inBars ? "bar" : "beat").replace(/^\d+ /, ""));
    const name = found.next === null ? "" : `${sectionLook(score.labels, found.next).name}? `;
    setText($("next-note"), `${name}${inWords(found, beats_per_bar)}`);
  }

  #dots(n, now) {
    if (this.dots.childElementCount !== n) this.dots.replaceChildren(...Array.from({ length: n }, () => make("i")));
    // One dot alone would flash with every beat: it glows, within the limit, and does not switch.
    for (let i = 0; i < n; i += 1) this.dots.children[i].className = n > 1 && i + 1 === now ? "on" : n === 1 && now > 0 ? "alone" : "";
  }
}
