"""Somebody drives dangerously: weaves into our lane, comes towards us on our side, backs up, or cuts in hard.

Cause: that vehicle. Distractors: others on the same lanes that drive as they should, people who stay.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.expert.risks import BACKS_UP_M
from causeway.simulation.expert.speed_laws import equilibrium_gap_m
from causeway.simulation.roads.layout import CrossSection, Layout, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import setting
from causeway.simulation.scenarios.cut_in import cutting_in
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO

ROLE = "risky"


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene of one of four dangers."""
    danger = ("weaves", "oncoming", "backs_up", "cuts_in")[int(rng.integers(4))]
    speed = float(rng.uniform(8.0, 14.0))
    driver = setting.driver_of(rng, speed)
    left = ("same", "oncoming") if danger in ("weaves", "cuts_in") else ("oncoming",)
    section = setting.wide_section(rng, left, int(rng.integers(0, 2)))
    section = replace(section, shoulder_m=max(section.shoulder_m, 1.2))
    layout = plain_road(path_from_curvature(setting.gentle_bends(rng, 560.0)), section)
    risky = {"weaves": _weaves, "oncoming": _oncoming, "backs_up": _backs_up, "cuts_in": _cuts_in}[danger]
    agents = [risky(rng, driver, section, layout), *setting.bystanders(rng, section, 90.0, 220.0)]
    others = setting.other_traffic(rng, section, layout.routes, speed)
    agents += [a for a in others if a.route != agents[0].route]
    return Scene(
        *("risky_driving", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, layout.routes["ego"], section),
        look=setting.look_of(rng),
    )


def _weaves(rng: np.random.Generator, driver: Driver, section: CrossSection, _: Layout) -> Agent:
    """A car on the lane beside that swings into ours and back, again and again."""
    speed, slower = driver.set_speed_mps, driver.set_speed_mps * float(rng.uniform(0.8, 0.9))
    begins_s, takes_s = float(rng.uniform(3.0, 4.4)), float(rng.uniform(1.5, 2.2))
    far = -section.lane_width_m * float(rng.uniform(0.6, 0.8))
    swings = tuple((setting.us(begins_s + i * takes_s), far if i % 2 == 0 else 0.0, takes_s) for i in range(4))
    wanted_m = equilibrium_gap_m(speed, driver.headway_s) + speed * (speed - slower) / 3.06
    gap = wanted_m * float(rng.uniform(0.6, 0.75)) + (speed - slower) * (begins_s + 1.0)
    s_m = setting.START_M + EGO.front_m + gap + 2.3
    return setting.car(rng, "risky0", "left1", s_m, slower, sideways=swings, role=ROLE)


def _oncoming(rng: np.random.Generator, driver: Driver, section: CrossSection, layout: Layout) -> Agent:
    """A car that comes towards us and drifts over the middle of the road until it is past."""
    speed, towards = driver.set_speed_mps, float(rng.uniform(7.0, 11.0))
    meets_s = float(rng.uniform(6.2, 8.5))
    meets_m = setting.START_M + speed * meets_s
    drifts_s = meets_s - float(rng.uniform(3.6, 4.6))
    s_m = layout.routes["left1"].length_m - meets_m - towards * meets_s
    over_m = float(rng.uniform(0.35, 0.7))
    width = float(rng.uniform(1.75, 1.95))
    far = section.lane_width_m / 2 - width / 2 + over_m
    drift = ((setting.us(drifts_s), far, 1.8), (setting.us(meets_s + 1.0), 0.0, 2.5))
    return setting.car(rng, "risky0", "left1", s_m, towards, sideways=drift, role=ROLE, width_m=width)


def _backs_up(rng: np.random.Generator, driver: Driver, section: CrossSection, _: Layout) -> Agent:
    """A car that stands far ahead of us and comes back before we would slow for one that stands."""
    speed = driver.set_speed_mps
    backs_s = float(rng.uniform(2.6, 4.0))
    slows_m = equilibrium_gap_m(speed, driver.headway_s) + speed**2 / 3.06 + BACKS_UP_M
    gap_m = slows_m + speed * (driver.reaction_s + 0.7)
    s_m = setting.START_M + EGO.front_m + speed * backs_s + gap_m + 2.5
    lasts_s, back = float(rng.uniform(4.6, 6.0)), float(rng.uniform(1.0, 1.8))
    script = (
        (setting.us(backs_s), -back, 1.5),
        (setting.us(backs_s + lasts_s), 0.0, 1.5),
        (setting.us(backs_s + lasts_s + 1.5), speed, 1.4),
    )
    return setting.car(rng, "risky0", "ego", s_m, 0.0, desired_mps=speed, script=((0, 0.0, 1.0), *script), role=ROLE)


def _cuts_in(rng: np.random.Generator, driver: Driver, section: CrossSection, _: Layout) -> Agent:
    """A car that cuts in with half the gap that we would like, without a signal."""
    share = float(rng.uniform(0.5, 0.56))
    agent = cutting_in(rng, driver, "left1", section.lane_width_m, share, ROLE)
    s, _to, takes_s = agent.sideways[0]
    return replace(agent, track_id="risky0", indicator=(), sideways=((s, _to, 0.6 * takes_s),))
