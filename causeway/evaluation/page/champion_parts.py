"""The champion beside the candidate: what differs on the same clips, and whether that is clear.

Knows paired differences (`comparison`) and which way is better (`wording`). Decides nothing: margins and error rates
are the gate's. Intervals here are 95 % each; among many rows some look clear by chance.
"""

from collections.abc import Mapping
from typing import Any

from causeway.artifacts.markup import Markup, el, number, quantity, section, table
from causeway.evaluation.comparison import difference, paired
from causeway.evaluation.measured import BOUNDED
from causeway.evaluation.page import charts, wording

_ALPHA = 0.025  # each side of a 95 % interval

Values = Mapping[str, Mapping[str, tuple[str, float]]]  # metric -> unit_id -> (cluster, value)


def compared(
    report: Mapping[str, Any], values: Values, champion: Mapping[str, Any], theirs: Values, seed: int = 0
) -> list[dict[str, Any]]:
    """{metric, ours, theirs, value, low, high, n, unit, verdict} of each worded metric of suites on the same data.

    `verdict`: better or worse where the whole interval of ours − theirs says so, else "unclear".
    """
    found = []
    for suite, words in wording.WORDS.items():
        if not _same(suite, report["data"], champion["data"]):
            continue
        for name, word in words.items():
            unit = report["metrics"].get(name, {}).get("unit", "")
            differs, clusters = paired(values.get(name, {}), theirs.get(name, {}))
            estimate = difference(differs, clusters, _ALPHA, unit in BOUNDED, seed)
            if estimate is None or not word.better or name not in champion["metrics"]:
                continue
            low, high = _possible(estimate.low, unit), _possible(estimate.high, unit)
            row = {"value": estimate.value, "low": low, "high": high, "n": estimate.n, "unit": unit}
            known = {"ours": report["metrics"][name]["value"], "theirs": champion["metrics"][name]["value"]}
            verdict = _verdict(estimate.low, estimate.high, word.better)
            found.append({"suite": suite, "metric": name, **known, **row, "verdict": verdict})
    return found


def _same(suite: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    return suite in ours and suite in theirs and ours[suite]["content_hash"] == theirs[suite]["content_hash"]


def _possible(bound: float | None, unit: str) -> float | None:
    """A bound of a difference; shares differ by no more than 1."""
    return bound if bound is None or unit not in BOUNDED else min(1.0, max(-1.0, bound))


def _verdict(low: float | None, high: float | None, better: str) -> str:
    if low is None or high is None or low <= 0.0 <= high:
        return "unclear"
    return "better" if (high < 0.0) == (better == "lower") else "worse"


def champion_section(rows: list[dict[str, Any]], champion: str) -> Markup | None:
    """Candidate, champion and the difference on the same clips; what got worse first."""
    if not rows:
        return None
    order = ("worse", "unclear", "better")
    shown = sorted(rows, key=lambda row: order.index(row["verdict"]))
    count = ", ".join(f"{sum(row['verdict'] == word for row in rows)} {word}" for word in order)
    lead = (
        f"Champion {champion[:12]} on the same clips: {count}. Differences are paired clip by clip; of {len(rows)} "
        "rows about one in twenty looks clear by chance. The gate's rules are stricter."
    )
    first = [row for row in shown if row["verdict"] != "unclear" or row["metric"] in _ALWAYS]
    rest = [row for row in shown if row not in first]
    folded = el("details", el("summary", f"{len(rest)} more, all unclear"), _table(rest)) if rest else None
    return section("Champion beside candidate", _table(first) if first else None, folded, lead=lead)


_ALWAYS = frozenset(
    {
        *("min_ade_6", "ade", "miss_rate", "comfort", "scene_score", "collision_at_fault", "off_road", "progress"),
        *("replay_scene_score", "decision_accuracy", "consistency", "faithfulness_stop_go_mps"),
    }
)


def _table(rows: list[dict[str, Any]]) -> Markup:
    head = ["", "metric", "candidate", "champion", "difference, 95 %", "", "n"]
    return table(head, [_row(row) for row in rows], class_="champion", numbers=(2, 3, 4, 6))


_COLOURS = {"worse": "bad", "unclear": "plain", "better": "good"}


def _row(row: Mapping[str, Any]) -> list[Any]:
    unit = row["unit"]
    interval = "–" if row["low"] is None else f"{_signed(row['low'], unit)} … {_signed(row['high'], unit)}"
    return [
        el("span", row["verdict"], class_=f"pill {_COLOURS[row['verdict']]}"),
        [wording.alone(row["suite"], row["metric"]), el("span", row["suite"], class_="note")],
        el("b", quantity(row["ours"], unit)),
        quantity(row["theirs"], unit),
        [f"{_signed(row['value'], unit)}{' points' if unit == 'share' else ''}", el("span", interval, class_="note")],
        charts.change(row, _COLOURS[row["verdict"]]),
        row["n"],
    ]


def _signed(value: float, unit: str) -> str:
    shown = 100 * value if unit == "share" else value
    return f"{'+' if shown > 0 else ''}{number(shown)}"
