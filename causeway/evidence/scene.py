"""One clip as arrays in its own frame: what the feature views are computed from.

Knows the columns of the clips artifact that matter here. Keeps `observed_us` beside every value, so that a view can
say when it could have been known. Does not know features.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from causeway.artifacts import Artifact
from causeway.clips.geometry import yaw_from_quaternion
from causeway.evidence.path import Polyline, polyline


@dataclass(frozen=True, eq=False)
class Ego:
    """Ego motion on the n ticks of a clip."""

    t_us: np.ndarray
    observed_us: np.ndarray
    x_m: np.ndarray
    y_m: np.ndarray
    yaw_rad: np.ndarray
    speed_mps: np.ndarray
    accel_mps2: np.ndarray
    yaw_rate_radps: np.ndarray
    curvature_per_m: np.ndarray


@dataclass(frozen=True, eq=False)
class Tracks:
    """Boxes, one row for each track and tick, sorted by tick; `tick` indexes the ego's ticks."""

    tick: np.ndarray
    observed_us: np.ndarray
    track_id: np.ndarray
    type: np.ndarray
    xy_m: np.ndarray  # [rows, 2] centres
    yaw_rad: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray
    velocity_mps: np.ndarray  # [rows, 2]


@dataclass(frozen=True, eq=False)
class Lane:
    """A lane's centre line and where it leads; width_m from its borders, 3.6 m where there are none."""

    lane_id: str
    centre: Polyline
    successors: tuple[str, ...]
    width_m: float
    kind: str


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip; `signals` are (t_us, signal_id, state, lane ids) by time, `stop_lines` (lane ids, middle xy)."""

    clip_id: str
    ego: Ego
    tracks: Tracks
    lanes: Mapping[str, Lane]
    signals: tuple[tuple[int, str, str, frozenset[str]], ...]
    stop_lines: tuple[tuple[frozenset[str], np.ndarray], ...]
    has_tracks: bool
    has_map: bool
    has_signals: bool
    front_m: float  # rear axle to front bumper
    width_m: float


def load_scene(clips: Artifact, clip: Mapping) -> Scene:
    """A clip, given its row of `clips.parquet`."""
    clip_id = clip["clip_id"]
    rows = {name: _rows_of(clips, name, clip_id) for name in _TABLES}
    ego = _ego(rows["ego"])
    front_m, width_m = _size(rows["rigs"].to_pylist())
    return Scene(
        clip_id=clip_id,
        ego=ego,
        tracks=_tracks(rows["tracks"], ego),
        lanes=_lanes(rows["lanes"].to_pylist()),
        signals=_signals(rows["signals"]),
        stop_lines=_stop_lines(rows["road_elements"].to_pylist()),
        has_tracks=bool(clip["has_tracks"]),
        has_map=bool(clip["has_map"]),
        has_signals=bool(clip["has_signals"]),
        front_m=front_m,
        width_m=width_m,
    )


_TABLES = ("ego", "rigs", "tracks", "lanes", "signals", "road_elements")


def _rows_of(clips: Artifact, name: str, clip_id: str) -> pa.Table:
    return pq.read_table(clips.path(f"{name}.parquet"), filters=[("clip_id", "=", clip_id)])


def _ego(rows: pa.Table) -> Ego:
    rows = rows.sort_by("t_us")
    quaternion = np.stack([rows.column(c).to_numpy() for c in ("qw", "qx", "qy", "qz")], axis=-1)
    names = [name for name in Ego.__dataclass_fields__ if name != "yaw_rad"]
    arrays = {name: rows.column(name).to_numpy() for name in names}
    return Ego(**arrays, yaw_rad=yaw_from_quaternion(quaternion))


def _tracks(rows: pa.Table, ego: Ego) -> Tracks:
    """Rows on the ego's ticks; a missing velocity is the backward difference since the track's row before."""
    rows = rows.sort_by([("t_us", "ascending"), ("track_id", "ascending")])
    t_us = rows.column("t_us").to_numpy()
    tick = np.minimum(np.searchsorted(ego.t_us, t_us), max(len(ego.t_us) - 1, 0))
    column = {n: rows.column(n).to_numpy() for n in rows.column_names}
    xy = np.stack([column["x_m"], column["y_m"]], axis=-1)
    velocity = np.stack([column["vx_mps"], column["vy_mps"]], axis=-1)
    derived = _backward_velocity(column["track_id"].astype(str), t_us, xy)
    tracks = Tracks(
        tick=tick,
        observed_us=column["observed_us"],
        track_id=column["track_id"].astype(object),
        type=column["type"].astype(str),
        xy_m=xy,
        yaw_rad=column["yaw_rad"],
        length_m=column["length_m"],
        width_m=column["width_m"],
        velocity_mps=np.where(np.isfinite(velocity), velocity, derived),
    )
    on_tick = ego.t_us[tick] == t_us if len(tick) else np.zeros(0, dtype=bool)
    return Tracks(**{name: getattr(tracks, name)[on_tick] for name in Tracks.__dataclass_fields__})


def _backward_velocity(track_id: np.ndarray, t_us: np.ndarray, xy_m: np.ndarray) -> np.ndarray:
    velocity = np.zeros_like(xy_m)
    order = np.lexsort((t_us, track_id))
    dt_us = np.diff(t_us[order])
    follows = (track_id[order][1:] == track_id[order][:-1]) & (dt_us > 0)
    step = np.diff(xy_m[order], axis=0) / np.where(follows, dt_us, 1)[:, None] * 1e6
    velocity[order[1:]] = np.where(follows[:, None], step, 0.0)
    return velocity


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


def _size(rigs: list[dict]) -> tuple[float, float]:
    """(rear axle to front bumper, width) of the ego; a middle-sized car where the rig does not say."""
    known = [r for r in rigs if r["length_m"] and r["width_m"]]
    if not known:
        return 3.7, 1.9
    return known[0]["rear_axle_to_centre_m"] + known[0]["length_m"] / 2, known[0]["width_m"]
