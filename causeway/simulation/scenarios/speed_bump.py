"""A bump over the road: slow down for it, and go on after it.

Cause: the bump. Distractors: a crosswalk that nobody uses, people who stay or walk along, a car ahead that is faster.
"""

import numpy as np

from causeway.simulation.roads.furniture import with_bump, with_crosswalk
from causeway.simulation.roads.layout import plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import people, setting
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.vehicle import EGO


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: how fast one comes, how far the bump is, and whether there is a second one."""
    speed = float(rng.uniform(7.0, 13.0))
    taste = vars(setting.driver_of(rng, speed))
    driver = Driver(**{**taste, "bump_mps": float(rng.uniform(2.8, 4.5))})
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 480.0))
    brake_m = (speed**2 - driver.bump_mps**2) / (2 * driver.brake_mps2)
    at_m = setting.START_M + EGO.front_m + speed * float(rng.uniform(3.0, 5.5)) + brake_m
    layout = with_bump(plain_road(path, section), section, "bump0", at_m)
    if rng.random() < 0.3:
        layout = with_bump(layout, section, "bump1", at_m + float(rng.uniform(40.0, 80.0)))
    if rng.random() < 0.4:
        layout = with_crosswalk(layout, section, "crosswalk0", at_m + float(rng.choice([-1.0, 1.0]) * 18.0))
    agents = setting.bystanders(rng, section, 90.0, at_m + 60.0) + people.strollers(rng, section, 90.0, at_m + 40.0)
    if rng.random() < 0.3:
        ahead = at_m + float(rng.uniform(10.0, 30.0))
        agents.append(setting.car(rng, "ahead", "ego", ahead, speed * float(rng.uniform(1.0, 1.2))))
    return Scene(
        *("speed_bump", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section),
        look=setting.look_of(rng),
    )
