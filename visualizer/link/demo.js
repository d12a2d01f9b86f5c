// A session without a server: scripted, the same every time. `?demo` starts it, `?demo=60` at that second.
//
// Says what the app would say, through the same door as the connection: messages of docs/outputs/websocket.md.

const BPM = 124;
const PERIOD_MS = 60_000 / BPM;
const LEAD_MS = 500;
const STATE_MS = 20;
const N_BANDS = 16;
const LABELS = ["silence", "intro", "verse", "pre-chorus", "chorus", "bridge", "inst", "outro"];
const HORIZONS_BEATS = [1, 2, 4, 8, 16];
/** The song: label, bars, energy. It begins again after its end. */
const SONG = [["intro", 4, 0.35], ["verse", 8, 0.55], ["pre-chorus", 4, 0.65], ["chorus", 8, 0.95], ["verse", 8, 0.55],
  ["pre-chorus", 4, 0.7], ["chorus", 8, 1], ["bridge", 4, 0.45], ["chorus", 8, 1], ["outro", 4, 0.3]]
  .map(([label, bars, energy]) => ({ section: LABELS.indexOf(label), beats: bars * 4, energy }));
const SONG_BEATS = SONG.reduce((sum, part) => sum + part.beats, 0);

export class Demo {
  /** @param {{onMessage: (message: object) => void, onLink: (isUp: boolean) => void}} listener @param {number} from_sec */
  constructor(listener, from_sec) {
    this.listener = listener;
    this.from_ms = from_sec * 1000;
    /** Beats and states that were told. */
    this.told = 0;
    this.stated = 0;
    // The server's clock is the page's, from 0 at the start of the song.
    this.clock = {
      isKnown: true, uncertainty_ms: 0, offset: () => this.from_ms - this.started_ms,
      serverTime: (now_ms) => now_ms + this.from_ms - this.started_ms,
    };
  }

  start() {
    this.started_ms = performance.now();
    this.told = Math.ceil(this.from_ms / PERIOD_MS);
    this.stated = Math.floor(this.from_ms / STATE_MS);
    this.listener.onLink(true);
    this.listener.onMessage({ type: "hello", program: "anacrusis", program_version: "demo", session: "demo", labels: LABELS,
      horizons_beats: HORIZONS_BEATS, n_bands: N_BANDS, lead_ms: LEAD_MS, state_hz: 1000 / STATE_MS });
    this.listener.onMessage({ type: "lock", at: stamp(this.from_ms), locked: true, reason: "locked" });
    // What was heard before the page came.
    for (let at_ms = Math.max(0, this.from_ms - 14_000); at_ms < this.from_ms; at_ms += STATE_MS) {
      this.listener.onMessage(stateAt(at_ms));
    }
    const earliest = Math.max(0, this.told - 64);
    for (let number = earliest; number < this.told; number += 1) this.#tell(number);
    setInterval(() => this.#tick(), STATE_MS);
  }

  send() {}

  #tick() {
    const now_ms = this.clock.serverTime(performance.now());
    while (this.told * PERIOD_MS < now_ms + LEAD_MS) {
      this.#tell(this.told);
      this.told += 1;
    }
    // As many as there would have been, also where the page was held up.
    for (; this.stated < Math.floor(now_ms / STATE_MS); this.stated += 1) this.listener.onMessage(stateAt((this.stated + 1) * STATE_MS));
  }

  #tell(number) {
    const beat = beatOf(number);
    const { part, into, before } = partAt(number);
    if (into === 0) {
      this.listener.onMessage({ type: "section", at: beat.at, section: part.section, before, prob: 0.9 });
    }
    this.listener.onMessage({ type: "beat", ...beat });
    const left = part.beats - into;
    if (left === 8) {
      const after = partAt(number + left).part;
      this.listener.onMessage({ type: "approach", at: beat.at, within_beats: 8, prob: 0.6, next: after.section, next_prob: 0.7,
        latest: stamp((number + left) * PERIOD_MS) });
    }
  }
}

/** Which part the beat is in, how many beats in, and the section before. */
function partAt(number) {
  let into = number % SONG_BEATS;
  let index = 0;
  while (into >= SONG[index].beats) {
    into -= SONG[index].beats;
    index += 1;
  }
  return { part: SONG[index], into, before: number === 0 ? null : SONG[(index + SONG.length - 1) % SONG.length].section };
}

function stamp(at_ms) {
  return { mono_ns: at_ms * 1e6, unix_ns: at_ms * 1e6 };
}

function beatOf(number) {
  const bar = Math.floor(number / 4) + 1;
  return { at: stamp(number * PERIOD_MS), number, beat_in_bar: (number % 4) + 1, beats_per_bar: 4, bar, bar_in_phrase: ((bar - 1) % 8) + 1,
    phrase: Math.floor((bar - 1) / 8) + 1, phrase_bars: 8, every_bars: [], bpm: BPM, period_sec: PERIOD_MS / 1000, confidence: 0.94,
    downbeat_prob: number % 4 === 0 ? 0.9 : 0.05, intensity: partAt(number).part.energy, section: partAt(number).part.section };
}

function stateAt(now_ms) {
  const beats = Math.max(0, now_ms / PERIOD_MS);
  const number = Math.floor(beats);
  const phase = beats - number;
  const { part, into } = partAt(number);
  const left = part.beats - into - phase;
  const energy = part.energy;
  // Kick on each beat, hat between, and something that wavers.
  const kick = Math.exp(-7 * phase) * energy;
  const hat = Math.exp(-14 * ((phase * 2 + 1) % 1)) * energy * 0.5;
  const waver = 0.1 * Math.sin(now_ms / 137) * Math.sin(now_ms / 311);
  const level = Math.min(1, 0.25 * energy + 0.5 * kick + 0.25 * hat + Math.abs(waver));
  const section_probs = LABELS.map((_, index) => (index === part.section ? 0.76 : 0.04 - 0.01 * (index % 2)));
  const { beat_in_bar, bar, ...beat } = beatOf(number);
  return { ...beat, type: "state", at: stamp(now_ms), locked: true, reason: "locked", phase, beat: number, beat_in_bar, bar, section: part.section,
    section_beats: into + phase, section_probs,
    hazard_probs: HORIZONS_BEATS.map((horizon) => 0.04 + 0.88 / (1 + Math.exp((left - horizon) / (0.4 + horizon / 6)))),
    level, bands: Array.from({ length: N_BANDS }, (_, band) => Math.min(1, kick * (1 - band / 8) + hat * (band / 12) + 0.2 * energy) * 0.9),
    beat_activation: Math.exp(-((Math.min(phase, 1 - phase) * 12) ** 2)) * 0.9,
    downbeat_activation: beat_in_bar === 1 || (beat_in_bar === 4 && phase > 0.5) ? Math.exp(-((Math.min(phase, 1 - phase) * 12) ** 2)) * 0.8 : 0.02,
    age_sec: 0.02 };
}

/** The interface below `/api/v1` of the same session: looks like one, and takes nothing. */
export class DemoApi {
  async state() {
    return { session: "demo", source: { kind: "demo", description: "a scripted demo", can_hint: false, input: { name: "demo", rate_hz: 44100,
      is_open: true, is_over: false, last_error: null, n_opened: 1, n_xruns: 0, n_bad_samples: 0 } } };
  }

  async outputs() {
    const row = { phase: "open", detail: "", last_error: null, n_errors: 0, n_beats: 96, n_left_out: 0, late_p50_us: 120, late_p99_us: 640, retry_sec: null, offset_ms: 0 };
    return [{ ...row, id: "osc", kind: "osc", name: "osc 127.0.0.1:7000", detail: "129 sent" },
      { ...row, id: "link", kind: "link", name: "link 127.0.0.1:17000", phase: "waiting", retry_sec: 8, n_errors: 3, n_beats: 0, last_error: "connection refused" },
      { ...row, id: "wled", kind: "wled", name: "wled 239.0.0.1:11988", offset_ms: -20 }];
  }

  async hint() {
    return null;
  }

  async setOffset() {
    return null;
  }
}
