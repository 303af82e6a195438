"""Cameras fail in training as they do on the road, so that a policy drives on with those that are left.

Knows a rate and a seeded generator. Does not know pictures or tokens.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from causeway.model.observation import Sample, dropped_cameras, without_cameras


def with_failing_cameras(samples: Sequence[Sample], rate: float, generator: torch.Generator) -> list[Sample]:
    """The samples, each camera left out at a rate, but never all of a sample's; rate 0 draws no numbers."""
    return [_failing(sample, rate, generator) for sample in samples] if rate > 0 else list(samples)


def _failing(sample: Sample, rate: float, generator: torch.Generator) -> Sample:
    cameras = sample.observation.cameras
    dropped = dropped_cameras(cameras, rate, torch.rand(len(cameras), generator=generator).tolist())
    return replace(sample, observation=without_cameras(sample.observation, dropped)) if dropped else sample
