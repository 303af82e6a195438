"""`triplane`: all cameras of a moment become three planes through the space around the vehicle.

Knows the planes and how pictures are looked up for them. As many tokens for one camera as for seven. From the paper
(arXiv 2511.00088, section on vision encoding): 96 × 96 × 48 voxels in patches of 8, so 144 + 72 + 72 = 288 tokens a
moment. Ours, where it is silent: a voxel is 1 × 1 × 0.25 m, the space reaches from 16 m behind to 80 m ahead, 48 m to
either side and from 2 m below to 10 m above; half as many voxels for pictures of less than 100 tokens (72 tokens a
moment); a patch of a plane looks at 2 × 2 places and at 4 heights or 8 places along the axis it leaves out, takes the
mean over the cameras that see them, and has a word of its own for what no camera sees. No deepstack taps.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from causeway.model.networks import two_layers
from causeway.model.scales import Scale
from causeway.model.vision_pictures import Backbone, Pictures, VisualTokens, by_moment, each_picture, token_grid
from causeway.model.vision_rays import RAY_NUMBERS, ray_numbers, seen_at

PATCH = 8
_VOXELS = (96, 96, 48)
_LOW_M, _HIGH_M = (-16.0, -48.0, -2.0), (80.0, 48.0, 10.0)
_PLANES = ((0, 1), (0, 2), (1, 2))  # the axes along a plane's rows and columns
_ALONG_Z_M = (0.0, 1.0, 2.5, 5.0)  # most of what matters stands on the ground
_ALONG = 8  # places along x or y
_PLACES = 2  # of a patch along either axis
_FINE_TOKENS = 100
_CHANNELS = 192  # at most so many of a picture's features are looked up


def planes(scale: Scale) -> list[tuple[int, int]]:
    """Rows and columns of patches of the three planes."""
    rows, columns = token_grid(scale)
    coarser = 1 if rows * columns >= _FINE_TOKENS else 2
    counts = [voxels // coarser // PATCH for voxels in _VOXELS]
    return [(counts[a], counts[b]) for a, b in _PLANES]


def blocks(scale: Scale, cameras: int, frames: int) -> list[list[tuple[int, int]]]:
    """One block of three grids for each moment, however many cameras there are."""
    return [planes(scale) for _ in range(frames)]


class Triplane(nn.Module):
    """Pictures to planes to tokens."""

    points: Tensor

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.grid, self.planes = token_grid(scale), planes(scale)
        channels = min(scale.vision.hidden, _CHANNELS)
        points = [_points(axes, shape) for axes, shape in zip(_PLANES, self.planes, strict=True)]
        self.shapes = [tuple(p.shape[:2]) for p in points]  # (patches × places, looks of each)
        self.register_buffer("points", torch.cat([p.flatten(0, 1) for p in points]), persistent=False)
        self.rays = two_layers(RAY_NUMBERS, scale.text.hidden)  # added alone: a look-up's place is known already
        self.read = nn.Linear(scale.text.hidden, channels)
        self.unseen = nn.Parameter(torch.zeros(channels))
        self.write = two_layers(_PLACES**2 * channels, scale.text.hidden)
        self.cells = nn.Parameter(torch.randn(sum(r * c for r, c in self.planes), scale.text.hidden) * 0.02)

    def forward(self, backbone: Backbone, pictures: Pictures) -> VisualTokens:
        """Tokens [all of the batch, hidden] in the order of `blocks`."""
        seen = each_picture(backbone, pictures.pixels).tokens
        features = self.read(seen + self.rays(ray_numbers(pictures.facts, self.grid)).to(seen.dtype))
        planes = self.looked_up(features, pictures)
        tokens = self.write(planes.unflatten(1, (-1, _PLACES**2)).flatten(2)) + self.cells
        return VisualTokens(tokens.flatten(0, 1), [])

    def looked_up(self, features: Tensor, pictures: Pictures) -> Tensor:
        """[moments, patches × places, channels] of picture features [I, tokens, channels]."""
        place, within = seen_at(pictures.facts, self.points)
        maps = features.transpose(1, 2).unflatten(2, self.grid)
        at = (place * 2.0 - 1.0)[:, :, None].to(maps.dtype)
        looks = nn.functional.grid_sample(maps, at, padding_mode="border", align_corners=False)[..., 0]
        looks = (looks * within[:, None]).transpose(1, 2)
        sums = by_moment(self._over_looks(looks), pictures.views).sum(dim=1)
        counts = by_moment(self._over_looks(within[..., None].to(looks.dtype)), pictures.views).sum(dim=1)
        return torch.where(counts > 0, sums / counts.clamp(min=1.0), self.unseen.to(sums.dtype))

    def _over_looks(self, values: Tensor) -> Tensor:
        """Sums [I, patches × places, …] over the looks of each place of values [I, points, …]."""
        ends = [0]
        for places, looks in self.shapes:
            ends.append(ends[-1] + places * looks)
        parts = [values[:, a:b] for a, b in pairwise(ends)]
        shaped = [part.unflatten(1, shape).sum(dim=2) for part, shape in zip(parts, self.shapes, strict=True)]
        return torch.cat(shaped, dim=1)


def _points(axes: tuple[int, int], shape: tuple[int, int]) -> Tensor:
    """[patches × places, looks, 3] in the rig frame: patches row by row, the places of a patch together."""
    third = 3 - sum(axes)
    first, second = (
        _centres(_LOW_M[axis], _HIGH_M[axis], count * _PLACES).unflatten(0, (count, _PLACES))
        for axis, count in zip(axes, shape, strict=True)
    )
    along = torch.tensor(_ALONG_Z_M) if third == 2 else _centres(_LOW_M[third], _HIGH_M[third], _ALONG)
    size = (*shape, _PLACES, _PLACES, len(along))
    points = torch.empty(*size, 3)
    points[..., axes[0]] = first[:, None, :, None, None]
    points[..., axes[1]] = second[None, :, None, :, None]
    points[..., third] = along
    return points.reshape(-1, len(along), 3)


def _centres(low: float, high: float, count: int) -> Tensor:
    return low + (torch.arange(count) + 0.5) * ((high - low) / count)
