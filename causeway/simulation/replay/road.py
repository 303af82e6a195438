"""The map of a recorded clip as a road of the world: lanes, what is painted and stands there, lights with their phases.

Knows the map tables of a clip. Does not know who drove there. What a map does not say is drawn plainly: road reaches a
little beyond the lanes, and where the recording drove is road too; a light hangs past the end of the lane it is for.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US
from causeway.simulation.events.footing import stands_on, strips_of
from causeway.simulation.roads.layout import Layout
from causeway.simulation.roads.road import Element, Lane, Paint, Path, Road, Signal, path_through

Array = NDArray[np.float64]

LANE_M, NARROWEST_M, WIDEST_M = 3.6, 2.5, 6.0
BESIDE_M = 1.0  # road beyond a lane's edge
BEYOND_M = 100.0  # the recorded way goes on straight for so long
STEP_M = 1.0
LIGHT_AHEAD_M, LIGHT_HEIGHT_M = 14.0, 5.0
LINE_M = 0.12
WITHIN_M, CROSSED = 0.5, 0.2  # a border so far inside other lanes, for so much of its length, is not painted


def road_of(
    recorded: Array, lanes: Sequence[Mapping], elements: Sequence[Mapping], signals: Sequence[Mapping], start_us: int
) -> Layout:
    """The road of a clip, with its one route `ego`: the way [n, 3] that was driven.

    Rows of the tables `lanes`, `road_elements` and `signals`; times become times since `start_us`.
    """
    route = way_of(recorded, BEYOND_M)
    found = [lane for row in lanes if (lane := _lane(row)) is not None]
    surfaces = [(lane.centre, lane.width_m / 2 + BESIDE_M, lane.width_m / 2 + BESIDE_M) for lane in found]
    borders = [line for row in lanes if row["kind"] != "junction" for line in _lines(row)]
    shapes = [row for row in elements if row["shape"]]
    road = Road(
        lanes=(*found, Lane("recorded", route, LANE_M)),
        surfaces=(*surfaces, (route, LANE_M / 2, LANE_M / 2)),
        elements=tuple(_element(row) for row in shapes),
        signals=_signals(signals, {lane.lane_id: lane for lane in found}, start_us),
        paint=tuple(_outside(borders, found)),
    )
    return Layout(road, {"ego": route})


def way_of(poses: Array, beyond_m: float) -> Path:
    """The path [m] through poses [n, 3], a point a metre or so, and straight on for `beyond_m` (> 1 m)."""
    kept = [0]
    for i in range(1, len(poses)):
        if np.hypot(*(poses[i, :2] - poses[kept[-1], :2])) >= STEP_M / 2:
            kept.append(i)
    last = poses[kept[-1]]
    ahead = np.arange(STEP_M, beyond_m, STEP_M)[:, None] * [np.cos(last[2]), np.sin(last[2])]
    points = np.concatenate([poses[kept, :2], last[:2] + ahead])
    return path_through(points, np.concatenate([poses[kept, 2], np.full(len(ahead), last[2])]))


def _line(points: Sequence | None) -> Path | None:
    """A path along a polyline of the map, a point a metre; None when it has no length."""
    xy = np.array([p[:2] for p in points or ()], dtype=np.float64).reshape(-1, 2)
    if len(xy) > 1:
        xy = xy[np.concatenate([[True], np.hypot(*np.diff(xy, axis=0).T) > 1e-3])]
    if len(xy) < 2:
        return None
    s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    at = np.linspace(0.0, s[-1], max(int(s[-1] / STEP_M), 2) + 1)
    fine = np.column_stack([np.interp(at, s, xy[:, 0]), np.interp(at, s, xy[:, 1])])
    ahead = np.gradient(fine, axis=0)
    return path_through(fine, np.arctan2(ahead[:, 1], ahead[:, 0]))


def _lane(row: Mapping) -> Lane | None:
    centre = _line(row["centre"])
    if centre is None:
        return None
    return Lane(row["lane_id"], centre, _width_m(row), tuple(row["successors"] or ()), row["kind"])


def _width_m(row: Mapping) -> float:
    left, right = row["left"], row["right"]
    if not left or not right:
        return LANE_M
    ends = [np.hypot(left[i][0] - right[i][0], left[i][1] - right[i][1]) for i in (0, -1)]
    return float(np.clip(np.mean(ends), NARROWEST_M, WIDEST_M))


def _lines(row: Mapping) -> list[Paint]:
    """The borders of a lane as thin lines: maps here do not say how they are painted."""
    paths = [_line(row[side]) for side in ("left", "right")]
    return [Paint(path, LINE_M) for path in paths if path is not None]


def _outside(borders: Sequence[Paint], lanes: Sequence[Lane]) -> list[Paint]:
    """The borders that do not lie within lanes: those of lanes that cross are not painted."""
    if not lanes:
        return list(borders)
    inner = strips_of([(ln.centre, ln.width_m / 2 - WITHIN_M, ln.width_m / 2 - WITHIN_M) for ln in lanes])
    kept = []
    for border in borders:
        points = border.path.points[::3]
        boxes = np.column_stack([points, np.zeros((len(points), 3))])
        if np.mean([stands_on(inner, box) for box in boxes]) < CROSSED:
            kept.append(border)
    return kept


def _element(row: Mapping) -> Element:
    shape = np.array([p[:2] for p in row["shape"]], dtype=np.float64)
    return Element(row["element_id"], row["kind"], shape, tuple(row["lane_ids"] or ()))


def _signals(rows: Sequence[Mapping], lanes: Mapping[str, Lane], start_us: int) -> tuple[Signal, ...]:
    """One light for each signal whose lane is known, at the end of that lane."""
    of_signal: dict[str, list[Mapping]] = {}
    for row in sorted(rows, key=lambda row: (row["signal_id"], row["t_us"])):
        of_signal.setdefault(row["signal_id"], []).append(row)
    signals = []
    for signal_id, seen in of_signal.items():
        known = [lanes[name] for name in seen[0]["lane_ids"] or () if name in lanes]
        if known:
            signals.append(_signal(signal_id, seen, known[0], start_us))
    return tuple(signals)


def _signal(signal_id: str, seen: Sequence[Mapping], lane: Lane, start_us: int) -> Signal:
    x, y, yaw = lane.centre.pose_at(lane.centre.length_m + LIGHT_AHEAD_M).tolist()
    line = lane.centre.pose_at([lane.centre.length_m] * 2, [lane.width_m / 2, -lane.width_m / 2])[:, :2]
    phases: list[tuple[int, str]] = []
    for row in seen:
        if not phases or phases[-1][1] != row["state"]:
            phases.append((row["t_us"] - start_us, row["state"]))
    first = [(0, phases[0][1])] if phases[0][0] > TICK_US else []
    return Signal(signal_id, tuple(seen[0]["lane_ids"]), (x, y, LIGHT_HEIGHT_M), yaw, line, (*first, *phases))
