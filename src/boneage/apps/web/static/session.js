// A reading session or quiz: one film after another, an age for each. What is said is kept by the service at once.

import { pixelsOf, send } from "./api.js";
import { $, make } from "./dom.js";
import { Viewer } from "./viewer.js";
import { between, windowsOf } from "./windows.js";
import { ageText, signed } from "./words.js";

const RETRIES = 20; // attempts of a film that finds the queue full
const MOST_YEARS = 20;
const EDGES = [0.01, 0.999]; // shares of the pixels that are darker than black, and than white
const viewer = new Viewer($("film"), $("toolbar"), windowChanged, { draw() {} });
let state = null; // as the service says it
let shown = null; // the film on the page: the one to rate, or the last, which is corrected
let mode = "rating"; // or "correcting", "seen", "paused", "done"
let busy = false;

async function open() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  $("single-keys").checked = localStorage.getItem("single-keys") !== "off";
  listen();
  await refresh();
  document.body.dataset.ready = "true";
}

/** Ask the service how far the reader is, and show the film that comes. */
async function refresh() {
  take(await (await send("api/session")).json());
  await proceed();
}

function take(found) {
  state = found;
  $("title").textContent = state.title;
  $("who").textContent = state.reader;
  $("bar").max = state.total;
  $("bar").value = state.done;
}

/** Put the cursor into a field, its text chosen; to choose it alone need not move the cursor there. */
function into(id) {
  $(id).focus();
  $(id).select();
}

/** Go on to the film to rate now, or to the end. */
async function proceed() {
  turn(state.current ? "rating" : "done");
  await show(state.current);
  if (mode === "done") await ended();
}

/** Show a film, with what was said of it before. */
async function show(film) {
  shown = film;
  const [years, months] = film?.months == null ? ["", ""] : [Math.floor(film.months / 12), film.months % 12];
  [$("years").value, $("months").value] = [years, months];
  if (film) into("years");
  words();
  viewer.open(null);
  $("film").setAttribute("aria-label", film ? `Film ${place()}` : "No film");
  if (!film) return;
  $("film-wait").hidden = false;
  try {
    const pixels = await pixelsOf(await send(`api/session/films/${film.id}`, { retries: RETRIES }));
    film.pixels = pixels;
    if (shown === film && mode !== "paused") display(pixels);
  } catch (error) {
    if (shown === film) say(error.message, true);
  }
  if (shown === film) $("film-wait").hidden = true;
}

/** Show pixels in the file's own window, or, where it has none, from nearly the darkest to nearly the brightest. */
function display(pixels) {
  const windows = windowsOf(pixels, null);
  if (pixels.window[0] === 0 && pixels.window[1] === 1) windows.reading = between(...ends(pixels.data));
  viewer.open(pixels, { windows });
}

function ends(data) {
  const counts = new Uint32Array(65536);
  for (let at = 0; at < data.length; at += 1) counts[data[at]] += 1;
  return EDGES.map((edge) => {
    let [value, below] = [0, counts[0]];
    while (below <= edge * data.length && value < 65535) below += counts[(value += 1)];
    return value / 65535;
  });
}

function place() {
  return mode === "correcting" ? `${state.done} of ${state.total}` : `${state.done + (mode === "seen" ? 0 : 1)} of ${state.total}`;
}

function words() {
  const titles = { rating: `Film ${place()}`, correcting: `Correct film ${place()}`, seen: `Film ${place()}`, done: "All films are rated" };
  $("place").textContent = titles[mode] ?? $("place").textContent;
  $("sex").textContent = { female: "Sex: female", male: "Sex: male" }[shown?.sex] ?? "";
}

/** What the page is there for now. */
function turn(to) {
  mode = to;
  $("rate").hidden = !["rating", "correcting"].includes(mode);
  $("seen").hidden = mode !== "seen";
  $("end").hidden = mode !== "done";
  $("cover").hidden = mode !== "paused";
  $("toolbar").hidden = mode === "paused" || mode === "done";
  $("keep").textContent = mode === "correcting" ? "Keep the correction" : "Keep";
  $("back").textContent = mode === "correcting" ? "Leave it as it is" : "Correct the last answer";
  $("back").hidden = !state?.last;
}

function say(text, severe = false) {
  $("said").textContent = text;
  $("said").classList.toggle("severe", severe);
}

/** The age in the fields in months; null, with a word on it, where there is none. */
function age() {
  const [years, months] = ["years", "months"].map((id) => $(id).value.trim());
  const right = /^\d{1,2}$/.test(years) && /^\d{0,2}$/.test(months) && Number(years) <= MOST_YEARS && Number(months) < 12;
  for (const id of ["years", "months"]) $(id).setAttribute("aria-invalid", String(!right));
  if (!right) say(`An age is 0 to ${MOST_YEARS} years and 0 to 11 months.`, true);
  return right ? 12 * Number(years) + Number(months) : null;
}

/** Keep what was said. Sent again after a lost connection it is kept once; what is not due any more is said. */
async function keep(months) {
  if (busy || !shown) return;
  if (months !== null && !shown.pixels) return say("The film is not open yet.", true);
  busy = true;
  say("");
  const film = shown;
  const body = JSON.stringify({ months, revision: film.revision });
  const headers = { "Content-Type": "application/json" };
  try {
    take(await (await send(`api/session/answers/${film.id}`, { method: "PUT", body, headers, retries: RETRIES })).json());
  } catch (error) {
    busy = false;
    say(error.message, true);
    return again(film);
  }
  busy = false;
  if (state.seen) reveal(state.seen);
  else proceed();
}

/** After a refusal: if the film is not due any more, it was rated in another window; go on from there. */
async function again(film) {
  try {
    const found = await (await send("api/session")).json();
    if ([found.current?.id, found.last?.id].includes(film.id) && found.done === state.done) return;
    take(found);
    await proceed();
  } catch {
    // the service does not answer: what was typed stays, to be sent again
  }
}

/** In a quiz: what the reference and the program say. */
function reveal({ months, reference_months: reference, program_months: program, program: name }) {
  turn("seen");
  words();
  const row = (title, value, off = "") => make("tr", {}, make("th", { scope: "row" }, title), make("td", {}, value === null ? "\u2013" : ageText(value)), make("td", {}, off));
  $("seen-rows").replaceChildren(row("You", months), row("Reference", reference, apart(months, reference)), row("Program", program, apart(months, program)));
  $("next").focus();
  const said = program === null ? "the program refuses the film" : `the program ${ageText(program)}`;
  $("announce").textContent = `Reference ${ageText(reference)}, ${said}.`;
  $("about").textContent = `Program: ${name}`;
}

function apart(mine, other) {
  return mine === null || other === null ? "" : `you ${signed(mine - other)} mo`;
}

async function ended() {
  $("end-words").textContent = state.kind === "quiz" ? "How far you are from the reference and the program, in months:" : "Thank you. Your ratings are kept; this page may be closed.";
  if (state.kind !== "quiz") return;
  const found = await (await send("api/session/results")).json();
  const rows = { films: (of) => of.n, bias: (of) => signed(of.bias.value), MAD: (of) => of.mad.value.toFixed(1), "upper limit of agreement": limit("upper"), "lower limit of agreement": limit("lower") };
  const cells = (read) => ["reference", "program"].map((name) => make("td", {}, found[name] ? String(read(found[name])) : "\u2013"));
  const head = make("tr", {}, make("td"), ...["reference", "program"].map((name) => make("th", { scope: "col" }, name)));
  const lines = Object.entries(rows).map(([name, read]) => make("tr", {}, make("th", { scope: "row" }, name), ...cells(read)));
  $("results").replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
}

/** One of the limits of agreement, which one film alone does not have. */
function limit(end) {
  return (of) => (of[end].value === null ? "\u2013" : signed(of[end].value));
}

/** To the last answer, and from it back to the film to rate. */
async function correct() {
  if (busy || !state.last) return;
  say("");
  if (mode === "correcting") return proceed();
  turn("correcting");
  await show(state.last);
}

function pause() {
  if (mode !== "rating") return;
  turn("paused");
  viewer.open(null);
  $("film").focus();
}

function goOn() {
  turn("rating");
  if (shown?.pixels) display(shown.pixels);
  $("years").focus();
}

function windowChanged() {
  const { level, width, zoom } = viewer.view;
  $("film-window").textContent = viewer.film ? `L ${Math.round(100 * level)}  W ${Math.round(100 * width)}  \u00d7 ${zoom.toFixed(1)}` : "";
  $("level").value = Math.round(1000 * level);
  $("width").value = Math.round(1000 * width);
}

const KEYS = {
  n: () => mode === "rating" && keep(null),
  p: pause,
  f: () => viewer.do("fit"),
  i: () => viewer.do("invert"),
  r: () => viewer.do("turn"),
  x: () => viewer.do("mirror"),
  v: () => $("film").focus(),
};

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("#years, #months");
  const action = ["+", "="].includes(event.key) ? () => viewer.do("in") : event.key === "-" ? () => viewer.do("out") : KEYS[event.key.toLowerCase()];
  if (event.key === "Enter") entered(event, field);
  else if (field && arrowed(event.key)) event.preventDefault();
  else if (/^\d$/.test(event.key) && !field && !$("rate").hidden) into("years"); // the digit goes there
  else if (action && $("single-keys").checked) {
    event.preventDefault();
    action();
  } else if (field && event.key.length === 1 && !/\d/.test(event.key)) event.preventDefault();
}

function entered(event, field) {
  if (mode === "paused") goOn();
  else if (mode === "seen" && !event.target.closest("button, summary")) proceed();
  else if (field?.id === "years" && $("years").value) into("months");
  else return;
  event.preventDefault();
}

/** In an empty age the left arrow goes to the last answer; the right one back, while nothing is changed. */
function arrowed(name) {
  const empty = !$("years").value && !$("months").value;
  const left = name === "ArrowLeft" && mode === "rating" && empty && state.last;
  const right = (name === "ArrowRight" || name === "Escape") && mode === "correcting";
  if (left || right) correct();
  return Boolean(left || right);
}

function listen() {
  $("rate").addEventListener("submit", (event) => {
    event.preventDefault();
    const months = age();
    if (months !== null) keep(months);
  });
  $("unrated").addEventListener("click", () => keep(null));
  $("back").addEventListener("click", correct);
  $("next").addEventListener("click", proceed);
  $("single-keys").addEventListener("change", (event) => localStorage.setItem("single-keys", event.target.checked ? "on" : "off"));
  $("level").addEventListener("input", (event) => viewer.set({ level: event.target.value / 1000 }));
  $("width").addEventListener("input", (event) => viewer.set({ width: event.target.value / 1000 }));
  $("toolbar").addEventListener("click", (event) => viewer.do(event.target.closest("button")?.dataset.do));
  addEventListener("keydown", key);
}

open().catch((error) => say(error.message, true));
