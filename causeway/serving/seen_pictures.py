"""Pictures that were seen before are not looked at again: of a vehicle that asks ten times a second, most were.

Wraps the one function in which a backbone turns pictures into tokens, each by itself: what it said of a picture is kept
and said again when the same pixels come back, whoever sends them. Pixels are compared whole (a few of them find the
candidate), so nothing rests on a hash. Does not know cameras, calibration or times: those come in behind it. Not for
several threads at once. Imports torch: import this module inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

HOST_BYTES = 256 * 1024 * 1024  # in memory: about 800 pictures of scale `tiny`
ACCELERATOR_BYTES = 2 * 1024**3  # on a GPU: well over 100 pictures of `8b`, of which a vehicle needs two dozen
_SIDE = 8  # about so many rows and columns of pixels find a picture again

Look: TypeAlias = Callable[[Tensor], tuple[Tensor, list[Tensor]]]


@dataclass(frozen=True, eq=False)
class _Seen:
    """One picture and what was said of it."""

    pixels: Tensor  # [3, H, W]
    tokens: Tensor  # [tokens, hidden]
    taps: tuple[Tensor, ...]

    @property
    def size_bytes(self) -> int:
        """What keeping it costs."""
        return sum(tensor.nbytes for tensor in (self.pixels, self.tokens, *self.taps))


class SeenPictures:
    """A backbone's `look` that remembers; the pictures least lately seen are forgotten beyond `most_bytes`."""

    def __init__(self, look: Look, most_bytes: int = HOST_BYTES) -> None:
        self._look, self._most_bytes = look, most_bytes
        self._seen: dict[bytes, _Seen] = {}  # least lately seen first
        self.held_bytes = 0

    def __call__(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures [I, 3, H, W] -> tokens [I, tokens, hidden] and as much for each tap, as the function wrapped."""
        keys = _keys(pictures)
        seen = [self._find(key, picture) for key, picture in zip(keys, pictures, strict=True)]
        new = [place for place, known in enumerate(seen) if known is None]
        if new:
            tokens, taps = self._look(pictures if len(new) == len(keys) else pictures[new])
            for row, place in enumerate(new):
                said = [tensor[row].clone() for tensor in (tokens, *taps)]  # a view would keep its whole batch
                seen[place] = self._keep(keys[place], _Seen(pictures[place].clone(), said[0], tuple(said[1:])))
            if len(new) == len(keys):
                return tokens, taps
        return _together([known for known in seen if known is not None])

    def _find(self, key: bytes, pixels: Tensor) -> _Seen | None:
        known = self._seen.get(key)
        if known is None or not torch.equal(known.pixels, pixels):
            return None
        self._seen[key] = self._seen.pop(key)  # now the one seen last
        return known

    def _keep(self, key: bytes, seen: _Seen) -> _Seen:
        replaced = self._seen.pop(key, None)
        self.held_bytes += seen.size_bytes - (replaced.size_bytes if replaced else 0)
        self._seen[key] = seen
        while self.held_bytes > self._most_bytes:
            self.held_bytes -= self._seen.pop(next(iter(self._seen))).size_bytes
        return seen


def _keys(pictures: Tensor) -> list[bytes]:
    """A few pixels of each picture."""
    rows, columns = (max(size // _SIDE, 1) for size in pictures.shape[-2:])
    few = pictures[:, :, ::rows, ::columns].flatten(1).float().cpu().numpy()
    return [row.tobytes() for row in few]


def _together(seen: Sequence[_Seen]) -> tuple[Tensor, list[Tensor]]:
    taps = zip(*(one.taps for one in seen), strict=True)
    return torch.stack([one.tokens for one in seen]), [torch.stack(tap) for tap in taps]
