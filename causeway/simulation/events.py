"""What went wrong in a tick: collisions and whose fault, leaving road or lane, running a red light, near misses.

Knows boxes, surfaces and lights of one tick. Does not know policies or how rollouts are scored. As in AlpaSim's
scoring, a hit from behind is not the ego's fault, any other is; hits while the ego stands are not either (ours).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import to_frame
from causeway.simulation.agents import AgentStates, Traffic
from causeway.simulation.road_layout import Layout
from causeway.simulation.vehicle import EGO, EgoState
from causeway.training.collision_reward import overlaps

Array = NDArray[np.float64]

NEAR_M = 60.0  # farther agents are not measured
CORNERS = np.array([[0.5, 0.5], [0.5, -0.5], [-0.5, -0.5], [-0.5, 0.5]])


@dataclass(frozen=True)
class Events:
    """The events of one tick. Distances in metres; `collision` is the track id of whom the ego touches, or ""."""

    collision: str = ""
    collision_at_fault: bool = False
    off_road: bool = False
    lane_departure: bool = False
    red_light_run: bool = False
    progress_m: float = 0.0
    min_distance_m: float = NEAR_M
    done: bool = False


def box_corners(boxes: Array) -> Array:
    """Corners [..., 4, 2] of boxes [..., 5] (centre x, y, yaw, length, width)."""
    local = CORNERS * boxes[..., None, 3:5]
    cos, sin = np.cos(boxes[..., 2, None]), np.sin(boxes[..., 2, None])
    x = boxes[..., 0, None] + cos * local[..., 0] - sin * local[..., 1]
    y = boxes[..., 1, None] + sin * local[..., 0] + cos * local[..., 1]
    return np.stack([x, y], axis=-1)


def box_distance(box: Array, others: Array) -> Array:
    """Distance [n] between a box [5] and boxes [n, 5]; 0 where they touch.

    Between separate rectangles the shortest way starts at a corner of one, so corners decide.
    """
    from_us = _corners_to_box(box_corners(others), box)
    from_them = _corners_to_box(np.broadcast_to(box_corners(box), (len(others), 4, 2)), others[:, None, :])
    apart = np.minimum(from_us.min(axis=1), from_them.min(axis=1))
    return np.where(overlaps(box, others), 0.0, apart)


def _corners_to_box(corners: Array, box: Array) -> Array:
    """Distance [n, 4] from corners [n, 4, 2] to boxes that broadcast against them."""
    poses = np.concatenate([corners, np.zeros((*corners.shape[:-1], 1))], axis=-1)
    local = np.abs(to_frame(poses, box[..., :3]))[..., :2]
    out = np.maximum(local - box[..., 3:5] / 2, 0.0)
    return np.hypot(out[..., 0], out[..., 1])


def agent_boxes(traffic: Traffic, states: AgentStates) -> Array:
    """Boxes [n, 5] of all agents."""
    return np.concatenate([states.poses, traffic.sizes_m[:, :2]], axis=-1)


def contact(ego: EgoState, traffic: Traffic, states: AgentStates) -> tuple[str, bool, float]:
    """(track id touched or "", the ego's fault, distance to the nearest agent).

    Of several touched at once the first that is the ego's fault is named.
    """
    boxes = agent_boxes(traffic, states)
    if not len(boxes):
        return "", False, NEAR_M
    near = np.flatnonzero(np.hypot(*(boxes[:, :2] - ego.box[:2]).T) < NEAR_M)
    if not len(near):
        return "", False, NEAR_M
    distance = box_distance(ego.box, boxes[near])
    touched = near[distance <= 0.0]
    if not len(touched):
        return "", False, float(distance.min())
    ours = [i for i in touched if _at_fault(ego, boxes[i])]
    return traffic.agents[[*ours, *touched][0]].track_id, bool(ours), 0.0


def _at_fault(ego: EgoState, other: Array) -> bool:
    """A hit at our tail alone is not our fault, nor is any while we stand."""
    bumpers = np.tile(ego.box, (2, 1))
    heading = np.array([np.cos(ego.yaw_rad), np.sin(ego.yaw_rad)])
    bumpers[0, :2] += heading * EGO.length_m / 2
    bumpers[1, :2] -= heading * EGO.length_m / 2
    bumpers[:, 3] = 0.1
    front, rear = overlaps(bumpers, other)
    return ego.speed_mps > 0.1 and (bool(front) or not bool(rear))


def red_light_run(layout: Layout, before: EgoState, after: EgoState, t_us: int) -> bool:
    """Whether the front bumper crossed the ego's stop line in this tick while its light showed red."""
    route = layout.routes["ego"]
    states = {s.signal_id: s.state_at(t_us) for s in layout.road.signals}
    lines = [s for name, s, signal in layout.stops if name == "ego" and states[signal] == "red"]
    if not lines:
        return False
    was, now = (float(route.project(e.pose[:2])[0]) + EGO.front_m for e in (before, after))
    return any(was <= line < now for line in lines)


def left_road(layout: Layout, ego: EgoState) -> bool:
    """Whether any corner of the ego is off every drivable surface."""
    return not bool(layout.road.on_surface(box_corners(ego.box)).all())
