// Growth chart and gauge as SVG, in the colours of the page. Ages are months.

import { draw } from "./dom.js";
import { ageText, signed } from "./words.js";

const WIDTH = 312;
const HEIGHT = 178;
const LEFT = 22;
const BOTTOM = 20;
const TOP = 6;
const RIGHT = 6;
const OLDEST = 216; // months on the axis, as in the PDF
const TOP_AGE = 240;
const TICKS = [0, 36, 72, 108, 144, 180, 216];

/** Bone age against chronological age. `rows`: of the reference, or null. `points`: [age, bone age] of earlier films. */
export function growthChart({ rows, now, points }) {
  const across = (age) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.min(age, OLDEST)) / OLDEST;
  const up = (bone) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * Math.min(bone, TOP_AGE)) / TOP_AGE;
  const chart = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "growth" });
  chart.append(draw("title", {}, title(now, points)), ...grid(across, up));
  if (rows) chart.append(...band(rows, across, up));
  const placed = now && now.age !== null ? [now.age, now.bone] : null;
  const course = [...points, ...(placed ? [placed] : [])].filter(isOn).sort((one, other) => one[0] - other[0]);
  if (course.length > 1) {
    chart.append(draw("polyline", { class: "course", points: course.map(([age, bone]) => `${across(age)},${up(bone)}`).join(" ") }));
  }
  for (const point of points) chart.append(mark(point, "earlier", 3, across, up));
  if (placed) {
    if (isOn(placed)) chart.append(draw("circle", { class: "halo", cx: across(now.age), cy: up(now.bone), r: 8 }));
    chart.append(mark(placed, "now", 4, across, up));
  } else if (now) {
    chart.append(draw("line", { class: "unplaced", x1: across(0), x2: across(OLDEST), y1: up(now.bone), y2: up(now.bone) }));
  }
  return chart;
}

/** How ages lie on the chart, in fractions of its width. */
growthChart.fraction = (age) => (LEFT + ((WIDTH - LEFT - RIGHT) * age) / OLDEST) / WIDTH;
growthChart.age = (fraction) => ((fraction * WIDTH - LEFT) * OLDEST) / (WIDTH - LEFT - RIGHT);

/** What the chart says at an age. */
export function chartWords({ rows, now, points }, months) {
  const words = [ageText(months)];
  const last = rows?.at(-1);
  if (rows && months >= rows[0].age && months <= last.age) {
    const after = Math.max(1, rows.findIndex(({ age }) => age >= months));
    const [low, high] = [rows[after - 1], rows[after]];
    const at = (name) => low[name] + ((months - low.age) / (high.age - low.age)) * (high[name] - low[name]);
    words.push(`mean ${ageText(at("mean"))}, \u00b1 2 SD ${ageText(at("mean") - 2 * at("sd"))} to ${ageText(at("mean") + 2 * at("sd"))}`);
  } else if (rows) words.push("outside the table");
  const placed = [...points, ...(now && now.age !== null ? [[now.age, now.bone]] : [])];
  const near = placed.find(([age]) => Math.abs(age - months) <= 2);
  if (near) words.push(`bone age ${ageText(near[1])}`);
  return words.join(" \u00b7 ");
}

function isOn([age, bone]) {
  return age <= OLDEST && bone <= TOP_AGE;
}

/** A dot, or at the edge an arrow for what lies beyond it. */
function mark(point, kind, radius, across, up) {
  const [x, y] = [across(point[0]), up(point[1])];
  const words = draw("title", {}, `${ageText(point[0])}: ${ageText(point[1])}`);
  if (isOn(point)) return draw("circle", { class: kind, cx: x, cy: y, r: radius }, words);
  return draw("path", { class: `${kind} beyond`, d: `M${x - 7} ${y - 5}l9 5-9 5z` }, words);
}

/** What the arrows at the edge stand for; nothing where there are none. */
export function beyondWords(now, points) {
  const all = now && now.age !== null ? [...points, [now.age, now.bone]] : points;
  const ages = all.filter((point) => !isOn(point)).map(([age]) => ageText(age));
  return ages.length ? `Arrow at the edge: beyond the chart, at ${ages.join(", ")}.` : "";
}

function title(now, points) {
  const earlier = points.length ? `, and ${points.length} other readings` : "";
  if (!now) return "Bone age against chronological age";
  const at = now.age === null ? "chronological age not known" : `at ${ageText(now.age)}`;
  return `Bone age ${ageText(now.bone)} ${at}${earlier}. ${beyondWords(now, points)}`.trim();
}

function grid(across, up) {
  const parts = [];
  for (const month of TICKS) {
    parts.push(draw("line", { class: "grid", x1: across(month), x2: across(month), y1: up(0), y2: TOP }));
    parts.push(draw("text", { class: "tick", x: across(month), y: HEIGHT - 6, "text-anchor": "middle" }, `${month / 12}`));
    if (up(month) < TOP) continue;
    parts.push(draw("line", { class: "grid", x1: across(0), x2: across(OLDEST), y1: up(month), y2: up(month) }));
    if (month) parts.push(draw("text", { class: "tick", x: LEFT - 6, y: up(month) + 3.5, "text-anchor": "end" }, `${month / 12}`));
  }
  parts.push(draw("text", { class: "tick unit", x: WIDTH - RIGHT, y: HEIGHT - BOTTOM - 5, "text-anchor": "end" }, "age, years"));
  parts.push(draw("text", { class: "tick unit", x: LEFT + 5, y: TOP + 8 }, "bone age, years"));
  return parts;
}

function band(rows, across, up) {
  const area = (times) => {
    const upper = rows.map((row) => `${across(row.age)},${up(row.mean + times * row.sd)}`);
    const lower = rows.map((row) => `${across(row.age)},${up(row.mean - times * row.sd)}`).reverse();
    return draw("polygon", { class: `band band-${times}`, points: [...upper, ...lower].join(" ") });
  };
  const mean = rows.map((row) => `${across(row.age)},${up(row.mean)}`).join(" ");
  return [area(2), area(1), draw("polyline", { class: "mean", points: mean })];
}

/** Standard deviations from −4 to +4 with a mark at this reading. */
export function gauge(sds) {
  const across = (value) => 8 + ((WIDTH - 16) * (Math.min(4, Math.max(-4, value)) + 4)) / 8;
  const scale = draw("svg", { viewBox: `0 0 ${WIDTH} 34`, role: "img", class: "scale" });
  scale.append(draw("title", {}, sds === null ? "No comparison" : `${signed(sds, 2)} standard deviations`));
  scale.append(draw("rect", { class: "rail", x: 8, y: 8, width: WIDTH - 16, height: 6, rx: 3 }));
  scale.append(draw("rect", { class: "usual", x: across(-2), y: 8, width: across(2) - across(-2), height: 6 }));
  scale.append(draw("line", { class: "middle", x1: across(0), x2: across(0), y1: 6, y2: 16 }));
  for (const value of [-4, -2, 0, 2, 4]) {
    scale.append(draw("text", { class: "tick", x: across(value), y: 29, "text-anchor": "middle" }, signed(value, 0)));
  }
  if (sds !== null) scale.append(draw("circle", { class: "now", cx: across(sds), cy: 11, r: 6 }));
  return scale;
}
