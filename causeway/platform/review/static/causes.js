// Stage I: what could make the driver act, named from the two seconds before. Knows a draft and its panel.

import { by, causeWords, el, kindWords, namesOf, sameCause, shortId, words } from "./dom.js";
import { everyKind, finder } from "./finder.js";

const KEYED = 9;
const MOST = 8;

export function causesStage(moment, names, changed, tell, store) {
  let draft = { named: [], at: 0, sure: false };
  const past = [];

  const change = (next) => {
    past.push(draft);
    draft = { ...draft, sure: false, ...next };
    changed();
  };
  const numbered = () => moment.candidates.slice(0, KEYED).map((cause, i) => [i + 1, cause]);
  const has = (cause) => draft.named.some((other) => sameCause(other, cause));

  function toggle(cause) {
    if (has(cause)) {
      const named = draft.named.filter((other) => !sameCause(other, cause));
      return change({ named, at: Math.min(draft.at, Math.max(named.length - 1, 0)) });
    }
    if (draft.named.length >= MOST) return tell(`${MOST} causes are enough: remove one first`);
    return change({ named: [...draft.named, namesOf(cause)], at: draft.named.length });
  }

  function turned(field, list) {
    const cause = draft.named[draft.at];
    if (!cause) return tell("name a cause first");
    const next = list[(list.indexOf(cause[field]) + 1) % list.length];
    return change({ named: draft.named.map((other, i) => (i === draft.at ? { ...other, [field]: next } : other)) });
  }

  function moved(by_) {
    const to = draft.at + by_;
    if (to < 0 || to >= draft.named.length) return;
    const named = [...draft.named];
    [named[draft.at], named[to]] = [named[to], named[draft.at]];
    change({ named, at: to });
  }

  function finish() {
    if (!draft.named.length && !draft.sure) {
      draft = { ...draft, sure: true };
      changed();
      return tell("Nothing is named. Press Enter again if nothing that was seen could make the driver act.");
    }
    return store({ components: draft.named });
  }

  const keys = {
    o: () => turned("relative_pose", names.poses),
    m: () => turned("motion", names.motions),
    "[": () => moved(-1),
    "]": () => moved(1),
    ArrowUp: () => { draft = { ...draft, at: Math.max(draft.at - 1, 0) }; changed(); },
    ArrowDown: () => { draft = { ...draft, at: Math.min(draft.at + 1, Math.max(draft.named.length - 1, 0)) }; changed(); },
    Delete: () => draft.named[draft.at] && toggle(draft.named[draft.at]),
    Backspace: () => draft.named[draft.at] && toggle(draft.named[draft.at]),
    x: () => draft.named[draft.at] && toggle(draft.named[draft.at]),
    "/": () => by("find").focus(),
    Enter: finish,
  };

  const pick = (field, list) => (cause, i) => el("select", {
    "aria-label": `${words(field)} of ${kindWords(cause.kind)}`,
    onchange: (event) => change({
      at: i, named: draft.named.map((other, j) => (j === i ? { ...other, [field]: event.target.value } : other)),
    }),
  }, list.map((name) => el("option", { value: name, selected: cause[field] === name }, name === "none" ? "–" : words(name))));

  function chosen(cause, i) {
    return el("li", { class: i === draft.at ? "on" : "", onclick: () => { draft = { ...draft, at: i }; changed(); } },
      el("span", { class: "rank" }, String(i + 1)),
      el("span", { class: "what" }, kindWords(cause.kind), cause.track_id ? el("span", { class: "note", title: cause.track_id }, ` ${shortId(cause.track_id)}`) : null),
      pick("relative_pose", names.poses)(cause, i), pick("motion", names.motions)(cause, i),
      el("button", { type: "button", class: "quiet", "aria-label": `remove ${kindWords(cause.kind)}`, onclick: (event) => { event.stopPropagation(); toggle(cause); } }, "×"));
  }

  function panel() {
    const rest = [...moment.candidates, ...everyKind(names)].filter((cause) => !has(cause));
    return [
      el("h2", {}, "What could make the driver act now?"),
      el("p", { class: "note" }, "You see the two seconds before t0 and nothing else. Most important first."),
      el("div", { class: "here" }, numbered().map(([number, cause]) => el("button", {
        type: "button", class: `option ${has(cause) ? "on" : ""}`, "aria-pressed": String(has(cause)), onclick: () => toggle(cause),
      }, el("kbd", {}, String(number)), el("span", {}, causeWords(cause)), el("span", { class: "note" }, `${Math.round(Math.hypot(...cause.at))} m`)))),
      moment.candidates.length ? null : el("p", { class: "note" }, "Nothing was tracked or mapped here: find the causes by name."),
      finder(rest, "add any cause", toggle),
      draft.named.length ? el("ol", { class: "named" }, draft.named.map(chosen)) : el("p", { class: "empty note" }, "nothing named yet"),
      draft.named.length ? el("p", { class: "hints note" }, el("kbd", {}, "o"), " place ", el("kbd", {}, "m"), " motion ", el("kbd", {}, "["), el("kbd", {}, "]"), " rank ", el("kbd", {}, "x"), " remove") : null,
      el("button", { type: "button", class: "main wide", onclick: finish }, el("kbd", {}, "Enter"), draft.sure ? " Nothing: show what came next" : " Store and show what came next"),
    ];
  }

  return {
    panel, numbered, named: () => draft.named,
    key: (name) => {
      if (/^[1-9]$/.test(name) && moment.candidates[name - 1]) return toggle(moment.candidates[name - 1]) ?? true;
      return keys[name] ? (keys[name](), true) : false;
    },
    undo: () => { if (!past.length) return false; draft = past.pop(); changed(); return true; },
  };
}
