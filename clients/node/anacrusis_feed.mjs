#!/usr/bin/env node
/**
 * Reads the beat state that Anacrusis publishes in a file (docs/shm.md). No dependency; Node 18 or newer.
 *
 * Node cannot map files, so each word is read with `pread`: three system calls a read, and a file that is cut is an error
 * in place of a crash. As a command it prints one JSON object a line:
 *
 *     node anacrusis_feed.mjs [--once] [--spectrum] [PATH]
 *
 * Without PATH it takes the living feed with the newest heartbeat. `--once` prints everything that the feed holds and ends;
 * else a line a new state, a line a beat, one load a second, until the writer is gone. `--spectrum` adds the spectrum rows.
 *
 * As a library:
 *
 *     import { Feed, newestFeed } from "./anacrusis_feed.mjs";
 *     const feed = new Feed(newestFeed());
 *     setInterval(() => feed.isAlive() && draw(feed.state()), 20);
 *
 * Counters are numbers; nanoseconds of a clock (`*_ns` of the header and `wall_ns`) are BigInt.
 */

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const LAYOUT_VERSION = 1;
const TOTAL_BYTES = 5248;
const HEADER_BYTES = 192;
const STATE_OFFSET = 192, STATE_BYTES = 168;
const LOAD_OFFSET = 384, LOAD_BYTES = 80;
const SPECTRUM_OFFSET = 512, SPECTRUM_BYTES = 568;
const EVENTS_OFFSET = 1088, EVENT_SLOTS_OFFSET = 64, EVENT_STRIDE_BYTES = 64, EVENT_BYTES = 40;
const N_EVENTS = 64;
const N_BANDS = 136;
const HEARTBEAT_TIMEOUT_NS = 1_000_000_000n;
export const LABELS = ["silence", "intro", "verse", "pre-chorus", "chorus", "bridge", "inst", "outro"];
export const REASONS = ["searching", "locked", "weak pulse", "ambiguous octave", "silence", "held"];

/** The section table of the header, from `state_offset` to `n_bands`. */
const SECTIONS = [
  STATE_OFFSET, STATE_BYTES, LOAD_OFFSET, LOAD_BYTES, SPECTRUM_OFFSET, SPECTRUM_BYTES,
  EVENTS_OFFSET, EVENT_SLOTS_OFFSET + N_EVENTS * EVENT_STRIDE_BYTES, N_EVENTS, N_BANDS,
];
/** Tries of one read; a write takes well under a microsecond, a try some microseconds. */
const TRIES = 5_000;

/** A file that is no feed, or a feed that cannot be read; the message says what was expected and what was there. */
export class FeedError extends Error {}

/** An open feed. */
export class Feed {
  /**
   * @param {string} file the file, as `listFeeds` or `newestFeed` names it
   * @throws {FeedError} the file is missing or not a feed of this version
   */
  constructor(file) {
    this.path = file;
    try {
      // Before it is opened: opening a named pipe would wait for its other end.
      if (!fs.lstatSync(file).isFile()) throw new FeedError(`${file} is not a regular file`);
      this.fd = fs.openSync(file, "r");
    } catch (error) {
      throw error instanceof FeedError ? error : new FeedError(`cannot open ${file}: ${error.code}`);
    }
    try {
      this.header = this.#checkedHeader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close() {
    fs.closeSync(this.fd);
  }

  /** Whether the writer's heartbeat is at most a second old. */
  isAlive() {
    const beats = this.#bytes(48, 16);
    return isFresh(beats.readBigUInt64LE(0), beats.readBigUInt64LE(8));
  }

  /** The newest state, or null before the first. Stale once `isAlive()` is false. */
  state() {
    const b = this.#read("state", STATE_OFFSET, STATE_BYTES);
    if (b === null) return null;
    const spb = double(b, 40);
    const sectionProbs = floats(b, 80, 8);
    const best = Math.max(...sectionProbs);
    return {
      frame: counter(b, 0),
      timeline: { t_origin_sec: double(b, 8), beat_origin: double(b, 16), spb: double(b, 24) },
      beat: {
        t_sec: double(b, 32),
        spb,
        bpm: spb > 0 && Number.isFinite(60 / spb) ? 60 / spb : 0,
        beat_count: counter(b, 48),
        phase: float(b, 56),
        conf: float(b, 60),
        downbeat_prob: float(b, 64),
        beats_per_bar: b[68],
        beat_in_bar: b[69],
        locked: b[70] !== 0,
        reason: REASONS[b[71]] ?? REASONS[0],
      },
      structure: {
        t_sec: double(b, 72),
        section: best > 0 ? LABELS[sectionProbs.indexOf(best)] : null,
        section_probs: sectionProbs,
        hazard_probs: floats(b, 112, 5),
      },
      wall_ns: b.readBigUInt64LE(136),
      health: { lost_samples: counter(b, 144), late_updates: b.readUInt32LE(152), nan_samples: b.readUInt32LE(156), fault: b[160] },
    };
  }

  /** The newest cost and queues, or null before the first. */
  load() {
    const b = this.#read("load", LOAD_OFFSET, LOAD_BYTES);
    if (b === null) return null;
    return {
      n_hops: counter(b, 0),
      n_blocks: counter(b, 8),
      stage_ns: floats(b, 16, 5),
      hop_ns: float(b, 36),
      max_hop_ns: b.readUInt32LE(40),
      max_block_ns: b.readUInt32LE(44),
      ring_samples: b.readUInt32LE(48),
      max_ring_samples: b.readUInt32LE(52),
      max_pending_updates: b.readUInt32LE(56),
      n_gaps: b.readUInt32LE(60),
      n_jumps: b.readUInt32LE(64),
      midi_jitter_p50_us: float(b, 68),
      midi_jitter_p99_us: float(b, 72),
    };
  }

  /** The newest row, `bands` of 136 times log10(1 + magnitude), low to high; null before the first. */
  spectrum() {
    const b = this.#read("spectrum", SPECTRUM_OFFSET, SPECTRUM_BYTES);
    if (b === null) return null;
    const [beatActivation, downbeatActivation] = floats(b, 16 + 4 * N_BANDS, 2);
    const bands = floats(b, 16, N_BANDS);
    return { frame: counter(b, 0), t_sec: double(b, 8), bands, beat_activation: beatActivation, downbeat_activation: downbeatActivation };
  }

  /** The beats with a `number` above `seen`, oldest first; 0 for all that the ring holds, at most 64. */
  eventsSince(seen) {
    const newest = counter(this.#bytes(EVENTS_OFFSET, 8), 0);
    const events = [];
    for (let number = Math.max(newest - N_EVENTS, seen) + 1; number <= newest && events.length < N_EVENTS; number++) {
      const slot = EVENTS_OFFSET + EVENT_SLOTS_OFFSET + ((number - 1) % N_EVENTS) * EVENT_STRIDE_BYTES;
      const b = this.#tryRead(slot, EVENT_BYTES);
      // A write in progress, or another number: a newer event takes or took the slot.
      if (!b || counter(b, 0) !== number) continue;
      events.push({
        number,
        t_sec: double(b, 8),
        beat_count: counter(b, 16),
        beat_in_bar: b[24],
        beats_per_bar: b[25],
        downbeat_prob: float(b, 28),
        intensity: float(b, 32),
        conf: float(b, 36),
      });
    }
    return events;
  }

  /** One try of the seqlock: the body, null where nothing was published yet, or false during a write. */
  #tryRead(offset, nBytes) {
    const before = this.#bytes(offset, 8).readBigUInt64LE(0);
    if (before & 1n) return false;
    const body = this.#bytes(offset + 8, nBytes);
    if (this.#bytes(offset, 8).readBigUInt64LE(0) !== before) return false;
    return before === 0n ? null : body;
  }

  #read(section, offset, nBytes) {
    for (let nTries = 0; nTries < TRIES; nTries++) {
      const body = this.#tryRead(offset, nBytes);
      if (body !== false) return body;
    }
    throw new FeedError(`${this.path}: a write of the ${section} never ended; its writer was stopped or died`);
  }

  #bytes(offset, nBytes) {
    const buffer = Buffer.alloc(nBytes);
    const got = fs.readSync(this.fd, buffer, 0, nBytes, offset);
    if (got < nBytes) throw new FeedError(`${this.path} has ${offset + got} bytes, expected ${TOTAL_BYTES}`);
    return buffer;
  }

  #checkedHeader() {
    const size = fs.fstatSync(this.fd).size;
    if (size < TOTAL_BYTES) throw new FeedError(`${this.path} has ${size} bytes, expected ${TOTAL_BYTES}`);
    const b = this.#bytes(0, HEADER_BYTES);
    const sections = SECTIONS.map((_, idx) => b.readUInt32LE(64 + 4 * idx));
    for (const [field, got, expected] of [
      ["magic", b.toString("latin1", 0, 8), "ANACFEED"],
      ["layout version", b.readUInt32LE(8), LAYOUT_VERSION],
      ["header size", b.readUInt32LE(12), HEADER_BYTES],
      ["file size", counter(b, 16), TOTAL_BYTES],
      ["section table", sections.join(" "), SECTIONS.join(" ")],
    ]) {
      if (got !== expected) throw new FeedError(`${this.path}: ${field} is ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
    }
    return {
      pid: b.readUInt32LE(24),
      instance: b.readUInt32LE(28),
      sample_rate_hz: double(b, 40),
      heartbeat_monotonic_ns: b.readBigUInt64LE(48),
      heartbeat_wall_ns: b.readBigUInt64LE(56),
      name: b.toString("utf8", 128, HEADER_BYTES).split("\0")[0],
    };
  }
}

/** The folder of the feeds on this system; it need not exist. */
export function feedDirectory() {
  const env = process.env;
  if (env.ANACRUSIS_FEED_DIR) return env.ANACRUSIS_FEED_DIR;
  if (process.platform === "darwin") return path.join(os.homedir(), "Library/Caches/anacrusis");
  if (process.platform === "win32") return path.join(env.LOCALAPPDATA ?? "", "anacrusis");
  const runtime = env.XDG_RUNTIME_DIR ?? "";
  if (path.isAbsolute(runtime) && fs.existsSync(runtime)) return path.join(runtime, "anacrusis");
  return path.join(os.tmpdir(), `anacrusis-${process.geteuid()}`);
}

/** Paths of the living feeds, the newest heartbeat first. */
export function listFeeds(directory = feedDirectory()) {
  const names = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  const living = [];
  for (const name of names.filter((name) => /^feed-\d+-\d+\.bin$/.test(name))) {
    const file = path.join(directory, name);
    try {
      const feed = new Feed(file);
      if (feed.isAlive()) living.push([feed.header.heartbeat_monotonic_ns, file]);
      feed.close();
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
    }
  }
  return living.sort((a, b) => (a[0] < b[0] ? 1 : -1)).map(([, file]) => file);
}

/** Path of the living feed with the newest heartbeat. */
export function newestFeed(directory = feedDirectory()) {
  const [file] = listFeeds(directory);
  if (!file) throw new FeedError(`no living feed in ${directory}: is Anacrusis running?`);
  return file;
}

/**
 * Whether a heartbeat is at most a second away. Linux shares its monotonic clock; elsewhere the wall clock is compared,
 * because Node's monotonic clock is not the writer's there.
 */
function isFresh(monotonicNs, wallNs) {
  const distance = process.platform === "linux" ? process.hrtime.bigint() - monotonicNs : BigInt(Date.now()) * 1_000_000n - wallNs;
  return distance <= HEARTBEAT_TIMEOUT_NS && distance >= -HEARTBEAT_TIMEOUT_NS;
}

function counter(buffer, offset) {
  return Number(buffer.readBigUInt64LE(offset));
}

function double(buffer, offset) {
  const value = buffer.readDoubleLE(offset);
  return Number.isFinite(value) ? value : 0;
}

function float(buffer, offset) {
  const value = buffer.readFloatLE(offset);
  return Number.isFinite(value) ? value : 0;
}

function floats(buffer, offset, count) {
  return Array.from({ length: count }, (_, idx) => float(buffer, offset + 4 * idx));
}

/** One line of JSON, BigInt as its digits. */
function print(type, record) {
  const strings = (_, value) => (typeof value === "bigint" ? `\u0001${value}` : value);
  const line = JSON.stringify({ type, ...record }, strings).replace(/"\\u0001(\d+)"/g, "$1");
  fs.writeSync(1, `${line}\n`);
}

function once(feed, withSpectrum) {
  print("header", { alive: feed.isAlive(), ...feed.header });
  for (const kind of withSpectrum ? ["state", "load", "spectrum"] : ["state", "load"]) {
    const record = feed[kind]();
    if (record !== null) print(kind, record);
  }
  for (const event of feed.eventsSince(0)) print("event", event);
}

async function follow(feed, withSpectrum) {
  print("header", { alive: feed.isAlive(), ...feed.header });
  let frame = null, row = null, seen = 0, loadAt = -Infinity;
  while (feed.isAlive()) {
    for (const event of feed.eventsSince(seen)) {
      seen = event.number;
      print("event", event);
    }
    const state = feed.state();
    if (state !== null && state.frame !== frame) {
      frame = state.frame;
      print("state", state);
    }
    const spectrum = withSpectrum ? feed.spectrum() : null;
    if (spectrum !== null && spectrum.frame !== row) {
      row = spectrum.frame;
      print("spectrum", spectrum);
    }
    if (performance.now() - loadAt >= 1000) {
      loadAt = performance.now();
      const load = feed.load();
      if (load !== null) print("load", load);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  print("gone", {});
}

/** The command; its exit code. */
async function main(args) {
  const options = args.filter((arg) => arg.startsWith("-"));
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const unknown = options.find((option) => !["--once", "--spectrum"].includes(option));
  if (unknown !== undefined || paths.length > 1) {
    fs.writeSync(2, `usage: anacrusis_feed.mjs [--once] [--spectrum] [PATH], got ${unknown ?? paths[1]}\n`);
    return 2;
  }
  try {
    const feed = new Feed(paths[0] ?? newestFeed());
    await (options.includes("--once") ? once : follow)(feed, options.includes("--spectrum"));
    feed.close();
    return 0;
  } catch (error) {
    // EPIPE: the reader of our lines has gone.
    if (error.code === "EPIPE") return 0;
    if (!(error instanceof FeedError)) throw error;
    fs.writeSync(2, `error: ${error.message}\n`);
    return 1;
  }
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
