"""The truth of going on where one might have stopped: passing a junction, people who wait for us, and curves.

Knows stop lines, junction lanes and how people move towards our way. Nothing changes in such a range, so its decision
is what the driver keeps doing. Key-frame rules: arXiv 2511.00088, table 3.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import wrap_angle
from causeway.reasoning.names import NONE
from causeway.reasoning.records import Component
from causeway.simulation.expert.cues import LEAD, PEDESTRIAN
from causeway.simulation.truth.parts import (
    Moment,
    curve_component,
    ego_stations,
    free_lane,
    light_component,
    moment,
    object_component,
    seen_at,
)
from causeway.simulation.vehicle import EGO
from causeway.simulation.world import World

Array = NDArray[np.float64]

ROLLS_MPS = 1.0
TOWARDS_MPS, ENTERS_S, REACH_M = 0.5, 4.0, 40.0  # who shows that they want to cross, and how far away
INTENT_TICKS = 5
TURNS_PER_M, CURVE_RAD, FELT_MPS2 = 0.0015, 0.35, 0.8  # a curve, and one that is felt


def passings(world: World) -> list[Moment]:
    """From the tick in which the front bumper crosses a stop line until the tail is out of the junction."""
    stations = ego_stations(world)
    moments = []
    for route, line_m, control_id in world.scene.layout.stops:
        crosses = int(np.searchsorted(stations, line_m - EGO.front_m))
        leave_m = _leaves_at(world, line_m)
        if route != "ego" or not 0 < crosses < len(stations) or leave_m is None:
            continue
        if world.ticks[crosses].ego.speed_mps < ROLLS_MPS:
            continue
        until = min(int(np.searchsorted(stations, leave_m + EGO.length_m - EGO.front_m)), len(stations) - 1)
        decision, causes = _keeps_doing(world, control_id, crosses)
        moments.append(moment(crosses, "pass_intersection", decision, NONE, *causes, until=until))
    return moments


def curves_entered(world: World, braked: Sequence[Moment]) -> list[Moment]:
    """Curves that one feels and enters without braking for them, to their end. `braked`: the moments of the others."""
    route, stations = world.scene.layout.routes["ego"], ego_stations(world)
    bend = np.interp(stations, route.s_m, route.curvature_per_m)
    speed = np.array([tick.ego.speed_mps for tick in world.ticks])
    turning = np.sign(bend) * (np.abs(bend) > TURNS_PER_M)
    edges = [0, *(np.flatnonzero(np.diff(turning)) + 1).tolist(), len(turning)]
    found = []
    for enters, leaves in pairwise(edges):
        turned = abs(float((bend[enters:leaves] * speed[enters:leaves]).sum())) / 10
        felt = float((np.abs(bend) * speed**2)[enters:leaves].max())
        begun = enters > 0 and turning[enters] != 0
        known = any(m.t0_us <= world.ticks[enters].t_us <= (m.until_us or 0) for m in braked)
        if begun and not known and turned >= CURVE_RAD and felt >= FELT_MPS2:
            cause = curve_component(world, enters, float(stations[enters]), float(stations[leaves - 1]))
            found.append(moment(enters, "curve", NONE, "lane_keeping", cause, until=leaves - 1))
    return found


def _leaves_at(world: World, line_m: float) -> float | None:
    """The station at which the junction behind a stop line ends; None when there is none."""
    route = world.scene.layout.routes["ego"]
    for lane in world.scene.layout.road.lanes:
        if lane.kind == "junction":
            ends = route.project(lane.centre.points[[0, -1]])
            if abs(ends[0, 0] - line_m) < 5.0 and np.abs(ends[:, 1]).max() < 1.0 and ends[1, 0] > ends[0, 0]:
                return float(ends[1, 0])
    return None


def _keeps_doing(world: World, control_id: str, tick: int) -> tuple[str, list[Component]]:
    """The decision that goes on at a tick, and what allows it."""
    plan = world.ticks[tick].plan
    if plan is not None and plan.reason == LEAD:
        return "lead_following", [object_component(world, plan.cause_id, tick, "in_path")]
    lights = {s.signal_id: s.state_at(world.ticks[tick].t_us) for s in world.scene.layout.road.signals}
    if lights.get(control_id) == "green":
        return "set_speed_tracking", [light_component(world, control_id, tick)]
    return "set_speed_tracking", [free_lane(world, tick)]


def people_who_wait(world: World) -> list[Moment]:
    """From when somebody shows that they want to cross, and is not waited for, until they cannot be seen."""
    waited = {w.cause_id for t in world.ticks if t.plan for w in t.plan.mind.waiting if w.what == PEDESTRIAN}
    stations = ego_stations(world)
    found = []
    weak = np.flatnonzero(world.expert.weak).tolist() if world.expert else []
    for i in weak:
        track_id = world.traffic.agents[i].track_id
        starts = [] if track_id in waited else np.flatnonzero(_intends(world, i, stations)).tolist()
        starts = [tick for tick in starts if _sees(world, tick, i)]
        if len(starts) < INTENT_TICKS:
            continue
        t0 = until = starts[0]
        while until + 1 < len(world.ticks) and _sees(world, until + 1, i):
            until += 1
        decision, causes = _keeps_doing(world, _light_before(world, t0, stations), t0)
        side = "left" if _across(world, i)[t0] > 0 else "right"
        person = object_component(world, track_id, t0, side)
        found.append(moment(t0, "no_yield_to_vru", decision, NONE, *causes, person, until=until))
    return found


def _sees(world: World, tick: int, i: int) -> bool:
    return seen_at(world, tick, world.ticks[tick].agents.poses[i, :2], 1.0, i)


def _across(world: World, i: int) -> Array:
    """How far left of our route an agent is, by tick."""
    return world.scene.layout.routes["ego"].project(np.stack([t.agents.poses[i, :2] for t in world.ticks]))[:, 1]


def _intends(world: World, i: int, stations: Array) -> NDArray[np.bool_]:
    """In which ticks an agent goes towards our way, ahead of us and near."""
    route = world.scene.layout.routes["ego"]
    poses = np.stack([t.agents.poses[i] for t in world.ticks])
    s, off = route.project(poses[:, :2]).T
    turn = wrap_angle(poses[:, 2] - np.interp(s, route.s_m, route.yaw_rad))
    speed = np.array([t.agents.speed_mps[i] for t in world.ticks]) * np.sin(turn)
    towards = -np.sign(off) * speed
    gap = s - stations - EGO.front_m
    soon = np.abs(off) - EGO.width_m / 2 < ENTERS_S * towards
    return (towards > TOWARDS_MPS) & soon & (gap > 0.0) & (gap < REACH_M)


def _light_before(world: World, tick: int, stations: Array) -> str:
    """The control of the next stop line ahead; "" when there is none."""
    ahead = [(m, c) for route, m, c in world.scene.layout.stops if route == "ego" and m > stations[tick] + EGO.front_m]
    return min(ahead)[1] if ahead else ""
