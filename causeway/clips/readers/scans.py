"""A drive's `points` out of a spinning scanner: thinned, put where the rig is once they are known, kept on disk.

Knows times, frames and which points stay. Does not know files. A turn takes a tenth of a second, while the vehicle
moves: each point is placed by the pose of its own moment. Where the rig was between two poses is known with the later
one only, so a scan is stamped with the first ego pose at or after its end, and lies in the rig frame of that pose: who
takes it at its time knows nothing of what comes later. Some drivers write a direction without an echo as no number:
such points are dropped and counted; a scan of which more than half are none is left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.artifacts.schemas import tables_of
from causeway.clips.geometry import Array, conjugate, rotate
from causeway.clips.motion import MAX_GAP_US
from causeway.clips.readers.rig_poses import rig_poses
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined, RawEgo

MOST_POINTS = 4096  # of a scan, spread evenly over it; a sample takes fewer still
FARTHEST_M = 1000.0
_NONE = f"not numbers, or farther than {FARTHEST_M:g} m away"
_SCHEMA = pa.schema([tables_of("clips")["points"].schema.field(name) for name in ("t_us", "xyz_m")])


@dataclass(frozen=True, eq=False)
class Scan:
    """One turn. xyz_m [n, 3] in the rig frame at t_us [n], each point's own moment; `end_us`: when it was whole."""

    where: str
    xyz_m: Array
    t_us: NDArray[np.int64]
    end_us: int


Problem = tuple[str, str, str]  # (where, reason, detail) of a scan that cannot be used


def scans_on_disk(scans: Iterable[Scan | Problem], ego: RawEgo) -> tuple[TimedRows, Quarantined]:
    """A drive's scans as rows of `points`, and those left out. `ego` has increasing times."""
    problems: list[Problem] = []
    dropped: list[int] = []  # points, of each scan that lost some

    def rows() -> Iterator[pa.Table]:
        for scan in scans:
            found = _row(scan, ego, dropped) if isinstance(scan, Scan) else scan
            if isinstance(found, pa.Table):
                yield found
            else:
                problems.append(found)

    points = TimedRows(rows(), _SCHEMA, "t_us")
    if dropped:
        problems.append(("scans", "points_dropped", f"{sum(dropped)} points of {len(dropped)} scans are {_NONE}"))
    if points.repeated:
        problems.append(("scans", "same_time", f"{points.repeated} end before the same ego pose as an earlier one"))
    return points, tuple(problems)


def _row(scan: Scan, ego: RawEgo, dropped: list[int]) -> pa.Table | Problem:
    if not len(scan.xyz_m):
        return scan.where, "no_points", "nothing in it"
    there = np.flatnonzero((np.abs(scan.xyz_m) <= FARTHEST_M).all(axis=1))
    lost = len(scan.xyz_m) - len(there)
    if 2 * lost > len(scan.xyz_m):
        return scan.where, "no_points", f"{lost} of {len(scan.xyz_m)} are {_NONE}"
    last = int(np.searchsorted(ego.t_us, scan.end_us))
    kept = there[np.linspace(0, len(there) - 1, min(MOST_POINTS, len(there))).astype(np.int64)]
    poses = rig_poses(scan.t_us[kept], ego)
    if last == len(ego.t_us) or ego.t_us[last] - scan.end_us > MAX_GAP_US or not poses.known.all():
        return scan.where, "no_ego_pose", f"its turn ends at {scan.end_us} us"
    if lost:
        dropped.append(lost)
    world = poses.xyz_m + rotate(poses.wxyz, scan.xyz_m[kept])
    xyz = rotate(conjugate(ego.wxyz[last]), world - ego.xyz_m[last])
    return pa.table({"t_us": [int(ego.t_us[last])], "xyz_m": [np.round(xyz, 3).ravel()]}, schema=_SCHEMA)
