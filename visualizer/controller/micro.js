// Micro features: 24 numbers in [0, 1] of the newest spectrum, at the controller's 60 Hz. Frames that are held for a step or two,
// as where they come at 50 Hz or slower, change nothing: onsets are rises over a fast follower, not over the last frame.
// `controller/src/micro.rs` is the same, line by line.

import { CONTROLLER_HZ, MICRO } from './contract.js';
import { clamp, exp } from './numbers.js';

const DT_SEC = 1.0 / CONTROLLER_HZ;
const N_BANDS = 16;
const N_GROUPS = 3;

// Share of the way to a value that a follower with this time constant goes in a step.
function share(seconds) {
  return 1.0 - exp(-DT_SEC / seconds);
}

const ONSET_SHARE = share(MICRO.onset_sec);
const FAST_SHARE = share(MICRO.fast_sec);
const SLOW_SHARE = share(MICRO.slow_sec);
const RATE_SHARE = share(MICRO.rate_sec);
const PRESENCE_SHARE = share(MICRO.presence_sec);
const ONSET_KEPT = 1.0 - share(MICRO.onset_peak_sec);
const LEVEL_KEPT = 1.0 - share(MICRO.level_peak_sec);
const LEVEL_FLOOR = 0.1;

export class Micro {
  constructor() {
    this.values = new Float64Array(MICRO.len);
    this.reset();
  }

  reset() {
    this.values.fill(0.0);
    this.follow = new Float64Array(N_GROUPS);
    // Of each group and of all.
    this.peaks = new Float64Array(N_GROUPS + 1).fill(MICRO.onset_floor);
    this.fast = new Float64Array(N_GROUPS + 1);
    this.slow = new Float64Array(N_GROUPS + 1);
    this.rate = 0.0;
    this.levelPeak = LEVEL_FLOOR;
    this.presence = 0.0;
  }

  // One step: 16 bands and the level, each in [0, 1]. Returns `values`.
  step(bands, rawLevel) {
    const level = clamp(rawLevel, 0.0, 1.0);
    const now = this.groups(bands);
    now[N_GROUPS] = level;
    const out = this.values;
    let sum = 0.0;
    for (let g = 0; g < N_GROUPS; g += 1) {
      const rise = clamp(now[g] - this.follow[g], 0.0, 1.0);
      this.follow[g] += ONSET_SHARE * (now[g] - this.follow[g]);
      out[4 + g] = this.onset(g, rise);
      sum += rise;
    }
    out[7] = this.onset(N_GROUPS, sum / N_GROUPS);
    for (let g = 0; g <= N_GROUPS; g += 1) {
      this.fast[g] += FAST_SHARE * (now[g] - this.fast[g]);
      this.slow[g] += SLOW_SHARE * (now[g] - this.slow[g]);
      out[g] = now[g];
      out[8 + g] = this.fast[g];
      out[12 + g] = this.slow[g];
    }
    for (let g = 0; g < N_GROUPS; g += 1) {
      out[16 + g] = clamp(0.5 + MICRO.over_gain * (this.fast[g] - this.slow[g]), 0.0, 1.0);
    }
    this.rate += RATE_SHARE * (out[7] - this.rate);
    out[21] = this.rate;
    this.levelPeak = atLeast(atLeast(this.levelPeak * LEVEL_KEPT, level), LEVEL_FLOOR);
    out[22] = level / this.levelPeak;
    const heard = clamp((level - MICRO.silence_level) / MICRO.silence_level, 0.0, 1.0);
    this.presence += PRESENCE_SHARE * (heard - this.presence);
    out[23] = this.presence;
    return out;
  }

  // Means of the three groups of bands; also centroid and width of the whole.
  groups(bands) {
    const now = new Float64Array(N_GROUPS + 1);
    let band = 0;
    let total = 0.0;
    let moment = 0.0;
    for (let g = 0; g < N_GROUPS; g += 1) {
      let sum = 0.0;
      for (let k = 0; k < MICRO.band_groups[g]; k += 1) {
        const value = clamp(bands[band], 0.0, 1.0);
        sum += value;
        total += value;
        moment += value * (band / (N_BANDS - 1));
        band += 1;
      }
      now[g] = sum / MICRO.band_groups[g];
    }
    const centroid = total > 0.0 ? moment / total : 0.0;
    let spread = 0.0;
    for (let k = 0; k < N_BANDS; k += 1) {
      const away = k / (N_BANDS - 1) - centroid;
      spread += clamp(bands[k], 0.0, 1.0) * (away * away);
    }
    this.values[19] = clamp(centroid, 0.0, 1.0);
    this.values[20] = total > 0.0 ? clamp(2.0 * Math.sqrt(spread / total), 0.0, 1.0) : 0.0;
    return now;
  }

  // A rise against the strongest of late.
  onset(k, rise) {
    this.peaks[k] = atLeast(atLeast(this.peaks[k] * ONSET_KEPT, rise), MICRO.onset_floor);
    return rise / this.peaks[k];
  }
}

function atLeast(x, low) {
  return x > low ? x : low;
}
