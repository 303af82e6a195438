"""Transitions, merging, windows and splits of decision moments; and the two steps from clips to moments."""

import numpy as np
import pyarrow.compute as pc
import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.meta_actions import LATERAL, LONGITUDINAL
from causeway.meta_actions.moments import (
    SCENARIOS,
    MomentConfig,
    Transition,
    find_moments,
    merge,
    scenario_of,
    transitions,
)
from causeway.meta_actions.names import LANE
from causeway.meta_actions.step import extract_meta_actions, meta_actions_of, runs

TICK_US = 100_000


def clip_row(clip_id, drive_id, ticks, start_us, x_m=0.0):
    origin = {f"origin_{n}": 0.0 for n in ("y_m", "z_m", "yaw_rad", "qx", "qy", "qz")}
    row = {"clip_id": clip_id, "drive_id": drive_id, "vehicle_id": "v", "source": "made", "licence": "none"}
    row |= {"start_us": start_us, "end_us": start_us + (ticks - 1) * TICK_US, "ticks": ticks, "place": ""}
    return row | origin | {"origin_qw": 1.0, "origin_x_m": x_m, "has_tracks": False, "has_map": False}


def ego_rows(clip_id, speeds, start_us):
    rows = []
    for i, speed in enumerate(speeds):
        row = {"clip_id": clip_id, "t_us": start_us + i * TICK_US, "observed_us": start_us + i * TICK_US}
        row |= dict.fromkeys(("x_m", "y_m", "z_m", "qx", "qy", "qz", "yaw_rate_radps", "curvature_per_m"), 0.0)
        rows.append(row | {"qw": 1.0, "speed_mps": float(speed), "accel_mps2": 0.0})
    return rows


def braking(ticks=200, at=100):
    """Speeds of a car that holds 12 m/s, brakes by 1 m/s² from tick `at` for 5 s and holds 7 m/s."""
    return np.clip(12 - 0.1 * (np.arange(ticks) - at + 1), 7, 12)


def moments_of(tmp_path, clips, ego):
    write_artifact("clips", {"clips": clips, "ego": ego}, tmp_path / "clips")
    run(extract_meta_actions, {"clips": str(tmp_path / "clips")}, out=str(tmp_path / "meta"))
    inputs = {"meta": str(tmp_path / "meta"), "clips": str(tmp_path / "clips")}
    run(find_moments, inputs, out=str(tmp_path / "moments"))
    return Artifact.open(tmp_path / "moments")


def in_time(moments):
    return sorted(moments.table("moments").to_pylist(), key=lambda row: row["t0_us"])


def test_transitions_of_all_channels_in_order():
    t_us = np.arange(4) * TICK_US
    channels = {
        "longitudinal": ["stop", "stop", "gentle_accelerate", "gentle_accelerate"],
        "lateral": ["go_straight", "steer_left", "steer_left", "steer_left"],
        "lane": [None, None, None, "lane_keep"],
    }
    assert transitions(t_us, channels) == [
        Transition(100_000, "lateral", "go_straight", "steer_left"),
        Transition(200_000, "longitudinal", "stop", "gentle_accelerate"),
    ]


def test_near_transitions_of_different_channels_are_one_moment():
    steer = Transition(1_000_000, "lateral", "go_straight", "steer_left")
    brake = Transition(1_900_000, "longitudinal", "maintain_speed", "strong_decelerate")
    later = Transition(2_100_000, "longitudinal", "strong_decelerate", "stop")
    merged = Transition(1_000_000, "longitudinal", "maintain_speed", "strong_decelerate")
    assert merge([steer, brake, later], 1_000_000) == [merged, later]
    assert merge([brake, later], 1_000_000) == [brake, later]  # one channel never merges with itself
    assert merge([], 1_000_000) == []


def test_of_equals_the_longitudinal_channel_speaks():
    slow = Transition(0, "longitudinal", "maintain_speed", "gentle_decelerate")
    steer = Transition(0, "lateral", "go_straight", "steer_left")
    assert merge([slow, steer], 1_000_000) == [slow]
    straighten = Transition(0, "lateral", "sharp_steer_left", "go_straight")
    assert merge([slow, straighten], 1_000_000) == [slow]  # beginning something counts before ending it


@pytest.mark.parametrize(
    ("channel", "before", "after", "expected"),
    [
        ("longitudinal", "maintain_speed", "gentle_decelerate", "slow"),
        ("longitudinal", "strong_decelerate", "stop", "stop"),
        ("longitudinal", "stop", "gentle_accelerate", "start"),
        ("longitudinal", "stop", "reverse", "reverse"),
        ("longitudinal", "gentle_accelerate", "maintain_speed", "cruise"),
        ("lateral", "go_straight", "steer_right", "steer_right"),
        ("lateral", "steer_left", "sharp_steer_left", "turn_left"),
        ("lateral", "go_straight", "reverse_right", "turn_right"),
        ("lateral", "steer_left", "go_straight", "straighten"),
        ("lane", "lane_keep", "lane_change_left", "change_lane_left"),
    ],
)
def test_scenario_names(channel, before, after, expected):
    assert scenario_of(Transition(0, channel, before, after)) == expected


def test_every_transition_has_a_scenario_of_the_closed_set():
    named = {
        scenario_of(Transition(0, channel, before, after))
        for channel, names in (("longitudinal", LONGITUDINAL), ("lateral", LATERAL), ("lane", LANE))
        for before in names
        for after in names
        if before != after
    }
    assert named == set(SCENARIOS)


def test_runs_end_at_gaps():
    t_us = np.array([0, 100_000, 200_000, 400_000, 500_000])
    assert [(r.start, r.stop) for r in runs(t_us)] == [(0, 3), (3, 5)]
    assert list(runs(np.array([], dtype=np.int64))) == []


def test_a_moment_is_half_a_second_before_the_change(tmp_path):
    moments = moments_of(tmp_path, [clip_row("c", "d", 250, 7)], ego_rows("c", braking(250), 7))
    meta = Artifact.open(tmp_path / "meta").table("meta_actions").to_pylist()
    change = next(r["t_us"] for r in meta if r["longitudinal"] == "gentle_decelerate")
    rows = in_time(moments)
    assert [(r["before"], r["after"], r["scenario"]) for r in rows] == [
        ("maintain_speed", "gentle_decelerate", "slow"),
        ("gentle_decelerate", "maintain_speed", "cruise"),
    ]
    assert rows[0] | {"split": ""} == {
        "moment_id": f"d@{change - 500_000}",
        "clip_id": "c",
        "t0_us": change - 500_000,
        "channel": "longitudinal",
        "before": "maintain_speed",
        "after": "gentle_decelerate",
        "scenario": "slow",
        "split": "",
    }
    assert all(r["lane"] is None for r in meta)
    assert moments.manifest.counts["read"] == 2


def test_windows_cross_clip_borders_of_a_drive(tmp_path):
    speeds = braking(250, at=110)
    clips = [clip_row("a", "d", 100, 0), clip_row("b", "d", 150, 100 * TICK_US)]
    ego = ego_rows("a", speeds[:100], 0) + ego_rows("b", speeds[100:], 100 * TICK_US)
    rows = in_time(moments_of(tmp_path, clips, ego))
    assert [r["clip_id"] for r in rows] == ["b", "b"]
    assert rows[0]["t0_us"] < 100 * TICK_US + 2_000_000  # its history lies in clip a


def test_too_short_windows_are_dropped_and_counted(tmp_path):
    moments = moments_of(tmp_path, [clip_row("c", "d", 130, 0)], ego_rows("c", braking(130, at=15), 0))
    lost = moments.table("quarantine").to_pylist()
    assert [r["reason"] for r in lost] == ["history_too_short"]
    assert [r["scenario"] for r in in_time(moments)] == ["cruise"]
    counts = moments.manifest.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"]
    assert counts["transitions"] == counts["read"] + counts["merged"]


def test_exact_window_edges(tmp_path):
    rows = ego_rows("c", braking(250), 0)
    whole = moments_of(tmp_path / "whole", [clip_row("c", "d", 250, 0)], rows)
    t0_us = in_time(whole)[0]["t0_us"]
    fits, lacks = (t0_us - 2_000_000) // TICK_US, (t0_us - 1_900_000) // TICK_US
    for first, expected in ((fits, 2), (lacks, 1)):
        part = rows[first:]
        clips = [clip_row("c", "d", len(part), part[0]["t_us"])]
        cut = moments_of(tmp_path / str(first), clips, part)
        assert cut.manifest.counts["moments"] == expected
    assert cut.table("quarantine").to_pylist()[0]["reason"] == "history_too_short"


def test_a_gap_in_time_is_a_border(tmp_path):
    rows = [r for r in ego_rows("c", braking(250), 0) if not 145 <= r["t_us"] // TICK_US < 150]
    moments = moments_of(tmp_path, [clip_row("c", "d", 250, 0)], rows)
    assert "future_too_short" in {r["reason"] for r in moments.table("quarantine").to_pylist()}


def test_buffers_between_splits_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("causeway.meta_actions.moments.split_of", lambda *given: "buffer")
    moments = moments_of(tmp_path, [clip_row("c", "d", 250, 0)], ego_rows("c", braking(250), 0))
    assert moments.manifest.counts["moments"] == 0
    assert {r["reason"] for r in moments.table("quarantine").to_pylist()} == {"split_buffer"}


def test_a_drive_with_nan_is_quarantined(tmp_path):
    speeds = braking(250)
    speeds[30] = np.nan
    clips = [clip_row("bad", "d1", 250, 0), clip_row("good", "d2", 250, 0)]
    moments = moments_of(tmp_path, clips, ego_rows("bad", speeds, 0) + ego_rows("good", braking(250), 0))
    meta = Artifact.open(tmp_path / "meta")
    assert [(r["where"], r["reason"]) for r in meta.table("quarantine").to_pylist()] == [("d1", "ego_not_finite")]
    assert {r["clip_id"] for r in moments.table("moments").to_pylist()} == {"good"}


def test_the_table_of_meta_actions_is_the_one_the_step_writes(tmp_path):
    speeds = braking(250)
    clips = [clip_row("b", "d2", 120, 0), clip_row("a", "d2", 130, 120 * TICK_US), clip_row("c", "d1", 250, 0)]
    clips.append(clip_row("bad", "d3", 2, 0))
    rows = ego_rows("b", speeds[:120], 0) + ego_rows("a", speeds[120:], 120 * TICK_US) + ego_rows("c", speeds, 0)
    moments_of(tmp_path, clips, rows + ego_rows("bad", [1.0, np.inf], 0))
    written = Artifact.open(tmp_path / "meta").table("meta_actions")
    clips = Artifact.open(tmp_path / "clips")
    assert meta_actions_of(clips).equals(written)
    assert meta_actions_of(clips, {"d2"}).equals(written.filter(pc.field("clip_id") != "c"))
    assert meta_actions_of(clips, ()).equals(written.slice(0, 0))


def test_history_and_future_are_settings():
    assert MomentConfig().history_us + MomentConfig().future_us == 8_400_000
