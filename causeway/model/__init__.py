"""The policy: action space, action tokens, vision tokenizers, backbone, action expert.

Importing this room does not import torch; `Policy` and `Prediction` are fetched on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from causeway.model.observation import (
    Observation,
    ObservationSpec,
    Sample,
    check_observation,
    check_sample,
    example_observation,
)

if TYPE_CHECKING:
    from causeway.model.policy import Policy
    from causeway.model.prediction import Prediction

__all__ = [
    "Observation",
    "ObservationSpec",
    "Policy",
    "Prediction",
    "Sample",
    "check_observation",
    "check_sample",
    "example_observation",
]


def __getattr__(name: str) -> Any:
    """Fetch the parts that need torch when they are first asked for."""
    if name == "Policy":
        from causeway.model.policy import Policy

        return Policy
    if name == "Prediction":
        from causeway.model.prediction import Prediction

        return Prediction
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
