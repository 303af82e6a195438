"""The collision reward: does the predicted path touch a recorded agent?

Knows oriented footprints and when two of them overlap (separating axes). The rear axle is the origin of an own pose,
the centre that of an agent's. Does not know where tracks come from; without any the caller leaves this reward out.
"""

from dataclasses import dataclass

import numpy as np

from causeway.errors import UnusableInput
from causeway.training.reward_inputs import finite, path, same_kind


@dataclass(frozen=True)
class Footprint:
    """The own vehicle on the ground; the defaults are a mid-size car's."""

    length_m: float = 4.7
    width_m: float = 1.9
    rear_axle_to_centre_m: float = 1.4


def overlaps(box: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which pairs of boxes touch. Both […, 5]: centre x, y, yaw, length, width (metres, rad)."""
    apart = other[..., :2] - box[..., :2]
    turn = other[..., 2] - box[..., 2]
    cosine, sine = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    touching = np.ones(np.broadcast_shapes(box.shape, other.shape)[:-1], dtype=bool)
    for own, its in ((box, other), (other, box)):
        forward, left = _along(apart, own[..., 2])
        half_length, half_width = own[..., 3] / 2, own[..., 4] / 2
        reach_x = half_length + its[..., 3] / 2 * cosine + its[..., 4] / 2 * sine
        reach_y = half_width + its[..., 3] / 2 * sine + its[..., 4] / 2 * cosine
        touching &= (np.abs(forward) <= reach_x) & (np.abs(left) <= reach_y)
    return touching


def _along(offset: np.ndarray, yaw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cosine, sine = np.cos(yaw), np.sin(yaw)
    return (
        offset[..., 0] * cosine + offset[..., 1] * sine,
        offset[..., 1] * cosine - offset[..., 0] * sine,
    )


@same_kind
def collision(
    predicted: np.ndarray,
    agents: np.ndarray,
    sizes_m: np.ndarray,
    present: np.ndarray,
    footprint: Footprint | None = None,
) -> np.ndarray:
    """−1 when the own footprint touches any agent's at any tick, else 0.

    Inputs: `predicted` […, n, 3] rear-axle poses; `agents` […, m, n, 3] centre poses in the same frame at the same
    ticks; `sizes_m` […, m, 2] length and width; `present` […, m, n] where an agent was recorded (elsewhere its pose
    is not read). Range: {−1, 0}. Unit: none. Source: r_traj's collision term of arXiv 2511.00088 sec. 5.
    """
    own = footprint or Footprint()
    ego = path("predicted", predicted, 1)
    there = np.asarray(present, dtype=bool)
    others = path("agents", np.where(there[..., None], np.asarray(agents, dtype=np.float64), 0.0), 1)
    sizes = finite("sizes_m", sizes_m, (0, 2))
    if others.shape[-2] != ego.shape[-2] or sizes.shape[-2] != others.shape[-3]:
        raise UnusableInput(f"agents {others.shape} and sizes_m {sizes.shape} do not fit predicted {ego.shape}")
    if (sizes < 0).any():
        raise UnusableInput("sizes_m holds a negative length or width")
    boxes, other = _boxes(ego, own), _with_size(others, sizes[..., None, :])
    near = _near(boxes[..., None, :, :], other) & there
    hit = np.zeros(near.shape, dtype=bool)
    both = (*near.shape, 5)
    hit[near] = overlaps(np.broadcast_to(boxes[..., None, :, :], both)[near], np.broadcast_to(other, both)[near])
    return np.asarray(-1.0 * hit.any(axis=(-2, -1)))


def _boxes(ego: np.ndarray, own: Footprint) -> np.ndarray:
    centre = ego.copy()
    centre[..., 0] += own.rear_axle_to_centre_m * np.cos(ego[..., 2])
    centre[..., 1] += own.rear_axle_to_centre_m * np.sin(ego[..., 2])
    return _with_size(centre, np.array([own.length_m, own.width_m]))


def _with_size(poses: np.ndarray, size: np.ndarray) -> np.ndarray:
    return np.concatenate([poses, np.broadcast_to(size, (*poses.shape[:-1], 2))], axis=-1)


def _near(box: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pairs whose surrounding circles meet: the cheap question first."""
    offset = other[..., :2] - box[..., :2]
    reach = (np.hypot(box[..., 3], box[..., 4]) + np.hypot(other[..., 3], other[..., 4])) / 2
    return np.hypot(offset[..., 0], offset[..., 1]) <= reach
