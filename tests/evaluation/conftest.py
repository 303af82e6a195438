"""Small paths, samples and a policy whose every answer is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from causeway.evaluation.baselines import arcs
from causeway.model.observation import ObservationSpec, Sample, example_observation
from causeway.model.prediction import Prediction

STOP = "Stop for the red light ahead."
GO = "Track the set speed for the green light ahead."
SPEC = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,), height=8, width=12)


def straight(speed_mps: float) -> np.ndarray:
    return arcs(np.array([speed_mps]), np.zeros(1))[0].astype(np.float32)


def make_sample(number: int, speed_mps: float = 8.0, recorded_mps: float = 8.0, reasoning: str = STOP) -> Sample:
    return Sample(
        sample_id=f"s{number:03d}",
        clip_id=f"clip{number // 2}",
        t0_us=10_000_000,
        split="test",
        scenario=("curve", "slow_for_lead")[number % 2],
        observation=example_observation(number, SPEC, speed_mps),
        reasoning=reasoning,
        decision=("stop_for_static_constraint", "none") if reasoning else ("none", "none"),
        controls=np.zeros((64, 2), dtype=np.float32),
        trajectory_rig=straight(recorded_mps),
    )


def shows(number: int) -> Callable[[Any], bool]:
    """Whether what a policy is shown is the picture of this sample: nothing else tells samples apart."""
    picture = example_observation(number, SPEC).images
    return lambda seen: np.array_equal(seen.images, picture)


@dataclass
class KnownPolicy:
    """Holds the measured speed; "Stop" in its words makes it stand. `break_on` breaks chosen observations."""

    words: str = STOP
    listens: bool = True
    break_on: Callable[[Any], str] = lambda item: ""
    asked: list[int] = field(default_factory=list)

    def predict(
        self,
        samples: Sequence[Any],
        n: int = 1,
        seed: int = 0,
        *,
        temperature: float = 0.6,
        forced_reasoning: Sequence[str] | None = None,
        use_reasoning: bool = True,
        flow_steps: int = 10,
    ) -> Prediction:
        self.asked.append(len(samples))
        words = list(forced_reasoning or [self.words] * len(samples)) if use_reasoning else [""] * len(samples)
        paths = np.stack([self._path(s, w) for s, w in zip(samples, words, strict=True)])
        broken = [self.break_on(s) for s in samples]
        if "crash" in broken:
            raise RuntimeError("out of memory")
        paths[[b == "nan" for b in broken], 5] = np.nan
        return Prediction(
            reasoning=[[w] * n for w in words],
            decision=[[("stop_for_static_constraint", "none")] * n for _ in words],
            trajectory_rig=np.repeat(paths[:, None], n, axis=1),
            controls=np.zeros((len(samples), n, 64, 2), dtype=np.float32),
            timing_ms={"reasoning": 3.0, "action": 1.0},
        )

    def _path(self, item: Any, words: str) -> np.ndarray:
        return straight(0.0 if self.listens and "Stop" in words else item.speed_mps)


@pytest.fixture
def known() -> Callable[..., KnownPolicy]:
    return KnownPolicy


@pytest.fixture
def samples() -> list[Sample]:
    return [make_sample(i, speed_mps=8.0, recorded_mps=6.0 if i % 2 else 8.0) for i in range(8)]
