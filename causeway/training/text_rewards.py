"""Rewards of words: does the trace name the label's decision and causes, and does the path do what the trace says?

Knows how two parsed records are graded and how a path becomes meta actions for *the* consistency rule of
`causeway.reasoning`. Does not know how traces or paths were made. A trace that does not parse scores lowest: the
closed sets are part of the task.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from causeway.errors import UnusableInput
from causeway.reasoning import CocRecord, Component, TraceError, parse
from causeway.reasoning.mapping import FIRST_TICK, LAST_TICK, actions_of_trajectory, channel_verdicts, consistent
from causeway.training.reward_inputs import finite, path, same_kind

TOP_GRADE = 5.0
MOSTLY_RIGHT = 0.5  # share of causes (F1 of category and kind) from which on causes count as mostly right


def read_trace(trace: str) -> CocRecord | None:
    """The record a trace says, or None when it does not parse."""
    try:
        return parse(trace)
    except TraceError:
        return None


def _said(components: tuple[Component, ...]) -> set[tuple[str, str, str, str]]:
    return {(c.category, c.kind, c.relative_pose, c.motion) for c in components}


def _share_right(said: tuple[Component, ...], known: tuple[Component, ...]) -> float:
    """F1 of the causes by category and kind; 1 when neither names any."""
    ours, theirs = {(c.category, c.kind) for c in said}, {(c.category, c.kind) for c in known}
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) if ours or theirs else 1.0


def grade_records(said: CocRecord | None, known: CocRecord) -> float:
    """Grade 0–5 of a record against the label's; None (unparseable) is 0. See `reasoning_grade`."""
    if said is None:
        return 0.0
    right = (said.longitudinal_decision == known.longitudinal_decision) + (
        said.lateral_decision == known.lateral_decision
    )
    if right < 2:
        return 1.0 + right
    if _said(said.components) == _said(known.components):
        return TOP_GRADE
    return 4.0 if _share_right(said.components, known.components) >= MOSTLY_RIGHT else 3.0


def reasoning_grade(traces: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """The rule judge: how well a trace tells the label's decision and causes.

    Inputs: `traces` and `labels`, n sentences each. Range: 0–5 in whole grades, 5 best. 5 both decisions and all
    causes with pose and motion; 4 both decisions, causes mostly (F1 ≥ 0.5 of category and kind); 3 both decisions,
    causes missing or wrong; 2 one decision right; 1 both wrong; 0 outside the closed sets. Unit: grade. Source: the
    rubric of r_reason, arXiv 2511.00088 sec. 5 (its judge is a language model). UnusableInput when a label does not
    parse: a sample without reasoning has no grade.
    """
    grades = []
    for trace, label in zip(_texts("traces", traces), _texts("labels", labels), strict=True):
        known = read_trace(label)
        if known is None:
            raise UnusableInput(
                f"label {label!r} does not parse; a sample without reasoning has no grade: leave it out"
            )
        grades.append(grade_records(read_trace(trace), known))
    return np.array(grades, dtype=np.float64)


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise UnusableInput(f"{name} must be a sequence of sentences, got {type(texts).__name__}")
    return list(texts)


@same_kind
def consistency(predicted: np.ndarray, speed_mps: np.ndarray, traces: Sequence[str]) -> np.ndarray:
    """1 when the path does what its trace says on both channels, else 0; a trace that does not parse gives 0.

    Inputs: `predicted` [n, 64, 3] in the rig frame at t0 (poses at 0.1 … 6.4 s), `speed_mps` [n] measured at t0,
    `traces` n sentences. Range: {0, 1}. Unit: none. Source: r_consistency of arXiv 2511.00088 sec. 5; the path's
    meta actions come from `causeway.meta_actions.detect`, the match from `causeway.reasoning.mapping`, which labels
    and evaluation use too. What the mapping calls undecidable earns nothing: the paper's reward is binary.
    """
    kept = [
        record is not None and consistent(record, along, aside) == "yes"
        for record, along, aside in _said_and_done(predicted, speed_mps, traces)
    ]
    return np.array(kept, dtype=np.float64)


@same_kind
def consistency_graded(predicted: np.ndarray, speed_mps: np.ndarray, traces: Sequence[str]) -> np.ndarray:
    """How much of what its trace says the path does: the mean of both channels; a trace that does not parse gives 0.

    A channel counts 1 when the mapping says yes, ½ when it cannot decide, and else half the share of its ticks from
    0.8 to 2.5 s whose own action would keep the promise: a path that begins to do what was said scores before it gets
    there. Inputs: as `consistency`. Range: [0, 1]; 1 exactly where `consistency` is 1. Unit: none. Source: ours, a
    grading of r_consistency of arXiv 2511.00088 sec. 5, with the same mapping and detectors.
    """
    grades = [
        0.0 if record is None else (_grade(record, 0, along, aside) + _grade(record, 1, along, aside)) / 2
        for record, along, aside in _said_and_done(predicted, speed_mps, traces)
    ]
    return np.array(grades, dtype=np.float64)


_GRADES = {"yes": 1.0, "undecidable": 0.5}


def _grade(record: CocRecord, channel: int, along: list[str], aside: list[str]) -> float:
    """What one channel counts; a tick's own action is judged as if it went on throughout."""
    verdict = channel_verdicts(record, along, aside)[channel]
    if verdict in _GRADES:
        return _GRADES[verdict]
    window = (along, aside)[channel][FIRST_TICK - 1 : LAST_TICK]
    ticks = len(along)
    kept = {name for name in window if channel_verdicts(record, [name] * ticks, [name] * ticks)[channel] == "yes"}
    return sum(name in kept for name in window) / len(window) / 2 if window else 0.0


def _said_and_done(
    predicted: np.ndarray, speed_mps: np.ndarray, traces: Sequence[str]
) -> Iterator[tuple[CocRecord | None, list[str], list[str]]]:
    """Of each path what its trace says and its meta actions on both channels."""
    poses, speed, said = path("predicted", predicted), finite("speed_mps", speed_mps, ()), _texts("traces", traces)
    if poses.ndim != 3 or len(said) != len(poses):
        raise UnusableInput(f"predicted {poses.shape} and {len(said)} traces do not fit: one sentence for each path")
    longitudinal, lateral = actions_of_trajectory(poses, np.broadcast_to(speed, len(poses)))
    yield from zip(map(read_trace, said), longitudinal.tolist(), lateral.tolist(), strict=True)
