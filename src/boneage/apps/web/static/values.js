// The values of a chart at an age, by the pointer or by the arrow keys: a line on the chart, and words below it.

import { make } from "./dom.js";

const STEP = 1; // month for an arrow key; with Page Up and Page Down twelve

export class Values {
  /** `geometry.fraction(age)` and `geometry.age(fraction)` place ages on the chart's width. */
  constructor(place, { label, first, last, geometry }) {
    Object.assign(this, { first, last, geometry, months: first, words: null });
    this.slot = make("div", { class: "slot" });
    this.line = make("span", { class: "cursor", hidden: true });
    const range = { "aria-valuemin": first, "aria-valuemax": last, "aria-valuenow": first };
    this.chart = make("div", { class: "values", role: "slider", tabindex: 0, "aria-label": `${label}: values by arrow keys`, ...range }, this.slot, this.line);
    this.said = make("p", { class: "said", "aria-hidden": "true" });
    place.replaceChildren(this.chart, this.said);
    this.#listen();
  }

  /** Another chart, with `words(months)` for what it says at an age, and the age to start at. */
  show(svg, words, months) {
    this.slot.replaceChildren(svg);
    this.words = words;
    if (this.line.hidden && months !== null && months !== undefined) this.months = this.#within(months);
    this.#say();
  }

  #within(months) {
    return Math.min(this.last, Math.max(this.first, months));
  }

  #to(months) {
    this.months = this.#within(months);
    this.line.hidden = false;
    this.#say();
  }

  #say() {
    if (!this.words) return;
    const words = this.words(this.months);
    this.chart.setAttribute("aria-valuenow", Math.round(this.months));
    this.chart.setAttribute("aria-valuetext", words);
    this.said.textContent = this.line.hidden ? "" : words;
    this.line.style.left = `${100 * this.geometry.fraction(this.months)}%`;
  }

  #hide() {
    this.line.hidden = true;
    this.said.textContent = "";
  }

  #listen() {
    this.chart.addEventListener("pointermove", (event) => {
      const box = this.chart.getBoundingClientRect();
      this.#to(this.geometry.age((event.clientX - box.left) / box.width));
    });
    this.chart.addEventListener("pointerleave", () => document.activeElement !== this.chart && this.#hide());
    this.chart.addEventListener("focus", () => this.#to(this.months));
    this.chart.addEventListener("blur", () => this.#hide());
    this.chart.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -12, PageUp: 12, Home: -Infinity, End: Infinity }[event.key];
      if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#to(Math.round(this.months + Math.max(-1e4, Math.min(1e4, by))));
    });
  }
}
