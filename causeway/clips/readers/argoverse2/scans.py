"""Lidar sweeps of an Argoverse 2 log, `sensors/lidar/<ns>.feather`, as a drive's `points`.

Knows the files (av2-api, `structures/sweep.py`): x, y, z in the vehicle's frame, put by the data set where they were
seen from at the sweep's own time, which is its name and its beginning, and `offset_ns`, how long after that each point
was measured; the map change logs leave that out. Both scanners' points are in one file. Does not know the other files.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from causeway.clips.readers.argoverse2.feather_files import read_feather
from causeway.clips.readers.columns import reals, whole_numbers
from causeway.clips.readers.scans import Problem, Scan, scans_on_disk
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined, RawEgo
from causeway.errors import UnusableInput

_PLACE, _OFFSET = ("x", "y", "z"), "offset_ns"
_TURN_US = 100_000  # of both scanners, where no column says when a point was measured
_LATEST_NS = 10**19


def read_scans(log: Path, ego: RawEgo, axle_height_m: float) -> tuple[TimedRows | None, Quarantined]:
    """The sweeps of a log, one in memory at a time, and those left out; None for a log without lidar.

    `ego` are poses of the rig, whose origin lies `axle_height_m` below that of the vehicle's frame.
    """
    files = sorted((log / "sensors" / "lidar").glob("*.feather"))
    return scans_on_disk(_scans(files, axle_height_m), ego) if files else (None, ())


def _scans(files: list[Path], axle_height_m: float) -> Iterator[Scan | Problem]:
    for path in files:
        try:
            yield _scan(path, axle_height_m)
        except UnusableInput as error:
            yield str(path), "scan_unusable", str(error)


def _scan(path: Path, axle_height_m: float) -> Scan | Problem:
    if not (path.stem.isascii() and path.stem.isdigit() and int(path.stem) < _LATEST_NS):
        return str(path), "no_time", "its name is not a number of nanoseconds"
    table = read_feather(path, _PLACE)
    begins_us, lasts_us = int(path.stem) // 1000, _TURN_US
    if _OFFSET in table.column_names and table.num_rows:
        lasts_us = -(-int(whole_numbers(table, _OFFSET, path, null=0).max()) // 1000)
    if not 0 <= lasts_us <= 10 * _TURN_US:
        return str(path), "no_time", f"its last point was measured {lasts_us} us after its name"
    seen = reals(table, _PLACE, path)
    on_the_ground = seen + np.array([0.0, 0.0, axle_height_m])
    return Scan(str(path), on_the_ground, np.full(len(seen), begins_us), begins_us + lasts_us)
