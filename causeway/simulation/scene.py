"""A scene: everything a world needs to begin, as data, made by a scenario from a seed.

Knows no behaviour. A scenario file fills a `Scene`; the world, the expert and the cameras read it.
"""

from dataclasses import dataclass

from causeway.simulation.agents import Agent
from causeway.simulation.road_layout import Layout

DURATION_US = 20_000_000


@dataclass(frozen=True)
class Driver:
    """How the expert drives in this scene: a person with a taste."""

    set_speed_mps: float
    reaction_s: float = 0.9  # from a cue to its first answer
    brake_mps2: float = 1.9  # comfortable, for lines and curves
    headway_s: float = 1.5
    lateral_accel_mps2: float = 2.0  # in curves
    nudge_s: float = 3.2  # from the lane's middle to the full offset
    clearance_m: float = 0.8  # to what is passed


@dataclass(frozen=True)
class Prop:
    """Something that stands beside the road and only matters to the eye: `tree`, `pole`, `house`, `hedge`."""

    kind: str
    x_m: float
    y_m: float
    size_m: float
    shade: int


@dataclass(frozen=True, eq=False)
class Scene:
    """One drive before it begins. The ego starts at station `start_m` of `layout.routes["ego"]`."""

    scenario: str
    seed: int
    layout: Layout
    driver: Driver
    start_m: float
    start_mps: float
    agents: tuple[Agent, ...]
    props: tuple[Prop, ...] = ()
    look: str = "day"
