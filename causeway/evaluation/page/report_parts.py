"""The parts of a page that show a report: headline tiles, data, every number; and in which order all parts stand.

Knows the report's shape and how numbers are worded. Suites are in `suite_parts`, what to read first in `first_parts`.
Does not know the page around it.
"""

from collections.abc import Mapping
from typing import Any

from causeway.artifacts.markup import Markup, el, quantity, section, table
from causeway.evaluation.page import wording
from causeway.evaluation.page.example_parts import examples_section
from causeway.evaluation.page.first_parts import not_shown_section
from causeway.evaluation.page.suite_parts import suite_section

HEADLINES = (
    "min_ade_6",
    "ade",
    "scene_score",
    "decision_accuracy",
    "faithfulness_swapped_m",
    "latency_total_p50_ms",
)


def report_sections(report: Mapping[str, Any], champion: bool = False) -> list[Markup | None]:
    """Every section of a report between its headline `tiles` and `all_numbers`, in reading order.

    champion: whether one stands beside it.
    """
    suites = [suite for suite in wording.SUITE_TITLES if suite in report["suites"]]
    return [
        data_section(report),
        not_shown_section(report, champion),
        *[suite_section(suite, report) for suite in suites],
        examples_section(report["examples"]),
    ]


def about_line(report: Mapping[str, Any]) -> str:
    """Which policy, and what it was measured on, in one sentence."""
    training = report.get("training") or {}
    made = ", ".join(part for part in (training.get("scale"), training.get("step")) if part)
    names = sorted({about["name"] for about in report["data"].values()})
    samples = max((about.get("samples", 0) for about in report["data"].values() if "clips" in about), default=0)
    clips = max((about.get("clips", 0) for about in report["data"].values()), default=0)
    scenes = sum(about.get("scenes", 0) for about in report["data"].values())
    sizes = [f"{samples} samples of {clips} clips" if clips else "", f"{scenes} driven scenes" if scenes else ""]
    size = " and ".join(part for part in sizes if part)
    policy = f"Policy {report['policy'][:12]}{f' ({made})' if made else ''}"
    return f"{policy}, measured on {', '.join(names)}{f': {size}' if size else ''}."


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
    """What each suite was measured on."""
    rows = []
    for suite in sorted(report["data"], key=list(wording.SUITE_TITLES).index):
        data = report["data"][suite]
        count = f"{data['scenes']} scenes" if "scenes" in data else f"{data.get('samples', 0)} samples"
        clips = f" of {data['clips']} clips" if "clips" in data else ""
        hashed = el("code", data["content_hash"][:12])
        rows.append([suite, data["name"], f"{count}{clips}", data.get("split", "–"), hashed])
    return section("Measured on", table(["suite", "data", "how many", "split", "content"], rows, class_="data"))


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
