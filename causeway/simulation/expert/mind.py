"""What the expert is and what it remembers: a scene read once, and a mind that is handed from tick to tick.

Knows shapes only. Does not know how the expert decides (`expert`, `sideways`, `lines`, `crossings`). Nothing else of
the expert has state: the plan of a tick follows from the scene, what is seen, and the mind of the tick before.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.expert.cues import Cue
from causeway.simulation.expert.shifts import Shift
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.traffic.agents import AgentStates, Traffic
from causeway.simulation.vehicle import EgoState
from causeway.simulation.visibility import EYE_M

if TYPE_CHECKING:
    from causeway.simulation.expert.things import Thing


@dataclass(frozen=True)
class Wait:
    """Something wanted that has to wait since a time, for a cause: `lane_change`, `nudge` or `pedestrian`."""

    what: str
    cause_id: str | None
    since_us: int


@dataclass(frozen=True)
class Mind:
    """Sideways movements begun or decided, in order; ids of stop signs stood at and people waited for; open waits."""

    shifts: tuple[Shift, ...] = ()
    served: tuple[str, ...] = ()
    waiting: tuple[Wait, ...] = ()

    def waits(self, what: str, cause_id: str | None) -> Wait | None:
        """The open wait of that kind for that cause."""
        return next((w for w in self.waiting if (w.what, w.cause_id) == (what, cause_id)), None)

    def with_wait(self, what: str, cause_id: str | None, now_us: int) -> "Mind":
        """The mind that waits; since now unless it did before."""
        if self.waits(what, cause_id):
            return self
        return replace(self, waiting=(*self.waiting, Wait(what, cause_id, now_us)))

    def without_wait(self, what: str, cause_id: str | None) -> "Mind":
        """The mind that no longer waits for that."""
        left = tuple(w for w in self.waiting if (w.what, w.cause_id) != (what, cause_id))
        return self if left == self.waiting else replace(self, waiting=left)

    def having_served(self, cause_id: str) -> "Mind":
        """The mind that is done with a stop sign or a person."""
        return self if cause_id in self.served else replace(self, served=(*self.served, cause_id))


@dataclass(frozen=True, eq=False)
class Expert:
    """What the expert works out once for a scene. `steady`: cues that hold for the whole drive (curves, bumps …)."""

    scene: Scene
    traffic: Traffic
    steady: tuple[Cue, ...]
    crosswalks: tuple[tuple[float, float], ...]  # first and last station, in order
    weak: NDArray[np.bool_]  # [n] of the agents: people, animals, cyclists
    walks: NDArray[np.bool_]  # [n] people and animals
    lets_us: NDArray[np.bool_]  # [n] who will let us go first: a glance tells a driver
    things: "tuple[Thing, ...]"  # what stands along the route, by station
    weak_ones: tuple[int, ...]  # indices of who is weak
    on_wheels: NDArray[np.int64]  # of who moves and is not on foot
    riding: tuple[int, ...]  # of cyclists who ride
    risky: tuple[int, ...]  # of agents whose script is to take risks
    seen_m: float  # how far one sees: what the front camera cannot show nobody answers to

    @property
    def driver(self) -> Driver:
        """Whose taste it has."""
        return self.scene.driver


@dataclass(frozen=True, eq=False)
class Sight:
    """What the expert has before it at a tick: itself now, and others as they were at `seen_us`, a reaction time ago.

    `station_m` of the ego on its route; `along` [n, 3]: stations and offsets (+ left) of all agents on the ego's route,
    and their headings against it; who was out of sight is nowhere on it (`expert.along_route`).
    """

    ego: EgoState
    station_m: float
    seen: AgentStates
    along: NDArray[np.float64]
    seen_us: int
    now_us: int

    @property
    def age_s(self) -> float:
        """How old is what is seen of others."""
        return (self.now_us - self.seen_us) / 1e6

    @property
    def eye_xy(self) -> tuple[float, float]:
        """Where the ego looked from at `seen_us`."""
        return eye_of(self.ego, self.age_s)


def eye_of(ego: EgoState, age_s: float) -> tuple[float, float]:
    """Where an ego looked from some time ago, as its speed and heading tell."""
    ahead_m = EYE_M - ego.speed_mps * age_s
    return ego.x_m + ahead_m * math.cos(ego.yaw_rad), ego.y_m + ahead_m * math.sin(ego.yaw_rad)
