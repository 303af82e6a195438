"""A scene: everything a world needs to begin, as data, made by a scenario from a seed.

Knows no behaviour. A scenario file fills a `Scene`; the world, the expert and the cameras read it.
"""

from dataclasses import dataclass, replace

from causeway.simulation.roads.layout import Layout
from causeway.simulation.traffic.agents import Agent

DURATION_US = 20_000_000


@dataclass(frozen=True)
class Driver:
    """How the expert drives in this scene: a person with a taste."""

    set_speed_mps: float
    reaction_s: float = 0.9  # from a cue to its first answer
    brake_mps2: float = 1.9  # comfortable, for lines and curves
    headway_s: float = 1.5
    lateral_accel_mps2: float = 2.0  # in curves
    bump_mps: float = 4.0  # over a speed bump
    works_mps: float = 6.0  # past works
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


@dataclass(frozen=True)
class Want:
    """A lane to be in: its middle is `lane_m` beside the ego's route (+ left), known from station `from_m` on.

    `by_m`: the station by which one must be there; inf for a lane that one may take when the lead is slow. `category`,
    `kind` and `cause_id` name the cause as a component does: ("lane", "lane_end", …), ("routing_intent", "target_lane",
    …), ("odd_constraint", "construction", …) or, for a slow lead, ("critical_object", its type, its id).
    """

    lane_m: float
    from_m: float
    by_m: float
    category: str
    kind: str
    cause_id: str | None = None


@dataclass(frozen=True, eq=False)
class Scene:
    """One drive before it begins. The ego starts at station `start_m` of `layout.routes["ego"]`.

    `speeds`: (from station, set speed) of later legs, where they differ from the driver's own.
    """

    scenario: str
    seed: int
    layout: Layout
    driver: Driver
    start_m: float
    start_mps: float
    agents: tuple[Agent, ...]
    props: tuple[Prop, ...] = ()
    look: str = "day"
    wants: tuple[Want, ...] = ()
    speeds: tuple[tuple[float, float], ...] = ()
    duration_us: int = DURATION_US

    def driver_at(self, station_m: float) -> Driver:
        """The driver with the set speed wanted at a station."""
        wanted = [speed for from_m, speed in self.speeds if from_m <= station_m]
        return replace(self.driver, set_speed_mps=wanted[-1]) if wanted else self.driver
