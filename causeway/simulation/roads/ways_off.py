"""A way off a joined road: where one leg ends, those who drove it with us turn off to the right, and the next is free.

Knows paths, strips and where routes lie beside the ego's at a joint. Does not know who drives them (`compose`). The way
is in no lane graph: to whoever has only the map it is a yard, and nobody is ever asked to go there.
"""

import math
from dataclasses import replace

import numpy as np

from causeway.simulation.roads.joints import Part, chained
from causeway.simulation.roads.layout import Layout
from causeway.simulation.roads.road import Path, path_from_curvature, path_through
from causeway.simulation.scene import Prop

RADIUS_M, STRAIGHT_M = 80.0, 150.0  # of the turn, and what one sees of the way behind it
BESIDE_M, FREE_M = 2.5, 3.0  # its edge beyond the middle of the outermost lane; where no tree stands


def way_off(part: Part) -> Path:
    """The middle of the way off: from the joint on as the ego's route, then a quarter turn to the right."""
    way = path_from_curvature([(8.0, 0.0), (RADIUS_M * math.pi / 2, -1.0 / RADIUS_M), (STRAIGHT_M, 0.0)])
    x, y, yaw = part.scene.layout.routes["ego"].pose_at(part.at_m).tolist()
    cos, sin = math.cos(yaw), math.sin(yaw)
    turned = way.points @ np.array([[cos, sin], [-sin, cos]])
    return path_through(turned + np.array([x, y]), way.yaw_rad + yaw)


def routes_off(part: Part, way: Path) -> dict[str, tuple[Path, float]]:
    """For each route that comes to the joint with the ego: that route and then the way off, and how far left it is."""
    gate, routes = part.scene.layout.routes["ego"].pose_at(part.at_m), {}
    for name, route in part.scene.layout.routes.items():
        span, kept = part.span(route), part.kept(route)
        if span is None or kept is None or span[0] > 0.0 or span[1] >= route.length_m:
            continue
        x, y = (route.pose_at(span[1])[:2] - gate[:2]).tolist()
        left_m = y * math.cos(gate[2]) - x * math.sin(gate[2])
        routes[name] = (chained(kept, way.offset(left_m) if abs(left_m) > 0.1 else way), left_m)
    return routes


def with_way_off(layout: Layout, way: Path, routes: dict[str, Path], right_m: float) -> Layout:
    """The layout with the strip of the way off, and with the routes of those who take it, `right_m` right of its
    middle at most."""
    surfaces = (*layout.road.surfaces, (way, BESIDE_M, BESIDE_M + right_m))
    return replace(layout, road=replace(layout.road, surfaces=surfaces), routes={**layout.routes, **routes})


def beside_way(props: tuple[Prop, ...], way: Path) -> tuple[Prop, ...]:
    """Those props that do not stand on the way off."""
    kept = []
    for prop in props:
        station, left_m = way.project(np.array([prop.x_m, prop.y_m])).tolist()
        inside = 0.0 < station < way.length_m and abs(left_m) < BESIDE_M + FREE_M + prop.size_m / 2
        if not inside:
            kept.append(prop)
    return tuple(kept)
