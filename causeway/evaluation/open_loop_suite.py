"""The open-loop suite: a policy and the baselines on held-out samples, with three of them kept to look at.

Knows samples, answers and which values a report shows. Does not know formulas (`open_loop`) or intervals.
"""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.answers import Answering, Answers, AskConfig, ask
from causeway.evaluation.baselines import BASELINES, BaselinePolicy
from causeway.evaluation.measured import Measured
from causeway.evaluation.open_loop import metrics, unit_of
from causeway.model.observation import Sample

FAILED = "failed_answers"


def open_loop(policy: Answering, samples: Sequence[Sample], config: AskConfig) -> Measured:
    """Every metric of `open_loop.metrics` for the policy, and for each baseline under `<baseline>/<metric>`.

    A failed answer is NaN in the means and counted in `failed_answers`; baselines are measured on every sample.
    """
    recorded = np.stack([s.trajectory_rig for s in samples]).astype(np.float64)
    answers = ask(policy, samples, config)
    values = metrics(answers.trajectory_rig, recorded)
    units = {name: unit_of(name) for name in values}
    headline = f"min_ade_{config.n}"
    for name in BASELINES:
        paths = np.asarray(BaselinePolicy(name).predict(samples, config.n).trajectory_rig, dtype=np.float64)
        beside = {f"{name}/{metric}": value for metric, value in metrics(paths, recorded).items()}
        units |= {metric: unit_of(metric.removeprefix(f"{name}/")) for metric in beside}
        values |= beside
    return Measured(
        suite="open-loop",
        unit_ids=[s.sample_id for s in samples],
        clusters=[s.clip_id for s in samples],
        groups=[s.scenario or "unnamed" for s in samples],
        values=values,
        units=units,
        counts={FAILED: (int(answers.failed.sum()), len(samples))},
        grouped=[headline, "fde", f"constant_velocity/{headline}", "constant_velocity/fde"],
        examples=examples(samples, answers, values[headline]),
        notes=failure_notes("open-loop", samples, answers),
    )


def failure_notes(suite: str, samples: Sequence[Sample], answers: Answers) -> list[str]:
    """One line for each kind of failure, with how often and where first."""
    first: dict[str, str] = {}
    times: dict[str, int] = {}
    for sample, why in zip(samples, answers.failure, strict=True):
        if why:
            first.setdefault(why, sample.sample_id)
            times[why] = times.get(why, 0) + 1
    return [f"{suite}: {times[why]} of {len(samples)} answers failed: {why} (first: {first[why]})" for why in first]


def examples(samples: Sequence[Sample], answers: Answers, score: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Best, median and worst sample by `score` (m); fewer when fewer were answered."""
    order = [int(i) for i in np.argsort(score, kind="stable") if np.isfinite(score[i])]
    if not order:
        return []
    picked = {"best": order[0], "median": order[len(order) // 2], "worst": order[-1]}
    chosen = {index: which for which, index in reversed(picked.items())}  # one sample is shown once
    shown = sorted(chosen.items(), key=lambda item: list(picked).index(item[1]))
    return [example(which, samples[i], answers, i, float(score[i])) for i, which in shown]


def example(which: str, sample: Sample, answers: Answers, index: int, score_m: float) -> dict[str, Any]:
    """One sample with its picture, both paths (cm), the policy's words and the label."""
    paths = answers.trajectory_rig[index]
    nearest = int(np.hypot(*np.moveaxis(paths[..., :2] - sample.trajectory_rig[:, :2], -1, 0)).mean(-1).argmin())
    return {
        "which": which,
        "sample_id": sample.sample_id,
        "clip_id": sample.clip_id,
        "scenario": sample.scenario,
        "score_m": round(score_m, 4),
        "picture": picture_of(sample, paths[nearest]),
        "camera": sample.observation.cameras[0],
        "speed_mps": round(float(sample.observation.speed_mps), 3),
        "predicted": np.round(paths[..., :2], 2).tolist(),
        "recorded": np.round(sample.trajectory_rig[:, :2].astype(np.float64), 2).tolist(),
        "reasoning": answers.reasoning[index][nearest],
        "decision": list(answers.decision[index][nearest]),
        "label": sample.reasoning,
        "label_decision": list(sample.decision),
    }


def picture_of(sample: Sample, predicted: NDArray[np.float64]) -> str:
    """The first camera's latest picture with the recorded and the predicted path drawn in, JPEG in base64."""
    from causeway.evaluation.pictures import PREDICTED, RECORDED, draw_path, enlarged, jpeg

    observation = sample.observation
    image = enlarged(observation.images[0, -1])
    image = draw_path(image, predicted, observation.rig[0], PREDICTED)
    image = draw_path(image, sample.trajectory_rig, observation.rig[0], RECORDED, width_m=0.25)  # on top, both are seen
    return base64.b64encode(jpeg(image)).decode()
