"""The vector map of an Argoverse 2 log as rows of our lanes and road elements, in the city frame.

Knows `log_map_archive_*.json` (av2-api, `map/lane_segment.py`, `map/pedestrian_crossing.py`). Such a map has no stop
lines, lights or speed limits. Centre lines are not stored: a centre is midway between the two borders.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from causeway.clips.geometry import Array
from causeway.clips.readers.columns import read_json
from causeway.clips.readers.recorded import Quarantined
from causeway.errors import UnusableInput

_CENTRE_STEP_M = 2.0
_FARTHEST_M = 1e7
_MOST_POINTS = 10_000


@dataclass(frozen=True)
class Map:
    """Rows of `lanes` and `road_elements` without clip_id, and what of the file could not be used."""

    lanes: list[dict]
    road_elements: list[dict]
    quarantined: Quarantined


def read_map(path: Path) -> Map:
    """The lanes and pedestrian crossings of a map file; one of them that cannot be used is left out and named."""
    document = read_json(path)
    segments, crossings = (_part(document, name, path) for name in ("lane_segments", "pedestrian_crossings"))
    lanes: dict[str, dict] = {}
    elements: dict[str, dict] = {}
    left_out = []
    for key, item in segments.items():
        try:
            lane = _lane(item)
            lanes[_fresh(lane["lane_id"], lanes)] = lane
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            left_out.append((f"{path}: lane segment {key}", "lane_unusable", _brief(error)))
    for key, item in crossings.items():
        try:
            element = _crossing(item, lanes)
            elements[_fresh(element["element_id"], elements)] = element
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            left_out.append((f"{path}: pedestrian crossing {key}", "crosswalk_unusable", _brief(error)))
    return Map(list(lanes.values()), list(elements.values()), tuple(left_out))


def _part(document: Any, name: str, path: Path) -> dict[str, Any]:
    part = document.get(name) if isinstance(document, dict) else None
    if not isinstance(part, dict):
        raise UnusableInput(f"{path}: no {name}; a log's map is an object that has them by id")
    return part


def _fresh(name: str, known: dict[str, dict]) -> str:
    if name in known:
        raise ValueError(f"its id {name} is taken by another")
    return name


def _lane(item: dict[str, Any]) -> dict:
    left, right = _line(item["left_lane_boundary"]), _line(item["right_lane_boundary"])
    return {
        "lane_id": _id(item["id"]),
        "centre": midway(left, right).tolist(),
        "left": left.tolist(),
        "right": right.tolist(),
        "successors": [_id(successor) for successor in item["successors"]],
        "kind": _kind(str(item["lane_type"]), bool(item["is_intersection"])),
    }


def _kind(lane_type: str, in_junction: bool) -> str:
    """A bus lane is a lane to drive on; a bike lane lies beside those, also where it crosses a junction."""
    if lane_type == "BIKE":
        return "bike"
    if lane_type not in ("VEHICLE", "BUS"):
        return "unknown"
    return "junction" if in_junction else "drive"


def _id(value: Any) -> str:
    if not isinstance(value, int | str):
        raise TypeError(f"an id is {value!r}")
    return str(value)


def _line(points: Any) -> Array:
    """[n, 2] with n >= 2 and a length, from [{"x", "y", "z"}, ...]."""
    if not isinstance(points, list) or not 2 <= len(points) <= _MOST_POINTS:
        raise ValueError("a border is no list of at least two points")
    line = np.array([[float(point["x"]), float(point["y"])] for point in points])
    if not np.isfinite(line).all() or np.abs(line).max() > _FARTHEST_M:
        raise ValueError("a point of it is not a number or far off the map")
    if np.linalg.norm(np.diff(line, axis=0), axis=1).sum() < 1e-3:
        raise ValueError("a border has no length")
    return line


def midway(left: Array, right: Array) -> Array:
    """The line [k, 2] midway between two borders, both walked in equal shares of their lengths, about 2 m apart."""
    longest_m = max(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in (left, right))
    shares = np.linspace(0.0, 1.0, int(np.clip(np.ceil(longest_m / _CENTRE_STEP_M), 1, _MOST_POINTS)) + 1)
    return (_at_shares(left, shares) + _at_shares(right, shares)) / 2


def _at_shares(line: Array, shares: Array) -> Array:
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.stack([np.interp(shares * along[-1], along, line[:, axis]) for axis in (0, 1)], axis=-1)


def _crossing(item: dict[str, Any], lanes: dict[str, dict]) -> dict:
    """A crosswalk as the outline between its two edges, and the lanes whose centre lines go through it."""
    first, second = _line(item["edge1"]), _line(item["edge2"])
    straight = np.linalg.norm(first[-1] - second[-1]) + np.linalg.norm(first[0] - second[0])
    crossed = np.linalg.norm(first[-1] - second[0]) + np.linalg.norm(first[0] - second[-1])
    outline = np.concatenate([first, second if crossed < straight else second[::-1]])
    through = [name for name, lane in lanes.items() if _enters(np.array(lane["centre"]), outline)]
    shape = outline.tolist()
    return {"element_id": f"crossing-{_id(item['id'])}", "kind": "crosswalk", "shape": shape, "lane_ids": through}


def _enters(line: Array, outline: Array) -> bool:
    """True when a line, looked at every quarter metre, has a point in an outline."""
    if (line.max(axis=0) < outline.min(axis=0)).any() or (line.min(axis=0) > outline.max(axis=0)).any():
        return False
    length_m = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    points = _at_shares(line, np.linspace(0.0, 1.0, int(np.clip(length_m * 4, 2, _MOST_POINTS))))
    start, end = outline, np.roll(outline, -1, axis=0)
    above = (start[None, :, 1] > points[:, None, 1]) != (end[None, :, 1] > points[:, None, 1])
    rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
    at_x = start[:, 0] + (points[:, None, 1] - start[:, 1]) / rise * (end[:, 0] - start[:, 0])
    return bool((np.sum(above & (points[:, None, 0] < at_x), axis=1) % 2 == 1).any())


def _brief(error: Exception) -> str:
    return f"no {error.args[0]}" if isinstance(error, KeyError) else str(error)[:160]
