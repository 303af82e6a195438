"""What rollouts earn: every reward that a mix wants, called with what it needs of a sample and of a path.

Knows which arrays a reward takes, and which rollouts have none. Does not know weights, groups or policies. A path that
is not finite and a reasoning that the length bound cut earn nothing at all: such a row is marked unsound, counted by
its fault, and takes no part in its group.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causeway.model.observation import Sample
from causeway.training.judge_reward import PROBLEMS, JudgeConfig, judged_grade
from causeway.training.rewards import ACTION, REWARDS, SPANS, TEXT, RewardMix, filled, mixed
from causeway.training.safety_rewards import NAMES as SAFETY
from causeway.training.safety_rewards import safety_rewards
from causeway.training.text_rewards import read_trace

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

GRADE = "reasoning_grade"

__all__ = ["ACTION", "TEXT", "Driven", "Earned", "Pay", "earned_of", "score", "wanted"]


@dataclass(frozen=True)
class Pay:
    """By what rollouts are paid: a mix, and who grades words ("" = the rules, else MODEL@URL)."""

    mix: RewardMix
    judge: str = ""


@dataclass(frozen=True, eq=False)
class Driven:
    """Paths of R rows with the words they were driven by, and the sample that each belongs to."""

    samples: Sequence[Sample]  # [R]
    texts: Sequence[str]  # [R]
    truncated: Mask  # [R]
    trajectory_rig: NDArray[np.floating]  # [R, 64, 3]

    def faults(self) -> dict[str, Mask]:
        """The rows [R] that have no reward, by their fault; a row has the first of its faults."""
        broken = ~np.isfinite(self.trajectory_rig).all(axis=(1, 2))
        cut = self.truncated & ~broken
        wordless = np.array([read_trace(text) is None for text in self.texts], dtype=bool) & ~cut & ~broken
        return {"not_finite": broken, "truncated": cut, "unparseable": wordless}

    def taken(self, rows: NDArray[np.intp]) -> "Driven":
        """Only these rows."""
        return Driven(
            [self.samples[i] for i in rows], [self.texts[i] for i in rows], self.truncated[rows],
            self.trajectory_rig[rows],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Earned:
    """Rewards by name, each [R]; 0 in rows that are not sound, whose faults are counted."""

    parts: dict[str, Floats]
    sound: Mask  # [R]
    counts: dict[str, int]  # rows by fault
    lacking: dict[str, Mask] = field(default_factory=dict)  # by reward, [R]: what stands there is no row's own reward

    def total(self, mix: RewardMix, span: str) -> Floats:
        """What each row earns for a span, [R]; 0 where the span has no reward in this mix."""
        return np.asarray(mixed(mix, self.parts, span)) if self.parts else np.zeros(len(self.sound))

    def means(self) -> dict[str, float]:
        """The mean of each reward over the sound rows that have it; 0 where there are none."""
        own = {name: values[self.sound & ~self.lacking.get(name, ~self.sound)] for name, values in self.parts.items()}
        return {name: float(values.sum()) / max(len(values), 1) for name, values in own.items()}


def without(name: str) -> str:
    """Under what name sound rows are counted that have no such reward: their sample or their judge does not know it."""
    return f"without_{name}"


def earned_of(driven: Driven, pay: Pay, span: str) -> Earned:
    """What R rows earn of the rewards of one span that a mix wants."""
    faults = driven.faults()
    sound = ~np.any(list(faults.values()), axis=0)
    rows, names = np.flatnonzero(sound), wanted(pay.mix, span)
    parts = {name: np.zeros(len(sound)) for name in names}
    lacking = {name: np.zeros(len(sound), dtype=bool) for name in names if name in (*SAFETY, GRADE)}
    counts = {name: int(rows_of.sum()) for name, rows_of in faults.items()}
    counts |= {_counted(problem): 0 for problem in PROBLEMS} if GRADE in names and pay.judge else {}
    if len(rows):
        found, lack, problems = score(driven.taken(rows), pay, names)
        for name, values in found.items():
            parts[name][rows] = values
        for name, without_it in lack.items():
            lacking[name][rows] = without_it
        counts |= problems
    counts |= {without(name): int(without_it.sum()) for name, without_it in lacking.items()}
    return Earned(parts, sound, counts, lacking)


def score(
    driven: Driven, pay: Pay, names: Sequence[str]
) -> tuple[dict[str, Floats], dict[str, Mask], dict[str, int]]:
    """The rewards named of R sound rows, each [R]; which rows have none of their own, by reward; a judge's failures.

    A row whose sample lacks what a reward needs has 0: a sample's rows all lack it together, so that no member of a
    group gains by it. A row without a grade has the mean of its sample's.
    """
    found = {name: np.asarray(_CALLS[name](driven), dtype=np.float64) for name in names if name in _CALLS}
    safe, lacking = _safety(driven, [name for name in names if name in SAFETY])
    problems: dict[str, int] = {}
    if GRADE in names:
        found[GRADE], lacking[GRADE], problems = _grades(driven, pay)
    return found | safe, lacking, problems


def wanted(mix: RewardMix, span: str) -> list[str]:
    """Names of the rewards of a span that a mix wants."""
    return [name for name in mix.wanted() if span in SPANS[name]]


def _expert(driven: Driven) -> Floats:
    return np.stack([sample.trajectory_rig for sample in driven.samples]).astype(np.float64)


def _speed_mps(driven: Driven) -> Floats:
    return np.array([sample.observation.speed_mps for sample in driven.samples])


def _whole(driven: Driven) -> Floats:
    """The paths from where the vehicle is at t0 on."""
    path = np.asarray(driven.trajectory_rig, dtype=np.float64)
    return np.concatenate([np.zeros_like(path[:, :1]), path], axis=1)


def _safety(driven: Driven, names: Sequence[str]) -> tuple[dict[str, Floats], dict[str, Mask]]:
    """The rewards that need what stands around, for all rows of a sample at once; where not known 0, and lacking."""
    found = {name: np.zeros(len(driven.texts)) for name in names}
    lacking = {name: np.zeros(len(driven.texts), dtype=bool) for name in names}
    path = np.asarray(driven.trajectory_rig, dtype=np.float64)
    places: dict[int, list[int]] = {}
    for row, sample in enumerate(driven.samples):
        places.setdefault(id(sample), []).append(row)
    for rows in places.values():
        sample = driven.samples[rows[0]]
        known = safety_rewards(sample.around, sample.trajectory_rig, path[rows], names)
        for name in names:
            if name in known:
                found[name][rows] = known[name]
            else:
                lacking[name][rows] = True
    return found, lacking


def _grades(driven: Driven, pay: Pay) -> tuple[Floats, Mask, dict[str, int]]:
    """Grades [R] by the rules or by the judge, and who has none: the sample's mean then stands there."""
    labels = [sample.reasoning for sample in driven.samples]
    if not pay.judge:
        return np.asarray(REWARDS[GRADE](driven.texts, labels)), np.zeros(len(labels), dtype=bool), {}
    graded = judged_grade(driven.texts, labels, JudgeConfig(pay.judge))
    found = graded.grades.copy()
    for sample in {id(sample): sample for sample in driven.samples}.values():
        rows = np.array([one is sample for one in driven.samples])
        found[rows] = filled(found[rows], int(rows.sum()))
    for name, count in graded.problems.items():
        print(f"rl: {count} grades missing: {name}", file=sys.stderr)
    return found, np.isnan(graded.grades), {_counted(name): count for name, count in graded.problems.items()}


def _counted(problem: str) -> str:
    """A judge's failure as a name in the record of losses."""
    return problem.replace(": ", "_").replace(" ", "_")


_CALLS: dict[str, Callable[[Driven], Floats]] = {
    "displacement": lambda driven: REWARDS["displacement"](driven.trajectory_rig, _expert(driven)),
    "comfort": lambda driven: REWARDS["comfort"](_whole(driven), _speed_mps(driven)),
    "jerk": lambda driven: REWARDS["jerk"](_whole(driven)),
    "progress": lambda driven: REWARDS["progress"](driven.trajectory_rig, _expert(driven)),
    "consistency": lambda driven: REWARDS["consistency"](driven.trajectory_rig, _speed_mps(driven), driven.texts),
    "consistency_graded": lambda driven: REWARDS["consistency_graded"](
        driven.trajectory_rig, _speed_mps(driven), driven.texts
    ),
}
