"""What stood around a sample after t0: the agents that were recorded and the road, beside the own vehicle's size.

Knows shapes and what makes them unusable. It is truth for rewards and evaluation alone: nothing here is a field of an
`Observation`, becomes a token of an input, or is asked for when a policy answers. Of the road, which was there before
t0, a stage may learn to say where it is. Numpy only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.errors import UnusableInput
from causeway.model.action_space import HORIZON_STEPS


@dataclass(frozen=True)
class Footprint:
    """The own vehicle on the ground; the defaults are a mid-size car's."""

    length_m: float = 4.7
    width_m: float = 1.9
    rear_axle_to_centre_m: float = 1.4

    def __post_init__(self) -> None:
        size = (self.length_m, self.width_m, self.rear_axle_to_centre_m)
        if not np.isfinite(size).all() or min(self.length_m, self.width_m) <= 0:
            raise UnusableInput(f"footprint {size}: length and width must be more than 0 m, all of it finite")


@dataclass(frozen=True, eq=False)
class Agents:
    """m recorded agents at the 64 ticks of a sample's trajectory (0.1 … 6.4 s), in the rig frame at t0."""

    poses_rig: NDArray[np.float32]  # [m, 64, 3] x, y of the box's centre in metres, yaw in rad; 0 where not present
    sizes_m: NDArray[np.float32]  # [m, 2] length, width
    present: NDArray[np.bool_]  # [m, 64] where it was recorded
    kinds: tuple[str, ...]  # m names: car, pedestrian, …


@dataclass(frozen=True, eq=False)
class Surroundings:
    """Agents and road around a sample; each None where the drive does not know them."""

    agents: Agents | None  # None: the drive has no tracks; m = 0: nobody was there
    road: tuple[NDArray[np.float32], ...] | None  # rings [p, 2] in metres, rig frame at t0; road is what any one holds
    footprint: Footprint = Footprint()


def check_surroundings(around: Surroundings, what: str = "surroundings") -> Surroundings:
    """Return them unchanged, or raise UnusableInput naming what cannot be used."""
    if around.agents is not None:
        _check_agents(around.agents, what)
    for number, ring in enumerate(around.road or ()):
        if ring.ndim != 2 or ring.shape[1:] != (2,) or len(ring) < 3:
            raise UnusableInput(f"{what}: road ring {number} has shape {list(ring.shape)}; an area needs 3 points")
        if not np.isfinite(ring).all():
            raise UnusableInput(f"{what}: road ring {number} holds NaN or infinity; build the samples again")
    return around


def _check_agents(agents: Agents, what: str) -> None:
    count = len(agents.kinds)
    wanted = {"poses_rig": (count, HORIZON_STEPS, 3), "sizes_m": (count, 2), "present": (count, HORIZON_STEPS)}
    for name, shape in wanted.items():
        if getattr(agents, name).shape != shape:
            raise UnusableInput(f"{what}: {name} has shape {list(getattr(agents, name).shape)}, expected {list(shape)}")
    if not np.isfinite(agents.poses_rig[agents.present]).all():
        raise UnusableInput(f"{what}: a pose of an agent holds NaN or infinity; build the samples again")
    bad = np.flatnonzero(~(np.isfinite(agents.sizes_m) & (agents.sizes_m > 0)).all(axis=1))
    if len(bad):
        size = agents.sizes_m[bad[0]].tolist()
        raise UnusableInput(f"{what}: agent {bad[0]} is {size} m large; length and width must be more than 0")
