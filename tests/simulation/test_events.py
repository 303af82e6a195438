from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.simulation.events import contacts, events
from causeway.simulation.roads.layout import CrossSection, Junction, Layout, plain_road, road_with_junction
from causeway.simulation.roads.road import Element, Lane, Road, path_from_curvature
from causeway.simulation.traffic.agents import Agent, traffic_of
from causeway.simulation.vehicle import EGO, EgoState
from causeway.training.collision_reward import overlaps

STRAIGHT = path_from_curvature([(200.0, 0.0)])


def judged(ego, agents=(), layout=None, before=None, t_us=100_000):
    layout = layout or plain_road(STRAIGHT, CrossSection())
    traffic = traffic_of(tuple(agents), layout.routes, layout.stops)
    grounds = events.grounds_of(layout, traffic, 10.0)
    return events.judged(grounds, before or ego, ego, traffic.start(), t_us, False)


def other(s_m, speed=5.0, lateral_m=0.0, name="other", **more):
    return Agent(name, "car", "ego", s_m, speed, speed, lateral_m=lateral_m, **more)


def test_distance_between_boxes_is_exact():
    ego = EgoState(50.0, 0.0, 0.0, 5.0)
    ahead_m = 50.0 + EGO.front_m + 3.0 + 2.3
    assert judged(ego, [other(ahead_m)]).min_distance_m == pytest.approx(3.0)
    beside = judged(ego, [other(50.0 + EGO.rear_axle_to_centre_m, lateral_m=4.0)])
    assert beside.min_distance_m == pytest.approx(4.0 - 0.95 - 0.925)
    assert judged(ego).min_distance_m == events.NEAR_M


@pytest.mark.parametrize(
    ("s_m", "lateral_m", "speed", "where", "fault"),
    [
        (55.0, 0.0, 5.0, "front", True),
        (47.0, 0.0, 5.0, "rear", False),
        (51.6, 1.5, 5.0, "front", True),
        (51.0, 1.5, 5.0, "side", True),
        (55.0, 0.0, 0.0, "front", False),
    ],
    ids=["ahead", "from behind", "ahead of abreast", "beside", "standing"],
)
def test_who_is_hit_where_and_whose_fault(s_m, lateral_m, speed, where, fault):
    length_m = 3.0 if where == "side" else 4.6
    event = judged(EgoState(50.0, 0.0, 0.0, speed), [other(s_m, lateral_m=lateral_m, length_m=length_m)])
    found = (event.collision, event.collision_where, event.collision_at_fault, event.min_distance_m, event.done)
    assert found == ("other", where, fault, 0.0, True)


def test_a_hit_from_behind_does_not_hide_a_hit_ahead():
    event = judged(EgoState(50.0, 0.0, 0.0, 5.0), [other(47.0, name="behind"), other(55.0, name="ahead")])
    assert (event.collision, event.collision_where, event.collision_at_fault) == ("ahead", "front", True)


@pytest.mark.parametrize(
    ("gap_m", "lead_mps", "seconds"), [(10.0, 0.0, 2.0), (10.0, 3.0, 5.0), (10.0, 5.0, 10.0), (60.0, 0.0, 10.0)]
)
def test_time_to_collision_is_gap_over_closing_speed(gap_m, lead_mps, seconds):
    ego = EgoState(50.0, 0.0, 0.0, 5.0)
    event = judged(ego, [other(50.0 + EGO.front_m + gap_m + 2.3, speed=lead_mps)])
    assert event.time_to_collision_s == pytest.approx(seconds)


def test_who_passes_by_does_not_collide():
    oncoming = other(90.0, speed=5.0, lateral_m=3.5, turned_rad=np.pi)
    assert judged(EgoState(50.0, 0.0, 0.0, 5.0), [oncoming]).time_to_collision_s == contacts.NEVER_S


def test_who_moves_over_from_beside_meets_us_although_the_centres_do_not_near():
    ours, beside = np.array([0.0, 0.0, 0.0, 6.0, 1.0]), np.array([[1.5, 1.5, 0.0, 2.0, 1.0]])
    assert contacts.meetings(ours, np.zeros(2), beside, np.array([[1.0, -1.0]]), 100.0)[2] == 0.5


def distance(box, other):
    return contacts.meetings(box, np.zeros(2), other[None], np.zeros((1, 2)), 100.0)[1]


def test_crossing_boxes_touch_though_no_corner_is_inside():
    box, across = np.array([0, 0, 0, 10.0, 1.0]), np.array([[0, 0, np.pi / 2, 10.0, 1.0]])
    assert distance(box, across[0]) == 0.0


box_of = st.tuples(st.floats(-8, 8), st.floats(-8, 8), st.floats(-4, 4), st.floats(0.3, 9), st.floats(0.3, 3)).map(
    np.array
)


@settings(max_examples=200, deadline=None)
@given(box_of, box_of)
def test_boxes_touch_here_and_in_rewards_alike(a, b):
    assert (distance(a, b) == 0.0) == bool(overlaps(a, b))


@settings(max_examples=100, deadline=None)
@given(box_of, box_of, st.floats(-9, 9), st.floats(-9, 9))
def test_boxes_meet_no_sooner_than_said(a, b, vx, vy):
    still, moves = np.zeros(2), np.array([[vx, vy]])
    seconds = contacts.meetings(a, still, b[None], moves, 100.0)[2]
    for share in (0.25, 0.5, 0.75, 0.99):
        then = b + np.array([vx, vy, 0, 0, 0]) * seconds * share
        assert seconds == 0.0 or not overlaps(a, then)
    if 0.0 < seconds < contacts.NEVER_S:
        assert distance(a, b + np.array([vx, vy, 0, 0, 0]) * seconds) < 1e-6


@pytest.mark.parametrize(("state", "run"), [("red", True), ("green", False), ("yellow", False)])
@pytest.mark.parametrize("lane", ["ego", "left1"])
def test_red_light_counts_when_the_bumper_crosses_the_line_of_any_lane(lane, state, run):
    section = CrossSection(left=("same",))
    layout = road_with_junction(STRAIGHT, section, Junction(100.0, {"ego": ((0, state),)}, ((0, "red"),)))
    line = next(s for route, s, _ in layout.stops if route == lane)
    aside = 0.0 if lane == "ego" else 3.5
    before, after = (EgoState(line - EGO.front_m + d, aside, 0.0, 8.0) for d in (-0.4, 0.4))
    assert judged(after, layout=layout, before=before).red_light_run is run
    assert not judged(after, layout=layout, before=after).red_light_run
    backwards = [EgoState(e.x_m + 2 * EGO.front_m, aside, np.pi, 8.0) for e in (after, before)]
    assert not judged(backwards[1], layout=layout, before=backwards[0]).red_light_run


@pytest.mark.parametrize(("stood_m", "run"), [(None, True), (2.0, False), (30.0, True)], ids=["never", "there", "far"])
def test_a_stop_sign_asks_to_stand_before_its_line(stood_m, run):
    plain = plain_road(STRAIGHT, CrossSection())
    layout = Layout(plain.road, plain.routes, (("ego", 100.0, "stop_sign_ego"),))
    grounds = events.grounds_of(layout, traffic_of((), layout.routes, ()), 0.0)
    before, after = (EgoState(100.0 - EGO.front_m + d, 0.0, 0.0, 4.0) for d in (-0.2, 0.2))
    stood = None if stood_m is None else EgoState(before.x_m - stood_m, 0.0, 0.0, 0.0)
    empty = traffic_of((), layout.routes, ()).start()
    event = events.judged(grounds, before, after, empty, 0, False, lambda: stood)
    assert (event.stop_sign_run, event.red_light_run) == (run, False)


def test_off_road_when_one_corner_leaves():
    layout = plain_road(STRAIGHT, CrossSection(3.5, (), 0, 0.5))
    edge = 1.75 + 0.5
    assert not judged(EgoState(50.0, edge - 0.96, 0.0, 5.0), layout=layout).off_road
    assert judged(EgoState(50.0, edge - 0.94, 0.0, 5.0), layout=layout).off_road
    assert judged(EgoState(199.0, 0.0, 0.0, 5.0), layout=layout).off_road


@pytest.mark.parametrize(
    ("left", "lateral_m", "yaw_rad", "departure", "wrong_way"),
    [
        ("same", 0.0, 0.0, False, False),
        ("same", 3.5, 0.0, False, False),
        ("oncoming", 1.7, 0.0, False, False),
        ("oncoming", 1.8, 0.0, True, True),
        ("same", 6.0, 0.0, True, False),
        ("same", 0.0, np.pi, True, True),
        ("same", 0.0, np.pi / 2, True, False),
    ],
    ids=["in lane", "changed lane", "at the line", "beyond it", "on the verge", "turned round", "across"],
)
def test_lanes_of_the_other_way_are_left_alone(left, lateral_m, yaw_rad, departure, wrong_way):
    layout = plain_road(STRAIGHT, CrossSection(3.5, (left,), 0, 1.0))
    shift = EGO.rear_axle_to_centre_m
    x, y = 50.0 - shift * np.cos(yaw_rad), lateral_m - shift * np.sin(yaw_rad)
    event = judged(EgoState(x, y, yaw_rad, 5.0), layout=layout)
    assert (event.lane_departure, event.wrong_way) == (departure, wrong_way)


def test_a_cycle_lane_is_no_lane_to_drive_in():
    lanes = (Lane("ego", STRAIGHT, 3.5), Lane("cycles", STRAIGHT.offset(-2.75), 2.0, kind="bike"))
    layout = Layout(Road(lanes, ((STRAIGHT, 3.0, 5.0),)), {"ego": STRAIGHT})
    assert judged(EgoState(50.0, -2.75, 0.0, 5.0), layout=layout).lane_departure


def test_a_cone_that_is_driven_over_is_a_collision():
    plain = plain_road(STRAIGHT, CrossSection())
    cone = Element("cone0", "cone", np.array([[50.0 + EGO.front_m + 1.0, 0.5]]))
    layout = replace(plain, road=replace(plain.road, elements=(cone,)))
    event = judged(EgoState(50.0, 0.0, 0.0, 5.0), [other(90.0)], layout=layout)
    assert event.min_distance_m == pytest.approx(1.0 - events.CONE_M / 2)
    event = judged(EgoState(51.0, 0.0, 0.0, 5.0), [other(90.0)], layout=layout)
    assert (event.collision, event.collision_where, event.collision_at_fault) == ("cone0", "front", True)


def test_progress_is_along_the_route_from_the_start():
    assert judged(EgoState(60.0, 0.3, 0.0, 5.0)).progress_m == pytest.approx(50.0, abs=1e-9)
