"""Rewards against recorded agents: exact values, more danger never better, bounded, finite, invariant to rigid motion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causeway.errors import UnusableInput
from causeway.model.surroundings import Footprint
from causeway.training.collision_reward import (
    clearance,
    close_encounter,
    collision,
    contacts,
    grown,
    time_to_collision,
    untouched,
)
from causeway.training.footprints import gap_m, overlaps, touch_s
from tests.training.examples import agent_at, beside, moved, straight

FEW = settings(max_examples=40, deadline=None)
PATHS = arrays(np.float64, (64, 3), elements=st.floats(-50, 50))
ANY = arrays(np.float64, (64, 3), elements=st.floats(allow_nan=False, allow_infinity=False))
MOTIONS = st.tuples(st.floats(-3, 3), st.tuples(st.floats(-100, 100), st.floats(-100, 100)))

# --- collision ----------------------------------------------------------------------------------------------------


CAR, THERE = np.array([[4.0, 2.0]]), np.ones((1, 64), dtype=bool)


def test_collision_with_a_car_in_the_path_and_beside_it():
    path = straight(5.0)
    assert collision(path, agent_at(20, 0), CAR, THERE) == -1.0
    assert collision(path, agent_at(20, 3), CAR, THERE) == 0.0
    assert collision(path, agent_at(20, 0), CAR, ~THERE) == 0.0  # not recorded: not there
    both = np.stack([agent_at(20, 3), agent_at(20, 0)])
    assert collision(np.stack([path, path]), both, CAR, THERE) == pytest.approx([0.0, -1.0])


def test_collision_knows_turned_boxes_and_the_rear_axle():
    standing = np.zeros((64, 3))
    own = Footprint(length_m=4.0, width_m=2.0, rear_axle_to_centre_m=1.0)  # from −1 to 3 m, ±1 m
    assert collision(standing, agent_at(5.1, 0), CAR, THERE, own) == 0.0
    assert collision(standing, agent_at(4.9, 0), CAR, THERE, own) == -1.0
    assert collision(standing, agent_at(4.1, 0, np.pi / 2), CAR, THERE, own) == 0.0  # crosswise: 2 m deep
    assert collision(standing, agent_at(3.9, 0, np.pi / 2), CAR, THERE, own) == -1.0


def test_collision_ignores_what_stands_where_no_agent_was_recorded():
    agents = np.concatenate([agent_at(20, 3), np.full((1, 64, 3), np.nan)])
    present = np.stack([np.ones(64, bool), np.zeros(64, bool)])
    assert collision(straight(5.0), agents, np.tile(CAR, (2, 1)), present) == 0.0


BOXES = st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(-4, 4), st.floats(0.1, 6), st.floats(0.1, 3))


@FEW
@given(BOXES, BOXES, st.floats(1, 3))
def test_overlap_is_mutual_and_never_undone_by_a_larger_box(one, two, larger):
    one, two = np.array(one), np.array(two)
    assert overlaps(one, two) == overlaps(two, one)
    grown = two * [1, 1, 1, larger, larger]
    assert overlaps(one, grown) >= overlaps(one, two)


@FEW
@given(PATHS, BOXES, BOXES)
def test_collision_never_rises_with_another_agent(predicted, one, two):
    agents = np.stack([np.tile(np.array(box)[:3], (64, 1)) for box in (one, two)])
    sizes, present = np.array([one[3:], two[3:]]), np.ones((2, 64), bool)
    alone = collision(predicted, agents[:1], sizes[:1], present[:1])
    assert -1.0 <= collision(predicted, agents, sizes, present) <= alone <= 0.0


@FEW
@given(ANY, ANY)
def test_collision_is_finite_for_any_finite_input(predicted, agent):
    assert collision(predicted, agent[None], CAR, THERE) in (-1.0, 0.0)


@FEW
@given(st.floats(-8, 8), st.floats(-3, 3), MOTIONS)
def test_collision_depends_on_relative_geometry_only(x_m, y_m, motion):
    path, agents = straight(5.0), agent_at(20 + x_m, y_m)
    gap = abs(abs(y_m) - 1.95)
    if gap > 1e-6 and abs(20 + x_m - 2.0 - straight(5.0)[-1, 0] - 3.75) > 1e-6:
        assert collision(moved(path, *motion), moved(agents, *motion), CAR, THERE) == collision(
            path, agents, CAR, THERE
        )


def driving(x_m: float, y_m: float, speed_mps: float, yaw_rad: float = 0.0) -> np.ndarray:
    """One agent that drives straight on for 64 ticks, at (x, y) at the first of them."""
    along = np.arange(64) * 0.1 * speed_mps
    ahead = np.stack([along * np.cos(yaw_rad), along * np.sin(yaw_rad), np.zeros(64)], axis=-1)
    return (np.array([x_m, y_m, yaw_rad]) + ahead)[None]


def test_a_hit_from_behind_is_not_ours_unless_we_back_up():
    standing, faster = np.zeros((64, 3)), driving(-20.0, 0.0, 10.0)
    assert collision(standing, faster, CAR, THERE) == 0.0
    backing = straight(-3.0, floor_mps=-3.0)
    assert collision(backing, agent_at(-8, 0), CAR, THERE) == -1.0
    assert collision(standing, driving(1.4, -15.0, 6.0, np.pi / 2), CAR, THERE) == -1.0  # from the side it is


def test_who_is_hit_ahead_and_then_slides_behind_is_ours():
    assert collision(straight(10.0), agent_at(15, 0), CAR, THERE) == -1.0


def test_an_agent_that_the_record_touches_is_left_out_alone():
    record, agents = straight(5.0), np.concatenate([agent_at(20, 0.5), agent_at(20, 4)])
    sizes, there = np.tile(CAR, (2, 1)), np.ones((2, 64), bool)
    kept = untouched(record, agents, sizes, there)
    assert kept.any(axis=-1).tolist() == [False, True]
    assert collision(record, agents, sizes, there) == -1.0
    assert collision(record, agents, sizes, kept) == 0.0


@pytest.mark.parametrize("reward", [collision, time_to_collision, clearance])
def test_what_does_not_fit_is_refused(reward):
    path = straight(5.0)
    with pytest.raises(UnusableInput, match="negative"):
        reward(path, agent_at(20, 0), -CAR, THERE)
    with pytest.raises(UnusableInput, match="do not fit"):
        reward(path, agent_at(20, 0)[:, :10], CAR, THERE[:, :10])
    with pytest.raises(UnusableInput, match="one flag for each pose"):
        reward(path, agent_at(20, 0), CAR, THERE[:, :10])
    with pytest.raises(UnusableInput, match="agents holds nan"):
        reward(path, np.full((1, 64, 3), np.nan), CAR, THERE)


def test_nobody_around_is_no_danger():
    none = (np.zeros((0, 64, 3)), np.zeros((0, 2)), np.zeros((0, 64), bool))
    assert collision(straight(5.0), *none) == 0.0
    assert time_to_collision(np.stack([straight(5.0)] * 2), *none) == pytest.approx([0.0, 0.0])
    assert clearance(straight(5.0), *none) == 0.0


# --- time to collision --------------------------------------------------------------------------------------------


def test_time_to_collision_is_the_gap_over_the_closing_speed():
    own = Footprint(length_m=4.0, width_m=2.0, rear_axle_to_centre_m=0.0)
    first = straight(10.0)[:1]
    path = np.concatenate([first, beside(first, 0.0, 1.0)])  # two ticks at 10 m/s
    there, gap_m = np.ones((1, 2), bool), 20.0
    standing = agent_at(2.0 + gap_m + 4.0, 0)[:, :2]  # 20 m from our front at the second tick, 21 m at the first
    assert time_to_collision(path, standing, CAR, there, own) == pytest.approx(gap_m / 10 / 3 - 1)
    ahead = driving(26.0, 0.0, 5.0)[:, :2]  # closing by half a metre a tick
    assert time_to_collision(path, ahead, CAR, there, own) == 0.0  # 4.1 s: farther than we look
    assert time_to_collision(path, driving(16.0, 0.0, 5.0)[:, :2], CAR, there, own) == pytest.approx(10.5 / 5 / 3 - 1)


def test_time_to_collision_counts_who_crosses_and_not_who_follows_or_passes():
    path = straight(10.0)
    assert time_to_collision(path, driving(-12.0, 0.0, 14.0), CAR, THERE) == 0.0
    assert time_to_collision(path, driving(60.0, 3.0, -10.0), CAR, THERE) == 0.0
    assert time_to_collision(path, driving(30.0, -20.0, 8.0, np.pi / 2), CAR, THERE) < -0.5
    assert time_to_collision(path, agent_at(30, 0), CAR, THERE) == -1.0  # it is hit in the end


@FEW
@given(st.floats(12, 60), st.floats(0, 20), st.floats(1, 14), st.floats(0, 6))
def test_time_to_collision_never_falls_with_a_larger_gap(x_m, farther_m, speed, theirs):
    path = straight(speed)[:20]
    there = np.ones((1, 20), bool)
    near, far = (time_to_collision(path, driving(x, 0.0, theirs)[:, :20], CAR, there) for x in (x_m, x_m + farther_m))
    assert far >= near - 1e-9


@FEW
@given(PATHS, BOXES, BOXES)
def test_time_to_collision_never_rises_with_another_agent(predicted, one, two):
    agents = np.stack([np.tile(np.array(box)[:3], (64, 1)) for box in (one, two)])
    sizes, present = np.array([one[3:], two[3:]]), np.ones((2, 64), bool)
    alone = time_to_collision(predicted, agents[:1], sizes[:1], present[:1])
    assert -1.0 <= time_to_collision(predicted, agents, sizes, present) <= alone <= 0.0


@FEW
@given(PATHS, BOXES)
def test_a_collision_is_no_time_to_collision_at_all(predicted, box):
    agent, size = np.tile(np.array(box)[:3], (1, 64, 1)), np.array([box[3:]])
    if collision(predicted, agent, size, THERE) < 0:
        assert time_to_collision(predicted, agent, size, THERE) == -1.0


@FEW
@given(ANY, ANY)
def test_time_to_collision_is_bounded_and_finite(predicted, agent):
    assert -1.0 <= time_to_collision(predicted, agent[None], CAR, THERE) <= 0.0


@FEW
@given(st.floats(-8, 8), st.floats(-3, 3), st.floats(-5, 5), MOTIONS)
def test_time_to_collision_depends_on_relative_geometry_only(x_m, y_m, speed, motion):
    path, agents = straight(5.0), driving(30 + x_m, y_m, speed)
    if abs(abs(y_m) - 1.95) > 1e-6:
        there = time_to_collision(moved(path, *motion), moved(agents, *motion), CAR, THERE)
        assert there == pytest.approx(time_to_collision(path, agents, CAR, THERE), abs=1e-6)


@FEW
@given(BOXES, BOXES, st.tuples(st.floats(-20, 20), st.floats(-20, 20)))
def test_boxes_touch_when_it_is_time(one, two, velocity):
    one, two, velocity = np.array(one), np.array(two), np.array(velocity)
    seconds = float(touch_s(one, two, velocity))
    assert (seconds == 0.0) == bool(overlaps(one, two))
    if 1e-3 < seconds < 100:
        at = lambda t: two + np.array([*velocity * t, 0, 0, 0])  # noqa: E731
        slack = np.array([0, 0, 0, 1e-6, 1e-6])
        assert overlaps(one + slack, at(seconds) + slack)
        assert not overlaps(one - slack, at(seconds * (1 - 1e-3)) - slack)


# --- clearance ----------------------------------------------------------------------------------------------------


def test_clearance_is_how_much_of_half_a_metre_is_kept():
    path = straight(5.0)
    beside_m = {0.6: 0.0, 0.5: 0.0, 0.4: -0.2, 0.1: -0.8, 0.0: -1.0, -1.0: -1.0}
    for gap, worth in beside_m.items():
        assert clearance(path, agent_at(20, 1.95 + gap), CAR, THERE) == pytest.approx(worth, abs=1e-9)
    both = np.concatenate([agent_at(20, 1.95 + 0.4), agent_at(10, -1.95 - 0.1)])
    assert clearance(path, both, np.tile(CAR, (2, 1)), np.tile(THERE, (2, 1))) == pytest.approx(-0.8)  # of the nearest
    assert clearance(path, agent_at(20, 2.05), CAR, ~THERE) == 0.0
    front_m = Footprint().rear_axle_to_centre_m + Footprint().length_m / 2
    assert clearance(np.zeros((64, 3)), agent_at(front_m + 0.4 + 2.0, 0), CAR, THERE) == pytest.approx(-0.2)


def test_who_comes_near_from_behind_costs_no_clearance_and_is_no_close_encounter():
    standing, small = np.zeros((64, 3)), np.array([[0.5, 0.5]])
    bumper_m = Footprint().rear_axle_to_centre_m - Footprint().length_m / 2
    near = driving(bumper_m - 0.25 - 0.55, 0.0, 3.0)  # within the margin before it touches, its middle behind the bumper
    for agent, size in ((near, small), (driving(-20.0, 0.0, 10.0), CAR)):
        assert (collision(standing, agent, size, THERE), clearance(standing, agent, size, THERE)) == (0.0, 0.0)
        assert not close_encounter(standing, beside(standing, 20.0), agent, size, THERE)


def test_who_came_from_behind_and_is_then_swerved_into_is_ours():
    path, passing = straight(5.0), driving(-12.0, 1.95 + 0.45, 8.0)
    assert clearance(path, passing, CAR, THERE) == 0.0
    path[40:50, 1] += 0.46
    assert (collision(path, passing, CAR, THERE), clearance(path, passing, CAR, THERE)) == (-1.0, -1.0)


@FEW
@given(st.floats(-12, 12), st.floats(0, 3), st.floats(0, 2))
def test_clearance_never_falls_with_a_wider_berth(x_m, y_m, wider_m):
    path = straight(5.0)
    near, far = (clearance(path, agent_at(20 + x_m, y), CAR, THERE) for y in (y_m, y_m + wider_m))
    assert -1.0 <= near <= far + 1e-9 <= 1e-9


@FEW
@given(PATHS, BOXES)
def test_clearance_is_worst_where_there_is_a_collision_and_free_where_nobody_is_close(predicted, box):
    agent, size = np.tile(np.array(box)[:3], (1, 64, 1)), np.array([box[3:]])
    kept = clearance(predicted, agent, size, THERE)
    touched, near = (collision(predicted, agent, size, THERE, own) < 0 for own in (None, grown(Footprint())))
    assert not touched or kept == -1.0
    assert touched or near or kept == 0.0


@FEW
@given(ANY, ANY)
def test_clearance_is_bounded_and_finite(predicted, agent):
    assert -1.0 <= clearance(predicted, agent[None], CAR, THERE) <= 0.0


@FEW
@given(st.floats(-8, 8), st.floats(-3, 3), MOTIONS)
def test_clearance_depends_on_relative_geometry_only(x_m, y_m, motion):
    path, agents = straight(5.0), agent_at(20 + x_m, y_m)
    if abs(abs(y_m) - 1.95) > 1e-6 and abs(abs(y_m) - 2.45) > 1e-6 and abs(x_m - 13.4) > 1e-3:
        there = clearance(moved(path, *motion), moved(agents, *motion), CAR, THERE)
        assert there == pytest.approx(clearance(path, agents, CAR, THERE), abs=1e-6)


@FEW
@given(BOXES, BOXES)
def test_boxes_are_apart_where_they_do_not_touch(one, two):
    one, two = np.array(one), np.array(two)
    assert (gap_m(one, two) > 0) == (not overlaps(one, two))
    assert gap_m(one, two) == pytest.approx(gap_m(two, one))


# --- close encounters ---------------------------------------------------------------------------------------------


def test_a_close_encounter_is_nearer_than_the_margin_and_nearer_than_the_record():
    path = straight(5.0)
    agents = {gap: agent_at(20, 1.95 + gap) for gap in (0.4, 0.6)}
    record = beside(path, -1.0)
    assert close_encounter(path, record, agents[0.4], CAR, THERE)
    assert not close_encounter(path, record, agents[0.6], CAR, THERE)
    assert not close_encounter(path, path, agents[0.4], CAR, THERE)  # the record came as near
    assert close_encounter(beside(path, 0.5), path, agents[0.4], CAR, THERE)  # but did not touch
    assert not close_encounter(path, path, agent_at(20, 0), CAR, THERE)
    both = close_encounter(np.stack([path, record]), np.stack([record, record]), agents[0.4], CAR, THERE)
    assert both.tolist() == [True, False]


@FEW
@given(arrays(np.float64, (2, 64, 3), elements=st.floats(-12, 12)), arrays(np.float64, (3, 64, 3), elements=st.floats(-12, 12)))
def test_contacts_are_collision_and_close_encounter_in_one(paths, agents):
    record, path = paths
    sizes, there = np.tile(CAR, (3, 1)), np.ones((3, 64), dtype=bool)
    touched, close = contacts(path, record, agents, sizes, there)
    wide = grown(Footprint())
    apart = untouched(record, agents, sizes, there, wide)
    assert touched == (collision(path, agents, sizes, untouched(record, agents, sizes, there)) < 0)
    assert close or not (touched or clearance(path, agents, sizes, apart) < 0)
    assert not close or touched or collision(path, agents, sizes, apart, wide) < 0


@FEW
@given(st.floats(-4, 4), st.floats(0, 1))
def test_a_wider_margin_never_has_fewer_close_encounters(y_m, wider_m):
    path, record = straight(5.0), beside(straight(5.0), 20.0)
    narrow, wide = (close_encounter(path, record, agent_at(20, y_m), CAR, THERE, None, m) for m in (0.5, 0.5 + wider_m))
    assert wide >= narrow
