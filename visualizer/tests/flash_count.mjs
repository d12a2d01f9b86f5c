// Counts flashes as WCAG 2.3.1 defines them, in a trace of relative luminance.
//
// A transition is a change of at least 0.1 against the last extreme, the darker of the two below 0.8; two opposing ones are a flash.

const STEP = 0.1;
const DARK_BELOW = 0.8;

/** Transitions of a trace `[[time_sec, luminance], ...]`: `{at_sec, sign}`, each at the moment at which it is complete. */
export function transitions(trace) {
  const found = [];
  // Lowest and highest since the last transition: what the next one is measured against.
  let low = Infinity;
  let high = -Infinity;
  let sign = 0;
  for (const [at_sec, luminance] of trace) {
    low = Math.min(low, luminance);
    high = Math.max(high, luminance);
    if (sign !== 1 && luminance - low >= STEP && low < DARK_BELOW) sign = 1;
    else if (sign !== -1 && high - luminance >= STEP && luminance < DARK_BELOW) sign = -1;
    else continue;
    found.push({ at_sec, sign });
    low = luminance;
    high = luminance;
  }
  return found;
}

/** Most flashes within any one second. */
export function mostFlashes(trace) {
  const all = transitions(trace);
  let most = 0;
  for (let first = 0; first < all.length; first += 1) {
    const within = all.filter(({ at_sec }) => at_sec >= all[first].at_sec && at_sec <= all[first].at_sec + 1);
    most = Math.max(most, Math.floor(within.length / 2));
  }
  return most;
}
