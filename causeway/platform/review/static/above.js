// The scene from above, forward is up, in metres. Knows shapes, not who asks.

import { svg, words } from "./dom.js";

const SPANS = [30, 50, 80, 120]; // metres from bottom to top
const place = ([x, y]) => [-y, -x];
const joined = (points) => points.map((point) => place(point).map((v) => v.toFixed(2)).join(",")).join(" ");
const turn = ([x, y, yaw]) => `translate(${-y} ${-x}) rotate(${((-(yaw ?? 0)) * 180) / Math.PI})`;

function road(past) {
  const lanes = past.lanes.flatMap((lane) => [
    ...["left", "right"].map((side) => lane[side].length ? svg("polyline", { class: "edge", points: joined(lane[side]) }) : null),
    lane.centre.length ? svg("polyline", { class: "centre", points: joined(lane.centre) }) : null,
  ]);
  const elements = past.elements.map(({ kind, shape }) => {
    if (shape.length === 1) return svg("circle", { class: `thing ${kind}`, cx: -shape[0][1], cy: -shape[0][0], r: 0.6 });
    return svg(kind === "crosswalk" && shape.length > 2 ? "polygon" : "polyline", { class: `thing ${kind}`, points: joined(shape) });
  });
  return [...lanes, ...elements];
}

function lights(past, states) {
  const ends = new Map(past.lanes.filter((lane) => lane.centre.length).map((lane) => [lane.id, lane.centre.at(-1)]));
  return Object.entries(states).flatMap(([name, state]) => (past.light_lanes[name] ?? [])
    .filter((lane) => ends.has(lane))
    .map((lane) => svg("g", { transform: `translate(${-ends.get(lane)[1]} ${-ends.get(lane)[0]})`, class: `light ${state}` },
      svg("title", {}, `${words(state)} light ${name}`), svg("circle", { r: 1.3 }),
      svg("text", { "text-anchor": "middle", y: 0.65 }, state[0]?.toUpperCase() ?? "?"))));
}

function box({ pose, size, type, id }, chosen) {
  const [length, width] = size;
  return svg("g", { class: `box ${type} ${chosen ? "chosen" : ""}`, transform: turn(pose) },
    svg("title", {}, `${words(type)} ${id}`),
    svg("rect", { x: -width / 2, y: -length / 2, width, height: length, rx: 0.25 }),
    svg("line", { x1: 0, y1: 0, x2: 0, y2: -length / 2 - 0.7 }));
}

// a number beside each thing, moved on to the right where another one is already
function badges(wanted) {
  const taken = [];
  return wanted.map(({ number, at, chosen }) => {
    const y = -at[0];
    let x = -at[1] + 2.2;
    while (taken.some((other) => Math.hypot(other.x - x, other.y - y) < 2.9)) x += 1;
    taken.push({ x, y });
    return svg("g", { class: `badge ${chosen ? "chosen" : ""}`, transform: `translate(${x} ${y})` },
      svg("circle", { r: 1.45 }), svg("text", { y: 0.75, "text-anchor": "middle" }, number));
  });
}

export function drawAbove(holder, past) {
  let zoom = 2;
  const moving = svg("g");
  const behind = svg("polyline", { class: "path past", points: joined(past.ego) });
  const ahead = svg("polyline", { class: "path rest", points: "" });
  const picture = svg("svg", { role: "img", "aria-label": "the scene from above; forward is up", preserveAspectRatio: "xMidYMid slice" },
    ...road(past), behind, ahead, moving);
  const scale = svg("svg", { class: "scale", width: 120, height: 16, "aria-hidden": "true" });
  holder.replaceChildren(picture, scale);

  function frame() {
    const span = SPANS[zoom];
    const shape = (holder.clientWidth || 300) / (holder.clientHeight || 460);
    picture.setAttribute("viewBox", `${(-span * shape) / 2} ${-span * 0.72} ${span * shape} ${span}`);
    const pixels = ((holder.clientHeight || 460) / span) * 10;
    scale.replaceChildren(svg("line", { x1: 1, x2: pixels, y1: 12, y2: 12 }), svg("text", { x: pixels + 5, y: 14 }, "10 m"));
  }

  function at(view, tick, numbered, named) {
    const chosen = (id) => named.some((cause) => cause.track_id === id);
    const own = view.ego[tick];
    const { length_m: length, width_m: width, rear_axle_to_centre_m: rear } = past.size;
    moving.replaceChildren(
      ...view.boxes[tick].map((other) => box(other, chosen(other.id))),
      ...lights(past, view.lights[tick]),
      svg("g", { class: "box ego", transform: turn(own) }, svg("title", {}, "this vehicle"),
        svg("rect", { x: -width / 2, y: -rear - length / 2, width, height: length, rx: 0.4 }),
        svg("path", { d: `M${-width / 2 + 0.3} ${-rear - length / 2 + 1.5}L0 ${-rear - length / 2 + 0.5}L${width / 2 - 0.3} ${-rear - length / 2 + 1.5}` })),
      ...badges(numbered.map(([number, cause]) => {
        const now = view.boxes[tick].find((other) => other.id === cause.track_id);
        return { number, at: now ? now.pose : cause.at, chosen: chosen(cause.track_id) };
      })));
  }

  frame();
  return {
    at,
    frame,
    later: (rest) => ahead.setAttribute("points", joined([past.ego.at(-1), ...rest.ego])),
    zoom: (step) => { zoom = Math.min(Math.max(zoom + step, 0), SPANS.length - 1); frame(); },
  };
}
