import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.quality.facts.motion import motion_facts
from tests.quality.planted import ego_rows, table


def facts(rows):
    return motion_facts(table("clips", "ego", rows))


def test_a_plain_drive():
    found = facts(ego_rows(speed=10.0))
    assert found["has_ticks"]
    assert found["finite"]
    assert found["time_increases"]
    assert (found["fastest_mps"], found["slowest_mps"]) == (10, 10)
    for name in ("tick_error_s", "pose_gap_s", "rotation_error", "accel_max_mps2", "climb_share", "accel_vs_speed_mps"):
        assert found[name] == pytest.approx(0, abs=1e-9), name
    for name in ("speed_vs_path", "speed_vs_derived_mps", "yaw_vs_course_rad", "pose_jump_m"):
        assert found[name] == pytest.approx(0, abs=1e-9), name
    assert found["standing_jitter_m"] is None
    assert found["speed_source"] == "measured"


@given(st.floats(-3, 3))
def test_turned_axes_show_whatever_the_course(course):
    assert facts(ego_rows(course=course, yaw=course + np.pi / 2))["yaw_vs_course_rad"] == pytest.approx(np.pi / 2)


def test_reversing_is_no_contradiction():
    found = facts(ego_rows(course=np.pi, told=-8.0))
    assert found["yaw_vs_course_rad"] == pytest.approx(0, abs=1e-9)
    assert found["speed_vs_path"] == pytest.approx(0, abs=1e-9)
    assert found["slowest_mps"] == -8


def test_speed_in_kilometres_per_hour_shows():
    found = facts(ego_rows(speed=10.0, told=36.0))
    assert found["speed_vs_path"] == pytest.approx(2.6)
    assert found["speed_vs_derived_mps"] == pytest.approx(26.0)


def test_speed_that_hangs_for_a_second_shows_though_the_whole_way_agrees():
    rows = ego_rows(speed=10.0)
    for row in rows[20:30]:
        row["speed_mps"] = 4.0
    found = facts(rows)
    assert found["speed_vs_path"] == pytest.approx(6.0 / 59.0)
    assert found["speed_vs_derived_mps"] == pytest.approx(6.0)


def test_a_jump_of_the_pose_shows_its_length():
    rows = ego_rows(speed=10.0)
    for row in rows[30:]:
        row["x_m"] += 3.0
    assert facts(rows)["pose_jump_m"] == pytest.approx(3.0)


def test_acceleration_in_g_does_not_add_up_to_the_change_of_speed():
    rows = ego_rows(speed=0.0)
    for tick, row in enumerate(rows):
        row |= {"speed_mps": 0.2 * tick, "x_m": 0.01 * tick * tick, "accel_mps2": 2.0 / 9.81}
    assert facts(rows)["accel_vs_speed_mps"] == pytest.approx(59 * 0.2 * (1 - 1 / 9.81))
    for row in rows:
        row["accel_mps2"] = 2.0
    assert facts(rows)["accel_vs_speed_mps"] == pytest.approx(0, abs=1e-9)


def test_standing_has_no_course_and_its_noise_shows():
    rows = ego_rows(speed=0.0)
    still = facts(rows)
    assert still["yaw_vs_course_rad"] is None
    assert still["standing_jitter_m"] == 0
    assert still["speed_vs_path"] == 0
    for tick, row in enumerate(rows):
        row["x_m"] = 0.5 * (-1) ** tick
    assert facts(rows)["standing_jitter_m"] == pytest.approx(0.5)


def test_a_climb_as_steep_as_its_way_shows():
    rows = ego_rows(speed=10.0)
    for row in rows:
        row["z_m"] = row["x_m"]
    assert facts(rows)["climb_share"] == pytest.approx(1.0)


def test_what_is_broken_is_told_and_nothing_is_computed_from_it():
    rows = ego_rows()
    rows[3]["y_m"] = float("nan")
    found = facts(rows)
    assert (found["finite"], found["not_finite"]) == (False, "y_m")
    assert "fastest_mps" not in found
    rows = ego_rows()
    rows[3]["t_us"] = rows[2]["t_us"]
    found = facts(rows)
    assert (found["finite"], found["time_increases"]) == (True, False)
    assert found["tick_error_s"] == pytest.approx(0.1)
    assert facts(ego_rows()[:1])["has_ticks"] is False
    assert facts([])["has_ticks"] is False


@settings(max_examples=40, deadline=None)
@given(st.floats(0.0, 40.0), st.floats(-3.0, 3.0), st.integers(2, 80))
def test_no_steady_drive_contradicts_itself(speed, course, ticks):
    found = facts(ego_rows(speed=speed, course=course, yaw=course, ticks=ticks))
    assert found["speed_vs_path"] == pytest.approx(0, abs=1e-6)
    assert found["pose_jump_m"] == pytest.approx(0, abs=1e-6)
    assert found["yaw_vs_course_rad"] in (None, pytest.approx(0, abs=1e-6))
    assert found["speed_vs_derived_mps"] in (None, pytest.approx(0, abs=1e-6))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_facts_do_not_depend_on_when_the_clip_was(shift_s):
    rows = ego_rows(speed=7.0)
    later = [
        r | {"t_us": r["t_us"] + shift_s * 1_000_000, "observed_us": r["observed_us"] + shift_s * 1_000_000}
        for r in rows
    ]
    assert facts(later) == facts(rows)
