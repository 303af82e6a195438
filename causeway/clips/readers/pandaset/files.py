"""The small files of a PandaSet sequence: time stamps and poses as JSON, and the compact form's ego table.

Knows their fields. Does not know vehicles or cameras.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array, quaternion_from_yaw
from causeway.clips.readers.columns import read_json
from causeway.clips.types import RawEgo
from causeway.errors import UnusableInput

_LATEST_S = 4e9  # seconds since 1970, in the next century; a stamp in milliseconds is far later


def stamps_us(path: Path) -> NDArray[np.int64]:
    """Time stamps [n] from a JSON list of seconds since 1970."""
    seconds = _reals(read_json(path), path, ())
    wrong = ~(np.abs(seconds) < _LATEST_S)
    if wrong.any():
        raise UnusableInput(f"{path}: row {int(np.argmax(wrong))}: no time in seconds since 1970")
    return np.round(seconds * 1e6).astype(np.int64)


def posed(stamps: Path, poses: Path) -> RawEgo:
    """What was where at which time, not checked further: a JSON list of {"position", "heading"}, and its times."""
    t_us, rows = stamps_us(stamps), read_json(poses)
    xyz, wxyz = _reals(rows, poses, ("position", "xyz")), _reals(rows, poses, ("heading", "wxyz"))
    if len(xyz) != len(t_us):
        raise UnusableInput(f"{poses}: {len(xyz)} poses but {stamps.name} has {len(t_us)} stamps")
    return RawEgo(t_us, xyz, wxyz)


def _reals(rows: Any, path: Path, field: tuple[str, ...]) -> Array:
    """A list of numbers [n], or with `field` = (name, keys) of objects that hold the keys [n, keys]."""
    if not isinstance(rows, list):
        raise UnusableInput(f"{path}: not a list")
    found = []
    for number, row in enumerate(rows):
        try:
            found.append([float(row[field[0]][key]) for key in field[1]] if field else float(row))
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            what = f"{field[0]} with {', '.join(field[1])}" if field else "number"
            raise UnusableInput(f"{path}: row {number}: no {what}") from error
    return np.array(found, dtype=np.float64).reshape((-1, len(field[1])) if field else -1)


def numbers_of(path: Path, names: tuple[str, ...]) -> Array:
    """Numbers [names] of one JSON object."""
    document = read_json(path)
    try:
        return np.array([float(document[name]) for name in names], dtype=np.float64)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise UnusableInput(f"{path}: no numbers {', '.join(names)}") from error


def derived_ego(path: Path) -> RawEgo:
    """Poses out of `ego.csv` in the frame of the lidar's poses (x right), not checked further.

    Its columns are timestamp (seconds since 1970), x, y, z and yaw, the vehicle's heading in the plane.
    """
    names = ("timestamp", "x", "y", "z", "yaw")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [[float(row[name]) for name in names] for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, OSError, csv.Error) as error:
        raise UnusableInput(f"{path}: not a table of numbers with {', '.join(names)} ({error!s:.80})") from error
    values = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    wrong = ~(np.abs(values[:, 0]) < _LATEST_S)
    if wrong.any():
        raise UnusableInput(f"{path}: row {int(np.argmax(wrong))}: no time in seconds since 1970")
    t_us = np.round(values[:, 0] * 1e6).astype(np.int64)
    return RawEgo(t_us, values[:, 1:4], quaternion_from_yaw(values[:, 4] - np.pi / 2))
