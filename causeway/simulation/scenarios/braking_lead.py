"""A lead that brakes on a road that may have a junction: what `slow_for_lead` and `stop_for_lead` share.

Cause: the lead vehicle. Distractors: cars on other lanes that do not brake, people who stay on the pavement and, in
some scenes, a junction whose light for our lane stays green while another lane's is red.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.expert.speed_laws import equilibrium_gap_m
from causeway.simulation.roads.layout import Junction, Phases, plain_road, road_with_junction
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import crossroad, setting
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO


def lead_scene(rng: np.random.Generator, name: str, seed: int, slow_share: float) -> Scene:
    """One scene: the lead brakes to a share of its speed (0: to a stand), and later goes on."""
    speed = float(rng.uniform(7.0, 17.0))
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 560.0))
    driver = setting.driver_of(rng, speed * float(rng.uniform(1.02, 1.3)))
    layout, at_m = plain_road(path, section), -100.0
    if rng.random() < 0.4:
        at_m = setting.START_M + float(rng.uniform(40.0, 160.0))
        phases: dict[str, Phases] = {"ego": ((0, "green"),), "left1": ((0, "red"),)}
        layout = road_with_junction(path, section, Junction(at_m, phases, cross=((0, "red"),)))
    agents = crossroad.off_road(setting.bystanders(rng, section, 90.0, 240.0), layout)
    agents.append(_lead(rng, speed, driver.headway_s, slow_share))
    agents += setting.other_traffic(rng, section, layout.routes, speed)
    free = (at_m - 16.0, at_m + 16.0)
    return Scene(
        *(name, seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, free),
        look=setting.look_of(rng),
    )


def _lead(rng: np.random.Generator, speed: float, headway_s: float, slow_share: float) -> Agent:
    make = setting.truck if rng.random() < 0.2 else setting.car
    lead = make(rng, "lead", "ego", 0.0, speed, script=_script(rng, speed, slow_share))
    gap = equilibrium_gap_m(speed, headway_s)
    return replace(lead, s_m=setting.START_M + EGO.front_m + gap + lead.length_m / 2)


def _script(rng: np.random.Generator, speed: float, slow_share: float) -> tuple[tuple[int, float, float], ...]:
    """Brake at 2.2 … 4.5 s, stay slow, and go on later: who stands, when a driver behind stands as well."""
    start_s, brake = float(rng.uniform(2.2, 4.5)), max(float(rng.uniform(1.6, 3.2)), speed / 5.5)
    slow = speed * slow_share
    slowed_s = start_s + (speed - slow) / brake
    stays_s = float(rng.uniform(5.0, 7.5) if slow == 0.0 else rng.uniform(1.0, 3.5))
    go_s = min(slowed_s + stays_s, 15.5)
    last = speed * float(rng.uniform(0.8, 1.0))
    return (
        (round(start_s * 10) * 100_000, slow, brake),
        (round(go_s * 10) * 100_000, last, float(rng.uniform(1.0, 1.8))),
    )
