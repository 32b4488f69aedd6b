// Calls of the service. Whatever fails becomes one sentence.

export class Refused extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

const HOME = new URL("..", import.meta.url); // of the service, wherever a proxy puts it
const RETRIES = 20; // attempts of a film that finds the queue full

/** A form with one film and its options. */
function form(film, more = {}) {
  const data = new FormData();
  data.set("film", film.file, film.name);
  const { sex, age, patient, who, part } = film.options;
  if (sex) data.set("sex", sex);
  if (age !== null) data.set("chronological_age_months", age.toFixed(3));
  if (patient) data.set("patient_id", patient);
  if (who) data.set("who", who);
  if (part) data.set("part", part);
  if (film.picture.held) data.set("keep", "false"); // the node has kept its reading
  if (film.answer?.record) data.set("instead_of", film.answer.record);
  for (const [name, value] of Object.entries(more)) data.set(name, value);
  return data;
}

/** `retries`: how often to try again if the service is busy. */
export async function send(url, { retries = 0, ...options } = {}) {
  for (let left = retries; ; left -= 1) {
    const answer = await attempt(url, options);
    if (answer.ok) return answer;
    if (answer.status === 503 && left > 0) {
      await pause(Number(answer.headers.get("Retry-After") || 1), options.signal);
      continue;
    }
    if (answer.status === 401) location.reload();
    throw new Refused(await reason(answer), answer.status);
  }
}

async function attempt(url, options) {
  try {
    return await fetch(new URL(url, HOME), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The service does not answer, or the file is no longer there.");
  }
}

async function reason(answer) {
  try {
    const { error } = await answer.json();
    return error[0].toUpperCase() + error.slice(1) + ".";
  } catch {
    return `The service answered with status ${answer.status}.`;
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    });
  });
}

export async function about() {
  return (await send("api/version")).json();
}

export async function reference() {
  return (await send("api/reference")).json();
}

export async function read(film, signal) {
  return (await send("api/readings", { method: "POST", body: form(film), signal, retries: RETRIES })).json();
}

/** Where the model looked: { heat: a picture over the film, or over its part, regions }. */
export async function layers(film) {
  const body = form(film, { heatmap: "true", keep: "false" });
  const { heatmap, regions } = await (await send("api/readings", { method: "POST", body, retries: RETRIES })).json();
  if (heatmap === null) throw new Refused("The service has no heat map of this film.");
  const heat = new Image();
  heat.src = heatmap;
  await heat.decode();
  return { heat, regions };
}

/** The ages of a film by region: { ages, reason, meaning }. */
export async function ages(film) {
  const body = form(film, { regions: "true", keep: "false" });
  const { regional_ages: found } = await (await send("api/readings", { method: "POST", body, retries: RETRIES })).json();
  if (!found) throw new Refused("The service has no ages by region of this film.");
  return found;
}

/** The pixels of a film: { data: Uint16Array, width, height, read, window }, the last two as ends in fractions of the range. */
export async function pixels(film) {
  const body = new FormData();
  body.set("film", film.file, "film");
  return pixelsOf(await send("api/films", { method: "POST", body, retries: RETRIES }));
}

/** The pixels in an answer of the service. */
export async function pixelsOf(answer) {
  const [[width], [height], read, window] = ["Width", "Height", "Read", "Window"].map((name) => answer.headers.get(`Film-${name}`).split(" ").map(Number));
  return { data: new Uint16Array(await answer.arrayBuffer()), width, height, read, window };
}

export async function report(film, earlier, { heatmap, regions }, child) {
  const told = child ? { child: JSON.stringify(child) } : {};
  const body = form(film, { earlier: JSON.stringify(earlier), heatmap: String(heatmap), regions: String(regions), ...told });
  return (await send("api/reports", { method: "POST", body, retries: RETRIES })).blob();
}

/** What a bone age means for a child; `body`: the request as JSON. */
export async function growth(body, signal) {
  const headers = { "Content-Type": "application/json" };
  return (await send("api/growth", { method: "POST", body, headers, signal })).json();
}

export async function heights() {
  return (await send("api/heights")).json();
}

export async function earlier(patient) {
  return (await send(`api/patients/${patient}/readings`)).json();
}

export async function review(number, months, who) {
  const body = JSON.stringify({ bone_age_months: months, who });
  const headers = { "Content-Type": "application/json" };
  return (await send(`api/readings/${number}/review`, { method: "PUT", body, headers })).json();
}

/** What a node holds for a person to decide on, and whether it runs. */
export async function held() {
  return (await send("api/held")).json();
}

export async function heldPatient(key) {
  return (await send(`api/held/${key}/patient`, { retries: RETRIES })).json();
}

export async function heldFilm(key) {
  return (await send(`api/held/${key}/film`)).blob();
}

/** Decide on a film; what is left is the answer. */
export async function decide(key, sent) {
  const headers = { "Content-Type": "application/json" };
  return (await send(`api/held/${key}/decision`, { method: "POST", body: JSON.stringify(sent), headers })).json();
}
