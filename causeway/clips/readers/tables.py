"""Own rigs: a YAML mapping file says which tables, pictures and maps make a drive, and how they are to be read.

Knows how to join folders, units, frames and clocks as `tables_mapping.Mapping` describes them. Does not know any
data set: the mapping file does (`examples/tables/`). Paths are relative to the mapping file, or start with
`${CAUSEWAY_TEST_DRIVES}` or another environment variable; `{drive}` in a path is the drive's id.
"""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import quaternion_from_yaw, rotate
from causeway.clips.readers.tables_camera import open_camera, picture_frames
from causeway.clips.readers.tables_clock import retimed
from causeway.clips.readers.tables_files import numbers, read_table, rows_where
from causeway.clips.readers.tables_map import read_lanes
from causeway.clips.readers.tables_mapping import DriveEntry, EgoTable, Mapping, TrackTable, read_mapping
from causeway.clips.types import Drive, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

Clock = Callable[[NDArray[np.int64]], NDArray[np.int64]]

_SCALE = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_ANGLE = {"rad": 1.0, "deg": np.pi / 180}
_SPEED = {"mps": 1.0, "kmh": 1 / 3.6}


def fits(root: Path) -> bool:
    """True for a YAML file."""
    return root.is_file() and root.suffix in (".yaml", ".yml")


def paths(root: Path) -> list[Path]:
    """The mapping file and everything it names."""
    mapping = read_mapping(root)
    found = [root]
    for entry in mapping.drives:
        found += [_resolve(root, template, entry) for template in mapping.file_templates()]
        found += [p for camera in mapping.cameras for p in _pictures(root, camera.pictures, entry)]
    missing = [p for p in found if not p.exists()]
    if missing:
        raise UnusableInput(f"{missing[0]}: not there, but {root} names it")
    return sorted(set(found))


def recordings(root: Path) -> list[Recording]:
    """One recording for each entry of `drives`."""
    mapping = read_mapping(root)
    return [Recording(entry.id, partial(_open, root, mapping, entry)) for entry in mapping.drives]


def _resolve(root: Path, template: str, entry: DriveEntry) -> Path:
    """A path template of the mapping file as a path; UnusableInput for an environment variable that is not set."""

    def value(match: re.Match) -> str:
        found = os.environ.get(match[1]) or _default_of(match[1])
        if not found:
            raise UnusableInput(f"{root}: the environment variable {match[1]} is not set; it is part of a path")
        return found

    text = re.sub(r"\$\{(\w+)\}", value, template).replace("{drive}", entry.id)
    for name, part in entry.values.items():
        text = text.replace("{" + name + "}", part)
    path = Path(text)
    return path if path.is_absolute() else root.parent / path


def _default_of(variable: str) -> str:
    """CAUSEWAY_TEST_DRIVES falls back to the sibling folder of the checkout, as the tests do."""
    sibling = Path(__file__).resolve().parents[4] / "shared" / "data"
    return str(sibling) if variable == "CAUSEWAY_TEST_DRIVES" and sibling.is_dir() else ""


def _pictures(root: Path, pattern: str, entry: DriveEntry) -> list[Path]:
    path = _resolve(root, pattern, entry)
    return sorted(path.parent.glob(path.name))


def _open(root: Path, mapping: Mapping, entry: DriveEntry) -> Drive:
    def place(template: str) -> Path:
        return _resolve(root, template, entry)

    ego, clock, quarantined = _ego(mapping.ego, place(mapping.ego.file))
    cameras = [
        open_camera(camera, _pictures(root, camera.pictures, entry), place, ego, clock) for camera in mapping.cameras
    ]
    frames = {c.camera.name: c for c in cameras}
    vehicle = mapping.vehicle
    return Drive(
        drive_id=entry.id,
        source=mapping.source,
        licence=mapping.licence,
        rig=Rig(Vehicle(**vehicle.model_dump()), tuple(c.camera for c in cameras)),
        ego=ego,
        frames=lambda name: picture_frames(frames[name]),
        place=entry.place or mapping.place,
        tracks=_tracks(mapping.agents, place(mapping.agents.file), clock) if mapping.agents else None,
        lanes=read_lanes(mapping.map, place(mapping.map.file)) if mapping.map else None,
        quarantined=quarantined,
    )


def _ego(spec: EgoTable, path: Path) -> tuple[RawEgo, Clock, tuple[tuple[str, str, str], ...]]:
    """Poses on the drive's clock, the function that puts other tables' times on that clock, and rows left out."""
    table = rows_where(read_table(path), spec.rows, path)
    if table.num_rows == 0:
        raise UnusableInput(f"{path}: no rows of the ego vehicle; check `rows` of the mapping file")
    columns = spec.columns
    times = numbers(table, columns["t"], path)
    late = np.flatnonzero(times > (np.inf if spec.until is None else spec.until))
    left_out = tuple((f"{path} ego row {row}", "after_until", f"t = {times[row]:g}") for row in late)
    table = table.take(pa.array(np.setdiff1d(np.arange(len(times)), late)))
    t_us = np.round(numbers(table, columns["t"], path) * _SCALE[spec.units.t]).astype(np.int64)
    order = np.argsort(t_us, kind="stable")
    table, t_us = table.take(pa.array(order)), t_us[order]
    xyz = np.stack(
        [numbers(table, columns[a], path) if a in columns else np.zeros(len(t_us)) for a in ("x", "y", "z")], -1
    )
    wxyz = _rotation(table, spec, path)
    speed = numbers(table, columns["speed"], path) * _SPEED[spec.units.speed] if "speed" in columns else None
    xyz = xyz - _ahead(wxyz, spec.origin_ahead_of_rear_axle_m)
    clock = retimed(t_us, xyz) if spec.clock.repair_uneven_steps else _as_stamped
    return RawEgo(clock(t_us), xyz, wxyz, speed), clock, left_out


def _as_stamped(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return times


def _rotation(table: pa.Table, spec: EgoTable, path: Path) -> np.ndarray:
    if "yaw" in spec.columns:
        return quaternion_from_yaw(numbers(table, spec.columns["yaw"], path) * _ANGLE[spec.units.yaw])
    wxyz = np.stack([numbers(table, spec.columns[c], path) for c in ("qw", "qx", "qy", "qz")], axis=-1)
    return wxyz / np.linalg.norm(wxyz, axis=1, keepdims=True)


def _ahead(wxyz: np.ndarray, distance_m: float) -> np.ndarray:
    """How far the table's origin lies ahead of the rear axle, in the world frame."""
    return rotate(wxyz, np.broadcast_to([distance_m, 0.0, 0.0], (len(wxyz), 3)))


def _tracks(spec: TrackTable, path: Path, clock: Clock) -> pa.Table:
    table = rows_where(read_table(path), spec.rows, path)
    columns = spec.columns
    height = numbers(table, columns["height"], path)
    nothing = np.full(table.num_rows, np.nan)
    types = table.column(columns["type"]).cast(pa.string()).to_pylist()
    unknown = sorted(set(types) - set(spec.types))
    if unknown:
        raise UnusableInput(f"{path}: type {unknown[0]!r} is not in `types` of the mapping file")
    return pa.table(
        {
            "t_us": clock(np.round(numbers(table, columns["t"], path) * _SCALE[spec.units.t]).astype(np.int64)),
            "track_id": table.column(columns["track_id"]).cast(pa.string()),
            "type": pa.array([spec.types[t] for t in types], pa.string()),
            "x_m": numbers(table, columns["x"], path),
            "y_m": numbers(table, columns["y"], path),
            # without a height in the table the box stands on the ground plane of the ego poses
            "z_m": numbers(table, columns["z"], path) if "z" in columns else height / 2,
            "yaw_rad": numbers(table, columns["yaw"], path) * _ANGLE[spec.units.yaw],
            "vx_mps": numbers(table, columns["vx"], path) if "vx" in columns else nothing,
            "vy_mps": numbers(table, columns["vy"], path) if "vy" in columns else nothing,
            "length_m": numbers(table, columns["length"], path),
            "width_m": numbers(table, columns["width"], path),
            "height_m": height,
        }
    )
