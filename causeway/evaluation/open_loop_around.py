"""The predicted path among what stood around it: does the footprint touch a recorded agent, or leave the road?

Knows which samples have agents and a road, and puts samples with different numbers of agents into one batch. Does not
know geometry or which contacts count: that is the rewards' (`training.collision_reward`, `training.road_reward`), so
that what is rewarded is what is measured.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.model.observation import HORIZON_STEPS
from causeway.model.surroundings import Agents, Footprint, Surroundings
from causeway.training.collision_reward import collision, contacts
from causeway.training.road_reward import leaves_roads

Array = NDArray[np.float64]
Bools = NDArray[np.bool_]
Around = Sequence[Surroundings | None]
NAN = float("nan")
_CHUNK = 16  # samples measured at once: what is between stays in the processor's cache


def around_metrics(driven: Array, recorded: Array, around: Around) -> dict[str, Array]:
    """Metrics [n] of driven paths [n, 64, 3] among what stood around; {} where no sample knows its surroundings.

    `path_collision`: 1 where the own footprint touches an agent at any tick, not counting hits from behind and
    agents that the recorded path [n, 64, 3] touches itself (its box is wrong, or nothing could be done);
    `path_close_encounter` the same within 0.5 m; `path_off_road`: 1 where a corner of the footprint leaves the road
    at any tick, not measured where the recorded path does so (the map ends there). Agents do what they did on
    record, whatever the path does. NaN where a sample knows no agents or no road, or the path holds NaN. Source:
    arXiv 2511.00088, tables on closed-loop driving and on RL, whose close encounter is not printed: 0.5 m is ours.
    """
    found: dict[str, Array] = {}
    finite: Bools = np.asarray(np.isfinite(driven).all(axis=(-2, -1)))
    with_agents, with_road = _known(around)
    if with_agents.any():
        found |= {name: np.full(len(driven), NAN) for name in ("path_collision", "path_close_encounter")}
        for footprint, rows in _alike(around, with_agents & finite):
            touched, close = contacts(driven[rows], recorded[rows], *_stacked([around[row] for row in rows]), footprint)
            found["path_collision"][rows], found["path_close_encounter"][rows] = touched, close
    if with_road.any():
        found["path_off_road"] = np.full(len(driven), NAN)
        for footprint, rows in _alike(around, with_road & finite):
            off = _off_road(np.stack([driven[rows], recorded[rows]], axis=1), [around[row] for row in rows], footprint)
            found["path_off_road"][rows] = np.where(off[:, 1], NAN, off[:, 0])
    return found


def expert_metrics(recorded: Array, around: Around) -> dict[str, Array]:
    """The same of the recorded paths [n, 64, 3] with nothing left out.

    Where they touch or leave, the record or the map is wrong, or a person drove so.
    """
    found: dict[str, Array] = {}
    with_agents, with_road = _known(around)
    if with_agents.any():
        found["path_collision"] = np.full(len(recorded), NAN)
        for footprint, rows in _alike(around, with_agents):
            stacked = _stacked([around[row] for row in rows])
            found["path_collision"][rows] = collision(recorded[rows], *stacked, footprint) < 0
    if with_road.any():
        found["path_off_road"] = np.full(len(recorded), NAN)
        for footprint, rows in _alike(around, with_road):
            found["path_off_road"][rows] = _off_road(recorded[rows], [around[row] for row in rows], footprint)
    return found


def _known(around: Around) -> tuple[Bools, Bools]:
    """(which samples know their agents, which their road), each [n]."""
    with_agents = [one is not None and one.agents is not None for one in around]
    with_road = [one is not None and one.road is not None for one in around]
    return np.array(with_agents, dtype=bool), np.array(with_road, dtype=bool)


def _alike(around: Around, usable: Bools) -> Iterator[tuple[Footprint, list[int]]]:
    """Rows that can be measured, by the vehicle that drove, some at once."""
    rows: dict[Footprint, list[int]] = {}
    for row, one in enumerate(around):
        if one is not None and usable[row]:
            rows.setdefault(one.footprint, []).append(row)
    for footprint, alike in rows.items():
        for start in range(0, len(alike), _CHUNK):
            yield footprint, alike[start : start + _CHUNK]


def _off_road(paths: Array, around: Around, footprint: Footprint) -> Bools:
    """Which paths [n, …, 64, 3] leave the road of their sample [n]."""
    roads = [one.road for one in around if one is not None and one.road is not None]
    return np.asarray(leaves_roads(paths, roads, footprint).any(axis=-1))


def _stacked(around: Around) -> tuple[Array, Array, Bools]:
    """Poses [n, m, 64, 3], sizes [n, m, 2] and presence [n, m, 64] of the agents of n samples, m the most of any."""
    agents: list[Agents] = [one.agents for one in around if one is not None and one.agents is not None]
    most = max(len(one.kinds) for one in agents)
    poses, sizes = np.zeros((len(agents), most, HORIZON_STEPS, 3)), np.zeros((len(agents), most, 2))
    present = np.zeros((len(agents), most, HORIZON_STEPS), dtype=bool)
    for row, one in enumerate(agents):
        count = len(one.kinds)
        poses[row, :count], sizes[row, :count], present[row, :count] = one.poses_rig, one.sizes_m, one.present
    return poses, sizes, present
