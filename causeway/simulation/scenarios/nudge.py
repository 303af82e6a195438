"""Parked cars narrow the lane: give them room, and come back to the middle after them.

Cause: the parked vehicles in our lane (on the right or, on a one-way road, on the left). With somebody who rides at
its edge instead it is a scene of `yield_to_vru`: who gives room to a cyclist yields to a weak road user.
Distractors: cars parked well off the lane, on either side, and people who stay.
"""

import numpy as np

from causeway.simulation.roads.layout import CrossSection, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: what stands in the lane, how far in it, and when one reaches it."""
    return room_scene(rng, "nudge", seed, rides=False)


def room_scene(rng: np.random.Generator, name: str, seed: int, rides: bool) -> Scene:
    """One scene of giving room, to a cyclist (`rides`) or to parked cars."""
    speed = float(rng.uniform(6.5, 12.0))
    driver = setting.driver_of(rng, speed)
    side = -1.0 if rides or rng.random() < 0.6 else 1.0
    left = (("oncoming",) if rng.random() < 0.6 else ("same",)) if side < 0 else ()
    section = CrossSection(float(rng.uniform(3.3, 3.9)), left, int(side > 0), float(rng.uniform(1.2, 2.4)))
    path = path_from_curvature(setting.gentle_bends(rng, 460.0))
    layout = plain_road(path, section)
    first_m = setting.START_M + EGO.front_m + speed * (float(rng.uniform(2.8, 4.5)) + driver.nudge_s) + 5.5
    agents = [_rider(rng, section, speed, first_m)] if rides else _parked_in_lane(rng, section, first_m, side)
    agents += _parked_off_lane(rng, section, first_m) + setting.bystanders(rng, section, 90.0, first_m + 60.0)
    agents += _far_traffic(rng, path.length_m, section, speed)
    return Scene(
        *(name, seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section),
        look=setting.look_of(rng),
    )


def _rider(rng: np.random.Generator, section: CrossSection, speed: float, first_m: float) -> Agent:
    """A cyclist at the right edge of the lane whom we reach where parked cars would stand."""
    slow = speed * float(rng.uniform(0.3, 0.5))
    s_m = first_m - slow * (first_m - setting.START_M) / speed
    lateral = -(section.lane_width_m / 2 - float(rng.uniform(0.5, 0.75)))
    return setting.cyclist(rng, "cyclist0", "ego", s_m, slow, lateral_m=lateral)


def _parked_in_lane(rng: np.random.Generator, section: CrossSection, first_m: float, side: float) -> list[Agent]:
    """One to three cars whose near side reaches 0.8 … 1.35 m into the lane."""
    cars, s = [], first_m
    for i in range(int(rng.integers(1, 4))):
        into_m = float(rng.uniform(0.8, 1.35))
        parked = setting.car(rng, f"parked{i}", "ego", s, 0.0, desired_mps=0.0)
        lateral = side * (section.lane_width_m / 2 - into_m + parked.width_m / 2)
        cars.append(Agent(**{**vars(parked), "lateral_m": lateral}))
        s += parked.length_m + float(rng.uniform(1.0, 3.0))
    return cars


def _parked_off_lane(rng: np.random.Generator, section: CrossSection, first_m: float) -> list[Agent]:
    """Cars that stand clear of the lane: no reason for anything."""
    cars = []
    for i in range(int(rng.integers(0, 3))):
        s = first_m + float(rng.uniform(-45.0, -14.0)) if i == 0 else first_m + float(rng.uniform(40.0, 90.0))
        lateral = -(section.right_edge_m + 1.3) if rng.random() < 0.5 else section.left_edge_m + 1.3
        cars.append(setting.car(rng, f"aside{i}", "ego", s, 0.0, desired_mps=0.0, lateral_m=lateral))
    return cars


def _far_traffic(rng: np.random.Generator, length_m: float, section: CrossSection, speed: float) -> list[Agent]:
    """Cars on the lane beside that are gone, or not yet there, while the ego swings out."""
    if section.left == ("oncoming",):
        first = length_m - setting.START_M - float(rng.uniform(20.0, 60.0))
        return [setting.car(rng, "oncoming0", "left1", first, speed)]
    beside = "left1" if section.left else "right1"
    behind = setting.START_M - float(rng.uniform(25.0, 50.0))
    ahead = setting.START_M + float(rng.uniform(25.0, 60.0))
    return [
        setting.car(rng, "beside_ahead", beside, ahead, speed * float(rng.uniform(1.1, 1.3))),
        setting.car(rng, "beside_behind", beside, max(behind, 6.0), speed * float(rng.uniform(0.7, 0.85))),
    ]
