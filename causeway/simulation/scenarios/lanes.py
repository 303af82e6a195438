"""What the scenarios of changing lanes share: roads, reasons, and who drives on the lane that is wanted.

Knows distributions. Is no scenario itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from causeway.simulation.roads.lane_ends import USABLE_M, road_with_lane_end, road_with_ramp
from causeway.simulation.roads.layout import CrossSection, Layout, plain_road
from causeway.simulation.roads.road import path_from_curvature
from causeway.simulation.scenarios import setting
from causeway.simulation.scene import Scene, Want
from causeway.simulation.traffic.agents import Agent
from causeway.simulation.vehicle import EGO

NOSE_M = 150.0  # where the ramp comes to the larger road
CLEAR_S = 2.2  # to whom is on the wanted lane, at least


@dataclass(frozen=True, eq=False)
class Stage:
    """A road, a reason to change lanes, and who gives it. `beside`: the route of the lane wanted; `since_s`: when the
    reason is known to the driver."""

    layout: Layout
    section: CrossSection
    speed_mps: float
    want: Want
    beside: str
    since_s: float
    agents: tuple[Agent, ...] = ()


def _since_m(speed_mps: float, since_s: float) -> float:
    return setting.START_M + speed_mps * since_s


def slow_lead(rng: np.random.Generator) -> Stage:
    """Somebody ahead drives at half to three quarters of our speed."""
    speed = float(rng.uniform(11.0, 21.0))
    section = setting.wide_section(rng, (("same",), ("same", "same"), ("same", "oncoming"))[int(rng.integers(3))])
    if rng.random() < 0.3:
        section = setting.wide_section(rng, (), 2)
    layout = plain_road(path_from_curvature(setting.gentle_bends(rng, 780.0)), section)
    slow, since_s = speed * float(rng.uniform(0.58, 0.75)), float(rng.uniform(3.6, 5.2))
    gap = 6.0 + 3.5 * speed + (speed - slow) * since_s
    make = setting.truck if rng.random() < 0.4 else setting.car
    lead = make(rng, "lead", "ego", 0.0, slow)
    lead = replace(lead, s_m=setting.START_M + EGO.front_m + gap + lead.length_m / 2)
    side = 1.0 if section.left else -1.0
    want = Want(side * section.lane_width_m, 0.0, np.inf, "critical_object", lead.type, "lead")
    return Stage(layout, section, speed, want, "left1" if side > 0 else "right1", since_s, (lead,))


def lane_end(rng: np.random.Generator) -> Stage:
    """Our lane ends ahead."""
    speed, since_s = float(rng.uniform(8.0, 10.2)), float(rng.uniform(2.8, 5.0))
    section = setting.wide_section(rng, (("same",), ("same", "same"), ("same", "oncoming"))[int(rng.integers(3))])
    from_m = _since_m(speed, since_s)
    by_m = from_m + speed * float(rng.uniform(7.2, 8.0))  # near enough to see where it ends
    layout = road_with_lane_end(path_from_curvature(setting.gentle_bends(rng, 620.0)), section, by_m + USABLE_M)
    want = Want(section.lane_width_m, from_m, by_m, "lane", "lane_end", "ego")
    return Stage(layout, section, speed, want, "left1", since_s)


def ramp(rng: np.random.Generator) -> Stage:
    """Our ramp joins a larger road."""
    speed = float(rng.uniform(13.0, 20.0))
    section = setting.wide_section(rng, (("same",), ("same", "same"))[int(rng.integers(2))])
    bend = -float(rng.uniform(0.002, 0.005))
    path = path_from_curvature([(60.0, 0.0), (60.0, bend), (500.0, 0.0)])
    by_m = NOSE_M + speed * float(rng.uniform(8.0, 11.0)) + 30.0
    layout = road_with_ramp(path, section, NOSE_M, by_m + USABLE_M)
    want = Want(section.lane_width_m, NOSE_M, by_m, "routing_intent", "route_merge", "ego")
    return Stage(layout, section, speed, want, "left1", (NOSE_M - setting.START_M) / speed)


def route(rng: np.random.Generator) -> Stage:
    """The route asks for the lane beside ours."""
    speed, since_s = float(rng.uniform(9.0, 17.0)), float(rng.uniform(2.8, 5.0))
    to_left = rng.random() < 0.5
    left = (("same",), ("same", "oncoming"))[int(rng.integers(2))] if to_left else ("oncoming",)
    section = setting.wide_section(rng, left, int(rng.integers(0, 2)) if to_left else int(rng.integers(1, 3)))
    layout = plain_road(path_from_curvature(setting.gentle_bends(rng, 620.0)), section)
    from_m, side = _since_m(speed, since_s), 1.0 if to_left else -1.0
    by_m = from_m + speed * float(rng.uniform(9.0, 13.0)) + 30.0
    want = Want(side * section.lane_width_m, from_m, by_m, "routing_intent", "target_lane", "ego")
    return Stage(layout, section, speed, want, "left1" if to_left else "right1", since_s)


STAGES: dict[str, Callable[[np.random.Generator], Stage]] = {
    "slow_lead": slow_lead,
    "lane_end": lane_end,
    "ramp": ramp,
    "route": route,
}


def _at(stage: Stage, ego_m: float) -> float:
    """The station on the wanted lane beside a station of the ego's route."""
    lane, ego = stage.layout.routes[stage.beside], stage.layout.routes["ego"]
    return float(lane.project(ego.pose_at(ego_m, stage.want.lane_m)[:2])[0])


def apart(rng: np.random.Generator, stage: Stage) -> list[Agent]:
    """Cars on the wanted lane, ahead and behind, with room for us between them when we want to go."""
    speed, cars = stage.speed_mps, []
    here = _at(stage, _since_m(speed, stage.since_s)) - speed * stage.since_s
    if rng.random() < 0.8:
        fast = speed * float(rng.uniform(1.0, 1.2))
        ahead = here + speed * (CLEAR_S + float(rng.uniform(0.3, 2.0))) + 12.0
        cars.append(setting.car(rng, "beside_ahead", stage.beside, ahead, fast))
    behind = here - speed * (CLEAR_S + float(rng.uniform(0.0, 1.0))) - 8.0
    if rng.random() < 0.8 and behind > 5.0:
        cars.append(setting.car(rng, "beside_behind", stage.beside, behind, speed * float(rng.uniform(0.85, 0.97))))
    return cars


def alongside(rng: np.random.Generator, stage: Stage) -> list[Agent]:
    """One to three cars on the wanted lane that are beside us when we want to go, and slowly get past."""
    speed, cars = stage.speed_mps, list[Agent]()
    faster = speed * float(rng.uniform(1.1, 1.2)) + 0.6
    here = _at(stage, _since_m(speed, stage.since_s)) - faster * stage.since_s + EGO.rear_axle_to_centre_m
    s = here + float(rng.uniform(-6.0, 4.0))
    for i in range(int(rng.integers(1, 4))):
        make = setting.truck if rng.random() < 0.15 else setting.car
        car = make(rng, f"beside{i}", stage.beside, s, faster)
        if s < 8.0:
            break
        cars.append(car)
        s -= car.length_m + faster * float(rng.uniform(0.8, 1.2)) + 5.0
    return cars


def just_ahead(rng: np.random.Generator, stage: Stage) -> list[Agent]:
    """A car on the wanted lane that is beside our front when we want to go and about as fast: fall in behind it; and
    sometimes one far behind."""
    speed = stage.speed_mps
    alike = speed * float(rng.uniform(0.95, 1.0))
    here = _at(stage, _since_m(speed, stage.since_s)) + EGO.rear_axle_to_centre_m
    make = setting.truck if rng.random() < 0.15 else setting.car
    cars = [make(rng, "beside0", stage.beside, here - alike * stage.since_s + float(rng.uniform(0.5, 5.0)), alike)]
    behind = here - speed * (stage.since_s + float(rng.uniform(4.0, 5.5)))
    if rng.random() < 0.5 and behind > 5.0:
        cars.append(setting.car(rng, "beside_behind", stage.beside, behind, alike))
    return cars


def scene_of(rng: np.random.Generator, scenario: str, seed: int, stage: Stage, beside: list[Agent]) -> Scene:
    """The scene of a stage and of who drives on the wanted lane; cars on other lanes cause nothing."""
    driver = setting.driver_of(rng, stage.speed_mps)
    agents = [*stage.agents, *beside, *_elsewhere(rng, stage)]
    props = setting.props_along(rng, stage.layout.routes["ego"], stage.section)
    if stage.want.kind == "route_merge":
        props = tuple(p for p in props if not stage.layout.road.on_surface(np.array([[p.x_m, p.y_m]]))[0])
    start = (setting.START_M, stage.speed_mps)
    look = setting.look_of(rng)
    return Scene(scenario, seed, stage.layout, driver, *start, tuple(agents), props, look, (stage.want,))


def _elsewhere(rng: np.random.Generator, stage: Stage) -> list[Agent]:
    """Cars on lanes that nobody wants, and sometimes one far ahead of us: not on a lane that ends, it would go on."""
    cars: list[Agent] = []
    if stage.want.kind == "route_merge":
        return cars
    other = setting.other_traffic(rng, stage.section, stage.layout.routes, stage.speed_mps)
    cars += [a for a in other if a.route != stage.beside]
    if not stage.agents and rng.random() < 0.5:
        gap = 2.6 * stage.speed_mps + float(rng.uniform(15.0, 40.0))
        cars.append(setting.car(rng, "lead", "ego", setting.START_M + EGO.front_m + gap, stage.speed_mps * 1.02))
    return [car for car in cars if car.route != "ego" or stage.want.kind != "lane_end"]
