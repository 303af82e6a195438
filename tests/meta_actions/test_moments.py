"""From clips to moments: the steps, windows, splits, balance, and the truth of the built-in world."""

import numpy as np
import pyarrow.compute as pc
import pytest

from causeway.artifacts import Artifact, run, write_artifact
from causeway.errors import UsageError
from causeway.meta_actions.moments import MomentConfig, find_moments
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
    """Speeds of a car that holds 12 m/s, brakes by 1 m/s² from tick `at` for 5 s, waits 3 s and speeds up again."""
    t = np.arange(ticks) - at + 1
    return np.clip(12 - 0.1 * t, 7, 12) + np.clip(0.1 * (t - 80), 0, 4)


def moments_of(tmp_path, clips, ego, **settings):
    write_artifact("clips", {"clips": clips, "ego": ego}, tmp_path / "clips")
    run(extract_meta_actions, {"clips": str(tmp_path / "clips")}, out=str(tmp_path / "meta"))
    inputs = {"meta": str(tmp_path / "meta"), "clips": str(tmp_path / "clips")}
    run(find_moments, inputs, out=str(tmp_path / "moments"), config=MomentConfig(**settings))
    return Artifact.open(tmp_path / "moments")


def in_time(moments):
    return sorted(moments.table("moments").to_pylist(), key=lambda row: row["t0_us"])


def test_runs_end_at_gaps():
    t_us = np.array([0, 100_000, 200_000, 400_000, 500_000])
    assert [(r.start, r.stop) for r in runs(t_us)] == [(0, 3), (3, 5)]
    assert list(runs(np.array([], dtype=np.int64))) == []


def test_a_moment_is_half_a_second_before_the_change(tmp_path, capsys):
    moments = moments_of(tmp_path, [clip_row("c", "d", 280, 7)], ego_rows("c", braking(280), 7))
    meta = Artifact.open(tmp_path / "meta").table("meta_actions").to_pylist()
    change = next(r["t_us"] for r in meta if r["longitudinal"] == "gentle_decelerate")
    rows = in_time(moments)
    assert [(r["before"], r["after"], r["scenario"]) for r in rows] == [
        ("maintain_speed", "gentle_decelerate", "slow"),
        ("maintain_speed", "gentle_accelerate", "speed_up"),
    ]
    assert rows[0] == {
        "moment_id": f"d@{change - 500_000}",
        "clip_id": "c",
        "t0_us": change - 500_000,
        "channel": "longitudinal",
        "before": "maintain_speed",
        "after": "gentle_decelerate",
        "scenario": "slow",
        "split": "train",
        "end_us": change - 500_000,
    }
    counts = moments.manifest.counts
    assert (counts["read"], counts["transitions"], counts["ends"]) == (2, 4, 2)
    assert (counts["scenario_slow"], counts["split_train"], counts["split_test"]) == (1, 2, 0)
    assert "no moments in val and test" in capsys.readouterr().err
    assert not (tmp_path / "moments" / "candidates").exists()


def test_windows_cross_clip_borders_of_a_drive(tmp_path):
    speeds = braking(280, at=110)
    clips = [clip_row("a", "d", 100, 0), clip_row("b", "d", 180, 100 * TICK_US)]
    ego = ego_rows("a", speeds[:100], 0) + ego_rows("b", speeds[100:], 100 * TICK_US)
    rows = in_time(moments_of(tmp_path, clips, ego))
    assert [r["clip_id"] for r in rows] == ["b", "b"]
    assert rows[0]["t0_us"] < 100 * TICK_US + 2_000_000  # its history lies in clip a


def test_too_short_windows_are_dropped_and_counted(tmp_path):
    moments = moments_of(tmp_path, [clip_row("c", "d", 190, 0)], ego_rows("c", braking(190, at=15), 0))
    lost = moments.table("quarantine").to_pylist()
    assert [(r["reason"], r["detail"].split(":")[0]) for r in lost] == [("history_too_short", "slow")]
    assert [r["scenario"] for r in in_time(moments)] == ["speed_up"]
    counts = moments.manifest.counts
    assert counts["read"] == counts["kept"] + counts["quarantine"]


def test_exact_window_edges(tmp_path):
    rows = ego_rows("c", braking(280), 0)
    whole = moments_of(tmp_path / "whole", [clip_row("c", "d", 280, 0)], rows)
    t0_us = in_time(whole)[0]["t0_us"]
    fits, lacks = (t0_us - 2_000_000) // TICK_US, (t0_us - 1_900_000) // TICK_US
    for first, expected in ((fits, 2), (lacks, 1)):
        part = rows[first:]
        clips = [clip_row("c", "d", len(part), part[0]["t_us"])]
        cut = moments_of(tmp_path / str(first), clips, part)
        assert cut.manifest.counts["moments"] == expected
    assert cut.table("quarantine").to_pylist()[0]["reason"] == "history_too_short"


def test_a_gap_in_time_is_a_border(tmp_path):
    rows = [r for r in ego_rows("c", braking(280), 0) if not 145 <= r["t_us"] // TICK_US < 150]
    moments = moments_of(tmp_path, [clip_row("c", "d", 280, 0)], rows)
    assert "future_too_short" in {r["reason"] for r in moments.table("quarantine").to_pylist()}


def shared(clip_id, drive_id, x_m, **other):
    """A drive that stands at a place of a frame it shares with others."""
    world = {"world": "town", "world_x_m": x_m, "world_y_m": 0.0, "world_yaw_rad": 0.0}
    return clip_row(clip_id, drive_id, 280, 0) | world | other


def test_a_drive_whose_place_in_the_world_is_no_number_has_a_frame_of_its_own(tmp_path):
    clips = [shared("a", "d1", float("nan")), shared("b", "d2", 0.0, world_yaw_rad=None), shared("c", "d3", 0.0)]
    moments = moments_of(tmp_path, clips, [row for c in "abc" for row in ego_rows(c, braking(280), 0)])
    assert moments.manifest.counts["kept"] == 6


def test_a_split_that_does_not_exist_is_told_before_anything_is_read(tmp_path, monkeypatch):
    from causeway.meta_actions import moments as room

    monkeypatch.setattr(room, "candidates", lambda *_: pytest.fail("worked first"))
    with pytest.raises(UsageError, match="split_by 'moon'"):
        moments_of(tmp_path, [clip_row("c", "d", 280, 0)], ego_rows("c", braking(280), 0), split_by="moon")


def test_moments_near_to_another_split_are_counted_as_buffer(tmp_path):
    """Two drives on both sides of a border of cells, 20 m from each other; which cell is which, the hash says."""
    from causeway.clips.splits import CELL_M, _by_hash

    cell = next(i for i in range(1, 99) if {_by_hash(f"town@{i - 1},0"), _by_hash(f"town@{i},0")} == {"train", "test"})
    clips = [shared("a", "d1", cell * CELL_M - 10), shared("b", "d2", cell * CELL_M + 10)]
    moments = moments_of(tmp_path, clips, ego_rows("a", braking(280), 0) + ego_rows("b", braking(280), 0))
    assert {r["split"] for r in in_time(moments)} == {"test"}
    lost = moments.table("quarantine").to_pylist()
    assert [r["reason"] for r in lost] == ["split_buffer"] * 2
    assert (moments.manifest.counts["read"], moments.manifest.counts["split_buffer"]) == (4, 2)


def test_too_many_of_a_scenario_are_left_out_by_hash(tmp_path):
    clips = [clip_row(c, f"d{c}", 280, 0) for c in "abcdef"]
    ego = [row for c in "abcdef" for row in ego_rows(c, braking(280), 0)]
    moments = moments_of(tmp_path, clips, ego, max_per_scenario=4)
    counts = moments.manifest.counts
    assert (counts["scenario_slow"], counts["scenario_speed_up"], counts["read"]) == (4, 4, 12)
    assert {r["reason"] for r in moments.table("quarantine").to_pylist()} == {"scenario_over_quota"}
    with pytest.raises(UsageError, match="max_share 0"):
        moments_of(tmp_path / "no", clips, ego, max_share=0.0)


def test_a_vehicle_stays_in_one_split_when_asked(tmp_path):
    clips = [clip_row(c, f"d{c}", 280, 0) for c in "abcdefgh"]
    ego = [row for c in "abcdefgh" for row in ego_rows(c, braking(280), 0)]
    assert len({r["split"] for r in in_time(moments_of(tmp_path / "place", clips, ego))}) > 1
    assert len({r["split"] for r in in_time(moments_of(tmp_path / "car", clips, ego, split_by="vehicle"))}) == 1


def test_a_killed_run_goes_on_with_the_next_drive_and_ends_the_same(tmp_path, monkeypatch):
    from causeway.meta_actions import moments as room

    clips = [clip_row(c, f"d{c}", 280, 0) for c in "abc"]
    ego = [row for c in "abc" for row in ego_rows(c, braking(280), 0)]
    whole = moments_of(tmp_path / "whole", clips, ego)
    done, real = [], room.candidates

    def dies(clips, rows, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(rows[0]["drive_id"])
        return real(clips, rows, *rest)

    monkeypatch.setattr(room, "candidates", dies)
    with pytest.raises(KeyboardInterrupt):
        moments_of(tmp_path / "killed", clips, ego)
    monkeypatch.setattr(room, "candidates", lambda *given: (done.append(given[1][0]["drive_id"]), real(*given))[1])
    inputs = {"meta": str(tmp_path / "killed" / "meta"), "clips": str(tmp_path / "killed" / "clips")}
    run(find_moments, inputs, out=str(tmp_path / "killed" / "moments"), config=MomentConfig())
    assert done == ["da", "db", "dc"]
    assert Artifact.open(tmp_path / "killed" / "moments").manifest.content_hash == whole.manifest.content_hash


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
