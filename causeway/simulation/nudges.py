"""Where the expert leaves the middle of its lane: one `Nudge` for each thing that stands in the way but leaves room.

Knows standing agents beside the ego's route and the clearance wanted. Does not know speeds in traffic or the tracker.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.simulation.agents import Traffic
from causeway.simulation.road import Path
from causeway.simulation.scene import Driver
from causeway.simulation.vehicle import EGO

Array = NDArray[np.float64]

ABREAST_M = 3.0  # full offset this long before and after what is passed


@dataclass(frozen=True)
class Nudge:
    """Leave at `from_m`, full offset (+ left) between `full_m` and `back_m`, in the middle again at `to_m`."""

    from_m: float
    full_m: float
    back_m: float
    to_m: float
    offset_m: float
    track_ids: tuple[str, ...]


def nudges_of(traffic: Traffic, route: Path, driver: Driver) -> tuple[Nudge, ...]:
    """The nudges that standing agents ask for, in order; neighbours that one swing passes become one."""
    poses = traffic.start().poses
    found: list[Nudge] = []
    for agent, pose in zip(traffic.agents, poses, strict=True):
        if agent.stays and agent.type != "pedestrian":
            nudge = _nudge_for(agent.track_id, route.project(pose[:2]), agent.length_m, agent.width_m, driver)
            found += [nudge] if nudge else []
    return _joined(sorted(found, key=lambda n: n.full_m))


def _nudge_for(track_id: str, at: Array, length_m: float, width_m: float, driver: Driver) -> Nudge | None:
    station, lateral = float(at[0]), float(at[1])
    side = -1.0 if lateral > 0 else 1.0  # which way to give room
    inner = abs(lateral) - width_m / 2  # from our middle to its near side
    offset = EGO.width_m / 2 + driver.clearance_m - inner
    if offset <= 0.15:
        return None
    swing = driver.set_speed_mps * driver.nudge_s
    full = station - length_m / 2 - EGO.front_m - ABREAST_M
    back = station + length_m / 2 + (EGO.length_m - EGO.front_m) + ABREAST_M
    return Nudge(full - swing, full, back, back + swing, side * offset, (track_id,))


def _joined(nudges: list[Nudge]) -> tuple[Nudge, ...]:
    joined: list[Nudge] = []
    for nudge in nudges:
        last = joined[-1] if joined else None
        if last is None or nudge.from_m > last.back_m:
            joined.append(nudge)
            continue
        offset = max(last.offset_m, nudge.offset_m, key=abs)
        ids = last.track_ids + nudge.track_ids
        joined[-1] = Nudge(last.from_m, last.full_m, nudge.back_m, nudge.to_m, offset, ids)
    return tuple(joined)


def offset_at(nudges: tuple[Nudge, ...], s_m: ArrayLike) -> Array:
    """The wanted offset [...] from the lane's middle at stations [...], smooth to its second derivative."""
    s = np.asarray(s_m, dtype=np.float64)
    offset = np.zeros_like(s)
    for nudge in nudges:
        out = _smooth((s - nudge.from_m) / (nudge.full_m - nudge.from_m))
        home = _smooth((s - nudge.back_m) / (nudge.to_m - nudge.back_m))
        offset = offset + nudge.offset_m * (out - home)
    return offset


def _smooth(share: Array) -> Array:
    x = np.clip(share, 0.0, 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)
