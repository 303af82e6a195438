"""3D points of samples: the last scan up to t0, carried along with the vehicle, and nothing of a later one."""

import numpy as np
import pytest

from causeway.clips import to_frame
from causeway.training.sample_store import StoredSamples
from causeway.training.samples import load_samples
from tests.training.test_samples import TICK_US, build, circle, clip_tables, label

T0_US, TICK = 4_000_000, 40


def scan(tick: int, *xyz: float, clip_id: str = "d-000") -> dict:
    return {"clip_id": clip_id, "t_us": tick * TICK_US, "xyz_m": list(xyz)}


def points(tmp_path, scans: list[dict], t0_us: int = T0_US, **config) -> tuple[np.ndarray | None, StoredSamples]:
    samples = load_samples(build(tmp_path, [label(t0_us)], clip_tables(points=scans), **{"points": 8} | config))
    return samples[0].observation.points, samples


def test_points_of_an_earlier_scan_stand_still_while_the_vehicle_moves_on(tmp_path):
    found, samples = points(tmp_path, [scan(30, 1, 1, 1), scan(36, 10.0, 2.0, 0.5, 0.0, 0.0, 0.0), scan(41, 7, 7, 7)])
    poses = np.stack([circle(200)[name][[36, TICK]] for name in ("x_m", "y_m", "yaw_rad")], axis=-1)
    (x, y, yaw), cos, sin = poses[0], np.cos(poses[0, 2]), np.sin(poses[0, 2])
    there = [[x + cos * 10 - sin * 2, y + sin * 10 + cos * 2, yaw], [x, y, yaw]]
    expected = to_frame(np.array(there), poses[1])
    np.testing.assert_allclose(found, [[*expected[0, :2], 0.5], [*expected[1, :2], 0.0]], atol=1e-4)
    assert samples.each_points() == [2]


def test_a_scan_between_two_ticks_is_carried_from_between_their_poses(tmp_path):
    between = scan(36, 10.0, 2.0, 0.5) | {"t_us": 36 * TICK_US + TICK_US // 2}
    found, _ = points(tmp_path, [between])
    poses = np.stack([circle(200)[name][[36, 37, TICK]] for name in ("x_m", "y_m", "yaw_rad")], axis=-1)
    x, y, yaw = poses[:2].mean(axis=0)
    there = [x + np.cos(yaw) * 10 - np.sin(yaw) * 2, y + np.sin(yaw) * 10 + np.cos(yaw) * 2, yaw]
    assert found.shape == (1, 3)
    assert np.allclose(found, [[*to_frame(np.array([there]), poses[2])[0, :2], 0.5]], atol=1e-4)


def test_what_a_later_scan_saw_changes_nothing(tmp_path):
    before = scan(38, 4.0, 0.0, 0.0)
    one, _ = points(tmp_path, [before, scan(41, 7, 7, 7)])
    two, _ = points(tmp_path, [before, scan(41, 1, 2, 3), scan(45, 9, 9, 9)])
    assert np.array_equal(one, two)


def test_a_scan_of_t0_is_as_it_was_and_thinned_evenly(tmp_path):
    cloud = np.arange(30.0).reshape(10, 3)
    found, _ = points(tmp_path, [scan(TICK, *cloud.ravel())], points=4)
    assert found.shape == (4, 3)
    assert np.allclose(found, cloud[::3], atol=1e-5)


@pytest.mark.parametrize(
    ("scans", "config"),
    [([], {}), ([scan(28, 1, 1, 1)], {}), ([scan(TICK, 1, 1, 1)], {"points": 0})],
    ids=["no scan", "too old", "not asked for"],
)
def test_no_points_are_none_and_not_an_empty_list(tmp_path, scans, config):
    found, samples = points(tmp_path, scans, **config)
    assert found is None
    assert samples.each_points() == [0]


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [1.0, 2.0, float("nan")]])
def test_a_scan_that_is_no_list_of_points_is_quarantined(tmp_path, wrong):
    samples = build(tmp_path, [label(T0_US)], clip_tables(points=[scan(TICK, *wrong)]), points=4)
    (row,) = samples.table("quarantine").to_pylist()
    assert "no list of x, y, z" in row["detail"]


def test_the_name_of_the_rig_comes_from_its_clip(tmp_path):
    tables = clip_tables()
    for row in tables["clips"]:
        row["vehicle_id"] = "sedan, blue"
    named = load_samples(build(tmp_path, [label(T0_US)], tables))
    assert named.rigs() == ("sedan, blue",)
    assert named[0].observation.rig_id == "sedan, blue"
    plain = load_samples(build(tmp_path, [label(T0_US)]))
    assert (plain.rigs(), plain[0].observation.rig_id) == ((), "")
