"""What a sceptical reader should know first: what failed, where a baseline is better, and what the page does not show.

Knows a report and which metrics are compared with whom. Does not know rules; the gate's verdict stands above.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from causeway.artifacts.markup import Markup, el, quantity, section
from causeway.evaluation.page import wording

FEW = 30  # clips or scenes: with fewer, intervals from resampling them are too narrow
WORLD = "built-in world"


def failures_section(report: Mapping[str, Any]) -> Markup:
    """Failed answers, metrics on which a baseline is better, and every note."""
    lost = list(_worse_than_a_baseline(report["metrics"]))
    lines = [
        *[el("li", el("b", line)) for line in _failed(report["metrics"])],
        *[el("li", line) for line in lost],
        *[el("li", line) for line in _few(report["data"])],
        *[el("li", note) for note in report["notes"]],
    ]
    if not lines:
        return section("Read this first", el("p", "No answer failed and no baseline is better."), class_="first")
    return section("Read this first", el("ul", lines, class_="lines"), class_="first")


def _failed(metrics: Mapping[str, Any]) -> Iterator[str]:
    for name, metric in metrics.items():
        if metric["unit"] == "count" and "failed" in name and "/" not in name and metric["value"]:
            suite, what = wording.suite_of(name), "rollouts" if "rollouts" in name else "answers"
            happened = "were not judged by the endpoint" if name.startswith("judge_") else "failed"
            yield f"{suite}: {metric['value']:.0f} of {metric['n']} {what} {happened}"


def _worse_than_a_baseline(metrics: Mapping[str, Any]) -> Iterator[str]:
    """One line for each suite and baseline: the metrics whose value is worse than the baseline's of the same report."""
    for suite, words in wording.WORDS.items():
        for key, says in wording.BASELINES.items():
            found, folded = [], 0
            for name, word in words.items():
                other, ours = metrics.get(f"{key}/{name}"), metrics.get(name)
                if not (ours and other and _worse(ours["value"], other["value"], word.better)):
                    continue
                if wording.folded(suite, name):
                    folded += 1
                    continue
                theirs, own = (quantity(m["value"], m["unit"]) for m in (other, ours))
                found.append(f"{wording.alone(suite, name)} {own} against {theirs}")
            found += [f"{folded} of the metrics by AlpaSim's formulas, folded below"] if folded else []
            if found:
                yield f"{suite}: {says} does better on {'; '.join(found)}"


def _worse(ours: float | None, other: float | None, better: str) -> bool:
    if ours is None or other is None or not better:
        return False
    return ours > other if better == "lower" else ours < other


def _few(data: Mapping[str, Any]) -> Iterator[str]:
    """Latency is not among them: its intervals are over calls."""
    for what in ("clips", "scenes"):
        few = {suite: about[what] for suite, about in data.items() if 0 < about.get(what, FEW) < FEW}
        said = ", ".join(f"{count} in {suite}" for suite, count in few.items() if suite != "latency")
        if said:
            yield f"few {what} ({said}): intervals from resampling them are rough and may be too narrow"


def not_shown_section(report: Mapping[str, Any], champion: bool) -> Markup:
    """What a reader may look for and not find, each with its reason."""
    lines = [el("li", line) for line in _absent(report, champion)]
    return section("What this page does not show", el("ul", lines, class_="lines"))


def _absent(report: Mapping[str, Any], champion: bool) -> Iterator[str]:
    names = sorted({about["name"] for about in report["data"].values()})
    if names and all(name in (WORLD, "noise pictures") for name in names):
        yield "roads: everything was measured in the built-in world, which says nothing of a real one"
    left = [suite for suite in wording.SUITE_TITLES if suite not in report["suites"]]
    if left:
        yield f"suites that were not run: {', '.join(left)}"
    empty = [name for name, metric in report["metrics"].items() if metric["value"] is None and "/" not in name]
    if empty:
        yield f"metrics without a value, as nothing could be measured: {', '.join(sorted(empty))}"
    if not champion:
        yield "a champion: nobody stands beside this policy, so better or worse than before is not known"
    scenarios = sorted({name for about in report["data"].values() for name in about.get("scenarios", ())})
    if scenarios:
        yield f"scenarios other than these {len(scenarios)}: {', '.join(name.replace('_', ' ') for name in scenarios)}"
    yield "how another training run would do: intervals are over clips, with one set of weights"
