// Growth chart and gauge as SVG, in the colours of the page. Ages are months.

import { draw } from "./dom.js";
import { ageText, signed } from "./words.js";

const WIDTH = 312;
const HEIGHT = 178;
const LEFT = 22;
const BOTTOM = 20;
const TOP = 6;
const RIGHT = 6;
const TICKS = [0, 36, 72, 108, 144, 180, 216];

/** Bone age against chronological age. `rows`: of the reference, or null. `points`: [age, bone age] of earlier films. */
export function growthChart({ rows, now, points }) {
  const top = Math.max(228, ...points.map(([, bone]) => bone), now ? now.bone + 8 : 0);
  const across = (age) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.min(age, 216)) / 216;
  const up = (bone) => HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * bone) / top;
  const chart = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "growth" });
  chart.append(draw("title", {}, title(now, points)), ...grid(across, up));
  if (rows) chart.append(...band(rows, across, up));
  const earlier = [...points].sort((one, other) => one[0] - other[0]);
  const all = now?.age != null ? [...earlier, [now.age, now.bone]] : earlier;
  if (all.length > 1) {
    const sorted = [...all].sort((one, other) => one[0] - other[0]);
    chart.append(draw("polyline", { class: "course", points: sorted.map(([age, bone]) => `${across(age)},${up(bone)}`).join(" ") }));
  }
  for (const [age, bone] of earlier) {
    chart.append(draw("circle", { class: "earlier", cx: across(age), cy: up(bone), r: 3 }, draw("title", {}, `${ageText(age)}: ${ageText(bone)}`)));
  }
  if (now && now.age != null) {
    chart.append(draw("circle", { class: "halo", cx: across(now.age), cy: up(now.bone), r: 8 }));
    chart.append(draw("circle", { class: "now", cx: across(now.age), cy: up(now.bone), r: 4 }));
  } else if (now) {
    chart.append(draw("line", { class: "unplaced", x1: across(0), x2: across(216), y1: up(now.bone), y2: up(now.bone) }));
  }
  return chart;
}

function title(now, points) {
  const earlier = points.length ? `, and ${points.length} other readings` : "";
  if (!now) return "Bone age against chronological age";
  const at = now.age == null ? "chronological age not known" : `at ${ageText(now.age)}`;
  return `Bone age ${ageText(now.bone)} ${at}${earlier}`;
}

function grid(across, up) {
  const parts = [];
  for (const month of TICKS) {
    parts.push(draw("line", { class: "grid", x1: across(month), x2: across(month), y1: up(0), y2: TOP }));
    parts.push(draw("text", { class: "tick", x: across(month), y: HEIGHT - 6, "text-anchor": "middle" }, `${month / 12}`));
    if (up(month) < TOP) continue;
    parts.push(draw("line", { class: "grid", x1: across(0), x2: across(216), y1: up(month), y2: up(month) }));
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
