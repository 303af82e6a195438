import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from causeway.clips.types import EgoMotion
from causeway.quality.facts import label_facts, motion_facts, rig_plausible, sample_facts
from causeway.quality.picture_facts import picture_shares


def driving(speed=10.0, n=50, yaw=0.0, course=0.0, told=None):
    t = np.arange(n) * 100_000
    along = speed * t * 1e-6
    zero = np.zeros(n)
    values = {"z_m": zero, "accel_mps2": zero, "yaw_rate_radps": zero, "curvature_per_m": zero}
    return EgoMotion(
        t_us=t,
        x_m=along * np.cos(course),
        y_m=along * np.sin(course),
        yaw_rad=np.full(n, yaw),
        speed_mps=np.full(n, speed if told is None else told),
        observed_us=t + 20_000,
        clip_id=np.array(["c"] * n, dtype=object),
        **values,
    )


def test_a_plain_drive():
    facts = motion_facts(driving())
    assert facts["time_increases"]
    assert facts["pose_gap_s"] == pytest.approx(0.02)
    assert (facts["fastest_mps"], facts["slowest_mps"]) == (10, 10)
    assert facts["speed_vs_path"] == pytest.approx(0, abs=1e-9)
    assert facts["yaw_vs_course_rad"] == pytest.approx(0, abs=1e-9)


@given(st.floats(-3, 3))
def test_turned_axes_show_whatever_the_course(course):
    facts = motion_facts(driving(course=course, yaw=course + np.pi / 2))
    assert facts["yaw_vs_course_rad"] == pytest.approx(np.pi / 2)


def test_reversing_is_no_contradiction():
    assert motion_facts(driving(course=np.pi, told=-10.0))["yaw_vs_course_rad"] == pytest.approx(0, abs=1e-9)


def test_speed_in_kilometres_per_hour_shows():
    assert motion_facts(driving(told=36.0))["speed_vs_path"] == pytest.approx(2.6)


def test_standing_has_no_course_and_time_must_increase():
    assert motion_facts(driving(speed=0.0))["yaw_vs_course_rad"] is None
    ego = driving()
    ego.t_us[3] = ego.t_us[2]
    assert not motion_facts(ego)["time_increases"]


def rig(**changes):
    pose = np.array([[0, 0, 1, 1.5], [-1, 0, 0, 0], [0, -1, 0, 1.4], [0, 0, 0, 1.0]]).ravel().tolist()
    return {"fx": 500.0, "fy": 500.0, "cx": 320.0, "cy": 180.0, "rig_from_camera": pose} | changes


@pytest.mark.parametrize(
    ("changes", "plausible"),
    [
        ({}, True),
        ({"fx": 0.5}, False),
        ({"fx": float("nan")}, False),
        ({"cx": 5000.0}, False),
        ({"rig_from_camera": []}, False),
        ({"rig_from_camera": np.eye(4).ravel().tolist()}, False),  # on the road itself
        ({"rig_from_camera": np.diag([2, 2, 2, 1.0]).ravel().tolist()}, False),
    ],
)
def test_rigs(changes, plausible):
    assert rig_plausible(rig(**changes), 640, 360) is plausible


def jpeg(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG")
    return buffer.getvalue()


def test_black_and_frozen_pictures(rng):
    busy = [rng.integers(0, 255, (64, 96, 3), dtype=np.uint8) for _ in range(4)]
    pictures = [jpeg(p) for p in (busy[0], busy[1], busy[1], busy[2], np.zeros((64, 96, 3), np.uint8))]
    frames = pa.table({"camera": ["f"] * 5, "t_us": np.arange(5) * 100_000, "image": pictures})
    shares = picture_shares(frames, driving())
    assert shares == {"black_share": 0.2, "frozen_share": 0.25}
    assert picture_shares(frames, driving(speed=0.0)) == {"black_share": 0.2, "frozen_share": None}
    assert picture_shares(frames.slice(0, 0), driving())["black_share"] is None


def test_labels_from_the_future_and_without_cause_show():
    seen = {"observed_from_us": 50, "observed_to_us": 90}
    late = {"observed_from_us": 50, "observed_to_us": 101}
    rows = [{"components": [seen]}, {"components": [seen, late]}, {"components": []}]
    rows = [{"t0_us": 100, "status": "accepted", "reasons": [], **row} for row in rows]
    facts = label_facts(pa.Table.from_pylist(rows))
    assert facts.column("observed_before_t0").to_pylist() == [True, False, True]
    assert facts.column("accepted_has_cause").to_pylist() == [True, True, False]


def test_a_clip_in_two_splits_shows():
    table = pa.table({"clip_id": ["a", "a", "b"], "split": ["train", "val", "val"]})
    assert sample_facts(table).column("clip_in_one_split").to_pylist() == [False, False, True]
