"""The truth of what is done, or waited for, beside the lane's middle, and of who comes into our way from there.

Knows the shifts and waits in the expert's mind, the scripts of those who cut in or take risks, and key-frame rules
(arXiv 2511.00088, table 3). Does not know other decisions along the road (`along`).
"""

from dataclasses import replace
from functools import partial

import numpy as np

from causeway.clips.geometry import TICK_US, wrap_angle
from causeway.meta_actions.scenarios import generic_of
from causeway.reasoning.names import NONE
from causeway.reasoning.records import Component
from causeway.simulation.expert.cues import CONSTRUCTION, LEAD, RISKY
from causeway.simulation.expert.shifts import LANE_CHANGE, RETURN, Shift
from causeway.simulation.scene import Want
from causeway.simulation.truth.onsets import BEGINS_MPS2, Onset, onsets
from causeway.simulation.truth.parts import (
    KEY_FRAME_TICKS,
    Moment,
    agent_index,
    ego_stations,
    element_component,
    free_lane,
    moment,
    object_component,
    when_seen,
)
from causeway.simulation.vehicle import EGO
from causeway.simulation.world import World

SLOWED_TICKS, ANSWERS_TICKS = 40, 20  # one who is blocked slows so soon, or not for that
LEAST_WAIT_TICKS = 10  # what is ready sooner was no preparation
ANSWERED_TICKS = 70  # so long after somebody began to cut in one still slows for it
BACK_TICKS = 15  # and so long before: one who is slowed for already is no surprise
MOVES_M = 0.1  # off its lane's middle: it moves
ONE_DECISION_US = 1_000_000
LEAST_HOME_M = 0.5  # to come back from less is to keep the lane
WORKS_TICKS = 10  # slowing for works so near to passing them is one decision with it


def moments_sideways(world: World) -> list[Moment]:
    """All moments of the lateral channel, preparations, and who cuts in or takes risks; not by time."""
    slowed = [onset for onset in onsets(world) if not onset.go]
    stations = ego_stations(world)
    moved = [m for shift in _shifts(world) for m in _moved(world, shift, stations, slowed)]
    risky = [m for onset in slowed if (m := _risk(world, onset))]
    return [*_joined([*moved, *risky]), *_prepared(world), *_cut_ins(world, slowed)]


def _joined(moments: list[Moment]) -> list[Moment]:
    """Braking and moving aside for the same risky driver at nearly the same time are one decision."""
    kept: list[Moment] = []
    for m in sorted(moments, key=lambda m: m.t0_us):
        last = kept[-1] if kept else None
        if last is None or {m.scenario, last.scenario} != {"risky_driving"} or m.t0_us - last.t0_us > ONE_DECISION_US:
            kept.append(m)
            continue
        decisions = zip(_decisions(last), _decisions(m), strict=True)
        along, aside = (a if a != NONE else b for a, b in decisions)
        kept[-1] = replace(last, record=replace(last.record, longitudinal_decision=along, lateral_decision=aside))
    return kept


def _decisions(m: Moment) -> tuple[str, str]:
    return m.record.longitudinal_decision, m.record.lateral_decision


def _shifts(world: World) -> tuple[Shift, ...]:
    plans = [tick.plan for tick in world.ticks if tick.plan]
    return plans[-1].mind.shifts


# Movements


def _moved(world: World, shift: Shift, stations: np.ndarray, slowed: list[Onset]) -> list[Moment]:
    """Leaving the middle of the lane, and coming back to it."""
    leaves, returns = (int(np.searchsorted(stations, s)) for s in (shift.from_m, shift.back_m))
    moments = []
    small = shift.kind == RETURN and abs(shift.offset_m) < LEAST_HOME_M
    if KEY_FRAME_TICKS <= leaves < len(stations) and not small:
        moments.append(when_seen(leaves - KEY_FRAME_TICKS, lambda t0: _left(world, shift, t0, slowed)))
    if abs(shift.offset_m) < LEAST_HOME_M:
        return moments
    if np.isfinite(shift.back_m) and KEY_FRAME_TICKS <= returns < len(stations):
        moments.append(_home(world, returns - KEY_FRAME_TICKS))
    return moments


def _home(world: World, t0: int) -> Moment:
    return moment(t0, generic_of("slight_shift_left", "lane_keep"), NONE, "lane_keeping", free_lane(world, t0))


def _left(world: World, shift: Shift, t0: int, slowed: list[Onset]) -> Moment:
    side = "left" if shift.offset_m > 0 else "right"
    if shift.kind == RETURN:
        return _home(world, t0)
    if shift.kind == LANE_CHANGE:
        return _changed(world, shift, t0, side)
    room = world.scene.layout.road.lanes[0].width_m / 2 - EGO.width_m / 2
    decision = f"nudge_{'in_lane' if abs(shift.offset_m) <= room else 'out_of_lane'}_{side}"
    cause = _thing(world, shift.track_ids[0], t0, "right" if side == "left" else "left")
    works = [o for o in slowed if o.reason == CONSTRUCTION and abs(o.tick - KEY_FRAME_TICKS - t0) <= WORKS_TICKS]
    if cause.category == "odd_constraint":
        first = min([t0, *(max(o.tick - KEY_FRAME_TICKS, 0) for o in works)])
        return moment(first, "bypass_construction", "speed_adaptation" if works else NONE, decision, cause)
    scenario = "yield_to_vru" if cause.kind == "cyclist" else "nudge"
    return moment(t0, "risky_driving" if _role(world, cause.track_id) == "risky" else scenario, NONE, decision, cause)


def _changed(world: World, shift: Shift, t0: int, side: str) -> Moment:
    want = _want(world, shift.track_ids[0])
    decision = "merge" if want.kind == "route_merge" else f"lane_change_{side}"
    works = want.category == "odd_constraint"
    return moment(t0, "bypass_construction" if works else "lane_change", NONE, decision, _reason(world, want, t0))


def _want(world: World, cause_id: str | None) -> Want:
    return next(w for w in world.scene.wants if cause_id in (w.cause_id, w.kind))


def _reason(world: World, want: Want, t0: int) -> Component:
    """What one changes lanes for; a lane's end or the route is known from the station of the wish on."""
    if want.category in ("critical_object", "odd_constraint"):
        return _thing(world, want.cause_id, t0, "in_path")
    stations = ego_stations(world)
    first = min(int(np.searchsorted(stations, want.from_m)), t0)
    last = min(int(np.searchsorted(stations, want.by_m)), len(stations) - 1)
    return Component(want.category, want.kind, want.cause_id, "in_path", NONE, first * TICK_US, last * TICK_US)


def _thing(world: World, cause_id: str | None, t0: int, pose: str) -> Component:
    """A cone, or an agent: on the side `pose`, unless it comes towards us."""
    element = next((e for e in world.scene.layout.road.elements if e.element_id == cause_id), None)
    if element is not None:
        return element_component(world, element, t0, "odd_constraint", "cone")
    if world.traffic.agents[agent_index(world, cause_id)].type == "static":
        return object_component(world, cause_id, t0, pose)
    return object_component(world, cause_id, t0, "oncoming" if _comes(world, cause_id, t0) else pose)


def _comes(world: World, track_id: str | None, t0: int) -> bool:
    """Whether an agent is headed, and drives, against us."""
    i, then = agent_index(world, track_id), world.ticks[t0]
    turn = float(wrap_angle(then.agents.poses[i, 2] - then.ego.yaw_rad))
    return bool(then.agents.speed_mps[i] > 0.5 and abs(turn) > 2.0)


def _role(world: World, track_id: str | None) -> str:
    return next((a.role for a in world.traffic.agents if a.track_id == track_id), "")


# Preparations


def _prepared(world: World) -> list[Moment]:
    """From when there is a reason for a movement that is blocked until one is ready for it."""
    found = []
    for what, scenario in ((LANE_CHANGE, "lane_change_preparation"), ("nudge", "nudge_preparation")):
        for cause_id, first, last in _waits(world, what):
            if last - first < LEAST_WAIT_TICKS:
                continue
            t0 = _answers_from(world, first, last)
            found.append(when_seen(t0, partial(_preparation, world, what, scenario, cause_id, last)))
    return found


def _answers_from(world: World, first: int, last: int) -> int:
    """When a driver who is blocked begins to slow for it, or did shortly before: what there is to see of it."""
    began = first
    while began > first - SLOWED_TICKS and world.ticks[began - 1].ego.accel_mps2 < -BEGINS_MPS2:
        began -= 1
    if began < first:
        return began
    for tick in range(first, min(last, first + ANSWERS_TICKS)):
        if world.ticks[tick].ego.accel_mps2 < -BEGINS_MPS2:
            return tick
    return first


def _waits(world: World, what: str) -> list[tuple[str | None, int, int]]:
    """(cause, first tick, last tick) of every wait of a kind."""
    open_at: dict[tuple[str | None, int], int] = {}
    for tick, then in enumerate(world.ticks):
        for wait in then.plan.mind.waiting if then.plan else ():
            if wait.what == what:
                open_at[(wait.cause_id, wait.since_us)] = tick
    return [(cause_id, since // TICK_US, last) for (cause_id, since), last in open_at.items()]


def _preparation(world: World, what: str, scenario: str, cause_id: str | None, until: int, t0: int) -> Moment:
    """What is wanted, who keeps us from it, and how one makes room for it along the road."""
    wanted = _want(world, cause_id) if what == LANE_CHANGE else None
    cause = _reason(world, wanted, t0) if wanted else _thing(world, cause_id, t0, "in_path")
    rival = _rival(world, t0, wanted.lane_m if wanted else None)
    rivals = [rival] if rival else []
    if wanted is None and rival and rival.relative_pose == "oncoming":
        return moment(t0, scenario, "yield", NONE, rival, cause, until=until)
    if wanted is None or cause.category == "critical_object":
        return moment(t0, scenario, "lead_following", NONE, cause, *rivals, until=until)
    if cause.category == "odd_constraint":
        return moment(t0, scenario, "speed_adaptation", NONE, cause, *rivals, until=until)
    return moment(t0, scenario, "gap_searching", NONE, cause, *rivals, until=until)


def _rival(world: World, t0: int, lane_m: float | None) -> Component | None:
    """The vehicle that keeps us from a lane (`lane_m` beside our route), or comes towards us; None when out of view."""
    route, then = world.scene.layout.routes["ego"], world.ticks[t0]
    station = float(route.project(then.ego.pose[:2])[0])
    best: tuple[float, str, str] | None = None
    for i, agent in enumerate(world.traffic.agents):
        s, off = route.project(then.agents.poses[i, :2]).tolist()
        apart = abs(s - station - EGO.rear_axle_to_centre_m)
        if agent.stays or world.expert is None or world.expert.walks[i]:
            continue
        comes = _comes(world, agent.track_id, t0) and s > station
        there = comes if lane_m is None else not comes and abs(off - lane_m) < 1.5
        if there and (best is None or apart < best[0]):
            best = (apart, agent.track_id, "oncoming" if comes else "left" if off > 0 else "right")
    return object_component(world, best[1], t0, best[2]) if best else None


# Others


def _cut_ins(world: World, slowed: list[Onset]) -> list[Moment]:
    """Who moves over into our lane: t0 is when it signals or leaves its lane's middle, whichever is first."""
    found = []
    for i, agent in enumerate(world.traffic.agents):
        if agent.role != "cuts_in":
            continue
        t0 = _shows(world, i)
        own = [o for o in slowed if o.cause_id == agent.track_id and t0 is not None]
        answered = [o for o in own if -BACK_TICKS <= o.tick - (t0 or 0) <= ANSWERED_TICKS]
        if t0 is None or not answered:
            continue
        found.append(when_seen(t0, partial(_cut_in, world, i)))
    return found


def _cut_in(world: World, i: int, t0: int) -> Moment:
    cause = object_component(world, world.traffic.agents[i].track_id, t0, _side(world, i, t0), "cutting_in")
    return moment(t0, "cut_in", "yield", NONE, cause)


def _shows(world: World, i: int) -> int | None:
    """The first tick at which an agent signals or is off the middle of its lane."""
    signs = [tick.agents.indicator[i] != 0 for tick in world.ticks]
    middle = world.traffic.agents[i].lateral_m
    off = [abs(float(tick.agents.lateral_m[i]) - middle) > MOVES_M for tick in world.ticks]
    return next((k for k, (a, b) in enumerate(zip(signs, off, strict=True)) if a or b), None)


def _side(world: World, i: int, t0: int) -> str:
    off = float(world.scene.layout.routes["ego"].project(world.ticks[t0].agents.poses[i, :2])[1])
    return "left" if off > 0 else "right"


def _risk(world: World, onset: Onset) -> Moment | None:
    """Slowing for somebody whose script is to take risks."""
    if onset.reason not in (LEAD, RISKY) or _role(world, onset.cause_id) != "risky":
        return None
    return when_seen(max(onset.tick - KEY_FRAME_TICKS, 0), partial(_risked, world, onset))


def _risked(world: World, onset: Onset, t0: int) -> Moment:
    i = agent_index(world, onset.cause_id)
    if _comes(world, onset.cause_id, t0):
        return moment(t0, "risky_driving", "yield", NONE, object_component(world, onset.cause_id, t0, "oncoming"))
    if world.traffic.agents[i].route == "ego":
        cause = object_component(world, onset.cause_id, t0, "in_path")
        return moment(t0, "risky_driving", "lead_following", NONE, cause)
    cause = object_component(world, onset.cause_id, t0, _side(world, i, t0), "cutting_in")
    return moment(t0, "risky_driving", "yield", NONE, cause)
