"""The map of a clip: all within reach of every tick, however the drive goes on."""

import numpy as np
import pyarrow as pa
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


def with_gap(gap_us):
    t_us = np.arange(80) * 100_000
    t_us[30:] += gap_us
    xyz = np.stack([t_us * 1e-5, 0 * t_us, 0 * t_us], axis=-1)
    ego = RawEgo(t_us, xyz, quaternion_from_yaw(np.zeros(len(t_us))))
    lights = pa.table({"t_us": [50_000, 2_950_000, 4_000_000, 8_000_000], "signal_id": ["s"] * 4})
    rig = Rig(Vehicle("v", 4.0, 2.0, 2.5, 1.5))
    drive = Drive("d", "made", "none", rig, ego, lambda name: iter(()), signals=lights)
    return drive, resample(ego)


def test_no_clip_lies_across_a_gap():
    drive, motion = with_gap(5_000_000)
    cuts = cut_drive(drive, motion, 2.0)
    spans = [(c.clip.clip_id, c.clip.start_us, c.clip.end_us) for c in cuts]
    assert spans == [
        ("d-000", 0, 1_900_000),
        ("d-001", 2_000_000, 2_900_000),
        ("d-002", 8_000_000, 9_900_000),
        ("d-003", 10_000_000, 11_900_000),
        ("d-004", 12_000_000, 12_900_000),
    ]
    # a drive frame for all: the clip behind the gap begins where the vehicle went on
    assert cuts[2].clip.origin_xyz_m[0] == pytest.approx(80.0)


def test_lights_between_two_clips_belong_to_the_earlier_one():
    drive, motion = with_gap(5_000_000)
    times = [
        clip_tables(drive, motion, cut, WITHIN_M)["signals"].column("t_us").to_pylist()
        for cut in cut_drive(drive, motion, 2.0)
    ]
    assert times == [[50_000], [2_950_000], [8_000_000], [], []]  # 4 s is in the gap


def test_a_last_tick_alone_joins_the_clip_before_it():
    drive, motion = with_gap(0)
    assert [c.clip.ticks for c in cut_drive(drive, motion, 7.9)] == [80]
    assert [c.clip.ticks for c in cut_drive(drive, motion, 7.8)] == [78, 2]
