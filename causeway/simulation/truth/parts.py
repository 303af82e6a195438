"""What truths are made of: a moment, and the components of a drive with the stretch of time in which they were in view.

Knows components and visibility. Does not know when a decision was taken (`along`, `sideways`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US
from causeway.reasoning.names import NONE
from causeway.reasoning.records import CocRecord, Component
from causeway.simulation.roads.road import Element
from causeway.simulation.truth.onsets import STANDING_MPS
from causeway.simulation.visibility import in_view, seen_within_m, stretch
from causeway.simulation.world import World

KEY_FRAME_TICKS = 5  # 0.5 s before the action
CHANGING_MPS2 = 0.3
CURVE_SEEN_M, BUMP_SEEN_M, UPRIGHT_SEEN_M = 80.0, 60.0, 100.0  # what lies flat, and what stands up
UNSEEN = (-1, -1)  # the interval of what was not in view at the moment: no part of a truth (`observed`)


@dataclass(frozen=True)
class Moment:
    """A decision moment and its truth. `scenario`: of `meta_actions.scenarios`; `until_us`: where it is a range."""

    t0_us: int
    scenario: str
    record: CocRecord
    until_us: int | None = None


def moment(
    t0: int, scenario: str, longitudinal: str, lateral: str, *components: Component, until: int | None = None
) -> Moment:
    """A moment at a tick (and until one); components most important first."""
    ranked = tuple(replace(c, rank=i + 1) for i, c in enumerate(components))
    record = CocRecord(longitudinal, lateral, ranked)
    return Moment(t0 * TICK_US, scenario, record, None if until is None else until * TICK_US)


def when_seen(t0: int, made: Callable[[int], Moment]) -> Moment:
    """The moment made at t0 or, where its first cause is hidden then, at the next tick up to the action that shows it.

    Nobody decides for what cannot be seen: a sight that is blocked for a moment moves the moment, as a light does.
    """
    for tick in range(t0, t0 + KEY_FRAME_TICKS + 1):
        found = made(tick)
        if _is_seen(found.record.components[0]):
            return found
    return made(t0)


def observed(m: Moment) -> Moment:
    """The moment with those causes alone that were in view at t0; with none where the first was not.

    A moment without an observable cause may still be driven, but nothing must be said to be its reason.
    """
    seen = [c for c in m.record.components if _is_seen(c)]
    if not _is_seen(m.record.components[0]):
        seen = []
    ranked = tuple(replace(c, rank=i + 1) for i, c in enumerate(seen))
    return replace(m, record=replace(m.record, components=ranked))


def _is_seen(component: Component) -> bool:
    return (component.observed_from_us, component.observed_to_us) != UNSEEN


def agent_index(world: World, track_id: str | None) -> int:
    """The index of an agent by its id."""
    return next(i for i, agent in enumerate(world.traffic.agents) if agent.track_id == track_id)


def object_component(world: World, track_id: str | None, t0: int, pose: str, motion: str = "") -> Component:
    """An agent as a component, moving as it does at t0 unless `motion` says how."""
    i = agent_index(world, track_id)
    then, agent = world.ticks[t0].agents, world.traffic.agents[i]
    speed = float(then.speed_mps[i])
    accel = float(then.accel_mps2[i])
    moves = "slowing" if accel < -CHANGING_MPS2 else "accelerating" if accel > CHANGING_MPS2 else "moving"
    if abs(speed) < STANDING_MPS and accel <= CHANGING_MPS2:
        moves = "stopped"
    if speed <= -STANDING_MPS:
        moves = "moving"  # it backs up: gaining and losing speed are words for driving on
    seen = interval(world, t0, lambda k: seen_at(world, k, world.ticks[k].agents.poses[i, :2], 1.0, i))
    return Component("critical_object", agent.type, agent.track_id, pose, motion or moves, *seen)


def light_component(world: World, signal_id: str | None, t0: int) -> Component:
    """A light in the state that it shows at t0, in view since it shows it."""
    signal = next(s for s in world.scene.layout.road.signals if s.signal_id == signal_id)
    now_us, last_tick = world.ticks[t0].t_us, len(world.ticks) - 1
    xy, since = np.array(signal.position[:2]), signal.since_us(now_us) // TICK_US
    until = [start for start, _ in signal.phases if start > now_us]
    last = until[0] // TICK_US - 1 if until else last_tick
    seen = interval(world, t0, lambda i: since <= i <= last and seen_at(world, i, xy, signal.position[2]))
    return Component("traffic_light", f"{signal.state_at(now_us)}_light", signal.signal_id, "in_path", NONE, *seen)


def element_component(world: World, element: Element, t0: int, category: str, kind: str) -> Component:
    """A road element as a component: in view from 60 m before it where it lies flat, from 100 m where it stands up."""
    xy, within_m = element.shape.mean(axis=0), BUMP_SEEN_M if element.kind == "bump" else UPRIGHT_SEEN_M

    def seen(tick: int) -> bool:
        near = np.hypot(*(xy - world.ticks[tick].ego.pose[:2])) < within_m
        return bool(near) and seen_at(world, tick, xy, 1.0)

    return Component(category, kind, element.element_id, "in_path", NONE, *interval(world, t0, seen))


def curve_component(world: World, t0: int, from_m: float, to_m: float) -> Component:
    """A curve of the ego's route between stations: in view from 80 m before it until one is through."""
    route = world.scene.layout.routes["ego"]
    bend = route.curvature_per_m[(route.s_m >= from_m) & (route.s_m <= to_m)]
    kind = "left_curve" if bend.sum() > 0 else "right_curve"
    stations = ego_stations(world)
    near = (stations >= from_m - CURVE_SEEN_M) & (stations <= to_m)
    seen = interval(world, t0, lambda tick: bool(near[tick]))
    return Component("road_event", kind, "ego", "in_path", NONE, *seen)


def free_lane(world: World, t0: int) -> Component:
    """The open lane ahead, seen at the moment and the 0.5 s before the action."""
    last = min(t0 + KEY_FRAME_TICKS, len(world.ticks) - 1)
    return Component("lane", "free_lane", "ego", "in_path", NONE, world.ticks[t0].t_us, world.ticks[last].t_us)


def ego_stations(world: World) -> NDArray[np.float64]:
    """Stations [n] of the ego's rear axle along its route, by tick."""
    return world.scene.layout.routes["ego"].project(np.stack([tick.ego.pose[:2] for tick in world.ticks]))[:, 0]


def seen_at(world: World, tick: int, xy: np.ndarray, height_m: float, own: int = -1) -> bool:
    """Whether a point of a thing was in view at a tick; `own` is its index when it is an agent."""
    then = world.ticks[tick]
    return in_view(then.ego, world.traffic, then.agents, xy, height_m, own, seen_within_m(world.scene.look))


def interval(world: World, t0: int, seen: Callable[[int], bool]) -> tuple[int, int]:
    """When a cause was in view around t0, in µs; `UNSEEN` when it was not."""
    run = stretch([seen(tick) for tick in range(len(world.ticks))], t0)
    return (run[0] * TICK_US, run[1] * TICK_US) if run else UNSEEN
