"""Somebody comes to the edge of the road as if to cross, but lets us go first: go on.

Cause to go on: the free lane, or the green light where they have a red one. Distractors: it looks like `yield_to_vru`
until they stand; other people stay or walk along.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.roads.furniture import with_walk
from causeway.simulation.roads.layout import Junction, plain_road, road_with_junction
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import crossroad, people, setting
from causeway.simulation.scene import Scene
from causeway.simulation.vehicle import EGO


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: who comes, how fast, and whether a light says who goes first."""
    speed = float(rng.uniform(7.0, 13.0))
    driver = setting.driver_of(rng, speed)
    # near the kerb, so that it is not far to walk: who is far away shows nothing
    section = replace(setting.section_of(rng), right=0, shoulder_m=float(rng.uniform(0.4, 1.0)))
    path = path_from_curvature(setting.gentle_bends(rng, 520.0))
    at_m = setting.START_M + EGO.front_m + speed * float(rng.uniform(6.5, 10.0))
    layout, free = plain_road(path, section), (at_m - 10.0, at_m + 6.0)
    if rng.random() < 0.6:
        junction = Junction(0.0, {"ego": ((0, "green"),), "left1": ((0, "green"),)}, cross=((0, "red"),))
        middle_m = at_m + junction.half_m - 2.5  # they stand at the near crosswalk
        layout = road_with_junction(path, section, Junction(middle_m, junction.phases, junction.cross))
        free = (at_m - 10.0, middle_m + junction.half_m + 4.0)
    kind = people.kind_of(rng)
    layout = with_walk(layout, section, "walk0", at_m, from_right=True)
    walk_mps = float(rng.uniform(1.2, 1.9) if kind == "pedestrian" else rng.uniform(1.8, 2.6))
    before_m, stays_m = float(rng.uniform(3.7, 5.0)), float(rng.uniform(0.4, 1.0))
    seen_m = float(rng.uniform(26.0, 36.0))  # how far before them our front is when they set off
    start_s = (at_m - seen_m - setting.START_M - EGO.front_m) / speed
    script = people.comes_to_the_edge(start_s, before_m - stays_m, walk_mps)
    agents = [people.walker(rng, "vru0", kind, "walk0", before_m, script, people.WAITS)]
    others = setting.bystanders(rng, section, 90.0, at_m + 60.0, at_m)
    others += people.strollers(rng, section, at_m + 5.0, at_m + 50.0)
    agents += crossroad.off_road(others, layout)
    agents += setting.other_traffic(rng, section, layout.routes, speed)
    return Scene(
        *("no_yield_to_vru", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, free),
        look=setting.look_of(rng),
    )
