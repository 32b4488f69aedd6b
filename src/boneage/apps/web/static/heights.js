// The chart of heights: centiles, this child and its earlier heights, target range, predicted adult heights. Ages are
// months, heights centimetres.

import { draw } from "./dom.js";
import { ageText } from "./words.js";

const WIDTH = 312;
const HEIGHT = 200;
const LEFT = 26;
const RIGHT = 22;
const BOTTOM = 20;
const TOP = 6;
const FIRST = 24;
const OLDEST = 240;
const LOWEST = 70;
const HIGHEST = 210;
const NAMED = ["3", "50", "97"]; // centiles with a name at their end
const ADULT = 204; // months: where the first predicted height stands
const APART = 9;

const across = (age) => LEFT + ((WIDTH - LEFT - RIGHT) * (age - FIRST)) / (OLDEST - FIRST);
const up = (cm) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * (Math.min(Math.max(cm, LOWEST), HIGHEST) - LOWEST)) / (HIGHEST - LOWEST);

/** How ages lie on the chart, in fractions of its width. */
heightChart.fraction = (age) => across(age) / WIDTH;
heightChart.age = (fraction) => FIRST + ((fraction * WIDTH - LEFT) * (OLDEST - FIRST)) / (WIDTH - LEFT - RIGHT);

/** `lines`: the chart of the sex, or null. `points`: [age, height] of earlier films. `adult`: figures with a `short` name. */
export function heightChart({ lines, now, points, adult, target }) {
  const chart = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "growth" });
  chart.append(draw("title", {}, title(now, adult, target)), ...grid());
  if (target.value !== null) chart.append(...targetBand(target));
  if (lines) chart.append(...centiles(lines));
  adult.forEach((figure, number) => chart.append(...predicted(figure, ADULT + APART * number)));
  const course = [...points, ...(isPlaced(now) ? [[now.age, now.height]] : [])].filter(([age]) => age >= FIRST && age <= OLDEST);
  course.sort((one, other) => one[0] - other[0]);
  if (course.length > 1) chart.append(draw("polyline", { class: "course", points: course.map(([age, cm]) => `${across(age)},${up(cm)}`).join(" ") }));
  for (const [age, cm] of points) if (age >= FIRST && age <= OLDEST) chart.append(draw("circle", { class: "earlier", cx: across(age), cy: up(cm), r: 3 }));
  if (isPlaced(now)) {
    chart.append(draw("circle", { class: "halo", cx: across(now.age), cy: up(now.height), r: 8 }));
    chart.append(draw("circle", { class: "now", cx: across(now.age), cy: up(now.height), r: 4 }));
  }
  return chart;
}

/** What the chart says at an age. */
export function heightWords({ lines, now, points, adult, target }, months) {
  const words = [ageText(months)];
  if (lines) words.push(NAMED.map((name) => `P${name} ${at(lines, name, months).toFixed(0)}`).join(", ") + " cm");
  const near = [...points, ...(isPlaced(now) ? [[now.age, now.height]] : [])].find(([age]) => Math.abs(age - months) <= 2);
  if (near) words.push(`height ${near[1].toFixed(1)} cm`);
  if (months >= ADULT - APART) {
    words.push(...adult.map(({ short, value }) => `${short} ${value.toFixed(1)}`));
    if (target.value !== null) words.push(`target ${target.value.toFixed(1)}`);
  }
  return words.join(" \u00b7 ");
}

function isPlaced({ age, height }) {
  return age !== null && height !== null && age >= FIRST && age <= OLDEST;
}

function at({ ages, heights }, name, months) {
  const values = heights[name];
  const last = ages.length - 1;
  const place = Math.min(Math.max((months - ages[0]) / (ages[1] - ages[0]), 0), last);
  const below = Math.min(Math.floor(place), last - 1);
  return values[below] + (place - below) * (values[below + 1] - values[below]);
}

function grid() {
  const parts = [];
  for (let years = 2; years <= 20; years += 2) {
    const x = across(12 * years);
    parts.push(draw("line", { class: "grid", x1: x, x2: x, y1: up(LOWEST), y2: TOP }));
    parts.push(draw("text", { class: "tick", x, y: HEIGHT - 6, "text-anchor": "middle" }, `${years}`));
  }
  for (let cm = 80; cm <= 200; cm += 20) {
    parts.push(draw("line", { class: "grid", x1: across(FIRST), x2: across(OLDEST), y1: up(cm), y2: up(cm) }));
    parts.push(draw("text", { class: "tick", x: LEFT - 5, y: up(cm) + 3.5, "text-anchor": "end" }, `${cm}`));
  }
  parts.push(draw("text", { class: "tick unit", x: LEFT + 5, y: TOP + 9 }, "height, cm"));
  parts.push(draw("text", { class: "tick unit", x: WIDTH - RIGHT - 2, y: HEIGHT - BOTTOM - 5, "text-anchor": "end" }, "age, years"));
  return parts;
}

function centiles({ ages, heights }) {
  return Object.entries(heights).flatMap(([name, values]) => {
    const points = values.map((cm, number) => `${across(ages[number])},${up(cm)}`).join(" ");
    const line = draw("polyline", { class: name === "50" ? "mean" : "centile", points });
    if (!NAMED.includes(name)) return [line];
    return [line, draw("text", { class: "tick", x: across(OLDEST) + 3, y: up(values.at(-1)) + 3.5 }, `P${name}`)];
  });
}

function targetBand({ value, low, high }) {
  const place = { x: across(186), width: across(OLDEST) - across(186) };
  return [
    draw("rect", { class: "band target", ...place, y: up(high), height: up(low) - up(high) }),
    draw("line", { class: "target-line", x1: place.x, x2: place.x + place.width, y1: up(value), y2: up(value) }),
  ];
}

function predicted({ short, value, low, high }, age) {
  const x = across(age);
  const parts = [];
  if (low !== null) parts.push(draw("line", { class: "whisker", x1: x, x2: x, y1: up(low), y2: up(high) }));
  parts.push(draw("path", { class: "predicted", d: `M${x} ${up(value) - 4}l4 4-4 4-4-4z` }));
  const words = low === null ? "" : `, ${low.toFixed(1)} to ${high.toFixed(1)}`;
  parts.at(-1).append(draw("title", {}, `${short}: ${value.toFixed(1)} cm${words}`));
  return parts;
}

function title(now, adult, target) {
  const words = [isPlaced(now) ? `Height ${now.height.toFixed(1)} cm at ${ageText(now.age)}` : "Heights by age"];
  words.push(...adult.map((figure) => `${figure.title} ${figure.value.toFixed(1)} cm`));
  if (target.value !== null) words.push(`target height ${target.value.toFixed(1)} cm`);
  return words.join(", ");
}
