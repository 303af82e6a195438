"""Obstacle boxes of PhysicalAI-AV in the world frame, with their turn signals where a data set has them.

Knows how boxes in the rig frame of their own time stamp are placed by the ego poses around it. Does not know files.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts.closed_sets import INDICATORS
from causeway.clips.geometry import multiply, rotate, yaw_from_quaternion
from causeway.clips.readers.columns import NO_TIME, reals, texts, times_us
from causeway.clips.readers.physicalai import layout
from causeway.clips.readers.recorded import Boxes, types_of, usable_boxes
from causeway.clips.readers.rig_poses import rig_poses
from causeway.clips.types import Quarantined, RawEgo
from causeway.errors import UnusableInput

_PLACE, _SIZE = ("center_x", "center_y", "center_z"), ("size_x", "size_y", "size_z")
_ROTATION = ("orientation_w", "orientation_x", "orientation_y", "orientation_z")


def read_tracks(obstacles: pa.Table | None, ego: RawEgo) -> tuple[pa.Table | None, Quarantined]:
    """Boxes in the world frame, and what was left out. Velocity is not in the data.

    A place is known once the later of the two ego poses around it is (`observed_us`).
    """
    if obstacles is None:
        return None, ()
    where = layout.OBSTACLES.name
    frames = set(obstacles.column("reference_frame").unique().to_pylist()) - {layout.OBSTACLE_FRAME}
    if frames:
        found = sorted(map(str, frames))[0]
        raise UnusableInput(f"obstacles: reference_frame {found!r}, only {layout.OBSTACLE_FRAME!r} is known")
    seen_us = times_us(obstacles, "timestamp_us", "us", where)
    placed_us = times_us(obstacles, "reference_frame_timestamp_us", "us", where)
    poses = rig_poses(placed_us, ego)
    with np.errstate(all="ignore"):  # boxes that are no numbers are put aside later
        boxes = Boxes(
            t_us=seen_us,
            track_id=texts(obstacles, "track_id", where),
            type=types_of(texts(obstacles, "label_class", where), layout.TRACK_TYPE_OF_CLASS),
            xyz_m=poses.xyz_m + rotate(poses.wxyz, reals(obstacles, _PLACE, where)),
            yaw_rad=yaw_from_quaternion(multiply(poses.wxyz, reals(obstacles, _ROTATION, where))),
            size_m=reals(obstacles, _SIZE, where),
            observed_us=np.maximum(seen_us, poses.known_us),
        )
    return usable_boxes(where, boxes, {"incomplete": seen_us == NO_TIME, "no_ego_pose": ~poses.known})


def with_indicators(tracks: pa.Table | None, shown: pa.Table | None) -> tuple[pa.Table | None, Quarantined]:
    """The tracks with the column `indicator`, null where `shown` says nothing of a sighting; and the rows left out."""
    if tracks is None or shown is None:
        return tracks, ()
    where = layout.INDICATORS.name
    names, states = (texts(shown, name, where).cast(pa.string()) for name in ("track_id", "indicator"))
    named = pc.fill_null(pc.is_in(states, pa.array(INDICATORS)), False)
    rows = pa.table({"t_us": times_us(shown, "timestamp", "us", where), "track_id": names, "indicator": states})
    rows = rows.filter(named).group_by(["t_us", "track_id"], use_threads=False).aggregate([("indicator", "first")])
    strange = len(named) - pc.sum(named).as_py() if len(named) else 0
    left_out = ((where, "unknown_indicator", f"{strange} of {len(named)} rows"),) if strange else ()
    ids, order = tracks.column("track_id").cast(pa.string()), pa.array(np.arange(tracks.num_rows))
    plain = pa.table({"row": order, "t_us": tracks.column("t_us"), "track_id": ids})
    joined = plain.join(rows, ["t_us", "track_id"], use_threads=False).sort_by("row")
    return tracks.append_column("indicator", joined.column("indicator_first")), left_out
