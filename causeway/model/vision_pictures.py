"""Pictures of a batch, how each becomes tokens by itself, and how tokens are put together by group.

Knows pixels, the backbone's vision transformer and which picture belongs to which row and moment. Does not know
calibration or what a vision tokenizer makes of the tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from causeway.model.backbone import Backbone
from causeway.model.scales import Scale

Views = tuple[tuple[int, int], ...]  # (cameras, frames of each) of every row of a batch


@dataclass(frozen=True, eq=False)
class Pictures:
    """All pictures of a batch: row by row, in a row cameras by name, of a camera the oldest first."""

    pixels: Tensor  # [I, 3, H, W] floats in -1 … 1
    facts: Tensor  # [I, 17] rig numbers and age in seconds
    views: Views


@dataclass(frozen=True, eq=False)
class VisualTokens:
    """Tokens [..., hidden], and one such tensor for each deepstack tap (none where a tokenizer has no such taps)."""

    tokens: Tensor
    deepstack: list[Tensor]

    def joined(self) -> VisualTokens:
        """All pictures' tokens [I, tokens, hidden] behind each other: [I × tokens, hidden]."""
        return VisualTokens(self.tokens.flatten(0, 1), [tap.flatten(0, 1) for tap in self.deepstack])


def token_grid(scale: Scale) -> tuple[int, int]:
    """Rows and columns of visual tokens of one picture."""
    unit = scale.vision.patch * scale.vision.merge
    return scale.image_height // unit, scale.image_width // unit


def resized(images: Tensor, scale: Scale) -> Tensor:
    """uint8 pictures [I, 3, h, w] of any size -> floats in -1 … 1 of the scale's size."""
    pictures = images.float() / 127.5 - 1.0
    size = (scale.image_height, scale.image_width)
    if pictures.shape[-2:] == size:
        return pictures
    return nn.functional.interpolate(pictures, size=size, mode="bilinear", antialias=True).clamp(-1.0, 1.0)


def each_picture(backbone: Backbone, pixels: Tensor) -> VisualTokens:
    """Every picture [I, 3, H, W] (or pair [I, 2, 3, H, W]) by itself through the transformer: [I, tokens, hidden]."""
    return VisualTokens(*backbone.look(pixels))


def by_moment(values: Tensor, views: Views) -> Tensor:
    """Values [I, …] of each picture -> [moments of all rows, most cameras, …], 0 where a row has fewer cameras.

    A moment is one place in the order of frames; rows one after the other, their moments the oldest first.
    """
    groups, places, first = [], [], 0
    for cameras, frames in views:
        groups += [first + frame for _ in range(cameras) for frame in range(frames)]
        places += [camera for camera in range(cameras) for _ in range(frames)]
        first += frames
    return _placed(values, groups, places, first)


def by_row(values: Tensor, views: Views) -> Tensor:
    """Values [I, …] of each picture -> [B, most pictures of a row, …], 0 where a row has fewer."""
    counts = [cameras * frames for cameras, frames in views]
    groups = [row for row, count in enumerate(counts) for _ in range(count)]
    places = [place for count in counts for place in range(count)]
    return _placed(values, groups, places, len(views))


def _placed(values: Tensor, groups: list[int], places: list[int], count: int) -> Tensor:
    """[count, most places, …] with each value at its place: no sums, so that the order of work changes nothing."""
    out = values.new_zeros(count, max(places) + 1, *values.shape[1:])
    at = (torch.tensor(groups, device=values.device), torch.tensor(places, device=values.device))
    return out.index_put(at, values)
