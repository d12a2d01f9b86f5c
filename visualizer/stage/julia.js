// The Julia set of c, in linear light: bright along its edge, coloured by how long a point takes to get away.
//
// Smooth escape time after Inigo Quilez, "Smooth iteration count for generalized Mandelbrot sets" (mu = n - log2(log2 |z|)).

import { channels } from "../model/palette.js";
import { toLinear } from "../limit/luminance.js";
import { Pass } from "./gl.js";

/** Colours of the sections, at their homes in the control `palette` (`section_palette` of the contract). */
const RAMP = [[0, "#6b7a99"], [0.12, "#56b4e9"], [0.2, "#ff7f50"], [0.3, "#2fc79a"], [0.46, "#f0d442"], [0.62, "#ff9d2e"], [0.78, "#e08fc0"], [0.9, "#6ea8ff"]];

const FRAGMENT = `#version 300 es
precision highp float;
uniform vec2 c, size;
uniform vec2 turn;
uniform float radius, tension, glow, low, mid, high;
uniform vec3 inner, outer, edge;
in vec2 at;
out vec4 result;
const int STEPS = 88;
void main() {
  vec2 p = (at - 0.5) * size / min(size.x, size.y) * 2.0;
  vec2 z = vec2(p.x * turn.x - p.y * turn.y, p.x * turn.y + p.y * turn.x) * radius;
  float trap = 1e3, cross = 1e3;
  float n = 0.0;
  float square = dot(z, z);
  for (int i = 0; i < STEPS; i++) {
    z = vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
    square = dot(z, z);
    if (square > 256.0) break;
    trap = min(trap, square);
    cross = min(cross, abs(z.x * z.y));
    n += 1.0;
  }
  vec3 colour;
  if (square > 256.0) {
    float mu = max(0.0, n + 1.0 - log2(0.5 * log2(square)));
    float near = 1.0 - exp(-mu * 0.055);
    float rim = smoothstep(0.25, 1.0, near);
    float lines = 0.5 + 0.5 * cos(mu * 0.55 - 1.0);
    colour = outer * (0.012 + 0.16 * near * near);
    colour = mix(colour, inner, 0.75 * rim * (0.35 + 0.65 * lines));
    colour += edge * rim * rim * (0.10 + 0.55 * high * lines + 0.4 * tension);
  } else {
    float deep = sqrt(trap);
    float veins = exp(-26.0 * sqrt(cross));
    colour = inner * (0.05 + 0.22 * exp(-3.0 * deep)) + outer * 0.2 * (1.0 - exp(-2.0 * deep));
    colour += edge * veins * (0.12 + 0.5 * mid);
  }
  float light = 0.42 + 0.34 * glow + 0.16 * low;
  // Towards a boundary the picture draws together; it opens again on it.
  float away = length(p) * (0.55 + 0.35 * tension);
  light *= 1.0 - 0.55 * smoothstep(0.35, 1.35, away);
  colour *= light;
  result = vec4(colour / (1.0 + 0.9 * colour), 1.0);
}`;

export class Julia {
  constructor(gl) {
    this.pass = new Pass(gl, FRAGMENT);
  }

  /**
   * Draws into `target`.
   *
   * @param {object} look `c` [2], `angle_turns`, and the controls by name
   */
  draw(target, look) {
    const angle = look.angle_turns * 2 * Math.PI;
    const spread = 0.04 + 0.12 * look.spread;
    this.pass.draw(target, {
      c: look.c, size: [target.width, target.height], turn: [Math.cos(angle), Math.sin(angle)],
      radius: (1.62 - 0.72 * look.zoom) * (1 - 0.05 * look.gain_low), tension: look.tension, glow: look.glow,
      low: look.gain_low, mid: look.gain_mid, high: look.gain_high,
      inner: rampColour(look.palette), outer: rampColour(look.palette + spread), edge: mixed(rampColour(look.palette - spread / 2), [1, 0.95, 0.85], 0.45),
    });
  }
}

/** Linear colour at a place of the ramp, which is a ring. */
export function rampColour(place) {
  const at = ((place % 1) + 1) % 1;
  const after = RAMP.findIndex(([home]) => home > at);
  const [low, high] = after < 0 ? [RAMP.at(-1), [1, RAMP[0][1]]] : [RAMP[after - 1], RAMP[after]];
  return mixed(linear(low[1]), linear(high[1]), (at - low[0]) / (high[0] - low[0]));
}

function linear(hex) {
  return channels(hex).map(toLinear);
}

function mixed(a, b, share) {
  return a.map((value, i) => value + (b[i] - value) * share);
}
