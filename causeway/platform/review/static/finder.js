// A field that finds a cause by typing: things that are here first, then every kind there is. Knows no stage.

import { causeWords, el, shortId, words } from "./dom.js";

const MOST = 8;

export function everyKind(names) {
  return Object.entries(names.kinds).flatMap(([category, kinds]) => kinds.map((kind) => ({
    category, kind, track_id: null, motion: "none",
    relative_pose: ["critical_object", "lane", "odd_constraint", "routing_intent"].includes(category) ? "none" : "in_path",
  })));
}

export function finder(causes, label, add) {
  const list = el("ul", { class: "found", role: "listbox", id: "found", hidden: true });
  const field = el("input", {
    id: "find", class: "find", placeholder: `${label}  ( / )`, "aria-label": label, autocomplete: "off",
    role: "combobox", "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list",
  });
  let found = [];
  let at = 0;

  const text = (cause) => `${causeWords(cause)} ${words(cause.category)} ${cause.track_id ?? ""}`.toLowerCase();

  function close() {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  function choose(cause) {
    field.value = "";
    close();
    add(cause);
  }

  function draw() {
    const wanted = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = causes.filter((cause) => wanted.every((word) => text(cause).includes(word))).slice(0, MOST);
    at = Math.min(at, Math.max(found.length - 1, 0));
    list.replaceChildren(...found.map((cause, i) => el("li", {
      role: "option", id: `found-${i}`, "aria-selected": String(i === at), class: i === at ? "on" : "",
      onmousedown: (event) => { event.preventDefault(); choose(cause); },
    }, causeWords(cause), el("span", { class: "note" }, cause.track_id === null ? words(cause.category) : ` ${shortId(cause.track_id)}`))));
    list.hidden = !found.length;
    field.setAttribute("aria-expanded", String(!list.hidden));
    if (found.length) field.setAttribute("aria-activedescendant", `found-${at}`);
  }

  field.addEventListener("focus", draw);
  field.addEventListener("input", () => { at = 0; draw(); });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      at = (at + (event.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(found.length, 1);
      draw();
    } else if (event.key === "Enter" && found[at]) {
      choose(found[at]);
      field.blur();
    } else if (event.key === "Escape") {
      field.value = "";
      field.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return el("div", { class: "finder" }, field, list);
}
