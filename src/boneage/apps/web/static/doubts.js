// Why a film was refused or is doubtful, over the film: a mark where the doubt lies, and a sentence beside it.

import { $, icon, make } from "./dom.js";
import { titled } from "./words.js";

const STROKES = [["rgb(20 8 0 / 0.8)", 3.8], ["#ffc27a", 1.6]]; // a dark casing keeps a light line readable on bone
const DOT = 6; // CSS pixels: the radius of a point
const AWAY = 18; // CSS pixels between a mark and its sentence
const EDGE = 8;
const TOP = 84; // CSS pixels: below the words in the corners
const APART = 6;
const BEYOND = { left: [[1, 0.94]], right: [[0, 0.94]], upper: [[0.04, 1]], lower: [[0.04, 0]] }; // the edge to the other hand

/** What is said over a film: [{ text, severe, where, act }]. `act`: what a press on it does, if anything. On a film that
 * is refused, why it is, and what has a place of its own. */
export function doubtsOf(answer, other) {
  const flags = (answer?.flags ?? []).filter(({ severity, where }) => severity !== "note" && where);
  const refused = flags.some(({ severity }) => severity === "refuse");
  const told = flags.filter(({ severity, where }) => !refused || severity === "refuse" || where.length);
  return told.map(({ code, severity, sentence, where }) => {
    const severe = severity === "refuse";
    if (code === "several_hands" && answer.part) return { text: other.words, severe, where: [BEYOND[answer.part]], act: other.act };
    return { text: `${severe ? `No age: ${sentence}` : titled(sentence)}.`, severe, where };
  });
}

export class Doubts {
  constructor() {
    this.shown = true;
    this.items = [];
  }

  /** Say these; nothing is built anew where they are the same as before. */
  say(items) {
    const words = JSON.stringify(items.map(({ text, where }) => [text, where]));
    this.items = items.map((item, number) => ({ ...item, element: words === this.words ? this.items[number].element : element(item) }));
    if (words !== this.words) $("doubts").replaceChildren(...this.items.map((item) => item.element));
    for (const { element, act } of this.items) element.onclick = act ?? null;
    this.words = words;
    $("doubts").hidden = !this.shown || !items.length;
    $("show-doubts").hidden = !items.length;
    $("show-doubts").setAttribute("aria-pressed", String(this.shown));
  }

  /** Draw the marks and put the sentences beside them. `at`: where a fraction of the film lies; `size`: of the canvas, both in its pixels. */
  draw(context, at, size, scale) {
    if (!this.shown) return;
    const ends = size.map((side) => side / scale);
    const taken = [];
    for (const { element, where, severe } of this.items) {
      const lines = where.map((line) => line.map(at));
      for (const line of lines) stroke(context, scale, () => trace(context, line, scale));
      const anchor = anchored(lines, size, scale);
      const box = placed(anchor, [element.offsetWidth, element.offsetHeight], ends, taken, severe);
      taken.push(box);
      [element.style.left, element.style.top] = [`${box[0]}px`, `${box[1]}px`];
      if (anchor) stroke(context, scale, () => lead(context, anchor, box, scale));
    }
  }
}

function element({ text, severe, act }) {
  const inner = [icon("i-severe"), make("span", {}, text)];
  return make("li", { class: severe ? "refusing" : "doubtful" }, ...(act ? [make("button", { type: "button" }, ...inner)] : inner));
}

function stroke(context, scale, path) {
  for (const [colour, width] of STROKES) {
    context.strokeStyle = colour;
    context.lineWidth = width * scale;
    context.beginPath();
    path();
    context.stroke();
  }
}

function trace(context, line, scale) {
  if (line.length === 1) {
    const [[x, y]] = line;
    context.moveTo(x + DOT * scale, y);
    context.arc(x, y, DOT * scale, 0, 2 * Math.PI);
    return;
  }
  line.forEach(([x, y], number) => (number ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

/** The outermost point of the marks on the side with more room, in CSS pixels; null where there are none. */
function anchored(lines, size, scale) {
  const points = lines.flat();
  if (!points.length) return null;
  const [first, last] = [-1, 1].map((way) => points.reduce((best, point) => (way * point[0] > way * best[0] ? point : best)));
  const way = size[0] - last[0] > first[0] ? 1 : -1;
  return { way, single: points.length === 1, point: (way > 0 ? last : first).map((place) => place / scale) };
}

/** The box of a sentence, on the canvas and on no other: beside its mark, or above a single point, where there is mostly
 * no bone; without a mark at the top, in the middle if it is severe. */
function placed(anchor, [width, height], ends, taken, severe) {
  const above = severe ? (ends[0] - width) / 2 : EDGE;
  const over = anchor?.single && anchor.point[1] - AWAY - height > TOP;
  const aside = over ? 0 : AWAY + width / 2;
  const wanted = anchor ? anchor.point[0] + anchor.way * aside - width / 2 : above;
  const x = Math.max(EDGE, Math.min(ends[0] - EDGE - width, wanted));
  const beside = anchor ? anchor.point[1] - (over ? AWAY + height : height / 2) : TOP;
  let y = Math.max(TOP, Math.min(ends[1] - EDGE - height, beside));
  const meets = ([left, top, wide, tall]) => x < left + wide && left < x + width && y < top + tall + APART && top < y + height + APART;
  for (let hit = taken.find(meets); hit; hit = taken.find(meets)) y = hit[1] + hit[3] + APART;
  return [x, y, width, height];
}

function lead(context, { point: [x, y] }, [left, top, width, height], scale) {
  const to = [Math.max(left, Math.min(left + width, x)), Math.max(top, Math.min(top + height, y))];
  context.moveTo(x * scale, y * scale);
  context.lineTo(to[0] * scale, to[1] * scale);
}
