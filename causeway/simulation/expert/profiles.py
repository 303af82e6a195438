"""Cues that lie on the road for the whole drive: curves, speed bumps and construction sites.

Knows the ego's route and the road elements on it. Does not know what moves. Worked out once for a scene.
"""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from causeway.simulation.expert.cues import BUMP, CONSTRUCTION, CURVE, Cue, keeping
from causeway.simulation.roads.road import Element, Path
from causeway.simulation.scene import Driver, Scene
from causeway.simulation.vehicle import EGO

Array = NDArray[np.float64]

FELT_SHARE = 0.5  # a curve lasts while it is so much of its tightest
AXLES_M = 0.5  # before the front and behind the rear wheels
BESIDE_M = 3.5  # works closer than this to the middle of our lane narrow the way
SITE_GAP_M = 30.0  # cones farther apart are two sites
LEAST_CONES = 2


def steady_cues(scene: Scene) -> tuple[Cue, ...]:
    """All cues of a scene's road."""
    route, elements = scene.layout.routes["ego"], scene.layout.road.elements
    bumps = [_bump(e, route, scene.driver) for e in elements if e.kind == "bump" and _on_way(e, route)]
    fastest = max([scene.driver.set_speed_mps, *(speed for _, speed in scene.speeds)])
    curves = _curves(route, replace(scene.driver, set_speed_mps=fastest))
    return (*curves, *bumps, *_sites(elements, route, scene.driver))


def crosswalks_on(scene: Scene) -> tuple[tuple[float, float], ...]:
    """(from, to) stations of the crosswalks over the ego's route, in order."""
    route = scene.layout.routes["ego"]
    walks = [e for e in scene.layout.road.elements if e.kind == "crosswalk" and _on_way(e, route)]
    return tuple(sorted(span_of(walk, route) for walk in walks))


def span_of(element: Element, route: Path) -> tuple[float, float]:
    """First and last station of an element along a route."""
    stations = route.project(element.shape)[:, 0]
    return float(stations.min()), float(stations.max())


def _on_way(element: Element, route: Path) -> bool:
    """Whether the route leads over the element: some of it lies on either side, or very near."""
    at = route.project(element.shape)
    inside = (at[:, 0] > 0.5) & (at[:, 0] < route.length_m - 0.5)
    return bool(inside.any() and at[:, 1].min() < 1.0 and at[:, 1].max() > -1.0)


def _curves(route: Path, driver: Driver) -> list[Cue]:
    """One cue for each stretch that bends one way and asks for less than the set speed."""
    bend = route.curvature_per_m
    tight = np.abs(bend) > driver.lateral_accel_mps2 / driver.set_speed_mps**2
    cues = []
    for first, last in _runs(tight, np.sign(bend)):
        peak = float(np.abs(bend[first : last + 1]).max())
        felt = first + np.flatnonzero(np.abs(bend[first : last + 1]) > FELT_SHARE * peak)
        kept = math.sqrt(driver.lateral_accel_mps2 / peak)
        cues.append(keeping(CURVE, "ego", float(route.s_m[felt[0]]), float(route.s_m[felt[-1]]), kept))
    return cues


def _runs(chosen: NDArray[np.bool_], kind: Array) -> list[tuple[int, int]]:
    """First and last index of the runs of chosen values of one kind."""
    label = np.where(chosen, kind, 0.0)
    edges = [0, *np.flatnonzero(np.diff(label)) + 1, len(label)]
    return [(int(a), int(b) - 1) for a, b in pairwise(edges) if chosen[a]]


def _bump(element: Element, route: Path, driver: Driver) -> Cue:
    """Slow from the front wheels' first touch to the rear wheels' last."""
    from_m, to_m = span_of(element, route)
    return keeping(BUMP, element.element_id, from_m - EGO.wheelbase_m - AXLES_M, to_m + AXLES_M, driver.bump_mps)


def _sites(elements: tuple[Element, ...], route: Path, driver: Driver) -> list[Cue]:
    """One cue for each row of cones beside or on our way, named after the first cone."""
    cones = []
    for element in elements:
        if element.kind == "cone":
            at = route.project(element.shape)
            if np.abs(at[:, 1]).min() < BESIDE_M and 0.5 < at[0, 0] < route.length_m - 0.5:
                cones.append((float(at[:, 0].min()), float(at[:, 0].max()), element.element_id))
    sites: list[list[tuple[float, float, str]]] = []
    for cone in sorted(cones):
        if sites and cone[0] - sites[-1][-1][1] < SITE_GAP_M:
            sites[-1].append(cone)
        else:
            sites.append([cone])
    return [
        keeping(CONSTRUCTION, site[0][2], site[0][0] - EGO.front_m - 2.0, max(c[1] for c in site), driver.works_mps)
        for site in sites
        if len(site) >= LEAST_CONES
    ]
