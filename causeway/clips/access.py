"""Reading a clips artifact as arrays: ego motion by clip or by drive, tracks of a clip.

Knows the clips tables. Does not know how they were made or what they are used for.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from causeway.artifacts import Artifact
from causeway.clips.geometry import multiply, rotate, yaw_from_quaternion
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


def ego_by_drive(clips: Artifact) -> dict[str, EgoMotion]:
    """Ego motion of every drive in its drive frame (the rig at the drive's first tick), its clips chained in time."""
    described = clips_of(clips)
    ego = clips.table("ego").sort_by([("clip_id", "ascending"), ("t_us", "ascending")])
    ids = ego.column("clip_id").to_numpy(zero_copy_only=False)
    parts: dict[str, list[EgoMotion]] = {}
    for clip in sorted(described.values(), key=lambda c: (c.drive_id, c.start_us)):
        low, high = np.searchsorted(ids, clip.clip_id, "left"), np.searchsorted(ids, clip.clip_id, "right")
        parts.setdefault(clip.drive_id, []).append(ego_motion(ego.slice(low, high - low), clip))
    return {drive_id: _chain(egos) for drive_id, egos in parts.items()}


def ego_motion(table: pa.Table, clip: Clip | None = None) -> EgoMotion:
    """Arrays of ego rows; with `clip` the poses are moved from the clip frame into the drive frame."""
    column = {name: table.column(name).to_numpy() for name in table.column_names if name not in _TEXT}
    xyz = np.stack([column["x_m"], column["y_m"], column["z_m"]], axis=-1)
    wxyz = np.stack([column["qw"], column["qx"], column["qy"], column["qz"]], axis=-1)
    if clip is not None:
        turn = np.broadcast_to(np.array(clip.origin_wxyz), wxyz.shape)
        xyz, wxyz = np.array(clip.origin_xyz_m) + rotate(turn, xyz), multiply(turn, wxyz)
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


_TEXT = ("clip_id", "speed_source")


def _chain(parts: list[EgoMotion]) -> EgoMotion:
    names = EgoMotion.__dataclass_fields__
    return EgoMotion(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def tracks_of_clip(clips: Artifact, clip_id: str) -> pa.Table:
    """The tracks of one clip (clip frame), ordered by time and track; empty when the source has none."""
    found = clips.table("tracks").filter(pc.field("clip_id") == clip_id)
    return found.sort_by([("t_us", "ascending"), ("track_id", "ascending")])


def rows_of_clip(clips: Artifact, table: str, clip_id: str) -> pa.Table:
    """The rows of one clip in any table of the artifact; reads that clip's row groups alone."""
    return pq.read_table(clips.path(f"{table}.parquet"), filters=[("clip_id", "=", clip_id)])
