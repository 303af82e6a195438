"""What every reward demands of its inputs: finite numbers of the right shape, numpy or torch alike.

Knows shapes and how to say what is wrong with an array. Does not know what any reward means.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from causeway.errors import UnusableInput

LARGEST_M = 1e6  # coordinates beyond 1000 km are held there, so that no finite input can overflow


def finite(name: str, value: Any, last: tuple[int, ...]) -> np.ndarray:
    """`value` as float64; UnusableInput unless it is finite and its shape ends in `last` (0 = any length)."""
    array = np.asarray(value, dtype=np.float64)
    tail = array.shape[-len(last) :] if last else ()
    if len(tail) != len(last) or any(want not in (0, have) for want, have in zip(last, tail, strict=True)):
        want = ", ".join("n" if size == 0 else str(size) for size in last)
        raise UnusableInput(f"{name} has shape {array.shape}, a reward needs […, {want}]")
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise UnusableInput(f"{name} holds {array[where]} at {where}: a rollout with it has no reward, count it")
    return array


def path(name: str, value: Any, ticks: int = 4) -> np.ndarray:
    """Poses […, n, 3] (x, y in metres, yaw in rad) as float64, n at least `ticks`, coordinates held in ±1000 km."""
    poses = finite(name, value, (0, 3)).copy()
    if poses.shape[-2] < ticks:
        raise UnusableInput(f"{name} has {poses.shape[-2]} poses, a reward needs at least {ticks}")
    poses[..., :2] = np.clip(poses[..., :2], -LARGEST_M, LARGEST_M)
    turned = poses[..., 2]
    far = np.abs(turned) > np.pi  # most are within a turn: only the others cost sines
    turned[far] = np.arctan2(np.sin(turned[far]), np.cos(turned[far]))
    return poses


def same_kind(reward: Callable[..., np.ndarray]) -> Callable[..., Any]:
    """Let a numpy reward take torch tensors too and then answer with one (float32, on the same device)."""

    @functools.wraps(reward)
    def either(*inputs: Any, **named: Any) -> Any:
        tensors = [value for value in (*inputs, *named.values()) if hasattr(value, "detach")]
        plain = [_numpy(value) for value in inputs]
        score = reward(*plain, **{name: _numpy(value) for name, value in named.items()})
        return _like(tensors[0], score) if tensors else score

    return either


def _numpy(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _like(tensor: Any, score: np.ndarray) -> Any:
    import torch

    return torch.as_tensor(score, dtype=torch.float32, device=tensor.device)
