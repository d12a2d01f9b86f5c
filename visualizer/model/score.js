// What the page knows about the music: beats that fell and that will, sections, the level of late. No element, no clock of its own.
//
// Times are milliseconds on the server's clock (`at.mono_ns / 1e6`). Everything has a bound.

/** How far back the timeline goes. */
export const HISTORY_MS = 30_000;
const N_SAMPLES = 2048;
const N_MARKS = 512;

export class Score {
  constructor() {
    this.labels = [];
    this.horizons_beats = [];
    this.session = null;
    this.lead_ms = 0;
    this.program_version = "";
    this.clear();
  }

  /** Forgets the music; keeps who speaks. */
  clear() {
    /** Announced beats by their moment, oldest first: `{at_ms, ...message}`. */
    this.beats = [];
    /** Sections: `{at_ms, section, prob}`. */
    this.sections = [];
    /** Newest approach that was not yet followed by a section; `null` = none. */
    this.approach = null;
    /** Newest lock event. */
    this.lock = null;
    /** Newest state message with `at_ms`; `null` before the first. */
    this.state = null;
    /** Level and activations of late: `{at_ms, level, beat, downbeat}`; `beat` and `downbeat` may be `null`. */
    this.samples = [];
  }

  /** Takes in any message of the server; those that say nothing about the music change nothing. Returns whether a new session began. */
  take(message) {
    switch (message.type) {
      case "hello":
        return this.#hello(message);
      case "beat":
        this.#beat(message);
        break;
      case "section":
        this.approach = null;
        this.#section(message);
        break;
      case "approach":
        this.approach = { ...message, at_ms: ms(message.at), latest_ms: message.latest ? ms(message.latest) : null };
        break;
      case "lock":
        this.lock = message;
        break;
      case "state":
        this.#state(message);
        break;
    }
    return false;
  }

  #hello(message) {
    const isOther = this.session !== null && this.session !== message.session;
    if (this.session !== message.session) this.clear();
    this.session = message.session;
    this.labels = message.labels;
    this.horizons_beats = message.horizons_beats;
    this.lead_ms = message.lead_ms;
    this.program_version = message.program_version;
    return isOther;
  }

  #beat(message) {
    const at_ms = ms(message.at);
    // Told again to whoever comes in anew.
    if (this.beats.some((beat) => beat.number === message.number)) return;
    this.beats.push({ ...message, at_ms });
    this.beats.sort((a, b) => a.at_ms - b.at_ms);
    if (this.beats.length > N_MARKS) this.beats.shift();
  }

  #section(message) {
    const at_ms = ms(message.at);
    const last = this.sections.at(-1);
    if (last && last.at_ms >= at_ms) return;
    this.sections.push({ at_ms, section: message.section, prob: message.prob });
    if (this.sections.length > N_MARKS) this.sections.shift();
  }

  #state(message) {
    const at_ms = ms(message.at);
    this.state = { ...message, at_ms };
    const { level = 0, beat_activation = null, downbeat_activation = null } = message;
    if ((this.samples.at(-1)?.at_ms ?? -Infinity) >= at_ms) return;
    this.samples.push({ at_ms, level, beat: beat_activation, downbeat: downbeat_activation });
    while (this.samples.length > N_SAMPLES || this.samples[0].at_ms < at_ms - HISTORY_MS) this.samples.shift();
    if (this.approach?.latest_ms != null && this.approach.latest_ms < at_ms) this.approach = null;
  }

  /** The beat that fell last at `now_ms`; `null` before the first. */
  beatAt(now_ms) {
    return this.beats.findLast((beat) => beat.at_ms <= now_ms) ?? null;
  }

  /** Beats with `from_ms < at_ms <= to_ms`, oldest first. */
  fallen(from_ms, to_ms) {
    return this.beats.filter((beat) => beat.at_ms > from_ms && beat.at_ms <= to_ms);
  }

  /** Whether the source says anything. */
  isAlive(now_ms) {
    return this.state !== null && this.state.age_sec + Math.max(0, now_ms - this.state.at_ms) / 1000 < 1.5;
  }

  /**
   * Where in beat and bar the music is at `now_ms`, from the beats that were announced. `bar` in [0, 1) is `null` where the
   * bar is unknown; `null` altogether without a lock.
   */
  position(now_ms) {
    const beat = this.beatAt(now_ms);
    const period_sec = this.state?.period_sec || beat?.period_sec || 0;
    if (beat === null || period_sec <= 0 || this.state?.locked === false) return null;
    const next = this.beats.find((later) => later.at_ms > now_ms);
    const length_ms = next ? next.at_ms - beat.at_ms : period_sec * 1000;
    const passed = Math.max(0, (now_ms - beat.at_ms) / length_ms);
    if (!next && passed > 4) return null;
    const phase = next ? Math.min(passed, 0.999999) : passed % 1;
    const { beats_per_bar, beat_in_bar } = beat;
    const bar = beats_per_bar > 0 && beat_in_bar > 0 ? ((beat_in_bar - 1 + (next ? phase : passed)) / beats_per_bar) % 1 : null;
    return { beat, phase, bar, period_sec: length_ms / 1000 };
  }
}

/** Milliseconds of a moment. */
export function ms(moment) {
  return moment.mono_ns / 1e6;
}
