"""Other road users: what they are, their states as arrays, and one tick of their motion.

Knows routes by name, scripts and the car-following law. Does not know the ego's plans; the ego is one more vehicle.
Source of the law: Treiber, Hennecke, Helbing, Phys. Rev. E 62 (2000) 1805, equations 2 and 3, with delta 4, s0 2 m,
b 1.67 m/s² and T 1.6 s from its table; a is 1.4 m/s² (theirs is 0.73: slower than cars set off in towns).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from causeway.simulation.road import Path, Road
from causeway.simulation.vehicle import TICK_S

Array = NDArray[np.float64]
Stops = tuple[tuple[str, float, str], ...]  # route, station of the stop line, signal id

IDM_ACCEL, IDM_BRAKE, IDM_GAP_M, IDM_HEADWAY_S, IDM_POWER = 1.4, 1.67, 2.0, 1.6, 4.0
HARDEST_BRAKE = 8.0
BRAKE_LIGHT_MPS2 = -0.3
FAR_M = 1e6


@dataclass(frozen=True)
class Agent:
    """One road user at the start. `s_m` is its centre on its route; `desired_mps` 0 = it stays where it is.

    `script`: (from when in µs, target speed, rate in m/s²); from the first entry on the script sets the speed,
    but never past what the car-following law allows.
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
    script: tuple[tuple[int, float, float], ...] = ()

    @property
    def stays(self) -> bool:
        """Whether it never moves."""
        return self.desired_mps == 0.0 and not self.script


@dataclass(frozen=True, eq=False)
class AgentStates:
    """Agents at one tick: station, speed and acceleration [n], and poses [n, 3] of their centres in the world."""

    s_m: Array
    speed_mps: Array
    accel_mps2: Array
    poses: Array


@dataclass(frozen=True, eq=False)
class Traffic:
    """All agents of a scene with what never changes about them."""

    agents: tuple[Agent, ...]
    routes: dict[str, Path]
    stops: Stops
    sizes_m: Array  # [n, 3] length, width, height

    def start(self) -> AgentStates:
        """The states at time 0."""
        s = np.array([a.s_m for a in self.agents], dtype=np.float64)
        speed = np.array([a.speed_mps for a in self.agents], dtype=np.float64)
        return AgentStates(s, speed, np.zeros(len(s)), self.poses(s))

    def poses(self, s_m: Array) -> Array:
        """World poses [n, 3] of agents at stations [n]."""
        poses = np.zeros((len(s_m), 3))
        for name, route in self.routes.items():
            of_route = [i for i, a in enumerate(self.agents) if a.route == name]
            if of_route:
                poses[of_route] = route.pose_at(s_m[of_route], [self.agents[i].lateral_m for i in of_route])
        return poses + np.array([[0.0, 0.0, a.turned_rad] for a in self.agents]).reshape(-1, 3)


def traffic_of(agents: tuple[Agent, ...], routes: dict[str, Path], stops: Stops) -> Traffic:
    """The agents of a scene on its routes."""
    sizes = np.array([(a.length_m, a.width_m, a.height_m) for a in agents], dtype=np.float64).reshape(-1, 3)
    return Traffic(agents, routes, stops, sizes)


def idm(speed_mps: ArrayLike, desired_mps: ArrayLike, gap_m: ArrayLike, closing_mps: ArrayLike) -> Array:
    """Acceleration [...] of the car-following law; `closing_mps` is own speed minus the leader's."""
    v, dv = np.asarray(speed_mps, dtype=np.float64), np.asarray(closing_mps, dtype=np.float64)
    wanted = IDM_GAP_M + np.maximum(v * IDM_HEADWAY_S + v * dv / (2 * np.sqrt(IDM_ACCEL * IDM_BRAKE)), 0.0)
    free = (v / np.maximum(desired_mps, 0.1)) ** IDM_POWER
    return IDM_ACCEL * (1.0 - free - (wanted / np.maximum(gap_m, 0.1)) ** 2)


def advance_agents(
    traffic: Traffic, road: Road, now: AgentStates, ego_box: Array, ego_speed_mps: float, t_us: int
) -> AgentStates:
    """The agents one tick later, each reacting to whoever is ahead on its route, the ego and lights included."""
    if not traffic.agents:
        return now
    gap, leader_speed = _leaders(traffic, now, ego_box, ego_speed_mps)
    gap, leader_speed = _with_lights(traffic, road, now, gap, leader_speed, t_us)
    desired = np.array([a.desired_mps for a in traffic.agents])
    accel = idm(now.speed_mps, desired, gap, now.speed_mps - leader_speed)
    scripts = [_scripted(a, float(v), t_us) for a, v in zip(traffic.agents, now.speed_mps, strict=True)]
    accel = np.minimum(accel, np.array(scripts))
    accel = np.where([a.stays for a in traffic.agents], 0.0, np.clip(accel, -HARDEST_BRAKE, IDM_ACCEL * 1.5))
    speed = np.maximum(now.speed_mps + accel * TICK_S, 0.0)
    s = now.s_m + (now.speed_mps + speed) / 2 * TICK_S
    return AgentStates(s, speed, (speed - now.speed_mps) / TICK_S, traffic.poses(s))


def _scripted(agent: Agent, speed: float, t_us: int) -> float:
    """The script's acceleration, or no limit before it begins."""
    active = [entry for entry in agent.script if entry[0] <= t_us]
    if not active:
        return FAR_M
    _, target, rate = active[-1]
    return float(np.clip((target - speed) / TICK_S, -rate, rate))


def _leaders(traffic: Traffic, now: AgentStates, ego_box: Array, ego_speed: float) -> tuple[Array, Array]:
    """Bumper gap and speed [n] of whoever is next ahead on the same route."""
    n = len(traffic.agents)
    gap, leader_speed = np.full(n, FAR_M), np.zeros(n)
    lateral = np.array([a.lateral_m for a in traffic.agents])
    for name, route in traffic.routes.items():
        own = np.array([i for i, a in enumerate(traffic.agents) if a.route == name], dtype=int)
        if not len(own):
            continue
        ego_s, ego_lateral = route.project(ego_box[:2])
        s = np.append(now.s_m[own], ego_s)
        side = np.append(lateral[own], ego_lateral)
        length = np.append(traffic.sizes_m[own, 0], ego_box[3])
        width = np.append(traffic.sizes_m[own, 1], ego_box[4])
        speed = np.append(now.speed_mps[own], ego_speed)
        apart = s[None, :] - s[:-1, None]
        free = apart - (length[None, :] + length[:-1, None]) / 2
        beside = np.abs(side[None, :] - side[:-1, None]) >= (width[None, :] + width[:-1, None]) / 2 + 0.2
        free = np.where((apart <= 0.0) | beside, FAR_M, free)
        nearest = np.argmin(free, axis=1)
        gap[own] = free[np.arange(len(own)), nearest]
        leader_speed[own] = speed[nearest]
    return gap, leader_speed


def _with_lights(
    traffic: Traffic, road: Road, now: AgentStates, gap: Array, leader_speed: Array, t_us: int
) -> tuple[Array, Array]:
    """Treat the stop line of a light that is not green as a standing leader, where one can still stop."""
    states = {signal.signal_id: signal.state_at(t_us) for signal in road.signals}
    for route, stop_m, signal_id in traffic.stops:
        if states[signal_id] == "green":
            continue
        for i, agent in enumerate(traffic.agents):
            left_m = stop_m - now.s_m[i] - agent.length_m / 2
            needs = now.speed_mps[i] ** 2 / (2 * max(left_m, 0.1))
            if agent.route == route and left_m > 0.0 and needs < 4.0 and left_m + IDM_GAP_M < gap[i]:
                gap[i], leader_speed[i] = left_m + IDM_GAP_M - 0.5, 0.0
    return gap, leader_speed
