"""A curve that asks for less speed, or is entered as fast as one comes, and a straight after it.

Cause: the curve of the ego's lane. Distractors: a car ahead that keeps its speed, people who stay, traffic on other
lanes.
"""

import math

import numpy as np

from causeway.simulation.roads.layout import plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene

BRAKES_SHARE = 0.8


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: which way, how tight and how long the curve is, and how fast one comes."""
    speed = float(rng.uniform(11.0, 17.0))
    driver = setting.driver_of(rng, speed)
    # some curves can be entered as fast as one comes, and are felt all the same
    slow = speed * float(rng.uniform(0.45, 0.7) if rng.random() < BRAKES_SHARE else rng.uniform(1.02, 1.15))
    curvature = driver.lateral_accel_mps2 / slow**2 * (1.0 if rng.random() < 0.5 else -1.0)
    angle = float(rng.uniform(math.radians(45), math.radians(95)))
    brake_s = float(rng.uniform(3.0, 5.5))
    before = setting.START_M + speed * brake_s + max(speed**2 - slow**2, 0.0) / (2 * driver.brake_mps2) + 5.0
    pieces = [(before, 0.0), (angle / abs(curvature), curvature), (420.0, 0.0)]
    path = path_from_curvature(pieces)
    section = setting.section_of(rng)
    layout = plain_road(path, section)
    agents = setting.bystanders(rng, section, 90.0, before + 60.0)
    agents += setting.other_traffic(rng, section, layout.routes, speed)
    if rng.random() < 0.4:
        ahead = setting.START_M + speed * float(rng.uniform(3.0, 5.0))
        agents.append(setting.car(rng, "ahead", "ego", ahead, speed * float(rng.uniform(1.02, 1.15))))
    return Scene(
        *("curve", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section),
        look=setting.look_of(rng),
    )
