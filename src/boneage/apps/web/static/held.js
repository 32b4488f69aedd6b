// The worklist of a node: what it holds for a person, whose films these are, and the decision on the one that is shown.

import * as api from "./api.js";
import { $, make, rows, showsOpen } from "./dom.js";
import { titled } from "./words.js";

const POLL = 5000; // ms between two looks at what the node holds
const KEPT = ["family", "given", "organisation"]; // of the reviewer, in this browser
const WORDS = { accept: "Accepted", correct: "Corrected", reject: "Rejected" };

export class HeldFilms {
  /** `open(file, item)` shows a film that is on the page already, and is true then, or puts its `file` there. */
  constructor({ open }) {
    Object.assign(this, { open, films: [], patients: new Map(), shown: null, busy: false });
    $("to-review").hidden = false;
    for (const name of KEPT) $(`reviewer-${name}`).value = localStorage.getItem(`reviewer-${name}`) ?? "";
    $("decision").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#decide();
    });
    for (const input of verdicts()) input.addEventListener("change", () => this.#fields());
    this.#look();
  }

  /** The keys of the worklist: they choose, and Enter in the form sends. */
  get keys() {
    return { q: () => this.next(), y: () => this.#choose("accept"), c: () => this.#choose("correct"), e: () => this.#choose("reject") };
  }

  /** Open the film that waits next after the one that is shown. */
  next() {
    const at = this.films.findIndex(({ key }) => key === this.shown?.key);
    const item = this.films[(at + 1) % Math.max(1, this.films.length)];
    if (item) this.#open(item);
  }

  /** The film that the page shows now; the form is there for one that waits, whichever of its hands is shown. */
  show(film) {
    const item = film?.picture.held ?? null;
    if (item !== this.shown) this.#anew(item);
    this.shown = item;
    this.part = film?.answer?.part ?? "";
    this.#list();
    this.#form();
  }

  async #look() {
    try {
      this.#took(await api.held());
    } catch (error) {
      this.#say("held-state", error.message);
    }
    setTimeout(() => this.#look(), POLL);
  }

  #took({ films, node_runs: runs }) {
    this.films = films;
    this.#say("held-state", runs ? "" : "The node does not run: what is decided now goes out when it does.");
    this.#list();
    this.#form();
    this.#identify();
  }

  /** Whose films the new ones are, one after the other. */
  async #identify() {
    if (this.identifying) return;
    this.identifying = true;
    const asked = new Set(); // once a look: what failed is asked again at the next
    const unknown = ({ key }) => !asked.has(key) && (this.patients.get(key)?.problem ?? !this.patients.has(key));
    for (let item; (item = this.films.find(unknown)); ) {
      asked.add(item.key);
      this.patients.set(item.key, await api.heldPatient(item.key).catch((error) => ({ problem: error.message })));
      this.#list();
      this.#form();
    }
    this.identifying = false;
  }

  #list() {
    $("held-count").textContent = this.films.length || "";
    rows($("held"), this.films.map(({ key }) => key), (key) => this.#row(key));
    for (const [at, item] of this.films.entries()) this.#fill($("held").children[at], item);
  }

  #row(key) {
    const lines = [make("span", { class: "name" }), make("span", { class: "state" })];
    const button = make("button", { type: "button", class: "film" }, make("span", { class: "text" }, ...lines));
    button.addEventListener("click", () => this.#open(this.films.find((item) => item.key === key)));
    return make("li", {}, button);
  }

  #fill(row, { key, reading }) {
    const patient = this.patients.get(key);
    const name = patient ? nameOf(patient) : "\u2026";
    Object.assign(row.querySelector(".name"), { title: name, textContent: name });
    row.querySelector(".state").textContent = briefly(reading);
    showsOpen(row.firstChild, key === this.shown?.key);
  }

  async #open(item) {
    const known = this.open(null, item);
    if (known || this.opening === item.key) return;
    this.opening = item.key;
    try {
      const patient = this.patients.get(item.key);
      this.open(new File([await api.heldFilm(item.key)], patient ? nameOf(patient) : "held film", { type: "application/dicom" }), item);
    } catch (error) {
      this.#say("held-state", error.message);
    }
    this.opening = null;
  }

  /** Another film than before: nothing is chosen on it yet. */
  #anew() {
    for (const input of verdicts()) input.checked = false;
    for (const id of ["right-years", "right-months", "decision-reason"]) $(id).value = "";
    document.querySelector("input[name=right-side][value='']").checked = true;
    this.#say("decision-state", "");
    this.#fields();
  }

  #form() {
    const item = this.shown;
    $("decision").hidden = !item;
    if (!item) return;
    const waiting = this.films.find(({ key }) => key === item.key);
    const patient = this.patients.get(item.key);
    $("held-patient").replaceChildren(...(patient ? facts(patient) : []));
    $("held-reading").textContent = (waiting ?? item).reading;
    $("held-part").textContent = this.part ? `A correction is about the ${this.part} hand in the picture, which is shown.` : "";
    for (const element of $("decision").querySelectorAll("input, button")) element.disabled = !waiting || this.busy;
    if (!waiting && !this.busy && !$("decision-state").textContent) this.#say("decision-state", "This film waits no more: it has been decided on elsewhere.");
    if (waiting && waiting.answer !== item.answer) this.#say("decision-state", `The node has read it anew: ${waiting.reading}`);
  }

  #choose(verdict) {
    const input = verdicts().find(({ value }) => value === verdict);
    if (!this.shown || input.disabled) return;
    input.checked = true;
    this.#fields();
    const first = { accept: "decision-send", correct: "right-years", reject: "decision-reason" }[verdict];
    const unnamed = ["reviewer-family", "reviewer-organisation"].find((id) => !$(id).value.trim());
    $(verdict === "accept" && unnamed ? unnamed : first).focus();
  }

  /** Only the fields of the verdict that is chosen are there. */
  #fields() {
    const chosen = verdicts().find(({ checked }) => checked)?.value;
    $("right").hidden = chosen !== "correct";
    $("why").hidden = chosen !== "reject";
    $("decision-send").textContent = chosen === "reject" ? "Reject: nothing is sent" : chosen ? `${titled(chosen)} and send` : "Choose first";
  }

  async #decide() {
    const sent = this.#sent();
    const item = this.shown;
    if (!sent || this.busy) return;
    this.busy = true;
    this.#form();
    try {
      const left = await api.decide(item.key, sent);
      if (this.shown === item) this.#say("decision-state", `${WORDS[sent.verdict]} by ${[sent.given, sent.family].filter(Boolean).join(" ")}.`);
      $("announce").textContent = WORDS[sent.verdict];
      for (const name of KEPT) localStorage.setItem(`reviewer-${name}`, $(`reviewer-${name}`).value.trim());
      this.busy = false;
      this.#took(left);
    } catch (error) {
      this.busy = false;
      if (this.shown === item) this.#say("decision-state", error.message);
      else this.#say("held-state", error.message); // another film is shown by now
      this.#form();
      if (error.status === 409) this.#took(await api.held().catch(() => ({ films: this.films, node_runs: true })));
    }
    if (this.shown === item) $("decision-state").focus();
  }

  /** What the form says; null, with a sentence, where that is no decision. */
  #sent() {
    const verdict = verdicts().find(({ checked }) => checked)?.value;
    const [family, given, organisation] = KEPT.map((name) => $(`reviewer-${name}`).value.trim());
    const months = 12 * Number($("right-years").value) + Number($("right-months").value);
    const side = document.querySelector("input[name=right-side]:checked").value || null;
    const reason = $("decision-reason").value.trim();
    const problems = [
      [!verdict, "Choose to accept, to correct or to reject."],
      [!family || !organisation, "Your family name and your organisation go into the report: fill them in."],
      [verdict === "correct" && !(months > 0) && !side, "A correction gives an age or a side."],
      [verdict === "reject" && !reason, "Say why it is rejected."],
    ];
    const problem = problems.find(([is]) => is);
    if (problem) this.#say("decision-state", problem[1]);
    if (problem) return null;
    const changes = { correct: { bone_age_months: months > 0 ? months : null, side, part: this.part || null }, reject: { reason } }[verdict];
    return { verdict, answer: this.shown.answer, family, given, organisation, ...changes };
  }

  #say(id, words) {
    if ($(id).textContent !== words) $(id).textContent = words;
  }
}

function verdicts() {
  return [...document.querySelectorAll("input[name=verdict]")];
}

/** "Roe, Ann" of DICOM's Roe^Ann. */
function nameOf({ name, id, problem }) {
  const [family, given] = (name ?? "").split("=")[0].split("^");
  return problem ?? ([family, given].filter(Boolean).join(", ") || id || "no name");
}

/** A reading in a line of the list: its age, or that there is none. */
function briefly(reading) {
  const ages = [...reading.matchAll(/Bone age ([\d.]+) months/g)].map(([, months]) => `${months} months`);
  return ages.join(", ") || "no age";
}

function facts(patient) {
  if (patient.problem) return [make("p", { class: "problem" }, patient.problem)];
  const { id, birth_date: born, sex, study_date: taken, accession_number: number } = patient;
  const rows = { Patient: nameOf(patient), Id: id, Born: dashed(born), Sex: sex, Film: dashed(taken), Accession: number };
  return Object.entries(rows).filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)));
}

function dashed(day) {
  return day.replace(/^(\d{4})(\d\d)(\d\d)$/, "$1-$2-$3");
}
