"""The arrays of a comma2k19 segment: NumPy files without an ending, never unpickled.

Knows the files and their shapes (README of github.com/commaai/comma2k19). Does not know frames of reference.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import Array
from causeway.clips.types import Quarantined
from causeway.errors import UnusableInput

LATEST_S = 1e9  # of a device's boot clock
_LONGEST_STEP_S = 86_400.0
_MOST_BYTES = 256 * 1024**2  # a segment is a minute: 1200 poses, some 5000 CAN messages


@dataclass(frozen=True)
class Poses:
    """Camera poses [n]: boot time (s); ECEF position (m) and velocity (m/s) [n, 3]; quaternion w x y z [n, 4]."""

    times_s: Array
    position_m: Array
    velocity_mps: Array
    wxyz: Array


def read_poses(folder: Path) -> Poses:
    """The files of `global_pose`; UnusableInput when one is missing, of another shape or of another length."""
    times_s = read_array(folder / "frame_times", ())
    shapes = {"frame_positions": (3,), "frame_velocities": (3,), "frame_orientations": (4,)}
    values = [read_array(folder / name, shape) for name, shape in shapes.items()]
    for name, value in zip(shapes, values, strict=True):
        if len(value) != len(times_s):
            raise UnusableInput(f"{folder / name}: {len(value)} rows but frame_times has {len(times_s)}")
    return Poses(times_s, *values)


def read_speed(folder: Path) -> tuple[Array, Array, Quarantined] | None:
    """Times (s), which do not go back, and speeds (m/s) of the CAN messages in `processed_log/CAN/speed`.

    And what was left out of them. None when the folder is not there.
    """
    if not folder.is_dir():
        return None
    times_s, value = read_array(folder / "t", ()), read_array(folder / "value", (1,))[:, 0]
    if len(value) != len(times_s):
        raise UnusableInput(f"{folder / 'value'}: {len(value)} rows but t has {len(times_s)}")
    good = _in_order(times_s) & np.isfinite(value)
    why = "time goes back or jumps by more than a day, or time or speed is not a number"
    return times_s[good], value[good], left_out("speed", "message_unusable", ~good, why)


def _in_order(times_s: Array) -> NDArray[np.bool_]:
    """Times that are not earlier than the last good one before them, nor a day later; two messages may share one."""
    good = np.zeros(len(times_s), dtype=bool)
    last = None
    for row, at in enumerate(times_s.tolist()):
        if abs(at) < LATEST_S and (last is None or 0 <= at - last <= _LONGEST_STEP_S):
            good[row], last = True, at
    return good


def left_out(table: str, reason: str, rows: NDArray[np.bool_], why: str) -> Quarantined:
    """One entry for all rows of a fault."""
    if not rows.any():
        return ()
    first = int(np.argmax(rows))
    return ((f"{table} row {first}", reason, f"{why} ({int(rows.sum())} of {len(rows)} rows, the first is {first})"),)


def read_array(path: Path, row_shape: tuple[int, ...]) -> Array:
    """A float64 array [n, *row_shape]; a column [n] may also be stored as [n, 1] and the other way round."""
    if not path.is_file():
        raise UnusableInput(f"{path}: missing; the segment cannot be used without it")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UnusableInput(f"{path}: larger than {_MOST_BYTES} bytes; a segment is a minute")
        # a map, as it refuses objects (pickles) and a header that promises more than the file holds
        stored = np.lib.format.open_memmap(path, mode="r")
        if stored.dtype.kind not in "fiu":
            raise UnusableInput(f"{path}: holds {stored.dtype}, not numbers")
        values = np.array(stored, dtype=np.float64)
    except UnusableInput:
        raise
    except Exception as error:  # a spoilt header makes NumPy raise nearly anything, the tokenizer's errors included
        raise UnusableInput(f"{path}: not a readable array ({' '.join(str(error).split())[:120]})") from error
    width = int(np.prod(row_shape, dtype=np.int64))
    if values.ndim not in (1, 2) or values.size != len(values) * width or len(values) == 0:
        wanted = "x".join(["n", *map(str, row_shape)])
        raise UnusableInput(f"{path}: its shape is {'x'.join(map(str, values.shape))}, not {wanted} with n above 0")
    return values.reshape(len(values), *row_shape)
