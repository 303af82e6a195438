"""The key frames of one drive as rows: with their window checked, and where on earth they are.

Knows a drive's clips, its ego motion and its meta actions. Does not know other drives, and so neither splits nor
balance. A key frame without a whole window keeps its row, with the reason: whoever writes it counts it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact
from causeway.clips import EgoMotion, from_frame, to_frame
from causeway.clips.geometry import FUTURE_US, HISTORY_US
from causeway.meta_actions.keyframes import key_frames
from causeway.meta_actions.keyframes_around import Around, Sightings, around_drive, unknown
from causeway.meta_actions.keyframes_types import Behaviour, KeyFrame
from causeway.meta_actions.moments_config import MomentConfig
from causeway.meta_actions.names import CHANNELS
from causeway.meta_actions.step import runs

TEXT, LONG, REAL = pa.string(), pa.int64(), pa.float64()
CANDIDATES = pa.schema(
    [
        *((name, TEXT) for name in ("moment_id", "clip_id", "channel", "before", "after", "scenario")),
        *((name, LONG) for name in ("t0_us", "end_us", "start_us", "stop_us")),
        *((name, TEXT) for name in ("drive", "vehicle", "place", "world", "source")),
        *((name, REAL) for name in ("x_m", "y_m")),
        *((name, TEXT) for name in ("reason", "detail")),  # why it cannot be used; "" = it can
    ]
)


@dataclass(frozen=True, eq=False)
class Actions:
    """The meta actions of a drive by time: t_us int64 [n] and the codes [n] of each channel (-1: null)."""

    t_us: np.ndarray
    codes: dict[str, np.ndarray]


def actions_of(rows: pa.Table) -> Actions:
    """Rows of `meta_actions.parquet` of one drive, in any order."""
    rows = rows.sort_by("t_us")
    codes = {}
    for channel, names in CHANNELS.items():
        index = pc.index_in(rows.column(channel), pa.array(names, TEXT))
        codes[channel] = index.fill_null(-1).to_numpy().astype(np.int64)
    return Actions(rows.column("t_us").to_numpy(), codes)


def candidates(
    clips: Artifact, rows: Sequence[dict], ego: EgoMotion, actions: Actions, config: MomentConfig
) -> tuple[pa.Table, dict[str, int]]:
    """Key frames of a drive in the columns `CANDIDATES`, and what became of its transitions.

    `rows` are the drive's rows of `clips.parquet` by time, `ego` its motion in the drive frame.
    """
    around, seen = _around(clips, rows, ego, config)
    at = np.searchsorted(ego.t_us, actions.t_us)
    xy, drive = _positions(rows, ego), _of_drive(rows)
    found, counts = [], dict.fromkeys(_COUNTS, 0)
    for part in runs(actions.t_us):
        first, stop = int(at[part.start]), int(at[part.stop - 1]) + 1
        behaviour = _behaviour(ego, actions, part, slice(first, stop), config)
        result = key_frames(behaviour, _part(around, first, stop), _sighted(seen, first, stop))
        for frame in result.frames:
            tick = first + frame.tick
            found.append(_row(drive, ego.clip_id[tick], xy[tick], behaviour, frame))
        for reason, number in result.counts.items():
            counts[reason] += number
    return pa.Table.from_pylist(found, schema=CANDIDATES), counts


_COUNTS = ("transitions", "continues", "ends", "follows_lane", "wanders", "within_move", "within_range", "merged")
T = TypeVar("T", Around, Sightings)


def _around(clips: Artifact, rows: Sequence[dict], ego: EgoMotion, config: MomentConfig) -> tuple[Around, Sightings]:
    if not any(row["has_tracks"] or row["has_map"] for row in rows):
        return unknown(ego.t_us)
    return around_drive(clips, rows, config)


def _behaviour(ego: EgoMotion, actions: Actions, part: slice, ticks: slice, config: MomentConfig) -> Behaviour:
    codes = {channel: values[part] for channel, values in actions.codes.items()}
    yaw = np.unwrap(ego.yaw_rad[ticks])
    return Behaviour(actions.t_us[part], ego.speed_mps[ticks], yaw, **codes, config=config)


def _part(around: Around, first: int, stop: int) -> Around:
    return Around(**{field.name: getattr(around, field.name)[first:stop] for field in fields(Around)})


def _sighted(seen: Sightings, first: int, stop: int) -> Sightings:
    inside = seen.between(first, stop)
    cut = Sightings(**{field.name: getattr(seen, field.name)[inside] for field in fields(Sightings)})
    return replace(cut, tick=cut.tick - first)


def _positions(rows: Sequence[dict], ego: EgoMotion) -> np.ndarray:
    """x, y of each tick [n, 2]: in the frame that drives share where there is one, else in the drive frame."""
    poses = np.stack([ego.x_m, ego.y_m, ego.yaw_rad], axis=-1)
    if not _world(rows):
        return poses[:, :2]
    of_tick = pc.index_in(pa.array(ego.clip_id, TEXT), pa.array([row["clip_id"] for row in rows], TEXT)).to_numpy()
    in_drive, in_world = (np.array([[row[name] for name in names] for row in rows]) for names in (_IN_DRIVE, _IN_WORLD))
    return from_frame(to_frame(poses, in_drive[of_tick]), in_world[of_tick])[:, :2]


_IN_DRIVE = ("origin_x_m", "origin_y_m", "origin_yaw_rad")
_IN_WORLD = ("world_x_m", "world_y_m", "world_yaw_rad")


def _world(rows: Sequence[dict]) -> str:
    """The name of the shared frame; "" when a clip of the drive does not say where in it it is."""
    where = np.array([[row.get(name) for name in _IN_WORLD] for row in rows], dtype=np.float64)
    named = {row.get("world") or "" for row in rows}
    return named.pop() if np.isfinite(where).all() and len(named) == 1 else ""


def _of_drive(rows: Sequence[dict]) -> dict:
    """What all key frames of a drive have in common."""
    drive = rows[0]
    return {
        "start_us": drive["start_us"],
        "stop_us": rows[-1]["end_us"],
        "drive": drive["drive_id"],
        "vehicle": drive["vehicle_id"] or "",
        "place": drive["place"] or "",
        "world": _world(rows),
        "source": drive["source"],
    }


def _row(drive: dict, clip_id: str, xy: np.ndarray, behaviour: Behaviour, frame: KeyFrame) -> dict:
    t0_us = int(behaviour.t_us[frame.tick])
    reason, detail = _window_lack(t0_us, int(behaviour.t_us[0]), int(behaviour.t_us[-1]))
    return drive | {
        "moment_id": f"{drive['drive']}@{t0_us}",
        "clip_id": clip_id,
        **{name: getattr(frame, name) for name in ("channel", "before", "after", "scenario")},
        "t0_us": t0_us,
        "end_us": t0_us if frame.last is None else int(behaviour.t_us[frame.last]),
        "x_m": round(float(xy[0]), 3),
        "y_m": round(float(xy[1]), 3),
        "reason": reason,
        "detail": detail,
    }


def _window_lack(t0_us: int, first_us: int, last_us: int) -> tuple[str, str]:
    """Why the window around t0 is not whole (reason, detail), or two empty strings."""
    before_s, after_s = (t0_us - first_us) / 1e6, (last_us - t0_us) / 1e6
    if t0_us - first_us < HISTORY_US:
        return "history_too_short", f"{before_s:.1f} s before t0, {HISTORY_US / 1e6:.1f} s needed"
    if last_us - t0_us < FUTURE_US:
        return "future_too_short", f"{after_s:.1f} s after t0, {FUTURE_US / 1e6:.1f} s needed"
    return "", ""
