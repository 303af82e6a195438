"""What was around the car at each tick of a drive, as far as key frames need it: columns over the drive's ticks.

Knows the scenes of a drive's clips and asks `causeway.clips.surroundings` of them. At a tick these are things known by
then, but the columns of all ticks are at hand: a tag may be found with what came after t0 (evidence may not).
Does not know meta actions or scenarios.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from causeway.artifacts import Artifact
from causeway.clips.surroundings.agents import Against, against_path, is_crossing, is_lead, is_obstacle, nearest_of_tick
from causeway.clips.surroundings.contenders import signed_gap_m
from causeway.clips.surroundings.path import Polyline, project
from causeway.clips.surroundings.road import STOP_REACH_M, Ahead, Guide, guide, lane_columns, signal_columns
from causeway.clips.surroundings.scene import Scene, load_scene
from causeway.meta_actions.moments_config import MomentConfig

WEAK = ("pedestrian", "cyclist", "animal")
SIGNALS = ("", "red", "yellow", "green")  # others are as good as none


@dataclass(frozen=True, eq=False)
class Sightings:
    """Other road users relative to our path, one row a track and tick, by tick; tracks are numbered."""

    tick: np.ndarray
    track: np.ndarray
    weak: np.ndarray  # bool: a person, a cyclist, an animal
    gap_m: np.ndarray
    offset_m: np.ndarray  # + = left
    clearance_m: np.ndarray  # beside us; < 0: in our way
    along_mps: np.ndarray
    across_mps: np.ndarray  # + = to the left
    heads_our_way: np.ndarray  # bool
    lane_offset_m: np.ndarray  # from the middle of our lane, wherever in it we are
    into_lane_m: np.ndarray  # how far its near side is inside the edge of our lane
    signals: np.ndarray  # its turn signal: +1 left, -1 right, 0 none or not known

    def between(self, first: int, stop: int) -> slice:
        """The rows of ticks from `first` to `stop` (not included)."""
        return slice(*np.searchsorted(self.tick, [first, stop]).tolist())


@dataclass(frozen=True, eq=False)
class Around:
    """Columns [n] over a drive's ticks; NaN or -1 where there is nothing or nothing is known.

    Distances are along our path from the front bumper. `lane` numbers the lane we are on.
    """

    t_us: np.ndarray
    has_tracks: np.ndarray
    has_map: np.ndarray  # we are on a known lane
    lead: np.ndarray  # number of the track
    lead_gap_m: np.ndarray
    lead_mps: np.ndarray
    lead_accel_mps2: np.ndarray
    crossing: np.ndarray
    crossing_weak: np.ndarray
    crossing_joins: np.ndarray  # bool: a vehicle that comes from beside and goes our way
    crossing_gap_m: np.ndarray
    crossing_mps: np.ndarray  # along our path
    obstacle_gap_m: np.ndarray
    obstacle_offset_m: np.ndarray
    works: np.ndarray  # how many cones, barriers and the like narrow our way ahead
    works_gap_m: np.ndarray
    works_offset_m: np.ndarray
    beside_left: np.ndarray  # bool: a vehicle is next to us, or would be if we moved over
    beside_right: np.ndarray
    signal: np.ndarray  # index into SIGNALS
    signal_gap_m: np.ndarray
    stop_gap_m: np.ndarray  # to the next stop line
    line_crossed: np.ndarray  # bool: in this tick our front bumper crosses a stop line or a crosswalk
    bump_gap_m: np.ndarray
    curve_per_m: np.ndarray  # strongest within 60 m, + = left
    curve_gap_m: np.ndarray
    lane: np.ndarray
    lane_offset_m: np.ndarray
    in_junction: np.ndarray  # bool


_NONE = {np.dtype(bool): False, np.dtype(np.int64): -1, np.dtype(np.float64): np.nan}
_FIELDS = tuple(field.name for field in fields(Around))
T = TypeVar("T", Around, Sightings)


def around_drive(clips: Artifact, rows: Sequence[dict], config: MomentConfig) -> tuple[Around, Sightings]:
    """All of a drive's clips, given their rows of `clips.parquet` in time order."""
    numbers: dict[str, int] = {}
    parts, seen, first = [], [], 0
    for row, before in zip(rows, [None, *rows[:-1]], strict=True):
        scene = load_scene(clips, row, before)
        around, sightings = around_clip(scene, numbers, first, config)
        parts.append(around)
        seen.append(sightings)
        first += len(scene.ego.t_us)
    return _joined(parts), _joined(seen)


def _joined(parts: Sequence[T]) -> T:
    names = [field.name for field in fields(parts[0])]
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def around_clip(scene: Scene, numbers: dict[str, int], first: int, config: MomentConfig) -> tuple[Around, Sightings]:
    """One clip; tracks and lanes get numbers in `numbers`, ticks are counted from `first`."""
    path = guide(scene)
    rows = against_path(scene, path)
    columns = {"t_us": scene.ego.t_us, "has_tracks": _all(scene, scene.has_tracks)}
    columns |= _others(scene, rows, numbers) | _signals(scene, path) | _lane(scene, path, numbers)
    columns |= {f"beside_{side}": _beside(scene, rows, sign, config) for side, sign in (("left", 1.0), ("right", -1.0))}
    columns |= _on_the_way(scene, path, config) | _works(scene, path, rows, config)
    return Around(**columns), _sightings(scene, rows, numbers, first)


def _all(scene: Scene, value: float | bool) -> np.ndarray:
    return np.full(len(scene.ego.t_us), value)


def _number(name: str, numbers: dict[str, int]) -> int:
    return numbers.setdefault(name, len(numbers))


def _others(scene: Scene, rows: Against, numbers: dict[str, int]) -> dict[str, np.ndarray]:
    names = scene.tracks.track_id
    lead = nearest_of_tick(scene, rows, is_lead(scene, rows))
    crossing = nearest_of_tick(scene, rows, is_crossing(scene, rows))
    obstacle = nearest_of_tick(scene, rows, is_obstacle(scene, rows))
    weak = np.isin(scene.tracks.type, WEAK)
    joins = ~weak & (rows.along_mps > np.maximum(1.0, 1.5 * np.abs(rows.across_mps)))

    def number(chosen: np.ndarray) -> np.ndarray:
        return np.array([-1 if row < 0 else _number(f"track {names[row]}", numbers) for row in chosen], dtype=np.int64)

    return {
        "lead": number(lead),
        "lead_gap_m": _pick(np.maximum(rows.gap_m, 0.0), lead),
        "lead_mps": _pick(rows.along_mps, lead),
        "lead_accel_mps2": _pick(rows.accel_mps2, lead),
        "crossing": number(crossing),
        "crossing_weak": _pick(weak, crossing),
        "crossing_joins": _pick(joins, crossing),
        "crossing_mps": _pick(rows.along_mps, crossing),
        "crossing_gap_m": _pick(np.maximum(rows.gap_m, 0.0), crossing),
        "obstacle_gap_m": _pick(np.maximum(rows.gap_m, 0.0), obstacle),
        "obstacle_offset_m": _pick(rows.offset_m, obstacle),
    }


def _beside(scene: Scene, rows: Against, sign: float, config: MomentConfig) -> np.ndarray:
    """Ticks at which a vehicle on the next lane leaves us no gap: beside us, or there soon."""
    offset, gap_m = sign * rows.offset_m, signed_gap_m(rows)
    (nearest, farthest), (ahead_m, behind_m) = config.beside_m, config.beside_gap_m
    lane = (offset > nearest) & (offset < farthest) & ~np.isin(scene.tracks.type, (*WEAK, "static"))
    closing_m = config.beside_s * (rows.along_mps - scene.ego.speed_mps[scene.tracks.tick])
    ahead = (gap_m < ahead_m) | ((rows.along_mps < 0) & (gap_m + closing_m < ahead_m))
    behind = -gap_m - np.maximum(closing_m, 0.0) < behind_m
    result = np.zeros(len(scene.ego.t_us), dtype=bool)
    result[scene.tracks.tick[lane & ahead & behind]] = True
    return result


def _pick(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    if not len(values):
        return np.full(len(rows), _NONE[values.dtype])
    return np.where(rows < 0, _NONE[values.dtype], values[rows])


def _sightings(scene: Scene, rows: Against, numbers: dict[str, int], first: int) -> Sightings:
    track = np.array([_number(f"track {name}", numbers) for name in scene.tracks.track_id], dtype=np.int64)
    half_across_m = np.abs(rows.offset_m) - rows.clearance_m - scene.width_m / 2
    return Sightings(
        tick=scene.tracks.tick + first,
        track=track,
        weak=np.isin(scene.tracks.type, WEAK),
        gap_m=np.where(rows.ahead, rows.gap_m, np.minimum(rows.gap_m, -1.0)),
        offset_m=rows.offset_m,
        clearance_m=rows.clearance_m,
        along_mps=rows.along_mps,
        across_mps=rows.across_mps,
        heads_our_way=np.abs(rows.turn_rad) < np.pi / 3,
        lane_offset_m=rows.lane_offset_m,
        into_lane_m=rows.half_lane_m - (np.abs(rows.lane_offset_m) - half_across_m),
        signals=(scene.tracks.indicator == "left") * 1 - (scene.tracks.indicator == "right") * 1,
    )


def _numbers_of(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _signals(scene: Scene, path: Guide) -> dict[str, np.ndarray]:
    columns = signal_columns(scene, path)
    states = [SIGNALS.index(state) if state in SIGNALS else 0 for state in columns["signal_state"]]
    return {"signal": np.array(states, dtype=np.int64), "signal_gap_m": _numbers_of(columns["signal_distance_m"])}


def _lane(scene: Scene, path: Guide, numbers: dict[str, int]) -> dict[str, np.ndarray]:
    columns = lane_columns(scene, path)
    own = [None if ahead is None else ahead.lane_ids[0] for ahead in path.ahead]
    junction = [ahead is not None and ahead.lane_ids[0] in ahead.junctions for ahead in path.ahead]
    return {
        "has_map": np.array([name is not None for name in own], dtype=bool),
        "lane": np.array([-1 if name is None else _number(f"lane {name}", numbers) for name in own], dtype=np.int64),
        "lane_offset_m": path.offset_m,
        "in_junction": np.array(junction, dtype=bool),
        "stop_gap_m": _numbers_of(columns["stop_line_distance_m"]),
        "curve_per_m": _numbers_of(columns["curve_curvature_per_m"]),
        "curve_gap_m": _numbers_of(columns["curve_distance_m"]),
    }


def _along(line: Polyline, shape: np.ndarray, reach_m: float) -> float | None:
    """Where on a line a shape first comes within reach of it, or None."""
    on = project(line, np.concatenate([shape, shape.mean(axis=0)[None]]))
    near = np.hypot(on.offset_m, on.misses_m) <= reach_m
    return float(on.along_m[near].min()) if near.any() else None


def _on_the_way(scene: Scene, path: Guide, config: MomentConfig) -> dict[str, np.ndarray]:
    """Bumps ahead, and the ticks at which the front bumper crosses a stop line or a crosswalk."""
    count = len(scene.ego.t_us)
    bump_gap, crossed = np.full(count, np.nan), np.zeros(count, dtype=bool)
    step_m = np.abs(scene.ego.speed_mps) * 0.1 + 0.3
    for ahead, mask in path.groups():
        front = path.along_m[mask] + scene.front_m
        lines = list(ahead.stop_lines_m) + _places(ahead, scene, "crosswalk", config)
        passed = [(front >= line) & (front - line < step_m[mask]) for line in lines]
        crossed[mask] = np.any(passed, axis=0) if lines else False
        for bump in _places(ahead, scene, "bump", config):
            gap = bump - front
            gap[(gap < -1.0) | (gap > STOP_REACH_M)] = np.nan
            bump_gap[mask] = np.fmin(bump_gap[mask], np.maximum(gap, 0.0))
    crossed[1:] &= ~crossed[:-1]
    return {"bump_gap_m": bump_gap, "line_crossed": crossed & (scene.ego.speed_mps > 0)}


def _places(ahead: Ahead, scene: Scene, kind: str, config: MomentConfig) -> list[float]:
    found = [_along(ahead.line, element.xy_m, config.on_way_m) for element in scene.elements if element.kind == kind]
    return [place for place in found if place is not None]


def _works(scene: Scene, path: Guide, rows: Against, config: MomentConfig) -> dict[str, np.ndarray]:
    """Cones and barriers that narrow our way, from tracks of type `static` and from the map."""
    count = len(scene.ego.t_us)
    own = _narrowing(scene, rows, config)
    found = [(scene.tracks.tick[own], rows.gap_m[own], rows.offset_m[own])]
    cones = np.array([element.xy_m.mean(axis=0) for element in scene.elements if element.kind == "cone"]).reshape(-1, 2)
    for ahead, mask in path.groups() if len(cones) else ():
        on = project(ahead.line, cones)
        near = np.abs(on.offset_m) < scene.width_m / 2 + config.works_beside_m
        gap = on.along_m[near][None] - (path.along_m[mask] + scene.front_m)[:, None]
        tick, cone = np.nonzero((gap > -2.0) & (gap < config.works_reach_m))
        found.append((np.flatnonzero(mask)[tick], gap[tick, cone], on.offset_m[near][cone]))
    tick, gap_m, offset_m = (np.concatenate(column) for column in zip(*found, strict=True))
    works = np.bincount(tick, minlength=count)
    order = np.lexsort((gap_m, tick))
    ticks, nearest = np.unique(tick[order], return_index=True)
    gaps, offsets = np.full(count, np.nan), np.full(count, np.nan)
    gaps[ticks], offsets[ticks] = np.maximum(gap_m[order][nearest], 0.0), offset_m[order][nearest]
    return {"works": works, "works_gap_m": gaps, "works_offset_m": offsets}


def _narrowing(scene: Scene, rows: Against, config: MomentConfig) -> np.ndarray:
    near = rows.ahead & (rows.gap_m > -2.0) & (rows.gap_m < config.works_reach_m)
    return near & (rows.clearance_m < config.works_beside_m) & (scene.tracks.type == "static")


def unknown(t_us: np.ndarray) -> tuple[Around, Sightings]:
    """Nothing is known of what was around at these ticks."""
    empty = {field.name: np.zeros(0) for field in fields(Sightings)}
    empty |= {name: np.zeros(0, dtype=np.int64) for name in ("tick", "track", "signals")}
    empty |= {name: np.zeros(0, dtype=bool) for name in ("weak", "heads_our_way")}
    flags = {
        "has_tracks",
        "has_map",
        "crossing_weak",
        "crossing_joins",
        "beside_left",
        "beside_right",
        "line_crossed",
        "in_junction",
    }
    columns: dict[str, np.ndarray] = {name: np.full(len(t_us), np.nan) for name in _FIELDS}
    columns |= {name: np.zeros(len(t_us), dtype=bool) for name in flags}
    columns |= {name: np.full(len(t_us), -1) for name in ("lead", "crossing", "lane")}
    columns |= {name: np.zeros(len(t_us), dtype=np.int64) for name in ("works", "signal")}
    return Around(**(columns | {"t_us": t_us})), Sightings(**empty)


def stretches(of: np.ndarray) -> Iterator[tuple[int, int]]:
    """(start, stop) of each unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], of, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
