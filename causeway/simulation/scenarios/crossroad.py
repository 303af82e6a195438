"""Lights and crossing traffic of a junction: what scenarios at junctions share.

Knows how the phases of two roads fit together, and cars on the crossing road. Does not know what the ego does there.
"""

import numpy as np

from causeway.simulation.roads.layout import Layout, Phases
from causeway.simulation.scenarios import setting
from causeway.simulation.traffic.agents import Agent

YELLOW_S = 3.0
CROSS_ROUTES = ("cross_left", "cross_right")


def opposite(ours: Phases) -> Phases:
    """The crossing road: green while ours is red, and clear two seconds before ours turns green."""
    red_us = next(start for start, state in ours if state == "red")
    green_us = next(start for start, state in ours if state == "green" and start > red_us)
    stop_us = max(green_us - us(YELLOW_S + 1.5), red_us + 1)
    before: Phases = ((0, "red"), (red_us + us(1.0), "green")) if red_us else ((0, "green"),)
    earlier = [p for p in before if p[0] < stop_us]
    return (*earlier, (stop_us, "yellow"), (stop_us + us(YELLOW_S), "red"))


def approaching(rng: np.random.Generator, layout: Layout) -> list[Agent]:
    """Cars that come on the crossing road."""
    cars: list[Agent] = []
    for name in CROSS_ROUTES:
        s = line_of(layout, name) - float(rng.uniform(6.0, 40.0))
        while s > 4.0 and rng.random() < 0.6:
            cars.append(setting.car(rng, f"{name}_{len(cars)}", name, s, float(rng.uniform(6.0, 9.0))))
            s -= float(rng.uniform(12.0, 30.0))
    return cars


def waiting(rng: np.random.Generator, layout: Layout) -> list[Agent]:
    """Cars that stand at the lines of the crossing road, one behind the other, and would like to go."""
    cars: list[Agent] = []
    for name in CROSS_ROUTES:
        s = line_of(layout, name) - float(rng.uniform(3.4, 4.2))
        while s > 4.0 and rng.random() < 0.55:
            cars.append(setting.car(rng, f"{name}_{len(cars)}", name, s, 0.0, desired_mps=float(rng.uniform(7.0, 9.0))))
            s -= float(rng.uniform(7.0, 9.0))
    return cars


def passing(rng: np.random.Generator, layout: Layout, from_s: float, until_s: float) -> list[Agent]:
    """Cars that cross in front of us one after the other between two times, on a crossing road that goes first."""
    cars: list[Agent] = []
    middle = layout.routes["cross_left"].length_m / 2
    t = from_s
    while t < until_s:
        name, speed = CROSS_ROUTES[int(rng.integers(2))], float(rng.uniform(7.0, 9.0))
        if middle - speed * t > 4.0:
            cars.append(setting.car(rng, f"{name}_{len(cars)}", name, middle - speed * t, speed))
        t += float(rng.uniform(1.6, 2.6))
    return cars


def off_road(agents: list[Agent], layout: Layout) -> list[Agent]:
    """Those agents who do not stand on a road: nobody stays in the crossing one."""
    return [a for a in agents if not layout.road.on_surface(_place(a, layout)[None])[0]]


def _place(agent: Agent, layout: Layout) -> np.ndarray:
    return layout.routes[agent.route].pose_at(agent.s_m, agent.lateral_m)[:2]


def line_of(layout: Layout, name: str) -> float:
    """The station of a route's stop line."""
    return next(s for route, s, _ in layout.stops if route == name)


def us(seconds: float) -> int:
    """Whole ticks in µs."""
    return round(seconds * 10) * 100_000
