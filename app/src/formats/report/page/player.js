// Plays the audio with clicks on the beats. The audio is an element's; the clicks are WebAudio's, scheduled ahead on its own clock, whose
// distance from the element's is measured while it plays. Without audio, the clicks alone, by WebAudio's clock.

/** Clicks are scheduled as far ahead, seconds, and looked for as often, ms. */
const AHEAD_SEC = 0.2;
const LOOK_EVERY_MS = 40;
/** The distance of the clocks is the median of as many measurements. */
const N_MEASURED = 15;
/** Pitch of beats and downbeats, Hz, and their levels. */
const CLICK_HZ = [880, 1760];
const CLICK_LEVELS = [0.6, 1];
const CLICK_SEC = 0.06;

class Player {
  constructor(audio, model, onChange) {
    Object.assign(this, { audio, model, onChange, clickLevel: 0.6, isPlaying: false, hasAudio: false, restingSec: 0, measured: [], scheduled: [] });
    audio.addEventListener('loadedmetadata', () => this.change({ hasAudio: true, isMissing: false }));
    audio.addEventListener('error', () => this.change({ hasAudio: false, isMissing: true }));
    audio.addEventListener('ended', () => this.pause());
    audio.addEventListener('seeked', () => this.forget());
    // Either may have come before this script.
    this.hasAudio = audio.readyState >= HTMLMediaElement.HAVE_METADATA;
    this.isMissing = audio.error !== null;
  }

  change(what) {
    Object.assign(this, what);
    this.onChange();
  }

  /** Now, seconds of the file. */
  get nowSec() {
    if (!this.isPlaying) return this.restingSec;
    return Math.min(this.hasAudio ? this.audio.currentTime : this.context.currentTime - this.startedAt, this.model.durationSec);
  }

  async toggle() {
    if (this.isPlaying) this.pause();
    else await this.play();
  }

  async play() {
    if (this.restingSec >= this.model.durationSec - 0.05) this.restingSec = 0;
    this.context ??= new AudioContext();
    await this.context.resume();
    if (this.hasAudio) {
      this.audio.currentTime = this.restingSec;
      try {
        await this.audio.play();
      } catch {
        // What the browser cannot play after all is missing.
        this.hasAudio = false;
        this.isMissing = true;
      }
    }
    this.startedAt = this.context.currentTime - this.restingSec;
    this.forget();
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.change({ isPlaying: true });
  }

  pause() {
    if (!this.isPlaying) return;
    this.restingSec = this.nowSec;
    this.audio.pause();
    clearInterval(this.timer);
    this.forget();
    this.change({ isPlaying: false });
  }

  seek(tSec) {
    const goal = Math.min(Math.max(tSec, 0), this.model.durationSec);
    this.restingSec = goal;
    if (this.isPlaying && this.hasAudio) this.audio.currentTime = goal;
    if (this.context) this.startedAt = this.context.currentTime - goal;
    this.forget();
    this.onChange();
  }

  /** Takes back the clicks that did not sound yet, and what was measured. */
  forget() {
    this.scheduled.forEach((source) => source.stop());
    this.scheduled = [];
    this.measured = [];
    this.nextIdx = null;
  }

  /** Schedules the clicks that come next. */
  look() {
    const { context, model } = this;
    if (this.nowSec >= model.durationSec) {
      this.pause();
      return;
    }
    if (this.audio.seeking) return;
    this.measured.push(context.currentTime - this.nowSec);
    if (this.measured.length > N_MEASURED) this.measured.shift();
    const sorted = [...this.measured].sort((a, b) => a - b);
    const offsetSec = sorted[sorted.length >> 1];
    this.nextIdx ??= lastAt(model.beatTimes, this.nowSec - 0.01) + 1;
    while (this.nextIdx < model.beats.length && model.beatTimes[this.nextIdx] < this.nowSec + AHEAD_SEC) {
      this.click(model.beatTimes[this.nextIdx] + offsetSec, model.beats[this.nextIdx].beat_in_bar === 1 ? 1 : 0);
      this.nextIdx += 1;
    }
  }

  click(atSec, octave) {
    const { context } = this;
    if (this.clickLevel === 0 || atSec < context.currentTime - 0.01) return;
    const [source, gain] = [context.createOscillator(), context.createGain()];
    source.frequency.value = CLICK_HZ[octave];
    gain.gain.setValueAtTime(this.clickLevel * CLICK_LEVELS[octave], atSec);
    gain.gain.exponentialRampToValueAtTime(0.001, atSec + CLICK_SEC);
    source.connect(gain).connect(context.destination);
    source.start(atSec);
    source.stop(atSec + CLICK_SEC);
    this.scheduled.push(source);
    source.addEventListener('ended', () => { this.scheduled = this.scheduled.filter((other) => other !== source); });
  }
}

