"""Ego poses out of a table: units, axes, headings and origin brought to the rig frame in a world with z up.

Knows conventions of poses. Does not know clocks that lie (`clock`) nor other tables.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import Array, conjugate, multiply, quaternion_from_matrix, quaternion_from_yaw, rotate
from causeway.clips.readers.columns import NO_TIME, numbers, times_us
from causeway.clips.readers.tables.mapping_rows import EgoTable
from causeway.clips.types import RawEgo
from causeway.errors import UnusableInput

LENGTH_M = {"m": 1.0, "cm": 0.01, "mm": 0.001, "km": 1000.0, "ft": 0.3048}
ANGLE_RAD = {"rad": 1.0, "deg": np.pi / 180}
SPEED_MPS = {"mps": 1.0, "kmh": 1 / 3.6, "mph": 0.44704, "knots": 1852 / 3600}

# rows: east, north, up written in the axes of the table's world
_ENU = {
    "enu": np.eye(3),
    "nwu": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "ned": np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]]),
}
# columns: forward, left, up written in the axes of the table's body
_BODY = {
    "flu": np.eye(3),
    "frd": np.diag([1.0, -1.0, -1.0]),
    "rfu": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "rdf": np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]),
}


def to_enu(points: Array, world_axes: str) -> Array:
    """Points [n, 3] of a world with these axes as east, north, up."""
    return points @ _ENU[world_axes].T


def heading_in_enu(yaw_rad: Array, heading: str, world_axes: str) -> Array:
    """Headings [n] counter-clockwise from east. `compass` is clockwise from north whatever the axes."""
    if heading == "compass":
        return np.pi / 2 - yaw_rad
    ahead = to_enu(np.stack([np.cos(yaw_rad), np.sin(yaw_rad), np.zeros_like(yaw_rad)], axis=-1), world_axes)
    return np.arctan2(ahead[:, 1], ahead[:, 0])


def read_ego(table: pa.Table, rows: NDArray[np.int64], spec: EgoTable, world_axes: str, path: Path) -> RawEgo:
    """Poses of the rig in a world with z up, in order of the table; `rows` are the numbers of its rows in the file."""
    scale = LENGTH_M[spec.units.length]
    t_us = times_us(table, spec.columns["t"], spec.units.t, path)
    t_us = np.where(t_us == NO_TIME, NO_TIME, t_us + round(spec.offset_s * 1e6))
    xyz = np.stack([numbers(table, spec.columns.get(axis, 0.0), path) for axis in ("x", "y", "z")], axis=-1) * scale
    with np.errstate(all="ignore"):  # rows that are no numbers are put aside later, by their row
        wxyz, xyz = _upright(*_body_pose(table, xyz, spec, path), spec, world_axes)
        xyz = xyz - rotate(wxyz, np.broadcast_to(spec.origin_in_rig_m, xyz.shape))
        speed = None
        if "speed" in spec.columns:
            speed = numbers(table, spec.columns["speed"], path) * SPEED_MPS[spec.units.speed]
    return RawEgo(t_us, xyz, wxyz, speed, rows)


def _body_pose(table: pa.Table, xyz: Array, spec: EgoTable, path: Path) -> tuple[Array, Array]:
    """(rotation body to world [n, 4], position in the world [n, 3]) in the table's own axes."""
    wxyz = _rotation(table, spec, path)
    if spec.poses == "body_to_world":
        return wxyz, xyz
    inverse = conjugate(wxyz)
    return inverse, -rotate(inverse, xyz)


def _rotation(table: pa.Table, spec: EgoTable, path: Path) -> Array:
    if "yaw" not in spec.columns:
        wxyz = np.stack([numbers(table, spec.columns[name], path) for name in ("qw", "qx", "qy", "qz")], axis=-1)
        length = np.linalg.norm(wxyz, axis=1, keepdims=True)
        return wxyz / np.where(length > 0, length, np.nan)
    roll, pitch, yaw = (
        numbers(table, spec.columns.get(name, 0.0), path) * ANGLE_RAD[spec.units.yaw]
        for name in ("roll", "pitch", "yaw")
    )
    return multiply(quaternion_from_yaw(yaw), multiply(_about(pitch, 2), _about(roll, 1)))


def _about(angle_rad: Array, axis: int) -> Array:
    wxyz = np.zeros((len(angle_rad), 4))
    wxyz[:, 0], wxyz[:, axis] = np.cos(angle_rad / 2), np.sin(angle_rad / 2)
    return wxyz


def _upright(wxyz: Array, xyz: Array, spec: EgoTable, world_axes: str) -> tuple[Array, Array]:
    """Pose of the rig (forward, left, up) in a world of east, north, up."""
    position = to_enu(xyz, world_axes)
    if "yaw" in spec.columns and not {"pitch", "roll"} & set(spec.columns):
        yaw = 2 * np.arctan2(wxyz[:, 3], wxyz[:, 0])
        return quaternion_from_yaw(heading_in_enu(yaw, spec.heading, world_axes)), position
    if spec.heading == "compass":
        raise UnusableInput("ego.heading: compass with pitch, roll or a quaternion; name the axes of world and body")
    world = np.broadcast_to(quaternion_from_matrix(_ENU[world_axes]), wxyz.shape)
    body = np.broadcast_to(quaternion_from_matrix(_BODY[spec.body_axes]), wxyz.shape)
    return multiply(multiply(world, wxyz), body), position
