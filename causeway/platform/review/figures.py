"""The figures of the quality page: how far reviewers agree, how far blind ones agree with the labels, what came of it.

Knows answers and tasks. Sums alone leave this file: nobody who has not answered yet learns what others said.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from causeway.platform.review.desk import Task
from causeway.reasoning.agreement import (
    Agreement,
    component_agreement,
    decision_agreement,
    pairs_of,
)
from causeway.reasoning.answers import Answer
from causeway.reasoning.records import record_from_row
from causeway.reasoning.review import disagree, resolved


def quality(tasks: Sequence[Task], answers: Sequence[Answer]) -> dict[str, Any]:
    """Everything that the quality page shows, as JSON."""
    of_moment: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.done:
            of_moment[answer.moment_id].append(answer)
    pairs = pairs_of(answers)
    blind = [(a, _of_label(task)) for task in tasks for a in of_moment[task.moment_id] if _blind(a)]
    return {
        "people": _agreements(pairs),
        "labels": _agreements(blind),
        "pairs": _confusions(pairs),
        "outcomes": _outcomes(tasks, of_moment),
        "reviewers": _reviewers(answers),
    }


def _agreements(pairs: Sequence[tuple[Answer, Answer]]) -> dict[str, Any]:
    found: dict[str, Agreement] = {
        "longitudinal": decision_agreement(pairs, 0),
        "lateral": decision_agreement(pairs, 1),
        "components": component_agreement(pairs),
    }
    return {name: asdict(value) for name, value in found.items()}


def _blind(answer: Answer) -> bool:
    """A second look is taken without the label in view, so that to compare it with the label is fair."""
    return answer.state == "accepted" and answer.role == "audit"


def _of_label(task: Task) -> Answer:
    record = record_from_row(task.label)
    who = str(task.label["teacher"])
    return Answer(task.moment_id, who, 0, 0, "accepted", "first", record, seen=record.components)


def _confusions(pairs: Sequence[tuple[Answer, Answer]]) -> list[dict[str, Any]]:
    """What the two said where they did not say the same, the most frequent first."""
    counts: Counter[tuple[str, ...]] = Counter()
    for a, b in pairs:
        for channel, one, other in zip(("longitudinal", "lateral"), a.decisions, b.decisions, strict=True):
            if one != other:
                counts[channel, *sorted((one, other))] += 1
    return [{"channel": c, "one": one, "other": other, "count": n} for (c, one, other), n in counts.most_common(20)]


def _outcomes(tasks: Sequence[Task], of_moment: dict[str, list[Answer]]) -> list[dict[str, Any]]:
    """For each scenario and all together: queued, looked at, and what became of the label."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for task in tasks:
        for name in (str(task.label.get("scenario") or "no scenario"), "all"):
            rows[name]["queued"] += 1
            rows[name][_outcome(task, of_moment[task.moment_id])] += 1
    names = ("queued", "waiting", "kept", "changed", "excluded", "disputed")
    ordered = sorted(rows, key=lambda name: (name == "all", name))
    return [{"scenario": name, **{n: rows[name][n] for n in names}} for name in ordered]


def _outcome(task: Task, given: Sequence[Answer]) -> str:
    if not given:
        return "waiting"
    if disagree(given):
        return "disputed"
    correction = resolved(given)
    if correction.excluded:
        return "excluded"
    label = record_from_row(task.label)
    said = correction.record
    same = (said.longitudinal_decision, said.lateral_decision) == (label.longitudinal_decision, label.lateral_decision)
    return "kept" if same else "changed"


def _reviewers(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for answer in answers:
        if answer.done:
            rows[answer.who][answer.role] += 1
            rows[answer.who]["excluded"] += answer.state == "excluded"
    names = ("first", "audit", "final", "excluded")
    return [{"who": who, **{n: rows[who][n] for n in names}} for who in sorted(rows)]
