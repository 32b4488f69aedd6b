// A viewer of one film on a canvas: 16-bit window and level, zoom, pan, invert, turn, mirror, and layers above it.

import { drawRegions } from "./regions.js";

const WHITE = 65535;
const CLOSEST = 12; // times the size at which the film fits
const STEP = 1.25;
const AROUND = 16; // CSS pixels about the tools, for which a fitted film leaves room

export class Viewer {
  /** `changed()` is called when the view is another; the page shows its numbers. `tools` lie over the canvas, below. */
  constructor(canvas, tools, changed) {
    this.canvas = canvas;
    this.tools = tools;
    this.context = canvas.getContext("2d", { alpha: false });
    this.changed = changed;
    this.tool = "window";
    this.film = null;
    this.layers = null; // { heat: a picture over the whole film, regions: as the service says them }
    this.shown = { heat: false, regions: false };
    this.opacity = 0.5;
    this.view = fresh();
    this.table = new Uint32Array(WHITE + 1);
    this.source = document.createElement("canvas");
    this.pointers = new Map();
    new ResizeObserver(() => this.draw()).observe(canvas);
    this.#listen();
  }

  /** Show a film as it was left, or fitted. */
  open(pixels, view, layers = null) {
    const same = this.film === pixels;
    this.film = pixels;
    this.layers = layers;
    this.view = view ?? fresh();
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
    Object.assign(this.view, values);
    if ("level" in values || "width" in values || "invert" in values) this.stale = true;
    this.draw();
    this.changed();
  }

  do(action) {
    const view = this.view;
    const actions = {
      in: () => this.zoom(STEP),
      out: () => this.zoom(1 / STEP),
      fit: () => this.set(fresh()),
      invert: () => this.set({ invert: !view.invert }),
      turn: () => this.set({ turns: (view.turns + 1) % 4 }),
      mirror: () => this.set({ mirror: !view.mirror }),
    };
    actions[action]?.();
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

  /** Level and width by fractions of the full range. */
  window(level, width) {
    const kept = (value, low, high) => Math.min(high, Math.max(low, value));
    this.set({ level: kept(this.view.level + level, 0, 1), width: kept(this.view.width + width, 0.01, 1.2) });
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
    const across = view.turns % 2 ? [film.height, film.width] : [film.width, film.height];
    const tall = Math.max(height / 2, height - this.#below() * scale);
    const fit = 0.97 * Math.min(width / across[0], tall / across[1]) * view.zoom;
    context.translate(width / 2 + view.x * scale, tall / 2 + view.y * scale);
    context.rotate((view.turns * Math.PI) / 2);
    context.scale(view.mirror ? -fit : fit, fit);
    context.imageSmoothingQuality = "high";
    context.drawImage(this.source, -film.width / 2, -film.height / 2);
    if (this.layers) this.#overlay(context.getTransform(), [width, tall], scale);
  }

  /** The heat as far as it is faded in; the thin lines of the regions are all there at half of that. */
  #overlay(matrix, size, scale) {
    const { context, film, shown } = this;
    const { heat, regions } = this.layers;
    context.globalAlpha = this.opacity;
    if (shown.heat) context.drawImage(heat, -film.width / 2, -film.height / 2, film.width, film.height);
    context.resetTransform();
    context.globalAlpha = Math.min(1, 2 * this.opacity);
    const at = ([x, y]) => {
      const point = matrix.transformPoint({ x: (x - 0.5) * film.width, y: (y - 0.5) * film.height });
      return [point.x, point.y];
    };
    if (shown.regions && this.opacity > 0) drawRegions(context, regions, at, size, scale);
    context.globalAlpha = 1;
  }

  #below() {
    return this.tools.offsetHeight + AROUND;
  }

  /** The film's 16 bits through the window to the screen's 8. */
  #develop() {
    const { table, film, image, view } = this;
    const low = (view.level - view.width / 2) * WHITE;
    const slope = 255 / Math.max(1, view.width * WHITE);
    for (let value = 0; value <= WHITE; value += 1) {
      const shown = Math.min(255, Math.max(0, Math.round((value - low) * slope)));
      const grey = view.invert ? 255 - shown : shown;
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

/** A film fitted, upright, its whole range shown. Level and width are fractions of that range. */
function fresh() {
  return { zoom: 1, x: 0, y: 0, turns: 0, mirror: false, invert: false, level: 0.5, width: 1 };
}
