"""Words are left out in training as a deadline or a caller leaves them out, so that a policy drives well without them.

Knows a rate and a seeded generator. Does not know tokens. Nearly every labelled sample has words: without this, acting
without them would be learned from the few that have none.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from causeway.model.observation import Sample


def with_some_silent(samples: Sequence[Sample], rate: float, generator: torch.Generator) -> list[Sample]:
    """The samples, each without its reasoning at a rate; rate 0 draws no numbers."""
    if rate == 0.0:
        return list(samples)
    left_out = (torch.rand(len(samples), generator=generator) < rate).tolist()
    return [replace(sample, reasoning="") if out else sample for sample, out in zip(samples, left_out, strict=True)]
