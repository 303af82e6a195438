"""CommonRoad scenarios: recorded traffic on lanelet maps; each vehicle recorded long enough is taken as the ego once.

Layout: `*.xml` or `*.xml.gz` of the format versions 2017a to 2020a, in the folder, in its `raw/`, or in folders one
below. The recording of (scenario, vehicle) has all other obstacles as tracks. Assumed, since the format says
nothing of it: wheelbase 0.58 and rear axle to centre 0.275 of the length (a Passat has 0.57 and 0.27, a RAV4 0.58
and 0.28). The yaws of the NGSIM scenarios are courses to the next place, 0.1 s ahead (to 1e-4 rad), and jump by some
degrees; nobody could know them so early, so a row has the yaw that led to it.
`planningProblem` is a start and a goal without a recording and gives no ego. There are no cameras.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US, WINDOW, quaternion_from_yaw
from causeway.clips.readers.commonroad.header import Header, read_header
from causeway.clips.readers.commonroad.map import Map, element_rows, lane_rows, read_map_element, signal_rows
from causeway.clips.readers.commonroad.obstacles import Obstacle, read_obstacle, track_rows, with_yaws_known
from causeway.clips.readers.commonroad.shapes import Unusable
from causeway.clips.readers.inside import inside_all
from causeway.clips.readers.safe_xml import elements, head_has
from causeway.clips.types import Drive, Quarantined, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

_SOURCE = "commonroad"
_PATTERNS = ("*.xml", "*.xml.gz", "*/*.xml", "*/*.xml.gz")
_WHEELBASE, _AXLE_TO_CENTRE = 0.58, 0.275
_KEPT_STATES = 250_000  # of obstacles; some 30 scenarios of 10 s, 1 MB each
_MOST_ROWS = 5_000_000  # of standing obstacles and lights, which have one at each tick
_MAP_TAGS = frozenset({"lanelet", "trafficSign", "trafficLight", "intersection"})
_OBSTACLE_TAGS = frozenset({"obstacle", "staticObstacle", "dynamicObstacle"})
_NO_TRACKS = frozenset({"environmentObstacle", "phantomObstacle"})


@dataclass(frozen=True)
class Scenario:
    """One file: its obstacles by id, and the tables that all its recordings share, made when first asked for.

    ticks_us: the tenths of a second up to the last state of anything that moves.
    """

    header: Header
    obstacles: dict[str, Obstacle]
    found: Map
    ticks_us: NDArray[np.int64]
    quarantined: Quarantined

    @cached_property
    def tracks(self) -> pa.Table:
        """All obstacles."""
        return track_rows(list(self.obstacles.values()), self.ticks_us)

    @cached_property
    def lanes(self) -> list[dict]:
        """The lanelets that are lanes."""
        return lane_rows(self.found)

    @cached_property
    def road_elements(self) -> list[dict]:
        """Stop lines, crosswalks and signs."""
        return element_rows(self.found)

    @cached_property
    def signals(self) -> pa.Table | None:
        """What the lights show at each tick; None when there are none."""
        return signal_rows(self.found, self.ticks_us, self.header.step_s * 1e6)


def fits(root: Path) -> bool:
    """True when the folder has a CommonRoad file, or is one."""
    return any(head_has(path, b"<commonRoad") for path in _candidates(root))


def paths(root: Path) -> list[Path]:
    """The scenario files, not what lies beside them."""
    return inside_all(root, _files(root))


def recordings(root: Path) -> list[Recording]:
    """One recording for each vehicle with 8.4 s of states; a scenario without any has one that says so when opened."""
    found: list[Recording] = []
    names: dict[str, Path] = {}
    scenarios = _Scenarios()
    for path in paths(root):
        try:
            name = _name(read_header(path).benchmark_id)
            if name in names:
                raise UnusableInput(f"{path}: scenario {name} is in {names[name].name} already; remove one")
            names[name] = path
            scenario = scenarios.of(path)
            egos = [o.obstacle_id for o in scenario.obstacles.values() if _is_ego(o)]
            if not egos:
                raise UnusableInput(f"{path}: {_why_no_ego(scenario)}")
            found += [Recording(_drive_id(name, ego), partial(_open, scenarios, path, name, ego)) for ego in egos]
        except UnusableInput as error:
            found.append(Recording(f"commonroad-{_name(path.name.split('.')[0])}", partial(_refuse, str(error))))
    return found


def _candidates(root: Path) -> list[Path]:
    if root.is_file():
        return [root] if root.name.endswith((".xml", ".xml.gz")) else []
    return sorted(p for pattern in _PATTERNS for p in root.glob(pattern) if p.is_symlink() or not p.is_dir())


def _files(root: Path) -> list[Path]:
    """Files with the endings of scenarios that are not plainly something else's, such as KITTI's tracklets."""
    return [p for p in _candidates(root) if p.name != "tracklet_labels.xml"]


def _refuse(reason: str) -> Drive:
    raise UnusableInput(reason)


def _name(text: str) -> str:
    """The text as a part of file names."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip(".")[:100] or "unnamed"


def _drive_id(name: str, ego: str) -> str:
    return f"commonroad-{name}-{_name(ego)}"


def _is_ego(obstacle: Obstacle) -> bool:
    return obstacle.as_ego_us >= sum(WINDOW)


def _why_no_ego(scenario: Scenario) -> str:
    lasting = [o.as_ego_us for o in scenario.obstacles.values() if o.as_ego_us]
    return (
        f"no vehicle to take as the ego: of {len(lasting)} recorded ones the longest recording is "
        f"{max(lasting, default=0) / 1e6:.1f} s, a moment needs {sum(WINDOW) / 1e6:.1f} s"
    )


class _Scenarios:
    """Files, each read once for listing its egos and opening them all.

    Holds the last one with its tables, and what the first files say while there is room; others are read again.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Path, int, int], Scenario] = {}
        self._last: dict[tuple[Path, int, int], Scenario] = {}
        self._room = _KEPT_STATES

    def of(self, path: Path) -> Scenario:
        """What a file holds in its state of now."""
        about = path.stat()
        key = (path, about.st_mtime_ns, about.st_size)
        if key not in self._last:
            scenario = self._kept[key] if key in self._kept else _read(path)
            states = sum(len(obstacle.t_us) for obstacle in scenario.obstacles.values())
            if key not in self._kept and states <= self._room:
                self._kept[key] = scenario
                self._room -= states
            self._last = {key: replace(scenario)}  # its tables go when the next file is asked for
        return self._last[key]


def _read(path: Path) -> Scenario:
    header, found, obstacles = read_header(path), Map(), {}
    problems: list[tuple[str, str, str]] = []
    for element in elements(path, 1):
        where = f"{path.name} {element.tag} {element.get('id', '')[:40]}"
        try:
            if element.tag in _MAP_TAGS:
                read_map_element(found, element)
            elif element.tag in _OBSTACLE_TAGS:
                obstacle, wrong = read_obstacle(element, header.time_unit_s)
                if obstacle.obstacle_id in obstacles:
                    raise Unusable("another obstacle has the same id")
                obstacles[obstacle.obstacle_id] = with_yaws_known(obstacle) if header.yaws_are_ahead else obstacle
                problems += [(where, "states_unusable", wrong)] if wrong else []
            elif element.tag in _NO_TRACKS:
                raise Unusable("it stands for no recorded thing on the road and is not kept")
        except Unusable as error:
            problems.append((where, f"{element.tag}_unusable", str(error)))
    return Scenario(header, obstacles, found, _ticks(path, obstacles, found), tuple(problems))


def _ticks(path: Path, obstacles: dict[str, Obstacle], found: Map) -> NDArray[np.int64]:
    moving = [o for o in obstacles.values() if not o.standing]
    last_us = max([int(o.t_us[-1]) for o in moving], default=0)
    ticks_us = np.arange(0, last_us + 1, TICK_US, dtype=np.int64)
    standing = len(obstacles) - len(moving) + len(found.lights)
    if standing * len(ticks_us) > _MOST_ROWS:
        raise UnusableInput(f"{path}: {standing} standing things over {last_us / 1e6:g} s; more than can be held")
    return ticks_us


def _open(scenarios: _Scenarios, path: Path, name: str, ego_id: str) -> Drive:
    scenario = scenarios.of(path)
    ego = scenario.obstacles[ego_id]
    drive_id = _drive_id(name, ego_id)
    ahead_m = _AXLE_TO_CENTRE * ego.length_m
    vehicle = Vehicle(drive_id, ego.length_m, ego.width_m, _WHEELBASE * ego.length_m, ahead_m)
    xyz = np.stack([ego.x_m, ego.y_m, np.zeros(len(ego.t_us))], axis=-1)
    xyz[:, 0] -= ahead_m * np.cos(ego.yaw_rad)
    xyz[:, 1] -= ahead_m * np.sin(ego.yaw_rad)
    return Drive(
        drive_id=drive_id,
        source=_SOURCE,
        licence=_licence(scenario.header),
        rig=Rig(vehicle),
        ego=RawEgo(ego.t_us, xyz, quaternion_from_yaw(ego.yaw_rad), ego.speed_mps),
        frames=lambda camera: iter(()),
        place=_place(name),
        tracks=scenario.tracks.filter(pc.not_equal(scenario.tracks.column("track_id"), ego_id)),
        signals=scenario.signals,
        lanes=scenario.lanes or None,
        road_elements=scenario.road_elements if scenario.lanes else None,
        quarantined=scenario.quarantined,
    )


def _licence(header: Header) -> str:
    return f"as published by CommonRoad; recorded from: {header.source[:200] or 'not said'}"


def _place(name: str) -> str:
    """Country and map of a benchmark id such as USA_US101-22_1_T-1: scenarios of one map share a stretch of road."""
    return name.removeprefix("C-").split("-")[0].lower()
