"""A junction whose light is green for us, and stays so: go through it at the same speed.

Cause to go on: the green light of our lane. Distractors: red lights for other lanes and the crossing road with cars
that wait there, people who stay at the kerb, a car ahead that goes through as well.
"""

import numpy as np

from causeway.simulation.roads.layout import Junction, Phases, road_with_junction
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import crossroad, setting
from causeway.simulation.scene import Scene
from causeway.simulation.vehicle import EGO


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: how fast we come, when we are there, what other lights show."""
    speed = float(rng.uniform(7.0, 15.0))
    driver = setting.driver_of(rng, speed)
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 560.0))
    line_m = setting.START_M + EGO.front_m + speed * float(rng.uniform(3.0, 10.0))
    left: Phases = ((0, "red"),) if rng.random() < 0.5 else ((0, "green"),)
    phases: dict[str, Phases] = {"ego": ((0, "green"),), "left1": left}
    junction = Junction(0.0, phases, cross=((0, "red"),))
    at_m = line_m + junction.half_m
    layout = road_with_junction(path, section, Junction(at_m, phases, junction.cross))
    agents = crossroad.off_road(setting.bystanders(rng, section, 90.0, line_m + 20.0), layout)
    agents += crossroad.waiting(rng, layout)
    agents += setting.other_traffic(rng, section, layout.routes, speed)
    if rng.random() < 0.4:
        ahead = setting.START_M + EGO.front_m + speed * float(rng.uniform(2.6, 4.5)) + 3.0
        agents.append(setting.car(rng, "ahead", "ego", ahead, speed * float(rng.uniform(1.0, 1.15))))
    return Scene(
        *("pass_intersection", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, (line_m - 4.0, at_m + junction.half_m + 4.0)),
        look=setting.look_of(rng),
    )
