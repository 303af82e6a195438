"""Samples that the model's tests share."""

import numpy as np

from causeway.model.action_space import trajectory_from_controls
from causeway.model.observation import ObservationSpec, Sample, example_observation

TRACES = ("Stop for the red light ahead.", "Track the set speed.", "Keep distance to the slowing car ahead.", "")
SMALL = ObservationSpec(height=64, width=96)


def make_sample(number: int, reasoning: str | None = None, cameras: tuple[str, ...] = SMALL.cameras) -> Sample:
    """A sample of noise pictures whose controls grow with its number."""
    spec = ObservationSpec(cameras=cameras, height=64, width=96)
    observation = example_observation(number, spec, speed_mps=5.0 + number)
    controls = np.tile(np.float32([-1.0 + 0.25 * number, 0.01 * number]), (64, 1))
    return Sample(
        sample_id=f"s{number}",
        clip_id="clip",
        t0_us=observation.t0_us,
        split="train",
        scenario="curve",
        observation=observation,
        reasoning=TRACES[number % 4] if reasoning is None else reasoning,
        decision=("none", "none"),
        controls=controls,
        trajectory_rig=trajectory_from_controls(controls, observation.speed_mps),
    )
