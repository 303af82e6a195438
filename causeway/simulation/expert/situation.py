"""The situation in which a movement sideways is decided: where the ego is, and who is around it.

Knows one tick of the expert's sight. Does not know what is decided (`sideways`, `passing`, `risks`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from causeway.simulation.expert.gaps import Others, others
from causeway.simulation.expert.mind import Expert, Sight

BEGINS_S = 0.4  # from a decision to its movement, when it comes late
SWING_MPS2 = 2.2  # across, at most, in a movement that comes late
SWING_LEAST_M = 9.0


@dataclass(frozen=True, eq=False)
class Situation:
    """What is in sight, others as they were `age_s` ago, and (looked for when asked) where they are now."""

    expert: Expert
    sight: Sight
    age_s: float

    @property
    def station(self) -> float:
        """The ego's."""
        return self.sight.station_m

    @property
    def speed_mps(self) -> float:
        """The ego's."""
        return self.sight.ego.speed_mps

    @cached_property
    def around(self) -> Others:
        """Everybody on wheels along the ego's route, as they are taken to be now."""
        return others(self.expert, self.sight, self.age_s)

    @property
    def begins_m(self) -> float:
        """From a decision that comes late to the begin of its movement."""
        return BEGINS_S * max(self.speed_mps, 1.0)

    def swing_m(self, wanted_m: float, offset_m: float) -> float:
        """How long a movement is: as long as one likes, never shorter than comfort asks for."""
        comfort = self.speed_mps * float(np.sqrt(5.8 * abs(offset_m) / SWING_MPS2))
        return max(wanted_m, comfort, SWING_LEAST_M)


def situation(expert: Expert, sight: Sight) -> Situation:
    """The situation of an ego that sees others as they were a reaction time ago."""
    return Situation(expert, sight, min(expert.driver.reaction_s, sight.now_us / 1e6))
