"""Things in the way that can be passed: standing or slow, with the strip of road each takes.

Knows agents, cones and the ego's route. Does not know whether there is room to pass them (`gaps`, `sideways`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causeway.clips.geometry import wrap_angle
from causeway.simulation.roads.road import Element, Path
from causeway.simulation.scene import Scene
from causeway.simulation.traffic.agents import Traffic
from causeway.simulation.vehicle import EGO

if TYPE_CHECKING:
    from causeway.simulation.expert.mind import Expert, Sight

Array = NDArray[np.float64]

CONE_M = 0.2  # half a cone
SITE_GAP_M = 30.0  # cones farther apart are two sites
LEAST_CONES = 2
WITHIN_M = 7.0  # what is farther from our route is in nobody's way
SLOW_SHARE = 0.6  # who rides slower than this share of our speed is passed


@dataclass(frozen=True)
class Thing:
    """What takes a strip of the road: stations and offsets (+ left of the route) of its sides, and its speed along."""

    ids: tuple[str, ...]
    from_m: float
    to_m: float
    left_m: float
    right_m: float
    speed_mps: float = 0.0
    works: bool = False

    def side_offset(self, lane_m: float, clearance_m: float) -> float:
        """How far to leave a lane's middle to pass it, + left, by the shorter way; 0 where it leaves room enough."""
        half = EGO.width_m / 2 + clearance_m
        to_left, to_right = self.left_m + half - lane_m, self.right_m - half - lane_m
        if to_left <= 0.0 or to_right >= 0.0:
            return 0.0
        return to_left if to_left <= -to_right else to_right


def standing_things(scene: Scene, traffic: Traffic, walks: NDArray[np.bool_]) -> tuple[Thing, ...]:
    """All that stands along the ego's route, by station: vehicles, barriers and rows of cones; nobody who `walks`."""
    route, poses = scene.layout.routes["ego"], traffic.start().poses
    things = [
        thing
        for i, agent in enumerate(traffic.agents)
        if agent.stays and not walks[i] and (thing := _box(route, poses[i], agent.track_id, traffic.sizes_m[i]))
    ]
    things += _sites(scene.layout.road.elements, route)
    return tuple(sorted(things, key=lambda thing: thing.from_m))


def riders(expert: "Expert", sight: "Sight", age_s: float) -> list[Thing]:
    """Cyclists in sight who ride our way and slowly, where they are now, `age_s` after they were seen."""
    route, seen, found = expert.scene.layout.routes["ego"], sight.seen, []
    for i in expert.riding:
        if sight.along[i, 0] < 0.0:
            continue
        agent = expert.traffic.agents[i]
        thing = _box(route, seen.poses[i], agent.track_id, expert.traffic.sizes_m[i])
        speed = float(seen.speed_mps[i])
        if thing and _turn(route, thing, seen.poses[i]) < 0.4 and speed < SLOW_SHARE * expert.driver.set_speed_mps:
            moved = speed * age_s
            strip = (thing.from_m + moved, thing.to_m + moved, thing.left_m, thing.right_m)
            found.append(Thing(thing.ids, *strip, speed))
    return found


def _turn(route: Path, thing: Thing, pose: Array) -> float:
    return abs(float(wrap_angle(pose[2] - np.interp(thing.from_m, route.s_m, route.yaw_rad))))


def _box(route: Path, pose: Array, track_id: str, size_m: Array) -> Thing | None:
    s, lateral = (float(v) for v in route.project(pose[:2]))
    if not (0.0 < s < route.length_m) or abs(lateral) > WITHIN_M:
        return None
    turn = float(pose[2] - np.interp(s, route.s_m, route.yaw_rad))
    cos, sin = abs(np.cos(turn)), abs(np.sin(turn))
    along = float(cos * size_m[0] + sin * size_m[1]) / 2
    across = float(sin * size_m[0] + cos * size_m[1]) / 2
    return Thing((track_id,), s - along, s + along, lateral + across, lateral - across)


def _sites(elements: tuple[Element, ...], route: Path) -> list[Thing]:
    """Rows of cones: one thing for those less than 30 m apart."""
    cones = []
    for element in elements:
        if element.kind == "cone":
            at = route.project(element.shape)
            if (np.abs(at[:, 1]).min() < WITHIN_M) and 0.0 < at[0, 0] < route.length_m:
                cones.append((float(at[:, 0].min()), float(at[:, 0].max()), at[:, 1], element.element_id))
    sites: list[list[tuple[float, float, Array, str]]] = []
    for cone in sorted(cones, key=lambda c: c[0]):
        if sites and cone[0] - sites[-1][-1][1] < SITE_GAP_M:
            sites[-1].append(cone)
        else:
            sites.append([cone])
    return [_site(site) for site in sites if len(site) >= LEAST_CONES]


def _site(cones: list[tuple[float, float, Array, str]]) -> Thing:
    offsets = np.concatenate([cone[2] for cone in cones])
    strip = (cones[0][0] - CONE_M, max(cone[1] for cone in cones) + CONE_M)
    sides = (float(offsets.max()) + CONE_M, float(offsets.min()) - CONE_M)
    return Thing(tuple(cone[3] for cone in cones), *strip, *sides, works=True)
