"""The part of a page that shows one suite: its table, its groups as small multiples, its worst drives.

Knows how metrics are worded and which of them make a table of their own (`matrix_parts`). What a suite measured and no
wording knows is shown under its own name. Does not know formulas.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from causeway.artifacts.markup import Markup, el, picture, quantity, section, table
from causeway.evaluation.page import charts, wording
from causeway.evaluation.page.matrix_parts import classes_table, in_a_matrix, moved_table
from causeway.evaluation.page.wording import Wording

_ROUGH = 10  # clips or scenes; an interval resampled from fewer is itself uncertain


def suite_section(suite: str, report: Mapping[str, Any]) -> Markup:
    """One suite: value, 95 % interval, baselines beside it; what has a table of its own; groups; worst drives."""
    metrics = report["metrics"]
    if not report["data"][suite].get("scenes", 1):
        return section(wording.SUITE_TITLES[suite], lead="Nothing could be driven; the notes above say why.")
    plain = [name for name in names_of(suite, report) if not in_a_matrix(name)]
    worded = [name for name in wording.WORDS[suite] if name in plain]
    by_alpasim = [name for name in worded if wording.folded(suite, name)]
    ours = [name for name in worded if name not in by_alpasim]
    return section(
        wording.SUITE_TITLES[suite],
        _metrics_table(ours, suite, metrics) if ours else None,
        _folded(by_alpasim, suite, metrics, "the same by AlpaSim's formulas, with what it excludes left out"),
        moved_table(metrics) if suite == "faithfulness" else None,
        classes_table(metrics) if suite == "reasoning" else None,
        _folded([name for name in plain if name not in worded], suite, metrics, "more of this suite"),
        list(_groups(suite, report)),
        worst_drives(report["data"][suite].get("worst", ())),
        lead=_lead(suite, report["data"][suite]),
    )


def names_of(suite: str, report: Mapping[str, Any]) -> list[str]:
    """The metrics of a suite but for its baselines': as the report lists them, else by their names."""
    listed = report.get("measured", {}).get(suite)
    names = listed or [name for name in report["metrics"] if wording.suite_of(name) == suite]
    return [name for name in names if "/" not in name and name in report["metrics"]]


def _metrics_table(names: Sequence[str], suite: str, metrics: Mapping[str, Any]) -> Markup:
    rows = [_metric_row(name, wording.WORDS[suite].get(name) or wording.plain(name), metrics) for name in names]
    head = ["metric", "policy", "95 % interval", "", "beside it", "n"]
    return table(head, rows, class_="metrics", numbers=(1, 2, 5))


def _folded(names: Sequence[str], suite: str, metrics: Mapping[str, Any], what: str) -> Markup | None:
    """A table that a reader opens; a print shows it."""
    if not names:
        return None
    return el("details", el("summary", f"{len(names)} metrics: {what}"), _metrics_table(names, suite, metrics))


def _groups(suite: str, report: Mapping[str, Any]) -> Iterator[Markup]:
    """Small multiples of every grouping that a report gives of a suite: `<suite>` itself and `<suite>, by …`."""
    for name, groups in report["groups"].items():
        if (name == suite or name.startswith(f"{suite}, ")) and len(groups) > 1:
            title = "by scenario" if name == suite else name.removeprefix(f"{suite}, ")
            yield group_charts(groups, title.capitalize())


def worst_drives(cards: Sequence[Mapping[str, Any]]) -> Markup | None:
    """The worst drives: the picture at which each ended, what went wrong, and which file beside the report shows it."""
    if not cards:
        return None
    shown = [
        el(
            "article",
            el("h3", f"{card['scene']}: score {card['score']:g}"),
            el("figure", picture(card["picture"], "the last picture"), el("figcaption", card["says"])),
            el("p", "film beside this page: ", el("code", card["video"]), class_="note"),
            class_="example",
        )
        for card in cards
    ]
    return el("div", el("h3", "The worst drives, drawn"), el("div", shown, class_="examples"))


def _lead(suite: str, data: Mapping[str, Any]) -> str:
    """How the table below is to be read."""
    if suite == "latency":
        return "↓ lower is better. Intervals are from resampling single calls; n is how many were timed."
    what, count = ("scenes", data["scenes"]) if "scenes" in data else ("clips", data.get("clips", 0))
    says = f"↑ higher is better, ↓ lower. Bars are 95 % intervals from resampling whole {what}"
    ticks = "; grey ticks are the baselines named beside it" if suite != "faithfulness" else ""
    rough = f" {count} {what} are few: the intervals are rough themselves." if count < _ROUGH else ""
    return f"{says}{ticks}. n is how many {'scenes' if what == 'scenes' else 'samples'} were measured.{rough}"


def _metric_row(name: str, word: Wording, metrics: Mapping[str, Any]) -> list[Any]:
    metric = metrics[name]
    beside = {says: metrics[f"{key}/{name}"] for key, says in wording.BASELINES.items() if f"{key}/{name}" in metrics}
    arrow = {"lower": " ↓", "higher": " ↑"}.get(word.better, "")
    compared = [
        el("span", f"{says} {quantity(other['value'], other['unit'])}", class_="note") for says, other in beside.items()
    ]
    label = [f"{word.says}{arrow}", el("span", word.means, class_="note long") if word.means else None]
    value = quantity(metric["value"], metric["unit"])
    return [
        label,
        el("b", value),
        interval(metric),
        charts.whisker(metric, list(beside.values())),
        compared,
        metric["n"],
    ]


def interval(metric: Mapping[str, Any]) -> str:
    """The interval in words: a count has none, one bound may be unknown."""
    low, high = metric["low"], metric["high"]
    if metric["unit"] == "count" or (low is None and high is None):
        return "exact" if metric["unit"] == "count" else "–"
    if high is None:
        return f"≥ {quantity(low, metric['unit'])}"
    if metric["unit"] == "share":
        return f"{round(100 * low, 6):.3g} – {round(100 * high, 6):.3g} %"
    return f"{quantity(low, '')} – {quantity(high, '')}"


def group_charts(groups: Mapping[str, Mapping[str, Any]], title: str) -> Markup:
    """Small multiples: for each metric given by group, the policy's bar and, where there is one, the baseline's."""
    names = [name for name in next(iter(groups.values())) if "/" not in name]
    drawn = []
    for name in names:
        beside = f"constant_velocity/{name}"
        shown = {
            f"{group} ({row[name]['n']})": [row[name], *([row[beside]] if beside in row else [])]
            for group, row in groups.items()
            if name in row
        }
        unit = next(iter(shown.values()))[0]["unit"]
        word = wording.WORDS[wording.suite_of(name)].get(name) or wording.plain(name)
        says = f"{word.says}{f', {unit}' if unit not in ('', 'share', 'score') else ''}"
        drawn.append(el("figure", el("h4", says), charts.bars(shown, says)))
    compared = any("/" in name for row in groups.values() for name in row)
    key = key_line((("policy", "policy"), ("baseline", "constant velocity"))) if compared else None
    return el("div", el("h3", f"{title} (n)"), key, el("div", drawn, class_="examples"), class_="groups")


def key_line(entries: tuple[tuple[str, str], ...]) -> Markup:
    """A legend: coloured strokes with their names."""
    return el("p", [el("span", el("i", class_=colour), says) for colour, says in entries], class_="key note")
