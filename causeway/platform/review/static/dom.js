// Elements made of names, attributes and text. Text is only ever set as text, so that no field can become markup.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS(SVG, tag), attributes, children);

export const by = (id) => document.getElementById(id);

export const words = (name) => String(name).replaceAll("_", " ");

const KINDS = { static: "object", unknown: "road user", off_light: "dark light" };

export const kindWords = (kind) => KINDS[kind] ?? words(kind);

export const shortId = (id) => (id.length > 12 ? `${id.slice(0, 8)}…` : id);

export function causeWords(cause) {
  const pose = { in_path: "ahead", left: "on the left", right: "on the right", oncoming: "oncoming", crosswalk: "on the crosswalk" };
  const motion = cause.motion === "none" ? "" : `${words(cause.motion)} `;
  return `${motion}${kindWords(cause.kind)}${pose[cause.relative_pose] ? ` ${pose[cause.relative_pose]}` : ""}`;
}

export const sameCause = (a, b) =>
  a.category === b.category && a.kind === b.kind && (a.track_id ?? null) === (b.track_id ?? null);

export const namesOf = ({ category, kind, track_id, relative_pose, motion }) =>
  ({ category, kind, track_id: track_id ?? null, relative_pose, motion });

export const seconds = (us) => Math.abs(us) < 50_000 ? "t0" : `${us > 0 ? "+" : us < 0 ? "−" : ""}${Math.abs(us / 1e6).toFixed(1)} s`;
