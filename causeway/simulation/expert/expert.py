"""The privileged expert: it reads the scene's truth, answers after a reaction time, and says why.

Knows how cues and shifts become one plan. Where they come from is in `leads`, `lines`, `crossings`, `profiles` and
`sideways`; what it remembers is a `Mind`, handed from tick to tick. Does not know pictures. Its plan is a trajectory
like any policy's, so it drives through the same `World.step`; a plan's reason and wish are what truth is made of.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.expert import sideways
from causeway.simulation.expert.crossings import crossing_cues
from causeway.simulation.expert.cues import CRUISE, Cue
from causeway.simulation.expert.laying import into_rig
from causeway.simulation.expert.leads import leader
from causeway.simulation.expert.lines import line_cues
from causeway.simulation.expert.mind import Expert, Mind, Sight, eye_of
from causeway.simulation.expert.profiles import crosswalks_on, steady_cues
from causeway.simulation.expert.shifts import homing, rows_of
from causeway.simulation.expert.situation import Situation, situation
from causeway.simulation.expert.speed_laws import roll_out
from causeway.simulation.expert.things import standing_things
from causeway.simulation.roads.path_kernel import along, poses_at, stations_driven
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import AgentStates, Traffic
from causeway.simulation.vehicle import EgoState
from causeway.simulation.visibility import seen_within_m

Array = NDArray[np.float64]

SETTLE_S = 0.8  # how fast a deviation from the wanted path fades
OUT_OF_SIGHT_M = -1e6  # the station of who is not in sight
WAITS, RISKY = "waits", "risky"  # the roles of who lets us go first, and of who takes risks
WALKING, WEAK = ("pedestrian", "animal"), ("pedestrian", "animal", "cyclist")


@dataclass(frozen=True, eq=False)
class Plan:
    """64 poses in the rig frame, and why the next tick is driven so: reason, what it is for, m/s² wanted, the mind."""

    trajectory_rig: Array
    reason: str
    cause_id: str | None
    wanted_mps2: float
    mind: Mind


def expert_for(scene: Scene, traffic: Traffic) -> Expert:
    """The expert of a scene."""
    types = [agent.type for agent in traffic.agents]
    weak, walks = (np.array([t in kinds for t in types], dtype=np.bool_) for kinds in (WEAK, WALKING))
    lets_us = np.array([agent.role == WAITS for agent in traffic.agents], dtype=np.bool_)
    things = standing_things(scene, traffic, walks)
    weak_ones = tuple(np.flatnonzero(weak).tolist())
    riding = tuple(i for i, a in enumerate(traffic.agents) if a.type == "cyclist" and not a.stays)
    risky = tuple(i for i, a in enumerate(traffic.agents) if a.role == RISKY)
    on_wheels = np.flatnonzero(~traffic.packed.stays & ~walks)
    kinds = (weak, walks, lets_us, things, weak_ones, on_wheels, riding, risky, seen_within_m(scene.look))
    return Expert(scene, traffic, steady_cues(scene), crosswalks_on(scene), *kinds)


def plan(expert: Expert, ego: EgoState, seen: AgentStates, seen_us: int, now_us: int, mind: Mind) -> Plan:
    """The expert's plan from the ego's state, knowing others as they were at `seen_us` (a reaction time ago).

    `mind` is that of the tick before; a fresh `Mind()` at the start of a drive.
    """
    station, lateral = expert.scene.layout.routes["ego"].foot(ego.x_m, ego.y_m)
    along_m = along_route(expert, seen, ego, (now_us - seen_us) / 1e6)
    now = situation(expert, Sight(ego, station, seen, along_m, seen_us, now_us))
    mind = sideways.decide(now, mind)
    cues, mind = _cues(now, mind)
    driver = expert.scene.driver_at(station)
    stations, cue, wanted = roll_out(station, ego.speed_mps, ego.accel_mps2, driver, cues)
    path = _path(expert, ego, (station, lateral), stations, mind)
    return Plan(path, cue.reason if cue else CRUISE, cue.cause_id if cue else None, wanted, mind)


def along_route(expert: Expert, seen: AgentStates, ego: EgoState, age_s: float) -> Array:
    """Stations, offsets (+ left) and headings against the ego's route [n, 3] of all agents, as they were `age_s` ago.

    Who was farther away then than one sees is far behind: the expert must not know what no camera could show.
    """
    route, out = expert.scene.layout.routes["ego"], np.empty((len(seen.poses), 3))
    along(route.points, route.yaw_rad, route.curvature_per_m, route.s_m, seen.poses, out)
    x_m, y_m = eye_of(ego, age_s)
    hidden = np.hypot(seen.poses[:, 0] - x_m, seen.poses[:, 1] - y_m) > expert.seen_m
    out[hidden, 0], out[hidden, 1] = OUT_OF_SIGHT_M, 0.0
    return out


def _cues(now: Situation, mind: Mind) -> tuple[list[Cue], Mind]:
    """Everything that asks for a speed now, and the mind after it."""
    expert, sight = now.expert, now.sight
    asked = (leader(expert, sight, mind), sideways.hold(now, mind))
    lines, mind = line_cues(expert, sight, mind)
    crossings, mind = crossing_cues(expert, sight, mind)
    return [*(cue for cue in asked if cue), *lines, *crossings, *expert.steady], mind


def _path(expert: Expert, ego: EgoState, at: tuple[float, float], stations: Array, mind: Mind) -> Array:
    """Poses [64, 3] in the rig frame at the stations, on the wanted offsets; a deviation from them fades."""
    route, (station, lateral) = expert.scene.layout.routes["ego"], at
    rows, over_m = rows_of(mind.shifts), SETTLE_S * max(ego.speed_mps, 3.0)
    offsets = homing(rows, stations, station, lateral, over_m)
    # what was rolled out is the way driven: without this a movement sideways would speed us up, tick by tick
    stations = stations_driven(route.s_m, route.curvature_per_m, station, lateral, stations, offsets)
    offsets, poses = homing(rows, stations, station, lateral, over_m), np.empty((len(stations), 3))
    poses_at(route.points, route.yaw_rad, route.s_m, stations, offsets, poses)
    into_rig(poses, offsets, stations, ego.x_m, ego.y_m, ego.yaw_rad)
    return poses
