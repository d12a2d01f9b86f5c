// How near the next section is, said with what is known and no more. Pure.

/** From this probability on an approach is named at all. */
export const WORTH_NAMING = 0.3;
/** From this probability on a shorter horizon goes before a longer one. */
const PROBABLE = 0.5;

/**
 * @typedef {{beats: number, prob: number, next: number|null, next_prob: number|null, expected_beats: number}} Countdown
 * beats: the boundary comes within so many, with the probability `prob`; next: index of the label that most often follows.
 */

/**
 * The countdown at `now_ms`; `null` where no boundary within the farthest horizon has a probability worth naming.
 *
 * Which horizon: the nearest that is more probable than not, else the nearest that is worth naming. An approach that the app
 * has announced, with the moment at which it comes at the latest, counts down beat by beat.
 *
 * @param {{hazard_probs: number[], horizons_beats: number[], approach: object|null, period_sec: number, now_ms: number}} known
 * @returns {Countdown|null}
 */
export function countdown({ hazard_probs, horizons_beats, approach, period_sec, now_ms }) {
  const named = (limit) => hazard_probs.findIndex((prob) => prob >= limit);
  const probable = named(PROBABLE);
  const index = probable >= 0 ? probable : named(WORTH_NAMING);
  if (index < 0 || !horizons_beats.length) return null;
  const expected_beats = expectedBeats(hazard_probs, horizons_beats);
  const next = approach?.next ?? null;
  const next_prob = next === null ? null : approach.next_prob;
  let beats = horizons_beats[index];
  let prob = hazard_probs[index];
  if (approach?.latest_ms != null && period_sec > 0) {
    const left = Math.max(1, Math.ceil((approach.latest_ms - now_ms) / (period_sec * 1000) - 1e-6));
    // Only where it says more: an announcement that has been overtaken by what is known now does not. Its probability is its own.
    if (left < beats) [beats, prob] = [left, approach.prob];
  }
  return { beats, prob, next, next_prob, expected_beats };
}

/** Mean distance of the boundary if it comes within the farthest horizon, each step's probability taken at its middle. Beats. */
export function expectedBeats(hazard_probs, horizons_beats) {
  let mass = 0;
  let sum = 0;
  for (let i = 0; i < horizons_beats.length; i += 1) {
    const before = i === 0 ? 0 : horizons_beats[i - 1];
    const step = Math.max(0, hazard_probs[i] - (i === 0 ? 0 : Math.max(...hazard_probs.slice(0, i))));
    mass += step;
    sum += step * (before + horizons_beats[i]) / 2;
  }
  return mass > 0 ? sum / mass : horizons_beats.at(-1) ?? 0;
}

/** The same in words: "within 8 beats, 40 %". */
export function inWords(countdown, beats_per_bar) {
  if (countdown === null) return "no boundary in sight";
  const { beats, prob } = countdown;
  const bars = beats_per_bar > 1 && beats % beats_per_bar === 0 ? ` (${count(beats / beats_per_bar, "bar")})` : "";
  return `within ${count(beats, "beat")}${bars}, ${Math.round(prob * 100)} %`;
}

/** "1 beat", "2 beats". */
export function count(n, word) {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}
