"""The parts of a page that show how a policy was trained: the gate at each stage's end, and curves.

Knows the record of `training_record`. Does not know stages.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from causeway.artifacts.markup import Markup, el, number, section, table
from causeway.evaluation.page import charts

_LEAD = (
    "Faint: every step. Strong: running mean, its first and last value above the curve. Scales differ by stage; "
    "the loss of rl is a policy gradient's: noisy, and 0 is no goal."
)


def training_section(training: Mapping[str, Any] | None) -> Markup | None:
    """Whether each stage beat its baseline when it ended, and its curves."""
    if not training:
        return None
    gates = [_gate(gate) for gate in training["gates"]]
    head = ["", "stage", "metric", "policy", "baseline", "n", "split"]
    curves = [charts.curve(one["points"], one["stage"], one["name"]) for one in training["curves"]]
    return section(
        "Training",
        table(head, gates, class_="gates", numbers=(3, 4, 5)) if gates else None,
        [el("h3", "Curves"), el("p", _LEAD, class_="note"), el("div", curves, class_="multiples")] if curves else None,
        lead="Each stage was judged when it ended, on samples that it had not trained on unless the split says train.",
    )


def _gate(gate: Mapping[str, Any]) -> list[Any]:
    beats = bool(gate["beats"])
    pill = el("span", "beats" if beats else "does not beat", class_=f"pill {'good' if beats else 'bad'}")
    metric = [gate["metric"], el("span", gate["detail"], class_="note") if gate.get("detail") else None]
    baseline = [number(gate["baseline"]), el("span", gate["baseline_name"], class_="note")]
    return [pill, gate["stage"], metric, el("b", number(gate["value"])), baseline, gate["n"], gate["split"]]


def losses_section(losses: Mapping[str, Sequence[tuple[int, float]]]) -> Markup | None:
    """A small multiple for each training stage."""
    drawn = [charts.curve(points, stage) for stage, points in losses.items() if points]
    return section("Losses by stage", el("div", drawn, class_="multiples"), lead=_LEAD) if drawn else None
