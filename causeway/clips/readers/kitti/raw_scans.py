"""KITTI raw's laser scans, `velodyne_points/data/*.bin`, as a drive's `points`.

Knows the files (development kit, readme): x, y, z in metres in the scanner's frame and a reflectance, four float32 a
point; `timestamps.txt` has when the scanner looked ahead, `timestamps_start.txt` and `timestamps_end.txt` the turn. Raw
data are not compensated for the vehicle's motion in a turn; a point's direction tells its moment (`_turned`). Does not
know the other files of a drive.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causeway.clips.cleaning import clean_ego
from causeway.clips.geometry import Array
from causeway.clips.readers.kitti.files import numbered_files, read_stamps
from causeway.clips.readers.scans import Problem, Scan, scans_on_disk
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined, RawEgo
from causeway.errors import UnusableInput

FOLDER = "velodyne_points"
_HALF_TURN_US = 50_000  # at ten turns a second, where no file says when a turn began and ended
_POINT = np.dtype(("<f4", 4))
_MOST_BYTES = 64 * 1024**2  # thirty times a scan of the Velodyne HDL-64E


def has_scans(drive: Path) -> bool:
    """Whether a drive has scans, not their times alone."""
    return bool(numbered_files(drive / FOLDER / "data", "bin"))


def read_scans(drive: Path, ego: RawEgo, rig_from_velo: Array) -> tuple[TimedRows, Quarantined]:
    """The scans of a drive, one in memory at a time, and those left out. UnusableInput for times that are none."""
    ego, _ = clean_ego(ego, drive.name)  # ingest says which of its rows are none
    return scans_on_disk(_scans(drive / FOLDER, rig_from_velo), ego)


def _scans(folder: Path, rig_from_velo: Array) -> Iterator[Scan | Problem]:
    starts_us, ends_us = _turns(folder)
    files = numbered_files(folder / "data", "bin")
    for number, (start_us, end_us) in enumerate(zip(starts_us.tolist(), ends_us.tolist(), strict=True)):
        if number in files:
            yield _scan(files.pop(number), start_us, end_us, rig_from_velo)
        else:
            yield f"{folder.name}/data/{number:010d}", "scan_missing", "it has a time stamp"
    for late in files.values():
        yield str(late), "no_time_stamp", f"timestamps.txt has {len(starts_us)} rows"


def _turns(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """When each turn began and ended."""
    ahead_us = read_stamps(folder / "timestamps.txt")
    found = [folder / f"timestamps_{name}.txt" for name in ("start", "end")]
    if not all(path.exists() for path in found):
        return ahead_us - _HALF_TURN_US, ahead_us + _HALF_TURN_US
    starts_us, ends_us = map(read_stamps, found)
    if not len(starts_us) == len(ends_us) == len(ahead_us):
        raise UnusableInput(f"{folder}: {len(starts_us)} turns begin, {len(ends_us)} end, {len(ahead_us)} look ahead")
    return starts_us, ends_us


def _scan(path: Path, start_us: int, end_us: int, rig_from_velo: Array) -> Scan | Problem:
    try:
        size = path.stat().st_size
        if size % _POINT.itemsize or size > _MOST_BYTES:
            return str(path), "scan_unusable", f"{size} bytes are no whole number of points, or more than of any scan"
        if not 0 < end_us - start_us < 10 * _HALF_TURN_US:
            return str(path), "no_time_stamp", f"its turn lasts {(end_us - start_us) * 1e-6:g} s"
        seen = np.fromfile(path, dtype=_POINT)[:, :3].astype(np.float64)
    except OSError as error:
        return str(path), "scan_unusable", f"cannot be read ({error.strerror})"
    with np.errstate(all="ignore"):  # what is no number is left out later
        t_us = start_us + np.nan_to_num(_turned(seen) * (end_us - start_us)).astype(np.int64)
        return Scan(str(path), seen @ rig_from_velo[:3, :3].T + rig_from_velo[:3, 3], t_us, end_us)


def _turned(seen: Array) -> Array:
    """The part of the turn [n], 0 to 1, at which points [n, 3] were seen: from behind over left, ahead and right.

    That is clockwise as seen from above, as odometry on these very files has it: KISS-ICP (`datasets/kitti_raw.py`: 0.5
    (1 - atan2(y, x) / pi)), CT-ICP (its issue 2), and so NVIDIA's NCore (`data_converter/kitti`). The readme calls the
    scanner counter-clockwise and does not say seen from where; the points of a row in a file do run that way, but the
    rows are sorted by direction, not by time.
    """
    return np.asarray((np.pi - np.arctan2(seen[:, 1], seen[:, 0])) / (2 * np.pi), dtype=np.float64)
