// A viewer of one film on a canvas: 16-bit window and level, zoom, pan, invert, turn, mirror, and layers above it.

import { drawRegions } from "./regions.js";
import { tone } from "./windows.js";

const WHITE = 65535;
const CLOSEST = 12; // times the size at which the film fits
const STEP = 1.25;
const AROUND = 16; // CSS pixels about the tools, for which a fitted film leaves room
const WHOLE = [0, 0, 1, 1]; // left, top, right, bottom
const FILLED = { whole: 0.97, part: 0.9 }; // of the canvas: beside a part something of the other hand is seen
const OTHERS = "rgb(0 0 0 / 0.7)"; // over what is not the part that is shown

export class Viewer {
  /** `changed()` is called when the view is another; the page shows its numbers. `tools` lie over the canvas, below.
   * `doubts` are drawn above all else. */
  constructor(canvas, tools, changed, doubts) {
    this.canvas = canvas;
    this.tools = tools;
    this.context = canvas.getContext("2d", { alpha: false });
    this.changed = changed;
    this.doubts = doubts;
    this.place = WHOLE;
    this.windows = {};
    this.tool = "window";
    this.film = null;
    this.layers = null; // { heat: a picture over the whole film, regions: as the service says them }
    this.ages = []; // regions with their ages as `text`
    this.shown = { heat: false, regions: false };
    this.opacity = 0.5;
    this.view = this.#fresh();
    this.table = new Uint32Array(WHITE + 1);
    this.source = document.createElement("canvas");
    this.pointers = new Map();
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.#listen();
  }

  /** Show a film, or the `place` of it, as it was left, or fitted and in the grey levels of its reading. */
  open(pixels, { view, layers, place, windows } = {}) {
    const same = this.film === pixels;
    this.film = pixels;
    this.layers = layers ?? null;
    this.place = place ?? WHOLE;
    this.windows = windows ?? {};
    this.view = view ?? this.#fresh();
    if (this.view.preset) Object.assign(this.view, this.#levels(this.view.preset));
    if (pixels && !same) {
      this.source.width = pixels.width;
      this.source.height = pixels.height;
      this.image = this.source.getContext("2d").createImageData(pixels.width, pixels.height);
    }
    this.stale = true;
    this.draw();
    this.changed();
    return this.view;
  }

  set(values) {
    const grey = "level" in values || "width" in values || "invert" in values;
    Object.assign(this.view, grey && { preset: null }, values);
    if (grey) this.stale = true;
    this.draw();
    this.changed();
  }

  do(action) {
    const view = this.view;
    const actions = {
      in: () => this.zoom(STEP),
      out: () => this.zoom(1 / STEP),
      fit: () => this.set(this.#fresh()),
      invert: () => this.set({ invert: !view.invert }),
      turn: () => this.set({ turns: (view.turns + 1) % 4 }),
      mirror: () => this.set({ mirror: !view.mirror }),
    };
    actions[action]?.();
  }

  /** The grey levels of the `reading`, of the `file`, or the `full` range. */
  show(preset) {
    if (this.film && this.windows[preset]) this.set({ ...this.#levels(preset), preset });
  }

  #levels(preset) {
    return this.windows[preset] ?? this.windows.file ?? { level: 0.5, width: 1, invert: false };
  }

  /** A film fitted, upright, in the grey levels of its reading. Level and width are fractions of the values sent. */
  #fresh() {
    return { zoom: 1, x: 0, y: 0, turns: 0, mirror: false, ...this.#levels("reading"), preset: "reading" };
  }

  /** The part that is shown, in pixels of the film: its middle and its sides. */
  #part() {
    const { film, place: [left, top, right, bottom] } = this;
    const [width, height] = [(right - left) * film.width, (bottom - top) * film.height];
    return { x: ((left + right) / 2) * film.width, y: ((top + bottom) / 2) * film.height, width, height };
  }

  /** Zoom so that what lies at (x, y) from the middle, in CSS pixels, stays there. */
  zoom(factor, x = 0, y = 0) {
    const zoom = Math.min(CLOSEST, Math.max(0.5, this.view.zoom * factor));
    const by = zoom / this.view.zoom;
    this.set({ zoom, x: x - (x - this.view.x) * by, y: y - (y - this.view.y) * by });
  }

  pan(x, y) {
    this.set({ x: this.view.x + x, y: this.view.y + y });
  }

  /** Level and width by fractions of the present width. */
  window(level, width) {
    const kept = (value, low, high) => Math.min(high, Math.max(low, value));
    const by = this.view.width;
    this.set({ level: kept(this.view.level + level * by, 0, 1), width: kept(by + width * by, 0.001, 1.3) });
  }

  draw() {
    if (this.asked) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.#paint();
    });
  }

  #paint() {
    const { canvas, context, film, view } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.max(1, Math.round(side * scale)));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (!film) return;
    if (this.stale) this.#develop();
    const part = this.#part();
    const across = view.turns % 2 ? [part.height, part.width] : [part.width, part.height];
    const tall = Math.max(height / 2, height - this.#below() * scale);
    const fit = FILLED[this.#isPart() ? "part" : "whole"] * Math.min(width / across[0], tall / across[1]) * view.zoom;
    context.translate(width / 2 + view.x * scale, tall / 2 + view.y * scale);
    context.rotate((view.turns * Math.PI) / 2);
    context.scale(view.mirror ? -fit : fit, fit);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.source, -part.x, -part.y);
    this.#dimOthers(part);
    this.#overlay(context.getTransform(), part, [width, tall], scale);
  }

  #isPart() {
    return this.place.join() !== WHOLE.join();
  }

  /** Dim what is not the part that is shown: the other hand. */
  #dimOthers(part) {
    if (!this.#isPart()) return;
    const { context, film } = this;
    context.fillStyle = OTHERS;
    context.beginPath();
    context.rect(-part.x, -part.y, film.width, film.height);
    context.rect(-part.width / 2, -part.height / 2, part.width, part.height);
    context.fill("evenodd");
  }

  /** The heat as far as it is faded in; the thin lines of the regions are all there at half of that. */
  #overlay(matrix, part, size, scale) {
    const { context, shown } = this;
    const { heat, regions } = this.layers ?? {};
    context.globalAlpha = this.opacity;
    if (heat && shown.heat) context.drawImage(heat, -part.width / 2, -part.height / 2, part.width, part.height);
    context.resetTransform();
    context.globalAlpha = Math.min(1, 2 * this.opacity);
    const at = ([x, y]) => {
      const point = matrix.transformPoint({ x: (x - 0.5) * part.width, y: (y - 0.5) * part.height });
      return [point.x, point.y];
    };
    if (regions && shown.regions && this.opacity > 0) drawRegions(context, regions, at, size, scale);
    context.globalAlpha = 1;
    if (this.ages.length) drawRegions(context, this.ages, at, size, scale);
    this.doubts.draw(context, at, size, scale);
  }

  #below() {
    return this.tools.offsetHeight + AROUND;
  }

  /** The film's 16 bits through the window to the screen's 8. */
  #develop() {
    const { table, film, image, view } = this;
    const toned = tone(view);
    for (let value = 0; value <= WHITE; value += 1) {
      const grey = toned(value);
      table[value] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    const out = new Uint32Array(image.data.buffer);
    for (let at = 0; at < out.length; at += 1) out[at] = table[film.data[at]];
    this.source.getContext("2d").putImageData(image, 0, 0);
    this.stale = false;
  }

  #listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#press(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#release(event));
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => this.do("fit"));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  #press(event) {
    if (!this.film) return;
    this.canvas.setPointerCapture(event.pointerId);
    const { clientX: x, clientY: y, button } = event;
    this.pointers.set(event.pointerId, { x, y, button, from: [x, y] });
  }

  /** A click with the pan tool brings what was clicked to the middle: a way to pan without dragging. */
  #release(event) {
    const held = this.pointers.get(event.pointerId);
    this.pointers.delete(event.pointerId);
    if (!held || held.button > 0 || this.tool !== "pan") return;
    if (Math.hypot(event.clientX - held.from[0], event.clientY - held.from[1]) > 3) return;
    const [x, y] = this.#fromMiddle(event);
    this.pan(-x, -y);
  }

  /** Where a pointer is, in CSS pixels from the middle of a fitted film. */
  #fromMiddle(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - (box.height - this.#below()) / 2];
  }

  #move(event) {
    const held = this.pointers.get(event.pointerId);
    if (!held) return;
    const [dx, dy] = [event.clientX - held.x, event.clientY - held.y];
    const before = this.#spread();
    Object.assign(held, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2) {
      if (before > 0) this.zoom(this.#spread() / before);
      this.pan(dx / 2, dy / 2);
    } else if (held.button > 0 || event.shiftKey || this.tool === "pan") {
      this.pan(dx, dy);
    } else {
      const box = this.canvas.getBoundingClientRect();
      this.window(-dy / box.height, dx / box.width);
    }
  }

  /** The distance of two fingers. */
  #spread() {
    const [one, other] = [...this.pointers.values()];
    return other ? Math.hypot(one.x - other.x, one.y - other.y) : 0;
  }

  #wheel(event) {
    event.preventDefault();
    const [x, y] = this.#fromMiddle(event);
    this.zoom(Math.exp(-Math.sign(event.deltaY) * Math.min(0.3, Math.abs(event.deltaY) / 400)), x, y);
  }

  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.shiftKey) this.window(-way[1] * 0.02, way[0] * 0.04);
    else this.pan(way[0] * 24, way[1] * 24);
  }
}
