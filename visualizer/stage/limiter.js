// The hard flash limiter: the last pass before the screen. What was shown is kept, and no pixel's relative luminance goes from it
// faster than `limit/luminance.js` allows; the proof stands there.
//
// Where a pixel may not get dark as fast as asked, what is left keeps the colour that it had: an afterglow. Saturated red, whose
// flashes count at any luminance (WCAG: a red flash has a state with R / (R + G + B) >= 0.8), is never shown at all: its share is
// brought down to MAX_RED_SHARE at the same luminance. Without 16-bit float textures there is no picture (`context` in gl.js):
// 8 bits would round small steps away.
//
// A picture that is scaled takes the state over by averaging neighbours. That keeps the mean of every area that is larger than a
// few pixels, so of any area that counts (a quarter of 10 degrees of view).

import { FALL_PER_SEC, LONGEST_STEP_SEC, LUMINANCE_WEIGHTS, RISE_PER_SEC } from "../limit/luminance.js";
import { Pass, Surface } from "./gl.js";

/** Most that red may have of red, green and blue, in linear light. */
export const MAX_RED_SHARE = 0.7;

const LIMIT = `#version 300 es
precision highp float;
uniform sampler2D wanted, shown;
uniform float fall, rise;
in vec2 at;
out vec4 result;
const vec3 WEIGHTS = vec3(${LUMINANCE_WEIGHTS.join(", ")});
void main() {
  vec3 colour = texture(wanted, at).rgb;
  // What is no number, or out of range, is asked for by a shader gone wrong: it must not get past.
  colour = vec3(colour.r > 0.0 ? min(colour.r, 1.0) : 0.0, colour.g > 0.0 ? min(colour.g, 1.0) : 0.0, colour.b > 0.0 ? min(colour.b, 1.0) : 0.0);
  vec4 before = texelFetch(shown, ivec2(gl_FragCoord.xy), 0);
  float asked = dot(colour, WEIGHTS);
  float luminance = clamp(asked, before.a - fall, before.a + rise);
  if (luminance < asked) colour *= luminance / asked;
  else if (luminance > asked) colour += (luminance - asked) * (before.a > 0.0 ? before.rgb / before.a : vec3(1.0));
  // Both bring colour nearer to the grey of its own luminance, which keeps that.
  float highest = max(colour.r, max(colour.g, colour.b));
  if (highest > 1.0) colour = mix(vec3(luminance), colour, (1.0 - luminance) / (highest - luminance));
  float sum = colour.r + colour.g + colour.b;
  float excess = colour.r - ${MAX_RED_SHARE} * sum;
  if (excess > 0.0) colour = mix(colour, vec3(luminance), excess / (excess + (${(3 * MAX_RED_SHARE).toFixed(3)} - 1.0) * luminance));
  result = vec4(colour, luminance);
}`;

const PRESENT = `#version 300 es
precision highp float;
uniform sampler2D shown;
in vec2 at;
out vec4 result;
vec3 encoded(vec3 c) {
  return mix(1.055 * pow(max(c, vec3(0.0031308)), vec3(1.0 / 2.4)) - 0.055, 12.92 * c, lessThanEqual(c, vec3(0.0031308)));
}
void main() {
  // A still grain of less than half a step hides the steps of 8 bits.
  float grain = fract(52.9829189 * fract(dot(gl_FragCoord.xy, vec2(0.06711056, 0.00583715)))) - 0.5;
  result = vec4(encoded(clamp(texture(shown, at).rgb, 0.0, 1.0)) + grain * 0.9 / 255.0, 1.0);
}`;

export class Limiter {
  constructor(gl, width, height) {
    this.gl = gl;
    this.limit = new Pass(gl, LIMIT);
    this.present = new Pass(gl, PRESENT);
    this.surfaces = [new Surface(gl, width, height), new Surface(gl, width, height)];
  }

  /** Another size; what is shown stays. */
  resize(width, height) {
    const [shown] = this.surfaces;
    if (shown.width === width && shown.height === height) return;
    const next = [new Surface(this.gl, width, height), new Surface(this.gl, width, height)];
    next[0].takeFrom(shown);
    for (const surface of this.surfaces) surface.free();
    this.surfaces = next;
  }

  /** Shows on the canvas what may be shown of `wanted`, `dt_sec` after the last time. */
  show(wanted, dt_sec) {
    const dt = Math.min(Math.max(Number.isFinite(dt_sec) ? dt_sec : 0, 0), LONGEST_STEP_SEC);
    const [shown, next] = this.surfaces;
    this.limit.draw(next, { wanted, shown, fall: FALL_PER_SEC * dt, rise: RISE_PER_SEC * dt });
    this.surfaces = [next, shown];
    this.present.draw(null, { shown: next });
  }

  /** Shows `wanted` as it is: what a picture would be without the limiter, for the test that it is needed. */
  showUnlimited(wanted) {
    this.present.draw(null, { shown: wanted });
  }
}
