// The picture: Julia set, then limiter, on one canvas, at the resolution that this machine manages.

import { context } from "./gl.js";
import { Surface } from "./gl.js";
import { Julia } from "./julia.js";
import { Limiter } from "./limiter.js";
import { Scale } from "./scale.js";

export class Stage {
  /** @throws {Error} where the shaders do not compile; `null` from `make` where there is no WebGL2 */
  static make(canvas) {
    const gl = context(canvas);
    return gl === null ? null : new Stage(canvas, gl);
  }

  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    const renderer = String(gl.getParameter(gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
    this.scale = new Scale(/swiftshader|llvmpipe|software/i.test(renderer));
    this.shown_ms = null;
    this.lost = false;
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.lost = true;
    });
    canvas.addEventListener("webglcontextrestored", () => {
      this.#build();
      this.lost = false;
    });
    this.#build();
  }

  #build() {
    const [width, height] = this.#size();
    this.julia = new Julia(this.gl);
    this.limiter = new Limiter(this.gl, width, height);
    this.target = new Surface(this.gl, width, height);
    this.canvas.width = width;
    this.canvas.height = height;
  }

  /** Draws `look` for the picture that begins at `now_ms`. Returns whether there was a new one. */
  draw(look, now_ms) {
    if (this.lost) return false;
    const dt_ms = this.shown_ms === null ? 0 : now_ms - this.shown_ms;
    // Screens of 120 Hz and more get every second picture: steps as small as theirs would be rounded away.
    if (this.shown_ms !== null && dt_ms < 1000 / 75) return false;
    this.shown_ms = now_ms;
    this.scale.observe(dt_ms, now_ms);
    this.#fit();
    this.julia.draw(this.target, look);
    this.limiter.show(this.target, dt_ms / 1000);
    return true;
  }

  #fit() {
    const [width, height] = this.#size();
    if (width === this.target.width && height === this.target.height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.limiter.resize(width, height);
    this.target.free();
    this.target = new Surface(this.gl, width, height);
  }

  /** Pixels, in the canvas' own proportions. */
  #size() {
    const { clientWidth, clientHeight } = this.canvas;
    return this.scale.size(clientWidth || 16, clientHeight || 9, globalThis.devicePixelRatio || 1);
  }
}
