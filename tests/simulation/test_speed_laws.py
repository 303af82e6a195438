"""The laws behind the cues, and the plan in which the smallest wish wins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.simulation.expert.cues import following, keeping, standing
from causeway.simulation.expert.speed_laws import equilibrium_gap_m, follow, keep, roll_out
from causeway.simulation.scene import Driver

DRIVER = Driver(12.0, brake_mps2=2.0)


def test_nothing_asks_and_the_set_speed_is_kept():
    stations, cue, wanted = roll_out(5.0, 12.0, 0.0, DRIVER, [])
    assert (cue, wanted) == (None, 0.0)
    np.testing.assert_allclose(stations, 5.0 + 1.2 * np.arange(1, 65))


def test_the_smallest_wish_wins():
    far, near = standing("light", "far", 90.0), standing("light", "near", 60.0)
    bump = keeping("bump", "bump", 80.0, 85.0, 4.0)
    _, cue, wanted = roll_out(20.0, 12.0, 0.0, DRIVER, [far, near, bump])
    assert cue is near
    assert wanted < 0.0
    assert roll_out(20.0, 12.0, 0.0, DRIVER, [far])[1] is None


def test_a_plan_stands_at_its_line_and_stays():
    stations, _, _ = roll_out(0.0, 8.0, 0.0, DRIVER, [standing("stop_sign", "sign", 24.0)])
    assert 23.0 < stations[-1] <= 24.1
    assert (np.diff(stations) >= 0.0).all()


def test_a_plan_stands_behind_a_leader_that_brakes_to_a_stand():
    leader = following("lead", "car", 20.0, 8.0, -2.0)
    stations, cue, _ = roll_out(0.0, 8.0, 0.0, DRIVER, [leader])
    assert cue is leader
    assert stations[-1] < 20.0 + 16.0 - 1.5


def test_a_kept_speed_is_reached_where_it_begins_and_forgotten_where_it_ends():
    stations, _, _ = roll_out(0.0, 9.0, 0.0, DRIVER, [keeping("curve", "ego", 22.0, 40.0, 5.0)])
    speeds = np.diff(stations, prepend=0.0) / 0.1
    inside = (stations > 22.5) & (stations < 39.0)
    assert inside.any()
    assert speeds[inside].max() < 5.6
    assert keep(-5.0, -0.1, 9.0, 5.0, 2.0) > 50.0


@settings(max_examples=40, deadline=None)
@given(st.floats(3.0, 20.0), st.floats(1.0, 2.5))
def test_the_gap_of_equilibrium_asks_for_nothing(speed, headway):
    gap = equilibrium_gap_m(speed, headway)
    assert follow(speed, gap, speed, headway) == pytest.approx(0.0, abs=1e-9)
    assert follow(speed, gap - 1.0, speed, headway) < 0.0
    assert follow(speed, gap, speed - 1.0, headway) < 0.0


@settings(max_examples=40, deadline=None)
@given(st.floats(4.0, 15.0), st.floats(0.0, 60.0))
def test_a_plan_keeps_the_comfort_bounds_where_there_is_room(speed, spare):
    at_m = speed**2 / 2.4 + 8.0 + spare
    stations, _, _ = roll_out(0.0, speed, 0.0, Driver(speed, brake_mps2=2.0), [standing("light", "x", at_m)])
    speeds = np.diff(stations, prepend=0.0) / 0.1
    accel = np.diff(speeds[speeds > 0.5], prepend=speed) / 0.1  # below, what is left is a matter of centimetres
    assert accel.min() > -4.05
    assert np.abs(np.diff(accel)).max() < 0.413
