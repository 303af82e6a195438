"""The lane channel on small maps: lanes side by side, a junction whose lanes overlap, curves, and no map at all."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.artifacts import Artifact, write_artifact
from causeway.clips.surroundings.lane_places import candidates, joined, lane_lines, lane_places
from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.lane import lane_codes
from causeway.meta_actions.names import LANE, mirrored
from causeway.meta_actions.step import meta_actions_of


def lane(lane_id, xy, successors=(), kind="drive"):
    return {
        "lane_id": lane_id,
        "centre": np.asarray(xy, dtype=float).tolist(),
        "successors": list(successors),
        "kind": kind,
    }


def line(y_m, start_m=-50, end_m=400):
    return [[x, y_m] for x in np.arange(start_m, end_m + 1, 10)]


def arc(radius_m, turn_rad, x_m=0.0, y_m=0.0):
    angle = np.linspace(0, turn_rad, 20)
    return np.column_stack(
        [x_m + radius_m * np.sin(np.abs(angle)), y_m + np.sign(turn_rad) * radius_m * (1 - np.cos(angle))]
    )


def onwards(xy, metres):
    """A straight line that goes on where another one ends."""
    (x0, y0), (x1, y1) = np.asarray(xy)[-2:]
    unit = np.array([x1 - x0, y1 - y0]) / np.hypot(x1 - x0, y1 - y0)
    return np.array([x1, y1]) + unit * np.arange(0, metres + 1, 5)[:, None]


def along(xy, speed_mps=10.0, ticks=None):
    """(t_us, x_m, y_m, yaw_rad, speed_mps) of a car that drives exactly on a line."""
    xy = np.asarray(xy, dtype=float)
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    ticks = ticks or int(at[-1] / speed_mps * 10)
    place = np.arange(ticks) * speed_mps / 10
    x, y = (np.interp(place, at, xy[:, i]) for i in (0, 1))
    yaw = np.unwrap(np.arctan2(np.gradient(y), np.gradient(x)))
    return np.arange(ticks) * 100_000, x, y, yaw, np.full(ticks, speed_mps)


def found(rows, drive):
    """Names per tick, None off the map."""
    t_us, x, y, yaw, speed = drive
    places = lane_places(candidates(lane_lines(rows), x, y, yaw))
    codes = lane_codes(t_us, yaw, speed, places, DetectorConfig())
    return [None if code < 0 else LANE[code] for code in codes]


def names_of(names):
    return " ".join(str(name) for name, _ in groupby(names))


def flipped(rows, drive):
    t_us, x, y, yaw, speed = drive
    turned = [{**row, "centre": [[px, -py] for px, py in row["centre"]]} for row in rows]
    return turned, (t_us, x, -y, -yaw, speed)


def swerve(to_m, start_m=60.0, length_m=50.0, end_m=200.0):
    """A line that leaves y = 0 for y = to_m."""
    x = np.arange(0, end_m, 1.0)
    share = np.clip((x - start_m) / length_m, 0, 1)
    return np.column_stack([x, to_m * (1 - np.cos(np.pi * share)) / 2])


TWO_LANES = [lane("right", line(0)), lane("left", line(3.5))]
SIDES = pytest.mark.parametrize("mirror", [False, True])


def expected(names, mirror):
    return " ".join(mirrored(name) for name in names.split()) if mirror else names


def seen(rows, drive, mirror):
    """The lane actions one after another, of the drive or of its mirror image."""
    return names_of(found(*flipped(rows, drive) if mirror else (rows, drive)))


@SIDES
def test_lane_change(mirror):
    assert seen(TWO_LANES, along(swerve(3.5)), mirror) == expected("lane_keep lane_change_left lane_keep", mirror)


def test_a_lane_change_begins_and_ends_with_the_drift():
    names = found(TWO_LANES, along(swerve(3.5)))
    first, last = names.index("lane_change_left"), len(names) - names[::-1].index("lane_change_left")
    assert 58 <= first <= 66
    assert 104 <= last <= 112


@SIDES
def test_slight_shift_and_back(mirror):
    there_and_back = np.concatenate([swerve(1.0, end_m=130), swerve(-1.0, 20, 50, 120) + np.array([130, 1.0])])
    names = "lane_keep slight_shift_left lane_keep slight_shift_right lane_keep"
    assert seen([lane("only", line(0))], along(there_and_back), mirror) == expected(names, mirror)


def test_too_small_a_shift_is_keeping_the_lane():
    assert names_of(found([lane("only", line(0))], along(swerve(0.3)))) == "lane_keep"


def crossing():
    """A lane up to a junction, three overlapping lanes through it, one lane after each."""
    rows = [lane("in", line(0, -80, 0), ["ahead", "left", "right"])]
    for name, way in (("ahead", line(0, 0, 20)), ("left", arc(12, np.pi / 2)), ("right", arc(8, -np.pi / 2))):
        rows.append(lane(name, way, [f"{name}-out"], "junction"))
        rows.append(lane(f"{name}-out", onwards(way, 80)))
    return rows


def path_of(rows, *lane_ids):
    known = {row["lane_id"]: np.array(row["centre"]) for row in rows}
    return np.concatenate([known[i][(1 if n else 0) :] for n, i in enumerate(lane_ids)])


@SIDES
@pytest.mark.parametrize(
    ("way", "names"),
    [
        ("ahead", "lane_keep"),
        ("left", "lane_keep turn_left lane_keep"),
        ("right", "lane_keep turn_right lane_keep"),
    ],
)
def test_turns_at_a_junction_are_told_apart(way, names, mirror):
    rows = crossing()
    drive = along(path_of(rows, "in", way, f"{way}-out"), 6.0)
    assert seen(rows, drive, mirror) == expected(names, mirror)
    places = lane_places(candidates(lane_lines(rows), *drive[1:4]))
    assert {places.lane_ids[i] for i in places.lane} == {"in", way, f"{way}-out"}
    assert places.follows.all()


@SIDES
def test_following_a_curve(mirror):
    bend = np.concatenate([line(0, -60, 0), arc(35, 0.9)[1:], onwards(arc(35, 0.9), 60)[1:]])
    assert seen([lane("road", bend)], along(bend, 9.0), mirror) == expected(
        "lane_keep follow_curve_left lane_keep", mirror
    )


def test_off_the_map_there_is_no_name():
    names = found([lane("road", line(0, 0, 80))], along(np.array([[-60, 0], [140, 0]]), 10.0))
    assert names_of(names) == "None lane_keep None"
    assert names.count("lane_keep") == pytest.approx(80, abs=8)
    assert set(found(TWO_LANES, along(np.array([[0, 30], [100, 30]])))) == {None}
    assert set(found(TWO_LANES, along(np.array([[100, 0], [0, 0]])))) == {None}  # against the lanes
    assert set(found([], along(np.array([[0, 0], [100, 0]])))) == {None}
    assert set(found([lane("cycles", line(0), kind="bike")], along(np.array([[0, 0], [100, 0]])))) == {None}


def test_a_car_that_stands_keeps_its_lane():
    t_us, _x, _y, _yaw, speed = along(np.array([[0, 0.2], [100, 0.2]]))
    rng = np.random.default_rng(0)
    still = t_us, rng.normal(5, 0.03, 100), rng.normal(0.2, 0.03, 100), rng.normal(0, 0.01, 100), 0 * speed
    assert set(found(TWO_LANES, still)) == {"lane_keep"}


def test_one_odd_tick_changes_no_lane():
    _t_us, x, y, yaw, _speed = along(np.array([[0, 0], [150, 0]]))
    y[70] += 2.4
    places = lane_places(candidates(lane_lines(TWO_LANES), x, y, yaw))
    assert {places.lane_ids[i] for i in places.lane} == {"right"}


@given(st.floats(-3.0, 3.0), st.floats(-500, 500), st.integers(-(10**14), 10**14), st.floats(1.2, 3.5))
@settings(max_examples=15, deadline=None)
def test_frame_and_clock_do_not_matter(turn_rad, shift_m, shift_us, to_m):
    def moved(x, y):
        return np.cos(turn_rad) * x - np.sin(turn_rad) * y + shift_m, np.sin(turn_rad) * x + np.cos(
            turn_rad
        ) * y - shift_m

    t_us, x, y, yaw, speed = along(swerve(to_m))
    rows = [lane(row["lane_id"], np.column_stack(moved(*np.array(row["centre"]).T))) for row in TWO_LANES]
    there = found(rows, (t_us + shift_us, *moved(x, y), yaw + turn_rad, speed))
    here = found(TWO_LANES, (t_us, x, y, yaw, speed))
    assert np.mean([a == b for a, b in zip(here, there, strict=True)]) > 0.97  # an edge may round to the next tick


@pytest.mark.parametrize(("noise_m", "noise_rad", "share"), [(0.01, 0.001, 0.97), (0.03, 0.003, 0.95)])
def test_noise_within_bounds_changes_few_ticks(noise_m, noise_rad, share):
    t_us, x, y, yaw, speed = along(swerve(3.5, end_m=300))
    calm, alike = found(TWO_LANES, (t_us, x, y, yaw, speed)), []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        noisy = [v + rng.normal(0, s, v.shape) for v, s in ((x, noise_m), (y, noise_m), (yaw, noise_rad))]
        alike.append(np.mean([a == b for a, b in zip(calm, found(TWO_LANES, (t_us, *noisy, speed)), strict=True)]))
    assert np.mean(alike) >= share


def test_stretches_with_maps_of_their_own_are_one_sequence():
    _t_us, x, y, yaw, _speed = along(swerve(3.5))
    whole = lane_places(candidates(lane_lines(TWO_LANES), x, y, yaw))
    shifted = [lane(row["lane_id"], np.array(row["centre"]) - [100, 0]) for row in reversed(TWO_LANES)]
    parts = [
        candidates(lane_lines(TWO_LANES), x[:100], y[:100], yaw[:100]),
        candidates(lane_lines(shifted), x[100:] - 100, y[100:], yaw[100:]),
    ]
    places = lane_places(joined(parts))
    assert [places.lane_ids[i] for i in places.lane] == [whole.lane_ids[i] for i in whole.lane]
    assert places.offset_m == pytest.approx(whole.offset_m)


def test_rows_of_the_step_are_null_without_a_map(tmp_path):
    t_us, x, y, _, speed = along(swerve(3.5))
    clips, ego, lanes = [], [], []
    for clip_id in ("mapped", "bare"):
        row = {"clip_id": clip_id, "drive_id": clip_id, "start_us": 0, "end_us": int(t_us[-1]), "ticks": len(t_us)}
        clips.append(row | {"place": "", "origin_qw": 1.0} | dict.fromkeys(ORIGIN, 0.0))
        for i, at in enumerate(t_us.tolist()):
            tick = {"clip_id": clip_id, "t_us": at, "observed_us": at, "x_m": x[i], "y_m": y[i], "speed_mps": speed[i]}
            ego.append(tick | dict.fromkeys(STILL, 0.0) | {"qw": 1.0})
    lanes = [{**row, "clip_id": "mapped", "left": [], "right": []} for row in TWO_LANES]
    write_artifact("clips", {"clips": clips, "ego": ego, "lanes": lanes}, tmp_path / "clips")
    rows = meta_actions_of(Artifact.open(tmp_path / "clips")).to_pylist()
    assert {row["lane"] for row in rows if row["clip_id"] == "bare"} == {None}
    assert names_of(r["lane"] for r in rows if r["clip_id"] == "mapped") == "lane_keep lane_change_left lane_keep"


ORIGIN = ("origin_x_m", "origin_y_m", "origin_z_m", "origin_yaw_rad", "origin_qx", "origin_qy", "origin_qz")
STILL = ("z_m", "qx", "qy", "qz", "accel_mps2", "yaw_rate_radps", "curvature_per_m")
