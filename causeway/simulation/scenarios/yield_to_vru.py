"""Somebody on foot or on a bicycle crosses our way: let them go first. Or a cyclist rides ahead: give them room.

Cause: who crosses, on a crosswalk without lights or where there is none, or who rides at the edge of our lane. Who
crosses sets off when we come, so that whoever does not slow down meets them. Distractors: people who stay at the kerb
or walk along the pavement.
"""

import numpy as np

from causeway.simulation.roads.furniture import WALK_REACH_M, with_crosswalk, with_walk
from causeway.simulation.roads.layout import plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import people, setting
from causeway.simulation.scenarios.nudge import room_scene
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.traffic.agents import Agent, Trigger
from causeway.simulation.vehicle import EGO

RIDES_SHARE = 0.2
SOONEST_S, LONGEST_S = 6.0, 8.5  # when we would be there at the soonest; how long they walk at the longest


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: who crosses from where, how fast, alone or not, and how fast we come."""
    if rng.random() < RIDES_SHARE:
        return room_scene(rng, "yield_to_vru", seed, rides=True)
    speed = float(rng.uniform(6.0, 13.0))
    driver = setting.driver_of(rng, speed)
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 480.0))
    kind, from_right = people.kind_of(rng), bool(rng.random() < 0.6)
    walk_mps = float(rng.uniform(2.0, 3.2) if kind == "cyclist" else rng.uniform(0.9, 1.8))
    edge_m = section.right_edge_m if from_right else section.left_edge_m
    before_m = _before_edge(rng, driver, walk_mps, edge_m)
    walk_mps = max(walk_mps, (before_m + edge_m) / LONGEST_S)
    meet_s = (before_m + edge_m) / walk_mps + walk_mps / (2 * people.SETS_OFF_MPS2)
    sets_off_s = max(float(rng.uniform(1.0, 3.0)), SOONEST_S - meet_s)
    ego_m = setting.START_M + EGO.front_m + speed * sets_off_s
    at_m = ego_m + speed * (meet_s - float(rng.uniform(0.0, 0.5)))
    layout = with_walk(plain_road(path, section), section, "walk0", at_m, from_right)
    if rng.random() < 0.65:
        layout = with_crosswalk(layout, section, "crosswalk0", at_m)
    agents = [people.walker(rng, "vru0", kind, "walk0", before_m, people.crosses(Trigger(ego_m=ego_m), walk_mps))]
    agents += _others(rng, kind, before_m, ego_m, walk_mps)
    agents += setting.bystanders(rng, section, 90.0, at_m + 40.0, at_m)
    agents += people.strollers(rng, section, at_m + 5.0, at_m + 50.0)
    return Scene(
        *("yield_to_vru", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, (at_m - 14.0, at_m + 8.0)),
        look=setting.look_of(rng),
    )


def _before_edge(rng: np.random.Generator, driver: Driver, walk_mps: float, edge_m: float) -> float:
    """How far before the edge they stand: so far that a driver who sees them set off can brake in comfort."""
    speed = driver.set_speed_mps
    stops_s = driver.reaction_s + 1.0 + speed / (2 * driver.brake_mps2) + 5.0 / speed
    return min(max(float(rng.uniform(0.5, 3.0)), stops_s * walk_mps - edge_m), WALK_REACH_M - 1.0)


def _others(rng: np.random.Generator, kind: str, before_m: float, ego_m: float, walk_mps: float) -> list[Agent]:
    """Sometimes a second one goes along, a little behind."""
    if kind == "cyclist" or rng.random() < 0.6:
        return []
    behind_m = min(before_m + float(rng.uniform(0.8, 1.5)), WALK_REACH_M - 0.3)
    script = people.crosses(Trigger(ego_m=ego_m), walk_mps * 0.95)
    return [people.walker(rng, "vru1", kind, "walk0", behind_m, script)]
