"""Agents' boxes out of tables, part by part.

Knows units, names and frames. Does not know maps. A box in the rig's own frame is placed by the ego pose of its time
and is known once the later of the two poses around it is (`observed_us`).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.clips.geometry import Array, multiply, quaternion_from_yaw, rotate, yaw_from_quaternion
from causeway.clips.motion import MAX_GAP_US
from causeway.clips.readers.columns import NO_TIME, names, numbers, times_us
from causeway.clips.readers.recorded import Wrong, tracks_on_disk
from causeway.clips.readers.rig_poses import rig_poses
from causeway.clips.readers.tables.clock import Clock, on_clock
from causeway.clips.readers.tables.ego import ANGLE_RAD, LENGTH_M, SPEED_MPS, heading_in_enu, to_enu
from causeway.clips.readers.tables.mapping_rows import TrackTable
from causeway.clips.readers.tables.rows import ROW, renamed
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined, RawEgo

_SIZES = ("length", "width", "height")


def read_tracks(
    tables: Iterable[pa.Table], spec: TrackTable, world_axes: str, ego: RawEgo, clock: Clock, path: Path
) -> tuple[TimedRows, Quarantined]:
    """The tracks in the world frame of the ego poses, and what was left out; `tables` have the rows' numbers."""

    def parts() -> Iterator[tuple[pa.Table, Wrong, NDArray[np.int64]]]:
        for table in tables:
            boxes, known = _boxes(table, spec, world_axes, ego, clock, path)
            yield boxes, {"no_ego_pose": ~known}, table.column(ROW).to_numpy()

    return tracks_on_disk(parts())


def _boxes(
    table: pa.Table, spec: TrackTable, world_axes: str, ego: RawEgo, clock: Clock, path: Path
) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Boxes as track rows, null and NaN for what is missing, and which [n] are of a time with ego poses around it."""
    t_us = on_clock(times_us(table, spec.columns["t"], spec.units.t, path), spec.offset_s, clock)
    length = {n: numbers(table, spec.columns[n], path) * LENGTH_M[spec.units.length] for n in ("x", "y", *_SIZES)}
    yaw = numbers(table, spec.columns["yaw"], path) * ANGLE_RAD[spec.units.yaw]
    centre = np.stack([length["x"], length["y"], _height(table, spec, path)], axis=-1)
    motion = np.stack([*(_velocity(table, spec, n, path) for n in ("vx", "vy")), np.zeros(len(t_us))], axis=-1)
    with np.errstate(all="ignore"):  # boxes that are no numbers are put aside by their row
        if spec.frame == "world":
            centre, yaw, motion = _from_axes(centre, yaw, motion, spec, world_axes)
            known = (t_us >= ego.t_us[0] - MAX_GAP_US) & (t_us <= ego.t_us[-1] + MAX_GAP_US)
            observed_us = t_us
        else:
            centre, yaw, motion, known, observed_us = _from_rig(centre, yaw, motion, t_us, spec, ego)
    if "z" not in spec.columns:
        centre[:, 2] = _ground_m(t_us, ego) + length["height"] / 2
    columns = {
        "t_us": pa.array(t_us, mask=t_us == NO_TIME),
        "track_id": names(table, spec.columns["track_id"], path),
        "type": _types(table, spec, length["length"], path),
        **{f"{axis}_m": centre[:, i] for i, axis in enumerate("xyz")},
        **{"yaw_rad": yaw, "vx_mps": motion[:, 0], "vy_mps": motion[:, 1]},
        **{f"{size}_m": length[size] for size in _SIZES},
        "observed_us": observed_us,
    }
    return pa.table(columns), known


def _height(table: pa.Table, spec: TrackTable, path: Path) -> Array:
    return numbers(table, spec.columns.get("z", 0.0), path) * LENGTH_M[spec.units.length]


def _ground_m(t_us: NDArray[np.int64], ego: RawEgo) -> Array:
    """Where the road is when a table has no heights: where the rig stood last."""
    return ego.xyz_m[np.clip(np.searchsorted(ego.t_us, t_us, side="right") - 1, 0, None), 2]


def _velocity(table: pa.Table, spec: TrackTable, name: str, path: Path) -> Array:
    given = spec.columns.get(name)
    scale = SPEED_MPS[spec.units.speed]
    return np.full(table.num_rows, np.nan) if given is None else numbers(table, given, path) * scale


def _types(table: pa.Table, spec: TrackTable, length_m: Array, path: Path) -> pa.Array:
    types = renamed(names(table, spec.columns["type"], path), spec.types, "types", path)
    if spec.truck_from_m is None:
        return types
    return pc.if_else(pc.and_(pc.equal(types, "car"), pa.array(length_m >= spec.truck_from_m)), "truck", types)


def _from_axes(
    centre: Array, yaw: Array, motion: Array, spec: TrackTable, world_axes: str
) -> tuple[Array, Array, Array]:
    return to_enu(centre, world_axes), heading_in_enu(yaw, spec.heading, world_axes), to_enu(motion, world_axes)


def _from_rig(
    centre: Array, yaw: Array, motion: Array, t_us: NDArray[np.int64], spec: TrackTable, ego: RawEgo
) -> tuple[Array, Array, Array, NDArray[np.bool_], NDArray[np.int64]]:
    """Boxes seen from the rig in the world; velocities are over ground, along the rig's axes."""
    poses = rig_poses(t_us, ego)
    place = poses.xyz_m + rotate(poses.wxyz, centre + np.array(spec.origin_in_rig_m))
    heading = yaw_from_quaternion(multiply(poses.wxyz, quaternion_from_yaw(yaw)))
    return place, heading, rotate(poses.wxyz, motion), poses.known, poses.known_us
