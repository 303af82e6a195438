"""Works on a road that is laid out already: rows of cones and the signs before them.

Knows where such things go along the ego's route. Does not know why they matter (`profiles`, `things`).
"""

from collections.abc import Sequence

import numpy as np

from causeway.simulation.roads.furniture import SIGN_BESIDE_M, with_elements
from causeway.simulation.roads.layout import CrossSection, Layout
from causeway.simulation.roads.road import Element, Lane

CONES_M = 4.0  # between cones


def with_sign(layout: Layout, section: CrossSection, element_id: str, at_m: float) -> Layout:
    """A sign beside the road at a station; the word in its id (stop, yield, work, bump) says which."""
    beside = section.right_edge_m + SIGN_BESIDE_M
    place = layout.routes["ego"].pose_at([at_m], [-beside])[:, :2]
    return with_elements(layout, Element(element_id, "sign", place, lanes_at(layout, at_m, 0.0)))


def with_cones(layout: Layout, name: str, places: Sequence[tuple[float, float]]) -> Layout:
    """Cones at (station, offset + left) of the ego's route, named `name0`, `name1` … in their order."""
    points = layout.routes["ego"].pose_at([s for s, _ in places], [lateral for _, lateral in places])[:, None, :2]
    cones = [
        Element(f"{name}{i}", "cone", point, lanes_at(layout, *place))
        for i, (point, place) in enumerate(zip(points, places, strict=True))
    ]
    return with_elements(layout, *cones)


def row_of_cones(from_m: float, to_m: float, edge_m: float, into_m: float, taper_m: float) -> list[tuple[float, float]]:
    """Places of a row: slanting from `edge_m` to `into_m` (offsets) before `from_m`, along, and half way back."""
    slant = np.linspace(from_m - taper_m, from_m, max(round(taper_m / CONES_M), 2) + 1)[:-1]
    stations = np.concatenate([slant, np.arange(from_m, to_m, CONES_M), [to_m]])
    share = np.clip((stations - from_m + taper_m) / taper_m, 0.0, 1.0)
    row = [(float(s), float(edge_m + (into_m - edge_m) * x)) for s, x in zip(stations, share, strict=True)]
    return [*row, (to_m + CONES_M, (edge_m + into_m) / 2)]


def lanes_at(layout: Layout, s_m: float, lateral_m: float) -> tuple[str, ...]:
    """The lanes at a place beside the ego's route."""
    xy = layout.routes["ego"].pose_at(s_m, lateral_m)[:2]
    return tuple(lane.lane_id for lane in layout.road.lanes if _holds(lane, xy))


def _holds(lane: Lane, xy: np.ndarray) -> bool:
    station, lateral = lane.centre.project(xy).tolist()
    return abs(lateral) < lane.width_m / 2 and 0.0 < station < lane.centre.length_m
