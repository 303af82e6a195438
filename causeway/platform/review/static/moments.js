// Moments and their pictures, fetched before they are needed. Knows no page.

import { get } from "./api.js";

const kept = new Map(); // key -> promise of a moment
const MOST = 6;

function pictures(key, camera, times) {
  return times.map((at) => {
    const image = new Image();
    image.alt = "";
    image.decoding = "async";
    image.src = `/frames/${key}/${camera}/${at}`;
    return { at, image };
  });
}

export function addPictures(moment, frames) {
  const cameras = Object.keys(moment.past.frames);
  for (const [name, times] of Object.entries(frames)) {
    const number = cameras.indexOf(name);
    if (number < 0) continue;
    const known = new Set((moment.pictures[name] ?? []).map((picture) => picture.at));
    const more = pictures(moment.key, number, times.filter((at) => !known.has(at)));
    moment.pictures[name] = [...(moment.pictures[name] ?? []), ...more];
  }
}

async function load(key) {
  const moment = { ...(await get(`/api/moments/${key}`)), pictures: {}, rest: null };
  const first = Object.keys(moment.past.frames)[0];
  if (first) {
    addPictures(moment, { [first]: moment.past.frames[first] });
    const last = moment.pictures[first].at(-1);
    if (last) await last.image.decode().catch(() => {});
  }
  return moment;
}

export function moment(key) {
  if (!kept.has(key)) {
    kept.set(key, load(key));
    kept.get(key).catch(() => kept.delete(key));
    while (kept.size > MOST) kept.delete(kept.keys().next().value);
  }
  return kept.get(key);
}

export const fetchAhead = (keys) => keys.forEach((key) => moment(key).catch(() => {}));

export const forget = (key) => kept.delete(key);
