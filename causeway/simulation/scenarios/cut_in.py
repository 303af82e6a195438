"""Somebody on the lane beside moves into ours, close ahead: let them in.

Cause: the vehicle that cuts in; it signals first, or drifts over first. Distractors: cars on that lane that stay there,
one of which may signal for a while and not move, and a lead far ahead.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.expert.speed_laws import equilibrium_gap_m
from causeway.simulation.roads.layout import plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO

LEAST_SLOWER_MPS = 1.5  # for less nobody has to slow down
SOONEST_S = 2.2  # before that there is too little to look back at
ENTERS_SHARE = 0.4  # of the movement, after which one is in our lane


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: from which side, how close, how much slower, and whether it signals."""
    speed = float(rng.uniform(9.0, 18.0))
    driver = setting.driver_of(rng, speed)
    from_left = rng.random() < 0.6
    left = (("same",), ("same", "same"), ("same", "oncoming"))[int(rng.integers(3))] if from_left else ("oncoming",)
    section = setting.wide_section(rng, left, int(rng.integers(0, 2)) if from_left else int(rng.integers(1, 3)))
    layout = plain_road(path_from_curvature(setting.gentle_bends(rng, 660.0)), section)
    beside = "left1" if from_left else "right1"
    side = 1.0 if from_left else -1.0
    cutter = cutting_in(rng, driver, beside, side * section.lane_width_m, float(rng.uniform(0.62, 0.85)))
    agents = [cutter, *_staying(rng, cutter, beside, speed), *setting.bystanders(rng, section, 90.0, 220.0)]
    if rng.random() < 0.4:
        gap = equilibrium_gap_m(speed, driver.headway_s) + float(rng.uniform(30.0, 60.0))
        agents.append(setting.car(rng, "lead", "ego", cutter.s_m + gap, speed * 1.03))
    others = setting.other_traffic(rng, section, layout.routes, speed)
    agents += [a for a in others if a.route != beside]
    return Scene(
        *("cut_in", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, layout.routes["ego"], section),
        look=setting.look_of(rng),
    )


def cutting_in(
    rng: np.random.Generator, driver: Driver, route: str, lane_m: float, share: float, role: str = "cuts_in"
) -> Agent:
    """Who moves from its lane, `lane_m` beside ours, into ours, with a `share` of the gap we would like."""
    speed = driver.set_speed_mps
    slower = min(speed * float(rng.uniform(0.8, 0.92)), speed - LEAST_SLOWER_MPS)
    moves_s, takes_s = float(rng.uniform(3.2, 5.0)), float(rng.uniform(2.8, 4.2))
    signals = rng.random() < 0.65
    shows_s = max(moves_s - float(rng.uniform(0.8, 1.8)), SOONEST_S)
    signal = ((setting.us(shows_s), takes_s + 1.5, -1 if lane_m > 0 else 1),)
    wanted_m = equilibrium_gap_m(speed, driver.headway_s) + speed * (speed - slower) / 3.06
    gap = share * wanted_m + (speed - slower) * (moves_s + ENTERS_SHARE * takes_s)
    make = setting.truck if rng.random() < 0.2 else setting.car
    agent = make(rng, "cutter", route, 0.0, slower)
    return replace(
        agent,
        s_m=setting.START_M + EGO.front_m + gap + agent.length_m / 2,
        sideways=((setting.us(moves_s), -lane_m, takes_s),),
        indicator=signal if signals else (),
        role=role,
    )


def _staying(rng: np.random.Generator, cutter: Agent, route: str, speed: float) -> list[Agent]:
    """Cars on the lane beside that stay there; one may signal all the same, behind us where nobody minds."""
    cars = []
    if rng.random() < 0.7:
        ahead = cutter.s_m + 14.0 + float(rng.uniform(10.0, 40.0))
        cars.append(setting.car(rng, "stays0", route, ahead, speed * float(rng.uniform(0.95, 1.1))))
    if rng.random() < 0.5:
        behind = setting.START_M - float(rng.uniform(20.0, 45.0))
        blinks = ((setting.us(float(rng.uniform(1.0, 6.0))), 2.0, 1),)
        cars.append(setting.car(rng, "stays1", route, behind, speed * 0.9, indicator=blinks))
    return cars
