"""The road ahead at each tick: which lane we are on, where it leads, its curves, stop lines and lights.

Uses the map (which has no time), the ego pose of the tick and signals observed up to it. At a fork the path follows
the successor that turns least: where the driver will really go is future and not looked at. A clip's map reaches
farther where the drive goes on; so nothing that lies, or begins, more than `MAP_REACH_M` ahead of us counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from causeway.clips.cutting import MAP_REACH_M
from causeway.clips.geometry import wrap_angle
from causeway.clips.surroundings.path import ROUNDING_M, Polyline, curvature_along, polyline, project
from causeway.clips.surroundings.scene import Lane, Scene

_ON_LANE_M = 2.5  # farther from every centre line = on no lane
_AGAINST_RAD = np.pi / 3  # a lane that runs otherwise than we do is not ours
_CURVE_REACH_M = 60.0
_STRAIGHT_PER_M = 0.001  # a lane that bends less has no curve to drive to
STOP_REACH_M = 100.0  # of lights and stop lines; with what follows it stays below MAP_REACH_M
_BEFORE_LANE_M = 10.0  # a stop line may lie before the lane that names it, such as one through a junction
_BESIDE_M = 20.0  # or beside its middle
_PASSED_M = 5.0  # so little behind us the line of a light still tells what governs us: we are just driving over it
_SIGNAL_AGE_US = 500_000  # a light not observed for longer is not known


@dataclass(frozen=True, eq=False)
class Ahead:
    """A lane and those it leads to as one line; curvature [k] at distances curve_along_m [k]."""

    lane_ids: tuple[str, ...]
    line: Polyline
    width_m: float
    curve_along_m: np.ndarray
    curvature_per_m: np.ndarray
    stop_lines_m: tuple[float, ...]
    spans_m: Mapping[str, tuple[float, float]]  # from where to where each lane goes
    junctions: frozenset[str]


@dataclass(frozen=True, eq=False)
class Guide:
    """For each of n ticks: `ahead[tick]` or None where no map says, ego's place on it (NaN where None)."""

    ahead: tuple[Ahead | None, ...]
    along_m: np.ndarray
    offset_m: np.ndarray

    def groups(self) -> Iterator[tuple[Ahead, np.ndarray]]:
        """Each different `Ahead` with a mask of its ticks."""
        for item in {id(a): a for a in self.ahead if a is not None}.values():
            yield item, np.array([a is item for a in self.ahead])


def guide(scene: Scene) -> Guide:
    """What the map says at each tick of a clip."""
    count = len(scene.ego.t_us)
    lane_ids = _lane_of_tick(scene) if scene.lanes else [None] * count
    known = {lane_id: _ahead(scene, lane_id) for lane_id in sorted({i for i in lane_ids if i})}
    result = Guide(tuple(known[i] if i else None for i in lane_ids), np.full(count, np.nan), np.full(count, np.nan))
    xy = np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1)
    for ahead, mask in result.groups():
        on = project(scene.lanes[ahead.lane_ids[0]].centre, xy[mask])
        result.along_m[mask], result.offset_m[mask] = on.along_m, on.offset_m
    return result


def _lane_of_tick(scene: Scene) -> list[str | None]:
    """The lane whose centre line is nearest, 1 rad of heading counting as 2 m; None when none is near."""
    xy = np.stack([scene.ego.x_m, scene.ego.y_m], axis=-1)
    names = sorted(scene.lanes)
    cost = np.full((len(names), len(xy)), np.inf)
    for row, name in enumerate(names):
        line = scene.lanes[name].centre
        ticks = np.flatnonzero(line.box_distance_m(xy) <= _ON_LANE_M + ROUNDING_M)
        if not len(ticks):
            continue
        on = project(line, xy[ticks])
        turn = np.abs(wrap_angle(on.yaw_rad - scene.ego.yaw_rad[ticks]))
        distance = np.hypot(on.offset_m, on.misses_m)
        fits = (distance <= _ON_LANE_M) & (turn <= _AGAINST_RAD)
        cost[row, ticks[fits]] = (distance + 2 * turn)[fits]
    best = np.argmin(cost, axis=0)
    return [names[b] if np.isfinite(cost[b, i]) else None for i, b in enumerate(best)]


def _ahead(scene: Scene, lane_id: str) -> Ahead:
    lanes, line = _followed(scene.lanes, lane_id)
    spans = _spans(lanes)
    junctions = frozenset(lane.lane_id for lane in lanes if lane.kind == "junction")
    stops = [_stop_on(line, spans, lane_ids, xy) for lane_ids, xy in scene.stop_lines]
    stops_m = tuple(sorted(stop for stop in stops if stop is not None))
    along, curvature = curvature_along(line)
    ids = tuple(lane.lane_id for lane in lanes)
    return Ahead(ids, line, lanes[0].width_m, along, curvature, stops_m, spans, junctions)


def _spans(lanes: list[Lane]) -> dict[str, tuple[float, float]]:
    """From where to where each lane goes on the line through all of them."""
    spans = {}
    for count, lane in enumerate(lanes, 1):
        end = float(_joined(lanes[:count]).along_m[-1])
        spans[lane.lane_id] = (end - float(lane.centre.along_m[-1]), end)
    return spans


def _stop_on(
    line: Polyline, spans: Mapping[str, tuple[float, float]], lane_ids: frozenset[str], xy_m: np.ndarray
) -> float | None:
    """Where a stop line is on the way up to the end of the first lane it is for; None when it is not near there."""
    first = next((span for lane_id, span in spans.items() if lane_id in lane_ids), None)
    if first is None:
        return None
    on = project(line, xy_m[None], np.array([first[1]]))
    beside_m = float(np.hypot(on.offset_m[0], on.misses_m[0]))
    along_m = float(on.along_m[0])
    return along_m if along_m >= first[0] - _BEFORE_LANE_M and beside_m <= _BESIDE_M else None


def _followed(lanes: Mapping[str, Lane], lane_id: str) -> tuple[list[Lane], Polyline]:
    found = [lanes[lane_id]]
    length = 0.0
    while length < MAP_REACH_M:
        seen = {lane.lane_id for lane in found}
        yaw = found[-1].centre.yaw_rad[-1]
        open_ids = [s for s in found[-1].successors if s in lanes and s not in seen]
        if not open_ids:
            break
        turns = {s: abs(float(wrap_angle(lanes[s].centre.yaw_rad[-1] - yaw))) for s in open_ids}
        found.append(lanes[min(open_ids, key=lambda s: (round(turns[s], 3), s))])
        length += float(found[-1].centre.along_m[-1])
    return found, _joined(found)


def _joined(lanes: list[Lane]) -> Polyline:
    line = polyline(np.concatenate([lane.centre.xy_m for lane in lanes]))
    assert line is not None  # made of lines
    return line


def lane_columns(scene: Scene, path: Guide) -> dict[str, list]:
    """stop_line_distance_m, curve_curvature_per_m, curve_distance_m, lane_offset_m of each tick (None = none)."""
    columns: dict[str, list] = {}
    columns["lane_offset_m"] = [None if np.isnan(o) else float(o) for o in path.offset_m]
    stops, curves, distances = [], [], []
    for ahead, along_m in zip(path.ahead, path.along_m, strict=True):
        stops.append(None if ahead is None else _stop_line(ahead, along_m + scene.front_m))
        curve = (None, None) if ahead is None else _curve(ahead, along_m)
        curves.append(curve[0])
        distances.append(curve[1])
    columns["stop_line_distance_m"] = stops
    columns["curve_curvature_per_m"] = curves
    columns["curve_distance_m"] = distances
    return columns


def _stop_line(ahead: Ahead, front_m: float) -> float | None:
    """Front bumper to the next stop line within 100 m; one just crossed (1 m) still counts, at distance 0."""
    distances = [stop - front_m for stop in ahead.stop_lines_m if -1.0 < stop - front_m <= STOP_REACH_M]
    return max(min(distances), 0.0) if distances else None


def _curve(ahead: Ahead, along_m: float) -> tuple[float | None, float | None]:
    """The strongest signed curvature within 60 m and the distance to where half of it is reached (None: straight)."""
    window = (ahead.curve_along_m >= along_m) & (ahead.curve_along_m <= along_m + _CURVE_REACH_M)
    if not window.any():
        return None, None
    curvature, along = ahead.curvature_per_m[window], ahead.curve_along_m[window]
    strongest = curvature[np.argmax(np.abs(curvature))]
    if abs(strongest) < _STRAIGHT_PER_M:
        return float(strongest), None
    begins = np.argmax(np.abs(curvature) >= abs(strongest) / 2)
    return float(strongest), float(along[begins] - along_m)


def signal_columns(scene: Scene, path: Guide) -> dict[str, list]:
    """signal_id, signal_state, signal_distance_m of the next light of our lane at each tick (None = none)."""
    columns: dict[str, list] = {"signal_id": [], "signal_state": [], "signal_distance_m": []}
    latest: dict[str, tuple[int, str, str, frozenset[str]]] = {}
    rows = iter([*scene.signals, (np.iinfo(np.int64).max, "", "", frozenset[str]())])
    row = next(rows)
    for tick, t_us in enumerate(scene.ego.t_us):
        while row[0] <= t_us:
            latest[row[1]] = row
            row = next(rows)
        fresh = [r for r in latest.values() if t_us - r[0] <= _SIGNAL_AGE_US]
        front_m = path.along_m[tick] + scene.front_m
        found = _next_signal(path.ahead[tick], front_m, fresh)
        for name, value in zip(columns, found, strict=True):
            columns[name].append(value)
    return columns


def _next_signal(
    ahead: Ahead | None, front_m: float, rows: list[tuple[int, str, str, frozenset[str]]]
) -> tuple[str | None, str | None, float | None]:
    """(id, state, distance) of the nearest light that governs a lane on our way."""
    found = []
    for _, signal_id, state, lane_ids in rows if ahead is not None else ():
        assert ahead is not None
        governed = [lane_id for lane_id in ahead.lane_ids if lane_id in lane_ids]
        if governed:
            distance = _signal_place(ahead, governed[0], front_m) - front_m
            if -_PASSED_M < distance <= STOP_REACH_M:
                found.append((max(float(distance), 0.0), signal_id, state))
    if not found:
        return None, None, None
    distance, signal_id, state = min(found)
    return signal_id, state, distance


def _signal_place(ahead: Ahead, lane_id: str, front_m: float) -> float:
    """Where one stops for the light of a lane: the stop line in or just before it, else where the light stands.

    Sources name either the lane that ends at the line or the one through the junction that begins behind it.
    """
    start, end = ahead.spans_m[lane_id]
    near = [stop for stop in ahead.stop_lines_m if -_PASSED_M < stop - front_m <= STOP_REACH_M]
    lines = [stop for stop in near if start - 5.0 <= stop <= end + 5.0]
    if lines:
        return min(lines)
    return start if lane_id in ahead.junctions else end
