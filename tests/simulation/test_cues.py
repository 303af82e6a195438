"""What asks the expert for a speed: leaders, lines, people who cross, and what lies on the road."""

from dataclasses import replace

import numpy as np
import pytest

from causeway.simulation.expert.crossings import crossing_cues
from causeway.simulation.expert.cues import BUMP, CURVE, FOLLOW, KEEP, LEAD, LIGHT, PEDESTRIAN, STAND, STOP_SIGN
from causeway.simulation.expert.expert import WAITS, along_route, expert_for
from causeway.simulation.expert.leads import leader
from causeway.simulation.expert.lines import line_cues
from causeway.simulation.expert.mind import Mind, Sight
from causeway.simulation.expert.shifts import Shift
from causeway.simulation.roads.furniture import with_bump, with_crosswalk, with_stop_sign, with_walk
from causeway.simulation.roads.layout import CrossSection, Junction, plain_road, road_with_junction
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.traffic.agents import Agent, traffic_of
from causeway.simulation.vehicle import EGO, EgoState

PATH, SECTION = path_from_curvature([(300.0, 0.0)]), CrossSection()
PLAIN = plain_road(PATH, SECTION)


def stage(layout, *agents, set_speed=10.0, look="day"):
    scene = Scene("curve", 0, layout, Driver(set_speed), 50.0, 10.0, agents, look=look)
    traffic = traffic_of(agents, layout.routes, layout.stops)
    return expert_for(scene, traffic), traffic.start()


def sight(expert, seen, x_m=50.0, speed=10.0, seen_us=0, now_us=0):
    ego, age_s = EgoState(x_m, 0.0, 0.0, speed), (now_us - seen_us) / 1e6
    return Sight(ego, x_m, seen, along_route(expert, seen, ego, age_s), seen_us, now_us)


def car(s_m, lateral_m=0.0, speed=8.0, name="car", **more):
    return Agent(name, "car", "ego", s_m, speed, speed, lateral_m=lateral_m, **more)


def test_nearest_in_our_corridor_is_the_leader():
    expert, seen = stage(PLAIN, car(90.0, name="far"), car(80.0, name="near"), car(70.0, 3.5, name="beside"))
    cue = leader(expert, sight(expert, seen), Mind())
    assert (cue.reason, cue.cause_id, cue.law, cue.speed_mps) == (LEAD, "near", FOLLOW, 8.0)
    assert cue.at_m == pytest.approx(80.0 - 2.3 - EGO.front_m)


@pytest.mark.parametrize(("look", "ahead_m", "leads"), [("fog", 79.0, True), ("fog", 85.0, False), ("day", 85.0, True)])
def test_nobody_answers_to_a_lead_that_no_camera_shows(look, ahead_m, leads):
    """In fog one sees 80 m far from the eye, 1.9 m before the rear axle."""
    expert, seen = stage(PLAIN, car(50.0 + ahead_m), look=look)
    assert (leader(expert, sight(expert, seen), Mind()) is not None) is leads


def test_what_counts_is_where_the_ego_was_when_it_looked():
    """A second ago, at 10 m/s, the lead that is 75 m ahead of here was 85 m away."""
    expert, seen = stage(PLAIN, car(50.0 + 75.0), look="fog")
    assert leader(expert, sight(expert, seen), Mind()) is not None
    assert leader(expert, sight(expert, seen, seen_us=0, now_us=1_000_000), Mind()) is None


def test_a_light_in_the_fog_is_no_reason_yet():
    junction = Junction(140.0, {"ego": ((0, "red"),)}, ((0, "green"),))
    layout = road_with_junction(PATH, SECTION, junction)
    near = layout.road.signals[0].position[0] - 75.0
    for look, x_m, asks in (("fog", near, True), ("fog", near - 10.0, False), ("day", near - 10.0, True)):
        expert, seen = stage(layout, look=look)
        assert bool(line_cues(expert, sight(expert, seen, x_m=x_m), Mind())[0]) is asks, (look, x_m)


def test_leader_is_moved_on_by_the_reaction_time_and_a_stopping_one_no_farther_than_to_its_stand():
    expert, seen = stage(PLAIN, car(80.0))
    aged = leader(expert, sight(expert, seen, seen_us=0, now_us=1_000_000), Mind())
    assert aged.at_m == pytest.approx(88.0 - 2.3 - EGO.front_m)
    braking = replace(seen, speed_mps=np.array([2.0]), accel_mps2=np.array([-4.0]))
    stopped = leader(expert, sight(expert, braking, seen_us=0, now_us=1_000_000), Mind())
    assert stopped.at_m == pytest.approx(80.5 - 2.3 - EGO.front_m)
    assert stopped.speed_mps == pytest.approx(0.0)


def test_who_is_passed_by_a_shift_is_no_leader_and_who_stands_in_it_is():
    expert, seen = stage(PLAIN, car(90.0), car(95.0, 3.5, name="beside"))
    shift = Shift(60.0, 80.0, np.inf, np.inf, 3.5, ("car",), "lane_change")
    assert leader(expert, sight(expert, seen), Mind((shift,))).cause_id == "beside"


def test_nobody_behind_or_on_foot_leads():
    walker = Agent("person", "pedestrian", "ego", 70.0, 0.0, 0.0)
    expert, seen = stage(PLAIN, car(45.0), walker)
    assert leader(expert, sight(expert, seen), Mind()) is None


def junction(*phases):
    return road_with_junction(PATH, SECTION, Junction(120.0, {"ego": phases}, ((0, "red"),)))


@pytest.mark.parametrize(("state", "speed", "asks"), [("red", 10.0, True), ("green", 10.0, False)])
def test_a_light_asks_to_stand_a_metre_before_its_line(state, speed, asks):
    layout = junction((0, state))
    expert, seen = stage(layout)
    cues, mind = line_cues(expert, sight(expert, seen, speed=speed), Mind())
    line_m = next(s for route, s, _ in layout.stops if route == "ego")
    assert mind == Mind()
    assert bool(cues) is asks
    if asks:
        assert (cues[0].reason, cues[0].cause_id, cues[0].law) == (LIGHT, "signal_ego", STAND)
        assert cues[0].at_m == pytest.approx(line_m - 1.0 - EGO.front_m)


def test_yellow_asks_only_whom_comfortable_braking_stops():
    expert, seen = stage(junction((0, "yellow")))
    assert line_cues(expert, sight(expert, seen, x_m=50.0), Mind())[0]
    assert not line_cues(expert, sight(expert, seen, x_m=95.0), Mind())[0]


def test_the_light_is_read_a_reaction_time_late():
    expert, seen = stage(junction((0, "green"), (1_000_000, "red")))
    assert not line_cues(expert, sight(expert, seen, seen_us=900_000, now_us=1_800_000), Mind())[0]
    assert line_cues(expert, sight(expert, seen, seen_us=1_000_000, now_us=1_900_000), Mind())[0]


def test_a_stop_sign_is_served_after_standing_when_the_way_is_free():
    layout = with_stop_sign(junction((0, "red")), SECTION)
    stand_m = next(s for _, s, _ in layout.stops) - 1.0 - EGO.front_m
    expert, seen = stage(layout)
    cues, mind = line_cues(expert, sight(expert, seen, stand_m, 0.0), Mind())
    assert (cues[0].reason, mind.waits(STOP_SIGN, "stop_sign_ego").since_us) == (STOP_SIGN, 0)
    assert line_cues(expert, sight(expert, seen, stand_m, 0.0, now_us=1_400_000), mind)[0]
    cues, done = line_cues(expert, sight(expert, seen, stand_m, 0.0, now_us=1_500_000), mind)
    assert not cues
    assert done == Mind(served=("stop_sign_ego",))
    assert not line_cues(expert, sight(expert, seen, stand_m, 0.0, now_us=1_600_000), done)[0]
    rolling, fresh = line_cues(expert, sight(expert, seen, stand_m - 20.0, 8.0), Mind())
    assert rolling
    assert fresh == Mind()


def test_a_stop_sign_lets_who_crosses_go_first():
    layout = with_stop_sign(junction((0, "red")), SECTION)
    stand_m = next(s for _, s, _ in layout.stops) - 1.0 - EGO.front_m
    middle = layout.routes["cross_left"].length_m / 2
    crossing = Agent("crosses", "car", "cross_left", middle - 20.0, 8.0, 8.0)
    expert, seen = stage(layout, crossing)
    waited = Mind().with_wait(STOP_SIGN, "stop_sign_ego", 0)
    assert line_cues(expert, sight(expert, seen, stand_m, 0.0, now_us=5_000_000), waited)[0]
    gone = replace(crossing, s_m=middle + 20.0)
    expert, seen = stage(layout, gone)
    assert not line_cues(expert, sight(expert, seen, stand_m, 0.0, now_us=5_000_000), waited)[0]


def crossing(before_m, speed, walk=True, role="", ego_m=60.0):
    """Cues for somebody `before_m` to the right of our middle, 40 m ahead of our front at 60 m."""
    layout = with_walk(PLAIN, SECTION, "walk", 100.0 + EGO.front_m, from_right=True)
    if walk:
        layout = with_crosswalk(layout, SECTION, "crosswalk", 100.0 + EGO.front_m)
    middle = SECTION.right_edge_m + 14.0
    person = Agent("person", "pedestrian", "walk", middle - before_m, speed, 4.0, role=role)
    expert, seen = stage(layout, person)
    return crossing_cues(expert, sight(expert, seen, ego_m), Mind()), (expert, seen)


def test_who_will_be_in_our_way_when_we_come_is_waited_for_before_the_crosswalk():
    (cues, mind), _ = crossing(5.0, 1.5)
    assert [(c.reason, c.cause_id, c.law) for c in cues] == [(PEDESTRIAN, "person", STAND)]
    assert cues[0].at_m == pytest.approx(100.0 - 1.5 - 1.0, abs=0.01)
    assert mind.waits(PEDESTRIAN, "person").since_us == 0
    (cues, _), _ = crossing(5.0, 1.5, walk=False)
    assert cues[0].at_m == pytest.approx(100.0 - 2.5, abs=0.01)


@pytest.mark.parametrize(
    ("before_m", "speed", "role"),
    [(5.0, 0.0, ""), (14.0, 1.0, ""), (-3.0, 1.5, ""), (5.0, 1.5, WAITS)],
    ids=["stands at the kerb", "comes after us", "has crossed", "lets us go"],
)
def test_others_are_not_waited_for(before_m, speed, role):
    (cues, mind), _ = crossing(before_m, speed, role=role)
    assert (cues, mind) == ([], Mind())


def test_who_is_waited_for_is_served_once_past():
    (_, mind), _ = crossing(5.0, 1.5)
    _, (expert, seen) = crossing(-3.0, 1.5)
    cues, done = crossing_cues(expert, sight(expert, seen, 60.0), mind)
    assert not cues
    assert done == Mind(served=("person",))


def test_nobody_is_waited_for_who_cannot_be_any_more():
    (cues, _), _ = crossing(2.5, 1.5, ego_m=96.0)
    assert cues == []


def test_curves_and_bumps_ask_for_their_speeds():
    bend = path_from_curvature([(100.0, 0.0), (60.0, 0.04), (140.0, 0.0)])
    layout = with_bump(plain_road(bend, SECTION), SECTION, "bump", 250.0)
    curve, bump = stage(layout, set_speed=12.0)[0].steady
    assert (curve.reason, curve.law, bump.reason, bump.cause_id) == (CURVE, KEEP, BUMP, "bump")
    assert curve.speed_mps == pytest.approx(np.sqrt(2.0 / 0.04), rel=1e-3)
    assert 98.0 < curve.at_m < 102.0
    assert 158.0 < curve.to_m < 162.0
    assert bump.at_m == pytest.approx(250.0 - 0.6 - EGO.wheelbase_m - 0.5, abs=0.01)
    assert bump.to_m == pytest.approx(250.0 + 0.6 + 0.5, abs=0.01)
    slow = stage(layout, set_speed=5.0)[0].steady
    assert [c.reason for c in slow] == [BUMP]
