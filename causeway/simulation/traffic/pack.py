"""A scene's agents as plain arrays, for the compiled loops: what never changes while they drive.

Knows how agents, scripts, routes and stop lines are laid out in arrays. Does not know how anybody moves.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.roads.road import Path
from causeway.simulation.traffic.kernel import FAR_M

if TYPE_CHECKING:
    from causeway.simulation.traffic.agents import Agent, Stops

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Routes(NamedTuple):
    """All routes, one behind the other: route r is rows first[r] to first[r + 1]. `ego` is the ego's number, or −1.

    `used`: routes on which somebody moves, or may come to move, and the ego's. `ends_m`: their last stations.
    """

    points: Array
    yaw_rad: Array
    curvature_per_m: Array
    s_m: Array
    first: Ints
    used: Bools
    ego: int
    ends_m: Array


class Packed(NamedTuple):
    """Agents [n] at the start, and the parts of their scripts [m]: all `script`s, `sideways`, `indicator`.

    The parts of kind k (0, 1, 2) of agent i are rows part_first[k][i] to part_first[k][i + 1]; `part_to` is the target
    (speed, offset or side), `part_by` the rate or the seconds.
    """

    s_m: Array
    speed_mps: Array
    desired_mps: Array
    lateral_m: Array
    turned_rad: Array
    length_m: Array
    width_m: Array
    stays: Bools
    changes: Bools
    route: Ints
    part_at_us: Ints
    part_ego_m: Array
    part_to: Array
    part_by: Array
    part_first: Ints
    stop_route: Ints
    stop_m: Array


def _column(agents: Sequence["Agent"], name: str, dtype: type) -> NDArray:
    return np.array([getattr(agent, name) for agent in agents], dtype=dtype)


def pack_routes(agents: Sequence["Agent"], routes: dict[str, Path]) -> Routes:
    """The routes of a scene as arrays."""
    paths, names = list(routes.values()), list(routes)
    changing = any(agent.changes_lanes for agent in agents)
    moving = {agent.route for agent in agents if not agent.stays}
    used = np.array([changing or name in moving or name == "ego" for name in names], dtype=np.bool_)
    first = np.cumsum([0, *(len(path.s_m) for path in paths)]).astype(np.int64)
    points, yaw, bend, s = (
        np.ascontiguousarray(np.concatenate([getattr(path, field) for path in paths]), dtype=np.float64)
        for field in ("points", "yaw_rad", "curvature_per_m", "s_m")
    )
    ego = names.index("ego") if "ego" in names else -1
    return Routes(points, yaw, bend, s, first, used, ego, s[first[1:] - 1])


def pack(agents: Sequence["Agent"], routes: dict[str, Path], stops: "Stops") -> Packed:
    """Agents, scripts and stop lines of a scene as arrays. KeyError for a route that is not there."""
    number = {name: i for i, name in enumerate(routes)}
    route = np.array([number[agent.route] for agent in agents], dtype=np.int64)
    scripts = [[getattr(agent, kind) for agent in agents] for kind in ("script", "sideways", "indicator")]
    flat = [part for kind in scripts for of_agent in kind for part in of_agent]
    first, begin = [], 0
    for kind in scripts:
        first.append(begin + np.cumsum([0, *(len(parts) for parts in kind)]))
        begin = int(first[-1][-1])
    signals = int(first[2][0])  # from here on the seconds come before the side
    return Packed(
        _column(agents, "s_m", float),
        _column(agents, "speed_mps", float),
        _column(agents, "desired_mps", float),
        _column(agents, "lateral_m", float),
        _column(agents, "turned_rad", float),
        _column(agents, "length_m", float),
        _column(agents, "width_m", float),
        _column(agents, "stays", bool),
        _column(agents, "changes_lanes", bool),
        route,
        np.array([_at_us(part[0]) for part in flat], dtype=np.int64),
        np.array([_ego_m(part[0]) for part in flat], dtype=np.float64),
        np.array([part[2 if k >= signals else 1] for k, part in enumerate(flat)], dtype=np.float64),
        np.array([part[1 if k >= signals else 2] for k, part in enumerate(flat)], dtype=np.float64),
        np.array(first, dtype=np.int64),
        np.array([number[name] for name, _, _ in stops], dtype=np.int64),
        np.array([at for _, at, _ in stops], dtype=np.float64),
    )


def _at_us(when: object) -> int:
    return int(getattr(when, "at_us", when))  # type: ignore[call-overload]


def _ego_m(when: object) -> float:
    return float(getattr(when, "ego_m", FAR_M))
