"""What went wrong in a tick: collisions and whose fault, leaving road or lane, the wrong way, red lights, near misses.

Knows boxes, surfaces, lanes and lights of one tick. Does not know policies or how rollouts are scored. As in AlpaSim's
scoring, a hit from behind is not the ego's fault, any other is; hits while the ego stands are not either (ours).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.compiled import compiled
from causeway.simulation.events import contacts, footing
from causeway.simulation.events.footing import Strips
from causeway.simulation.roads.layout import Layout
from causeway.simulation.roads.road import Signal
from causeway.simulation.traffic.agents import AgentStates, Traffic
from causeway.simulation.vehicle import EGO, EgoState, VehicleShape

Array = NDArray[np.float64]

NEAR_M = 60.0  # farther agents are not measured
STANDING_MPS = 0.1
AT_SIGN_M, HALF_LINE_M = 8.0, 1.9  # who stood so near before a stop sign's line obeyed it; half of that line
READS_COS = 0.5  # a light is for who drives within 60° of its direction
NOT_DRIVEN = ("shoulder", "bike")
WHERE = ("", "front", "side", "rear")
CONE_M = 0.35  # across its foot


@dataclass(frozen=True)
class Events:
    """The events of one tick. Distances in metres; `collision` is the track id of whom the ego touches (or the element
    id of a cone), or "", and `collision_where` the part of the ego that is touched: front, side, rear or "".

    `lane_departure`: the middle of the ego is in no lane that goes its way (a lane it changed to is one);
    `wrong_way`: it is in a lane that goes against it besides. `time_to_collision_s`: until the ego and another touch
    if both keep velocity and heading, at most `contacts.NEVER_S`.
    """

    collision: str = ""
    collision_where: str = ""
    collision_at_fault: bool = False
    off_road: bool = False
    lane_departure: bool = False
    wrong_way: bool = False
    red_light_run: bool = False
    stop_sign_run: bool = False
    progress_m: float = 0.0
    min_distance_m: float = NEAR_M
    time_to_collision_s: float = contacts.NEVER_S
    done: bool = False


@dataclass(frozen=True, eq=False)
class Grounds:
    """A scene prepared for judging: `route` is the ego's alone, `lines` [m, 5] are stop lines (x, y, x, y) and the
    heading of those who are to stop there; `signals` are their lights, None at a stop sign."""

    surfaces: Strips
    lanes: Strips
    route: Strips
    lines: Array
    signals: tuple[Signal | None, ...]
    names: tuple[str, ...]  # of the agents, then of the cones
    sizes_m: Array
    cones: Array  # [c, 5] boxes
    start_m: float  # where the drive begins: the middle of the ego on its route
    shape: VehicleShape  # of the ego


def grounds_of(layout: Layout, traffic: Traffic, start_m: float, shape: VehicleShape = EGO) -> Grounds:
    """What judging needs of a scene; the ego's rear axle starts at station `start_m` of its route."""
    road = layout.road
    lanes = [(ln.centre, ln.width_m / 2, ln.width_m / 2) for ln in road.lanes if ln.kind not in NOT_DRIVEN]
    cones = [element for element in road.elements if element.kind == "cone"]
    lines = [[*s.stop_line.ravel(), s.facing_rad] for s in road.signals] + _sign_lines(layout)
    return Grounds(
        surfaces=footing.strips_of(road.surfaces),
        lanes=footing.strips_of(lanes),
        route=footing.strips_of([(layout.routes["ego"], 0.0, 0.0)]),
        lines=np.array(lines, dtype=np.float64).reshape(-1, 5),
        signals=(*road.signals, *[None] * (len(lines) - len(road.signals))),
        names=(*(agent.track_id for agent in traffic.agents), *(cone.element_id for cone in cones)),
        sizes_m=traffic.sizes_m,
        cones=np.array([[*c.shape[:, :2].mean(axis=0), 0.0, CONE_M, CONE_M] for c in cones]).reshape(-1, 5),
        start_m=start_m + shape.rear_axle_to_centre_m,
        shape=shape,
    )


def _sign_lines(layout: Layout) -> list[list[float]]:
    """The stop lines of stop signs: those that no light is for."""
    lights, lines = {signal.signal_id for signal in layout.road.signals}, []
    for route, at_m, control_id in layout.stops:
        if control_id not in lights:
            ends = layout.routes[route].pose_at([at_m, at_m], [HALF_LINE_M, -HALF_LINE_M])
            lines.append([*ends[0, :2].tolist(), *ends[1, :2].tolist(), float(ends[0, 2])])
    return lines


def judged(
    grounds: Grounds,
    before: EgoState,
    after: EgoState,
    states: AgentStates,
    t_us: int,
    last: bool,
    stood: Callable[[], EgoState | None] = lambda: None,
) -> Events:
    """The events of the tick from `before` to `after`, which ends at `t_us`; `last`: the scene ends with it.

    `stood()`: the ego where it stood last, None when it never did; asked only where it matters.
    """
    box = after.box_of(grounds.shape)
    touched, where, at_fault, distance_m, soonest_s = contact(grounds, after, box, states)
    along, against = footing.directions(grounds.lanes, box)
    red, sign = lines_run(grounds, before, after, t_us, stood)
    return Events(
        collision=touched,
        collision_where=where,
        collision_at_fault=at_fault,
        off_road=not footing.stands_on(grounds.surfaces, box),
        lane_departure=not along,
        wrong_way=against and not along,
        red_light_run=red,
        stop_sign_run=sign,
        progress_m=footing.station(grounds.route, box) - grounds.start_m,
        min_distance_m=distance_m,
        time_to_collision_s=soonest_s,
        done=bool(touched) or last,
    )


def agent_boxes(traffic: Traffic, states: AgentStates) -> Array:
    """Boxes [n, 5] of all agents."""
    boxes = np.empty((len(states.poses), 5))
    _fill_boxes(states.poses, traffic.sizes_m, np.empty((0, 5)), boxes)
    return boxes


def contact(grounds: Grounds, ego: EgoState, box: Array, states: AgentStates) -> tuple[str, str, bool, float, float]:
    """(track id touched or "", where on the ego, the ego's fault, distance to the nearest agent, time to a collision).

    Of several touched at once the first that is the ego's fault is named.
    """
    if not grounds.names:
        return "", "", False, NEAR_M, contacts.NEVER_S
    boxes, velocities = np.empty((len(grounds.names), 5)), np.zeros((len(grounds.names), 2))
    _fill_boxes(states.poses, grounds.sizes_m, grounds.cones, boxes)
    _fill_velocities(states.poses, states.speed_mps, velocities)
    velocity = np.array([ego.speed_mps * math.cos(ego.yaw_rad), ego.speed_mps * math.sin(ego.yaw_rad)])
    where, distance_m, soonest_s = contacts.meetings(box, velocity, boxes, velocities, NEAR_M)
    if distance_m > 0.0:
        return "", "", False, distance_m, soonest_s
    touched = np.flatnonzero(where)
    ours = [i for i in touched if ego.speed_mps > STANDING_MPS and where[i] != contacts.REAR]
    named = int([*ours, *touched][0])
    return grounds.names[named], WHERE[where[named]], bool(ours), 0.0, 0.0


def lines_run(
    grounds: Grounds, before: EgoState, after: EgoState, t_us: int, stood: Callable[[], EgoState | None]
) -> tuple[bool, bool]:
    """Whether the middle of the front bumper crossed a stop line in this tick (while its light showed red, of a stop
    sign before which the ego has not stood)."""
    red, sign = False, False
    if len(grounds.signals):
        crossed = np.zeros(len(grounds.lines), dtype=np.bool_)
        crosses = _crossed(grounds.lines, before.numbers, after.numbers, grounds.shape.front_m, crossed)
        for i in np.flatnonzero(crossed) if crosses else ():
            light = grounds.signals[i]
            red |= light is not None and light.state_at(t_us) == "red"
            sign |= light is None and not _near(stood(), after)
    return red, sign


def _near(stood: EgoState | None, now: EgoState) -> bool:
    return stood is not None and math.hypot(stood.x_m - now.x_m, stood.y_m - now.y_m) < AT_SIGN_M


@compiled
def _fill_boxes(poses: Array, sizes_m: Array, more: Array, boxes: Array) -> None:
    """Boxes [n, 5] of all, those that stay last."""
    for i in range(len(more)):  # (a slice that is written to takes seconds to compile)
        for k in range(5):
            boxes[len(poses) + i, k] = more[i, k]
    for i in range(len(poses)):
        boxes[i, 0], boxes[i, 1], boxes[i, 2] = poses[i, 0], poses[i, 1], poses[i, 2]
        boxes[i, 3], boxes[i, 4] = sizes_m[i, 0], sizes_m[i, 1]


@compiled
def _fill_velocities(poses: Array, speed_mps: Array, velocities: Array) -> None:
    for i in range(len(poses)):
        velocities[i, 0] = speed_mps[i] * math.cos(poses[i, 2])
        velocities[i, 1] = speed_mps[i] * math.sin(poses[i, 2])


@compiled
def _crossed(lines: Array, before: Array, after: Array, front_m: float, out: NDArray[np.bool_]) -> bool:
    """Whether the front passes any line [m], on ground between its ends, by who drives the way that it is read."""
    x0, y0 = before[0] + front_m * math.cos(before[2]), before[1] + front_m * math.sin(before[2])
    x1, y1 = after[0] + front_m * math.cos(after[2]), after[1] + front_m * math.sin(after[2])
    for i in range(len(lines)):
        ax, ay, bx, by, facing = lines[i, 0], lines[i, 1], lines[i, 2], lines[i, 3], lines[i, 4]
        was = (bx - ax) * (y0 - ay) - (by - ay) * (x0 - ax)
        now = (bx - ax) * (y1 - ay) - (by - ay) * (x1 - ax)
        if was == now or (was <= 0.0) == (now <= 0.0) or math.cos(after[2] - facing) < READS_COS:
            continue
        share = was / (was - now)
        px, py = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        along = ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
        out[i] = 0.0 <= along <= 1.0
    return bool(out.any())
