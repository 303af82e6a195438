"""The privileged expert: it reads the scene's truth, answers after a reaction time, and says why.

Knows the scene, what moved, and its own reasons. Does not know pictures. Its plan is a trajectory like any policy's, so
it drives through the same `World.step`; `reason` and `wanted` of the plan's first tick are what truth is made of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import to_frame
from causeway.model.observation import HORIZON_STEPS
from causeway.simulation import speed_laws
from causeway.simulation.agents import FAR_M, AgentStates, Traffic
from causeway.simulation.nudges import Nudge, nudges_of, offset_at
from causeway.simulation.road import Signal
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.vehicle import EGO, TICK_S, EgoState

Array = NDArray[np.float64]

JERK_MPS3 = 2.6  # the tracker looks 0.3 s ahead and so makes half as much again of it
BRAKE_LIMIT, ACCEL_LIMIT = -4.0, 2.2
EMERGENCY_MPS2 = -7.5  # from here on comfort does not count
LINE_MARGIN_M = 1.0
YELLOW_BRAKE = 2.8  # a yellow light is a stop only if this is enough
SETTLE_S = 0.8  # how fast a deviation from the wanted path fades
CRUISE, LEAD, LIGHT, CURVE = "cruise", "lead", "light", "curve"


@dataclass(frozen=True, eq=False)
class Expert:
    """What the expert works out once for a scene."""

    scene: Scene
    traffic: Traffic
    nudges: tuple[Nudge, ...]
    curve_speeds: Array

    @property
    def driver(self) -> Driver:
        """Whose taste it has."""
        return self.scene.driver


@dataclass(frozen=True, eq=False)
class Plan:
    """64 poses in the rig frame, and why the next tick is driven so: reason, what it concerns, m/s² wanted."""

    trajectory_rig: Array
    reason: str
    cause_id: str | None
    wanted_mps2: float


@dataclass(frozen=True)
class Leader:
    """Who is ahead in the ego's path: the gap between bumpers now, its speed and acceleration as perceived."""

    track_id: str
    gap_m: float
    speed_mps: float
    accel_mps2: float


def expert_for(scene: Scene, traffic: Traffic) -> Expert:
    """The expert of a scene."""
    route, driver = scene.layout.routes["ego"], scene.driver
    speeds = speed_laws.curve_speeds(route, driver.lateral_accel_mps2, driver.brake_mps2, 1.2 * driver.set_speed_mps)
    return Expert(scene, traffic, nudges_of(traffic, route, driver), speeds)


def plan(expert: Expert, ego: EgoState, seen: AgentStates, seen_us: int, now_us: int) -> Plan:
    """The expert's plan from the ego's state, knowing others as they were at `seen_us` (a reaction time ago)."""
    route = expert.scene.layout.routes["ego"]
    station, lateral = (float(v) for v in route.project(ego.pose[:2]))
    lead = _leader(expert, station, seen, (now_us - seen_us) / 1e6)
    stop_m, signal_id = _line_ahead(expert, station, ego.speed_mps, seen_us)
    stations, reason, wanted = _roll_out(expert, ego, station, lead, stop_m)
    offsets = offset_at(expert.nudges, stations)
    error = lateral - float(offset_at(expert.nudges, station))
    fading = np.exp(-np.maximum(stations - station, 0.0) / (SETTLE_S * max(ego.speed_mps, 3.0)))
    world = route.pose_at(stations, offsets + error * fading)
    turn = np.gradient(offsets + error * fading, np.maximum.accumulate(stations) + 1e-6 * np.arange(len(stations)))
    world[:, 2] += np.arctan(np.clip(turn, -0.5, 0.5))
    cause = {LEAD: lead.track_id if lead else None, LIGHT: signal_id}.get(reason)
    return Plan(to_frame(world, ego.pose), reason, cause, wanted)


def _roll_out(
    expert: Expert, ego: EgoState, station: float, lead: Leader | None, stop_m: float
) -> tuple[Array, str, float]:
    """Stations [64] of the ego over the plan, and the first tick's reason and wish."""
    driver, s, v, a = expert.driver, station, ego.speed_mps, ego.accel_mps2
    lead_s, lead_v = _lead_motion(lead, station, driver.set_speed_mps)
    stations, first = np.empty(HORIZON_STEPS), (CRUISE, 0.0)
    for k in range(HORIZON_STEPS):
        wishes = {CRUISE: speed_laws.cruise(v, driver.set_speed_mps)}
        wishes[CURVE] = speed_laws.adapt(s, v, expert.curve_speeds)
        if lead:
            gap = lead_s[k] - s
            wishes[LEAD] = speed_laws.follow(v, gap, lead_v[k], driver.headway_s)
        if stop_m < FAR_M:
            wishes[LIGHT] = speed_laws.stop_at(stop_m - s, v, driver.brake_mps2)
        reason = min(wishes, key=wishes.__getitem__)
        wanted = wishes[reason]
        first = (reason, wanted) if k == 0 else first
        reach = JERK_MPS3 * TICK_S * (1.0 if wanted > EMERGENCY_MPS2 else 3.0)  # an emergency is no time for comfort
        a = min(max(wanted, a - reach), a + reach)
        a = max(min(a, ACCEL_LIMIT), BRAKE_LIMIT if wanted > EMERGENCY_MPS2 else wanted, -v / TICK_S)
        if v < 0.08 and wanted < 0.0:
            a = -v / TICK_S
        s, v = s + max(v * TICK_S + a * TICK_S**2 / 2, 0.0), max(v + a * TICK_S, 0.0)
        stations[k] = s
    return stations, *first


def _leader(expert: Expert, station: float, seen: AgentStates, age_s: float) -> Leader | None:
    """The nearest agent ahead in the corridor the ego will drive, moved on from when it was seen."""
    route, traffic = expert.scene.layout.routes["ego"], expert.traffic
    if not traffic.agents:
        return None
    at = route.project(seen.poses[:, :2])
    beside = np.abs(at[:, 1] - offset_at(expert.nudges, at[:, 0]))
    turned = np.abs(np.sin(seen.poses[:, 2] - np.interp(at[:, 0], route.s_m, route.yaw_rad)))
    half = np.where(turned > 0.5, traffic.sizes_m[:, 0], traffic.sizes_m[:, 1]) / 2
    blocks = (beside < half + EGO.width_m / 2 + 0.25) & (at[:, 0] > station + EGO.rear_axle_to_centre_m)
    if not blocks.any():
        return None
    i = int(np.argmin(np.where(blocks, at[:, 0], np.inf)))
    v, a = float(seen.speed_mps[i]), float(seen.accel_mps2[i])
    moving_s = min(age_s, v / -a) if a < 0.0 else age_s
    moved = at[i, 0] + v * moving_s + a * moving_s**2 / 2
    rear = moved - (traffic.sizes_m[i, 0] if turned[i] <= 0.5 else traffic.sizes_m[i, 1]) / 2
    return Leader(traffic.agents[i].track_id, rear - station - EGO.front_m, v + a * moving_s, a)


def _lead_motion(lead: Leader | None, station: float, fastest_mps: float) -> tuple[Array, Array]:
    """Where the ego's front would touch the leader [64] (as a station of the rear axle), and its speed [64]."""
    if lead is None:
        return np.empty(0), np.empty(0)
    t = np.arange(HORIZON_STEPS) * TICK_S
    speed = np.clip(lead.speed_mps + lead.accel_mps2 * t, 0.0, max(fastest_mps, lead.speed_mps))
    moved = np.concatenate([[0.0], np.cumsum((speed[1:] + speed[:-1]) / 2 * TICK_S)])
    return station + lead.gap_m + moved, speed


def _line_ahead(expert: Expert, station: float, speed_mps: float, seen_us: int) -> tuple[float, str | None]:
    """The station for the rear axle at which to stand for the next light, and the light; FAR_M when none asks."""
    signals = {s.signal_id: s for s in expert.scene.layout.road.signals}
    for route, line_m, signal_id in expert.scene.layout.stops:
        stand_m = line_m - LINE_MARGIN_M - EGO.front_m
        ahead = route == "ego" and station < stand_m + LINE_MARGIN_M
        if ahead and _asks(signals[signal_id], stand_m - station, speed_mps, seen_us):
            return stand_m, signal_id
    return FAR_M, None


def _asks(signal: Signal, distance_m: float, speed_mps: float, seen_us: int) -> bool:
    state = signal.state_at(seen_us)
    if state == "yellow":
        return speed_laws.needed_brake(max(distance_m, 0.1), speed_mps) < YELLOW_BRAKE
    return state == "red"
