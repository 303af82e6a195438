"""The truth of decisions along the road: slowing, standing, going on, and going on where one might have stopped.

Knows what each reason of the expert is called, and the key-frame rules of arXiv 2511.00088, table 3. Does not know
movements sideways (`sideways`), which also names what is slowed for merging, obstacles and risky drivers.
"""

from collections.abc import Callable

import numpy as np

from causeway.clips.geometry import TICK_US
from causeway.reasoning.names import NONE
from causeway.reasoning.records import Component
from causeway.simulation.expert.cues import BUMP, CONSTRUCTION, CURVE, LEAD, LIGHT, PEDESTRIAN, STOP_SIGN
from causeway.simulation.roads.road import Signal
from causeway.simulation.truth.onsets import STANDING_MPS, Onset, onsets
from causeway.simulation.truth.parts import (
    KEY_FRAME_TICKS,
    Moment,
    curve_component,
    ego_stations,
    element_component,
    free_lane,
    light_component,
    moment,
    object_component,
    when_seen,
)
from causeway.simulation.truth.ranges import curves_entered, passings, people_who_wait
from causeway.simulation.world import World


def moments_along(world: World) -> list[Moment]:
    """All moments of the longitudinal channel but slowing for merging, obstacles and risky drivers."""
    named = [(onset, _NAMED.get(onset.reason, _goes_on if onset.go else None)) for onset in onsets(world)]
    acted = [_named(world, onset, name) for onset, name in named if name]
    curves = [m for m in acted if m.scenario == "curve"]
    return [*acted, *passings(world), *people_who_wait(world), *curves_entered(world, curves)]


def _named(world: World, onset: Onset, name: Callable[[World, Onset, int], Moment]) -> Moment:
    return when_seen(max(onset.tick - KEY_FRAME_TICKS, 0), lambda t0: name(world, onset, t0))


def _for_light(world: World, onset: Onset, t0: int) -> Moment:
    """Stop and resume: the later of 0.5 s before the action and the picture in which the light changes."""
    signal = next(s for s in world.scene.layout.road.signals if s.signal_id == onset.cause_id)
    t0 = _turned(world, signal, onset, t0)
    if onset.go:
        scenario = "resume_at_control" if _stands(world, onset.tick) else "speed_up"
        return moment(t0, scenario, "set_speed_tracking", NONE, light_component(world, signal.signal_id, t0))
    light = light_component(world, signal.signal_id, t0)
    return moment(t0, "stop_for_control", "stop_for_static_constraint", NONE, light)


def _turned(world: World, signal: Signal, onset: Onset, t0: int) -> int:
    asked = ("green",) if onset.go else ("red", "yellow")
    if signal.state_at(world.ticks[t0].t_us) in asked:
        return t0
    return -(-signal.since_us(world.ticks[onset.tick].t_us) // TICK_US)


def _for_sign(world: World, onset: Onset, t0: int) -> Moment:
    if onset.go:
        scenario = "resume_at_control" if _stands(world, onset.tick) else "speed_up"
        return moment(t0, scenario, "set_speed_tracking", NONE, free_lane(world, t0))
    sign = _element(world, t0, onset.cause_id, "yield_stop_control", "stop_sign")
    return moment(t0, "stop_for_control", "stop_for_static_constraint", NONE, sign)


def _for_lead(world: World, onset: Onset, t0: int) -> Moment:
    if onset.go:
        plan = world.ticks[onset.tick].plan
        scenario = "start" if _stands(world, onset.tick) else "speed_up"
        if plan is not None and plan.reason != LEAD:
            return moment(t0, scenario, "set_speed_tracking", NONE, free_lane(world, t0))
    else:
        scenario = "stop_for_lead" if _ends_standing(world, onset.tick) else "slow_for_lead"
    return moment(t0, scenario, "lead_following", NONE, object_component(world, onset.cause_id, t0, "in_path"))


def _for_person(world: World, onset: Onset, t0: int) -> Moment:
    if onset.go:
        return _goes_on(world, onset, t0)
    person = object_component(world, onset.cause_id, t0, "crosswalk", "crossing")
    return moment(t0, "yield_to_vru", "yield", NONE, person)


def _for_curve(world: World, onset: Onset, t0: int) -> Moment:
    if onset.go:
        return _goes_on(world, onset, t0)
    stations = ego_stations(world)
    steady = world.expert.steady if world.expert else ()
    curve = next(c for c in steady if c.reason == CURVE and c.to_m > stations[onset.tick])
    until = min(int(np.searchsorted(stations, curve.to_m)), len(stations) - 1)
    cause = curve_component(world, t0, curve.at_m, curve.to_m)
    return moment(t0, "curve", "speed_adaptation", NONE, cause, until=until)


def _for_bump(world: World, onset: Onset, t0: int) -> Moment:
    if onset.go:
        return _goes_on(world, onset, t0)
    bump = _element(world, t0, onset.cause_id, "road_event", "speed_bump")
    return moment(t0, "speed_bump", "speed_adaptation", NONE, bump)


def _for_works(world: World, onset: Onset, t0: int) -> Moment:
    if onset.go:
        return _goes_on(world, onset, t0)
    cone = _element(world, t0, onset.cause_id, "odd_constraint", "cone")
    return moment(t0, "bypass_construction", "speed_adaptation", NONE, cone)


def _goes_on(world: World, onset: Onset, t0: int) -> Moment:
    """Back to the wanted speed, as there is nothing ahead any more."""
    scenario = "start" if _stands(world, onset.tick) else "speed_up"
    return moment(t0, scenario, "set_speed_tracking", NONE, free_lane(world, t0))


def _element(world: World, t0: int, element_id: str | None, category: str, kind: str) -> Component:
    element = next(e for e in world.scene.layout.road.elements if e.element_id == element_id)
    return element_component(world, element, t0, category, kind)


def _stands(world: World, tick: int) -> bool:
    """Whether the ego stood just before it began to go."""
    return world.ticks[max(tick - 2, 0)].ego.speed_mps < STANDING_MPS


def _ends_standing(world: World, tick: int) -> bool:
    """Whether the slowing that begins at a tick ends at a stand."""
    for then in world.ticks[tick:]:
        if then.ego.speed_mps < STANDING_MPS:
            return True
        if then.ego.accel_mps2 > STANDING_MPS:
            return False
    return False


_NAMED: dict[str, Callable[[World, Onset, int], Moment]] = {
    LIGHT: _for_light,
    STOP_SIGN: _for_sign,
    LEAD: _for_lead,
    PEDESTRIAN: _for_person,
    CURVE: _for_curve,
    BUMP: _for_bump,
    CONSTRUCTION: _for_works,
}
