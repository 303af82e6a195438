"""GR-1's head: learned queries behind the sequence, one that acts and a few that foresee the next frames.

Knows queries, who sees whom, and the network from the acting query to controls. Does not know how frames are painted
(`foresight.py`) or losses' targets. Each query reads everything before it and nobody reads a query, so that an answer
is the same whether frames are foreseen or not. Source: arXiv 2312.13139, sec. 3.2: [ACT] and [OBS] tokens, masked.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causeway.model.attention import Prefix, Reading
from causeway.model.backbone import TextInputs, run_text
from causeway.model.foresight import Foresight
from causeway.model.observation import HORIZON_STEPS
from causeway.model.scales import Scale


class Queries(nn.Module):
    """Controls and frames from columns of the backbone's own sequence."""

    def __init__(self, scale: Scale, backbone: nn.Module) -> None:
        super().__init__()
        hidden, width = scale.text.hidden, scale.expert.hidden
        self.act = nn.Parameter(torch.randn(1, hidden) * 0.02)
        self.write = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, 2 * width), nn.SiLU(), nn.Linear(2 * width, 2 * HORIZON_STEPS)
        )
        self.foresight = Foresight(scale)
        self._backbone = (backbone,)  # in a tuple: its weights are no part of this module

    def condition(self, prefix: Prefix) -> Prefix:
        """The prefix itself."""
        return prefix

    def forward(self, noisy: Tensor, time: Tensor, prefix: Prefix) -> Tensor:
        """Normalised controls [R, 64, 2]; noise and time are not looked at."""
        return self.write(self.asked(prefix, self.act)[:, 0]).unflatten(1, (HORIZON_STEPS, 2))  # type: ignore[no-any-return]

    def latents(self, prefix: Prefix) -> Tensor:
        """What the foreseeing queries found [R, K, hidden]."""
        return self.asked(prefix, self.foresight.queries)

    def asked(self, prefix: Prefix, queries: Tensor) -> Tensor:
        """Hidden states [R, K, hidden] of queries [K, hidden] behind a prefix, none of which sees another."""
        rows, count = len(prefix.next_position), len(queries)
        places = prefix.next_position[None, :, None].expand(3, rows, count)
        alone = torch.eye(count, dtype=torch.bool, device=queries.device).expand(rows, 1, count, count)
        inputs = TextInputs(queries.expand(rows, count, -1), places, alone)
        return run_text(self._backbone[0], inputs, Reading(prefix.stretches))  # type: ignore[arg-type]
