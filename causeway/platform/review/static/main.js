// The flow: next moment, causes, the rest, decision, next. Knows what is before the reviewer and which key does what.

import { by, el } from "./dom.js";
import { get, post } from "./api.js";
import { causesStage } from "./causes.js";
import { decideStage } from "./decide.js";
import { fetchAhead, forget, moment as fetchMoment } from "./moments.js";
import * as player from "./player.js";

const KEYS = [
  ["Both stages", [["Space", "play, pause"], ["← →", "a tenth of a second"], ["Home End", "first, last"], ["k", "next camera"], ["+ −", "zoom the scene"],
    ["u", "undo; with nothing to undo here: back to the last decision"], ["n", "next unreviewed, this one later"], ["?", "these keys"]]],
  ["Causes", [["1–9", "name what has this number, or not"], ["/", "find any cause"], ["↑ ↓", "choose among those named"], ["o", "its place"], ["m", "its motion"],
    ["[ ]", "more, less important"], ["x", "remove"], ["Enter", "store, show what came next"]]],
  ["Decision", [["1–8", "along the road"], ["q–t a–g z–v", "across the road"], ["y", "take the label"], ["↑ ↓ Delete", "cite a cause or not"],
    ["/", "add a routing cause"], ["i", "note (Esc leaves it)"], ["0", "exclude this moment"], ["Enter", "store, next moment"]]],
];

let names = null;
let now = null; // { key, upcoming, moment, stage }
let busy = false;

function tell(text, bad = false) {
  by("message").textContent = text;
  by("message").hidden = !text;
  by("message").classList.toggle("bad", bad);
}

function drawPanel() {
  const note = by("note")?.value;
  by("panel").replaceChildren(...now.stage.panel().filter(Boolean));
  if (note !== undefined && by("note")) by("note").value = note;
  player.mark(now.stage.numbered(), now.stage.named());
}

function changed() {
  tell("");
  drawPanel();
}

function drawProgress({ done, left, settled, total }) {
  by("progress").setAttribute("aria-valuemax", total);
  by("progress").setAttribute("aria-valuenow", settled);
  by("progress").firstElementChild.style.width = `${(100 * settled) / Math.max(total, 1)}%`;
  by("progress-text").textContent = `${settled} of ${total} settled · you did ${done}, ${left} left`;
}

function begin(moment) {
  const decides = moment.named !== null && moment.rest !== null;
  by("stage-1").className = decides ? "over" : "on";
  by("stage-2").className = decides ? "on" : "";
  const make = decides ? decideStage : causesStage;
  now.stage = make(moment, names, changed, tell, decides ? storeDecision : storeCauses);
  player.show(moment, now.stage.numbered(), now.stage.named());
  by("panel").replaceChildren(...now.stage.panel().filter(Boolean));
  document.body.dataset.key = moment.key;
  document.body.dataset.stage = decides ? "decision" : "causes";
}

async function open({ key, upcoming, progress }) {
  drawProgress(progress);
  now = { key, upcoming };
  by("desk").hidden = key === null;
  by("done").hidden = key !== null;
  if (key === null) {
    delete document.body.dataset.key;
    return;
  }
  now.moment = await fetchMoment(key).catch((error) => {
    by("panel").replaceChildren(el("h2", {}, "This moment cannot be shown"), el("p", { class: "note" }, error.message),
      el("p", {}, el("kbd", {}, "n"), " leaves it for later"));
    document.body.dataset.key = key;
    throw error;
  });
  if (now.moment.named !== null && now.moment.rest === null) Object.assign(now.moment, await get(`/api/moments/${key}/rest`));
  begin(now.moment);
  fetchAhead(upcoming);
}

// one question at a time; how long a key waited for what it asked for is left in the browser's own measures
async function once(what, work, since) {
  if (busy) return;
  busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await work();
    requestAnimationFrame(() => performance.measure(`causeway:${what}`, { start: since, end: performance.now() }));
  } catch (error) {
    tell(error.message, true);
    if (error.status === 409) await reload();
  } finally {
    busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

async function reload() {
  if (now?.key) forget(now.key);
  await open(await post("/api/next")).catch((error) => tell(error.message, true));
}

let pressed = 0;

const storeCauses = (said) => once("rest", async () => {
  Object.assign(now.moment, await post(`/api/moments/${now.key}/causes`, said));
  tell("");
  begin(now.moment);
}, pressed);

const storeDecision = (said) => once("next", async () => {
  const next = await post(`/api/moments/${now.key}/decision`, said);
  forget(now.key);
  tell("");
  await open(next);
}, pressed);

const skip = () => once("skip", async () => {
  const { key } = now;
  const next = await post("/api/next", { skip: key ?? "" });
  if (next.key === key) return tell("this is the only one left");
  tell("");
  return open(next);
}, pressed);

const undo = () => {
  if (now?.stage?.undo()) return null;
  return once("undo", async () => {
    const back = await post("/api/undo").catch((error) => {
      if (error.status !== 409) throw error;
      tell("nothing to undo: causes stay as they are once the rest was shown");
      return null;
    });
    if (!back) return;
    forget(back.key);
    await open(back);
    tell("the last decision is taken back; its causes stay, as you saw what came next");
  }, pressed);
};

const everywhere = {
  " ": player.play, ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1),
  Home: () => player.go(0), End: () => player.go(Infinity), k: player.nextCamera,
  "+": () => player.zoom(-1), "=": () => player.zoom(-1), "-": () => player.zoom(1),
  n: skip, u: undo, "?": () => by("keys").showModal(),
};

const typing = (target) => target.closest("input:not([type=range]):not([type=checkbox]), textarea, select");

addEventListener("keydown", (event) => {
  pressed = event.timeStamp;
  if (event.isComposing || by("keys").open) return;
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing(event.target)) {
    event.preventDefault();
    undo();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const pressing = event.target.closest("button, a, [role=option]");
  if (pressing && [" ", "Enter"].includes(event.key) && pressing.matches(":focus-visible")) return;
  if (!by("keys-on").checked && event.key !== "Enter") return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (now?.key && now.stage?.key(name)) event.preventDefault();
  else if (everywhere[name] && (now?.key || ["u", "?"].includes(name))) {
    event.preventDefault();
    everywhere[name]();
  }
});
addEventListener("pointerdown", (event) => { pressed = event.timeStamp; });

by("undo").addEventListener("click", undo);
by("skip").addEventListener("click", skip);
by("keys-button").addEventListener("click", () => by("keys").showModal());
by("leave").addEventListener("click", async () => { await post("/api/logout").catch(() => {}); location.assign("/login"); });
by("keys-list").replaceChildren(...KEYS.map(([title, keys]) => el("section", {}, el("h3", {}, title),
  el("dl", {}, keys.flatMap(([key, what]) => [el("dt", {}, key.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, what)])))));

await once("first", async () => {
  const me = await get("/api/me");
  by("leave").textContent = me.who;
  names = await get("/api/names");
  await open(await post("/api/next"));
}, 0);
