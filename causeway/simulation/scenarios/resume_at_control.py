"""Standing at a red light or a stop sign: go when it turns green, or when the crossing road is free.

Cause: our light that turns green; at a sign, the way that has become free. Distractors: another lane's light that is
green all along, cars that cross, people at the kerb.
"""

import numpy as np

from causeway.simulation.expert.lines import LINE_MARGIN_M
from causeway.simulation.roads.furniture import with_stop_sign
from causeway.simulation.roads.layout import CrossSection, Junction, Layout, Phases, road_with_junction
from causeway.simulation.roads.road import Path, path_from_curvature
from causeway.simulation.scenarios import crossroad, setting
from causeway.simulation.scenarios.crossroad import us
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO

SIGN_SHARE = 0.35


def build(rng: np.random.Generator, seed: int) -> Scene:
    """One scene: what one stands at, and when one may go."""
    speed = float(rng.uniform(7.0, 14.0))
    driver = setting.driver_of(rng, speed)
    section, path = setting.section_of(rng), path_from_curvature(setting.gentle_bends(rng, 460.0))
    line_m = setting.START_M + LINE_MARGIN_M + EGO.front_m
    make = _with_sign if rng.random() < SIGN_SHARE else _with_light
    layout, agents = make(rng, path, section, line_m, float(rng.uniform(3.0, 11.0)), speed)
    agents += crossroad.off_road(setting.bystanders(rng, section, 85.0, line_m + 30.0), layout)
    return Scene(
        *("resume_at_control", seed, layout, driver, setting.START_M, 0.0, tuple(agents)),
        props=setting.props_along(rng, path, section, (line_m - 4.0, line_m + 22.0)),
        look=setting.look_of(rng),
    )


def _with_light(
    rng: np.random.Generator, path: Path, section: CrossSection, line_m: float, go_s: float, speed: float
) -> tuple[Layout, list[Agent]]:
    ours: Phases = ((0, "red"), (us(go_s), "green"))
    others: list[Phases] = [((0, "red"),), ((0, "green"),), ours]
    phases = {"ego": ours, "left1": others[int(rng.integers(3))], "right1": ours}
    junction = Junction(0.0, phases, cross=crossroad.opposite(ours))
    layout = road_with_junction(path, section, Junction(line_m + junction.half_m, phases, junction.cross))
    agents = crossroad.approaching(rng, layout)
    return layout, agents + setting.other_traffic(rng, section, layout.routes, speed)


def _with_sign(
    rng: np.random.Generator, path: Path, section: CrossSection, line_m: float, go_s: float, speed: float
) -> tuple[Layout, list[Agent]]:
    junction = Junction(0.0, {"ego": ((0, "red"),)}, cross=((0, "green"),))
    layout = road_with_junction(path, section, Junction(line_m + junction.half_m, junction.phases, junction.cross))
    agents = crossroad.passing(rng, layout, float(rng.uniform(0.3, 1.5)), go_s)
    return with_stop_sign(layout, section), agents
