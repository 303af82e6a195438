"""What stood around a sample: recorded agents and road, cut from a drive to what a path of 6.4 s can meet.

Knows tables of tracks, lanes and rigs. Does not know labels, files or what rewards make of it. All of it is from after
t0 or has no time: truth for rewards and evaluation, and no input of anything that a policy sees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips import Clip, EgoMotion, to_frame
from causeway.clips.geometry import TICK_US, rotate, wrap_angle
from causeway.model.observation import HORIZON_STEPS
from causeway.model.surroundings import Agents, Footprint, Surroundings
from causeway.training.road_rings import lane_ring

Floats = NDArray[np.float64]

TRACK_COLUMNS = ("t_us", "track_id", "type", "x_m", "y_m", "z_m", "yaw_rad", "length_m", "width_m", "height_m")
LANE_COLUMNS = ("lane_id", "left", "right")
_ACCEL_MPS2 = 4.0  # no car gains speed faster for long, so no path of ours is farther than that takes it
_NEAR_M = 30.0  # what is so far beyond may still be about to touch
_OVERHEAD_M = 2.5  # higher above where the road passes it: a bridge, or who is on it
_GRADE = 0.1  # how much a road may climb between there and the agent
_TICK_TOLERANCE_US = 1_000


@dataclass(frozen=True, eq=False)
class _Tracks:
    """Rows of a drive's tracks by time, in the drive frame."""

    t_us: NDArray[np.int64]
    track_id: NDArray[np.object_]
    kind: NDArray[np.object_]
    pose: Floats  # [rows, 3]
    size_m: Floats  # [rows, 2]
    underside_m: Floats  # [rows], NaN where nobody knows it


@dataclass(frozen=True, eq=False)
class DriveAround:
    """A drive's tracks and lanes in the drive frame; of each clip whether it has them, and its vehicle's size."""

    tracks: _Tracks
    rings: dict[str, list[Floats | None]]  # of each clip its lanes; None: a lane without borders
    has_tracks: dict[str, bool]
    has_map: dict[str, bool]
    footprint: dict[str, Footprint]


def around_drive(
    parts: Sequence[Clip], has: Mapping[str, tuple[bool, bool]], rows: Mapping[str, pa.Table]
) -> DriveAround:
    """A drive's surroundings from its clips, of each whether it `has` tracks and a map, and rows of its tables."""
    of_id = {clip.clip_id: clip for clip in parts}
    rings: dict[str, list[Floats | None]] = {clip_id: [] for clip_id in of_id}
    for row in rows["lanes"].to_pylist():
        clip = of_id[row["clip_id"]]
        rings[clip.clip_id].append(_ring_in_drive(row, clip))
    footprints = {row["clip_id"]: _footprint(row) for row in reversed(rows["rigs"].to_pylist())}
    return DriveAround(
        tracks=_tracks(rows["tracks"], of_id),
        rings=rings,
        has_tracks={clip_id: has[clip_id][0] for clip_id in of_id},
        has_map={clip_id: has[clip_id][1] for clip_id in of_id},
        footprint=footprints,
    )


def _footprint(row: dict) -> Footprint:
    names = ("length_m", "width_m", "rear_axle_to_centre_m")
    known = all(row[name] is not None and np.isfinite(row[name]) for name in names)
    return Footprint(*(row[name] for name in names)) if known and row["length_m"] > 0 < row["width_m"] else Footprint()


def _ring_in_drive(row: dict, clip: Clip) -> Floats | None:
    ring = lane_ring(row["left"] or [], row["right"] or [])
    if ring is None:
        return None
    flat = np.column_stack([ring, np.zeros(len(ring))])
    return (rotate(np.array(clip.origin_wxyz), flat) + np.array(clip.origin_xyz_m))[:, :2]


def _tracks(rows: pa.Table, of_id: Mapping[str, Clip]) -> _Tracks:
    order = np.argsort(rows.column("t_us").to_numpy(), kind="stable")
    rows = rows.take(pa.array(order))
    clips = rows.column("clip_id").to_numpy(zero_copy_only=False)
    column = {name: _floats(rows, name) for name in TRACK_COLUMNS[3:]}
    xyz = np.stack([column["x_m"], column["y_m"], column["z_m"]], axis=-1)
    heading = np.stack([np.cos(column["yaw_rad"]), np.sin(column["yaw_rad"]), np.zeros(len(xyz))], axis=-1)
    for clip_id in set(clips.tolist()):
        clip, own = of_id[clip_id], clips == clip_id
        wxyz = np.array(clip.origin_wxyz)
        height_unknown = np.isnan(xyz[own, 2])
        placed = rotate(wxyz, np.nan_to_num(xyz[own], nan=0.0)) + np.array(clip.origin_xyz_m)
        placed[np.isnan(xyz[own, :2]).any(axis=1)] = np.nan
        placed[height_unknown, 2] = np.nan
        xyz[own], heading[own] = placed, rotate(wxyz, heading[own])
    yaw = np.arctan2(heading[:, 1], heading[:, 0])
    return _Tracks(
        t_us=rows.column("t_us").to_numpy(),
        track_id=rows.column("track_id").to_numpy(zero_copy_only=False),
        kind=rows.column("type").to_numpy(zero_copy_only=False),
        pose=np.column_stack([xyz[:, :2], yaw]),
        size_m=np.column_stack([column["length_m"], column["width_m"]]),
        underside_m=xyz[:, 2] - column["height_m"] / 2,
    )


def _floats(rows: pa.Table, name: str) -> Floats:
    return rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64)


def surroundings(drive: DriveAround, ego: EgoMotion, t0_us: int, clip_id: str) -> tuple[Surroundings, int]:
    """What stood around t0 (a tick of `ego`, of the clip named), in the rig frame there; and how many rows of tracks in
    reach had to be left out, because a pose or a size is none.

    Where one of the clips that the 6.4 s touch has no tracks, agents are None; where one has no map, or a lane in reach
    no borders, so is the road.
    """
    tick = int(np.searchsorted(ego.t_us, t0_us))
    ticks = slice(tick, tick + HORIZON_STEPS + 1)
    touched = sorted(set(ego.clip_id[ticks].tolist()))
    driven = np.stack([ego.x_m[ticks], ego.y_m[ticks], ego.yaw_rad[ticks]], axis=-1)
    elapsed_s = np.arange(1, HORIZON_STEPS + 1) * (TICK_US / 1e6)
    reach_m = abs(float(ego.speed_mps[tick])) * elapsed_s + _ACCEL_MPS2 / 2 * elapsed_s**2 + _NEAR_M
    agents, unusable = None, 0
    if all(drive.has_tracks[name] for name in touched):
        agents, unusable = _agents(drive.tracks, driven, ego.z_m[ticks], t0_us, reach_m)
    road = None
    if all(drive.has_map[name] for name in touched):
        road = _road([ring for name in touched for ring in drive.rings[name]], driven[0], float(reach_m[-1]))
    return Surroundings(agents, road, drive.footprint.get(clip_id, Footprint())), unusable


def _agents(tracks: _Tracks, driven: Floats, z_m: Floats, t0_us: int, reach_m: Floats) -> tuple[Agents, int]:
    """Who can be met; a track's size and kind are those of its first row in reach."""
    end_us = t0_us + HORIZON_STEPS * TICK_US + _TICK_TOLERANCE_US
    low, high = np.searchsorted(tracks.t_us, [t0_us + TICK_US - _TICK_TOLERANCE_US, end_us])
    rows = np.arange(low, high)
    number = (tracks.t_us[rows] - t0_us + TICK_US // 2) // TICK_US - 1
    on_tick = np.abs(tracks.t_us[rows] - t0_us - (number + 1) * TICK_US) <= _TICK_TOLERANCE_US
    rows, number = rows[on_tick], number[on_tick]
    usable = np.isfinite(tracks.pose[rows]).all(axis=1) & (tracks.size_m[rows] > 0).all(axis=1)
    unusable = int((~usable).sum())
    rows, number = rows[usable], number[usable]
    level = ~_overhead(tracks, rows, driven, z_m)
    rows, number = rows[level], number[level]
    placed = to_frame(tracks.pose[rows], driven[0])
    within = np.hypot(placed[:, 0], placed[:, 1]) <= reach_m[number]
    met, first = np.unique(tracks.track_id[rows][within], return_index=True)
    of_met = {track_id: place for place, track_id in enumerate(met.tolist())}
    place = np.array([of_met.get(track_id, -1) for track_id in tracks.track_id[rows].tolist()], dtype=np.int64)
    poses = np.zeros((len(met), HORIZON_STEPS, 3), dtype=np.float32)
    present = np.zeros((len(met), HORIZON_STEPS), dtype=bool)
    known = place >= 0
    placed[:, 2] = wrap_angle(placed[:, 2])
    poses[place[known], number[known]], present[place[known], number[known]] = placed[known], True
    one = rows[within][first]
    return Agents(poses, tracks.size_m[one].astype(np.float32), present, tuple(tracks.kind[one].tolist())), unusable


def _overhead(tracks: _Tracks, rows: NDArray[np.int64], driven: Floats, z_m: Floats) -> NDArray[np.bool_]:
    """Rows of what is above the road: measured from where our way passes it nearest; of unknown height is none."""
    if not len(rows):
        return np.zeros(0, dtype=bool)
    apart = tracks.pose[rows, None, :2] - driven[None, ::4, :2]
    distance = np.hypot(apart[..., 0], apart[..., 1])
    nearest = distance.argmin(axis=1)
    above_m = tracks.underside_m[rows] - z_m[::4][nearest]
    return above_m > _OVERHEAD_M + _GRADE * distance[np.arange(len(rows)), nearest]


def _road(rings: list[Floats | None], rig: Floats, reach_m: float) -> tuple[NDArray[np.float32], ...] | None:
    """Rings in reach, each once, in the rig frame."""
    found: dict[bytes, NDArray[np.float32]] = {}
    for ring in rings:
        if ring is None:
            return None
        seen = to_frame(np.column_stack([ring, np.zeros(len(ring))]), rig)[:, :2]
        nearest = np.clip(0.0, seen.min(axis=0), seen.max(axis=0))
        if np.hypot(*nearest) <= reach_m:
            found.setdefault(np.round(seen, 1).tobytes(), seen.astype(np.float32))
    return tuple(found.values())
