"""Scans of a spinning scanner: each point by the pose of its own moment, known with the pose after the turn."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.geometry import quaternion_from_yaw
from causeway.clips.ingest import IngestConfig, ingest
from causeway.clips.readers.argoverse2 import reader as argoverse2
from causeway.clips.readers.kitti.raw_calibration import read_calibrations
from causeway.clips.readers.scans import MOST_POINTS, Scan, scans_on_disk
from causeway.clips.types import RawEgo
from tests.clips.argoverse2_fixture import T0_NS, write_log, write_table
from tests.clips.test_kitti_raw import DRIVE, official, only, stamp

EVERY = 10**12
AHEAD, LEFT, RIGHT = (10.0, 0.0, -1.0), (0.0, 5.0, 0.0), (0.0, -5.0, 0.0)


def turning(n: int = 12) -> RawEgo:
    """10 m/s along x and 0.2 rad/s to the left, a pose each 0.1 s."""
    t_us = 100_000 * np.arange(n)
    xyz = np.stack([t_us * 1e-5, 0.1 * np.arange(n) ** 2, np.zeros(n)], axis=-1)
    return RawEgo(t_us, xyz, quaternion_from_yaw(0.02 * np.arange(n)))


def scan(number: int, points: int = 3) -> Scan:
    """A turn that ends 0.05 s after a pose, its points measured evenly over it."""
    end_us = 100_000 * number + 50_000
    xyz = np.random.default_rng(number).uniform(-30, 30, (points, 3))
    return Scan(f"scan {number}", xyz, np.linspace(end_us - 100_000, end_us, points).astype(np.int64), end_us)


def rows(scans, ego=None):
    points, problems = scans_on_disk(scans, turning() if ego is None else ego)
    return points.between(-EVERY, EVERY).to_pylist(), problems


def test_a_point_lies_where_it_stood_when_the_vehicle_has_moved_on():
    mid_turn = Scan("one", np.array([[4.0, 1.0, 0.5]]), np.array([300_000]), 350_000)
    straight = replace(turning(), wxyz=np.tile([1.0, 0, 0, 0], (12, 1)), xyz_m=turning().xyz_m * [1, 0, 0])
    found, problems = rows([mid_turn], straight)
    assert found == [{"t_us": 400_000, "xyz_m": [3.0, 1.0, 0.5]}]  # a metre on at the pose after the turn
    assert problems == ()


def test_a_scan_on_a_pose_is_as_it_was_seen():
    seen = np.array([[4.0, 1.0, 0.5], [-7.0, 2.0, 0.25]])
    found, _ = rows([Scan("one", seen, np.full(2, 500_000), 500_000)])
    assert found[0]["t_us"] == 500_000
    assert found[0]["xyz_m"] == pytest.approx(seen.ravel())


def test_poses_after_a_scans_own_time_change_nothing():
    before, _ = rows([scan(n) for n in range(1, 9)])
    later = turning()
    later.xyz_m[6:] += 50.0
    after, _ = rows([scan(n) for n in range(1, 9)], later)
    assert [row for row in after if row["t_us"] <= 500_000] == [row for row in before if row["t_us"] <= 500_000]
    assert after != before


def test_many_points_are_thinned_over_the_whole_turn():
    found, _ = rows([scan(3, 3 * MOST_POINTS)])
    assert len(found[0]["xyz_m"]) == 3 * MOST_POINTS
    few, _ = rows([scan(3, 5)])
    assert len(few[0]["xyz_m"]) == 15


def test_scans_that_cannot_be_placed_are_put_on_record():
    wild = replace(scan(4), xyz_m=np.array([[1.0, np.nan, 0.0]] * 3))
    empty = Scan("empty", np.zeros((0, 3)), np.zeros(0, np.int64), 450_000)
    broken = ("file 7", "scan_unusable", "5 bytes")
    found, problems = rows([scan(0), wild, empty, broken, scan(5), replace(scan(5), end_us=550_001), scan(11)])
    assert [row["t_us"] for row in found] == [600_000]
    assert [problem[:2] for problem in problems] == [
        *(("scan 0", "no_ego_pose"), ("scan 4", "no_points"), ("empty", "no_points"), ("file 7", "scan_unusable")),
        *(("scan 11", "no_ego_pose"), ("scans", "same_time")),
    ]


def test_points_that_are_none_are_dropped_and_counted_up_to_half_of_a_scan():
    def with_holes(number: int, holes: int) -> Scan:
        whole = scan(number, 4)
        whole.xyz_m[:holes] = np.array([[np.nan, 0, 0], [0, -np.inf, 0], [0, 0, 1001.0]])[:holes]
        return whole

    found, problems = rows([with_holes(2, 0), with_holes(4, 1), with_holes(6, 2), with_holes(8, 3)])
    assert [(row["t_us"], len(row["xyz_m"])) for row in found] == [(300_000, 12), (500_000, 9), (700_000, 6)]
    assert problems == (
        ("scan 8", "no_points", "3 of 4 are not numbers, or farther than 1000 m away"),
        ("scans", "points_dropped", "3 points of 2 scans are not numbers, or farther than 1000 m away"),
    )
    alone, _ = rows([replace(scan(4, 4), xyz_m=scan(4, 4).xyz_m[1:], t_us=scan(4, 4).t_us[1:])])
    assert found[1] == alone[0]  # those that stay keep their own moments


def test_no_scan_reaches_over_a_gap_of_the_poses():
    whole = turning(20)
    gap = RawEgo(*(values[[*range(5), *range(13, 20)]] for values in (whole.t_us, whole.xyz_m, whole.wxyz)))
    found, problems = rows([scan(3), scan(4), scan(14)], gap)
    assert [row["t_us"] for row in found] == [400_000, 1_500_000]
    assert [problem[:2] for problem in problems] == [("scan 4", "no_ego_pose")]


# -- KITTI's files --------------------------------------------------------------------------------------------------


def scanned(root: Path, *points: tuple[float, float, float], count: int = 12) -> Path:
    """An official drive, 10 m/s to the east, with the same points in every turn; the folder of its scans."""
    folder = official(root, pictures=False) / "2011_09_26" / DRIVE / "velodyne_points"
    (folder / "data").mkdir(parents=True)
    for number in range(count):
        data = np.array([[*point, 0.5] for point in points], dtype="<f4")
        (folder / "data" / f"{number:010d}.bin").write_bytes(data.tobytes())
    (folder / "timestamps.txt").write_text("\n".join(stamp(i) for i in range(count)) + "\n")
    return folder


def points_of(drive):
    return {
        int(row["t_us"] - drive.ego.t_us[0]): row["xyz_m"] for row in drive.points.between(-(2**62), 2**62).to_pylist()
    }


def test_kittis_points_are_placed_by_the_moment_of_their_direction(tmp_path):
    scanned(tmp_path, RIGHT, AHEAD, LEFT, (-8.0, 0.02, 0.0), (-8.0, -0.02, 0.0))
    drive = only(tmp_path)
    found = points_of(drive)
    assert sorted(found) == [100_000 * n for n in range(2, 12)]
    # left, ahead and right at a quarter, a half and three quarters of a turn that ends 0.05 s before the pose, behind at
    # both its ends; the scanner is at (0.76, 0, 1.73)
    expected = [
        *([0.76 - 0.75, -5.0, 1.73], [10.76 - 1.0, 0.0, 0.73], [0.76 - 1.25, 5.0, 1.73]),
        *([0.76 - 8.0 - 1.4992, 0.02, 1.73], [0.76 - 8.0 - 0.5008, -0.02, 1.73]),
    ]
    np.testing.assert_allclose(np.reshape(found[400_000], (5, 3)), expected, atol=2e-3)
    assert {problem[1] for problem in drive.quarantined} == {"no_ego_pose"}
    assert len(drive.quarantined) == 2  # the turn before the first pose ends, and the one after the last


def test_a_turn_lasts_as_long_as_its_files_say(tmp_path):
    folder = scanned(tmp_path, LEFT)
    for name, shift in (("start", -0.2), ("end", 0.2)):
        (folder / f"timestamps_{name}.txt").write_text("\n".join(stamp(i + 1 + shift) for i in range(12)) + "\n")
    found = points_of(only(tmp_path))
    # turns begin 0.02 s before a pose and last 0.04 s: seen from 0.01 s before it, told with the next
    np.testing.assert_allclose(found[400_000], [0.76 - 1.1, 5.0, 1.73], atol=2e-3)
    (folder / "timestamps_end.txt").write_text(stamp(0) + "\n")
    drive = only(tmp_path)
    assert drive.points is None
    assert drive.quarantined == (
        ("velodyne_points", "scans_unusable", f"{folder}: 12 turns begin, 1 end, 12 look ahead"),
    )


def test_scans_that_cannot_be_used_are_named_and_the_drive_goes_on(tmp_path):
    folder = scanned(tmp_path, AHEAD)
    (folder / "data" / f"{3:010d}.bin").write_bytes(b"12345")
    (folder / "data" / f"{5:010d}.bin").unlink()
    (folder / "data" / "9999999999.bin").write_bytes(b"")
    (folder / "data" / f"{7:010d}.bin").write_bytes(np.full(4, np.nan, "<f4").tobytes())
    drive = only(tmp_path)
    assert drive.points.num_rows == 8
    told = {Path(where).name: reason for where, reason, _ in drive.quarantined if reason != "no_ego_pose"}
    assert told == {
        **{f"{3:010d}.bin": "scan_unusable", f"{5:010d}": "scan_missing"},
        **{f"{7:010d}.bin": "no_points", "9999999999.bin": "no_time_stamp"},
    }


def test_scans_without_a_calibration_cost_only_themselves(tmp_path):
    folder = scanned(tmp_path, AHEAD)
    (folder.parents[1] / "calib_velo_to_cam.txt").unlink()
    drive = only(tmp_path)
    assert drive.points is None
    assert [problem[:2] for problem in drive.quarantined] == [("velodyne_points", "scans_unusable")]


def test_clips_hold_the_scans_and_another_scan_makes_other_clips(tmp_path):
    folder = scanned(tmp_path / "drives", AHEAD)

    def clips(name: str) -> Artifact:
        config = IngestConfig(layout="kitti-raw")
        return Artifact(run(ingest, {"drives": str(tmp_path / "drives")}, out=str(tmp_path / name), config=config))

    first = clips("one")
    assert first.manifest.counts["points"] == 11
    assert first.manifest.counts["quarantine"] == 1  # no pose after the last turn
    shutil.copy(folder / "data" / f"{3:010d}.bin", folder / "data" / f"{4:010d}.bin")
    assert clips("same").manifest.content_hash == first.manifest.content_hash
    (folder / "data" / f"{4:010d}.bin").write_bytes(np.array([*LEFT, 0.1], "<f4").tobytes())
    assert clips("other").manifest.content_hash != first.manifest.content_hash


def test_a_recorded_road_is_the_ground_of_its_rig(test_drives, tmp_path):
    shutil.copytree(test_drives / "kitti_raw_0013" / "raw", tmp_path / "raw", copy_function=shutil.copyfile)
    folder = tmp_path / "raw" / "velodyne_points"
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(tmp_path / "raw" / "image_02" / "timestamps.txt", folder / "timestamps.txt")
    grid = np.stack([*np.meshgrid(np.linspace(5, 25, 20), np.linspace(-4, 4, 9)), np.zeros((9, 20))], axis=-1).reshape(
        -1, 3
    )
    velo_from_rig = np.linalg.inv(read_calibrations(tmp_path / "raw").rig_from_velo)
    flat = np.column_stack([grid @ velo_from_rig[:3, :3].T + velo_from_rig[:3, 3], np.zeros(len(grid))])
    for number in range(144):
        (folder / "data" / f"{number:010d}.bin").write_bytes(flat.astype("<f4").tobytes())
    drive = only(tmp_path / "raw")
    scans = np.array(list(points_of(drive).values())).reshape(-1, len(grid), 3)
    assert len(scans) >= 142
    assert np.abs(scans[..., 2]).max() < 0.35  # it pitches by less than a degree in a tenth of a second
    assert np.median(np.abs(np.median(scans[..., 2], axis=1))) < 0.03
    assert np.median(grid[:, 0] - np.median(scans, axis=0)[:, 0]) == pytest.approx(1.2, abs=0.3)  # 11.7 m/s for 0.1 s


# -- Argoverse 2's files --------------------------------------------------------------------------------------------


def swept(root: Path, offsets_ns=(0, 60_000_000, 99_000_000), begins=(500_000_000,)) -> Path:
    """A log with sweeps of three points ahead; its folder of them."""
    folder = write_log(root) / "sensors" / "lidar"
    for begin in begins:
        xyz = {"x": np.float16([10, 20, 30]), "y": np.float16([0, 1, 2]), "z": np.float16([-0.25, 0, 0.25])}
        offsets = {"offset_ns": np.int32(offsets_ns)} if offsets_ns else {}
        write_table(xyz | offsets, folder / f"{T0_NS + begin}.feather")
    return folder


def swept_points(folder: Path):
    (recording,) = argoverse2.recordings(folder.parents[1])
    drive = recording.open()
    rows = drive.points.between(T0_NS // 1000, T0_NS // 1000 + EVERY).to_pylist()
    return drive, {int(row["t_us"] - T0_NS // 1000): row["xyz_m"] for row in rows}


def test_argoverses_sweeps_are_known_when_their_last_point_is(tmp_path):
    drive, found = swept_points(swept(tmp_path))
    # poses come each 0.02 s: the sweep of 0.5 s ends at 0.599 s and is told with the pose at 0.6 s, a metre on
    expected = [[9.0, 0.0, 0.08], [19.0, 1.0, 0.33], [29.0, 2.0, 0.58]]
    assert list(found) == [600_000]
    np.testing.assert_allclose(np.reshape(found[600_000], (3, 3)), expected, atol=2e-3)
    assert drive.quarantined == ()


def test_sweeps_without_offsets_last_a_turn_and_broken_ones_are_named(tmp_path):
    folder = swept(tmp_path, offsets_ns=(), begins=(500_000_000, 2_950_000_000))
    (folder / "readme.feather").write_bytes(b"no sweep")
    (folder / f"{T0_NS + 7}.feather").write_bytes(b"no sweep")
    write_table({"x": [1.0], "y": [0.0], "z": [0.0], "offset_ns": [-5_000_000]}, folder / f"{T0_NS + 9}.feather")
    drive, found = swept_points(folder)
    assert list(found) == [600_000]
    assert sorted(reason for _, reason, _ in drive.quarantined) == [
        "no_ego_pose",
        "no_time",
        "no_time",
        "scan_unusable",
    ]


def test_a_log_without_lidar_has_no_points(tmp_path):
    write_log(tmp_path)
    (recording,) = argoverse2.recordings(tmp_path)
    assert recording.open().points is None
