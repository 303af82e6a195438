"""When something could be seen from the ego: the stretch of time around a moment in which it was in view.

Knows the front camera's field, distance, and vehicles that stand between. Does not know why it matters.
"""

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import to_frame
from causeway.simulation.events.events import agent_boxes
from causeway.simulation.pictures.looks import look_named
from causeway.simulation.traffic.agents import AgentStates, Traffic
from causeway.simulation.vehicle import EgoState
from causeway.training.collision_reward import overlaps

Array = NDArray[np.float64]

SEEN_WITHIN_M = 120.0
SEEN_AT_HAZE = 2.5  # so many times as far as where haze hides half, a sixth of the contrast is left
HALF_FIELD_RAD = np.pi / 3  # the wide front camera's
EYE_M = 1.9  # before the rear axle
SEE_OVER_M = 2.5  # what is higher is not hidden by cars


def seen_within_m(look: str) -> float:
    """How far one sees under a look; UsageError for an unknown one."""
    return min(SEEN_WITHIN_M, SEEN_AT_HAZE * look_named(look).haze_m)


def in_view(
    ego: EgoState,
    traffic: Traffic,
    agents: AgentStates,
    xy: Array,
    height_m: float,
    own: int = -1,
    within_m: float = SEEN_WITHIN_M,
) -> bool:
    """Whether a point [2] of a thing can be seen now; `own` is its index when it is itself an agent."""
    x, y, _ = to_frame(np.array([xy[0], xy[1], 0.0]), ego.pose)
    x -= EYE_M
    if x <= 0.0 or np.hypot(x, y) > within_m or abs(np.arctan2(y, x)) > HALF_FIELD_RAD:
        return False
    boxes = agent_boxes(traffic, agents)
    others = [i for i in range(len(boxes)) if i != own and traffic.sizes_m[i, 2] > 1.2]
    if height_m > SEE_OVER_M or not others:
        return True
    eye = ego.pose[:2] + EYE_M * np.array([np.cos(ego.yaw_rad), np.sin(ego.yaw_rad)])
    way = xy - eye
    ray = np.array([*(eye + way / 2), np.arctan2(way[1], way[0]), np.hypot(*way), 0.05])
    return not bool(overlaps(ray, boxes[others]).any())


def stretch(seen: list[bool], at: int) -> tuple[int, int] | None:
    """First and last index of the run of True values around index `at`; None when it is False there."""
    if not seen[at]:
        return None
    first = last = at
    while first > 0 and seen[first - 1]:
        first -= 1
    while last + 1 < len(seen) and seen[last + 1]:
        last += 1
    return first, last
