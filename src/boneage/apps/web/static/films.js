// The worklist: films with their options and their answers. Two are read at once.

import * as api from "./api.js";

const AT_ONCE = 2;
const KEPT_PIXELS = 6; // films whose pixels stay in memory
const THUMB = 88; // pixels

let next = 1;

export class Films {
  /** `changed(film)` is called when a film, or the list (null), has changed. `who()`: the name of the reader. */
  constructor(changed, who) {
    this.changed = changed;
    this.who = who;
    this.list = [];
    this.waiting = [];
    this.running = 0;
  }

  add(files) {
    const added = [...files].map((file) => ({
      id: next++,
      file,
      name: file.name || "film",
      status: "waiting",
      error: "",
      answer: null,
      pixels: null,
      pixelsError: "",
      thumb: null,
      earlier: new Map(),
      view: null,
      options: { sex: null, age: null, patient: "" },
      stop: null,
    }));
    this.list.push(...added);
    this.waiting.push(...added);
    this.changed(null);
    this.#go();
    return added;
  }

  remove(film) {
    film.stop?.abort();
    this.list = this.list.filter((other) => other !== film);
    this.waiting = this.waiting.filter((other) => other !== film);
    this.changed(null);
  }

  /** The options of a film have changed: read it again, before the others. */
  again(film, options) {
    Object.assign(film.options, options);
    film.stop?.abort();
    this.waiting = [film, ...this.waiting.filter((other) => other !== film)];
    film.status = film.answer ? "again" : "waiting";
    this.changed(film);
    this.#go();
  }

  done() {
    return this.list.filter((film) => film.status === "done" || film.status === "error").length;
  }

  /** The other films of this session, by hash: [chronological age, bone age], or null if a film is another patient's
   * or lacks one of the two. */
  siblings(film) {
    const patient = film.answer?.patient;
    const known = new Map();
    for (const { answer } of this.list.filter((other) => other !== film && other.answer)) {
      const is = patient && answer.patient === patient;
      if (is || !known.has(answer.image_sha256)) known.set(answer.image_sha256, is ? pair(answer) : null);
    }
    return known;
  }

  async show(film) {
    if (film.pixels || film.loading) return;
    film.loading = true;
    try {
      film.pixels = await api.pixels(film);
      film.thumb = thumbnail(film.pixels);
      this.#forgetPixels(film);
    } catch (error) {
      film.pixelsError = error.message;
    }
    film.loading = false;
    this.changed(film);
  }

  #go() {
    while (this.running < AT_ONCE && this.waiting.length) this.#read(this.waiting.shift());
  }

  async #read(film) {
    this.running += 1;
    const stop = (film.stop = new AbortController());
    film.status = film.answer ? "again" : "reading";
    this.changed(film);
    try {
      const request = { ...film, options: { ...film.options, who: this.who() } };
      film.answer = await api.read(request, stop.signal);
      film.status = "done";
      film.error = "";
    } catch (error) {
      if (error.name !== "AbortError") {
        film.status = "error";
        film.error = error.message;
      }
    }
    this.running -= 1;
    if (film.stop === stop) this.changed(film);
    this.#go();
    if (film.status === "done" && !film.thumb) this.show(film);
  }

  #forgetPixels(latest) {
    const held = this.list.filter((film) => film.pixels && film !== latest);
    for (const film of held.slice(0, Math.max(0, held.length - KEPT_PIXELS + 1))) film.pixels = null;
  }
}

/** The chronological and the bone age of an answer or of an entry of the record; null where one is missing. */
export function pair({ chronological_age_months: age, bone_age_months: bone }) {
  return age === null || bone === null ? null : [age, bone];
}

/** A small canvas of a film. */
function thumbnail({ data, width, height }) {
  const step = Math.max(1, Math.ceil(Math.max(width, height) / THUMB));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor(width / step));
  canvas.height = Math.max(1, Math.floor(height / step));
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const out = new Uint32Array(image.data.buffer);
  for (let y = 0, to = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1, to += 1) {
      const grey = data[y * step * width + x * step] >> 8;
      out[to] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
