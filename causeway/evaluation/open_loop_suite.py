"""The open-loop suite: a policy and the baselines on held-out samples, with three of them kept to look at.

Knows samples, answers and which values a report shows. Does not know formulas (`open_loop`, `open_loop_around`) or
intervals. Samples are read a batch at a time and only their numbers are kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.answers import Answering, Answers, AskConfig, ask
from causeway.evaluation.baselines import BASELINES, BaselinePolicy
from causeway.evaluation.measured import Measured
from causeway.evaluation.open_loop import metrics, unit_of
from causeway.evaluation.open_loop_around import around_metrics, expert_metrics
from causeway.model.observation import Sample
from causeway.reasoning.mapping import actions_of_trajectory, deciding_action
from causeway.training.motion_rewards import comfort

FAILED = "failed_answers"
EXPERT = "expert"  # who drove the log
_OF_SPREAD = ("coverage", "spread", "mean_fde", "energy_score")  # a baseline's samples are one path

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Part:
    """What is kept of one batch."""

    sample_ids: list[str]
    clip_ids: list[str]
    scenarios: list[str]
    actions: list[tuple[str, ...]]  # of the recorded path: longitudinal, lateral
    values: Mapping[str, Array]
    failure: list[str]


def open_loop(policy: Answering, samples: Sequence[Sample], config: AskConfig) -> Measured:
    """Every metric of `open_loop.metrics` and, of samples that come with their surroundings, of `around_metrics`: for
    the policy, for each baseline under `<baseline>/<metric>`, and what can be said of who drove under `expert/…`.

    A failed answer is NaN in the means and counted in `failed_answers`; baselines are measured on every sample. Also
    given by scenario and by the meta action that the recorded path does first.
    """
    parts = [_measured(policy, batch, config) for batch in _batches(samples, config.batch)]
    names = list(dict.fromkeys(name for part in parts for name in part.values))
    values = {name: np.concatenate([_column(part, name) for part in parts]) for name in names}
    failure = [why for part in parts for why in part.failure]
    ids = [name for part in parts for name in part.sample_ids]
    headline = f"min_ade_{config.n}"
    actions = [pair for part in parts for pair in part.actions]
    return Measured(
        suite="open-loop",
        unit_ids=ids,
        clusters=[name for part in parts for name in part.clip_ids],
        groups=[name for part in parts for name in part.scenarios],
        values=values,
        units={name: unit_of(name.rsplit("/", 1)[-1]) for name in names},
        counts={FAILED: (sum(map(bool, failure)), len(ids))},
        grouped=[headline, "fde", f"constant_velocity/{headline}", "constant_velocity/fde"],
        groupings={
            "by longitudinal meta action": [along for along, _ in actions],
            "by lateral meta action": [aside for _, aside in actions],
        },
        examples=_examples(policy, samples, config, values[headline]),
        notes=_failure_lines("open-loop", ids, failure),
    )


def _batches(samples: Sequence[Sample], size: int) -> Iterator[list[Sample]]:
    for start in range(0, len(samples), size):
        yield list(samples[start : start + size])


def _column(part: _Part, name: str) -> Array:
    return part.values.get(name, np.full(len(part.sample_ids), np.nan))


def _measured(policy: Answering, batch: list[Sample], config: AskConfig) -> _Part:
    recorded = np.stack([s.trajectory_rig for s in batch]).astype(np.float64)
    answers = ask(policy, batch, config)
    values = _every_metric(answers.trajectory_rig, recorded, batch)
    for name in BASELINES:
        paths = np.asarray(BaselinePolicy(name).predict(batch, config.n).trajectory_rig, dtype=np.float64)
        values |= _beside(name, _every_metric(paths, recorded, batch))
    driven = {"comfort": comfort(recorded)} | expert_metrics(recorded, [s.around for s in batch])
    values |= {f"{EXPERT}/{name}": value for name, value in driven.items()}
    along, aside = actions_of_trajectory(recorded, np.array([s.observation.speed_mps for s in batch]))
    first = [tuple(deciding_action(row.tolist()) or "none" for row in pair) for pair in zip(along, aside, strict=True)]
    return _Part(
        [s.sample_id for s in batch],
        [s.clip_id for s in batch],
        [s.scenario or "unnamed" for s in batch],
        first,
        values,
        answers.failure,
    )


def _every_metric(paths: Array, recorded: Array, batch: Sequence[Sample]) -> dict[str, Array]:
    found: dict[str, Array] = metrics(paths, recorded)
    return found | around_metrics(paths[:, 0], recorded, [sample.around for sample in batch])


def _beside(name: str, values: Mapping[str, Array]) -> dict[str, Array]:
    return {f"{name}/{metric}": value for metric, value in values.items() if not metric.startswith(_OF_SPREAD)}


_MOST_KINDS = 10


def failure_notes(suite: str, samples: Sequence[Sample], answers: Answers) -> list[str]:
    """One line for each kind of failure, with how often and where first; ten kinds at most, and how many more."""
    return _failure_lines(suite, [sample.sample_id for sample in samples], answers.failure)


def _failure_lines(suite: str, sample_ids: Sequence[str], failure: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    times: dict[str, int] = {}
    for sample_id, why in zip(sample_ids, failure, strict=True):
        if why:
            first.setdefault(why, sample_id)
            times[why] = times.get(why, 0) + 1
    kinds = sorted(first, key=lambda why: -times[why])
    lines = [f"{suite}: {times[why]} of {len(failure)} answers failed: {why} (first: {first[why]})" for why in kinds]
    left = len(lines) - _MOST_KINDS
    return lines if left <= 0 else [*lines[:_MOST_KINDS], f"{suite}: {left} more kinds of failure"]


def _examples(policy: Answering, samples: Sequence[Sample], config: AskConfig, score: Array) -> list[dict[str, Any]]:
    """Best, median and worst sample by `score` (m), asked again in their batches, which gives the same answers."""
    found = []
    for index, which in sorted(told_apart(score).items(), key=lambda item: _WHICH.index(item[1])):
        start = index // config.batch * config.batch
        batch = list(samples[start : start + config.batch])
        answers = ask(policy, batch, config)
        if not answers.failure[index - start]:  # it did not fail before; a policy that changes its mind has no picture
            found.append(example(which, batch[index - start], answers, index - start, float(score[index])))
    return found


_WHICH = ("best", "median", "worst")


def told_apart(score: Array) -> dict[int, str]:
    """{index: best, median or worst} by score; fewer when fewer were answered, as one sample is shown once."""
    order = [int(i) for i in np.argsort(score, kind="stable") if np.isfinite(score[i])]
    if not order:
        return {}
    picked = dict(zip(_WHICH, (order[0], order[len(order) // 2], order[-1]), strict=True))
    return {index: which for which, index in reversed(picked.items())}


def example(which: str, sample: Sample, answers: Answers, index: int, score_m: float) -> dict[str, Any]:
    """One sample with its pictures, both paths (cm), the policy's words and the label."""
    from causeway.evaluation.page.views import views

    paths = answers.trajectory_rig[index]
    nearest = int(np.hypot(*np.moveaxis(paths[..., :2] - sample.trajectory_rig[:, :2], -1, 0)).mean(-1).argmin())
    return {
        "which": which,
        "sample_id": sample.sample_id,
        "clip_id": sample.clip_id,
        "scenario": sample.scenario,
        "score_m": round(score_m, 4),
        **views(sample, paths[nearest]),
        "speed_mps": round(float(sample.observation.speed_mps), 3),
        "predicted": np.round(paths[..., :2], 2).tolist(),
        "recorded": np.round(sample.trajectory_rig[:, :2].astype(np.float64), 2).tolist(),
        "reasoning": answers.reasoning[index][nearest],
        "decision": list(answers.decision[index][nearest]),
        "label": sample.reasoning,
        "label_decision": list(sample.decision),
    }
