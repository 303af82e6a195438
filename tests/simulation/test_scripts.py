"""What agents do by script: begin at a time or a place, move aside, signal, back up, change lanes by MOBIL."""

import numpy as np
import pytest

from causeway.simulation.roads.layout import CrossSection, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.traffic.agents import Agent, Trigger, advance_agents, traffic_of

FAR_BOX = np.array([-500.0, 0.0, 0.0, 4.7, 1.9])
THREE_LANES = plain_road(path_from_curvature([(600.0, 0.0)]), CrossSection(3.5, ("same", "same"), 0))


def driven(agents, ticks, box=FAR_BOX, speed=0.0, layout=THREE_LANES):
    """All states of agents over some ticks beside an ego that keeps its speed."""
    traffic = traffic_of(tuple(agents), layout.routes, layout.stops)
    states = [traffic.start()]
    for i in range(ticks):
        here = box + np.array([speed * i * 0.1, 0.0, 0.0, 0.0, 0.0])
        states.append(advance_agents(traffic, layout.road, states[-1], here, speed, i * 100_000))
    return traffic, states


def test_a_script_begins_when_the_ego_comes_to_a_place():
    agent = Agent("a", "car", "left1", 300.0, 10.0, 10.0, script=((Trigger(ego_m=50.0), 0.0, 3.0),))
    box = np.array([10.0, 0.0, 0.0, 4.7, 1.9])
    traffic, states = driven([agent], 60, box, 10.0)
    began = traffic.began_us(states[-1], 0, "script")
    assert began == [3_800_000]  # its front, 2.35 m before its middle, is at 50 m after 3.77 s
    speeds = np.array([s.speed_mps[0] for s in states])
    assert speeds[38] == pytest.approx(10.0)
    assert speeds[48] == pytest.approx(7.0)
    assert traffic.began_us(states[10], 0, "script") == [None]


def test_moving_aside_ends_where_it_should_and_heads_there_meanwhile():
    agent = Agent("a", "car", "left1", 100.0, 10.0, 10.0, sideways=((1_000_000, -3.5, 3.0),))
    _, states = driven([agent], 60)
    lateral = np.array([s.lateral_m[0] for s in states])
    assert (lateral[:11] == 0.0).all()
    assert lateral[25] == pytest.approx(-1.75)
    assert lateral[-1] == pytest.approx(-3.5)
    assert (np.diff(lateral) <= 1e-12).all()
    assert states[25].poses[0, 1] == pytest.approx(3.5 - 1.75)
    assert states[25].poses[0, 2] < -0.1
    assert states[-1].poses[0, 2] == pytest.approx(0.0)


def test_signals_last_as_long_as_they_are_scripted():
    agent = Agent("a", "car", "left1", 100.0, 10.0, 10.0, indicator=((1_000_000, 2.0, -1),))
    _, states = driven([agent], 50)
    assert [int(s.indicator[0]) for s in states[8:13]] == [0, 0, 0, -1, -1]
    assert sum(int(s.indicator[0] == -1) for s in states) == 19


def test_a_car_backs_up_and_stands_again():
    script = ((0, 0.0, 2.0), (1_000_000, -1.5, 1.0), (4_000_000, 0.0, 1.0))
    _, states = driven([Agent("a", "car", "ego", 100.0, 0.0, 10.0, script=script)], 80)
    speed = np.array([s.speed_mps[0] for s in states])
    assert speed.min() == pytest.approx(-1.5)
    assert (speed[60:] == 0.0).all()
    assert states[-1].s_m[0] == pytest.approx(100.0 - 1.5 * 3.0, abs=0.2)


def test_a_fast_car_overtakes_by_mobil_and_says_so():
    slow = Agent("slow", "car", "left1", 100.0, 6.0, 6.0)
    fast = Agent("fast", "car", "left1", 60.0, 14.0, 14.0, changes_lanes=True)
    traffic, states = driven([slow, fast], 150)
    route = list(traffic.routes)[int(states[-1].route[1])]
    assert route == "left2"
    assert states[-1].s_m[1] > states[-1].s_m[0]
    changed = next(i for i, s in enumerate(states) if s.route[1] != states[0].route[1])
    assert states[changed].indicator[1] == 1
    across = np.array([s.poses[1, 1] for s in states])
    assert across[changed] == pytest.approx(3.5)  # it signals first
    assert across[-1] == pytest.approx(7.0)
    assert np.abs(np.diff(across)).max() < 0.2


def test_nobody_changes_lanes_in_front_of_somebody_faster():
    slow = Agent("slow", "car", "left1", 100.0, 6.0, 6.0)
    stuck = Agent("stuck", "car", "left1", 85.0, 6.0, 14.0, changes_lanes=True)
    rivals = [Agent(f"r{i}", "car", "left2", 88.0 - 14.0 * i, 12.0, 12.0) for i in range(5)]
    _, states = driven([slow, stuck, *rivals], 40)
    gaps = [s.poses[2:, 0] - s.poses[1, 0] for s in states if s.route[1] != states[0].route[1]]
    assert all((np.abs(gap) > 4.6).all() for gap in gaps)


def test_cars_stop_for_a_walker_in_their_way():
    layout = THREE_LANES
    walk = path_from_curvature([(30.0, 0.0)])
    turned = np.stack([200.0 - walk.points[:, 1], walk.points[:, 0] - 15.0], axis=-1)
    way = type(walk)(turned, walk.yaw_rad + np.pi / 2, walk.curvature_per_m, walk.s_m)
    with_walk = type(layout)(layout.road, {**layout.routes, "walk": way}, layout.stops)
    walker = Agent("w", "pedestrian", "walk", 18.0, 0.0, 0.0, length_m=0.5, width_m=0.6)
    _, states = driven([Agent("c", "car", "left1", 120.0, 10.0, 10.0), walker], 150, layout=with_walk)
    assert states[-1].speed_mps[0] < 0.1
    assert 190.0 < states[-1].poses[0, 0] + 2.3 < 200.0
