// Speed and steering over time. Knows numbers, not where they come from.

import { svg, seconds } from "./dom.js";

const HEIGHT = 92;
const LEFT = 46;
const TOP = 18;
const BOTTOM = 16;

const KINDS = [
  { name: "speed", title: "speed, m/s", least: 2, digits: 1 },
  { name: "steer", title: "steering, ° (+ left)", least: 2, digits: 1 },
];

function range(values, least) {
  const known = values.filter((value) => value !== null);
  if (!known.length) return [0, least];
  const low = Math.min(...known);
  const high = Math.max(...known);
  const spare = Math.max(least - (high - low), 0) / 2;
  return [low - spare, high + spare];
}

function line(points) {
  const parts = [[]];
  for (const [x, y] of points) {
    if (y === null) parts.push([]);
    else parts.at(-1).push(`${x.toFixed(1)},${y.toFixed(1)}`);
  }
  return parts.filter((part) => part.length).map((part) => `M${part.join("L")}`).join("");
}

export function drawPlots(place, track, width) {
  const [from, to] = [track.t[0], Math.max(track.t.at(-1), 0)];
  const x = (t) => LEFT + ((t - from) / (to - from)) * (width - LEFT - 8);
  const cursors = [];
  const drawn = KINDS.map(({ name, title, least, digits }) => {
    const [low, high] = range(track[name], least);
    const y = (value) => (value === null ? null : HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM));
    const cursor = svg("line", { class: "cursor", y1: TOP - 4, y2: HEIGHT - BOTTOM });
    cursors.push(cursor);
    const marks = [low, high].map((value) =>
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(digits)));
    const zero = low < 0 && high > 0 ? svg("line", { class: "zero", x1: LEFT, x2: width - 8, y1: y(0), y2: y(0) }) : null;
    const whole = [from, 0, ...(to > 0 ? [to] : [])].map((t) =>
      svg("text", { x: x(t), y: HEIGHT - 3, "text-anchor": t === from ? "start" : t === to ? "end" : "middle" }, seconds(t)));
    return svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": `${title} over time` },
      svg("text", { class: "title", x: LEFT, y: 11 }, title), marks, zero,
      svg("line", { class: "now", x1: x(0), x2: x(0), y1: TOP - 4, y2: HEIGHT - BOTTOM }),
      svg("path", { class: "curve", d: line(track.t.map((t, i) => [x(t), y(track[name][i])])) }),
      cursor, whole);
  });
  place.replaceChildren(...drawn);
  return (t) => cursors.forEach((cursor) => { cursor.setAttribute("x1", x(t)); cursor.setAttribute("x2", x(t)); });
}
