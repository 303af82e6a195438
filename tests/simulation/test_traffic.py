import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.simulation.expert import speed_laws
from causeway.simulation.roads.layout import CrossSection, Junction, road_with_junction
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.traffic.agents import IDM_GAP_M, Agent, advance_agents, idm, traffic_of
from causeway.simulation.vehicle import EgoState, advance, sub_states, track

FAR_BOX = np.array([-500.0, 0.0, 0.0, 4.7, 1.9])


def arc(speed, curvature):
    t = np.arange(1, 65) * 0.1
    yaw = speed * curvature * t
    x = np.sin(yaw) / curvature if abs(curvature) > 1e-6 else speed * t
    y = (1 - np.cos(yaw)) / curvature if abs(curvature) > 1e-6 else 0 * t
    return np.stack([x, y, yaw], axis=-1)


def test_advance_straight_with_constant_acceleration():
    after = advance(EgoState(0, 0, 0, 10.0), 2.0, 0.0)
    assert (after.x_m, after.y_m, after.speed_mps) == pytest.approx((1.01, 0.0, 10.2))


def test_braking_ends_at_standstill():
    after = advance(EgoState(0, 0, 0, 0.3), -9.0, 0.0)
    assert after.speed_mps == pytest.approx(0.0)
    assert after.accel_mps2 == pytest.approx(-3.0)


def test_sub_states_end_where_the_tick_ends():
    before = EgoState(1.0, 2.0, 0.3, 8.0, 0.0, 0.02)
    after = advance(before, 1.0, 0.03)
    x, y, yaw, speed = sub_states(before, after.accel_mps2, after.curvature_per_m)[-1]
    assert (x, y, yaw, speed) == (after.x_m, after.y_m, after.yaw_rad, after.speed_mps)


@settings(max_examples=50, deadline=None)
@given(st.floats(3.0, 20.0), st.floats(-0.05, 0.05))
def test_tracker_keeps_an_arc(speed, curvature):
    accel, turned = track(EgoState(0, 0, 0, speed), arc(speed, curvature))
    assert abs(accel) < 0.1
    assert turned == pytest.approx(curvature, abs=1e-6)


def test_idm_settles_at_its_headway():
    speed, desired = 10.0, 15.0
    gap = (IDM_GAP_M + 1.6 * speed) / np.sqrt(1 - (speed / desired) ** 4)
    assert idm(speed, desired, gap, 0.0) == pytest.approx(0.0, abs=1e-12)
    assert idm(0.0, desired, 1e6, 0.0) == pytest.approx(1.4)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 20.0), st.floats(3.0, 80.0), st.floats(0.0, 20.0))
def test_idm_brakes_more_for_a_nearer_or_slower_leader(speed, gap, leader):
    here = idm(speed, 15.0, gap, speed - leader)
    assert idm(speed, 15.0, gap - 1.0, speed - leader) <= here
    assert idm(speed, 15.0, gap, speed - leader + 1.0) <= here


def _moved(agents, phases, ticks):
    path = path_from_curvature([(300.0, 0.0)])
    layout = road_with_junction(path, CrossSection(), Junction(150.0, {"ego": phases}, ((0, "red"),)))
    traffic = traffic_of(agents, layout.routes, layout.stops)
    now, lowest_gap = traffic.start(), np.inf
    for i in range(ticks):
        now = advance_agents(traffic, layout.road, now, FAR_BOX, 0.0, i * 100_000)
        if len(agents) > 1:
            lowest_gap = min(lowest_gap, now.s_m[1] - now.s_m[0] - 4.6)
    return now, layout, lowest_gap


def test_agents_stop_at_red_and_go_on_green():
    cars = (Agent("a", "car", "ego", 60.0, 10.0, 10.0),)
    red, layout, _ = _moved(cars, ((0, "red"),), 250)
    stop = next(s for route, s, _ in layout.stops if route == "ego")
    assert red.speed_mps[0] < 0.05
    assert stop - 4.0 < red.s_m[0] + 2.3 <= stop
    green, _, _ = _moved(cars, ((0, "green"),), 250)
    assert green.s_m[0] > 290.0


def test_follower_never_hits_a_leader_that_brakes_to_a_stand():
    cars = (
        Agent("behind", "car", "ego", 20.0, 12.0, 12.0),
        Agent("ahead", "car", "ego", 45.0, 12.0, 12.0, script=((1_000_000, 0.0, 5.0),)),
    )
    now, _, lowest = _moved(cars, ((0, "green"),), 200)
    assert lowest > 0.5
    assert now.speed_mps[0] < 0.1


@settings(max_examples=40, deadline=None)
@given(st.floats(4.0, 16.0), st.floats(1.4, 3.0))
def test_stopping_law_ends_at_the_line(speed, brake):
    distance, v = speed**2 / brake + 15.0, speed
    for _ in range(400):
        a = max(min(speed_laws.stop_at(distance, v, brake), 0.0), -v / 0.1)
        distance -= v * 0.1 + a * 0.005
        v += a * 0.1
        assert a > -1.5 * brake
    assert v < 0.02
    assert -0.1 < distance < 0.5
