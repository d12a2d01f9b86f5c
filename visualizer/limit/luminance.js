// The rule that keeps every picture of this page below three flashes a second, for one trace of relative luminance. Pure; the
// shader's limiter (`stage/limiter.js`) applies the same numbers to every pixel.
//
// WCAG 2.3.1: no more than three general flashes within any second. A flash is a pair of opposing changes of relative luminance
// (linear light, white = 1) of 0.1 or more each, the darker state below 0.8. Proof that what is shown cannot have more:
//
// 1. Each flash needs one fall of at least 0.1 of its own.
// 2. What is shown falls by at most FALL_PER_SEC * dt from picture to picture, dt being the time between them or
//    LONGEST_STEP_SEC, whichever is less. So in any second it falls by at most FALL_PER_SEC * (1 + LONGEST_STEP_SEC) = 0.32 in
//    all, whatever was asked for and whatever the frame rate.
// 3. Four falls of 0.1 need 0.4. So there are at most three, and at most three flashes. The 0.08 between covers rounding to 8 bits.
// 4. The mean over any area, and any picture that is left out or scaled, falls no faster than its pixels do.
//
// Rises are bounded too, more loosely: nothing bangs, yet a beat is seen in the picture in which it falls.

/** Relative luminance per second. */
export const FALL_PER_SEC = 0.3;
export const RISE_PER_SEC = 4;
/** Longer pauses between pictures count as this. */
export const LONGEST_STEP_SEC = 1 / 15;

/** Relative luminance of linear red, green and blue (ITU-R BT.709). */
export const LUMINANCE_WEIGHTS = [0.2126, 0.7152, 0.0722];

/** One trace: what is shown follows what is asked for as fast as it may. */
export class LuminanceLimiter {
  /** @param {number} shown relative luminance at the start, [0, 1] */
  constructor(shown = 0) {
    this.shown = shown;
  }

  /** What is shown `dt_sec` after the last step, where `wanted` is asked for; both in [0, 1]. */
  step(wanted, dt_sec) {
    const dt = Math.min(Math.max(Number.isFinite(dt_sec) ? dt_sec : 0, 0), LONGEST_STEP_SEC);
    const asked = Math.min(1, Math.max(0, Number.isFinite(wanted) ? wanted : 0));
    this.shown = Math.min(this.shown + RISE_PER_SEC * dt, Math.max(this.shown - FALL_PER_SEC * dt, asked));
    return this.shown;
  }
}

/** sRGB value, [0, 1], of a linear one. */
export function toSrgb(linear) {
  return linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
}

/** Linear value of an sRGB one, both [0, 1]. */
export function toLinear(srgb) {
  return srgb <= 0.04045 ? srgb / 12.92 : ((srgb + 0.055) / 1.055) ** 2.4;
}

/** Relative luminance of sRGB bytes. */
export function luminanceOf(red, green, blue) {
  const [r, g, b] = [red, green, blue].map((byte) => toLinear(byte / 255));
  return LUMINANCE_WEIGHTS[0] * r + LUMINANCE_WEIGHTS[1] * g + LUMINANCE_WEIGHTS[2] * b;
}
