// Ages by region: a label at each region's outline on the film, and a table with each difference on a small axis.

import * as api from "./api.js";
import { $, draw, make } from "./dom.js";
import { ageText, signed, titled } from "./words.js";

const FARTHEST = 48; // months: the ends of the axis
const WIDTH = 96;
const HEIGHT = 16;

export class Ages {
  /** `changed()` is called when what is to be shown on the film has changed. */
  constructor(viewer, changed) {
    this.viewer = viewer;
    this.changed = changed;
    this.on = false;
    this.film = null;
    $("ages-switch").addEventListener("click", () => this.toggle());
  }

  toggle() {
    this.on = !this.on;
    if (this.film) this.film.agesError = "";
    this.show(this.film);
    this.changed();
  }

  /** The ages of a film, or of none; they are asked for once for each answer, where they are to be shown. */
  show(film) {
    this.film = film;
    $("ages-switch").setAttribute("aria-pressed", String(this.on));
    const answer = film?.answer;
    if (film && film.agesOf !== answer) Object.assign(film, { ages: null, agesError: "", agesOf: null });
    const wanted = this.on && answer && answer.bone_age_months !== null;
    if (wanted && !film.ages && !film.agesError && film.asking !== answer) this.#ask(film, answer);
    const found = wanted ? film.ages : null;
    this.viewer.ages = (found?.ages ?? []).filter(({ outlines }) => outlines.length).map(labelled);
    $("by-region").hidden = !wanted;
    $("ages-state").textContent = wanted ? film.agesError || (found ? found.reason ?? "" : "Reading the regions \u2026") : "";
    $("ages-rows").replaceChildren(...(found?.ages ?? []).map(row));
    $("ages-meaning").textContent = found?.meaning ?? "";
    this.viewer.draw();
  }

  async #ask(film, answer) {
    film.asking = answer;
    const found = await api.ages(film).catch((error) => ({ error: error.message }));
    if (film.answer !== answer) return;
    Object.assign(film, { asking: null, agesOf: answer, agesError: found.error ?? "", ages: found.error ? null : found });
    if (film === this.film) this.show(film);
  }
}

/** A region as `drawRegions` takes it. */
function labelled({ name, bone_age_months: months, outlines, is_unusual: unusual }) {
  const age = `${months === null ? "no age" : ageText(months)}${unusual ? " !" : ""}`;
  return { outlines, inside: true, text: name.startsWith("ray") ? age : `${titled(name)} ${age}` };
}

function row(age) {
  const { name, bone_age_months: months, interval, difference_months: difference, usual, is_unusual: unusual } = age;
  const head = make("th", { scope: "row" }, titled(name));
  if (months === null) return make("tr", {}, head, make("td", { colspan: 3, class: "quiet" }, "not informative"));
  const range = `${Math.round(100 * interval.level)} %: ${ageText(interval.low)} to ${ageText(interval.high)}`;
  const told = make("td", { title: range }, ageText(months));
  if (difference === null) return make("tr", {}, head, told, make("td", { colspan: 2, class: "quiet" }, "no difference"));
  const by = make("td", {}, signed(difference), unusual ? make("span", { class: "sr" }, " months, unusual") : make("span", { class: "sr" }, " months"));
  return make("tr", { class: unusual && "unusual" }, head, told, by, make("td", {}, axis(difference, usual)));
}

/** The difference as a dot, and the usual range as a bar. */
function axis(difference, usual) {
  const at = (months) => (WIDTH * (Math.min(FARTHEST, Math.max(-FARTHEST, months)) + FARTHEST)) / (2 * FARTHEST);
  const [low, high] = usual.map(at);
  const svg = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "axis" });
  svg.append(
    draw("title", {}, `${signed(difference)} months against the rest; usually ${signed(usual[0])} to ${signed(usual[1])}`),
    draw("line", { x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
    draw("rect", { x: low, y: HEIGHT / 2 - 3, width: high - low, height: 6, rx: 3 }),
    draw("line", { x1: at(0), x2: at(0), y1: 2, y2: HEIGHT - 2 }),
    draw("circle", { cx: at(difference), cy: HEIGHT / 2, r: 3.5 }),
  );
  return svg;
}
