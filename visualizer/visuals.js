// The moving picture: the fast controller at 60 steps a second of music, whatever the frame rate, and the stage that shows it.

import { CONTROLLER_HZ, CONTROL_NAMES, Controller, MAX_TURN_PER_SEC, defaultWeights, juliaC } from "./controller/controller.js";
import { Stage } from "./stage/stage.js";

/** Steps that are made up for after a pause; beyond that the music has gone on without us. */
const MOST_STEPS = 6;
const N_BANDS = 16;

export class Visuals {
  /** @throws {Error} where the shaders do not compile */
  constructor(canvas) {
    this.stage = Stage.make(canvas);
    this.controller = new Controller(defaultWeights());
    this.step = null;
    this.angle_turns = 0;
    this.controls = null;
  }

  /** Whether this machine can show it. */
  get isThere() {
    return this.stage !== null;
  }

  /** Draws what the music is at `now_ms` on the server's clock, in the picture that begins at `frame_ms`. */
  draw(score, now_ms, frame_ms) {
    const step = Math.floor((now_ms / 1000) * CONTROLLER_HZ);
    if (this.step === null || step - this.step > MOST_STEPS || step < this.step) this.step = step - 1;
    while (this.step < step) {
      this.step += 1;
      this.controls = this.controller.step(input(score, (this.step / CONTROLLER_HZ) * 1000));
      this.angle_turns += (this.controls[CONTROL_NAMES.indexOf("turn")] * MAX_TURN_PER_SEC) / CONTROLLER_HZ;
    }
    this.stage.draw(lookOf(this.controls, this.angle_turns), frame_ms);
  }
}

/** The controls by name, with the constant of the Julia set. @param {ArrayLike<number>} controls */
export function lookOf(controls, angle_turns) {
  const named = Object.fromEntries(CONTROL_NAMES.map((name, i) => [name, controls[i]]));
  return { ...named, c: juliaC(controls), angle_turns };
}

/** What the controller is told of the moment `now_ms`. */
function input(score, now_ms) {
  const { state } = score;
  const position = score.position(now_ms);
  const isAlive = score.isAlive(now_ms);
  return {
    bands: (isAlive && state.bands) || new Array(N_BANDS).fill(0), level: isAlive ? state.level : 0,
    phase: position?.phase ?? 0, bar_phase: position?.bar ?? 0, beats_per_bar: position?.bar == null ? 0 : position.beat.beats_per_bar,
    period_sec: position?.period_sec ?? 0, confidence: position ? state.confidence : 0, locked: position !== null && isAlive && state.locked,
    section_probs: state?.section_probs ?? new Array(8).fill(0), hazard_probs: state?.hazard_probs ?? new Array(5).fill(0),
  };
}
