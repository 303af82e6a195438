"""Reading a clips artifact as arrays: ego motion by clip or drive after drive, any table of a clip or a drive.

Knows the clips tables. Does not know how they were made or what they are used for. `each_drive` and
`each_drive_tables` hold one drive at a time, whatever the number of drives.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.artifacts import Artifact
from causeway.clips.geometry import Array, multiply, rotate, yaw_from_quaternion
from causeway.clips.row_groups import clip_rows
from causeway.clips.types import Clip, EgoMotion
from causeway.errors import UsageError

_FLOATS = ("speed_mps", "accel_mps2", "yaw_rate_radps", "curvature_per_m")


def clips_of(clips: Artifact) -> dict[str, Clip]:
    """Every clip by its id, in order of the table."""
    return {row["clip_id"]: _clip(row) for row in clips.table("clips").to_pylist()}


def _clip(row: dict) -> Clip:
    return Clip(
        clip_id=row["clip_id"],
        drive_id=row["drive_id"],
        place=row["place"] or "",
        start_us=row["start_us"],
        end_us=row["end_us"],
        ticks=row["ticks"],
        origin_xyz_m=(row["origin_x_m"], row["origin_y_m"], row["origin_z_m"]),
        origin_wxyz=(row["origin_qw"], row["origin_qx"], row["origin_qy"], row["origin_qz"]),
    )


def ego_of_clip(clips: Artifact, clip_id: str) -> EgoMotion:
    """Ego motion of one clip in its clip frame, times increasing; UsageError for a clip that is not there."""
    table = clips.table("ego").filter(pc.field("clip_id") == clip_id).sort_by("t_us")
    if table.num_rows == 0:
        raise UsageError(f"{clip_id}: no such clip in {clips.location}")
    return ego_motion(table)


def each_drive(clips: Artifact, drive_ids: Collection[str] | None = None) -> Iterator[tuple[str, EgoMotion]]:
    """(drive_id, ego motion) of one drive after the other, by drive_id; its clips are chained in time.

    Ego motion is in the drive frame (the rig at the drive's first tick). Only the drives named are read (None: all);
    an id that is not there is left out. One drive is in memory at a time. Raises UnusableInput for a damaged file.
    """
    for drive_id, parts, tables in each_drive_tables(clips, {"ego": None}, drive_ids):
        yield drive_id, drive_motion(parts, tables["ego"])


def each_drive_tables(
    clips: Artifact, tables: Mapping[str, Sequence[str] | None], drive_ids: Collection[str] | None = None
) -> Iterator[tuple[str, list[Clip], dict[str, pa.Table]]]:
    """(drive_id, its clips by time, {table: rows}) of one drive after the other, by drive_id.

    `tables` names what to read and of it which columns (None: all), as in `{"ego": None, "frames": ["clip_id",
    "t_us"]}`; clip_id is always read. Rows are those of the drive's clips in the order of the table (clip_id first),
    each in its clip frame; `rows_of_each` parts them by clip. Only row groups that hold the drive are decoded.
    Raises UnusableInput for a table that is missing or damaged.
    """
    readers = {name: clip_rows(clips.path(f"{name}.parquet"), columns) for name, columns in tables.items()}
    wanted = None if drive_ids is None else set(drive_ids)
    for drive_id, parts in drives_of(clips).items():
        if wanted is None or drive_id in wanted:
            ids = [part.clip_id for part in parts]
            yield drive_id, parts, {name: read(ids) for name, read in readers.items()}


def drives_of(clips: Artifact) -> dict[str, list[Clip]]:
    """The clips of every drive by time, drives by id."""
    drives: dict[str, list[Clip]] = {}
    for clip in sorted(clips_of(clips).values(), key=lambda c: (c.drive_id, c.start_us)):
        drives.setdefault(clip.drive_id, []).append(clip)
    return drives


def drive_motion(parts: Sequence[Clip], ego: pa.Table) -> EgoMotion:
    """Ego motion of a drive in its drive frame, its clips chained in the order given, from their ego rows."""
    ids = pa.array([clip.clip_id for clip in parts], pa.string())
    of_row = pc.index_in(ego.column("clip_id"), ids).fill_null(-1).to_numpy()
    order = np.argsort(of_row, kind="stable")
    order = order[np.searchsorted(of_row[order], 0) :]
    rows = ego.take(pa.array(order))
    origin = np.array([(*clip.origin_xyz_m, *clip.origin_wxyz) for clip in parts]).reshape(-1, 7)[of_row[order]]
    xyz, wxyz = _poses(rows)
    return _motion(rows, origin[:, :3] + rotate(origin[:, 3:], xyz), multiply(origin[:, 3:], wxyz))


def ego_by_drive(clips: Artifact) -> dict[str, EgoMotion]:
    """All of `each_drive` at once: for few drives only, as memory grows with their number."""
    return dict(each_drive(clips))


def ego_motion(table: pa.Table) -> EgoMotion:
    """Arrays of the ego rows of a clip, in its clip frame."""
    return _motion(table, *_poses(table))


def _poses(table: pa.Table) -> tuple[Array, Array]:
    names = (("x_m", "y_m", "z_m"), ("qw", "qx", "qy", "qz"))
    xyz, wxyz = (np.stack([table.column(name).to_numpy() for name in part], axis=-1) for part in names)
    return xyz, wxyz


def _motion(table: pa.Table, xyz: Array, wxyz: Array) -> EgoMotion:
    column = {name: table.column(name).to_numpy() for name in ("t_us", "observed_us", *_FLOATS)}
    return EgoMotion(
        t_us=column["t_us"],
        x_m=xyz[:, 0],
        y_m=xyz[:, 1],
        z_m=xyz[:, 2],
        yaw_rad=yaw_from_quaternion(wxyz),
        **{name: column[name] for name in _FLOATS},
        observed_us=column["observed_us"],
        clip_id=table.column("clip_id").to_numpy(zero_copy_only=False),
    )


def tracks_of_clip(clips: Artifact, clip_id: str) -> pa.Table:
    """The tracks of one clip (clip frame), ordered by time and track; empty when the source has none."""
    found = clips.table("tracks").filter(pc.field("clip_id") == clip_id)
    return found.sort_by([("t_us", "ascending"), ("track_id", "ascending")])


def rows_of_clip(clips: Artifact, table: str, clip_id: str) -> pa.Table:
    """The rows of one clip in any table of the artifact; reads that clip's row groups alone."""
    return pq.read_table(clips.path(f"{table}.parquet"), filters=[("clip_id", "=", clip_id)])
