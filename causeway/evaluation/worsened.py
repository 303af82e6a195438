"""Policies made worse on purpose: what a gate must refuse, and for which reason.

Knows a dozen ways in which a policy's answers go wrong and which rules see each. Does not know suites or verdicts: a
gate that lets one of them through on enough data is broken.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.evaluation.answers import Answering
from causeway.evaluation.baselines import constant_turn_rate
from causeway.model.observation import Observation
from causeway.reasoning.mapping import SLOWING, STANDING, actions_of_trajectory, deciding_action

Array = NDArray[np.float64]

STOP = "Stop for the red light ahead."
GO = "Track the set speed for the green light ahead."
DELAY_TICKS = 5
JERK_M = 0.15
ASIDE_M = 3.0
SOME = 8  # one in so many observations


@dataclass(frozen=True)
class Worse:
    """A policy with something done to what it sees, to how it is asked and to what it answers."""

    policy: Answering
    seen: Callable[[Observation], Observation] = lambda observation: observation
    asked: Callable[[dict[str, Any]], dict[str, Any]] = lambda options: options
    answered: Callable[[Any, Sequence[Observation]], Any] = lambda prediction, observations: prediction

    def predict(self, samples: Sequence[Observation], n: int = 1, seed: Any = 0, **options: Any) -> Any:
        """What the policy answers, made worse."""
        shown = [self.seen(observation) for observation in samples]
        return self.answered(self.policy.predict(shown, n=n, seed=seed, **self.asked(options)), samples)


@dataclass(frozen=True)
class Worsening:
    """A way to be worse; the suites that can see it, and the metrics of rules of which one at least must fail."""

    make: Callable[[Answering], Worse]
    suites: tuple[str, ...]
    reasons: tuple[str, ...]
    scenarios: tuple[str, ...] = ()  # of the built-in world in which it shows; () = all


def _paths(change: Callable[[Array], Array]) -> Callable[[Answering], Worse]:
    """Worse by a change of the paths [B, n, 64, 3]."""

    def answered(prediction: Any, observations: Sequence[Observation]) -> Any:
        return replace(prediction, trajectory_rig=change(np.array(prediction.trajectory_rig, dtype=np.float64)))

    return lambda policy: Worse(policy, answered=answered)


def mirrored(paths: Array) -> Array:
    """Left and right exchanged."""
    return paths * np.array([1.0, -1.0, -1.0])


def delayed(paths: Array) -> Array:
    """Everything half a second later, standing until then."""
    late = np.zeros_like(paths)
    late[..., DELAY_TICKS:, :] = paths[..., :-DELAY_TICKS, :]
    return late


def jerking(paths: Array) -> Array:
    """A lurch at every tick."""
    shaken = paths.copy()
    shaken[..., 0] += JERK_M * (-1.0) ** np.arange(paths.shape[-2])
    return shaken


def aside(paths: Array) -> Array:
    """Three metres off to the left within three seconds, as over a kerb."""
    moved = paths.copy()
    moved[..., 1] += ASIDE_M * np.minimum(np.arange(1, paths.shape[-2] + 1) / 30, 1.0)
    return moved


def blinded(observation: Observation) -> Observation:
    """The same moment with black pictures."""
    return replace(observation, images=np.zeros_like(observation.images))


def ignores_lights(prediction: Any, observations: Sequence[Observation]) -> Any:
    """Where the policy would speak of a light or of a sign to stop at, it says that the way is free, and drives on."""
    on = np.asarray(constant_turn_rate(observations))
    paths, words, named = np.array(prediction.trajectory_rig), list(prediction.reasoning), list(prediction.decision)
    for i, said in enumerate(prediction.reasoning):
        if any(word in said[0].lower() for word in ("red light", "yellow light", "stop sign", "stop line")):
            paths[i], words[i] = on[i], [GO] * len(said)
            named[i] = [("set_speed_tracking", "none")] * len(said)
    return replace(prediction, trajectory_rig=paths, reasoning=words, decision=named)


def contradicts_itself(prediction: Any, observations: Sequence[Observation]) -> Any:
    """The words say stop where the wheels go, and go where they slow or stand."""
    paths = np.asarray(prediction.trajectory_rig, dtype=np.float64)
    speed_mps = np.array([observation.speed_mps for observation in observations])
    along, _ = actions_of_trajectory(paths[:, 0], speed_mps)
    slows = [deciding_action(row.tolist()) in (*SLOWING, *STANDING) for row in along]
    words = [[GO if slow else STOP] * paths.shape[1] for slow in slows]
    stop, go = ("stop_for_static_constraint", "none"), ("set_speed_tracking", "none")
    return replace(
        prediction, reasoning=words, decision=[[go if slow else stop] * paths.shape[1] for slow in slows]
    )


def some(observation: Observation) -> bool:
    """Whether an observation is one of the one in eight; its motion decides, so that it is always the same ones."""
    drawn = hashlib.blake2b(np.ascontiguousarray(observation.ego_history).tobytes(), digest_size=4)
    drawn.update(str(observation.t0_us).encode())
    return int.from_bytes(drawn.digest()) % SOME == 0


def nan_on_some(prediction: Any, observations: Sequence[Observation]) -> Any:
    """One number of some paths is NaN."""
    paths = np.array(prediction.trajectory_rig)
    paths[[some(observation) for observation in observations], :, 7, 1] = np.nan
    return replace(prediction, trajectory_rig=paths)


def crashes_on_some(prediction: Any, observations: Sequence[Observation]) -> Any:
    """Some observations end the program."""
    if any(map(some, observations)):
        raise RuntimeError("out of memory")
    return prediction


def too_few(prediction: Any, observations: Sequence[Observation]) -> Any:
    """One sample, however many were asked for."""
    return replace(
        prediction,
        trajectory_rig=np.asarray(prediction.trajectory_rig)[:, :1],
        reasoning=[said[:1] for said in prediction.reasoning],
        decision=[named[:1] for named in prediction.decision],
    )


def deaf(options: dict[str, Any]) -> dict[str, Any]:
    """It drives by its own words whatever it is told."""
    return {name: value for name, value in options.items() if name not in ("forced_reasoning", "use_reasoning")}


def slow(delay_s: float) -> Callable[[Answering], Worse]:
    """Every question takes so much longer."""

    def answered(prediction: Any, observations: Sequence[Observation]) -> Any:
        time.sleep(delay_s)
        return prediction

    return lambda policy: Worse(policy, answered=answered)


def _answers(change: Callable[[Any, Sequence[Observation]], Any]) -> Callable[[Answering], Worse]:
    return lambda policy: Worse(policy, answered=change)


_OPEN, _WORDS = ("open-loop",), ("open-loop", "reasoning")
_OFF = ("min_ade_6", "ade", "energy_score_6")
WORSENINGS: dict[str, Worsening] = {
    "mirrored": Worsening(_paths(mirrored), _OPEN, (*_OFF, "heading_error_deg", "steers_same_way", "path_off_road")),
    "delayed": Worsening(_paths(delayed), _OPEN, _OFF),
    "frozen": Worsening(_paths(np.zeros_like), _OPEN, _OFF),
    "blind": Worsening(
        lambda policy: Worse(policy, seen=blinded), (*_WORDS, "faithfulness"),
        (*_OFF, "heading_error_deg", "steers_same_way", "decision_accuracy", "faithfulness_blank_images_m"),
    ),
    "ignores lights": Worsening(
        _answers(ignores_lights), (*_WORDS, "closed-loop"), ("decision_accuracy", "red_light_run"),
        ("stop_for_control",),
    ),
    "words against wheels": Worsening(_answers(contradicts_itself), ("reasoning",), ("consistency",)),
    "deaf": Worsening(
        lambda policy: Worse(policy, asked=deaf), ("faithfulness",),
        ("faithfulness_swapped_m", "faithfulness_stop_go_mps"),
    ),
    "NaN on some": Worsening(_answers(nan_on_some), _OPEN, ("failed_answers",)),
    "crashes on some": Worsening(_answers(crashes_on_some), _OPEN, ("failed_answers",)),
    "too few samples": Worsening(_answers(too_few), _OPEN, ("failed_answers",)),
    "slow": Worsening(slow(1.2), ("latency",), ("latency_total_p99_ms",)),
    "jerking": Worsening(_paths(jerking), _OPEN, ("comfort",)),
    "off to the side": Worsening(_paths(aside), _OPEN, (*_OFF, "path_off_road", "path_collision")),
}  # fmt: skip
