// Points by WebGL2: positions once, then one byte of colour (and if wanted one of size) per row and change.
import { CENTRE, NO_VALUE } from './palette.js';

const POINTS = `#version 300 es
in vec2 place; in uint code; in uint size; in uint chosen;
uniform vec2 scale, offset; uniform float diameter, dim; uniform int part; uniform bool sized, ring;
uniform sampler2D palette;
out vec4 colour; out float pixels;
void main() {
  colour = texelFetch(palette, ivec2(int(code), 0), 0);
  bool out_of_part = part == 1 && chosen == 0u || part == 0 && chosen == 1u;
  if (colour.a == 0.0 || out_of_part) { gl_Position = vec4(2.0, 2.0, 0.0, 1.0); gl_PointSize = 0.0; return; }
  gl_Position = vec4(place * scale + offset, 0.0, 1.0);
  float weight = size == ${NO_VALUE}u ? ${CENTRE}.0 : float(size);
  pixels = diameter * (sized ? exp2((weight - ${CENTRE}.0) / 127.0 * 1.3) : 1.0);
  if (ring) colour.a = code == ${NO_VALUE}u ? 0.0 : colour.a;
  colour.a *= chosen == 1u || part == 2 ? 1.0 : dim;
  gl_PointSize = pixels + (ring ? 3.0 : 1.0);
}`;

const DISC = `#version 300 es
precision mediump float;
in vec4 colour; in float pixels;
uniform bool ring; uniform vec3 ink; uniform float opacity;
out vec4 result;
void main() {
  float size = pixels + (ring ? 3.0 : 1.0);
  float away = length(gl_PointCoord - 0.5) * size;
  float edge = size * 0.5;
  float inside = clamp(edge - away, 0.0, 1.0);
  if (ring) {
    float border = clamp(away - edge + 2.2, 0.0, 1.0);
    float fill = colour.a * (1.0 - border);
    float alpha = inside * max(border * opacity, fill);
    result = vec4(mix(colour.rgb, ink, border) * alpha, alpha);
  } else {
    float alpha = inside * colour.a * opacity;
    result = vec4(colour.rgb * alpha, alpha);
  }
}`;

/** Everything of one WebGL context. Made again after the context was lost. Throws where there is no WebGL2. */
export function createScene(canvas) {
  const gl = canvas.getContext('webgl2', { antialias: false, premultipliedAlpha: true, alpha: true });
  if (!gl) throw new Error('This browser offers no WebGL2.');
  const points = program(gl, POINTS, DISC);
  const buffers = { place: gl.createBuffer(), code: gl.createBuffer(), size: gl.createBuffer(), chosen: gl.createBuffer() };
  const palette = gl.createTexture();
  let n = 0;

  const setBytes = (name, bytes) => {
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, bytes, gl.DYNAMIC_DRAW);
  };

  function setPlaces(xy) {
    n = xy.length / 2;
    setBytes('place', xy);
    for (const name of ['code', 'size', 'chosen']) setBytes(name, new Uint8Array(n));
  }

  function setPalette(bytes) {
    texture(gl, palette, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  }

  function use(shader, view) {
    gl.useProgram(shader.id);
    for (const name of Object.keys(buffers)) {
      const slot = gl.getAttribLocation(shader.id, name);
      if (slot < 0) continue;
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
      gl.enableVertexAttribArray(slot);
      if (name === 'place') gl.vertexAttribPointer(slot, 2, gl.FLOAT, false, 0, 0);
      else gl.vertexAttribIPointer(slot, 1, gl.UNSIGNED_BYTE, 0, 0);
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, palette);
    gl.uniform2f(shader.at('scale'), ...view.scale);
    gl.uniform2f(shader.at('offset'), ...view.offset);
    gl.uniform1i(shader.at('sized'), view.sized);
  }

  /** `part`: 0 the rows that are not chosen, 1 those that are, 2 all. */
  function drawPoints(view, { first, count, part, ring }) {
    if (!count) return;
    use(points, view);
    gl.uniform1f(points.at('diameter'), view.diameter * (ring ? Math.max(1.25, 6 / view.diameter) : 1));
    gl.uniform1f(points.at('dim'), view.dim);
    gl.uniform1f(points.at('opacity'), ring && part === 0 ? view.dim : view.opacity);
    gl.uniform1i(points.at('part'), part);
    gl.uniform1i(points.at('ring'), ring);
    gl.uniform3f(points.at('ink'), ...view.ink);
    gl.drawArrays(gl.POINTS, first, count);
  }

  /** `view`: scale, offset, diameter, dim, opacity, ink, sized, dense (only the real rows are drawn), anyChosen,
   *  reals (rows from there on). */
  function draw(view) {
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const synthetic = { first: 0, count: view.reals, ring: 0 };
    const real = { first: view.reals, count: n - view.reals, ring: 1 };
    if (!view.dense) drawPoints(view, { ...synthetic, part: view.anyChosen ? 0 : 2 });
    drawPoints(view, { ...real, part: view.anyChosen ? 0 : 2 });
    if (!view.anyChosen) return;
    if (!view.dense) drawPoints(view, { ...synthetic, part: 1 });
    drawPoints(view, { ...real, part: 1 });
  }

  return { gl, setPlaces, setBytes, setPalette, draw };
}

function program(gl, vertex, fragment) {
  const id = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(id, shader);
  }
  gl.linkProgram(id);
  if (!gl.getProgramParameter(id, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(id));
  const places = new Map();
  const at = (name) => places.get(name) ?? places.set(name, gl.getUniformLocation(id, name)).get(name);
  return { id, at };
}

function texture(gl, id, filter) {
  gl.activeTexture(gl.TEXTURE0);
  gl.bindTexture(gl.TEXTURE_2D, id);
  for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
  for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
}
