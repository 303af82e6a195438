// Stage II: what was decided, and which of the causes named before it cites. Knows a draft and its panel.

import { by, causeWords, el, namesOf, sameCause, words } from "./dom.js";
import { everyKind, finder } from "./finder.js";

const LATERAL_KEYS = [..."qwertasdfgzxcv"];
const MOST = 3;
const SHORT = { stop_for_static_constraint: "stop (static)" };
const shortly = (name) => SHORT[name] ?? words(name).replace(/ left$/, " ←").replace(/ right$/, " →");

export function decideStage(moment, names, changed, tell, store) {
  const seen = moment.named.map(namesOf);
  let draft = { longitudinal: null, lateral: null, offered: seen, cited: seen.slice(0, MOST), at: 0, note: "" };
  const past = [];
  const { label } = moment;

  const change = (next) => {
    past.push(draft);
    draft = { ...draft, ...next };
    changed();
  };
  const cites = (cause) => draft.cited.some((other) => sameCause(other, cause));

  function toggle(cause) {
    if (cites(cause)) return change({ cited: draft.cited.filter((other) => !sameCause(other, cause)) });
    if (draft.cited.length >= MOST) return tell(`a decision cites ${MOST} causes at most: leave one out first`);
    const offered = draft.offered.some((other) => sameCause(other, cause)) ? draft.offered : [...draft.offered, namesOf(cause)];
    return change({ offered, cited: [...draft.cited, namesOf(offered.find((other) => sameCause(other, cause)))] });
  }

  function agree() {
    if (!label) return tell("a second look is taken without the label");
    const causes = label.components.map((cause) => draft.offered.find((other) => sameCause(other, cause)) ?? namesOf(cause));
    const more = causes.filter((cause) => !draft.offered.includes(cause));
    return change({
      longitudinal: label.longitudinal_decision, lateral: label.lateral_decision,
      offered: [...draft.offered, ...more], cited: causes.length ? causes : draft.cited,
    });
  }

  function finish(excluded = false) {
    if (!excluded && (draft.longitudinal === null || draft.lateral === null)) {
      return tell(`say what was decided ${draft.longitudinal === null ? "along the road" : "across it"}; "none" is an answer`);
    }
    const note = by("note").value;
    if (excluded && !note.trim()) {
      by("note").focus();
      return tell("say in the note why this moment is not fit to be labelled, then press 0 again");
    }
    return store({
      longitudinal_decision: draft.longitudinal ?? "none", lateral_decision: draft.lateral ?? "none",
      components: excluded ? [] : draft.cited, note, excluded,
    });
  }

  const keys = {
    y: agree,
    0: () => finish(true),
    i: () => by("note").focus(),
    "/": () => by("find").focus(),
    ArrowUp: () => { draft = { ...draft, at: Math.max(draft.at - 1, 0) }; changed(); },
    ArrowDown: () => { draft = { ...draft, at: Math.min(draft.at + 1, Math.max(draft.offered.length - 1, 0)) }; changed(); },
    Delete: () => draft.offered[draft.at] && toggle(draft.offered[draft.at]),
    Backspace: () => draft.offered[draft.at] && toggle(draft.offered[draft.at]),
    Enter: () => finish(),
  };

  function decisions(title, field, list, keyOf) {
    return el("fieldset", {}, el("legend", {}, title), list.map((name, i) => el("button", {
      type: "button", class: `option ${draft[field] === name ? "on" : ""}`, "aria-pressed": String(draft[field] === name),
      "aria-label": words(name), title: words(name), onclick: () => change({ [field]: name }),
    }, el("kbd", {}, keyOf(i)), el("span", {}, shortly(name)))));
  }

  function offered(cause, i) {
    return el("li", { class: i === draft.at ? "on" : "" }, el("button", {
      type: "button", class: `option ${cites(cause) ? "on" : ""}`, "aria-pressed": String(cites(cause)), onclick: () => toggle(cause),
    }, el("span", { class: "tick" }, cites(cause) ? "✓" : ""), el("span", {}, causeWords(cause)),
    seen.some((other) => sameCause(other, cause)) ? null : el("span", { class: "note" }, "not among yours")));
  }

  function labelCard() {
    if (!label) return null;
    return el("div", { class: "label" },
      el("p", {}, el("span", { class: `pill ${label.status}` }, label.status), ` ${label.trace || "(no sentence)"}`),
      label.reasons.length ? el("p", { class: "note" }, label.reasons.join("; ")) : null,
      el("button", { type: "button", onclick: agree }, el("kbd", {}, "y"), " take this label"));
  }

  function panel() {
    const routes = everyKind(names).filter((cause) => cause.category === "routing_intent");
    const more = [...(label?.components ?? []), ...routes].filter((cause) => !draft.offered.some((other) => sameCause(other, cause)));
    const note = el("textarea", { id: "note", rows: 1, maxlength: 500, placeholder: "note  ( i ), needed where no cause is cited" });
    note.value = draft.note;
    note.addEventListener("input", () => { draft.note = note.value; });
    return [
      el("h2", {}, "What was decided right after t0?"),
      labelCard(),
      decisions("along the road", "longitudinal", names.longitudinal, (i) => String(i + 1)),
      decisions("across the road", "lateral", names.lateral, (i) => LATERAL_KEYS[i]),
      el("h3", {}, "because of"),
      draft.offered.length ? el("ul", { class: "cited" }, draft.offered.map(offered)) : el("p", { class: "note" }, "you named nothing that was seen"),
      finder(more, "add a routing cause", toggle),
      note,
      el("p", { class: "note" }, moment.about.moment_id),
      el("div", { class: "row" },
        el("button", { type: "button", class: "main wide", onclick: () => finish() }, el("kbd", {}, "Enter"), " Store, next moment"),
        el("button", { type: "button", onclick: () => finish(true), title: "not fit to be labelled" }, el("kbd", {}, "0"), " Exclude")),
    ];
  }

  return {
    panel, numbered: () => [], named: () => draft.cited,
    key: (name) => {
      if (/^[1-8]$/.test(name)) return change({ longitudinal: names.longitudinal[name - 1] }) ?? true;
      if (LATERAL_KEYS.includes(name)) return change({ lateral: names.lateral[LATERAL_KEYS.indexOf(name)] }) ?? true;
      return keys[name] ? (keys[name](), true) : false;
    },
    undo: () => { if (!past.length) return false; draft = past.pop(); changed(); return true; },
  };
}
