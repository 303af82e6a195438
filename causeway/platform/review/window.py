"""What a reviewer sees of one moment: the two seconds before t0, and apart from them what came next.

Knows the clips tables of one moment's drive and the frame of everything shown: the rig frame at the last tick known at
t0, 2-D. `past` is made from rows of which every raw time stamp is at t0 or before, so it cannot hold what came
later; `rest` begins after t0. Does not know who asks for what, pages or labels.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact
from causeway.clips import Clip
from causeway.clips.access import drive_motion, drives_of
from causeway.clips.geometry import FUTURE_US, HISTORY_US, Array, from_frame, to_frame
from causeway.clips.row_groups import clip_rows
from causeway.clips.surroundings.tracks import known_tracks
from causeway.clips.types import EgoMotion
from causeway.errors import UnusableInput

REACH_M = 90.0  # what is farther from the vehicle is not drawn
_POINTS = 60  # of one line on the map
_STILL_MPS = 0.5  # slower than this the path says nothing about the wheels
_SOME_SIZE = {"length_m": 4.7, "width_m": 1.9, "wheelbase_m": 2.8, "rear_axle_to_centre_m": 1.4}
_TABLES = ("ego", "tracks", "signals", "lanes", "road_elements", "rigs")

Read = Callable[[str, Sequence[str]], pa.Table]


@dataclass(frozen=True)
class Source:
    """The clips artifact, opened once: its drives, and a function (table, clip ids) -> rows."""

    clips: Artifact
    drives: dict[str, list[Clip]]
    drive_of: dict[str, str]
    read: Read


def open_source(clips: Artifact) -> Source:
    """Open the tables; UnusableInput when one cannot be read."""
    drives = drives_of(clips)
    readers = {name: clip_rows(clips.path(f"{name}.parquet")) for name in _TABLES}
    drive_of = {clip.clip_id: drive_id for drive_id, parts in drives.items() for clip in parts}
    return Source(clips, drives, drive_of, lambda name, ids: readers[name](ids))


@dataclass(frozen=True)
class Frames:
    """Pictures of a window by camera and time; `image` gives the bytes of one, b"" for none."""

    times: dict[str, list[int]]
    image: Callable[[str, int], bytes]


@dataclass(frozen=True)
class Window:
    """One moment, ready to be shown: what was known at t0, a call that gives what came next, the pictures of both.

    `rest()` raises UnusableInput when what came next cannot be shown; the past does not depend on it.
    """

    t0_us: int
    past: dict[str, Any]
    rest: Callable[[], dict[str, Any]]
    frames: Frames


@dataclass(frozen=True)
class _Rows:
    """What the drive's tables say around a moment, in the drive frame."""

    ego: EgoMotion
    tracks: pa.Table
    signals: list[dict]


def load_window(source: Source, clip_id: str, t0_us: int) -> Window:
    """Everything about a moment; UnusableInput when its clip is not there or says nothing about these seconds."""
    parts = _parts(source, clip_id, t0_us)
    ids = [clip.clip_id for clip in parts]
    where = f"{source.clips.location}: clip {clip_id} around {t0_us} us"
    with _told(where):
        signals = source.read("signals", ids).sort_by("t_us").to_pylist()
        whole = _Rows(drive_motion(parts, source.read("ego", ids)), _tracks(parts, source.read("tracks", ids)), signals)
        known = _known_by(whole, t0_us)
        if not len(known.ego):
            raise UnusableInput(f"{where}: no ego motion is known in the 2 s before; give its own clips")
        frame = np.array([known.ego.x_m[-1], known.ego.y_m[-1], known.ego.yaw_rad[-1]])
        size = _size(source.read("rigs", [clip_id]))
        here = next(clip for clip in parts if clip.clip_id == clip_id)
        past = _view(known, known.ego.t_us >= t0_us - HISTORY_US, frame, t0_us, size)
        past |= {"size": size, **_map(source, here, frame, known.signals)}
        frames = _frames(source, ids, t0_us)
    past["frames"] = _shown(frames, lambda t: t <= t0_us, t0_us)

    @lru_cache(maxsize=1)
    def rest() -> dict[str, Any]:
        with _told(where):
            later = (whole.ego.t_us > known.ego.t_us[-1]) & (whole.ego.t_us <= t0_us + FUTURE_US)
            view = _view(whole, later, frame, t0_us, size)
        return view | {"frames": _shown(frames, lambda t: t > t0_us, t0_us)}

    return Window(t0_us, past, rest, frames)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Damaged rows as one line for a person."""
    try:
        yield
    except KeyError as error:
        raise UnusableInput(f"{where}: lacks column {error}; an older artifact? make it again") from error
    except (pa.ArrowInvalid, TypeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnusableInput(f"{where} cannot be shown ({reason}); `causeway validate` says where") from error


def _known_by(rows: _Rows, t0_us: int) -> _Rows:
    """Only rows of which nothing is later than t0."""
    ego = rows.ego
    kept = (ego.t_us <= t0_us) & (ego.observed_us <= t0_us) & (ego.t_us >= t0_us - HISTORY_US)
    return _Rows(
        EgoMotion(**{f.name: getattr(ego, f.name)[kept] for f in fields(EgoMotion)}),
        rows.tracks.filter((pc.field("t_us") <= t0_us) & (pc.field("observed_us") <= t0_us)),
        [s for s in rows.signals if s["t_us"] <= t0_us],
    )


def _shown(frames: Frames, wanted: Callable[[int], bool], t0_us: int) -> dict[str, list[int]]:
    """Times from t0 of the wanted pictures, cameras that have one."""
    found = {camera: [t - t0_us for t in times if wanted(t)] for camera, times in frames.times.items()}
    return {camera: times for camera, times in found.items() if times}


def _parts(source: Source, clip_id: str, t0_us: int) -> list[Clip]:
    """The clips of the moment's drive that its seconds lie in, by time."""
    drive = source.drives.get(source.drive_of.get(clip_id, ""), [])
    near = [c for c in drive if c.end_us >= t0_us - HISTORY_US and c.start_us <= t0_us + FUTURE_US]
    own = next((c for c in near if c.clip_id == clip_id), None)
    if own is None or not own.start_us <= t0_us <= own.end_us:
        raise UnusableInput(f"{source.clips.location}: has no clip {clip_id} around {t0_us} us; name its own clips")
    return near


def _view(rows: _Rows, ticks: np.ndarray, frame: Array, t0_us: int, size: dict) -> dict[str, Any]:
    """Motion, boxes and lights at some ticks (a mask of the ego's), in the frame given; times in µs from t0."""
    ego, t_us = rows.ego, rows.ego.t_us[ticks]
    speed = ego.speed_mps[ticks]
    with np.errstate(all="ignore"):
        wheels = np.degrees(np.arctan(size["wheelbase_m"] * ego.curvature_per_m[ticks]))
        poses = to_frame(np.column_stack([ego.x_m[ticks], ego.y_m[ticks], ego.yaw_rad[ticks]]), frame)
    return {
        "t": (t_us - t0_us).tolist(),
        "speed": _plain(speed),
        "steer": _plain(np.where(np.abs(speed) < _STILL_MPS, np.nan, wheels)),
        "ego": [_plain(row, 3) for row in poses],
        "boxes": _boxes(rows.tracks, t_us, frame),
        "lights": [_lights(rows.signals, int(t)) for t in t_us],
    }


def _plain(values: np.ndarray, digits: int = 2) -> list[float | None]:
    """Rounded numbers as JSON has them: what is no number is null."""
    return [round(float(v), digits) if np.isfinite(v) else None for v in values]


def _boxes(tracks: pa.Table, t_us: np.ndarray, frame: Array) -> list[list[dict[str, Any]]]:
    """For each tick the road users known by then that are in reach."""
    found: list[list[dict[str, Any]]] = [[] for _ in t_us]
    if not tracks.num_rows or not len(t_us):
        return found
    known = known_tracks(tracks, t_us)
    poses = to_frame(np.column_stack([known.xy_m, known.yaw_rad]), frame)
    ahead = np.column_stack([np.cos(known.yaw_rad), np.sin(known.yaw_rad)])
    with np.errstate(all="ignore"):
        velocity = to_frame(np.column_stack([known.velocity_mps, known.yaw_rad]), [0.0, 0.0, frame[2]])[:, :2]
        along = np.sum(known.velocity_mps * ahead, axis=1)
        near = np.isfinite(poses).all(axis=1) & (np.hypot(poses[:, 0], poses[:, 1]) < REACH_M)
    sizes = np.column_stack([known.length_m, known.width_m]).astype(np.float64)
    for row in np.flatnonzero(near):
        found[known.tick[row]].append({
            "id": str(known.track_id[row]),
            "type": str(known.type[row]),
            "pose": _plain(poses[row]),
            "size": [side or 0.6 for side in _plain(sizes[row])],
            "v": _plain(velocity[row]),
            "along": _plain(np.array([along[row], known.accel_mps2[row]])),
        })  # fmt: skip
    return found


def _lights(signals: list[dict], t_us: int) -> dict[str, str]:
    """The last known state of each light at a time."""
    return {str(s["signal_id"]): str(s["state"]) for s in signals if s["t_us"] <= t_us}


def _tracks(parts: Sequence[Clip], rows: pa.Table) -> pa.Table:
    """Track rows of all parts in the drive frame, for the plane."""
    tables = []
    for clip in parts:
        own = rows.filter(pc.field("clip_id") == clip.clip_id)
        placed = pc.is_finite(pc.field("x_m")) & pc.is_finite(pc.field("y_m")) & ~pc.is_null(pc.field("t_us"))
        own = own.filter(placed & ~pc.is_null(pc.field("track_id")) & ~pc.is_null(pc.field("observed_us")))
        origin = _origin(clip)
        column = {n: own.column(n).to_numpy(zero_copy_only=False).astype(np.float64) for n in _MOVED}
        poses = from_frame(np.column_stack([column[n] for n in ("x_m", "y_m", "yaw_rad")]), origin)
        ahead = np.column_stack([column["vx_mps"], column["vy_mps"], np.zeros(own.num_rows)])
        moved = np.column_stack([poses, from_frame(ahead, [0.0, 0.0, origin[2]])[:, :2]])
        for i, name in enumerate(_MOVED):
            own = own.set_column(own.column_names.index(name), name, pa.array(moved[:, i], pa.float64()))
        tables.append(own)
    return pa.concat_tables(tables)


_MOVED = ("x_m", "y_m", "yaw_rad", "vx_mps", "vy_mps")


def _origin(clip: Clip) -> Array:
    w, x, y, z = clip.origin_wxyz
    return np.array([*clip.origin_xyz_m[:2], np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))])


def _size(rigs: pa.Table) -> dict[str, float]:
    row = (rigs.to_pylist() or [{}])[0]
    return {n: float(v) if (v := row.get(n)) and np.isfinite(v) else some for n, some in _SOME_SIZE.items()}


def _map(source: Source, clip: Clip, frame: Array, signals: list[dict]) -> dict[str, Any]:
    """Lanes and road elements of the moment's clip that are in reach, and the lanes of the lights seen so far."""
    origin = _origin(clip)
    lanes = []
    for row in source.read("lanes", [clip.clip_id]).to_pylist():
        lines = {side: _line(row[side], origin, frame) for side in ("centre", "left", "right")}
        if any(lines.values()):
            lanes.append({"id": str(row["lane_id"]), "kind": row["kind"], **lines})
    elements = []
    for row in source.read("road_elements", [clip.clip_id]).to_pylist():
        shape = _line(row["shape"], origin, frame)
        if shape:
            elements.append({"id": str(row["element_id"]), "kind": row["kind"], "shape": shape})
    lights = {str(s["signal_id"]): [str(lane) for lane in s["lane_ids"] or ()] for s in signals}
    return {"lanes": lanes, "elements": elements, "light_lanes": lights}


def _line(points: list | None, origin: Array, frame: Array) -> list[list[float | None]]:
    """A line of the clip frame in the frame shown, thinned, where it is in reach; [] elsewhere."""
    xy = np.array([p[:2] for p in points or ()], dtype=np.float64).reshape(-1, 2)
    moved = to_frame(from_frame(np.column_stack([xy, np.zeros(len(xy))]), origin), frame)[:, :2]
    moved = moved[np.isfinite(moved).all(axis=1)]
    inside = np.flatnonzero(np.hypot(moved[:, 0], moved[:, 1]) < REACH_M)
    if not len(inside):
        return []
    moved = moved[max(inside[0] - 1, 0) : inside[-1] + 2]
    return [_plain(np.asarray(p)) for p in moved[:: max(len(moved) // _POINTS, 1)]]


def _frames(source: Source, ids: Sequence[str], t0_us: int) -> Frames:
    """When pictures of the window were taken; their bytes are read once one of them is asked for."""
    from_us, to_us = t0_us - HISTORY_US, t0_us + FUTURE_US
    times: dict[str, list[int]] = {}
    for rows in source.clips.look("frames", ["camera", "t_us"], clip_id=ids):
        for row in rows.filter((pc.field("t_us") >= from_us) & (pc.field("t_us") <= to_us)).to_pylist():
            times.setdefault(str(row["camera"]), []).append(int(row["t_us"]))

    @lru_cache(maxsize=2)  # of a rig of ten cameras the pictures of all would be a thousand
    def stored(camera: str) -> dict[int, bytes]:
        wanted = times.get(camera, [])
        found = source.clips.look("frames", ["t_us", "image"], clip_id=ids, camera=[camera], t_us=wanted)
        return {int(r["t_us"]): r["image"] or b"" for rows in found for r in rows.to_pylist()}

    order = {name: i for i, name in enumerate(_cameras(source, ids[0]))}
    ordered = {c: sorted(times[c]) for c in sorted(times, key=lambda c: (order.get(c, len(order)), c))}
    return Frames(ordered, lambda camera, t_us: stored(camera).get(t_us, b""))


def _cameras(source: Source, clip_id: str) -> list[str]:
    """Cameras, the one that looks straight ahead first; of those the wider one."""
    rows = [r for r in source.read("rigs", [clip_id]).to_pylist() if r["camera"]]

    def ahead(row: dict) -> tuple[float, float, str]:
        pose, fx, cx = row["rig_from_camera"] or [], row["fx"], row["cx"]
        known = len(pose) == 16 and fx and cx
        return (-round(float(pose[2]), 1), fx / cx, row["camera"]) if known else (np.inf, 0.0, row["camera"])

    return [row["camera"] for row in sorted(rows, key=ahead)]
