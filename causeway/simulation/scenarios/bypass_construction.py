"""Works take part of our lane: slow down, and pass them by leaving the lane's middle or by changing lanes.

Cause: the cones. Distractors: works behind the kerb on the other side, cars on the lane beside, people who stay.
"""

import numpy as np

from causeway.simulation.roads.layout import CrossSection, Layout, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.roads.works import row_of_cones, with_cones, with_sign
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene, Want
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO

TAPER_M = 14.0
SEEN_M = 72.0  # the first cone, in fog as well, a moment before one knows of it


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: how far the works reach into the lane, or that they close it; how long they are."""
    closes = rng.random() < 0.4
    speed = float(rng.uniform(8.0, 13.0))
    driver = setting.driver_of(rng, speed)
    left = ("same",) if closes else (("oncoming",), ("same",), ("same", "oncoming"))[int(rng.integers(3))]
    section = CrossSection(float(rng.uniform(3.4, 3.8)), left, 0, float(rng.uniform(0.8, 1.8)))
    layout = plain_road(path_from_curvature(setting.gentle_bends(rng, 560.0)), section)
    first_m = setting.START_M + EGO.front_m + TAPER_M + 5.0 + speed * (float(rng.uniform(3.2, 4.6)) + driver.nudge_s)
    last_m = first_m + float(rng.uniform(10.0, 30.0))
    width = section.lane_width_m
    into = float(rng.uniform(0.1, 0.6)) if closes else -width / 2 + float(rng.uniform(0.7, 1.3))
    layout = with_cones(layout, "cone", row_of_cones(first_m, last_m, -width / 2 - 0.3, into, TAPER_M))
    layout = with_sign(layout, section, "work_sign", first_m - TAPER_M - float(rng.uniform(25.0, 45.0)))
    wants: tuple[Want, ...] = ()
    if closes:
        known_m = first_m - TAPER_M - speed * (driver.nudge_s * 1.25 + float(rng.uniform(1.5, 3.0))) - EGO.front_m
        known_m = max(known_m, first_m - TAPER_M - SEEN_M)
        by_m = first_m - TAPER_M + 4.0
        wants = (Want(width, max(known_m, setting.START_M + 2.6 * speed), by_m, "odd_constraint", "cone", "cone0"),)
    agents = [*_works(rng, section, first_m, last_m), *_beside(rng, section, layout, speed)]
    agents += setting.bystanders(rng, section, 90.0, last_m + 40.0)
    return Scene(
        *("bypass_construction", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, layout.routes["ego"], section),
        look=setting.look_of(rng),
        wants=wants,
    )


def _works(rng: np.random.Generator, section: CrossSection, from_m: float, to_m: float) -> list[Agent]:
    """A barrier behind the cones, and sometimes works on the other side of the road that are in nobody's way."""
    aside = -(section.lane_width_m / 2 + 0.5)
    shape = {"lateral_m": aside, "length_m": 0.4, "width_m": 1.4, "height_m": 1.0, "colour": (210, 80, 40)}
    barriers = [Agent("barrier0", "static", "ego", (from_m + to_m) / 2, 0.0, 0.0, **shape)]  # type: ignore[arg-type]
    if rng.random() < 0.4:
        shape["lateral_m"] = section.left_edge_m + 1.6
        barriers.append(Agent("barrier1", "static", "ego", from_m - 20.0, 0.0, 0.0, **shape))  # type: ignore[arg-type]
    return barriers


def _beside(rng: np.random.Generator, section: CrossSection, layout: Layout, speed: float) -> list[Agent]:
    """Cars on the lane to the left that are in nobody's way."""
    if section.left[0] == "oncoming":
        s = layout.routes["left1"].length_m - setting.START_M - float(rng.uniform(20.0, 60.0))
        return [setting.car(rng, "oncoming0", "left1", s, speed)]
    ahead = setting.START_M + speed * float(rng.uniform(2.8, 5.0))
    behind = setting.START_M - speed * 2.4 - float(rng.uniform(0.0, 15.0))
    cars = [setting.car(rng, "beside_ahead", "left1", ahead, speed * float(rng.uniform(1.0, 1.15)))]
    if behind > 5.0:
        cars.append(setting.car(rng, "beside_behind", "left1", behind, speed * float(rng.uniform(0.6, 0.75))))
    return cars
