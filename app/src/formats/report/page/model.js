// What the page knows of the file: the data that stands in it, ready to be looked up by time. Pure.

/** Index of the last item of a sorted list at or before `tSec`, or -1. */
function lastAt(times, tSec) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= tSec) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The outline at several resolutions: level k has a place for every 4^k stretches. */
class Waveform {
  constructor(base64, stretchSec) {
    this.stretchSec = stretchSec;
    this.levels = [new Int8Array(bytesOf(base64).buffer)];
    for (let last = this.levels[0]; last.length > 512; last = this.levels.at(-1)) this.levels.push(Waveform.quarter(last));
  }

  static quarter(peaks) {
    const nPlaces = Math.ceil(peaks.length / 8);
    const out = new Int8Array(2 * nPlaces);
    for (let place = 0; place < nPlaces; place += 1) {
      let [min, max] = [127, -128];
      for (let idx = 8 * place; idx < Math.min(8 * place + 8, peaks.length); idx += 2) {
        min = Math.min(min, peaks[idx]);
        max = Math.max(max, peaks[idx + 1]);
      }
      out[2 * place] = min;
      out[2 * place + 1] = max;
    }
    return out;
  }

  /** Smallest and largest value in a span, -1 to 1; null outside the file. */
  between(fromSec, toSec) {
    let level = 0;
    let placeSec = this.stretchSec;
    while (level + 1 < this.levels.length && placeSec * 4 <= toSec - fromSec) {
      level += 1;
      placeSec *= 4;
    }
    const peaks = this.levels[level];
    const first = Math.max(0, Math.floor(fromSec / placeSec));
    const last = Math.min(peaks.length / 2 - 1, Math.max(first, Math.ceil(toSec / placeSec) - 1));
    if (first > last) return null;
    let [min, max] = [127, -128];
    for (let idx = first; idx <= last; idx += 1) {
      min = Math.min(min, peaks[2 * idx]);
      max = Math.max(max, peaks[2 * idx + 1]);
    }
    return [min / 127, max / 127];
  }
}

/** Everything, from the data in the page. */
class Model {
  constructor(data) {
    const { document: found, detail } = data;
    this.data = data;
    this.found = found;
    this.durationSec = Math.max(found.duration_sec, 1e-3);
    this.beats = found.beats;
    this.beatTimes = found.beats.map((beat) => beat.time_sec);
    this.sections = data.sections;
    this.sectionTimes = data.sections.map((section) => section.start_sec);
    this.hazards = found.hazards;
    this.waveform = detail && new Waveform(detail.peaks, detail.stretch_sec);
    this.curves = detail && { firstSec: detail.first_sec, stepSec: detail.step_sec, beat: bytesOf(detail.beat), downbeat: bytesOf(detail.downbeat), level: bytesOf(detail.level) };
    const onsets = detail ? detail.onsets : [];
    this.onsets = Array.from({ length: onsets.length / 2 }, (_, idx) => ({ tSec: onsets[2 * idx], strength: onsets[2 * idx + 1] }));
    this.onsetTimes = this.onsets.map((onset) => onset.tSec);
    const intervals = this.beatTimes.slice(1).map((tSec, idx) => tSec - this.beatTimes[idx]).sort((a, b) => a - b);
    // Beats further apart than this are not joined by a line.
    this.gapSec = intervals.length > 0 ? 3 * intervals[intervals.length >> 1] : Infinity;
    this.bars = this.numberBars();
  }

  /** The number of the bar of each beat, from 1; 0 where no bar is known yet. */
  numberBars() {
    let bar = 0;
    return this.beats.map((beat) => {
      if (beat.beat_in_bar === 1 || (bar === 0 && beat.beat_in_bar > 0)) bar += 1;
      return bar;
    });
  }

  beatAt(tSec) {
    const idx = lastAt(this.beatTimes, tSec);
    return idx < 0 ? null : { ...this.beats[idx], idx, bar: this.bars[idx] };
  }

  sectionAt(tSec) {
    const section = this.sections[lastAt(this.sectionTimes, tSec)];
    return section && { ...section, name: this.data.labels[section.label_idx] };
  }

  /** Where a moment is, in words. */
  placeAt(tSec) {
    const beat = this.beatAt(tSec);
    if (!beat) return this.beats.length > 0 ? 'before the first beat' : '';
    return beat.beat_in_bar > 0 ? `bar ${beat.bar}, beat ${beat.beat_in_bar}` : `beat ${beat.idx + 1}`;
  }
}

