"""Gaps, things in the way and shifts: what decides about movements sideways."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.simulation.expert.gaps import Others, Passage, Room, blocker, gains, is_safe, room, seconds_to
from causeway.simulation.expert.met import met_offsets
from causeway.simulation.expert.mind import Mind, Sight
from causeway.simulation.expert.shifts import LANE_CHANGE, Shift, lane_offset, offset_at
from causeway.simulation.expert.things import Thing
from causeway.simulation.roads.path_kernel import stations_driven
from causeway.simulation.vehicle import EGO, EgoState
from tests.simulation.driving import expert_drive

NOBODY = Room(-1, 1e6, 0.0, -1, 1e6, 0.0)
BACK_M = EGO.rear_axle_to_centre_m


def others(*rows):
    """Others at (station, offset, speed along); cars of 4.6 × 1.9 m that do not move across."""
    s, off, along = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    n = len(s)
    return Others(np.arange(n), s, off, along, np.zeros(n), np.full(n, 4.6), np.full(n, 1.9))


def test_shift_leaves_stays_and_comes_home():
    shift = Shift(10.0, 20.0, 30.0, 40.0, 2.0)
    found = offset_at((shift,), [0, 10, 15, 20, 30, 35, 40, 99])
    assert found == pytest.approx(np.array([0, 0, 1, 2, 2, 1, 0, 0]), abs=1e-12)


def test_changes_of_lane_add_up_and_nudges_do_not_count_as_lanes():
    change = Shift(10.0, 20.0, np.inf, np.inf, 3.5, kind=LANE_CHANGE)
    nudge = Shift(30.0, 40.0, 50.0, 60.0, 1.0)
    assert offset_at((change, nudge), [45.0, 500.0]).tolist() == [4.5, 3.5]
    assert lane_offset((change, nudge)) == 3.5


@pytest.mark.parametrize(
    ("left", "right", "lane", "offset"),
    [(-0.5, -2.4, 0.0, 1.25), (2.4, 0.5, 0.0, -1.25), (-2.0, -3.0, 0.0, 0.0), (-0.5, -2.4, 3.5, 0.0)],
)
def test_a_thing_is_passed_by_the_shorter_way(left, right, lane, offset):
    thing = Thing(("a",), 10.0, 15.0, left, right)
    assert thing.side_offset(lane, 0.8) == pytest.approx(offset)


def test_room_names_leader_and_follower_of_the_lane_asked_for():
    around = others((30.0, 3.5, 9.0), (60.0, 3.5, 9.0), (-20.0, 3.5, 12.0), (10.0, 0.0, 5.0), (15.0, 3.5, -9.0))
    there = room(around, 0.0, 3.5, EGO.width_m)
    half = (4.6 + EGO.length_m) / 2
    assert (there.lead, there.rear) == (0, 2)
    assert (there.gap_m, there.rear_gap_m) == pytest.approx((30.0 - BACK_M - half, 20.0 + BACK_M - half))
    assert room(others(), 0.0, 3.5, EGO.width_m) == NOBODY


@settings(max_examples=60, deadline=None)
@given(st.floats(5.0, 20.0), st.floats(5.0, 20.0), st.floats(3.0, 120.0))
def test_what_is_safe_stays_safe_with_more_room(speed, rear_mps, gap):
    near = Room(-1, 1e6, 0.0, 0, gap, rear_mps)
    far = Room(-1, 1e6, 0.0, 0, gap + 5.0, rear_mps)
    assert is_safe(far, speed, 1.5, False) or not is_safe(near, speed, 1.5, False)


def test_nobody_cuts_off_a_fast_follower_or_goes_beside_somebody():
    assert is_safe(NOBODY, 10.0, 1.5, False)
    assert not is_safe(Room(-1, 1e6, 0.0, 0, 12.0, 20.0), 10.0, 1.5, False)
    assert not is_safe(Room(0, -2.0, 10.0, -1, 1e6, 0.0), 10.0, 1.5, False)


def test_a_slow_lead_is_a_reason_only_where_the_lane_beside_is_better():
    slow = Room(0, 30.0, 8.0, -1, 1e6, 0.0)
    assert gains(slow, NOBODY, 15.0, 15.0)
    assert not gains(slow, slow, 15.0, 15.0)
    assert not gains(Room(0, 30.0, 15.0, -1, 1e6, 0.0), NOBODY, 15.0, 15.0)


def test_seconds_to_count_speeding_up():
    assert seconds_to(50.0, 10.0, 10.0) == pytest.approx(5.0)
    assert seconds_to(0.5, 0.0, 10.0) == pytest.approx(1.0)
    assert seconds_to(-3.0, 5.0, 10.0) == 0.0


@pytest.mark.parametrize(
    ("oncoming_m", "blocks"),
    [(60.0, True), (400.0, False), (12.0, False), (-30.0, False)],
)
def test_a_way_past_waits_for_who_comes_towards_us(oncoming_m, blocks):
    """At 10 m/s from 20 to 60 m; who is near comes past before, who is far comes after."""
    way = Passage(20.0, 60.0, 1.8, 10.0)
    found = blocker(others((oncoming_m, 3.5, -10.0)), 0.0, 0.0, 10.0, way, frozenset(), 0.5)
    assert (found == 0) is blocks


def test_who_keeps_to_the_far_lane_is_not_in_the_way():
    way = Passage(20.0, 60.0, 0.8, 10.0)
    assert blocker(others((60.0, 7.0, -10.0)), 0.0, 0.0, 10.0, way, frozenset(), 0.5) == -1


def test_who_overtakes_us_blocks_the_strip_beside():
    way = Passage(5.0, 60.0, 1.8, 10.0)
    assert blocker(others((-12.0, 3.3, 15.0)), 0.0, 0.0, 10.0, way, frozenset(), 0.5) == 0
    assert blocker(others((-12.0, 3.3, 15.0)), 0.0, 0.0, 10.0, way, frozenset({0}), 0.5) == -1


def test_getting_on_sideways_takes_longer_and_inside_a_bend_less_long():
    s, straight = np.arange(0.0, 101.0), np.zeros(101)
    driven = np.array([5.0, 10.0])
    assert stations_driven(s, straight, 0.0, 0.0, driven, np.zeros(2)).tolist() == pytest.approx([5.0, 10.0])
    aside = stations_driven(s, straight, 0.0, 0.0, driven, np.array([3.0, 6.0]))
    assert aside.tolist() == pytest.approx([4.0, 8.0])
    bend = np.full(101, 0.1)
    assert stations_driven(s, bend, 0.0, 2.0, driven, np.full(2, 2.0)).tolist() == pytest.approx([6.25, 12.5])


@pytest.mark.parametrize("seed", range(5))
def test_changing_lanes_does_not_make_one_faster(seed):
    world = expert_drive("lane_change", seed)
    assert max(tick.ego.speed_mps for tick in world.ticks) < world.scene.driver.set_speed_mps + 0.3


def test_who_comes_towards_us_is_met_on_the_way():
    """From 0 to 40 m we are in our lane, then 2 m to the left of it: a car 100 m ahead is met half way."""
    world = expert_drive("nudge", 0)
    ego, mind = EgoState(0.0, 0.0, 0.0, 10.0), Mind((Shift(40.0, 60.0, np.inf, np.inf, 2.0),))
    along = np.array([[70.0, 3.5, np.pi], [70.0, 3.5, 0.0], [110.0, 3.5, np.pi]])
    seen = replace(world.traffic.start(), speed_mps=np.full(3, 10.0))
    expert = replace(world.expert, traffic=replace(world.traffic, agents=()))
    met = met_offsets(expert, Sight(ego, 0.0, seen, along, 0, 0), mind)
    assert met[:2].tolist() == [0.0, 2.0]
    assert 1.0 < met[2] < 2.0
