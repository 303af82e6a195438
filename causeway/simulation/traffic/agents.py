"""Other road users: what they are, what they are scripted to do, and their states as arrays.

Knows routes by name and scripts. Does not know the ego's plans; the ego is one more vehicle. How they move in a tick is
in `kernel`; sources and parameters of the laws stand here.
Car following: Treiber, Hennecke, Helbing, Phys. Rev. E 62 (2000) 1805, equations 2 and 3, with delta 4, s0 2 m,
b 1.67 m/s² and T 1.6 s from its table; a is 1.4 m/s² (theirs is 0.73: slower than cars set off in towns).
Lane changes: Kesting, Treiber, Helbing, Transp. Res. Rec. 1999 (2007) 86, safety and incentive criterion for symmetric
rules, with politeness 0.2, threshold 0.2 m/s² and a safe braking of 3 m/s².
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.roads import path_kernel
from causeway.simulation.roads.road import Path, Road
from causeway.simulation.traffic import kernel
from causeway.simulation.traffic.pack import Packed, Routes, pack, pack_routes

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Stops = tuple[tuple[str, float, str], ...]  # route, station of the stop line, id of its signal or sign

IDM_ACCEL, IDM_BRAKE, IDM_GAP_M, IDM_HEADWAY_S, IDM_POWER = kernel.IDM
MOBIL_POLITENESS, MOBIL_THRESHOLD, MOBIL_SAFE_BRAKE = kernel.MOBIL
BRAKE_LIGHT_MPS2 = -0.3
FAR_M = kernel.FAR_M
idm = kernel.idm
NEVER_US = kernel.NEVER_US


@dataclass(frozen=True)
class Trigger:
    """When a part of a script begins: at a time, or when the ego's front passes a station of its route, if sooner."""

    at_us: int = NEVER_US
    ego_m: float = FAR_M


When = int | Trigger  # a number is a time in µs


@dataclass(frozen=True)
class Agent:
    """One road user at the start. `s_m` is its centre on its route; `desired_mps` 0 = it stays where it is.

    `script`: (when, target speed, rate in m/s²); the entry that began last sets the speed, but never past what the
    car-following law allows. A negative target drives backwards (and looks at nobody).
    `sideways`: (when, lateral offset to go to, seconds it takes), + = left of its route.
    `indicator`: (when, for how many seconds, side: +1 left, −1 right).
    `role`: what its script means it for: `cuts_in`, `risky`, or nothing in particular.
    """

    track_id: str
    type: str
    route: str
    s_m: float
    speed_mps: float
    desired_mps: float
    lateral_m: float = 0.0
    turned_rad: float = 0.0  # heading relative to the route's
    length_m: float = 4.6
    width_m: float = 1.85
    height_m: float = 1.5
    colour: tuple[int, int, int] = (150, 150, 155)
    script: tuple[tuple[When, float, float], ...] = ()
    sideways: tuple[tuple[When, float, float], ...] = ()
    indicator: tuple[tuple[When, float, int], ...] = ()
    changes_lanes: bool = False  # by its own choice, to another lane of its direction (never to the ego's first)
    role: str = ""

    @property
    def stays(self) -> bool:
        """Whether it never moves."""
        return self.desired_mps == 0.0 and not self.script


@dataclass(frozen=True, eq=False)
class AgentStates:
    """Agents at one tick: station, speed and acceleration [n], poses [n, 3] of their centres in the world.

    `indicator` [n]: +1 left, −1 right, 0 none. `lateral_m` [n] from the middle of the route with number `route` [n];
    `began_us`: when each part of a script began (see `Traffic.began_us`); `change_us`, `change_m` [n]: the change of
    lane under way or done last: when it moves, and from how far off its new route.
    """

    s_m: Array
    speed_mps: Array
    accel_mps2: Array
    poses: Array
    indicator: Ints
    lateral_m: Array = field(default_factory=lambda: np.zeros(0))
    route: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    began_us: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    change_us: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    change_m: Array = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False)
class Traffic:
    """All agents of a scene with what never changes about them."""

    agents: tuple[Agent, ...]
    routes: dict[str, Path]
    stops: Stops
    sizes_m: Array  # [n, 3] length, width, height
    packed: Packed
    routes_packed: Routes

    def start(self) -> AgentStates:
        """The states at time 0."""
        p, n = self.packed, len(self.agents)
        poses = self.place(p.route, p.s_m, p.lateral_m, p.turned_rad)
        began = np.full(len(p.part_at_us), NEVER_US, dtype=np.int64)
        never = np.full(n, -NEVER_US, dtype=np.int64)
        still = np.zeros(n)
        states = (p.s_m.copy(), p.speed_mps.copy(), still, poses, np.zeros(n, dtype=np.int64), p.lateral_m.copy())
        return AgentStates(*states, p.route.copy(), began, never, np.zeros(n))

    def place(self, route: Ints, s_m: Array, lateral_m: Array, turned_rad: Array) -> Array:
        """Poses [n, 3] at stations and offsets [n] of the routes with these numbers, turned against them."""
        r, poses = self.routes_packed, np.empty((len(route), 3))
        path_kernel.place(r.points, r.yaw_rad, r.s_m, r.first, route, s_m, lateral_m, turned_rad, poses)
        return poses

    def began_us(self, states: AgentStates, index: int, kind: str) -> list[int | None]:
        """When each entry of an agent's `script`, `sideways` or `indicator` began; None where it has not."""
        first = self.packed.part_first[("script", "sideways", "indicator").index(kind)]
        began = states.began_us[first[index] : first[index + 1]].tolist()
        return [None if us == NEVER_US else us for us in began]


def traffic_of(agents: tuple[Agent, ...], routes: dict[str, Path], stops: Stops) -> Traffic:
    """The agents of a scene on its routes. KeyError for a route that is not there."""
    sizes = np.array([(a.length_m, a.width_m, a.height_m) for a in agents], dtype=np.float64).reshape(-1, 3)
    return Traffic(agents, routes, stops, sizes, pack(agents, routes, stops), pack_routes(agents, routes))


def advance_agents(
    traffic: Traffic, road: Road, now: AgentStates, ego_box: Array, ego_speed_mps: float, t_us: int
) -> AgentStates:
    """The agents one tick later, each reacting to whoever is in its way, the ego and lights included."""
    if not traffic.agents:
        return now
    p, r, n = traffic.packed, traffic.routes_packed, len(traffic.agents)
    shut = {signal.signal_id for signal in road.signals if signal.state_at(t_us) != "green"}
    closed = np.array([control_id in shut for _, _, control_id in traffic.stops], dtype=np.bool_)
    every, others, at = np.empty((n + 1, 3)), np.empty((3, n + 1)), np.empty((len(r.used), n + 1, 3))
    kernel.gather(now.poses, now.speed_mps, p.length_m, p.width_m, ego_box, ego_speed_mps, every, others)
    path_kernel.project_onto_all(r.points, r.yaw_rad, r.curvature_per_m, r.s_m, r.first, r.used, every, at)
    floats, ints, began = np.empty((6, n)), np.empty((3, n), dtype=np.int64), now.began_us.copy()
    before = (now.s_m, now.lateral_m, now.route, now.change_us, now.change_m)
    kernel.advance(p, at, r.ends_m, r.used, r.ego, others, closed, t_us, *before, began, floats, ints)
    (s, lateral, change_m, speed, accel, turn), (route, change_us, indicator) = floats, ints
    poses = traffic.place(route, s, lateral, turn)
    return AgentStates(s, speed, accel, poses, indicator, lateral, route, began, change_us, change_m)
