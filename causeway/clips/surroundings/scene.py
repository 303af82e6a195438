"""One clip as arrays in its own frame: what the feature views are computed from.

Knows the columns of the clips artifact that matter here. Keeps `observed_us` beside the ego's values, so that a view
can say when it could have been known; of the tracks (`tracks`) a tick has what was known by then. Does not know
features.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact
from causeway.clips.geometry import conjugate, from_frame, rotate, to_frame, yaw_from_quaternion
from causeway.clips.row_groups import clip_rows
from causeway.clips.surroundings.path import Polyline, polyline
from causeway.clips.surroundings.tracks import Tracks, known_tracks


@dataclass(frozen=True, eq=False)
class Ego:
    """Ego motion on the n ticks of a clip."""

    t_us: np.ndarray
    observed_us: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    z_m: np.ndarray
    wxyz: np.ndarray  # [n, 4], its attitude
    yaw_rad: np.ndarray
    speed_mps: np.ndarray
    accel_mps2: np.ndarray
    yaw_rate_radps: np.ndarray
    curvature_per_m: np.ndarray


@dataclass(frozen=True, eq=False)
class Lane:
    """A lane's centre line and where it leads; width_m from its borders, 3.6 m where there are none."""

    lane_id: str
    centre: Polyline
    successors: tuple[str, ...]
    width_m: float
    kind: str


@dataclass(frozen=True, eq=False)
class Element:
    """A road element that is no stop line; `lane_ids` are the lanes it is for, where the map says."""

    element_id: str
    kind: str
    lane_ids: frozenset[str]
    xy_m: np.ndarray  # [m >= 1, 2], its shape


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip; `signals` are (t_us, signal_id, state, lane ids) by time, `stop_lines` (lane ids, middle xy)."""

    clip_id: str
    ego: Ego
    tracks: Tracks
    lanes: Mapping[str, Lane]
    signals: tuple[tuple[int, str, str, frozenset[str]], ...]
    stop_lines: tuple[tuple[frozenset[str], np.ndarray], ...]
    elements: tuple[Element, ...]
    route_xy_m: np.ndarray  # [m, 2], the way to go as it was known before the drive; m = 0: no route
    has_tracks: bool
    has_map: bool
    has_signals: bool
    front_m: float  # rear axle to front bumper
    rear_m: float  # rear axle to rear bumper
    width_m: float


def load_scene(clips: Artifact, clip: Mapping, before: Mapping | None = None) -> Scene:
    """A clip, given its row of `clips.parquet` and that of the drive's clip before it (None: it is the first).

    What was seen last in the clip before is still known on the first ticks of this one.
    """
    clip_id = clip["clip_id"]
    rows = {name: _rows_of(clips, name, clip_id) for name in _TABLES}
    rows |= {name: _with_earlier(clips, name, clip, before) for name in ("tracks", "signals")}
    ego = _ego(rows["ego"])
    front_m, rear_m, width_m = _size(rows["rigs"].to_pylist())
    road_elements = rows["road_elements"].to_pylist()
    return Scene(
        clip_id=clip_id,
        ego=ego,
        tracks=known_tracks(rows["tracks"], ego.t_us),
        lanes=_lanes(rows["lanes"].to_pylist()),
        signals=_signals(rows["signals"]),
        stop_lines=_stop_lines(road_elements),
        elements=_elements(road_elements),
        route_xy_m=_route(rows["route"].to_pylist()),
        has_tracks=bool(clip["has_tracks"]),
        has_map=bool(clip["has_map"]),
        has_signals=bool(clip["has_signals"]),
        front_m=front_m,
        rear_m=rear_m,
        width_m=width_m,
    )


_TABLES = ("ego", "rigs", "lanes", "road_elements", "route")
_EARLIER_US = 1_200_000  # how long a track counts as seen, and as long again for its acceleration


def _rows_of(clips: Artifact, name: str, clip_id: str) -> pa.Table:
    return _reader(clips.path(f"{name}.parquet"), clips.manifest.content_hash)([clip_id])


@lru_cache(maxsize=8)
def _reader(path: Path, content_hash: str) -> Callable[[Sequence[str]], pa.Table]:
    """One opened file for a table's many clips: to find a clip in a file anew costs as much as reading it."""
    return clip_rows(path)


def _ego(rows: pa.Table) -> Ego:
    rows = rows.sort_by("t_us")
    quaternion = np.stack([rows.column(c).to_numpy() for c in ("qw", "qx", "qy", "qz")], axis=-1)
    names = [name for name in Ego.__dataclass_fields__ if name not in ("wxyz", "yaw_rad")]
    arrays = {name: rows.column(name).to_numpy() for name in names}
    return Ego(**arrays, wxyz=quaternion, yaw_rad=yaw_from_quaternion(quaternion))


def _with_earlier(clips: Artifact, name: str, clip: Mapping, before: Mapping | None) -> pa.Table:
    """The clip's rows, after what was known last from the clip before it."""
    own = _rows_of(clips, name, clip["clip_id"])
    if before is None:
        return own
    rows = _rows_of(clips, name, before["clip_id"])
    earlier = rows.filter(pc.greater_equal(rows.column("t_us"), clip["start_us"] - _EARLIER_US))
    return pa.concat_tables([_in_frame_of(clip, before, earlier) if name == "tracks" else earlier, own])


def _in_frame_of(clip: Mapping, before: Mapping, tracks: pa.Table) -> pa.Table:
    """Track rows of the clip before in the frame of this one; in the plane both frames are flat for so short a time."""
    here, there = ([c[f"origin_{n}"] for n in ("x_m", "y_m", "yaw_rad")] for c in (clip, before))
    column = {n: tracks.column(n).to_numpy().astype(np.float64) for n in _MOVED}
    poses = from_frame(np.stack([column[n] for n in ("x_m", "y_m", "yaw_rad")], axis=-1), there)
    ahead = np.stack([column["vx_mps"], column["vy_mps"], np.zeros(tracks.num_rows)], axis=-1)
    turn = [0.0, 0.0, here[2] - there[2]]
    moved = np.column_stack([to_frame(poses, here), to_frame(ahead, turn)[:, :2], _height_in(clip, before, column)])
    for i, name in enumerate(_MOVED):
        tracks = tracks.set_column(tracks.column_names.index(name), name, pa.array(moved[:, i], pa.float64()))
    return tracks


_MOVED = ("x_m", "y_m", "yaw_rad", "vx_mps", "vy_mps", "z_m")


def _height_in(clip: Mapping, before: Mapping, column: Mapping[str, np.ndarray]) -> np.ndarray:
    """z in the frame of a clip [n] of points in that of the clip before, which may lean otherwise."""
    here, there = (np.array([c[f"origin_{n}"] for n in ("x_m", "y_m", "z_m")]) for c in (clip, before))
    to_here, to_drive = (np.array([c[f"origin_{n}"] for n in ("qw", "qx", "qy", "qz")]) for c in (clip, before))
    points = np.stack([column[n] for n in ("x_m", "y_m", "z_m")], axis=-1)
    return rotate(conjugate(to_here), rotate(to_drive, points) + there - here)[:, 2]


def _lanes(rows: list[dict]) -> dict[str, Lane]:
    lanes = {}
    for row in rows:
        centre = polyline(np.array(row["centre"])) if row["centre"] else None
        if centre is not None:
            width = _lane_width(row["left"], row["right"])
            lanes[row["lane_id"]] = Lane(row["lane_id"], centre, tuple(row["successors"] or ()), width, row["kind"])
    return lanes


def _lane_width(left: list | None, right: list | None) -> float:
    if not left or not right:
        return 3.6
    ends = [np.hypot(*(np.array(left[i][:2]) - np.array(right[i][:2]))) for i in (0, -1)]
    return float(np.clip(np.mean(ends), 2.5, 6.0))


def _signals(rows: pa.Table) -> tuple[tuple[int, str, str, frozenset[str]], ...]:
    ordered = rows.sort_by([("t_us", "ascending"), ("signal_id", "ascending")]).to_pylist()
    return tuple((r["t_us"], r["signal_id"], r["state"], frozenset(r["lane_ids"] or ())) for r in ordered)


def _stop_lines(rows: list[dict]) -> tuple[tuple[frozenset[str], np.ndarray], ...]:
    lines = [r for r in rows if r["kind"] == "stop_line" and r["shape"]]
    return tuple((frozenset(r["lane_ids"] or ()), np.mean(r["shape"], axis=0)[:2]) for r in lines)


def _elements(rows: list[dict]) -> tuple[Element, ...]:
    found = [r for r in rows if r["kind"] != "stop_line" and r["shape"]]
    return tuple(
        Element(r["element_id"], r["kind"], frozenset(r["lane_ids"] or ()), np.array(r["shape"])[:, :2]) for r in found
    )


def _route(rows: list[dict]) -> np.ndarray:
    points = rows[0]["points"] if rows else None
    return np.array(points, dtype=np.float64)[:, :2] if points else np.zeros((0, 2))


def _size(rigs: list[dict]) -> tuple[float, float, float]:
    """(rear axle to front bumper, to rear bumper, width) of the ego; a middle-sized car where the rig does not say."""
    known = [r for r in rigs if r["length_m"] and r["width_m"]]
    if not known:
        return 3.7, 1.0, 1.9
    half, centre = known[0]["length_m"] / 2, known[0]["rear_axle_to_centre_m"]
    return centre + half, half - centre, known[0]["width_m"]
