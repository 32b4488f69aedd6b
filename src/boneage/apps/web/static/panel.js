// The panel beside the film: the age, the remarks, the options, the comparison, the chart.

import { beyondWords, chartWords, gauge, growthChart } from "./chart.js";
import { $, icon, make } from "./dom.js";
import { Values } from "./values.js";
import { ageText, inYears, monthsBetween, percent, signed, titled, today } from "./words.js";

const OLDEST = 1440; // months that the service takes for an age
const SOURCES = { given: "as you say", dicom: "from the file", absent: "", table: "from the table" };

export class Panel {
  /** `optionsChanged(options)` is called when sex, age or patient were changed by hand, `reviewed(months, who)` for an own age. */
  constructor({ optionsChanged, reviewed, reference, record }) {
    this.reference = reference;
    $("review").hidden = !record;
    this.film = null;
    this.values = new Values($("chart"), { label: "Bone ages by age", first: 0, last: 216, geometry: growthChart });
    this.optionsChanged = optionsChanged;
    $("options").addEventListener("submit", (event) => event.preventDefault());
    for (const input of document.querySelectorAll("input[name=sex]")) {
      input.addEventListener("change", () => this.optionsChanged({ sex: input.value }));
    }
    for (const id of ["age-years", "age-months"]) $(id).addEventListener("input", () => this.#soon(() => this.#typedAge()));
    for (const id of ["born", "taken"]) $(id).addEventListener("change", () => this.#datedAge());
    $("patient").addEventListener("change", () => this.optionsChanged({ patient: $("patient").value.trim() }));
    $("review").addEventListener("submit", (event) => {
      event.preventDefault();
      const months = typed("own-years", "own-months");
      if (months) reviewed(months, $("who").value.trim());
      else if (months !== undefined) $("review-state").textContent = months === 0 ? "an age of 0 is not kept" : "no age is filled in";
    });
  }

  /** All of it for one film, or for none. `anew`: another film than before, whose fields are to be filled. */
  show(film, earlier, anew) {
    this.film = film;
    const answer = film?.answer ?? null;
    $("reading").dataset.state = film?.status ?? "none";
    this.#age(film, answer);
    this.#flags(answer);
    this.#options(film, answer, anew);
    this.#against(answer, earlier);
    this.#origin(answer);
    for (const id of ["pdf", "print"]) $(id).disabled = !answer;
    for (const id of ["own-years", "own-months", "own-keep"]) $(id).disabled = !answer?.record;
    if (anew) for (const id of ["own-years", "own-months"]) $(id).value = "";
    if (anew) $("review-state").textContent = "";
    if (anew) $("reading").scrollTop = 0;
  }

  #age(film, answer) {
    if (!answer) {
      $("years").replaceChildren(make("span", { class: "dash" }, film?.status === "reading" ? "\u2026" : "\u2013"));
      const words = { reading: "Reading the film", waiting: "Waiting", error: film?.error };
      $("months").textContent = words[film?.status] ?? "No film yet";
      $("interval").hidden = true;
      return;
    }
    if (answer.bone_age_months === null) {
      $("years").replaceChildren(make("span", { class: "dash" }, "\u2013"));
      $("months").textContent = "Refused: no bone age";
      $("interval").hidden = true;
      return;
    }
    const [years, months] = inYears(answer.bone_age_months);
    const unit = (text) => make("span", { class: "unit" }, text);
    $("years").replaceChildren(`${years}`, unit("years"), ` ${months}`, unit(months === 1 ? "month" : "months"));
    $("months").textContent = `${answer.bone_age_months.toFixed(1)} months`;
    const intervals = answer.intervals ?? [];
    $("interval").hidden = !intervals.length;
    $("intervals").replaceChildren(...intervals.map(row));
  }

  #flags(answer) {
    const error = this.film?.status === "error" && answer ? this.film.error : null;
    const failed = [error, answer?.not_kept].filter(Boolean).map((sentence) => ({ severity: "warn", sentence }));
    const items = [...failed, ...(answer?.flags ?? [])].map(({ severity, sentence }) => {
      const severe = severity !== "note";
      return make("li", { class: severe ? "severe" : "note" }, icon(severe ? "i-severe" : "i-note"), make("span", {}, `${titled(sentence).replace(/\.$/, "")}.`));
    });
    $("flags").hidden = !items.length;
    $("flags").replaceChildren(...items);
  }

  #options(film, answer, anew) {
    for (const input of $("options").elements) input.disabled = !film;
    const sex = film?.options.sex ?? answer?.sex ?? "unknown";
    for (const input of document.querySelectorAll("input[name=sex]")) input.checked = Boolean(film) && input.value === sex;
    $("sex-source").textContent = answer ? SOURCES[answer.sex_source] ?? "" : "";
    $("age-source").textContent = answer ? SOURCES[answer.age_source] : "";
    const age = film?.options.age ?? answer?.chronological_age_months ?? null;
    const typing = this.timer || $("options").contains(document.activeElement); // what is typed is not written over
    if (anew || !typing) fillAge(age);
    $("patient").placeholder = answer?.patient ? "linked by the file\u2019s own id" : "";
    if (anew) {
      $("born").value = film?.born ?? "";
      $("taken").value = film?.taken ?? today();
      $("patient").value = film?.options.patient ?? "";
      this.#ageFromDates();
    }
  }

  #against(answer, earlier) {
    const against = answer?.reference;
    const compared = against?.sds != null;
    $("difference").textContent = compared ? `${signed(against.difference_months)} mo` : "\u2013";
    $("sds").textContent = compared ? signed(against.sds, 2) : "\u2013";
    $("sds").className = compared && Math.abs(against.sds) > 2 ? "far" : "";
    const refusal = against?.refusal;
    $("refusal").textContent = refusal ? `No comparison: ${refusal}.` : "";
    $("gauge").replaceChildren(gauge(compared ? against.sds : null));
    const rows = { male: this.reference.male, female: this.reference.female }[answer?.sex] ?? null;
    const now = answer && answer.bone_age_months !== null && { age: answer.chronological_age_months, bone: answer.bone_age_months };
    const about = { rows, now, points: earlier };
    this.values.show(growthChart(about), (months) => chartWords(about, months), now ? now.age : null);
    const count = earlier.length;
    const others = count ? `${count} other${count > 1 ? "s" : ""} of this patient.` : "";
    const unknown = this.film?.earlierError ? `Earlier readings are not known. ${this.film.earlierError}` : "";
    $("earlier").textContent = [others, beyondWords(now || null, earlier), unknown].filter(Boolean).join(" ");
  }

  /** The named regions' shares of the heat map; nothing where there are none. */
  looked(regions) {
    $("looked").hidden = !regions.length;
    $("shares").replaceChildren(...regions.map(share));
  }

  #origin(answer) {
    $("origin").hidden = !answer;
    if (!answer) return;
    const { film } = answer;
    const facts = {
      File: `${film.format}, ${film.width} \u00d7 ${film.height}${film.laterality ? `, ${film.laterality}` : ""}`,
      Table: answer.reference.table,
      Model: `${answer.model}, boneage ${answer.version}`,
      Weights: answer.weights_sha256,
      Film: answer.image_sha256,
    };
    const shown = Object.entries(facts).filter(([, value]) => value);
    $("origin-facts").replaceChildren(...shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }

  #typedAge() {
    const age = typed("age-years", "age-months");
    if (age !== undefined) this.optionsChanged({ age });
  }

  #datedAge() {
    Object.assign(this.film, { born: $("born").value, taken: $("taken").value });
    const age = this.#ageFromDates();
    if (age === null) return;
    fillAge(age);
    this.optionsChanged({ age });
  }

  /** The age in months from the two dates; null if they give none, which the panel then explains. */
  #ageFromDates() {
    const [born, taken] = [$("born").value, $("taken").value];
    const age = monthsBetween(born, taken);
    const old = age > OLDEST;
    const problem = old ? "The dates are more than 120 years apart" : "The birth date lies after the film\u2019s";
    const wrong = Boolean(born && taken) && (age === null || old);
    $("dates-state").textContent = wrong ? `${problem}: no age is taken from them.` : "";
    for (const id of ["born", "taken"]) $(id).setAttribute("aria-invalid", String(wrong));
    return wrong ? null : age;
  }

  /** After the last of several keys. */
  #soon(work) {
    clearTimeout(this.timer);
    const film = this.film;
    this.timer = setTimeout(() => {
      this.timer = null;
      if (film === this.film) work();
    }, 250);
  }
}

function share({ name, share }) {
  const bar = make("span", { class: "bar" });
  bar.style.width = `${100 * share}%`;
  return make("tr", {}, make("th", { scope: "row" }, titled(name)), make("td", {}, percent(share)), make("td", { class: "rail", "aria-hidden": "true" }, bar));
}

function row({ level, low, high }) {
  const ends = `${ageText(low)} to ${ageText(high)}`;
  return make("div", {}, make("dt", {}, `${Math.round(100 * level)} %`), make("dd", {}, ends));
}

/** Months of a pair of fields; null if both are empty, undefined if one is invalid (the browser then says so). */
function typed(years, months) {
  const fields = [$(years), $(months)];
  if (!fields.every((field) => field.reportValidity())) return undefined;
  const [whole, rest] = fields.map((field) => field.value);
  return whole === "" && rest === "" ? null : 12 * Number(whole || 0) + Number(rest || 0);
}

function fillAge(age) {
  const tenths = age === null ? null : Math.round(10 * age);
  $("age-years").value = tenths === null ? "" : Math.floor(tenths / 120);
  $("age-months").value = tenths === null ? "" : (tenths % 120) / 10;
}
