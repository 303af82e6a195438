"""Rectangles on the ground: when two of them touch, and in how many seconds they will.

Knows oriented boxes […, 5]: centre x, y (metres), yaw (rad), length, width (metres). Does not know whose they are,
ticks or rewards.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from causeway.model.surroundings import Footprint

Floats = NDArray[np.float64]


def own_boxes(ego: Floats, own: Footprint) -> Floats:
    """Boxes […, 5] of the own vehicle from its rear-axle poses […, 3]."""
    centre = ego.copy()
    centre[..., 0] += own.rear_axle_to_centre_m * np.cos(ego[..., 2])
    centre[..., 1] += own.rear_axle_to_centre_m * np.sin(ego[..., 2])
    return with_size(centre, np.array([own.length_m, own.width_m]))


def with_size(poses: Floats, size: Floats) -> Floats:
    """Boxes […, 5] of centre poses […, 3] and sizes […, 2]."""
    return np.concatenate([poses, np.broadcast_to(size, (*poses.shape[:-1], 2))], axis=-1)


def corners(boxes: Floats) -> Floats:
    """The corners […, 4, 2] of boxes […, 5]."""
    cosine, sine = np.cos(boxes[..., 2]), np.sin(boxes[..., 2])
    ahead = np.stack([cosine, sine], axis=-1) * boxes[..., 3:4] / 2
    aside = np.stack([-sine, cosine], axis=-1) * boxes[..., 4:5] / 2
    return boxes[..., None, :2] + np.stack([ahead + aside, ahead - aside, -ahead - aside, aside - ahead], axis=-2)


def along(offset: Floats, yaw: Floats) -> tuple[Floats, Floats]:
    """Offsets […, 2] as seen at a heading […]: forward and left."""
    cosine, sine = np.cos(yaw), np.sin(yaw)
    return (
        offset[..., 0] * cosine + offset[..., 1] * sine,
        offset[..., 1] * cosine - offset[..., 0] * sine,
    )


def _shadows(box: Floats, other: Floats) -> Iterator[tuple[Floats, int, Floats]]:
    """Of the four side directions: the heading, 0 along or 1 left of it, and how far shadows reach to touch."""
    turn = other[..., 2] - box[..., 2]
    cosine, sine = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    for own, its in ((box, other), (other, box)):
        yield own[..., 2], 0, own[..., 3] / 2 + its[..., 3] / 2 * cosine + its[..., 4] / 2 * sine
        yield own[..., 2], 1, own[..., 4] / 2 + its[..., 3] / 2 * sine + its[..., 4] / 2 * cosine


def overlaps(box: Floats, other: Floats) -> NDArray[np.bool_]:
    """Which pairs of boxes touch (separating axes)."""
    return np.asarray(gap_m(box, other) == 0.0)


def gap_m(box: Floats, other: Floats) -> Floats:
    """How far apart […] pairs of boxes are along the side direction that parts them best; 0 where they touch.

    Between two corners the distance itself is more, by at most a factor of √2.
    """
    apart, widest = other[..., :2] - box[..., :2], np.zeros(np.broadcast_shapes(box.shape, other.shape)[:-1])
    for yaw, side, reach in _shadows(box, other):
        widest = np.maximum(widest, np.abs(along(apart, yaw)[side]) - reach)
    return widest


def touch_s(box: Floats, other: Floats, velocity_mps: Floats) -> Floats:
    """Seconds […] until `other` touches `box`, moving at `velocity_mps` […, 2] relative to it without turning.

    0 where it touches now, infinity where it never will.
    """
    apart = other[..., :2] - box[..., :2]
    enter, leave = np.zeros(apart.shape[:-1]), np.full(apart.shape[:-1], np.inf)
    for yaw, side, reach in _shadows(box, other):
        offset, speed = along(apart, yaw)[side], along(velocity_mps, yaw)[side]
        still = np.abs(speed) < 1e-9
        by = np.where(still, 1.0, speed)
        first, last = (-np.sign(by) * reach - offset) / by, (np.sign(by) * reach - offset) / by
        outside = still & (np.abs(offset) > reach)
        enter = np.where(still, enter, np.maximum(enter, first))
        leave = np.where(outside, -np.inf, np.where(still, leave, np.minimum(leave, last)))
    return np.where(enter <= leave, enter, np.inf)


def circles_m(boxes: Floats) -> Floats:
    """Half the diagonal […] of boxes […, 5]."""
    return np.hypot(boxes[..., 3], boxes[..., 4]) / 2
