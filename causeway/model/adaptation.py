"""Test-time adaptation: what driving showed moves the visual adapter a little, and nothing else.

Knows which cells a driven path crossed, and the step. Does not know what a success is: whoever drove says so. Source:
arXiv 2312.16217, sec. 3.4: after each trial the visual adapter alone learns from its outcome, by the affordance loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from causeway.errors import UsageError
from causeway.model import chain
from causeway.model.observation import Observation, observation_of

if TYPE_CHECKING:
    from causeway.model.policy import Policy

NEAR_M = 3.0  # a path that passes a cell's middle so near has crossed it
PART = "visual-adapters"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one drive showed of the region ahead."""

    path_rig: NDArray[np.float32]  # [n, 2 or more] x, y driven, rig frame at the observation's t0
    succeeded: bool  # whether it stayed on the road and touched nothing


def crossed(path_rig: NDArray[np.float32]) -> tuple[int, ...]:
    """The numbers of the cells that a path crossed."""
    apart = np.linalg.norm(chain.CELLS[:, None] - np.asarray(path_rig, dtype=np.float64)[None, :, :2], axis=-1)
    return tuple(np.flatnonzero(apart.min(axis=1) <= NEAR_M).tolist())


def adapt(policy: Policy, item: Observation, outcome: Outcome, steps: int = 1, lr: float = 1e-3) -> tuple[float, float]:
    """Teach the visual adapter what a drive showed; the mean chance of a yes at the cells it crossed, before and after.

    UsageError for a policy without a chain or a visual adapter. A path that crossed no cell teaches nothing.
    """
    if not policy.head.in_chain:
        raise UsageError(f"action head {policy.config.design.head!r} says no region that could be adapted")
    learning, cells = policy.trained_parameters(PART), crossed(outcome.path_rig)
    told = chain.ask_chain(policy, [item])[0]
    before = _mean(told, cells)
    if not cells:
        return before, before
    policy.requires_grad_(False)
    for parameter in learning:
        parameter.requires_grad_(True)
    optimizer = torch.optim.SGD(learning, lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        _loss(policy, observation_of(item), told, cells, outcome.succeeded).backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
    optimizer.zero_grad()
    return before, _mean(chain.ask_chain(policy, [item])[0], cells)


def _mean(told: chain.Told, cells: tuple[int, ...]) -> float:
    return float(np.mean([told.chances[cell] for cell in cells or range(len(told.chances))]))


def _loss(policy: Policy, seen: Observation, told: chain.Told, cells: tuple[int, ...], free: bool) -> torch.Tensor:
    """Cross-entropy of yes against no at the cells crossed, behind what the policy itself said before them."""
    yes, no = chain.first_ids(policy.vocabulary)
    tail, places = chain.region_places(policy.vocabulary, told)
    batch = policy.batch_of([seen], [tail])
    hidden = policy.forward_tokens(batch).prefix_hidden
    columns = hidden.shape[1] - len(tail.ids) + torch.tensor([places[cell] for cell in cells]) - 1
    logits = policy.word_logits(hidden[0, columns.to(hidden.device)])[:, [yes, no]].float()
    return nn.functional.cross_entropy(logits, torch.full((len(cells),), 0 if free else 1, device=logits.device))
