"""People and cyclists who walk or ride across a road, along it, or to its edge: what scenarios of crossings share.

Knows how they move. Does not know why it matters to the ego.
"""

import numpy as np

from causeway.simulation.expert.expert import WAITS
from causeway.simulation.roads.furniture import station_on_walk
from causeway.simulation.roads.layout import CrossSection
from causeway.simulation.traffic.agents import Agent, When

__all__ = ["WAITS", "comes_to_the_edge", "crosses", "kind_of", "strollers", "walker"]

KINDS = ("pedestrian", "pedestrian", "pedestrian", "cyclist")
SETS_OFF_MPS2 = 1.5


def kind_of(rng: np.random.Generator) -> str:
    """Who crosses: mostly somebody on foot."""
    return KINDS[int(rng.integers(len(KINDS)))]


def walker(
    rng: np.random.Generator, track_id: str, kind: str, walk: str, before_edge_m: float, script: tuple, role: str = ""
) -> Agent:
    """Somebody on a way across, so far before the edge of the road, who stands until the script begins."""
    cyclist = kind == "cyclist"
    return Agent(
        *(track_id, kind, walk, station_on_walk(before_edge_m), 0.0, 8.0 if cyclist else 4.0),
        length_m=1.8 if cyclist else 0.5,
        width_m=0.6,
        height_m=float(rng.uniform(1.6, 1.85)) if cyclist else float(rng.uniform(1.2, 1.9)),
        colour=tuple(int(c) for c in rng.integers(40, 200, 3)),  # type: ignore[arg-type]
        script=((0, 0.0, 1.0), *script),
        role=role,
    )


def crosses(when: When, speed_mps: float) -> tuple[tuple[When, float, float], ...]:
    """A script: set off and go all the way."""
    return ((when, speed_mps, SETS_OFF_MPS2),)


def comes_to_the_edge(start_s: float, way_m: float, speed_mps: float) -> tuple[tuple[When, float, float], ...]:
    """A script: set off at a time, stand again after `way_m`."""
    stop_s = start_s + way_m / speed_mps  # setting off and stopping take equally long
    return (
        (round(start_s * 10) * 100_000, speed_mps, SETS_OFF_MPS2),
        (round(stop_s * 10) * 100_000, 0.0, SETS_OFF_MPS2),
    )


def strollers(rng: np.random.Generator, section: CrossSection, from_m: float, to_m: float) -> list[Agent]:
    """People who walk along the pavement, in either direction, and stay on it."""
    people = []
    for i in range(int(rng.integers(0, 3))):
        speed = float(rng.uniform(0.9, 1.6))
        lateral = -(section.right_edge_m + float(rng.uniform(0.8, 2.0)))
        people.append(
            Agent(
                *(f"stroller{i}", "pedestrian", "ego", float(rng.uniform(from_m, to_m)), speed, speed),
                lateral_m=lateral,
                length_m=0.5,
                width_m=0.6,
                height_m=float(rng.uniform(1.55, 1.9)),
                colour=tuple(int(c) for c in rng.integers(40, 200, 3)),  # type: ignore[arg-type]
            )
        )
    return people
