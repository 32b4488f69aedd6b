// The page: brings worklist, viewer and panel together, and listens to drops, keys and buttons.

import { Ages } from "./ages.js";
import * as api from "./api.js";
import { $, icon, make, rows, showsOpen } from "./dom.js";
import { Doubts, doubtsOf } from "./doubts.js";
import { Films, keyOf, pair, PARTS } from "./films.js";
import { Growth, parentsOf, visitsOf } from "./growth.js";
import { HeldFilms } from "./held.js";
import { Panel } from "./panel.js";
import { Viewer } from "./viewer.js";
import { windowsOf } from "./windows.js";
import { ageText, percent, spokenAge, titled, whichHand } from "./words.js";

const films = new Films(changed, () => $("who").value.trim());
const doubts = new Doubts();
const viewer = new Viewer($("film"), $("toolbar"), windowChanged, doubts);
const ages = new Ages(viewer, () => showLayers(current));
let panel;
let growth;
let held;
let service;
let current = null;
let shown = null; // the film whose fields the panel was last filled with

async function open() {
  themed(localStorage.getItem("theme"));
  $("single-keys").checked = localStorage.getItem("single-keys") !== "off";
  const [about, reference, heights] = await Promise.all([api.about(), api.reference(), api.heights()]);
  service = about;
  panel = new Panel({ optionsChanged, reviewed, reference, record: about.record });
  growth = new Growth(heights);
  const table = about.reference_table.replace(" (Greulich and Pyle 1959)", "");
  $("about").textContent = `Model ${about.model}, weights ${about.weights_sha256.slice(0, 12)} \u00b7 table ${table} \u00b7 boneage ${about.version}`;
  $("layers").hidden = !about.heatmap;
  if (about.worklist) held = new HeldFilms({ open: opened });
  Object.assign(KEYS, held?.keys);
  $("ages-switch").hidden = !about.regions;
  if (about.films_kept) $("keeping").textContent = "They stay with this service, which keeps their pixels beside its record.";
  listen();
  changed(null);
  document.body.dataset.ready = "true";
}

/** A film, or the list (null), has changed. */
function changed(film) {
  if (!films.list.includes(current)) current = films.list.at(0) ?? null;
  document.body.dataset.state = films.list.length ? "films" : "empty";
  list();
  if (film?.status === "done" && film.announced !== film.answer) answered(film);
  if (film?.status === "error") $("announce").textContent = `${nameOf(film)}: ${film.error}`;
  if (!film || film === current) showCurrent();
}

/** A film has another answer than before. */
function answered(film) {
  film.announced = film.answer;
  film.layers = null;
  film.layersError = "";
  recorded(film);
  if (film === current) look();
  $("announce").textContent = `${nameOf(film)}: ${film.answer.bone_age_months === null ? "refused" : `bone age ${spokenAge(film.answer.bone_age_months)}`}`;
}

/** The name of its file, and which of two hands it is. */
function nameOf(film) {
  return [film.name, whichHand(film.answer)].filter(Boolean).join(", ");
}

function select(film) {
  current = film;
  changed(film);
  look();
  document.querySelector("#films [aria-current] ")?.scrollIntoView({ block: "nearest" });
}

function showCurrent() {
  const film = current;
  panel?.show(film, film ? earlierOf(film) : [], shown !== film);
  if (film && !film.child) film.child = films.other(film)?.child ?? parentsOf(film, films.list);
  growth?.show(film, film ? visitsOf(film, films.list) : [], shown !== film);
  held?.show(film);
  shown = film;
  const { pixels, error } = film?.picture ?? {};
  if (film && !pixels && !error) films.show(film);
  doubts.say(pixels ? doubtsOf(film.answer, otherHand(film)) : []);
  const { answer, view, layers } = film ?? {};
  const opened = viewer.open(pixels ?? null, { view, layers, place: answer?.place, windows: windowsOf(pixels, answer) });
  if (film) film.view = opened;
  showLayers(film);
  ages.show(film);
  $("film-wait").hidden = !film || Boolean(pixels || error);
  $("film-error").hidden = !error;
  $("film-error").lastElementChild.textContent = error ?? "";
  $("film-name").textContent = film ? nameOf(film) : "";
  const facts = film?.answer?.film;
  $("film-facts").textContent = facts ? `${facts.format} ${facts.width} \u00d7 ${facts.height}${facts.laterality ? ` ${facts.laterality}` : ""}` : "";
  $("film").setAttribute("aria-label", film ? `Film ${nameOf(film)}` : "No film");
}

/** What is said of the other hand in a picture, and what a press on it does. */
function otherHand(film) {
  const other = films.other(film);
  return other ? { words: "Another hand: show it", act: () => select(other) } : { words: "Another hand: read it", act: () => select(films.addOther(film)) };
}

function list() {
  const { list } = films;
  $("count").textContent = list.length || "";
  const pending = list.length - films.done();
  $("progress").textContent = pending ? `${films.done()} of ${list.length} read` : "";
  rows($("films"), list, row, $("choose"));
  for (const item of $("films").children) fillRow(item);
  $("clear").hidden = list.length < 2;
}

function row(film) {
  const lines = ["name", "which", "state"].map((part) => make("span", { class: part }));
  const button = make("button", { type: "button", class: "film" }, make("span", { class: "thumb", "aria-hidden": "true" }), make("span", { class: "text" }, ...lines));
  button.addEventListener("click", () => select(film));
  const remove = make("button", { type: "button", class: "icon remove" }, icon("i-remove"));
  remove.addEventListener("click", () => films.remove(film));
  return make("li", {}, button, remove);
}

function fillRow(item) {
  const { key: film } = item;
  const words = { waiting: "waiting", reading: "reading \u2026", again: "reading again \u2026", error: "could not be read" };
  const [thumb, name, which, state] = ["thumb", "name", "which", "state"].map((part) => item.querySelector(`.${part}`));
  const picture = film.thumb ?? (film.status === "error" ? icon("i-severe") : null);
  if (thumb.firstChild !== picture) thumb.replaceChildren(...[picture].filter(Boolean));
  Object.assign(name, { title: film.name, textContent: film.name });
  const hand = whichHand(film.answer);
  Object.assign(which, { hidden: !hand, textContent: hand && titled(hand) });
  state.textContent = film.status === "done" ? ageText(film.answer.bone_age_months) : words[film.status];
  item.dataset.status = film.status;
  showsOpen(item.querySelector(".film"), film === current);
  item.querySelector(".remove").setAttribute("aria-label", `Remove ${nameOf(film)}`);
}

function optionsChanged(options) {
  if (current) films.again(current, options);
}

/** Other films of the same patient; what this session knows of one takes precedence over the record. */
function earlierOf(film) {
  const known = new Map([...film.earlier, ...films.siblings(film)]);
  for (const part of PARTS) known.delete(keyOf(film.answer?.image_sha256, part));
  return [...known.values()].filter(Boolean);
}

async function recorded(film) {
  const { answer } = film;
  Object.assign(film, { earlier: new Map(), entries: [], earlierError: "" });
  if (!service.record || !answer.patient) return;
  let entries = [];
  let problem = "";
  try {
    entries = await api.earlier(answer.patient);
  } catch (error) {
    problem = error.message;
  }
  if (film.answer !== answer) return; // another patient's by now, perhaps
  film.earlier = new Map(entries.map((entry) => [keyOf(entry.film_sha256, entry.part), pair(entry)]));
  film.entries = entries;
  film.earlierError = problem;
  if (film === current) showCurrent();
}

async function reviewed(months, who) {
  try {
    await api.review(current.answer.record, months, who);
    $("review-state").textContent = `kept: ${ageText(months)}`;
  } catch (error) {
    $("review-state").textContent = error.message;
  }
}

/** Show or hide the heat map or the regions. */
function layered(name) {
  if (!service.heatmap) return;
  const faint = viewer.opacity === 0;
  viewer.shown[name] = faint || !viewer.shown[name];
  if (faint) $("fade").value = 100 * (viewer.opacity = 0.5);
  if (current) current.layersError = "";
  look();
}

/** Fade what is shown of the two; the heat map, where neither is. */
function faded(opacity) {
  viewer.opacity = opacity;
  if (!viewer.shown.regions) viewer.shown.heat = true;
  look();
}

function isLayered() {
  return viewer.opacity > 0 && (viewer.shown.heat || viewer.shown.regions);
}

/** Ask where the model looked on the current film, where that is to be shown, once for each answer. */
async function look() {
  const film = current;
  const answer = film?.answer;
  const wanted = isLayered() && answer && answer.bone_age_months !== null;
  if (!wanted || film.layers || film.layersError || film.looking === answer) return showLayers(film);
  film.looking = answer;
  showLayers(film);
  const found = await api.layers(film).catch((error) => ({ error: error.message }));
  if (film.answer !== answer) return;
  film.looking = null;
  film.layersError = found.error ?? "";
  film.layers = found.error ? null : found;
  if (film === current) showCurrent();
}

function showLayers(film) {
  for (const button of document.querySelectorAll("[data-layer]")) {
    button.setAttribute("aria-pressed", String(viewer.shown[button.dataset.layer]));
  }
  const words = isLayered() && film?.answer ? layerWords(film) : "";
  if ($("film-layers").textContent !== words) $("film-layers").textContent = words;
  panel?.looked(isLayered() ? film?.layers?.regions ?? [] : []);
  viewer.draw();
}

function layerWords(film) {
  if (film.answer.bone_age_months === null) return "No heat map: the film has no bone age.";
  if (film.layersError) return `No heat map. ${film.layersError}`;
  if (!film.layers) return "Finding where the model looked \u2026";
  if (!viewer.shown.regions) return "Bright: blurring the film here moves the age most.";
  const { regions } = film.layers;
  return regions.length ? `Shares of the heat map; elsewhere ${percent(regions.at(-1).share)}.` : "No hand was made out, so no region is named.";
}

async function savePdf() {
  if (!current?.answer) return;
  $("pdf").disabled = true;
  $("pdf-state").textContent = "";
  try {
    const pdf = await api.report(current, earlierOf(current), { heatmap: isLayered(), regions: ages.on }, growth.request);
    const link = make("a", { href: URL.createObjectURL(pdf), download: "bone-age.pdf" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    $("pdf-state").textContent = `No PDF. ${error.message}`;
  }
  $("pdf").disabled = false;
}

function windowChanged() {
  const { level, width, zoom } = viewer.view;
  const numbers = `L ${Math.round(100 * level)}  W ${Math.round(100 * width)}  \u00d7 ${zoom.toFixed(1)}`;
  $("film-window").textContent = viewer.film ? numbers : "";
  $("level").value = Math.round(1000 * level);
  $("width").value = Math.round(1000 * width);
  for (const name of ["invert", "mirror"]) {
    document.querySelector(`[data-do=${name}]`).setAttribute("aria-pressed", String(viewer.view[name]));
  }
  showPreset();
  if (current) current.view = viewer.view;
}

/** Which of the grey levels are shown: those of the reading wait for it, and are the file's so long. */
function showPreset() {
  const { preset } = viewer.view;
  const shown = preset === "reading" && !viewer.windows.reading ? "file" : preset;
  $("windows").hidden = !viewer.film;
  for (const button of document.querySelectorAll("[data-window]")) {
    button.setAttribute("aria-pressed", String(button.dataset.window === shown));
    button.disabled = !viewer.windows[button.dataset.window];
  }
}

function doubted() {
  doubts.shown = !doubts.shown;
  showCurrent();
}

function tool(name) {
  viewer.tool = name;
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  }
  $("film").dataset.tool = name;
}

function themed(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function otherTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  const theme = now === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  themed(theme);
}

function step(by) {
  const at = films.list.indexOf(current) + by;
  if (films.list[at]) select(films.list[at]);
}

function sexed(sex) {
  if (current) films.again(current, { sex });
}

const KEYS = {
  o: () => $("files").click(),
  j: () => step(1),
  k: () => step(-1),
  f: () => sexed("female"),
  m: () => sexed("male"),
  u: () => sexed("unknown"),
  a: () => $("age-years").focus(),
  g: () => $("height").focus(),
  w: () => tool("window"),
  v: () => tool("pan"),
  "+": () => viewer.do("in"),
  "=": () => viewer.do("in"),
  "-": () => viewer.do("out"),
  0: () => viewer.do("fit"),
  i: () => viewer.do("invert"),
  r: () => viewer.do("turn"),
  x: () => viewer.do("mirror"),
  1: () => viewer.show("reading"),
  2: () => viewer.show("file"),
  3: () => viewer.show("full"),
  d: doubted,
  h: () => layered("heat"),
  n: () => layered("regions"),
  b: () => service.regions && ages.toggle(),
  s: savePdf,
  p: () => current?.answer && print(),
  t: otherTheme,
  "?": () => $("keys").showModal(),
};

function key(event) {
  const typing = event.target.closest("input:not([type=radio], [type=range], [type=checkbox]), textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || typing || $("keys").open || !$("single-keys").checked) return;
  const action = KEYS[event.key.toLowerCase()];
  if (!action) return;
  event.preventDefault();
  action();
}

function added(list) {
  const [first] = films.add(list);
  if (first) select(first);
}

/** Show a film that a node holds: the entry that it has, or one for its file; false where there is neither. */
function opened(file, item) {
  const known = films.list.find(({ picture }) => picture.held?.key === item.key && picture.held.answer === item.answer);
  if (!known && file) added([Object.assign(file, { held: item })]);
  if (known) select(known);
  return Boolean(known);
}

function listen() {
  for (const id of ["add", "choose"]) $(id).addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", (event) => {
    added(event.target.files);
    event.target.value = "";
  });
  $("clear").addEventListener("click", () => [...films.list].forEach((film) => films.remove(film)));
  $("theme").addEventListener("click", otherTheme);
  $("help").addEventListener("click", () => $("keys").showModal());
  $("single-keys").addEventListener("change", (event) => localStorage.setItem("single-keys", event.target.checked ? "on" : "off"));
  $("pdf").addEventListener("click", savePdf);
  $("print").addEventListener("click", () => print());
  $("level").addEventListener("input", (event) => viewer.set({ level: event.target.value / 1000 }));
  $("width").addEventListener("input", (event) => viewer.set({ width: event.target.value / 1000 }));
  $("fade").addEventListener("input", (event) => faded(event.target.value / 100));
  $("toolbar").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) viewer.do(button.dataset.do);
    if (button?.dataset.tool) tool(button.dataset.tool);
    if (button?.dataset.layer) layered(button.dataset.layer);
  });
  for (const button of document.querySelectorAll("[data-window]")) button.addEventListener("click", () => viewer.show(button.dataset.window));
  $("show-doubts").addEventListener("click", doubted);
  addEventListener("keydown", key);
  listenToDrops();
}

function listenToDrops() {
  let depth = 0;
  const over = (by) => {
    depth = Math.max(0, depth + by);
    document.body.classList.toggle("dropping", depth > 0);
  };
  addEventListener("dragenter", () => over(1));
  addEventListener("dragleave", () => over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    over(0);
    if (event.dataTransfer.files.length) added(event.dataTransfer.files);
  });
}

open().catch((error) => {
  document.body.dataset.state = "failed";
  document.querySelector("#empty h2").textContent = "The service does not answer";
  document.querySelector("#empty p").textContent = error.message;
});
