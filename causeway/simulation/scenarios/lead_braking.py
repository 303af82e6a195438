"""The car ahead brakes, to a lower speed or to a stand, and later goes on.

Cause: the lead vehicle. Distractors: cars on other lanes that do not brake, people who stay on the pavement and, in
some scenes, a junction whose light for our lane stays green while another lane's is red.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.road import path_from_curvature
from causeway.simulation.road_layout import Junction, Phases, plain_road, road_with_junction
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene
from causeway.simulation.speed_laws import equilibrium_gap_m
from causeway.simulation.vehicle import EGO


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: when, how hard and how far down the lead brakes, how long it stays slow, when it goes on."""
    speed = float(rng.uniform(8.0, 16.0))
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 560.0))
    driver = setting.driver_of(rng, speed * float(rng.uniform(1.05, 1.3)))
    layout, at_m = plain_road(path, section), -100.0
    if rng.random() < 0.4:
        at_m = setting.START_M + float(rng.uniform(40.0, 160.0))
        phases: dict[str, Phases] = {"ego": ((0, "green"),), "left1": ((0, "red"),)}
        layout = road_with_junction(path, section, Junction(at_m, phases, cross=((0, "red"),)))
    make = setting.truck if rng.random() < 0.2 else setting.car
    gap = equilibrium_gap_m(speed, driver.headway_s)
    lead = make(rng, "lead", "ego", 0.0, speed, script=_script(rng, speed))
    lead = replace(lead, s_m=setting.START_M + EGO.front_m + gap + lead.length_m / 2)
    agents = [lead, *setting.bystanders(rng, section, 90.0, 240.0)]
    agents += setting.other_traffic(rng, section, layout.routes, speed)
    free = (at_m - 16.0, at_m + 16.0)
    return Scene(
        *("lead_braking", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, free),
        look=setting.look_of(rng),
    )


def _script(rng: np.random.Generator, speed: float) -> tuple[tuple[int, float, float], ...]:
    """Brake at 2.2 … 4.8 s, stay slow, and go on by 10.8 s."""
    start_s, brake = float(rng.uniform(2.2, 4.8)), float(rng.uniform(1.8, 3.0))
    slow = 0.0 if rng.random() < 0.5 else speed * float(rng.uniform(0.15, 0.45))
    slowed_s = start_s + (speed - slow) / brake
    go_s = min(slowed_s + float(rng.uniform(1.0, 3.5)), 10.8)
    last = speed * float(rng.uniform(0.8, 1.0))
    return (
        (round(start_s * 10) * 100_000, slow, brake),
        (round(go_s * 10) * 100_000, last, float(rng.uniform(1.0, 1.8))),
    )
