"""The lane channel of a whole drive: its clips' maps, each in its own frame, and one sequence of lanes through them.

Knows clips and drives. Does not know the rules.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from causeway.clips import Clip, EgoMotion
from causeway.clips.access import ego_motion
from causeway.clips.row_groups import rows_of_each
from causeway.clips.surroundings.lane_places import Candidates, candidates, joined, lane_lines, lane_places
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.lane import lane_codes

LANE_COLUMNS = ("clip_id", "lane_id", "centre", "successors", "kind")


def drive_lane_codes(
    parts: Sequence[Clip],
    motion: EgoMotion,
    ego: pa.Table,
    lanes: pa.Table,
    stretches: Sequence[slice],
    config: DetectorConfig,
) -> np.ndarray:
    """Index into `LANE` for each tick of a drive, int8 [n]; -1 where there is no map or the car is on no lane of it.

    `parts` are the drive's clips in time, `ego` and `lanes` their rows, `motion` what `drive_motion` makes of them;
    `stretches` are its ticks without gaps in time. Finite ego motion is asked for.
    """
    codes = np.full(len(motion), -1, dtype=np.int8)
    if lanes.num_rows == 0 or len(motion) == 0:
        return codes
    ego_of, lanes_of = (rows_of_each(table.combine_chunks()) for table in (ego, lanes))
    driven = [clip.clip_id for clip in parts if clip.clip_id in ego_of]
    found = joined([_clip_candidates(ego_of[clip_id], lanes_of.get(clip_id)) for clip_id in driven])
    for part in stretches:
        places = lane_places(_some(found, part))
        codes[part] = lane_codes(motion.t_us[part], motion.yaw_rad[part], motion.speed_mps[part], places, config)
    return codes


def _clip_candidates(ego: pa.Table, lanes: pa.Table | None) -> Candidates:
    """The lanes at each tick of a clip, in the clip's own frame: that of its map."""
    motion = ego_motion(ego)
    lines = lane_lines([] if lanes is None else lanes.to_pylist())
    return candidates(lines, motion.x_m, motion.y_m, motion.yaw_rad)


def _some(found: Candidates, part: slice) -> Candidates:
    columns = (found.lane[part], found.cost[part], found.offset_m[part], found.turn_rad[part])
    return Candidates(found.lane_ids, found.successors, found.junctions, *columns)
