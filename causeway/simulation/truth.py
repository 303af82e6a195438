"""The truth of a drive: every decision moment with its cause, from what the expert itself had in mind.

Knows the expert's reasons tick by tick, the scene's script and the key-frame rules of arXiv 2511.00088, table 3. Of
the motion that came of it only its first sign is used, so whatever finds moments in a drive can be judged by this.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from causeway.clips.geometry import FUTURE_US, HISTORY_US, TICK_US
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component
from causeway.simulation.expert import CURVE, LEAD, LIGHT
from causeway.simulation.nudges import Nudge
from causeway.simulation.vehicle import EGO
from causeway.simulation.visibility import in_view, stretch
from causeway.simulation.world import LAST_TICK, World

KEY_FRAME_TICKS = 5  # 0.5 s before the action
ACTS_MPS2 = 0.2  # a wish beyond this is an action
BEGUN_MPS2 = 0.15  # where the method's meta actions begin to be gentle
LEAST_CHANGE_MPS = 0.8  # what changes the speed less is no decision
TICKS_PER_S = 10
SETTLED_TICKS = 10  # without action for this long: the next one is a new decision
CURVE_SEEN_M = 80.0
STANDING_MPS, CHANGING_MPS2 = 0.2, 0.3


@dataclass(frozen=True)
class Moment:
    """A decision moment and its truth."""

    t0_us: int
    record: CocRecord


@dataclass(frozen=True)
class _Onset:
    """The tick at which the expert began to slow (`go` False) or to speed up, and for what."""

    tick: int
    go: bool
    reason: str
    cause_id: str | None


def truth_of(world: World) -> list[Moment]:
    """The moments of a drive that the expert drove to its end, with 2.0 s before and 6.4 s after; by time."""
    moments = [m for onset in _onsets(world) if (m := _longitudinal(world, onset))]
    for nudge in world.expert.nudges:
        moments += _lateral(world, nudge)
    inside = (HISTORY_US, LAST_TICK * TICK_US - FUTURE_US)
    return sorted((m for m in moments if inside[0] <= m.t0_us <= inside[1]), key=lambda m: m.t0_us)


def _onsets(world: World) -> list[_Onset]:
    """Where the expert's wish turns to slowing or to speeding up after it was something else."""
    onsets: list[_Onset] = []
    doing, calm = 0, 0
    held: tuple[str, str | None] = ("", None)
    for tick, moment in enumerate(world.ticks):
        if moment.plan is None:
            continue
        wish = moment.plan.wanted_mps2
        now = -1 if wish < -ACTS_MPS2 else int(wish > ACTS_MPS2)
        calm = calm + 1 if now == 0 else 0
        if now == 0:
            doing = 0 if calm >= SETTLED_TICKS else doing
            continue
        if now < 0 and moment.plan.reason in (LEAD, LIGHT, CURVE):
            slowed_for = (moment.plan.reason, moment.plan.cause_id)
            if doing >= 0:
                onsets.append(_Onset(tick, False, *slowed_for))
            held = slowed_for
        elif now > 0 and doing <= 0 and held[0]:
            onsets.append(_Onset(tick, True, *held))
        doing = now
    decided = [onset for onset in onsets if _speed_change(world, onset) >= LEAST_CHANGE_MPS]
    return [replace(onset, tick=_acts_from(world, onset)) for onset in decided]


def _acts_from(world: World, onset: _Onset) -> int:
    """The tick from which the vehicle does what is wished: a foot takes a moment to move."""
    sign = 1.0 if onset.go else -1.0
    moving = (i for i in range(onset.tick, len(world.ticks)) if sign * world.ticks[i].ego.accel_mps2 > BEGUN_MPS2)
    return next(moving, onset.tick)


def _speed_change(world: World, onset: _Onset) -> float:
    """How much the wish that begins here would change the speed before it ends, in m/s."""
    sign, total = (1.0 if onset.go else -1.0), 0.0
    for tick in world.ticks[onset.tick :]:
        if tick.plan is None or sign * tick.plan.wanted_mps2 <= ACTS_MPS2:
            break
        total += abs(tick.plan.wanted_mps2) / TICKS_PER_S
    return total


def _longitudinal(world: World, onset: _Onset) -> Moment | None:
    t0 = max(onset.tick - KEY_FRAME_TICKS, 0)
    if onset.reason == LIGHT:
        return _for_light(world, onset, t0)
    if onset.reason == LEAD:
        plan = world.ticks[onset.tick].plan
        if onset.go and plan is not None and plan.reason != LEAD:
            return _moment(t0, "set_speed_tracking", NONE, _free_lane(world, t0))
        return _moment(t0, "lead_following", NONE, _object(world, onset.cause_id, t0, "in_path"))
    if onset.go:
        return _moment(t0, "set_speed_tracking", NONE, _free_lane(world, t0))
    return _moment(t0, "speed_adaptation", NONE, _curve(world, t0))


def _for_light(world: World, onset: _Onset, t0: int) -> Moment | None:
    """Stop and resume: the later of 0.5 s before the action and the picture in which the light changes."""
    signal = next(s for s in world.scene.layout.road.signals if s.signal_id == onset.cause_id)
    changed = signal.since_us(world.ticks[onset.tick].t_us)
    asked = "green" if onset.go else "red yellow"
    if signal.state_at(world.ticks[t0].t_us) not in asked.split():
        t0 = -(-changed // TICK_US)
    state = signal.state_at(world.ticks[t0].t_us)
    xy, since = np.array(signal.position[:2]), signal.since_us(world.ticks[t0].t_us) // TICK_US
    until = [start for start, _ in signal.phases if start > world.ticks[t0].t_us]
    last = until[0] // TICK_US - 1 if until else LAST_TICK
    seen = _interval(world, t0, lambda i: since <= i <= last and _seen(world, i, xy, signal.position[2]))
    component = Component("traffic_light", f"{state}_light", signal.signal_id, "in_path", NONE, *seen)
    decision = "set_speed_tracking" if onset.go else "stop_for_static_constraint"
    return _moment(t0, decision, NONE, component)


def _lateral(world: World, nudge: Nudge) -> list[Moment]:
    """Leaving the middle of the lane, and coming back to it."""
    route = world.scene.layout.routes["ego"]
    stations = [float(route.project(tick.ego.pose[:2])[0]) for tick in world.ticks]
    leaves, returns = (int(np.searchsorted(stations, s)) for s in (nudge.from_m, nudge.back_m))
    moments = []
    if KEY_FRAME_TICKS <= leaves < len(stations):
        side = "left" if nudge.offset_m > 0 else "right"
        room = world.scene.layout.road.lanes[0].width_m / 2 - EGO.width_m / 2
        where = "in_lane" if abs(nudge.offset_m) <= room else "out_of_lane"
        t0 = leaves - KEY_FRAME_TICKS
        cause = _object(world, nudge.track_ids[0], t0, "right" if side == "left" else "left")
        moments.append(_moment(t0, NONE, f"nudge_{where}_{side}", cause))
    if KEY_FRAME_TICKS <= returns < len(stations):
        t0 = returns - KEY_FRAME_TICKS
        moments.append(_moment(t0, NONE, "lane_keeping", _free_lane(world, t0)))
    return moments


def _moment(t0: int, longitudinal: str, lateral: str, *components: Component) -> Moment:
    return Moment(t0 * TICK_US, CocRecord(longitudinal, lateral, components))


def _object(world: World, track_id: str | None, t0: int, pose: str) -> Component:
    """An agent as a component, moving as it does at t0."""
    i = next(i for i, agent in enumerate(world.traffic.agents) if agent.track_id == track_id)
    then, agent = world.ticks[t0].agents, world.traffic.agents[i]
    speed, accel = float(then.speed_mps[i]), float(then.accel_mps2[i])
    motion = "slowing" if accel < -CHANGING_MPS2 else "accelerating" if accel > CHANGING_MPS2 else "moving"
    if speed < STANDING_MPS and accel <= CHANGING_MPS2:
        motion = "stopped"
    seen = _interval(world, t0, lambda k: _seen(world, k, world.ticks[k].agents.poses[i, :2], 1.0, i))
    return Component("critical_object", agent.type, agent.track_id, pose, motion, *seen)


def _curve(world: World, t0: int) -> Component:
    """The curve ahead as a component: in view from 80 m before it until one is through."""
    route = world.scene.layout.routes["ego"]
    here = float(route.project(world.ticks[t0].ego.pose[:2])[0])
    ahead = (route.s_m >= here) & (route.s_m <= here + 1.5 * CURVE_SEEN_M)
    peak = route.curvature_per_m[ahead][np.argmax(np.abs(route.curvature_per_m[ahead]))]
    bent = route.s_m[ahead & (np.abs(route.curvature_per_m) > 0.5 * abs(peak))]
    bent_on = route.s_m[(route.s_m >= bent[0]) & (np.abs(route.curvature_per_m) > 0.5 * abs(peak))]

    def seen(tick: int) -> bool:
        s = float(route.project(world.ticks[tick].ego.pose[:2])[0])
        return bool(bent[0] - CURVE_SEEN_M <= s <= bent_on[-1])

    kind = "left_curve" if peak > 0 else "right_curve"
    return Component("road_event", kind, "ego", "in_path", NONE, *_interval(world, t0, seen))


def _free_lane(world: World, t0: int) -> Component:
    """The open lane ahead, seen at the moment and the 0.5 s before the action."""
    last = min(t0 + KEY_FRAME_TICKS, len(world.ticks) - 1)
    return Component("lane", "free_lane", "ego", "in_path", NONE, world.ticks[t0].t_us, world.ticks[last].t_us)


def _seen(world: World, tick: int, xy: np.ndarray, height_m: float, own: int = -1) -> bool:
    then = world.ticks[tick]
    return in_view(then.ego, world.traffic, then.agents, xy, height_m, own)


def _interval(world: World, t0: int, seen: Callable[[int], bool]) -> tuple[int, int]:
    """When a cause was in view around t0, in µs; t0 alone when it was not."""
    run = stretch([seen(tick) for tick in range(len(world.ticks))], t0)
    return (run[0] * TICK_US, run[1] * TICK_US) if run else (t0 * TICK_US, t0 * TICK_US)
