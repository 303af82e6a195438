// One moment in time: pictures, plots and the scene from above move together. Knows views, not answers.

import { by, el, seconds } from "./dom.js";
import { addPictures } from "./moments.js";
import { drawAbove } from "./above.js";
import { drawPlots } from "./plots.js";

const STEP_MS = 100;
const STRIP = 5;
const JOINED = ["t", "speed", "steer", "ego", "boxes", "lights"];

let shown = null; // { moment, view, tick, camera, above, cursor, numbered, named }
let timer = 0;

function joined(moment) {
  if (!moment.rest) return moment.past;
  return Object.fromEntries(JOINED.map((name) => [name, [...moment.past[name], ...moment.rest[name]]]));
}

function nearest(pictures, t) {
  let best = null;
  for (const picture of pictures) if (picture.at <= t) best = picture;
  return best ?? pictures[0] ?? null;
}

function paint() {
  const { moment, view, tick, camera, above, cursor } = shown;
  const t = view.t[tick];
  // the last tick that was known at t0 may lie just before it, a picture between the two
  const until = tick === moment.past.t.length - 1 ? Math.max(t, 0) : t;
  const picture = nearest(moment.pictures[camera] ?? [], until);
  const viewer = by("viewer");
  if (picture) {
    picture.image.alt = `${camera} at ${seconds(picture.at)} from t0`;
    if (viewer.firstElementChild !== picture.image) viewer.replaceChildren(picture.image);
    const shape = picture.image.naturalWidth / picture.image.naturalHeight;
    if (shape) viewer.style.aspectRatio = String(Math.min(Math.max(shape, 1.3), 3));
  } else viewer.replaceChildren(el("span", { class: "note" }, "no pictures in this drive"));
  viewer.classList.toggle("empty", !picture);
  by("scrub").value = String(tick);
  by("scrub").setAttribute("aria-valuetext", seconds(t));
  by("time").textContent = seconds(t);
  by("time").classList.toggle("later", t > 0);
  const thumbs = [...by("strip").children];
  const near = thumbs.findLast((thumb) => Number(thumb.dataset.at) <= (picture?.at ?? -Infinity));
  for (const thumb of thumbs) thumb.classList.toggle("on", thumb === near);
  cursor(t);
  above.at(view, tick, t <= 0 ? shown.numbered : [], shown.named);
}

function strip() {
  const { moment, camera } = shown;
  const all = moment.pictures[camera] ?? [];
  const wanted = all.length <= STRIP ? all
    : Array.from({ length: STRIP }, (_, i) => all[Math.round((i * (all.length - 1)) / (STRIP - 1))]);
  const tickOf = (at) => shown.view.t.reduce((best, t, i) => (Math.abs(t - at) < Math.abs(shown.view.t[best] - at) ? i : best), 0);
  by("strip").replaceChildren(...wanted.map((picture) => el("button", {
    type: "button", class: "thumb", "data-at": picture.at, title: seconds(picture.at), onclick: () => go(tickOf(picture.at)),
  }, el("img", { src: picture.image.src, alt: "" }), el("span", {}, seconds(picture.at)))));
  by("strip").hidden = wanted.length < 2;
}

function plots() {
  shown.cursor = drawPlots(by("plots"), shown.view, Math.max(by("plots").clientWidth, 240));
}

function layOut() {
  by("scrub").max = String(shown.view.t.length - 1);
  by("camera").textContent = shown.camera ?? "";
  by("camera").hidden = Object.keys(shown.moment.past.frames).length < 2;
  strip();
  plots();
}

export function show(moment, numbered, named) {
  stop();
  const camera = Object.keys(moment.past.frames).includes(shown?.camera) ? shown.camera : Object.keys(moment.past.frames)[0];
  if (camera) addPictures(moment, { [camera]: moment.past.frames[camera] });
  const view = joined(moment);
  shown = { moment, view, camera, numbered, named, tick: moment.past.t.length - 1, above: drawAbove(by("above"), moment.past) };
  if (moment.rest) shown.above.later(moment.rest);
  if (moment.rest && camera) addPictures(moment, { [camera]: moment.rest.frames[camera] ?? [] });
  layOut();
  paint();
}

export function mark(numbered, named) {
  Object.assign(shown, { numbered, named });
  paint();
}

export function go(tick) {
  if (!shown) return;
  shown.tick = Math.min(Math.max(tick, 0), shown.view.t.length - 1);
  paint();
}

export const step = (by_) => { stop(); if (shown) go(shown.tick + by_); };

export function stop() {
  clearInterval(timer);
  timer = 0;
  by("play").textContent = "▶";
}

export function play() {
  if (timer) return stop();
  by("play").textContent = "❚❚";
  const last = () => shown.view.t.length - 1;
  if (shown.tick === last()) go(0);
  timer = setInterval(() => (shown.tick >= last() ? stop() : go(shown.tick + 1)), STEP_MS);
}

export function nextCamera() {
  const cameras = Object.keys(shown.moment.past.frames);
  if (cameras.length < 2) return;
  shown.camera = cameras[(cameras.indexOf(shown.camera) + 1) % cameras.length];
  addPictures(shown.moment, { [shown.camera]: shown.moment.past.frames[shown.camera] });
  if (shown.moment.rest) addPictures(shown.moment, { [shown.camera]: shown.moment.rest.frames[shown.camera] ?? [] });
  layOut();
  paint();
}

export const zoom = (step_) => shown?.above.zoom(step_);

by("play").addEventListener("click", play);
by("scrub").addEventListener("input", () => { stop(); go(Number(by("scrub").value)); });
by("camera").addEventListener("click", nextCamera);
addEventListener("resize", () => { if (shown) { shown.above.frame(); plots(); paint(); } });
