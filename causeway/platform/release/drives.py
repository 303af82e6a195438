"""Kept requests of consenting vehicles become drives of the `tables` layout, for `causeway ingest`.

A request knows where its vehicle was in the 1.5 s before; requests that follow each other are chained by that into
one path. The frame of a drive is the rig frame of its first request. Does not know how requests were kept.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from causeway.artifacts import store
from causeway.errors import UnusableInput, UsageError
from causeway.platform.release.feedback import tensors_of
from causeway.serving.wire import unpacked

_HISTORY_S = np.arange(-15, 1) / 10
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class _Stop:
    """One request of a drive."""

    t0_us: int
    pose: Any  # x, y, yaw in the drive's frame
    asked: dict[str, Any]


@dataclass(frozen=True)
class Body:
    """What no request says: the size of the vehicles, in metres."""

    length_m: float
    width_m: float
    wheelbase_m: float
    rear_axle_to_centre_m: float


def body_from(text: str) -> Body:
    """A body from `length,width,wheelbase,rear axle to centre`; UsageError for anything else."""
    try:
        body = Body(*(float(part) for part in text.split(",")))
    except (ValueError, TypeError) as error:
        raise UsageError(f"--body {text}: write LENGTH,WIDTH,WHEELBASE,REAR_AXLE_TO_CENTRE in metres") from error
    if not (min(body.length_m, body.width_m, body.wheelbase_m) > 0 and np.isfinite(list(asdict(body).values())).all()):
        raise UsageError(f"--body {text}: lengths in metres are above 0")
    return body


def write_drives(kept: Path, out: Path, body: Body) -> list[Path]:
    """A mapping file for each vehicle below `kept`, its drives beside it; UnusableInput when there is none."""
    vehicles = sorted(folder for folder in kept.glob("*") if folder.is_dir())
    if not vehicles:
        raise UnusableInput(f"{kept}: no request was kept; vehicles consent by metadata (see docs/canary.md)")
    return [_vehicle(folder, out / folder.name, body) for folder in vehicles]


def _vehicle(kept: Path, out: Path, body: Body) -> Path:
    requests = sorted(kept.glob("*.pb"), key=lambda path: int(path.stem))
    cameras: dict[str, Any] = {}
    for number, drive in enumerate(_drives(requests)):
        _write_drive(drive, out / f"drive-{number:04d}", cameras)
    mapping = {
        "source": "served requests",
        "licence": "private",
        "vehicle": {"vehicle_id": kept.name, **asdict(body)},
        "drives": [{"glob": "{drive}/ego.csv"}],
        "ego": {
            "file": "{drive}/ego.csv",
            "columns": {"t": "t_us", "x": "x_m", "y": "y_m", "yaw": "yaw_rad", "speed": "speed_mps"},
            "units": {"t": "us", "length": "m", "yaw": "rad", "speed": "mps"},
        },
        "cameras": [_camera(name, numbers) for name, numbers in cameras.items()],
    }
    store.write_bytes(str(out / "rig.yaml"), yaml.safe_dump(mapping, sort_keys=False).encode())
    return out / "rig.yaml"


def _drives(requests: list[Path]) -> Iterator[list[_Stop]]:
    """Requests in order of time, cut where one does not know where the one before was."""
    drive: list[_Stop] = []
    for path in requests:
        asked = tensors_of(path.read_bytes())
        t0_us = int(asked["t0_us"])
        step_s = (t0_us - drive[-1].t0_us) / 1e6 if drive else np.inf
        if step_s <= -_HISTORY_S[0]:
            drive.append(_Stop(t0_us, _onward(drive[-1].pose, asked["ego_history"], step_s), asked))
            continue
        if len(drive) > 1:
            yield drive
        drive = [_Stop(t0_us, np.zeros(3), asked)]
    if len(drive) > 1:
        yield drive


def _onward(pose: Any, history: Any, step_s: float) -> Any:
    """The pose of the next request: the one before, seen from it, is in its history."""
    x, y, yaw = (np.interp(-step_s, _HISTORY_S, column) for column in history.T)
    turn = pose[2] - yaw
    cos, sin = np.cos(turn), np.sin(turn)
    return np.array([pose[0] - cos * x + sin * y, pose[1] - sin * x - cos * y, turn])


def _write_drive(drive: list[_Stop], out: Path, cameras: dict[str, Any]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    rows = [(s.t0_us, *(round(float(v), 4) for v in s.pose), float(s.asked["speed"][0])) for s in drive]
    _table(out / "ego.csv", ("t_us", "x_m", "y_m", "yaw_rad", "speed_mps"), rows)
    pictures: dict[str, dict[int, bytes]] = {}
    for stop in drive:
        for camera, t_us, data, size in _pictures(stop.asked):
            pictures.setdefault(camera, {})[t_us] = data
            number = stop.asked["cameras"].index(camera)
            cameras.setdefault(camera, (stop.asked["rig"][number], size))
    for camera, frames in pictures.items():
        for t_us, data in frames.items():
            store.write_bytes(str(out / camera / f"{t_us}.jpg"), data)


def _pictures(asked: dict[str, Any]) -> Iterator[tuple[str, int, bytes, tuple[int, int]]]:
    """(camera, time, JPEG, (width, height)) of every picture of a request."""
    from io import BytesIO

    from PIL import Image

    times, images = asked["frame_t_us"], asked["images"]
    encoded = unpacked(images) if isinstance(images, bytes) else None
    for camera, name in enumerate(asked["cameras"]):
        for frame in range(times.shape[1]):
            if encoded is not None:
                data = encoded[camera * times.shape[1] + frame]
                size = Image.open(BytesIO(data)).size
            else:
                picture, file = Image.fromarray(images[camera, frame]), BytesIO()
                picture.save(file, "JPEG", quality=_JPEG_QUALITY)
                data, size = file.getvalue(), picture.size
            yield name, int(times[camera, frame]), data, size


def _camera(name: str, numbers: tuple[Any, tuple[int, int]]) -> dict[str, Any]:
    from causeway.clips.geometry import quaternion_from_matrix

    rig, (width, height) = numbers
    mounting = np.asarray(rig[4:], dtype=float).reshape(3, 4)
    fx, fy, cx, cy = (float(v) for v in np.asarray(rig[:4], dtype=float) * (width, height, width, height))
    return {
        "name": name,
        "pictures": f"{{drive}}/{name}/*.jpg",
        "times": {"names": True, "unit": "us"},
        "calibration": {"fx": fx, "fy": fy, "cx": cx, "cy": cy, "width": width, "height": height},
        "rig_from_camera": {
            "position_m": [float(v) for v in mounting[:, 3]],
            "wxyz": [float(v) for v in quaternion_from_matrix(mounting[:, :3])],
        },
    }


def _table(path: Path, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
