"""How hidden states become what a head is conditioned on: a vector, a few tokens, the words' own vector.

Knows columns, which of them are padding and which are words. Does not know heads. Sources: mean of the hidden states,
TinyVLA (arXiv 2409.12514, sec. 3.2); words by FiLM, DiffusionVLA (2412.03293, sec. 3.3); one cognition token, CogACT
(2411.19650, sec. 3.2); resampler and cross-attention, RoboFlamingo (2311.01378, sec. 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from causeway.model.attention import Prefix, Stretch
from causeway.model.scales import Scale

LATENTS = 8  # of the resampler
_HEADS = 4


@dataclass(frozen=True, eq=False)
class Condition:
    """What R rows of a head are told; W is the head's width."""

    vector: Tensor | None = None  # [R, W]
    tokens: Tensor | None = None  # [R, T, W] to stand before the actions
    words: Tensor | None = None  # [R, W] of the reasoning alone, zeros where nothing was said
    rig: Tensor | None = None  # [R] long: by which rig's layer to answer
    points: Tensor | None = None  # [R, W] what was found in 3D points

    def repeated(self, times: int) -> Condition:
        """Every row `times` times in a row."""
        parts = (self.vector, self.tokens, self.words, self.rig, self.points)
        return Condition(*(None if part is None else part.repeat_interleave(times, dim=0) for part in parts))

    def gathered(self) -> Condition:
        """The same: it is one tensor already."""
        return self


class Pooled(nn.Module):
    """The mean of everything that was read, as a vector."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.project = _projection(scale)

    def forward(self, prefix: Prefix) -> Condition:
        """What a head is told of everything that was read."""
        hidden, kept, _ = columns_of(prefix)
        return Condition(vector=self.project(_mean(hidden, kept)))


class Film(nn.Module):
    """The mean of what was seen, as a vector, and apart from it the mean of what was said.

    Columns behind the first word are no part of what was seen: they have read the words, and would be a second way for
    them into the head.
    """

    tells_words = True

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.project, self.project_words = _projection(scale), _projection(scale)

    def forward(self, prefix: Prefix) -> Condition:
        """What a head is told of everything that was read."""
        hidden, kept, words = columns_of(prefix)
        seen = kept & (words.cumsum(dim=1) == 0)
        said = self.project_words(_mean(hidden, words)) * words.any(dim=1, keepdim=True)
        return Condition(vector=self.project(_mean(hidden, seen)), words=said)


class Cognition(nn.Module):
    """The hidden state of the last column, `trajectory_start`: one token that has read everything."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.project = _projection(scale)

    def forward(self, prefix: Prefix) -> Condition:
        """What a head is told of everything that was read."""
        hidden, kept, _ = columns_of(prefix)
        places = torch.arange(kept.shape[1], device=kept.device)
        last = (kept * places).argmax(dim=1)
        return Condition(tokens=self.project(hidden[torch.arange(len(last), device=kept.device), last])[:, None])


class Resampler(nn.Module):
    """A few learned queries that look at every column, and the largest of what each channel found, as a vector."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width = scale.expert.hidden
        self.queries = nn.Parameter(torch.randn(LATENTS, width) * 0.02)
        self.project = _projection(scale)
        self.look = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, prefix: Prefix) -> Condition:
        """What a head is told of everything that was read."""
        hidden, kept, _ = columns_of(prefix)
        columns = self.project(hidden)
        queries = self.queries.expand(len(columns), -1, -1)
        found, _ = self.look(queries, columns, columns, key_padding_mask=~kept, need_weights=False)
        tokens = queries + found
        tokens = tokens + self.mix(self.norm(tokens))
        return Condition(vector=tokens.amax(dim=1), tokens=tokens)


def columns_of(prefix: Prefix) -> tuple[Tensor, Tensor, Tensor]:
    """(hidden [R, C, width], kept [R, C], words [R, C]) of everything that R rows have read."""
    rows = len(prefix.next_position)
    parts = [_plain(stretch).repeated(rows // len(stretch.kept)) for stretch in prefix.stretches]
    hidden = torch.cat([_there(part.hidden) for part in parts], dim=1)
    words = torch.cat([_there(part.words) for part in parts], dim=1)
    return hidden, torch.cat([part.kept for part in parts], dim=1), words


def _plain(stretch: Stretch) -> Stretch:
    """The stretch without keys and values, which nobody here looks at."""
    return Stretch((), (), stretch.kept, stretch.hidden, stretch.words)


def _there(read: Tensor | None) -> Tensor:
    assert read is not None, "the pass that read this kept no hidden states"
    return read


def _mean(hidden: Tensor, chosen: Tensor) -> Tensor:
    """Mean [R, width] over the chosen columns, zeros where there are none."""
    weight = chosen[..., None].to(hidden.dtype)
    return (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1.0)


def _projection(scale: Scale) -> nn.Sequential:
    """From the backbone's width to the head's."""
    return nn.Sequential(nn.LayerNorm(scale.text.hidden), nn.Linear(scale.text.hidden, scale.expert.hidden))
