"""Obstacles of a CommonRoad scenario: recorded trajectories and standing things as arrays.

Knows the elements `obstacle` (2017a, 2018a), `dynamicObstacle` and `staticObstacle` (2018b, 2020a) of the format
(commonroad.in.tum.de, XML format 2020a). Does not know clips. The scenes are flat, without heights; the box of a type
without a height in the data gets the nominal one in `_HEIGHT_M` and stands on the ground.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

import numpy as np
import pyarrow as pa

from causeway.clips.geometry import Array
from causeway.clips.readers.commonroad.shapes import Unusable, box, position, text, value

_TYPES = {
    **{"car": "car", "taxi": "car", "priorityVehicle": "car", "parkedVehicle": "car"},
    **{"truck": "truck", "bus": "bus", "motorcycle": "motorcycle", "bicycle": "cyclist", "pedestrian": "pedestrian"},
    **{"constructionZone": "static", "roadBoundary": "static", "building": "static", "pillar": "static"},
    **{"medianStrip": "static", "median_strip": "static", "train": "unknown", "unknown": "unknown"},
}
_HEIGHT_M = {"truck": 3.5, "bus": 3.2, "pedestrian": 1.7, "cyclist": 1.7}
_OTHER_HEIGHT_M = 1.5
_EGO_TYPES = ("car", "taxi", "priorityVehicle", "truck", "bus")
_FARTHEST_M = 1e6
_FASTEST_MPS = 150.0
_US = 1e6
_LONGEST_S = 3600.0  # public scenarios last seconds; standing things have a row every tick of it


@dataclass(frozen=True)
class Obstacle:
    """One obstacle; times int64 [n] microseconds from the scenario's start, the rest float64 [n].

    x, y: centre of its box; speed signed along the yaw, NaN where not given; observed_us: when a state was known.
    `standing`: one state that holds for the whole scenario.
    """

    obstacle_id: str
    recorded_type: str
    standing: bool
    length_m: float
    width_m: float
    t_us: np.ndarray
    x_m: Array
    y_m: Array
    yaw_rad: Array
    speed_mps: Array
    observed_us: np.ndarray

    @property
    def type(self) -> str:
        """The track type."""
        return _TYPES.get(self.recorded_type, "unknown")

    @property
    def as_ego_us(self) -> int:
        """From its first to its last state of known speed; 0 for what cannot be the ego.

        That is a moving thing on four wheels or more.
        """
        known = self.t_us[np.isfinite(self.speed_mps)]
        moving = not self.standing and self.recorded_type in _EGO_TYPES
        return int(known[-1] - known[0]) if moving and len(known) else 0


def read_obstacle(element: Element, time_unit_s: float) -> tuple[Obstacle, str]:
    """An obstacle element up to its first wrong state, and what is wrong with that one ("" where all are good).

    `Unusable` says why it cannot be an obstacle, as when its first state is wrong already.
    """
    obstacle_id = element.get("id", "")
    standing = element.tag == "staticObstacle" or text(element, "role") == "static"
    length_m, width_m, shift = box(element.find("shape"))
    if not standing and element.find("trajectory") is None:
        raise Unusable("it has no recorded trajectory (an occupancy set, or nothing)")
    first = element.find("initialState")
    states = ([] if first is None else [first]) + ([] if standing else element.findall("trajectory/state"))
    if standing and not states:
        states = element.findall("trajectory/state")[:1]
    if not states:
        raise Unusable("it has no state")
    rows, wrong = _good_states(states, standing, time_unit_s)
    t_us = np.round(rows[:, 0] * time_unit_s * _US).astype(np.int64)
    x, y, yaw, speed = rows[:, 1:].T
    x = x + np.cos(yaw) * shift[0] - np.sin(yaw) * shift[1]
    y = y + np.sin(yaw) * shift[0] + np.cos(yaw) * shift[1]
    kind = text(element, "type") or "unknown"
    return Obstacle(obstacle_id, kind, standing, length_m, width_m, t_us, x, y, yaw, speed, t_us), wrong


def with_yaws_known(obstacle: Obstacle) -> Obstacle:
    """An obstacle whose recorded yaws are courses to its next place, with the courses from its last place instead.

    So no yaw is known before the place that it leads to. The first one has no other: it is known with the second.
    """
    yaw = np.append(obstacle.yaw_rad[:1], obstacle.yaw_rad[:-1])
    observed_us = obstacle.t_us.copy()
    observed_us[:1] = observed_us[1:2] if len(observed_us) > 1 else observed_us[:1]
    return replace(obstacle, yaw_rad=yaw, observed_us=observed_us)


def _good_states(states: list[Element], standing: bool, time_unit_s: float) -> tuple[Array, str]:
    """Time, x, y, yaw, speed of the states before the first wrong one, at least one, and what is wrong with that.

    A state is judged by itself and the one before it: what comes later must not take away what was seen.
    """
    read: list[tuple[float, ...]] = []
    why = ""
    for state in states:
        try:
            read.append(_state(state, standing))
        except Unusable as error:
            why = str(error)
            break
    rows = np.array(read, dtype=np.float64).reshape(-1, 5)
    faults = _faults(rows, time_unit_s)
    good = len(rows)
    if any(faults):
        good = int(np.argmax(faults != ""))
        why = str(faults[good])
    if good == 0:
        raise Unusable(f"state 0: {why}")
    return rows[:good], why and f"state {good}: {why}; it and {len(states) - good - 1} states after it are left out"


def _faults(rows: Array, time_unit_s: float) -> np.ndarray:
    """What is wrong with each state, "" for numbers of this world: time, x, y, yaw; speed may be unknown."""
    with np.errstate(all="ignore"):
        wrong = ~np.isfinite(rows[:, :4]).all(axis=1) | np.isinf(rows[:, 4])
        wrong |= (np.abs(rows[:, 1:3]) > _FARTHEST_M).any(axis=1) | (np.abs(rows[:, 4]) > _FASTEST_MPS)
        wrong |= (np.abs(rows[:, 3]) > 100) | (rows[:, 0] < 0) | (rows[:, 0] * time_unit_s > _LONGEST_S)
        back = np.append(False, ~(np.diff(np.round(rows[:, 0] * time_unit_s * _US)) > 0))[: len(rows)]
    faults = np.full(len(rows), "", dtype=object)
    faults[back] = "time does not increase"
    for row in np.flatnonzero(wrong):
        time, x, y, yaw, speed = rows[row]
        faults[row] = f"time {time:g}, x {x:g}, y {y:g}, yaw {yaw:g}, speed {speed:g}: not plausible"
    return faults


def _state(element: Element, standing: bool) -> tuple[float, float, float, float, float]:
    x, y = position(element.find("position"))
    yaw = value(element.find("orientation"), "orientation")
    speed = element.find("velocity")
    time = element.find("time")
    at = 0.0 if standing and time is None else value(time, "time")
    return at, x, y, yaw, 0.0 if standing else np.nan if speed is None else value(speed, "velocity")


def track_rows(obstacles: list[Obstacle], ticks_us: np.ndarray) -> pa.Table:
    """Track rows of all obstacles in the columns of the clips artifact; standing ones have one at each tick."""
    times = [ticks_us if o.standing else o.t_us for o in obstacles]
    known = [ticks_us if o.standing else o.observed_us for o in obstacles]

    def column(values: Callable[[Obstacle], Array]) -> Array:
        parts = [np.broadcast_to(values(o), len(t)) for o, t in zip(obstacles, times, strict=True)]
        return np.concatenate([np.zeros(0), *parts])

    def words(values: Callable[[Obstacle], str]) -> pa.Array:
        parts = [[values(o)] * len(t) for o, t in zip(obstacles, times, strict=True)]
        return pa.array([word for part in parts for word in part], pa.string())

    height = column(lambda o: np.array(_HEIGHT_M.get(o.type, _OTHER_HEIGHT_M)))
    speed, yaw = column(lambda o: o.speed_mps), column(lambda o: o.yaw_rad)
    return pa.table(
        {
            "t_us": np.concatenate([np.zeros(0, np.int64), *times]),
            "track_id": words(lambda o: o.obstacle_id),
            "type": words(lambda o: o.type),
            "x_m": column(lambda o: o.x_m),
            "y_m": column(lambda o: o.y_m),
            "z_m": height / 2,
            "yaw_rad": yaw,
            "length_m": column(lambda o: np.array(o.length_m)),
            "width_m": column(lambda o: np.array(o.width_m)),
            "height_m": height,
            "vx_mps": speed * np.cos(yaw),
            "vy_mps": speed * np.sin(yaw),
            "observed_us": np.concatenate([np.zeros(0, np.int64), *known]),
        }
    )
