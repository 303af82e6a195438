import numpy as np
import pytest

from causeway.simulation import events
from causeway.simulation.agents import Agent, traffic_of
from causeway.simulation.road import path_from_curvature
from causeway.simulation.road_layout import CrossSection, Junction, plain_road, road_with_junction
from causeway.simulation.vehicle import EGO, EgoState

STRAIGHT = path_from_curvature([(200.0, 0.0)])


def contact(ego, s_m, lateral_m=0.0):
    traffic = traffic_of((Agent("other", "car", "ego", s_m, 5.0, 5.0, lateral_m=lateral_m),), {"ego": STRAIGHT}, ())
    return events.contact(ego, traffic, traffic.start())


def test_distance_between_boxes_is_exact():
    ego = EgoState(50.0, 0.0, 0.0, 5.0)
    ahead_m = 50.0 + EGO.front_m + 3.0 + 2.3
    assert contact(ego, ahead_m) == ("", False, pytest.approx(3.0))
    assert contact(ego, 50.0 + EGO.rear_axle_to_centre_m, 4.0)[2] == pytest.approx(4.0 - 0.95 - 0.925)


@pytest.mark.parametrize(
    ("s_m", "lateral_m", "speed", "fault"),
    [(55.0, 0.0, 5.0, True), (47.0, 0.0, 5.0, False), (51.4, 1.5, 5.0, True), (55.0, 0.0, 0.0, False)],
    ids=["ahead", "from behind", "beside", "standing"],
)
def test_whose_fault(s_m, lateral_m, speed, fault):
    touched, at_fault, distance = contact(EgoState(50.0, 0.0, 0.0, speed), s_m, lateral_m)
    assert (touched, at_fault, distance) == ("other", fault, 0.0)


def test_a_hit_from_behind_does_not_hide_a_hit_ahead():
    agents = tuple(Agent(name, "car", "ego", s_m, 5.0, 5.0) for name, s_m in (("behind", 47.0), ("ahead", 55.0)))
    traffic = traffic_of(agents, {"ego": STRAIGHT}, ())
    assert events.contact(EgoState(50.0, 0.0, 0.0, 5.0), traffic, traffic.start()) == ("ahead", True, 0.0)


def test_crossing_boxes_touch_though_no_corner_is_inside():
    box, other = np.array([0, 0, 0, 10.0, 1.0]), np.array([[0, 0, np.pi / 2, 10.0, 1.0]])
    assert events.box_distance(box, other).tolist() == [0.0]


@pytest.mark.parametrize(("state", "run"), [("red", True), ("green", False), ("yellow", False)])
def test_red_light_counts_when_the_bumper_crosses_the_line(state, run):
    layout = road_with_junction(STRAIGHT, CrossSection(), Junction(100.0, {"ego": ((0, state),)}, ((0, "red"),)))
    line = next(s for route, s, _ in layout.stops if route == "ego")
    before, after = (EgoState(line - EGO.front_m + d, 0.0, 0.0, 8.0) for d in (-0.4, 0.4))
    assert events.red_light_run(layout, before, after, 0) is run
    assert not events.red_light_run(layout, after, after, 0)


def test_off_road_when_one_corner_leaves():
    layout = plain_road(STRAIGHT, CrossSection(3.5, (), 0, 0.5))
    edge = 1.75 + 0.5
    assert not events.left_road(layout, EgoState(50.0, edge - 0.96, 0.0, 5.0))
    assert events.left_road(layout, EgoState(50.0, edge - 0.94, 0.0, 5.0))
