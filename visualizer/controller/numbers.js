// Functions whose bits are the same in every engine: + - * / and floor of 64-bit floats in a fixed order, nothing of Math but
// floor and sqrt (which IEEE 754 fixes; Math.exp and Math.sin it does not). `controller/src/numbers.rs` is the same, line by line.

const LOG2_E = 1.4426950408889634;
// ln 2 in two parts: the first has so few bits that a whole number below 2^11 times it is exact.
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = 1.4286068203094173e-6;
const EXP_LIMIT = 40.0;
const TANH_LIMIT = 18.0;
const TWO_PI = 6.283185307179586;
// 1 / k! for k = 13 .. 0.
const EXP_TERMS = [
  1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0, 1.0 / 40320.0, 1.0 / 5040.0, 1.0 / 720.0,
  1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0,
];
// (-1)^k / (2 k + 1)! for k = 9 .. 0.
const SIN_TERMS = [
  -1.0 / 121645100408832000.0, 1.0 / 355687428096000.0, -1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0,
  -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0,
];

// e^x for x in [-40, 40], beyond which it stays: relative error below 1e-15.
export function exp(x) {
  const held = clamp(x, -EXP_LIMIT, EXP_LIMIT);
  const whole = Math.floor(held * LOG2_E + 0.5);
  const rest = held - whole * LN2_HIGH - whole * LN2_LOW;
  let sum = 0.0;
  for (const term of EXP_TERMS) sum = sum * rest + term;
  const factor = whole < 0.0 ? 0.5 : 2.0;
  for (let k = whole < 0.0 ? -whole : whole; k > 0.0; k -= 1.0) sum *= factor;
  return sum;
}

// Hyperbolic tangent, absolute error below 1e-15.
export function tanh(x) {
  const squared = exp(2.0 * clamp(x, -TANH_LIMIT, TANH_LIMIT));
  return (squared - 1.0) / (squared + 1.0);
}

// 1 / (1 + e^-x).
export function sigmoid(x) {
  return 1.0 / (1.0 + exp(-x));
}

// Sine of a number of turns (1 = a full circle), absolute error below 1e-15.
export function sinTurns(turns) {
  let part = turns - Math.floor(turns + 0.5);
  if (part > 0.25) part = 0.5 - part;
  if (part < -0.25) part = -0.5 - part;
  const angle = part * TWO_PI;
  const square = angle * angle;
  let sum = 0.0;
  for (const term of SIN_TERMS) sum = sum * square + term;
  return sum * angle;
}

// Cosine of a number of turns.
export function cosTurns(turns) {
  return sinTurns(turns + 0.25);
}

// The nearest number in [low, high]; what is no number becomes `low`.
export function clamp(x, low, high) {
  if (x >= low) return x > high ? high : x;
  return low;
}

// The number itself where it is finite, else 0.
export function finite(x) {
  return x - x === 0.0 ? x : 0.0;
}
