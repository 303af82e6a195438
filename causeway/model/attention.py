"""Attention over what was read before and what is being read: rows that share a prompt share its keys and values.

Knows keys, values and who may see which column. Does not know words, noise or files. The transformers' own layers
call it by the name `NAME`; they hand their `reading` through unchanged. Why not the library's caches: those copy the
prompt for every sample, and lose what they hold when activations are recomputed (gradient checkpointing).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from causeway.model.beside import Beside

NAME = "causeway"  # value of `_attn_implementation` in every configuration that is built here


@dataclass(frozen=True, eq=False)
class Stretch:
    """Columns that have been read: keys and values of S rows. R = S · n rows may look back at them, n at each."""

    keys: tuple[Tensor, ...]  # per layer [S, key-value heads, columns, head_dim]
    values: tuple[Tensor, ...]
    kept: Tensor  # [S, columns] bool, False = padding: seen by nobody
    hidden: Tensor | None = None  # [S, columns, width] last hidden states, only where an action head reads them
    words: Tensor | None = None  # [S, columns] bool, beside `hidden`: the columns of text

    @cached_property
    def padded(self) -> bool:
        """Whether there is padding in any row."""
        return not bool(self.kept.all())

    def repeated(self, times: int) -> Stretch:
        """Every row `times` times in a row."""
        if times == 1:
            return self
        keys, values = (tuple(t.repeat_interleave(times, dim=0) for t in part) for part in (self.keys, self.values))
        read = (None if t is None else t.repeat_interleave(times, dim=0) for t in (self.hidden, self.words))
        return Stretch(keys, values, self.kept.repeat_interleave(times, dim=0), *read)

    def joined(self, after: Stretch) -> Stretch:
        """These columns and then those of `after`, row by row."""
        keys = tuple(torch.cat(pair, dim=2) for pair in zip(self.keys, after.keys, strict=True))
        values = tuple(torch.cat(pair, dim=2) for pair in zip(self.values, after.values, strict=True))
        pairs = ((self.hidden, after.hidden), (self.words, after.words))
        read = (None if one is None or two is None else torch.cat([one, two], dim=1) for one, two in pairs)
        return Stretch(keys, values, torch.cat([self.kept, after.kept], dim=1), *read)


@dataclass(frozen=True, eq=False)
class Prefix:
    """Everything that R rows may look back at, and the position behind it [R]."""

    stretches: tuple[Stretch, ...]
    next_position: Tensor
    beside: Beside | None = None  # what a head is told of the rows that share the first stretch

    def repeated(self, times: int) -> Prefix:
        """Every row `times` times in a row, without a copy of what they share."""
        return replace(self, next_position=self.next_position.repeat_interleave(times))

    def gathered(self) -> Prefix:
        """The same in one stretch of R rows: copied once, where many passes will look at all of it."""
        rows = len(self.next_position)
        first, *rest = (s.repeated(rows // len(s.kept)) for s in self.stretches)
        for stretch in rest:
            first = first.joined(stretch)
        return replace(self, stretches=(first,))


@dataclass(eq=False)
class Reading:
    """What one pass through the layers may see; afterwards the keys and values that it read itself."""

    before: tuple[Stretch, ...] = ()
    keys: dict[int, Tensor] = field(default_factory=dict)  # by layer; a layer computed twice says the same twice
    values: dict[int, Tensor] = field(default_factory=dict)

    def stretch(self, kept: Tensor, columns: int | None = None, gradients: bool = False) -> Stretch:
        """The columns read in this pass (the first so many), cut loose from their gradients (the paper's stop)."""
        layers = sorted(self.keys)
        keys, values = (tuple(d[i][:, :, :columns] for i in layers) for d in (self.keys, self.values))
        if not gradients:
            keys, values = (tuple(t.detach() for t in part) for part in (keys, values))
        return Stretch(keys, values, kept[:, :columns])


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scaling: float, **options: Any
) -> tuple[Tensor, None]:
    """What a transformers layer calls: query [R, heads, L, D] over the reading's columns and its own (key, value).

    mask [R, 1, L, L] bool over its own columns, True = may be seen; None = all of them. Returns [R, L, heads, D].
    """
    reading: Reading | None = options.get("reading")
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    if reading is not None:
        reading.keys[layer], reading.values[layer] = key, value
    before = reading.before if reading else ()
    if len(before) > 1 or (before and before[0].kept.shape[0] < query.shape[0]):  # len() would fix an exported size
        parts = [(s.keys[layer], s.values[layer], s.kept[:, None, None, :] if s.padded else None) for s in before]
        return _over_parts(query, [*parts, (key, value, mask)], scaling).transpose(1, 2), None
    if before:
        key = torch.cat([before[0].keys[layer].to(key.dtype), key], dim=2)
        value = torch.cat([before[0].values[layer].to(value.dtype), value], dim=2)
        mask = _mask_with(before[0], mask, query)
    grouped = query.shape[1] != key.shape[1]
    out = nn.functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, scale=scaling, enable_gqa=grouped
    )
    return out.transpose(1, 2), None


def _mask_with(before: Stretch, mask: Tensor | None, query: Tensor) -> Tensor | None:
    """[R, 1, L, columns before + L] from a mask of the last L columns; None where everything may be seen."""
    if mask is None and not before.padded:
        return None
    rows, length = query.shape[0], query.shape[2]
    own = mask if mask is not None else before.kept.new_ones(rows, 1, length, length)
    return torch.cat([before.kept[:, None, None, :].expand(-1, 1, length, -1), own], dim=-1)


def _over_parts(query: Tensor, parts: list[tuple[Tensor, Tensor, Tensor | None]], scaling: float) -> Tensor:
    """One softmax over several groups of columns [S, heads, C, D], each shared by R / S neighbouring rows."""
    scores = []
    for keys, _, seen in parts:
        score = _folded(query, keys) @ (keys * scaling).transpose(2, 3).to(query.dtype)
        score = _unfolded(score, query)
        if seen is not None:
            score = score.masked_fill(~seen.repeat_interleave(len(query) // len(seen), dim=0), float("-inf"))
        scores.append(score)
    weights = torch.softmax(torch.cat(scores, dim=-1).float(), dim=-1).to(query.dtype)
    out = torch.zeros_like(query)
    for weight, (_, values, _) in zip(weights.split([s.shape[-1] for s in scores], dim=-1), parts, strict=True):
        out = out + _unfolded(_folded(weight, values) @ values.to(query.dtype), query)
    return out


def _folded(rows: Tensor, shared: Tensor) -> Tensor:
    """[R, heads, L, X] -> [S, key-value heads, R/S · heads/key-value heads · L, X]: all that one head answers to."""
    sharing, heads = len(rows) // len(shared), shared.shape[1]
    split = rows.unflatten(0, (len(shared), sharing)).unflatten(2, (heads, -1))
    return split.transpose(1, 2).flatten(2, 4)


def _unfolded(folded: Tensor, query: Tensor) -> Tensor:
    """The inverse of `_folded` for rows shaped like `query`, whatever their last dimension became."""
    sharing, groups = len(query) // len(folded), query.shape[1] // folded.shape[1]
    split = folded.unflatten(2, (sharing, groups, query.shape[2]))
    return split.transpose(1, 2).flatten(0, 1).flatten(1, 2)


def register() -> None:
    """Make `NAME` known to transformers; its masks are ours already, so none are made for it."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)


register()
