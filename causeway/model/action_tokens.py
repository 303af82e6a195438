"""Between controls and 128 discrete action tokens: per step first the acceleration's token, then the curvature's.

Knows the versioned vocabulary of bins, its order, and the soft targets that make it learnable. Does not know text
ids: a tokenizer places these numbers behind its own vocabulary.

Source: arXiv 2511.00088, section on discretisation (64 × 2 tokens). Ours differs from the release's 3000 uniform
bins over ±10 standard deviations, in which no stop above 6.8 m/s² exists (method C 1.3): the bins here are
spaced as a hyperbolic sine over the full bounds (0.013 m/s² apart at rest, 0.3 m/s² at the bound), and what
rounding takes from one step is given to the next, so that speed and heading do not drift. The two kinds of token
share no number, so swapped halves cannot pass unnoticed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.action_space import ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M, HORIZON_STEPS

if TYPE_CHECKING:
    import torch

    Array = TypeVar("Array", NDArray[Any], torch.Tensor)
else:
    Array = TypeVar("Array")

VERSION = "a1"  # change it with any number below: policies of another version are refused
BINS = 255  # for each of the two controls; odd, so that zero is a bin
VOCABULARY = 2 * BINS  # accelerations 0 … 254, curvatures 255 … 509
TOKENS = 2 * HORIZON_STEPS
_BOUNDS = (ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M)
_SPREAD = (3.8, 3.0)  # how much finer the bins are near zero


@cache
def levels() -> NDArray[np.float64]:
    """The value of every bin, [2, 255]: accelerations in m/s², curvatures in 1/m, ascending."""
    place = np.linspace(-1.0, 1.0, BINS)
    return np.stack([b * np.sinh(s * place) / np.sinh(s) for b, s in zip(_BOUNDS, _SPREAD, strict=True)])


def encode(controls: Array) -> Array:
    """Controls […, 64, 2] (m/s², 1/m; clipped to the bounds) -> tokens […, 128] int64, 0 … 509.

    Rounding errors are carried to the next step. UnusableInput for a wrong shape, NaN or infinity.
    """
    values = _numbers(controls).astype(np.float64)
    if values.ndim < 2 or values.shape[-2:] != (HORIZON_STEPS, 2):
        raise UnusableInput(f"controls has shape {list(values.shape)}, expected […, {HORIZON_STEPS}, 2]")
    if not np.isfinite(values).all():
        raise UnusableInput("controls holds NaN or infinity; drop the sample or repair its source")
    rows = np.clip(values.reshape(-1, HORIZON_STEPS, 2), -np.array(_BOUNDS), np.array(_BOUNDS))
    bins = np.stack([_nearest(rows[..., kind], levels()[kind]) for kind in range(2)], axis=-1)
    tokens = (bins + np.array([0, BINS])).reshape(*values.shape[:-2], TOKENS)
    return _like(controls, tokens)


def decode(tokens: Array) -> Array:
    """Tokens […, 128] -> controls […, 64, 2] in m/s² and 1/m (float64, or float32 for torch).

    UnusableInput for any other length (a generation that was cut) and for a number that is not an acceleration
    at an even place or a curvature at an odd one: nothing is ever read as bin 0.
    """
    numbers = _numbers(tokens)
    if numbers.ndim < 1 or numbers.shape[-1] != TOKENS:
        raise UnusableInput(f"{numbers.shape[-1:]} action tokens, expected {TOKENS}: the sequence was cut")
    if not np.issubdtype(numbers.dtype, np.integer):
        raise UnusableInput(f"action tokens are {numbers.dtype}, expected integers")
    bins = numbers.reshape(*numbers.shape[:-1], HORIZON_STEPS, 2) - np.array([0, BINS])
    foreign = (bins < 0) | (bins >= BINS)
    if foreign.any():
        step, kind = (int(i) for i in np.argwhere(foreign)[0][-2:])
        name = ("an acceleration", "a curvature")[kind]
        bad = numbers.reshape(*bins.shape)[foreign][0]
        raise UnusableInput(f"action token {int(bad)} at step {step} is not {name} of vocabulary {VERSION}")
    controls = np.stack([levels()[kind][bins[..., kind]] for kind in range(2)], axis=-1)
    return _like(tokens, controls if isinstance(tokens, np.ndarray) else controls.astype(np.float32))


def bins_of(tokens: Any) -> Any:
    """Tokens […, 128] -> the bin 0 … 254 of each token within its own kind; numpy or torch."""
    offsets = np.tile([0, BINS], HORIZON_STEPS)
    return tokens - (offsets if isinstance(tokens, np.ndarray) else tokens.new_tensor(offsets))


def tokens_of(bins: Any) -> Any:
    """Bins […, 128] within their kinds -> tokens; the inverse of `bins_of`."""
    offsets = np.tile([0, BINS], HORIZON_STEPS)
    return bins + (offsets if isinstance(bins, np.ndarray) else bins.new_tensor(offsets))


def gaussian_soft_targets(tokens: Array, sigma_bins: float = 2.0) -> Array:
    """Tokens […, 128] -> probabilities […, 128, 255] over the bins of each token's own kind, float32.

    A Gaussian over neighbouring bins instead of one hot: over thousands of bins one-hot cross-entropy hardly
    learns (method 4.12, D-035). Rows sum to 1; the target's own bin is the most probable.
    """
    bins = bins_of(tokens)
    device = None if isinstance(bins, np.ndarray) else bins.device
    return _soft_table(sigma_bins, device)[bins]  # type: ignore[no-any-return]


@cache
def _soft_table(sigma_bins: float, device: Any) -> Any:
    """[255, 255]: the soft target of each bin, in numpy or as a tensor on a device."""
    distance = (np.arange(BINS) - np.arange(BINS)[:, None]) / max(sigma_bins, 1e-3)
    weights = np.exp(-0.5 * np.square(distance))
    table = (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)
    if device is None:
        return table
    import torch

    return torch.from_numpy(table).to(device)


def _nearest(values: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest bin of each value [n, 64], each step's rounding error added to the next value."""
    middles = (table[1:] + table[:-1]) / 2
    bins = np.empty(values.shape, dtype=np.int64)
    owed = np.zeros(len(values))
    for step in range(values.shape[1]):
        wanted = values[:, step] + owed
        bins[:, step] = np.searchsorted(middles, wanted)
        chosen = table[bins[:, step]]
        width = np.interp(np.abs(chosen), table[BINS // 2 :], np.gradient(table)[BINS // 2 :])
        owed = np.clip(wanted - chosen, -width, width)  # a bound must not let the debt grow
    return bins


def _numbers(values: Any) -> NDArray[Any]:
    """A numpy view of numpy or torch values."""
    return np.asarray(values) if not hasattr(values, "detach") else values.detach().cpu().numpy()


def _like(template: Any, values: NDArray[Any]) -> Any:
    """The values in the template's library (and on its device)."""
    if not hasattr(template, "detach"):
        return values
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(template.device)
