"""The text files of KITTI raw data: GPS/IMU rows, time stamps and calibrations.

Knows the formats as the development kit's readme gives them. Does not know folders or frames.
"""

import re
from pathlib import Path

import numpy as np

from causeway.clips.geometry import Array
from causeway.clips.types import Quarantined
from causeway.errors import UnusableInput

OXTS_COLUMNS = 30
_LARGEST = 1e9  # of a calibration's numbers: metres, pixels and parts of rotations
_MOST_BYTES = 64 * 1024**2  # a drive's time stamps have 30 bytes each
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,9})?)")


def read_text(path: Path) -> str:
    """A text file; UnusableInput when it is not there, cannot be read or is larger than any of KITTI's."""
    if not path.is_file():
        raise UnusableInput(f"{path}: missing; the drive cannot be used without it")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UnusableInput(f"{path}: larger than {_MOST_BYTES} bytes; not a text file of KITTI's")
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnusableInput(f"{path}: cannot be read ({error.strerror})") from error


def read_stamps(path: Path) -> np.ndarray:
    """Time stamps int64 [n] in microseconds, in the order of the file.

    KITTI names no time zone, the clock is taken as it is.
    """
    stamps = []
    for row, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        match = _STAMP.fullmatch(line.strip())
        try:
            nanoseconds = int(np.datetime64(f"{match[1]}T{match[2]}", "ns").astype(np.int64)) if match else None
        except ValueError:
            nanoseconds = None
        if nanoseconds is None:
            raise UnusableInput(f"{path}: row {row}: {line[:40]!r} is not a date and a time")
        stamps.append((nanoseconds + 500) // 1000)
    if not stamps:
        raise UnusableInput(f"{path}: no time stamps")
    return np.array(stamps, dtype=np.int64)


def read_oxts(folder: Path, count: int) -> tuple[Array, Quarantined]:
    """GPS/IMU rows [count, 30] from the numbered files of a folder, and (where, reason, detail) of unusable ones.

    A row that cannot be used is NaN. Files beyond `count` have no time stamp and cannot be used either.
    """
    rows = np.full((count, OXTS_COLUMNS), np.nan)
    problems = []
    numbered = numbered_files(folder, "txt")
    for index in range(count):
        path = numbered.get(index)
        reason = "missing" if path is None else _fill(rows[index], path)
        if reason:
            problems.append((f"{folder / f'{index:010d}.txt'}", "oxts_unusable", reason))
    late = [path for index, path in numbered.items() if index >= count]
    problems += [(str(path), "no_time_stamp", f"timestamps.txt has {count} rows") for path in late]
    return rows, tuple(problems)


def _fill(row: Array, path: Path) -> str:
    """Put the numbers of a file into its row; why that cannot be done, or ""."""
    if not path.is_file():
        return "not there, or not a file"
    words = path.read_bytes()[:4096].split()
    if len(words) < OXTS_COLUMNS:
        return f"{len(words)} numbers, a row has {OXTS_COLUMNS}"
    try:
        values = np.array([float(word) for word in words[:OXTS_COLUMNS]])
    except ValueError as error:
        return f"not numbers ({error})"
    lat, lon = values[:2]
    if not (np.isfinite(values[:10]).all() and abs(lat) <= 84 and abs(lon) <= 180 and abs(values[2]) < 1e5):
        return f"latitude {lat:g}, longitude {lon:g}, altitude {values[2]:g}, or a later number, is not plausible"
    row[:] = values
    return ""


def numbered_files(folder: Path, *endings: str) -> dict[int, Path]:
    """Files named by a number, by that number; other files are left alone."""
    pattern = re.compile(rf"(\d{{1,10}})\.(?:{'|'.join(endings)})")
    named = ((pattern.fullmatch(path.name), path) for path in (sorted(folder.iterdir()) if folder.is_dir() else ()))
    return {int(match[1]): path for match, path in named if match}


def read_calibration(path: Path, sizes: dict[str, int]) -> dict[str, Array]:
    """The named rows of a calibration file, all of them, as arrays; `sizes` says how many values each has."""
    found = calibration_rows(path, sizes)
    missing = sorted(sizes.keys() - found.keys())
    if missing:
        raise UnusableInput(f"{path}: {missing[0]} is missing")
    return found


def calibration_rows(path: Path, sizes: dict[str, int]) -> dict[str, Array]:
    """Those of the named rows that a calibration file has."""
    found: dict[str, Array] = {}
    for row, line in enumerate(read_text(path).splitlines(), start=1):
        name, _, numbers = line.partition(":")
        if name.strip() not in sizes:
            continue
        try:
            values = np.array([float(word) for word in numbers.split()])
        except ValueError as error:
            raise UnusableInput(f"{path}: row {row}: {name} is not numbers ({error})") from error
        if len(values) != sizes[name.strip()] or not (np.abs(values) <= _LARGEST).all():
            raise UnusableInput(
                f"{path}: row {row}: {name} has {len(values)} values, not {sizes[name.strip()]} numbers in range"
            )
        found[name.strip()] = values
    return found
