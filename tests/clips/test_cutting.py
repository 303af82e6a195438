"""The map of a clip: all within reach of every tick, however the drive goes on."""

import numpy as np
import pytest

from causeway.clips.cutting import MAP_REACH_M, check_map_reach, clip_tables, cut_drive
from causeway.clips.geometry import quaternion_from_yaw
from causeway.clips.ingest import IngestConfig
from causeway.clips.motion import resample
from causeway.clips.types import Drive, RawEgo, Rig, Vehicle
from causeway.errors import UsageError

WITHIN_M = IngestConfig().map_within_m


def kept(lanes, seconds, speed_mps=38.0, elements=()):
    """Ids on the map of a drive straight along x."""
    t_us = np.arange(round(seconds * 10) + 1) * 100_000
    xyz = np.stack([t_us * 1e-6 * speed_mps, 0 * t_us, 0 * t_us], axis=-1)
    ego = RawEgo(t_us, xyz, quaternion_from_yaw(np.zeros(len(t_us))))
    rows = [{"lane_id": name, "centre": c, "left": [], "right": [], "successors": []} for name, c in lanes.items()]
    stops = [{"element_id": f"s{x}", "shape": [[x, y]], "kind": "stop_line", "lane_ids": []} for x, y in elements]
    rig = Rig(Vehicle("v", 4.0, 2.0, 2.5, 1.5))
    drive = Drive("d", "made", "none", rig, ego, lambda name: iter(()), lanes=rows, road_elements=stops)
    motion = resample(ego)
    (cut,) = cut_drive(drive, motion, 20.0)
    tables = clip_tables(drive, motion, cut, WITHIN_M)
    return [r["lane_id"] for r in tables["lanes"]], [r["element_id"] for r in tables["road_elements"]]


@pytest.mark.parametrize("seconds", [0.1, 0.9, 1.9, 3.0, 12.0])
def test_what_is_within_reach_of_the_last_tick_is_there(seconds):
    end = seconds * 38.0
    lanes = {"far": [[end + MAP_REACH_M + 24.0, 0.0], [end + 300.0, 0.0]], "off": [[0.0, 151.0], [end, 151.0]]}
    assert kept(lanes, seconds, elements=[(end + MAP_REACH_M, 5.0)]) == (["far"], [f"s{end + MAP_REACH_M}"])


def test_a_lane_of_few_points_counts_where_it_passes():
    lanes = {"long": [[-900.0, 3.0], [900.0, 3.0]], "point": [[0.0, 100.0], [0.0, 100.0]]}
    assert kept(lanes, 2.0) == (["long", "point"], [])


def test_a_map_that_is_cut_too_near_is_refused():
    check_map_reach(WITHIN_M)
    with pytest.raises(UsageError, match="map_within_m 100: evidence needs at least 150"):
        check_map_reach(100.0)
