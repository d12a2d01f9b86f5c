// The little of WebGL2 that the picture needs: a program over the whole canvas, and textures in linear light to draw into.

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  at = corner;
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

/** A fragment shader that fills what it is pointed at. It gets `in vec2 at`, [0, 1] from the lower left. */
export class Pass {
  /** @throws {Error} with the compiler's words */
  constructor(gl, fragment) {
    this.gl = gl;
    this.program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS) && !gl.isContextLost()) throw new Error(`shader: ${gl.getShaderInfoLog(shader)}`);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(`shaders: ${gl.getProgramInfoLog(this.program)}`);
    this.places = new Map();
  }

  /** Draws into `target`, a `Surface`, or onto the canvas where it is `null`. Uniforms: a number, 2 to 4 numbers, or a `Surface`. */
  draw(target, uniforms) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, target?.frame ?? null);
    gl.viewport(0, 0, target?.width ?? gl.drawingBufferWidth, target?.height ?? gl.drawingBufferHeight);
    gl.useProgram(this.program);
    let unit = 0;
    for (const [name, value] of Object.entries(uniforms)) {
      const place = this.#place(name);
      if (value instanceof Surface) {
        gl.activeTexture(gl.TEXTURE0 + unit);
        gl.bindTexture(gl.TEXTURE_2D, value.texture);
        gl.uniform1i(place, unit);
        unit += 1;
      } else if (typeof value === "number") gl.uniform1f(place, value);
      else if (value.length <= 4) gl[`uniform${value.length}fv`](place, value);
      else gl.uniform3fv(place, value);
    }
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #place(name) {
    if (!this.places.has(name)) this.places.set(name, this.gl.getUniformLocation(this.program, name));
    return this.places.get(name);
  }
}

/** A texture to draw into: linear red, green, blue and relative luminance, 16-bit floats. Black at first. */
export class Surface {
  constructor(gl, width, height) {
    this.gl = gl;
    this.width = width;
    this.height = height;
    this.texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA16F, width, height);
    for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
    this.frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.texture, 0);
    this.fill(0, 0, 0);
  }

  /** Fills it with one colour, linear. */
  fill(red, green, blue) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.clearColor(red, green, blue, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** Takes over another one's picture, scaled. */
  takeFrom(other) {
    const { gl } = this;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, other.frame);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, this.frame);
    gl.blitFramebuffer(0, 0, other.width, other.height, 0, 0, this.width, this.height, gl.COLOR_BUFFER_BIT, gl.LINEAR);
  }

  free() {
    this.gl.deleteFramebuffer(this.frame);
    this.gl.deleteTexture(this.texture);
  }
}

/** WebGL2 that can draw into 16-bit floats and blend between their pixels; `null` where there is none. */
export function context(canvas) {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, powerPreference: "high-performance" });
  if (gl === null || !(gl.getExtension("EXT_color_buffer_float") || gl.getExtension("EXT_color_buffer_half_float"))) return null;
  return gl;
}
