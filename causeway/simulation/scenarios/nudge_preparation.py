"""A parked vehicle narrows our lane, and somebody comes towards us: wait behind it, then give it room.

Cause: the parked vehicle and who comes towards us on the lane that one needs. Distractors: cars parked off the lane,
people who stay. Never in fog: nobody could say there that the lane one needs is free.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.roads.layout import CrossSection, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: how far the vehicle stands in the lane, and one to three cars that come towards us meanwhile."""
    speed = float(rng.uniform(6.5, 11.0))
    driver = setting.driver_of(rng, speed)
    section = CrossSection(float(rng.uniform(3.2, 3.7)), ("oncoming",), 0, float(rng.uniform(0.6, 1.8)))
    layout = plain_road(path_from_curvature(setting.gentle_bends(rng, 520.0)), section)
    begins_s = float(rng.uniform(5.0, 6.4))  # when one would begin to swing out
    first_m = setting.START_M + EGO.front_m + 3.0 + speed * (begins_s + driver.nudge_s)
    make = setting.truck if rng.random() < 0.35 else setting.car
    parked = make(rng, "parked0", "ego", 0.0, 0.0, desired_mps=0.0)
    half_m = section.lane_width_m / 2
    least_m = max(1.1, section.lane_width_m - 2.2)  # less would leave room for who comes
    offset_m = float(rng.uniform(least_m, half_m - 0.12))  # over the line, not onto that lane
    into_m = offset_m + half_m - EGO.width_m / 2 - driver.clearance_m
    lateral = -(half_m - into_m + parked.width_m / 2)
    parked = replace(parked, s_m=first_m + parked.length_m / 2, lateral_m=lateral)
    meets_s = begins_s + float(rng.uniform(2.2, 3.8))
    agents = [parked, *_towards(rng, layout.routes["left1"].length_m, first_m, meets_s)]
    agents += setting.bystanders(rng, section, 90.0, first_m + 60.0)
    return Scene(
        *("nudge_preparation", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, layout.routes["ego"], section),
        look=setting.clear_look_of(rng),
    )


def _towards(rng: np.random.Generator, length_m: float, at_m: float, meets_s: float) -> list[Agent]:
    """Cars that come past the parked vehicle from `meets_s` on, one after the other."""
    speed, cars = float(rng.uniform(7.0, 11.0)), list[Agent]()
    s = length_m - at_m - speed * meets_s
    for i in range(int(rng.integers(1, 4))):
        car = setting.car(rng, f"oncoming{i}", "left1", s, speed)
        if s < 6.0:
            break
        cars.append(car)
        s -= car.length_m + speed * float(rng.uniform(1.2, 1.7)) + 2.0
    return cars
