"""Laying out roads: a cross-section along a path, and a signalled junction with a crossing road.

Knows how lanes, paint, stop lines, crosswalks and lights are placed. Does not know traffic, scenarios or pictures.
The path given is the centre line of the ego's lane; other lanes are counted outwards from it.
"""

from dataclasses import dataclass, replace

import numpy as np

from causeway.simulation.roads.road import Element, Lane, Paint, Path, Road, Signal, path_through

Phases = tuple[tuple[int, str], ...]
CROSSWALK_M = 3.0
LIGHT_HEIGHT_M = 4.0


@dataclass(frozen=True)
class CrossSection:
    """Lanes beside the ego's, nearest first: `same` direction or `oncoming` on the left, `same` on the right."""

    lane_width_m: float = 3.5
    left: tuple[str, ...] = ("oncoming",)
    right: int = 0
    shoulder_m: float = 1.0

    def lateral_m(self, index: int) -> float:
        """Centre of a lane: 0 the ego's, 1, 2 … to the left, −1, −2 … to the right."""
        return index * self.lane_width_m

    @property
    def left_edge_m(self) -> float:
        """From the ego's centre line to the left edge of the road surface."""
        return (len(self.left) + 0.5) * self.lane_width_m + self.shoulder_m

    @property
    def right_edge_m(self) -> float:
        """From the ego's centre line to the right edge of the road surface."""
        return (self.right + 0.5) * self.lane_width_m + self.shoulder_m


@dataclass(frozen=True, eq=False)
class Layout:
    """A road and the ways through it: `routes` by name (`ego`, `left1`, `right1`, `cross_left`, `cross_right`).

    `stops`: (route, station of the stop line, id of its signal or sign).
    """

    road: Road
    routes: dict[str, Path]
    stops: tuple[tuple[str, float, str], ...] = ()


def lane_names(section: CrossSection) -> dict[str, int]:
    """Lane name to its index in the cross-section."""
    left = {f"left{i + 1}": i + 1 for i in range(len(section.left))}
    return {"ego": 0, **left, **{f"right{i}": -i for i in range(1, section.right + 1)}}


def plain_road(path: Path, section: CrossSection) -> Layout:
    """A road without junctions along `path`."""
    routes = routes_along(path, section)
    lanes = tuple(Lane(name, route, section.lane_width_m) for name, route in routes.items())
    surface = (path, section.left_edge_m, section.right_edge_m)
    return Layout(Road(lanes, (surface,), paint=lane_lines(path, section, [(0.0, path.length_m)])), routes)


def routes_along(path: Path, section: CrossSection) -> dict[str, Path]:
    """The centre lines of all lanes by name, each in its driving direction."""
    routes = {}
    for name, index in lane_names(section).items():
        centre = path.offset(section.lateral_m(index)) if index else path
        oncoming = index > 0 and section.left[index - 1] == "oncoming"
        routes[name] = centre.reversed() if oncoming else centre
    return routes


def lane_lines(path: Path, section: CrossSection, spans: list[tuple[float, float]]) -> tuple[Paint, ...]:
    """Lane paint over stretches of the path: edges unbroken, between lanes of one direction dashed."""
    half = section.lane_width_m / 2
    paint = []
    for from_m, to_m in spans:
        piece = path.piece(from_m, to_m)
        paint.append(Paint(piece.offset((2 * len(section.left) + 1) * half), 0.15))
        paint.append(Paint(piece.offset(-(2 * section.right + 1) * half), 0.15))
        before = "same"
        for i, direction in enumerate(section.left):
            dividing = direction != before
            line = piece.offset((2 * i + 1) * half)
            paint.append(Paint(line, 0.15, "yellow" if dividing else "white", 3.0, 6.0 if not dividing else 3.0))
            before = direction
        paint += [Paint(piece.offset(-(2 * i + 1) * half), 0.15, "white", 3.0, 6.0) for i in range(section.right)]
    return tuple(paint)


@dataclass(frozen=True)
class Junction:
    """A crossing road at station `at_m`: its lane width, and the phases of each light.

    `phases` by lane name; a lane that is not named shares the ego's. `cross` is the light of the crossing road.
    """

    at_m: float
    phases: dict[str, Phases]
    cross: Phases
    cross_lane_m: float = 3.5

    @property
    def half_m(self) -> float:
        """From the middle of the junction to the stop line."""
        return self.cross_lane_m + 1.0 + CROSSWALK_M + 1.5


def road_with_junction(path: Path, section: CrossSection, junction: Junction) -> Layout:
    """A road along `path` that another one crosses at right angles, with lights for every lane."""
    stop, leave = junction.at_m - junction.half_m, junction.at_m + junction.half_m
    routes = routes_along(path, section)
    lanes, stops, signals = [], [], []
    for name, index in lane_names(section).items():
        route = routes[name]
        oncoming = index > 0 and section.left[index - 1] == "oncoming"
        at = float(route.project(path.pose_at(leave if oncoming else stop, section.lateral_m(index))[:2])[0])
        lanes += _lane_pieces(name, route, at, at + 2 * junction.half_m, section.lane_width_m)
        stops.append((name, at, f"signal_{name}"))
        phases = junction.phases.get(name, junction.phases["ego"])
        signals.append(_signal(name, route, at, at + 2 * junction.half_m, section.lane_width_m, phases))
    crossing, cross_routes, cross_signals, cross_stops = _crossing(path, section, junction)
    elements = _markings(path, section, signals, stop, leave)
    road = Road(
        lanes=tuple(lanes) + tuple(Lane(n, r, junction.cross_lane_m) for n, r in cross_routes.items()),
        surfaces=((path, section.left_edge_m, section.right_edge_m), crossing),
        elements=elements,
        signals=(*signals, *cross_signals),
        paint=lane_lines(path, section, [(0.0, stop), (leave, path.length_m)]),
    )
    return Layout(road, {**routes, **cross_routes}, (*stops, *cross_stops))


def _lane_pieces(name: str, route: Path, stop: float, leave: float, width_m: float) -> list[Lane]:
    """A lane in three: before its stop line, within the junction, and after it."""
    return [
        Lane(f"{name}.a", route.piece(0.0, stop), width_m, (f"{name}.b",)),
        Lane(f"{name}.b", route.piece(stop, leave), width_m, (f"{name}.c",), "junction"),
        Lane(f"{name}.c", route.piece(leave, route.length_m), width_m),
    ]


def _signal(name: str, route: Path, stop: float, leave: float, width_m: float, phases: Phases) -> Signal:
    x, y, yaw = route.pose_at(leave + 1.0)
    line = route.pose_at([stop, stop], [width_m / 2, -width_m / 2])[:, :2]
    return Signal(f"signal_{name}", (f"{name}.a",), (x, y, LIGHT_HEIGHT_M), float(yaw), line, phases)


def _crossing(
    path: Path, section: CrossSection, junction: Junction
) -> tuple[tuple[Path, float, float], dict[str, Path], list[Signal], list[tuple[str, float, str]]]:
    """The crossing road: its surface, its two routes, their lights and stop lines."""
    x, y, yaw = path.pose_at(junction.at_m)
    along = np.arange(-90.0, 90.5, 2.0)
    left = np.array([-np.sin(yaw), np.cos(yaw)])
    middle = path_through(np.array([x, y]) + along[:, None] * left, np.full(len(along), yaw + np.pi / 2))
    half = junction.cross_lane_m / 2
    routes = {"cross_left": middle.offset(-half), "cross_right": middle.offset(half).reversed()}
    signals, stops = [], []
    for name, route in routes.items():
        edge = section.right_edge_m if name == "cross_left" else section.left_edge_m
        stop = float(route.project(np.array([x, y]))[0]) - edge - 2.0
        signal = _signal(name, route, stop, stop + 2 * edge + 4.0, junction.cross_lane_m, junction.cross)
        signals.append(replace(signal, lane_ids=(name,)))
        stops.append((name, stop, f"signal_{name}"))
    edge_m = junction.cross_lane_m + 1.0
    return (middle, edge_m, edge_m), routes, signals, stops


def _markings(
    path: Path, section: CrossSection, signals: list[Signal], stop: float, leave: float
) -> tuple[Element, ...]:
    """Stop lines of our road and the crosswalks on both sides of the junction; `ground` paints them."""
    elements = [Element(f"stop_{s.lane_ids[0].split('.')[0]}", "stop_line", s.stop_line, s.lane_ids) for s in signals]
    left, right = section.left_edge_m - section.shoulder_m, section.right_edge_m - section.shoulder_m
    for name, from_m in (("near", stop + 1.0), ("far", leave - 1.0 - CROSSWALK_M)):
        ends = [from_m, from_m, from_m + CROSSWALK_M, from_m + CROSSWALK_M]
        corners = path.pose_at(ends, [left, -right, -right, left])[:, :2]
        elements.append(Element(f"crosswalk_{name}", "crosswalk", corners, ("ego.b",)))
    return tuple(elements)
