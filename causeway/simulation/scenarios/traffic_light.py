"""Stop at a red light and go when it turns green.

Cause: the light over the ego's lane. Distractors: lights of other lanes that show something else, cars that obey them,
people who wait at the kerb.
"""

import numpy as np

from causeway.simulation.agents import Agent
from causeway.simulation.road import path_from_curvature
from causeway.simulation.road_layout import Junction, Layout, Phases, road_with_junction
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.speed_laws import EASE_PER_S
from causeway.simulation.vehicle import EGO

YELLOW_S = 3.0
LAST_GREEN_S = 12.2


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: how fast and how far away, when the light turns red (or has been) and when green."""
    speed = float(rng.uniform(7.0, 13.5))
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 520.0))
    brake = max(float(rng.uniform(1.6, 2.6)), speed / 5.2)
    driver = Driver(**{**vars(setting.driver_of(rng, speed)), "brake_mps2": brake})
    start_s = float(rng.uniform(2.7, 4.2))
    brake_m = speed**2 / (2 * brake) + brake / (2 * EASE_PER_S**2) + 1.0
    at_m = setting.START_M + speed * (start_s + 0.3) + brake_m + EGO.front_m
    standing_s = start_s + speed / brake + 2.0
    phases = _phases(rng, start_s, min(standing_s + float(rng.uniform(0.0, 2.5)), LAST_GREEN_S), driver)
    junction = Junction(0.0, phases, cross=_opposite(phases["ego"]))
    junction = Junction(at_m + junction.half_m, phases, junction.cross)
    layout = road_with_junction(path, section, junction)
    agents = setting.bystanders(rng, section, 90.0, at_m + 20.0) + _crossing(rng, layout)
    agents += setting.other_traffic(rng, section, layout.routes, speed)
    free = (at_m - 4.0, at_m + 2 * junction.half_m + 4.0)
    return Scene(
        *("traffic_light", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, free),
        look=setting.look_of(rng),
    )


def _phases(rng: np.random.Generator, brake_s: float, green_s: float, driver: Driver) -> dict[str, Phases]:
    """Phases by lane: red from the start, or yellow shortly before one has to brake; another lane shows another."""
    green = _us(green_s)
    ours: Phases = ((0, "red"), (green, "green"))
    if rng.random() < 0.5:
        yellow = _us(brake_s - driver.reaction_s - float(rng.uniform(0.0, 1.0)))
        ours = ((0, "green"), (yellow, "yellow"), (yellow + _us(YELLOW_S), "red"), (green, "green"))
    others: list[Phases] = [((0, "red"),), ((0, "green"),), ours]
    return {"ego": ours, "left1": others[int(rng.integers(3))], "right1": ours}


def _opposite(ours: Phases) -> Phases:
    """The crossing road: green while ours is red, and clear two seconds before ours turns green."""
    red_us = next(start for start, state in ours if state == "red")
    green_us = next(start for start, state in ours if state == "green" and start > red_us)
    stop_us = max(green_us - _us(YELLOW_S + 1.5), red_us + 1)
    before: Phases = ((0, "red"), (red_us + _us(1.0), "green")) if red_us else ((0, "green"),)
    earlier = [p for p in before if p[0] < stop_us]
    return (*earlier, (stop_us, "yellow"), (stop_us + _us(YELLOW_S), "red"))


def _crossing(rng: np.random.Generator, layout: Layout) -> list[Agent]:
    """Cars on the crossing road."""
    cars: list[Agent] = []
    for name in ("cross_left", "cross_right"):
        stop = next(s for route, s, _ in layout.stops if route == name)
        s = stop - float(rng.uniform(6.0, 40.0))
        while s > 4.0 and rng.random() < 0.6:
            cars.append(setting.car(rng, f"{name}_{len(cars)}", name, s, float(rng.uniform(6.0, 9.0))))
            s -= float(rng.uniform(12.0, 30.0))
    return cars


def _us(seconds: float) -> int:
    return round(seconds * 10) * 100_000
