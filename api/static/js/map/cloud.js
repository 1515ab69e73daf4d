// Points by the hundred thousand: WebGL, one draw call a frame, nothing drawn while nothing moves.

import { Budget } from "./budget.js";

const VERTEX = `
attribute vec2 from, to;
attribute vec4 colour;
uniform vec2 centre, scale;
uniform float share, size;
varying vec4 paint;
void main() {
  gl_Position = vec4((mix(from, to, share) - centre) * scale, 0.0, 1.0);
  gl_PointSize = size * (colour.a > 0.5 ? 1.0 : 0.8);
  paint = colour;
}`;
const FRAGMENT = `
precision mediump float;
varying vec4 paint;
void main() {
  float far = length(gl_PointCoord - 0.5);
  float cover = (1.0 - smoothstep(0.38, 0.5, far)) * paint.a;
  if (cover < 0.01) discard;
  gl_FragColor = vec4(paint.rgb * cover, cover);
}`;
const MORPH_MS = 700;
const SETTLED_MS = 250;
const MOST_ZOOM = 400;
const ROOMY_PX = 800; // side of a map that has room for whole points
const MARGIN_PX = 28;
const LEAST_EXTENT = 0.05; // a map of few points is not torn apart

export class Cloud {
  /** `onframe(moving)` runs after each frame; `onthin(n)` tells that the first n points are drawn while it moves. */
  constructor(canvas, { onframe, onthin, still }) {
    this.canvas = canvas;
    this.onframe = onframe;
    this.budget = new Budget(onthin);
    this.still = still;
    this.gl = canvas.getContext("webgl", { antialias: false, alpha: false });
    this.n = 0;
    this.held = this.moving = false;
    this.centre = [0.5, 0.5];
    this.zoom = 1;
    this.share = 1;
    this.ground = [1, 1, 1]; // colour behind the points; an opaque canvas is composed quicker
    this.inset = () => ({ top: 0, right: 0, bottom: 0 }); // pixels that something else covers
    this.fitted = false; // whether everything shows, and is to go on showing when the canvas changes
    if (this.gl) this.prepare();
  }

  get works() {
    return Boolean(this.gl);
  }

  prepare() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.places = Object.fromEntries(["centre", "scale", "share", "size"].map((name) => [name, gl.getUniformLocation(program, name)]));
    this.buffers = Object.fromEntries([["from", 2, gl.FLOAT, false], ["to", 2, gl.FLOAT, false], ["colour", 4, gl.UNSIGNED_BYTE, true]].map(([name, size, type, whole]) => {
      const buffer = gl.createBuffer();
      const at = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(at);
      gl.vertexAttribPointer(at, size, type, whole, 0, 0);
      return [name, buffer];
    }));
  }

  write(name, values) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, this.buffers[name]);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, values, this.gl.STATIC_DRAW);
  }

  /** Move to `points` [x, y, x, y, …] in 0 … 1, gliding from where they were. */
  place(points) {
    const before = this.points?.length === points.length ? this.points : points;
    this.points = points;
    this.n = points.length / 2;
    this.budget.begin(this.n);
    this.write("from", before);
    this.write("to", points);
    this.share = this.still() || before === points ? 1 : 0;
    this.began = performance.now();
    this.draw();
  }

  /** Paint point n as `paint(n)` → [r, g, b, a], each 0 … 255. */
  paint(paint) {
    const colours = new Uint8Array(this.n * 4);
    for (let n = 0; n < this.n; n++) colours.set(paint(n), 4 * n);
    this.write("colour", colours);
    this.draw();
  }

  resize() {
    const ratio = Math.min(devicePixelRatio, 2);
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    if (this.fitted) this.fit();
    else this.draw();
  }

  /** Pixels to one unit. */
  get unit() {
    return this.zoom * this.unitAtOne;
  }

  get unitAtOne() {
    return Math.min(this.width, this.height) * 0.86;
  }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.centre[0]) * this.unit, this.height / 2 - (y - this.centre[1]) * this.unit];
  }

  toPlane(px, py) {
    return [this.centre[0] + (px - this.width / 2) / this.unit, this.centre[1] - (py - this.height / 2) / this.unit];
  }

  panBy(dx, dy) {
    this.fitted = false;
    this.centre = [this.centre[0] - dx / this.unit, this.centre[1] + dy / this.unit];
    this.draw(true);
  }

  /** Zoom by `factor`, keeping what lies under (px, py) there. */
  zoomBy(factor, px = this.width / 2, py = this.height / 2) {
    this.fitted = false;
    const [x, y] = this.toPlane(px, py);
    this.zoom = Math.max(0.5, Math.min(MOST_ZOOM, this.zoom * factor));
    const [nx, ny] = this.toPlane(px, py);
    this.centre = [this.centre[0] + x - nx, this.centre[1] + y - ny];
    this.draw(true);
  }

  /** Show everything. */
  fit() {
    const [low, high] = [[1, 1], [0, 0]];
    for (let n = 0; n < this.points.length; n++) {
      low[n % 2] = Math.min(low[n % 2], this.points[n]);
      high[n % 2] = Math.max(high[n % 2], this.points[n]);
    }
    const { top, right, bottom } = this.inset();
    const free = [this.width - right, this.height - top - bottom];
    const fits = free.map((pixels, axis) => Math.max(1, pixels - 2 * MARGIN_PX) / Math.max(high[axis] - low[axis], LEAST_EXTENT));
    this.zoom = Math.min(...fits) / this.unitAtOne;
    this.centre = [(low[0] + high[0]) / 2 + right / 2 / this.unit, (low[1] + high[1]) / 2 + (top - bottom) / 2 / this.unit];
    this.fitted = true;
    this.draw();
  }

  /** Bring a point into the middle. */
  show(x, y, zoom = this.zoom) {
    this.fitted = false;
    this.centre = [x, y];
    this.zoom = Math.max(this.zoom, zoom);
    this.draw();
  }

  /** Nearest point within `reach` pixels, or −1. */
  pick(px, py, reach = 14) {
    const [x, y] = this.toPlane(px, py);
    let [best, least] = [-1, (reach / this.unit) ** 2];
    const { points } = this;
    for (let n = 0; n < this.n; n++) {
      const far = (points[2 * n] - x) ** 2 + (points[2 * n + 1] - y) ** 2;
      if (far < least) [best, least] = [n, far];
    }
    return best;
  }

  /** Points inside the polygon of screen positions (even-odd rule). */
  inside(polygon) {
    const corners = polygon.map(([px, py]) => this.toPlane(px, py));
    const found = [];
    for (let n = 0; n < this.n; n++) {
      const [x, y] = [this.points[2 * n], this.points[2 * n + 1]];
      let within = false;
      for (let i = 0, j = corners.length - 1; i < corners.length; j = i++) {
        const [[xi, yi], [xj, yj]] = [corners[i], corners[j]];
        if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) within = !within;
      }
      if (within) found.push(n);
    }
    return found;
  }

  /** Draw in the next frame; while it moves, no more points than frames have time for. */
  draw(moving = false) {
    if (!this.works) return;
    clearTimeout(this.resting);
    this.moving = moving;
    this.asked ??= requestAnimationFrame((now) => this.frame(now));
  }

  /** Keep to few points while a hand is on the map, however long a frame takes. */
  hold(held) {
    this.held = held;
    if (!held && this.moving) this.rest();
  }

  /** Draw everything once nothing has moved for a while. */
  rest() {
    clearTimeout(this.resting);
    if (!this.held) this.resting = setTimeout(() => this.draw(), SETTLED_MS);
  }

  frame(now) {
    this.asked = null;
    const { gl, places } = this;
    if (!this.width || gl.isContextLost()) return;
    const morphs = this.share < 1;
    if (morphs) this.share = Math.min(1, (now - this.began) / MORPH_MS);
    const eased = this.share * this.share * (3 - 2 * this.share);
    const ratio = this.canvas.width / this.width;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(...this.ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(places.centre, ...this.centre);
    gl.uniform2f(places.scale, (2 * this.unit) / this.width, (2 * this.unit) / this.height);
    gl.uniform1f(places.share, eased);
    gl.uniform1f(places.size, this.size * ratio);
    const whole = !this.moving && !morphs;
    gl.drawArrays(gl.POINTS, 0, whole ? this.n : this.budget.points);
    if (whole && this.budget.matters) this.measure();
    if (this.moving) {
      this.budget.frame(now);
      this.rest(); // from here: a slow frame is no rest
    }
    this.onframe(this.moving);
    if (morphs) this.draw();
  }

  /** Learn from a whole picture how many points a frame has time for. */
  measure() {
    const began = performance.now();
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits until it is drawn
    this.budget.learn(performance.now() - began);
  }

  /** Width of a point: small in a crowd and on a small map, larger when looked at closely. */
  get size() {
    const room = Math.max(0.55, Math.min(1, Math.sqrt(this.width * this.height) / ROOMY_PX));
    return Math.max(2.5, Math.min(16, (270 / Math.sqrt(this.n + 400)) * room * Math.sqrt(this.zoom)));
  }
}
