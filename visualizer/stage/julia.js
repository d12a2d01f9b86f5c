// The Julia set of c, in linear light: bright along its edge, coloured by how long a point takes to get away.
//
// Smooth escape time mu = n - log2(log2 |z|), and distance to the set d = |z| ln|z| / |z'| (Peitgen and Saupe, The Science of Fractal
// Images, 1988, section 4.2.5); facts of geometry, drawn here as threads, halo and rings.

import { channels } from "../model/palette.js";
import { toLinear } from "../limit/luminance.js";
import { Pass } from "./gl.js";

/** Colours of the sections, at their homes in the control `palette` (`section_palette` of the contract). */
const RAMP = [[0, "#6b7a99"], [0.12, "#56b4e9"], [0.2, "#ff7f50"], [0.3, "#2fc79a"], [0.46, "#f0d442"], [0.62, "#ff9d2e"], [0.78, "#e08fc0"], [0.9, "#6ea8ff"]];

/** What the ground leans to, linear. */
const NIGHT = [0.02, 0.04, 0.22];

const FRAGMENT = `#version 300 es
precision highp float;
uniform vec2 c, size, turn;
uniform float radius, tension, glow, low, mid, high;
uniform vec3 inner, outer, edge;
in vec2 at;
out vec4 result;
const int STEPS = 80;
void main() {
  float side = min(size.x, size.y);
  vec2 p = (at - 0.5) * size / side * 2.0;
  vec2 z = vec2(p.x * turn.x - p.y * turn.y, p.x * turn.y + p.y * turn.x) * radius;
  vec2 slope = vec2(1.0, 0.0);
  float n = 0.0;
  float square = dot(z, z);
  float cross = 1e3;
  for (int i = 0; i < STEPS; i++) {
    slope = 2.0 * vec2(z.x * slope.x - z.y * slope.y, z.x * slope.y + z.y * slope.x);
    z = vec2(z.x * z.x - z.y * z.y, 2.0 * z.x * z.y) + c;
    square = dot(z, z);
    if (square > 1024.0) break;
    cross = min(cross, abs(z.x * z.y) + 0.02 * square);
    n += 1.0;
  }
  float away = length(p);
  vec3 colour;
  if (square > 1024.0) {
    float mu = max(0.0, n + 1.0 - log2(0.5 * log2(square)));
    float distance = 0.5 * sqrt(square) * log(square) / max(length(slope), 1e-9);
    float pixel = 2.0 * radius / side;
    // Lines as thin as the screen allows, and light around them that does not depend on it.
    float thread = exp(-distance / (1.1 * pixel + 0.0022));
    float halo = 1.0 / (1.0 + 26.0 * distance);
    float veil = 1.0 / (1.0 + 3.2 * distance);
    float rings = 0.5 + 0.5 * cos(mu * (1.1 + 0.9 * mid) - 1.0);
    colour = outer * (0.03 + 0.3 * veil * (0.55 + 0.45 * rings));
    colour += inner * halo * (0.36 + 0.25 * low + 0.3 * rings * mid);
    colour += edge * thread * (0.34 + 0.4 * high + 0.3 * tension);
  } else {
    float veins = exp(-22.0 * sqrt(cross));
    colour = inner * (0.1 + 0.3 * veins) + edge * veins * (0.2 + 0.5 * mid);
  }
  float light = 0.8 + 0.45 * glow;
  // Towards a boundary the picture draws together; it opens again on it.
  light *= 1.0 - (0.45 + 0.3 * tension) * smoothstep(0.45, 1.7, away * (1.0 + 0.25 * tension));
  colour *= light;
  // Bright places keep their colour: the whole is brought down by its luminance, and not each channel by itself.
  result = vec4(colour / (1.0 + 1.6 * dot(colour, vec3(0.2126, 0.7152, 0.0722))), 1.0);
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
    const spread = 0.03 + 0.1 * look.spread;
    this.pass.draw(target, {
      c: look.c, size: [target.width, target.height], turn: [Math.cos(angle), Math.sin(angle)],
      radius: (1.42 - 0.6 * look.zoom) * (1 - 0.05 * look.gain_low), tension: look.tension, glow: look.glow,
      low: look.gain_low, mid: look.gain_mid, high: look.gain_high,
      inner: rampColour(look.palette), outer: mixed(rampColour(look.palette + spread), NIGHT, 0.6),
      edge: mixed(rampColour(look.palette - spread / 2), [1, 0.96, 0.9], 0.12),
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
