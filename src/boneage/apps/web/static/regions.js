// The named regions over a film: their outlines, and beside each its name and share, upright however the film lies.

import { percent, titled } from "./words.js";

const STROKES = [["rgb(3 9 13 / 0.8)", 3.6], ["#b8e5fb", 1.5]]; // a dark casing keeps a light line readable on bone
const SIDES = [[-1, 0], [1, 0], [0, -1], [0, 1]];
const LABEL = { height: 20, pad: 7, away: 16, apart: 4, edge: 8 }; // CSS pixels

/** Each region has a `text`, or a `name` and a `share`; with `inside` its label lies on it, else beside the hand. `at([x, y])`: where a fraction of the film lies on the canvas. `size`: of what may be drawn on. `scale`: pixels a CSS pixel. */
export function drawRegions(context, regions, at, size, scale) {
  const drawn = regions.filter((region) => region.outlines.length);
  const placed = drawn.map((region) => ({ ...region, lines: region.outlines.map((line) => line.map(at)) }));
  context.save();
  context.beginPath();
  trace(context, [[0, 0], [1, 0], [1, 1], [0, 1]].map(at));
  context.clip();
  context.lineJoin = "round";
  for (const [colour, width] of STROKES) {
    context.strokeStyle = colour;
    context.lineWidth = width * scale;
    context.beginPath();
    for (const { lines } of placed) for (const line of lines) trace(context, line);
    context.stroke();
  }
  context.restore();
  context.font = `500 ${12 * scale}px system-ui, sans-serif`;
  const within = placed.filter(({ inside }) => inside);
  const beyond = placed.filter(({ inside }) => !inside);
  const all = [...within.map((region) => onRegion(context, region, size, scale)), ...labels(context, beyond, size, scale)];
  for (const label of all) drawLabel(context, label, scale);
}

/** The box of a label in the middle of its region. */
function onRegion(context, { text, lines }, size, scale) {
  const [left, top, across, down] = bounds(lines.flat());
  const from = [left + across / 2, top + down / 2];
  const sides = [context.measureText(text).width + 2 * LABEL.pad * scale, LABEL.height * scale];
  const corner = [0, 1].map((axis) => Math.max(0, Math.min(size[axis] - sides[axis], from[axis] - sides[axis] / 2)));
  return { text, from, side: [0, 0], box: [...corner, ...sides] };
}

function trace(context, line) {
  line.forEach(([x, y], number) => (number ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

/** All labels on one side of the hand, the side on which they lie freest. */
function labels(context, regions, size, scale) {
  const named = regions.map(({ name, share, text = `${titled(name)} ${percent(share)}`, lines }) => {
    return { text, lines, points: lines.flat(), width: context.measureText(text).width + 2 * LABEL.pad * scale };
  });
  const tries = SIDES.map((side) => named.map((one) => beside(one, side, scale)).filter(({ from: [x, y] }) => x > 0 && y > 0 && x < size[0] && y < size[1]));
  const [best] = tries.map((some) => [some, crowded(some, named, size)]).sort(([some, one], [others, other]) => others.length - some.length || one - other)[0];
  return spread(best, size, scale);
}

/** The box of a region's label beyond its outermost point on one side. */
function beside({ text, points, width }, side, scale) {
  const height = LABEL.height * scale;
  const reach = (point) => point[0] * side[0] + point[1] * side[1];
  const from = points.reduce((best, point) => (reach(point) > reach(best) ? point : best));
  const away = LABEL.away * scale;
  const x = from[0] + side[0] * (away + width / 2) - width / 2;
  const y = from[1] + side[1] * (away + height / 2) - height / 2;
  return { text, from, side, box: [x, y, width, height] };
}

/** Square pixels in which labels lie on one another, on outlines or beyond the edge. */
function crowded(some, named, size) {
  const outlines = named.flatMap(({ lines }) => lines.map(bounds));
  const whole = [0, 0, ...size];
  return some.reduce((sum, { box }, number) => {
    const on = [...outlines, ...some.slice(0, number).map((other) => other.box)];
    return sum + on.reduce((area, other) => area + common(box, other), 0) + 2 * (box[2] * box[3] - common(box, whole));
  }, 0);
}

function bounds(line) {
  const [left, top] = [0, 1].map((axis) => Math.min(...line.map((point) => point[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...line.map((point) => point[axis])));
  return [left, top, right - left, bottom - top];
}

function common(one, other) {
  const [across, down] = [0, 1].map((axis) => Math.min(one[axis] + one[axis + 2], other[axis] + other[axis + 2]) - Math.max(one[axis], other[axis]));
  return Math.max(0, across) * Math.max(0, down);
}

/** Labels within the canvas and none on another: each is pushed down, or to the right, as far as the one before it asks. */
function spread(some, size, scale) {
  const axis = some[0]?.side[0] ? 1 : 0;
  const edge = LABEL.edge * scale;
  const sorted = [...some].sort((one, other) => one.box[axis] - other.box[axis]);
  let free = edge;
  for (const { box } of sorted) {
    for (const way of [0, 1]) box[way] = Math.max(edge, Math.min(size[way] - edge - box[way + 2], box[way]));
    box[axis] = Math.max(free, box[axis]);
    free = box[axis] + box[axis + 2] + LABEL.apart * scale;
  }
  return sorted;
}

function drawLabel(context, { text, from, side, box: [x, y, width, height] }, scale) {
  const to = [x + (width * (1 - side[0])) / 2, y + (height * (1 - side[1])) / 2];
  for (const [colour, thick] of STROKES) {
    context.strokeStyle = colour;
    context.lineWidth = thick * scale * 0.8;
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  }
  context.fillStyle = "rgb(10 20 27 / 0.9)";
  context.beginPath();
  context.roundRect(x, y, width, height, 5 * scale);
  context.fill();
  context.fillStyle = "#dff3fd";
  context.textBaseline = "middle";
  context.fillText(text, x + LABEL.pad * scale, y + height / 2 + scale * 0.5);
}
