// The worklist: films with their options and their answers. Two are read at once. Each of two hands in a picture is an
// entry of its own, and shares the picture with the other.

import * as api from "./api.js";
import { tone, windowsOf } from "./windows.js";

const AT_ONCE = 2;
const KEPT_PIXELS = 6; // pictures whose pixels stay in memory
export const PARTS = [null, "left", "right", "upper", "lower"]; // a picture of one hand has no part
const OPPOSITE = { left: "right", right: "left", upper: "lower", lower: "upper" };
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
    const added = [...files].map((file) => entry(file, { pixels: null, error: "", held: file.held ?? null }));
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

  /** The entry of the other hand in the picture; null where there is none. */
  other(film) {
    return this.list.find((one) => one !== film && one.picture === film.picture) ?? null;
  }

  /** Read the other hand of a picture of which one alone was read. */
  addOther(film) {
    const part = OPPOSITE[film.answer.part];
    const added = entry(film.file, film.picture, { ...film.options, part });
    this.list.splice(this.list.indexOf(film) + 1, 0, added);
    this.waiting.unshift(added);
    this.changed(null);
    this.#go();
    return added;
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

  /** The other films of this session, by `keyOf`: [chronological age, bone age], or null if a film is another patient's
   * or lacks one of the two. */
  siblings(film) {
    const patient = film.answer?.patient;
    const known = new Map();
    for (const { answer } of this.list.filter((other) => other !== film && other.answer)) {
      const is = patient && answer.patient === patient;
      const key = keyOf(answer.image_sha256, answer.part);
      if (is || !known.has(key)) known.set(key, is ? pair(answer) : null);
    }
    return known;
  }

  async show(film) {
    const { picture } = film;
    if (picture.pixels || picture.loading) return;
    picture.loading = true;
    try {
      picture.pixels = await api.pixels(film);
      this.#forgetPixels(picture);
    } catch (error) {
      picture.error = error.message;
    }
    picture.loading = false;
    for (const one of this.list.filter((other) => other.picture === picture)) this.#drawn(one);
  }

  #drawn(film) {
    if (film.picture.pixels) film.thumb = thumbnail(film.picture.pixels, film.answer);
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
      this.#answered(film, await api.read(request, stop.signal));
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

  /** Take the answer of a film; that of two hands makes an entry for each. */
  #answered(film, answer) {
    if (!this.list.includes(film)) return; // it was removed meanwhile
    const hands = answer.hands ?? [answer];
    const entries = [film, ...hands.slice(1).map(() => entry(film.file, film.picture, { ...film.options }))];
    entries.forEach((one, number) => {
      const own = hands[number];
      Object.assign(one, { answer: own, status: "done", error: "" });
      one.options.part = own.part;
    });
    this.list.splice(this.list.indexOf(film), 1, ...entries);
    for (const one of entries) this.#drawn(one);
  }

  #forgetPixels(latest) {
    const pictures = new Set(this.list.map((film) => film.picture));
    const held = [...pictures].filter((picture) => picture.pixels && picture !== latest);
    for (const picture of held.slice(0, Math.max(0, held.length - KEPT_PIXELS + 1))) picture.pixels = null;
  }
}

/** A new entry. `picture`: its pixels, or why there are none; two hands share it. */
function entry(file, picture, options = { sex: null, age: null, patient: "", part: null }) {
  const empty = { status: "waiting", error: "", answer: null, thumb: null, earlier: new Map(), view: null, stop: null };
  return { id: next++, file, name: file.name || "film", picture, options, ...empty };
}

/** By what a reading is told from others: the hash of its film, and which of two hands there. */
export function keyOf(sha256, part) {
  return `${sha256} ${part ?? ""}`;
}

/** The chronological and the bone age of an answer or of an entry of the record; null where one is missing. */
export function pair({ chronological_age_months: age, bone_age_months: bone }) {
  return age === null || bone === null ? null : [age, bone];
}

/** A small canvas of a film, or of the part that was read, in the grey levels of its reading. */
function thumbnail(pixels, answer) {
  const { data, width } = pixels;
  const [left, top, right, bottom] = (answer?.place ?? [0, 0, 1, 1]).map((end, number) => Math.floor(end * (number % 2 ? pixels.height : width)));
  const step = Math.max(1, Math.ceil(Math.max(right - left, bottom - top) / THUMB));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.floor((right - left) / step));
  canvas.height = Math.max(1, Math.floor((bottom - top) / step));
  const { reading, file } = windowsOf(pixels, answer);
  const toned = tone(reading ?? file);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const out = new Uint32Array(image.data.buffer);
  for (let y = 0, to = 0; y < canvas.height; y += 1) {
    for (let x = 0; x < canvas.width; x += 1, to += 1) {
      const grey = toned(data[(top + y * step) * width + left + x * step]);
      out[to] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
