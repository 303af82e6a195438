"""The parts of a page that show a report: headline tiles, data, notes, metric tables, scenarios, examples.

Knows the report's shape and how numbers are worded. Does not know the page around it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from causeway.artifacts.markup import Markup, el, picture, quantity, section, table
from causeway.evaluation import charts, wording
from causeway.evaluation.wording import Wording

HEADLINES = (
    "min_ade_6",
    "scene_score",
    "decision_accuracy",
    "faithfulness_swapped_m",
    "latency_total_p50_ms",
)
_KEY = (("policy", "policy"), ("recorded", "recorded"))


def report_sections(report: Mapping[str, Any]) -> list[Markup | None]:
    """Every section of a report below its headline `tiles`, in reading order."""
    suites = [suite for suite in wording.SUITE_TITLES if suite in report["suites"]]
    return [
        data_section(report),
        *[suite_section(suite, report) for suite in suites],
        examples_section(report["examples"]),
        all_numbers(report["metrics"]),
    ]


def tiles(metrics: Mapping[str, Any]) -> Markup | None:
    """The few numbers to read first, each with what it is to be compared with."""
    shown = [(name, metrics[name]) for name in HEADLINES if name in metrics]
    return el("div", [_tile(name, metric, metrics) for name, metric in shown], class_="tiles") if shown else None


def _tile(name: str, metric: Mapping[str, Any], metrics: Mapping[str, Any]) -> Markup:
    word = wording.WORDS[wording.suite_of(name)][name]
    beside = metrics.get(f"constant_velocity/{name}")
    if beside:
        below = f"constant velocity {quantity(beside['value'], beside['unit'])}"
    elif metric["low"] is not None and metric["high"] is not None:
        below = f"95 %: {quantity(metric['low'], '')} – {quantity(metric['high'], '')}"
        if metric["unit"] == "share":
            below = f"95 %: {quantity(metric['low'], 'share')} – {quantity(metric['high'], 'share')}"
    else:
        below = "no interval: too few clips"
    return el(
        "div",
        el("span", word.says),
        el("b", quantity(metric["value"], metric["unit"])),
        el("span", below),
        class_="tile",
    )


def data_section(report: Mapping[str, Any]) -> Markup:
    """What each suite was measured on, and everything a reader must be told about it."""
    rows = []
    for suite in sorted(report["data"], key=list(wording.SUITE_TITLES).index):
        data = report["data"][suite]
        count = f"{data['scenes']} scenes" if "scenes" in data else f"{data.get('samples', 0)} samples"
        clips = f" of {data['clips']} clips" if "clips" in data else ""
        hashed = el("code", data["content_hash"][:12])
        rows.append([suite, data["name"], f"{count}{clips}", data.get("split", "–"), hashed])
    notes = el("ul", [el("li", note) for note in report["notes"]], class_="lines note") if report["notes"] else None
    return section(
        "Measured on",
        table(["suite", "data", "how many", "split", "content"], rows, class_="data"),
        el("p") if notes else None,
        notes,
    )


def suite_section(suite: str, report: Mapping[str, Any]) -> Markup:
    """One suite's table: value, 95 % interval, baselines beside it; and its scenarios."""
    metrics = report["metrics"]
    shown = [(name, word) for name, word in wording.WORDS[suite].items() if name in metrics]
    if not report["data"][suite].get("scenes", 1):
        return section(wording.SUITE_TITLES[suite], lead="Nothing could be driven; the notes above say why.")
    rows = [_metric_row(name, word, metrics) for name, word in shown]
    head = ["metric", "policy", "95 % interval", "", "beside it", "n"]
    groups = report["groups"].get(suite)
    return section(
        wording.SUITE_TITLES[suite],
        table(head, rows, class_="metrics", numbers=(1, 2, 5)),
        scenario_charts(groups) if groups and len(groups) > 1 else None,
        worst_drives(report["data"][suite].get("worst", ())),
        lead=_lead(suite, report["data"][suite]),
    )


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


_ROUGH = 10  # clips or scenes; an interval resampled from fewer is itself uncertain


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


def scenario_charts(groups: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Small multiples: for each metric given by scenario, the policy's bar and, where there is one, the baseline's."""
    names = [name for name in next(iter(groups.values())) if "/" not in name]
    drawn = []
    for name in names:
        beside = f"constant_velocity/{name}"
        shown = {
            group: [row[name], *([row[beside]] if beside in row else [])]
            for group, row in groups.items()
            if name in row
        }
        unit = next(iter(shown.values()))[0]["unit"]
        word = wording.WORDS[wording.suite_of(name)].get(name)
        title = f"{word.says if word else name}{f', {unit}' if unit not in ('', 'share', 'score') else ''}"
        drawn.append(el("figure", el("h3", title), charts.bars(shown, title)))
    compared = any("/" in name for row in groups.values() for name in row)
    key = key_line((("policy", "policy"), ("baseline", "constant velocity"))) if compared else None
    return el("div", el("h3", "By scenario"), key, el("div", drawn, class_="examples"))


def key_line(entries: tuple[tuple[str, str], ...]) -> Markup:
    """A legend: coloured strokes with their names."""
    return el("p", [el("span", el("i", class_=colour), says) for colour, says in entries], class_="key note")


def examples_section(examples: list[dict[str, Any]]) -> Markup | None:
    """Best, median and worst: picture, paths from above, words and label."""
    if not examples:
        return None
    lead = "Best, median and worst sample by minADE; nothing else was chosen. Paths are drawn on the ground plane."
    return section(
        "Three samples to look at",
        key_line(_KEY),
        el("div", [_example(e) for e in examples], class_="examples"),
        lead=lead,
    )


def _example(example: Mapping[str, Any]) -> Markup:
    alt = f"{example['camera']} with the recorded and the predicted path"
    said = example["reasoning"] or "(no words)"
    label = example["label"] or "(no label: this sample trains no reasoning)"
    caption = f"{example['sample_id']}, {example['scenario'] or 'no scenario'}, {example['speed_mps']:.1f} m/s"
    return el(
        "article",
        el("h3", f"{example['which'].capitalize()}: {quantity(example['score_m'], 'm')}"),
        el("figure", picture(example["picture"], alt), el("figcaption", caption)),
        el("div", el("blockquote", said), el("blockquote", label, class_="label")),
        charts.from_above(example["recorded"], example["predicted"]),
        class_="example",
    )


def all_numbers(metrics: Mapping[str, Any]) -> Markup:
    """Every metric under its own name, folded away."""
    rows = [
        [el("code", name), quantity(m["value"], ""), quantity(m["low"], ""), quantity(m["high"], ""), m["unit"], m["n"]]
        for name, m in sorted(metrics.items())
    ]
    head = ["metric", "value", "low", "high", "unit", "n"]
    return section(
        "Every number", el("details", el("summary", f"{len(rows)} metrics"), table(head, rows, numbers=(1, 2, 3, 5)))
    )
