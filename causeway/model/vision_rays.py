"""Calibration as geometry: where each visual token of a picture looks, and where a point of the world is seen.

Knows the sixteen numbers of a rig and the pinhole they describe. Does not know pixels. The release gives calibration
no way into the model, and users with other rigs ask for one (method C 1.6, 7.3); rays are ours. Lenses that are not
pinholes are taken as the pinhole of their focal length: rays near the rim of a fisheye are off, but move with it.

A ray is added to a token, and its waves are multiplied with it: whoever reads many tokens at once by attention reads a
sum, and of a sum of contents and places nothing tells which content was where; of a sum of their products, all does.
Waves are random Fourier features (Rahimi and Recht 2007), which learn.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from causeway.model.networks import two_layers
from causeway.model.scales import Scale
from causeway.model.vision_pictures import VisualTokens, token_grid

RAY_NUMBERS = 9
_PHASE_STD = 8.0  # radians of phase for one of direction: at 14 degrees, a wide camera's token, factors are strangers
_NEAREST_M = 0.1  # what is nearer to a lens, or behind it, is not seen


class Rays(nn.Module):
    """What is known of every token of every picture: its direction and origin in the rig frame, zoom and age."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.grid = token_grid(scale)
        self.network = two_layers(RAY_NUMBERS, scale.text.hidden)
        self.waves = Waves(scale)

    def forward(self, seen: VisualTokens, facts: Tensor) -> VisualTokens:
        """Pictures' tokens and taps [I, tokens, hidden] that know where they look, of facts [I, 17]."""
        with torch.autocast(facts.device.type, enabled=False):  # of eight radians, bfloat16 would lose some hundredths
            rays = ray_numbers(facts, self.grid)
            gain, shift = self.waves(rays).to(seen.tokens.dtype), self.network(rays).to(seen.tokens.dtype)
        return VisualTokens(seen.tokens * gain + shift, [tap * gain for tap in seen.deepstack])


class Waves(nn.Module):
    """A factor for every channel of every token, which swings with its ray."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.phase = nn.Linear(RAY_NUMBERS, scale.text.hidden)
        nn.init.normal_(self.phase.weight[:, :3], std=_PHASE_STD)
        nn.init.normal_(self.phase.weight[:, 3:])
        nn.init.uniform_(self.phase.bias, -torch.pi, torch.pi)
        self.steady = nn.Parameter(torch.zeros(scale.text.hidden))
        self.swing = nn.Parameter(torch.full((scale.text.hidden,), 2**0.5))

    def forward(self, rays: Tensor) -> Tensor:
        """[..., hidden] of rays [..., 9]."""
        return self.steady + self.swing * torch.cos(self.phase(rays))  # type: ignore[no-any-return]


@torch.no_grad()
def calm(module: nn.Module) -> None:
    """Every factor one, to begin with: weights that a backbone brings were trained without any."""
    for waves in (part for part in module.modules() if isinstance(part, Waves)):
        waves.steady.fill_(1.0)
        waves.swing.zero_()


def ray_numbers(facts: Tensor, grid: tuple[int, int]) -> Tensor:
    """[I, tokens, 9]: unit direction, origin, focal lengths and age of the ray of each token's centre, near one."""
    rows, columns = grid
    v, u = torch.meshgrid(
        (torch.arange(rows, device=facts.device) + 0.5) / rows,
        (torch.arange(columns, device=facts.device) + 0.5) / columns,
        indexing="ij",
    )
    focal, centre = facts[:, None, 0:2], facts[:, None, 2:4]
    across = (torch.stack([u, v], dim=-1).flatten(0, 1) - centre) / focal
    ahead = torch.cat([across, torch.ones_like(across[..., :1])], dim=-1)
    pose = facts[:, 4:16].reshape(-1, 3, 4)
    direction = nn.functional.normalize(ahead, dim=-1) @ pose[:, :, :3].transpose(1, 2)
    same = torch.cat([pose[:, :, 3] * 0.5, facts[:, 0:2], facts[:, 16:17] * 3.0], dim=-1)
    return torch.cat([direction, same[:, None].expand(-1, rows * columns, -1)], dim=-1)


def seen_at(facts: Tensor, points_rig: Tensor) -> tuple[Tensor, Tensor]:
    """Where points [P, 3] of the rig frame are in each picture, and whether they are in it: [I, P, 2], [I, P] bool.

    Places are shares of width and height, 0 … 1 inside.
    """
    pose = facts[:, 4:16].reshape(-1, 3, 4)
    inside_camera = (points_rig[None] - pose[:, None, :, 3]) @ pose[:, :, :3]  # rotation transposed
    depth = inside_camera[..., 2:]
    place = inside_camera[..., :2] / depth.clamp(min=_NEAREST_M) * facts[:, None, 0:2] + facts[:, None, 2:4]
    within = (depth[..., 0] > _NEAREST_M) & (place >= 0.0).all(dim=-1) & (place <= 1.0).all(dim=-1)
    return place, within
