"""A curve that asks for less speed, and a straight after it that lets one have it back.

Cause: the curve of the ego's lane. Distractors: a car ahead that keeps its speed, people who stay, traffic on other
lanes.
"""

import math

import numpy as np

from causeway.simulation.road import path_from_curvature
from causeway.simulation.road_layout import plain_road
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: which way, how tight and how long the curve is, and how fast one comes."""
    speed = float(rng.uniform(11.0, 17.0))
    driver = setting.driver_of(rng, speed)
    slow = speed * float(rng.uniform(0.45, 0.7))
    curvature = driver.lateral_accel_mps2 / slow**2 * (1.0 if rng.random() < 0.5 else -1.0)
    angle = float(rng.uniform(math.radians(45), math.radians(95)))
    brake_s = float(rng.uniform(3.0, 5.5))
    before = setting.START_M + speed * brake_s + (speed**2 - slow**2) / (2 * driver.brake_mps2) + 5.0
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
