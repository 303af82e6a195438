// The quality page: figures as tables. Knows how a figure is said.

import { by, el, words } from "./dom.js";
import { get } from "./api.js";

const figure = (value) => (value === null ? "–" : value.toFixed(2));
const share = (value) => (value === null ? "–" : `${Math.round(100 * value)} %`);
const NAMES = { longitudinal: "decision along the road, κ", lateral: "decision across the road, κ", components: "causes, F1" };

const tile = (name, { value, low, high, n, raw }) => el("div", { class: "tile" },
  el("span", {}, NAMES[name]), el("b", {}, figure(value)),
  el("span", {}, low === null ? "" : `95 %: ${figure(low)} to ${figure(high)}`),
  el("span", {}, n ? `n = ${n}, the same in ${share(raw)}` : "no pair yet"));

const tiles = (figures) => el("div", { class: "tiles" }, Object.entries(figures).map(([name, value]) => tile(name, value)));

function table(head, rows) {
  const cell = (tag) => (value) => el(tag, { class: typeof value === "number" ? "num" : null }, value instanceof Node ? value : typeof value === "number" ? String(value) : words(value));
  return el("div", { class: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", {}, name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell("td")))))));
}

function none(figures) {
  return figures.longitudinal.n === 0 ? el("p", { class: "note" }, "No moment has two answers yet: about every seventh queued moment is offered to a second person.") : null;
}

const found = await get("/api/quality");
by("page").replaceChildren(
  el("h1", {}, "How far do reviewers agree?"),
  el("p", { class: "lead" }, `${found.progress.settled} of ${found.progress.total} queued moments are settled.`),
  el("section", { class: "card" }, el("h2", {}, "Two people, the second blind to the first"),
    el("p", { class: "note" }, "κ is 1 where they always agree and 0 where they agree as by chance. F1 counts the causes that both named before either saw what came next."),
    tiles(found.people), none(found.people)),
  el("section", { class: "card" }, el("h2", {}, "A blind second look against the label"),
    el("p", { class: "note" }, "Only people who had not seen the label count here; the first look sees it after naming the causes."), tiles(found.labels)),
  found.pairs.length ? el("section", { class: "card" }, el("h2", {}, "Where two people differ"),
    table(["channel", "one says", "the other says", "times"], found.pairs.map((row) => [row.channel, row.one, row.other, row.count]))) : "",
  el("section", { class: "card" }, el("h2", {}, "What became of the labels"),
    table(["scenario", "queued", "waiting", "kept", "changed", "excluded", "disputed"],
      found.outcomes.map((row) => [row.scenario, row.queued, row.waiting, row.kept, row.changed, row.excluded, row.disputed]))),
  el("section", { class: "card" }, el("h2", {}, "Who did what"),
    found.reviewers.length ? table(["reviewer", "first looks", "second looks", "disputes ended", "excluded"],
      found.reviewers.map((row) => [el("span", {}, row.who), row.first, row.audit, row.final, row.excluded])) : el("p", { class: "note" }, "Nobody has decided anything yet.")),
);
