"""What is put on a road that is laid out already: bumps, crosswalks, stop signs instead of lights, ways for walkers.

Knows road elements and where they lie along the ego's path. Does not know lanes' layout (`layout`) or scenarios.
"""

from dataclasses import replace

import numpy as np

from causeway.simulation.roads.layout import CROSSWALK_M, CrossSection, Layout
from causeway.simulation.roads.road import Element, Path, path_through

BUMP_M = 1.2  # along the road
SIGN_BESIDE_M = 1.0  # beyond the edge of the road
WALK_REACH_M = 14.0  # a way across begins and ends so far beyond the edges


def with_elements(layout: Layout, *elements: Element) -> Layout:
    """The layout with more road elements."""
    return replace(layout, road=replace(layout.road, elements=(*layout.road.elements, *elements)))


def with_bump(layout: Layout, section: CrossSection, element_id: str, at_m: float) -> Layout:
    """A bump over the whole road, its middle at a station of the ego's route."""
    lanes = _lanes_at(layout, at_m)
    return with_elements(layout, Element(element_id, "bump", _across(layout, section, at_m, BUMP_M), lanes))


def with_crosswalk(layout: Layout, section: CrossSection, element_id: str, at_m: float) -> Layout:
    """A crosswalk without lights over the whole road, its middle at a station of the ego's route."""
    lanes = _lanes_at(layout, at_m)
    return with_elements(layout, Element(element_id, "crosswalk", _across(layout, section, at_m, CROSSWALK_M), lanes))


def with_stop_sign(layout: Layout, section: CrossSection) -> Layout:
    """A junction whose lights are taken away: our lane has a stop sign, the crossing road goes first."""
    at_m = next(at for route, at, _ in layout.stops if route == "ego")
    beside = section.right_edge_m + SIGN_BESIDE_M
    sign = Element("stop_sign_ego", "sign", layout.routes["ego"].pose_at([at_m], [-beside])[:, :2], ("ego.a",))
    road = replace(layout.road, signals=())
    return with_elements(replace(layout, road=road, stops=(("ego", at_m, "stop_sign_ego"),)), sign)


def with_walk(layout: Layout, section: CrossSection, name: str, at_m: float, from_right: bool) -> Layout:
    """A way across the road at a station, for walkers: straight, from beyond one edge to beyond the other."""
    right, left = section.right_edge_m + WALK_REACH_M, section.left_edge_m + WALK_REACH_M
    lateral = np.linspace(-right, left, round(right + left) + 1)
    poses = layout.routes["ego"].pose_at(np.full(len(lateral), at_m), lateral)
    way = path_through(poses[:, :2], np.full(len(lateral), poses[0, 2] + np.pi / 2))
    return replace(layout, routes={**layout.routes, name: way if from_right else way.reversed()})


def station_on_walk(before_edge_m: float) -> float:
    """The station of a walker's way that is so far before the edge of the road."""
    return WALK_REACH_M - before_edge_m


def _across(layout: Layout, section: CrossSection, at_m: float, along_m: float) -> np.ndarray:
    """Corners [4, 2] of a strip over all lanes."""
    left, right = section.left_edge_m - section.shoulder_m, section.right_edge_m - section.shoulder_m
    ends = [at_m - along_m / 2, at_m - along_m / 2, at_m + along_m / 2, at_m + along_m / 2]
    return layout.routes["ego"].pose_at(ends, [left, -right, -right, left])[:, :2]


def _lanes_at(layout: Layout, at_m: float) -> tuple[str, ...]:
    """The ego's lane at a station: the elements of the map are looked up by it."""
    xy = layout.routes["ego"].pose_at(at_m)[:2]
    return tuple(lane.lane_id for lane in layout.road.lanes if _holds(lane.centre, xy))


def _holds(path: Path, xy: np.ndarray) -> bool:
    station, lateral = path.project(xy).tolist()
    return abs(lateral) < 0.5 and 0.0 < station < path.length_m
