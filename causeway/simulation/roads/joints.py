"""Joining two scenes into one road: the second is moved rigidly, so that its ego lane goes on where the first is cut.

Knows roads, routes and the places of agents. Does not know which scenarios go together or when a leg begins
(`compose`). Lanes of one name and direction become one; what else lies beyond the cut, or before the second begins, is
left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import wrap_angle
from causeway.simulation.roads.layout import Layout
from causeway.simulation.roads.road import Element, Lane, Path, Road, Signal, path_through
from causeway.simulation.scene import Prop, Scene
from causeway.simulation.traffic.agents import Agent, Stops

Array = NDArray[np.float64]

BESIDE_M = 20.0  # a path that passes the cut so near is one of the road's
TOUCH_M, TOUCH_RAD = 1.0, 0.2  # lanes that end and begin so near follow each other


@dataclass(frozen=True, eq=False)
class Part:
    """The part of a scene that stays: before (`keep` < 0) or after (`keep` > 0) a station of its ego route."""

    scene: Scene
    at_m: float
    keep: int
    mark: str  # before the ids of all that is in it
    move: Callable[[Array], Array]  # poses [..., 3] to where they are in the joined scene

    def span(self, path: Path) -> tuple[float, float] | None:
        """Which stations of a path stay; None when none do."""
        route = self.scene.layout.routes["ego"]
        gate = route.pose_at(self.at_m)
        s, lateral = path.project(gate[:2]).tolist()
        if 0.5 < s < path.length_m - 0.5 and abs(lateral) < BESIDE_M:
            along = np.cos(float(path.pose_at(s)[2]) - gate[2]) > 0.0
            return (0.0, s) if along == (self.keep < 0) else (s, path.length_m)
        return (0.0, path.length_m) if self.stays(path.pose_at(path.length_m / 2)[:2]) else None

    def stays(self, xy: Array) -> bool:
        """Whether a place stays."""
        station = float(self.scene.layout.routes["ego"].project(xy)[0])
        return (station - self.at_m) * self.keep > 0.0

    def moved(self, path: Path) -> Path:
        """A path where it is in the joined scene."""
        poses = self.move(np.column_stack([path.points, path.yaw_rad]))
        return path_through(poses[:, :2], poses[:, 2])

    def kept(self, path: Path) -> Path | None:
        """What stays of a path, where it is in the joined scene."""
        span = self.span(path)
        return self.moved(path.piece(*span)) if span else None


@dataclass(frozen=True, eq=False)
class Place:
    """Where a route of a part is in the joined scene: its new name, and how much is added to its stations."""

    name: str
    shift_m: float
    span: tuple[float, float]  # old stations that stay


def parts_of(first: Scene, at_m: float, second: Scene, from_m: float, mark: str) -> tuple[Part, Part]:
    """The two parts of a joint: the ego leaves the first at `at_m` and is in the second at `from_m`."""
    here = first.layout.routes["ego"].pose_at(at_m)
    there = second.layout.routes["ego"].pose_at(from_m)
    turn = here[2] - there[2]
    cos, sin = np.cos(turn), np.sin(turn)

    def move(poses: Array) -> Array:
        x, y = poses[..., 0] - there[0], poses[..., 1] - there[1]
        return np.stack([here[0] + cos * x - sin * y, here[1] + sin * x + cos * y, poses[..., 2] + turn], axis=-1)

    return Part(first, at_m, -1, "", lambda poses: poses), Part(second, from_m, 1, mark, move)


def joined_layout(parts: tuple[Part, Part]) -> tuple[Layout, tuple[dict[str, Place], dict[str, Place]]]:
    """The road of both parts, and where each part's routes are."""
    routes, places = _routes(parts)
    stops: Stops = ()
    for part, where in zip(parts, places, strict=True):
        for name, at_m, control_id in part.scene.layout.stops:
            place = where.get(name)
            if place and place.span[0] < at_m < place.span[1]:
                stops += ((place.name, at_m + place.shift_m, part.mark + control_id),)
    roads = [_road(part) for part in parts]
    road = Road(
        lanes=_linked(roads[0].lanes, roads[1].lanes),
        surfaces=roads[0].surfaces + roads[1].surfaces,
        elements=roads[0].elements + roads[1].elements,
        signals=roads[0].signals + roads[1].signals,
        paint=roads[0].paint + roads[1].paint,
    )
    return replace(parts[0].scene.layout, road=road, routes=routes, stops=stops), places


def _routes(parts: tuple[Part, Part]) -> tuple[dict[str, Path], tuple[dict[str, Place], dict[str, Place]]]:
    first, second = parts
    routes: dict[str, Path] = {}
    places: tuple[dict[str, Place], dict[str, Place]] = ({}, {})
    both = [name for name in first.scene.layout.routes if _goes_on(first, second, name)]
    for name in both:
        one, other = (part.kept(part.scene.layout.routes[name]) for part in parts)
        spans = [part.span(part.scene.layout.routes[name]) for part in parts]
        if one is None or other is None or spans[0] is None or spans[1] is None:
            continue  # never: `_goes_on` has seen to it
        comes = spans[0][0] > 0.5  # an oncoming lane: the second part comes first
        routes[name] = chained(other, one) if comes else chained(one, other)
        before = (other if comes else one).length_m
        places[0][name] = Place(name, (before if comes else 0.0) - spans[0][0], spans[0])
        places[1][name] = Place(name, (0.0 if comes else before) - spans[1][0], spans[1])
    for part, where in zip(parts, places, strict=True):
        for name, route in part.scene.layout.routes.items():
            kept, span = part.kept(route), part.span(route)
            if name not in both and kept and span:
                routes[part.mark + name] = kept
                where[name] = Place(part.mark + name, -span[0], span)
    return routes, places


def _goes_on(first: Part, second: Part, name: str) -> bool:
    """Whether a route of both parts reaches the joint in both, in the same direction."""
    ends = []
    for part in (first, second):
        route = part.scene.layout.routes.get(name)
        span = part.span(route) if route else None
        if route is None or span is None or span == (0.0, route.length_m):
            return False
        ends.append(span[0] > 0.5)
    return ends[0] != ends[1]


def chained(before: Path, after: Path) -> Path:
    """One path and then the other, which begins where it ends."""
    skip = 1 if np.hypot(*(before.points[-1] - after.points[0])) < 0.3 else 0
    points = np.concatenate([before.points, after.points[skip:]])
    return path_through(points, np.concatenate([before.yaw_rad, after.yaw_rad[skip:]]))


def _road(part: Part) -> Road:
    """What stays of a part's road, moved and marked."""
    road, mark = part.scene.layout.road, part.mark
    lanes = []
    for lane in road.lanes:
        centre = part.kept(lane.centre)
        if centre:
            ids = _marked(mark, lane.successors)
            lanes.append(replace(lane, lane_id=mark + lane.lane_id, centre=centre, successors=ids))
    surfaces = [(kept, left, right) for path, left, right in road.surfaces if (kept := part.kept(path))]
    paint = [replace(line, path=kept) for line in road.paint if (kept := part.kept(line.path))]
    elements = [_element(part, e) for e in road.elements if part.stays(e.shape.mean(axis=0))]
    signals = [_signal(part, s) for s in road.signals if part.stays(s.stop_line.mean(axis=0))]
    there = {lane.lane_id for lane in lanes}
    lanes = [replace(lane, successors=tuple(s for s in lane.successors if s in there)) for lane in lanes]
    return Road(tuple(lanes), tuple(surfaces), tuple(elements), tuple(signals), tuple(paint))


def _marked(mark: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(mark + name for name in names)


def _points(part: Part, points: Array) -> Array:
    return part.move(np.column_stack([points, np.zeros(len(points))]))[:, :2]


def _element(part: Part, element: Element) -> Element:
    ids = _marked(part.mark, element.lane_ids)
    return replace(element, element_id=part.mark + element.element_id, shape=_points(part, element.shape), lane_ids=ids)


def _signal(part: Part, signal: Signal) -> Signal:
    x, y, yaw = part.move(np.array([*signal.position[:2], signal.facing_rad])).tolist()
    return replace(
        signal,
        signal_id=part.mark + signal.signal_id,
        lane_ids=_marked(part.mark, signal.lane_ids),
        position=(x, y, signal.position[2]),
        facing_rad=yaw,
        stop_line=_points(part, signal.stop_line),
    )


def _linked(first: tuple[Lane, ...], second: tuple[Lane, ...]) -> tuple[Lane, ...]:
    """All lanes; where one of a part ends and one of the other begins, they follow each other."""
    every = (*first, *second)
    result = []
    for lane in every:
        nexts = [o.lane_id for o in every if o is not lane and _touch(lane.centre, o.centre)]
        more = tuple(n for n in nexts if n not in lane.successors)
        result.append(replace(lane, successors=lane.successors + more))
    return tuple(result)


def _touch(before: Path, after: Path) -> bool:
    near = np.hypot(*(before.points[-1] - after.points[0])) < TOUCH_M
    return bool(near and abs(wrap_angle(before.yaw_rad[-1] - after.yaw_rad[0])) < TOUCH_RAD)


def placed(part: Part, agent: Agent, where: dict[str, Place]) -> Agent | None:
    """An agent where it is in the joined scene; None when its place is not there."""
    place = where.get(agent.route)
    if place is None or not place.span[0] <= agent.s_m <= place.span[1]:
        return None
    return replace(agent, track_id=part.mark + agent.track_id, route=place.name, s_m=agent.s_m + place.shift_m)


def props_of(part: Part) -> tuple[Prop, ...]:
    """The props of a part that stay, moved."""
    kept = []
    for prop in part.scene.props:
        if part.stays(np.array([prop.x_m, prop.y_m])):
            x, y, _ = part.move(np.array([prop.x_m, prop.y_m, 0.0])).tolist()
            kept.append(replace(prop, x_m=x, y_m=y))
    return tuple(kept)
