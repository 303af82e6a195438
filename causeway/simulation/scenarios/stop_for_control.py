"""Stop at a red light or a stop sign, and go when it turns green or the crossing road is free.

Cause: the light over the ego's lane, or the sign beside it. Distractors: lights of other lanes that show something
else, cars that obey them or go first, people who wait at the kerb.
"""

import numpy as np

from causeway.simulation.expert.speed_laws import EASE_PER_S
from causeway.simulation.roads.furniture import with_stop_sign
from causeway.simulation.roads.layout import CrossSection, Junction, Layout, Phases, road_with_junction
from causeway.simulation.roads.road import Path, path_from_curvature
from causeway.simulation.scenarios import crossroad, setting
from causeway.simulation.scenarios.crossroad import YELLOW_S, us
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO

LAST_GREEN_S = 12.2
SIGN_SHARE = 0.35


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: how fast and how far away, and when the light turns red and green or who crosses at the sign."""
    speed = float(rng.uniform(6.0, 14.0))
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 520.0))
    brake = max(float(rng.uniform(1.6, 2.6)), speed / 5.2)
    driver = Driver(**{**vars(setting.driver_of(rng, speed)), "brake_mps2": brake})
    start_s = float(rng.uniform(2.7, 4.2))
    brake_m = speed**2 / (2 * brake) + brake / (2 * EASE_PER_S**2) + 1.0
    line_m = setting.START_M + speed * (start_s + 0.3) + brake_m + EGO.front_m
    standing_s = start_s + speed / brake + 2.0
    make = _with_sign if rng.random() < SIGN_SHARE else _with_light
    layout, agents = make(rng, path, section, line_m, (start_s, standing_s), driver)
    agents += crossroad.off_road(setting.bystanders(rng, section, 90.0, line_m + 20.0), layout)
    return Scene(
        *("stop_for_control", seed, layout, driver, setting.START_M, speed, tuple(agents)),
        props=setting.props_along(rng, path, section, (line_m - 4.0, line_m + 22.0)),
        look=setting.look_of(rng),
    )


def _with_light(
    rng: np.random.Generator,
    path: Path,
    section: CrossSection,
    line_m: float,
    times_s: tuple[float, float],
    driver: Driver,
) -> tuple[Layout, list[Agent]]:
    green_s = min(times_s[1] + float(rng.uniform(0.0, 2.5)), LAST_GREEN_S)
    phases = _phases(rng, times_s[0], green_s, driver)
    junction = Junction(0.0, phases, cross=crossroad.opposite(phases["ego"]))
    layout = road_with_junction(path, section, Junction(line_m + junction.half_m, phases, junction.cross))
    agents = crossroad.approaching(rng, layout)
    return layout, agents + setting.other_traffic(rng, section, layout.routes, driver.set_speed_mps)


def _with_sign(
    rng: np.random.Generator,
    path: Path,
    section: CrossSection,
    line_m: float,
    times_s: tuple[float, float],
    driver: Driver,
) -> tuple[Layout, list[Agent]]:
    """Cars cross until shortly after we stand; traffic of our own road is not there: it would have to stop as well."""
    junction = Junction(0.0, {"ego": ((0, "red"),)}, cross=((0, "green"),))
    layout = road_with_junction(path, section, Junction(line_m + junction.half_m, junction.phases, junction.cross))
    agents = crossroad.passing(rng, layout, times_s[0], times_s[1] + float(rng.uniform(-2.0, 1.5)))
    return with_stop_sign(layout, section), agents


def _phases(rng: np.random.Generator, brake_s: float, green_s: float, driver: Driver) -> dict[str, Phases]:
    """Phases by lane: red from the start, or yellow shortly before one has to brake; another lane shows another."""
    green = us(green_s)
    ours: Phases = ((0, "red"), (green, "green"))
    if rng.random() < 0.5:
        yellow = us(brake_s - driver.reaction_s - float(rng.uniform(0.0, 1.0)))
        ours = ((0, "green"), (yellow, "yellow"), (yellow + us(YELLOW_S), "red"), (green, "green"))
    others: list[Phases] = [((0, "red"),), ((0, "green"),), ours]
    return {"ego": ours, "left1": others[int(rng.integers(3))], "right1": ours}
