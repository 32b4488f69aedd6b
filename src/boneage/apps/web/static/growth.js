// Height, weight and parents, and what they say with the bone age: figures, the chart of heights, what has changed.
// Every change asks the service at once; only the latest answer is shown.

import * as api from "./api.js";
import { $, icon, make } from "./dom.js";
import { keyOf, PARTS } from "./films.js";
import { heightChart, heightWords } from "./heights.js";
import { Values } from "./values.js";
import { ageText, signed, titled } from "./words.js";

const FIELDS = ["height", "weight", "mother", "father"];
const PARENTS = ["mother", "father"];
const SHORT = { bayley_pinneau: "BP", roche_wainer_thissen: "RWT", khamis_guo: "KG" };

export class Growth {
  constructor(heights) {
    this.heights = heights;
    this.film = null;
    this.values = new Values($("height-chart"), { label: "Heights by age", first: 24, last: 240, geometry: heightChart });
    $("child").addEventListener("submit", (event) => event.preventDefault());
    for (const name of FIELDS) $(name).addEventListener("input", () => this.#typed());
    $("lying").addEventListener("change", () => this.#typed());
    for (const id of ["age-years", "age-months"]) $(id).addEventListener("input", () => this.#ask());
    for (const input of document.querySelectorAll("input[name=sex]")) input.addEventListener("change", () => this.#ask());
  }

  /** All of it for one film, or for none. `visits`: other films of the patient. `anew`: another film than before. */
  show(film, visits, anew) {
    this.film = film;
    this.visits = visits;
    for (const input of $("child").elements) input.disabled = !film;
    if (anew || (film?.child ?? null) !== this.filled) this.#fill();
    if (film?.answer) this.#ask();
    else this.#none();
  }

  /** What is told of the child, as the service takes it; null where no film is read. */
  get request() {
    const { film } = this;
    const answer = film?.answer;
    if (!answer) return null;
    return {
      ...visitOf(film),
      sex: document.querySelector("input[name=sex]:checked")?.value ?? answer.sex,
      ...age(answer),
      weight: film.child?.weight ?? "",
      mother: film.child?.mother ?? "",
      father: film.child?.father ?? "",
      earlier: this.visits,
    };
  }

  #fill() {
    this.filled = this.film?.child ?? null;
    for (const name of FIELDS) $(name).value = this.film?.child?.[name] ?? "";
    $("lying").checked = this.film?.child?.lying ?? false;
    this.#problems({});
  }

  #typed() {
    if (!this.film) return;
    this.film.child = Object.fromEntries(FIELDS.map((name) => [name, $(name).value]));
    this.film.child.lying = $("lying").checked;
    this.filled = this.film.child;
    this.#ask();
  }

  async #ask() {
    const { request, film } = this;
    if (!request) return;
    const asked = JSON.stringify(request);
    if (asked === this.asked && film === this.answered) return;
    this.asked = asked;
    this.stop?.abort();
    const stop = (this.stop = new AbortController());
    try {
      const { growth, problems } = await api.growth(asked, stop.signal);
      if (stop.signal.aborted || film !== this.film) return;
      this.answered = film;
      this.#problems(problems);
      this.#figures(growth, request);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.asked = null;
      $("child-state").textContent = error.message;
    }
  }

  #none() {
    this.asked = null;
    this.stop?.abort();
    for (const id of ["growth", "follow"]) $(id).hidden = true;
    $("against-range").textContent = "";
  }

  #problems(problems) {
    for (const name of FIELDS) $(name).setAttribute("aria-invalid", String(name in problems));
    $("child-state").textContent = Object.values(problems).map(titled).join(". ");
  }

  #figures(growth, request) {
    this.#against(growth);
    const told = FIELDS.some((name) => growth.child[{ height: "height_cm", weight: "weight_kg", mother: "mother_cm", father: "father_cm" }[name]] !== null);
    $("growth").hidden = !told;
    $("height-sds").textContent = number(growth.height_sds, 2, true);
    $("height-sds").title = growth.height_sds.flags.map(({ sentence }) => sentence).join(". ");
    $("target").replaceChildren(...ranged(growth.target_height));
    $("adult").replaceChildren(...growth.adult_heights.map(adultRow));
    const warnings = [growth.height_sds, growth.target_height, ...growth.adult_heights].flatMap(warningsOf);
    $("growth-flags").replaceChildren(...warnings);
    $("growth-flags").hidden = !warnings.length;
    $("growth-sources").replaceChildren(...[growth.height_sds, growth.target_height, ...growth.adult_heights].map(source));
    this.#chart(growth, request);
    this.#steps(growth.follow_up);
  }

  /** The comparison with the reference, before the film is read again with the new age. */
  #against({ difference, bone_age_sds: sds }) {
    if (difference.value !== null && sds.value !== null) {
      $("difference").textContent = `${signed(difference.value)} mo`;
      $("sds").textContent = signed(sds.value, 2);
    }
    const ranges = [range(difference, 0, "months"), range(sds, 1, "SD")].filter(Boolean);
    $("against-range").textContent = ranges.length ? `90 %: ${ranges.join(", ")}.` : "";
  }

  #chart(growth, request) {
    const lines = { male: this.heights.male, female: this.heights.female }[growth.child.sex] ?? null;
    const now = { age: growth.child.age_months, height: growth.child.height_cm };
    const points = request.earlier.map((one) => [one.chronological_age_months, centimetres(one.height)]).filter(([at, cm]) => at !== null && cm);
    const adult = growth.adult_heights.filter(({ value }) => value !== null).map((one) => ({ ...one, short: SHORT[one.name] }));
    const about = { lines, now, points, adult, target: growth.target_height };
    this.values.show(heightChart(about), (months) => heightWords(about, months), now.age);
  }

  #steps(steps) {
    $("follow").hidden = !steps.length;
    $("steps").replaceChildren(...steps.map(stepItem));
  }
}

/** Other films of the patient as visits: those of the record, and those of this session, which take precedence. */
export function visitsOf(film, list) {
  const patient = film.answer?.patient;
  const known = new Map((film.entries ?? []).map((entry) => [keyOf(entry.film_sha256, entry.part), recorded(entry)]));
  for (const other of list.filter((one) => one !== film && one.answer)) {
    const key = keyOf(other.answer.image_sha256, other.answer.part);
    const is = patient && other.answer.patient === patient;
    if (is) known.set(key, { ...visitOf(other), ...ageOf(other.answer) });
    else known.delete(key);
  }
  for (const part of PARTS) known.delete(keyOf(film.answer?.image_sha256, part)); // its other hand is no earlier film
  return [...known.values()].filter((one) => one.bone_age_months !== null && one.chronological_age_months !== null);
}

/** Heights of parents that were given for another film of the same patient. */
export function parentsOf(film, list) {
  const patient = film.answer?.patient;
  const other = patient && list.find((one) => one !== film && one.answer?.patient === patient && PARENTS.some((name) => one.child?.[name]));
  return other ? Object.fromEntries(PARENTS.map((name) => [name, other.child[name]])) : null;
}

function visitOf({ answer, child, name, born, taken }) {
  return {
    bone_age_months: answer.bone_age_months === null ? null : Math.max(0, answer.bone_age_months),
    intervals: answer.intervals,
    model: answer.model,
    name: name.slice(0, 32),
    day: born && taken ? taken : null,
    height: child?.height ?? "",
    lying: child?.lying ? true : null,
  };
}

function recorded(entry) {
  return {
    bone_age_months: entry.bone_age_months === null ? null : Math.max(0, entry.bone_age_months),
    intervals: entry.intervals,
    chronological_age_months: entry.chronological_age_months,
    model: entry.model,
    name: entry.chronological_age_months === null ? "" : ageText(entry.chronological_age_months),
  };
}

function ageOf(answer) {
  return {
    chronological_age_months: answer.chronological_age_months,
    chronological_age_half_width_months: answer.chronological_age_half_width_months,
  };
}

/** The age that stands in the fields; that of the answer where they are as it filled them. */
function age(answer) {
  const fields = [$("age-years"), $("age-months")];
  const [years, months] = fields.map((field) => field.value);
  if (!fields.every((field) => field.validity.valid) || (years === "" && months === "")) return { chronological_age_months: null };
  const typed = 12 * Number(years || 0) + Number(months || 0);
  const known = answer.chronological_age_months;
  return known !== null && Math.abs(typed - known) < 0.051 ? ageOf(answer) : { chronological_age_months: typed };
}

function centimetres(text) {
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*(cm)?\s*$/.exec(text ?? "");
  return found ? Number(found[1].replace(",", ".")) : null;
}

function number({ value }, digits, sign = false) {
  if (value === null) return "\u2013";
  return sign ? signed(value, digits) : value.toFixed(digits);
}

function range({ low, high }, digits, unit) {
  return low === null ? "" : `${signed(low, digits)} to ${signed(high, digits)} ${unit}`;
}

function ranged({ value, low, high }) {
  return value === null ? ["\u2013"] : [`${value.toFixed(1)} cm `, make("small", {}, `${low.toFixed(0)} to ${high.toFixed(0)}`)];
}

function refusalOf({ flags }) {
  return flags.find(({ severity }) => severity === "refuse")?.sentence ?? "";
}

function adultRow(figure) {
  const name = make("th", { scope: "row" }, figure.title);
  if (figure.value === null) return make("tr", {}, name, make("td", { colspan: 2, class: "why" }, `${titled(refusalOf(figure))}.`));
  const ends = figure.low === null ? "no range" : `${figure.low.toFixed(1)} to ${figure.high.toFixed(1)}`;
  return make("tr", {}, name, make("td", {}, figure.value.toFixed(1)), make("td", {}, ends));
}

function warningsOf(figure) {
  return figure.flags
    .filter(({ severity }) => severity === "warn")
    .map(({ sentence }) => make("li", { class: "severe" }, icon("i-severe"), make("span", {}, `${titled(figure.title)}: ${sentence}.`)));
}

function source(figure) {
  const notes = figure.flags.filter(({ severity }) => severity === "note").map(({ sentence }) => `${titled(sentence)}.`);
  const words = [`${titled(figure.method)}.`, `For ${figure.domain}.`, figure.range_of && `Range: ${figure.range_of}.`, `${figure.source}.`, ...notes];
  return make("div", {}, make("dt", {}, titled(figure.title)), make("dd", {}, words.filter(Boolean).join(" ")));
}

function stepItem(step) {
  const { bone_age_velocity: velocity, sds_change: change, height_velocity: height, together, verdict } = step;
  const lines = [];
  if (velocity.value === null) lines.push(`${titled(refusalOf(velocity))}.`);
  else {
    const apart = velocity.low === null ? "" : ` (${velocity.low.toFixed(1)} to ${velocity.high.toFixed(1)}; ${together[0].toFixed(1)} to ${together[1].toFixed(1)} if both errors move together)`;
    lines.push(`Bone age: ${velocity.value.toFixed(2)} years a year${apart.replaceAll("-", "\u2212")}.`);
  }
  if (change.value !== null) lines.push(`SDS: ${signed(change.value, 2)}.`);
  if (height.value !== null) lines.push(`Height: ${height.value.toFixed(1)} cm a year.`);
  const said = verdict ? [make("p", { class: verdict.severity === "warn" ? "verdict severe" : "verdict" }, `${titled(verdict.sentence)}.`)] : [];
  const title = step.months === null ? "" : `${step.months.toFixed(0)} months`;
  const ends = `${step.first || "film"} to ${step.second || "film"}`;
  return make("li", {}, make("h3", {}, ends, " ", make("small", {}, title)), make("p", {}, lines.join(" ")), ...said);
}
