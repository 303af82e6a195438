import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.geometry import from_frame
from causeway.model.observation import example_observation
from causeway.simulation.plans import PolicyFault, carried_on, check_trajectory, constant_velocity_trajectory

GOOD = constant_velocity_trajectory(example_observation(speed_mps=8.0))


def test_constant_velocity():
    assert GOOD.shape == (64, 3)
    np.testing.assert_allclose(GOOD[[0, 63]], [[0.8, 0, 0], [51.2, 0, 0]], rtol=1e-6)
    assert check_trajectory(GOOD, 8.0).dtype == np.float64


def broken(change):
    bad = GOOD.astype(np.float64).copy()
    return change(bad)


def _nan(a):
    a[5, 1] = np.nan
    return a


def _no_array(self, *_, **__):
    raise RuntimeError("this tensor needs a gradient")


def _jump(a):
    a[30:, 0] += 50.0
    return a


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (broken(_nan), "waypoint 5 holds NaN"),
        (broken(_jump), "waypoint 30 is 50.8 m"),
        (GOOD[:60], "shape [60, 3]"),
        (GOOD[None], "shape [1, 64, 3]"),
        (GOOD + np.float32([1000, 0, 0]), "rig frame at t0"),
        ("left, please", "not an array of numbers"),
        (type("OnAnotherDevice", (), {"__array__": _no_array})(), "not an array of numbers"),
        (None, "shape []"),
    ],
)
def test_what_cannot_be_followed_is_named(plan, said):
    with pytest.raises(PolicyFault, match="drive 7") as fault:
        check_trajectory(plan, 8.0, "drive 7")
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 20), st.floats(-3, 3), st.floats(-50, 50))
def test_a_carried_plan_is_the_same_path_in_the_world(ticks, yaw, x):
    then = np.array([x, 4.0, yaw])
    curved = GOOD.astype(np.float64)
    curved[:, 1] = 0.01 * curved[:, 0] ** 2
    now = from_frame(curved[ticks - 1], then)
    carried = from_frame(carried_on(curved, then, now, ticks), now)
    assert np.abs(carried[: 64 - ticks, :2] - from_frame(curved, then)[ticks:, :2]).max() < 1e-9


@pytest.mark.parametrize("ticks", [63, 64, 65, 100])
def test_a_plan_carried_on_past_its_end_goes_on_at_its_last_velocity(ticks):
    here = np.array([0.8 * ticks, 0.0, 0.0])
    carried = carried_on(GOOD, np.zeros(3), here, ticks)
    assert np.abs(carried - GOOD).max() < 1e-4
