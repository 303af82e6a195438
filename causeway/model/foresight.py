"""Foreseeing frames: a small decoder paints what each camera will see, patch by patch, and is held to what it saw.

Knows patches, the painter and its error. Does not know how its latents were found (`queries.py`), samples on disk or
optimizers. Frames ahead enter here as targets alone: a painter is told a camera's calibration and how far ahead to
look, and never a pixel of the target. Source: arXiv 2312.13139, sec. 3.2 (decoder as of a masked autoencoder, error of
pixels squared).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from causeway.errors import UsageError
from causeway.model.networks import two_layers
from causeway.model.observation import Sample
from causeway.model.scales import Scale
from causeway.model.vision_pictures import resized

if TYPE_CHECKING:
    from causeway.model.attention import Prefix
    from causeway.model.policy import Policy
    from causeway.model.queries import Queries
    from causeway.model.sequence import Batch

LATENTS = 8
_LAYERS, _HEADS = 2, 4
_FACTS = 17  # rig numbers and how many seconds ahead
_AT_ONCE = 16


class Foresight(nn.Module):
    """The queries that look ahead, and the painter of what they found."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width, patch = scale.expert.hidden, scale.vision.patch
        self.patch = patch
        count = (scale.image_height // patch) * (scale.image_width // patch)
        self.queries = nn.Parameter(torch.randn(LATENTS, scale.text.hidden) * 0.02)
        self.project = nn.Linear(scale.text.hidden, width)
        self.facts = two_layers(_FACTS, width)
        self.places = nn.Parameter(torch.randn(count, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, _HEADS, scale.expert.intermediate, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, _LAYERS, nn.LayerNorm(width), enable_nested_tensor=False)
        self.write = nn.Linear(width, 3 * patch * patch)

    def forward(self, latents: Tensor, facts: Tensor) -> Tensor:
        """Patches [I, P, 3·p·p] in -1 … 1 of I frames, each from its own latents [I, K, hidden] and facts [I, 17]."""
        asked = self.places + self.facts(facts)[:, None]
        mixed = self.layers(torch.cat([self.project(latents), asked], dim=1))
        return self.write(mixed[:, latents.shape[1] :])  # type: ignore[no-any-return]

    def patches(self, pictures: Tensor) -> Tensor:
        """Pictures [I, 3, H, W] cut to patches [I, P, 3·p·p]."""
        return nn.functional.unfold(pictures, self.patch, stride=self.patch).transpose(1, 2)


@dataclass(frozen=True, eq=False)
class Targets:
    """I frames to be foreseen, of any rows of a batch."""

    pictures: Tensor  # [I, 3, H, W] in -1 … 1
    facts: Tensor  # [I, 17]
    rows: Tensor  # [I]


def targets_of(policy: Policy, samples: Sequence[Sample]) -> Targets:
    """All frames ahead of a batch's samples; I = 0 where none are known."""
    scale, pictures, facts, rows = policy.config.scale, [], [], list[int]()
    for row, sample in enumerate(samples):
        ahead = sample.ahead
        if ahead is None:
            continue
        frames = ahead.images.shape[1]
        flat = torch.from_numpy(np.ascontiguousarray(ahead.images.reshape(-1, *ahead.images.shape[2:])))
        pictures.append(resized(flat.permute(0, 3, 1, 2), scale))
        later_s = np.float32((ahead.t_us - sample.t0_us) / 1e6).reshape(-1, 1)
        told = np.concatenate([np.repeat(np.float32(ahead.rig), frames, axis=0), later_s], axis=1)
        facts.append(torch.from_numpy(told))
        rows += [row] * len(told)
    if not rows:
        none = torch.zeros(0, 3, scale.image_height, scale.image_width)
        return Targets(none, torch.zeros(0, _FACTS), torch.zeros(0, dtype=torch.long))
    device = policy.device
    return Targets(torch.cat(pictures).to(device), torch.cat(facts).to(device), torch.tensor(rows, device=device))


def frame_loss(policy: Policy, prefix: Prefix, targets: Targets) -> Tensor:
    """Mean squared error of the pixels foreseen behind a prefix; 0 where there is nothing to foresee."""
    head = _painter(policy)
    latents = head.latents(prefix)
    if not len(targets.rows):
        return latents.sum() * 0.0
    found = head.foresight(latents[targets.rows], targets.facts)
    return (found - head.foresight.patches(targets.pictures)).square().mean()


def loss_parts(
    policy: Policy, batch: Batch, targets: Targets, generator: torch.Generator | None, acts: bool
) -> dict[str, Tensor]:
    """`frames` behind one pass of the backbone, with `acts` the head's own error `flow` too, and their sum `loss`."""
    prefix = policy.forward_tokens(replace(batch, action_tokens=None)).prefix
    assert prefix is not None
    frames = frame_loss(policy, prefix, targets)
    if not acts:
        return {"loss": frames, "frames": frames}
    flow = policy.head_loss(batch, prefix, generator)
    return {"loss": frames + flow, "frames": frames, "flow": flow}


@torch.no_grad()
def error_beside_staying(policy: Policy, samples: Sequence[Sample]) -> tuple[float, float]:
    """(root mean square error of pixels of 0 … 255 over all frames, the same of each camera's newest frame again)."""
    ours, still, count = 0.0, 0.0, 0
    for start in range(0, len(samples), _AT_ONCE):
        some = samples[start : start + _AT_ONCE]
        targets = targets_of(policy, some)
        found = float(loss_parts(policy, policy.collate(some), targets, None, acts=False)["frames"])
        ours += found * len(targets.rows)
        if len(targets.rows):
            still += float((_newest(policy, some) - targets.pictures).square().mean()) * len(targets.rows)
        count += len(targets.rows)
    if not count:
        raise UsageError("no sample holds frames ahead; build samples with future_offsets_s")
    return 127.5 * (ours / count) ** 0.5, 127.5 * (still / count) ** 0.5


def _newest(policy: Policy, samples: Sequence[Sample]) -> Tensor:
    """For each frame ahead the newest one that its camera had taken, or the first camera's where it had none."""
    found = []
    for sample in samples:
        seen, ahead = sample.observation, sample.ahead
        for camera in ahead.cameras if ahead else ():
            place = seen.cameras.index(camera) if camera in seen.cameras else 0
            newest = torch.from_numpy(np.ascontiguousarray(seen.images[place, -1:])).permute(0, 3, 1, 2)
            found += [resized(newest, policy.config.scale)] * ahead.images.shape[1]  # type: ignore[union-attr]
    return torch.cat(found).to(policy.device)


def _painter(policy: Policy) -> Queries:
    from causeway.model.queries import Queries

    if not isinstance(policy.expert, Queries):
        raise UsageError(f"action head {policy.config.design.head!r} foresees no frames")
    return policy.expert
