"""Lanes out of a JSON map of polylines and outlines.

Knows plane geometry. Does not know a data set: which objects are lanes, and of what kind, the mapping file says.
Borders come from a lane's outline where it has one; nothing is made up where it has none.
"""

from pathlib import Path

import numpy as np

from causeway.clips.geometry import Array, wrap_angle
from causeway.clips.readers.tables_files import read_json
from causeway.clips.readers.tables_mapping import LaneRule, MapFile
from causeway.errors import UnusableInput

_STRAIGHT_ON_RAD = np.pi / 4  # a following lane points this far from its predecessor's end at most


def read_lanes(spec: MapFile, path: Path) -> list[dict]:
    """Rows of the lanes table (without clip_id), shapes in the map's own frame."""
    document = read_json(path)
    if not isinstance(document, dict):
        raise UnusableInput(f"{path}: a map is a JSON object of objects by id")
    lanes = []
    for lane_id, item in sorted(document.items()):
        rule = _rule(item, spec.lanes)
        if rule is None or len(item.get("polyline") or []) < 2:
            continue
        centre = np.asarray(item["polyline"], dtype=np.float64)[:, :2]
        left, right = sides(centre, np.asarray(item.get("polygon") or np.zeros((0, 2)), dtype=np.float64)[:, :2])
        shapes = {"centre": centre.tolist(), "left": left.tolist(), "right": right.tolist()}
        lanes.append({"lane_id": lane_id, **shapes, "successors": [], "kind": rule.kind})
    if spec.join_m > 0:
        _join(lanes, spec.join_m)
    return lanes


def _rule(item: dict, rules: list[LaneRule]) -> LaneRule | None:
    for rule in rules:
        if item.get("type") == rule.type and rule.polygon in (None, bool(item.get("polygon"))):
            return rule
    return None


def sides(centre: Array, outline: Array) -> tuple[Array, Array]:
    """The outline's vertices left and right of the centre line [n, 2], each ordered along it."""
    if len(outline) == 0:
        return outline, outline
    along, lateral = project(outline, centre)
    order = np.argsort(along, kind="stable")
    return outline[order][lateral[order] > 0], outline[order][lateral[order] < 0]


def project(points: Array, line: Array) -> tuple[Array, Array]:
    """Distance along a polyline [m, 2] and lateral offset (+ left) of points [n, 2]."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    lengths = np.maximum(np.linalg.norm(steps, axis=1), 1e-9)
    offset = points[:, None] - starts[None]
    share = np.clip((offset * steps).sum(-1) / lengths**2, 0, 1)
    gap = np.linalg.norm(offset - share[..., None] * steps, axis=-1)
    best = np.argmin(gap, axis=1)
    rows = np.arange(len(points))
    cross = steps[best, 0] * offset[rows, best, 1] - steps[best, 1] * offset[rows, best, 0]
    before = np.concatenate([[0.0], np.cumsum(lengths)])[best]
    return before + share[rows, best] * lengths[best], np.sign(cross) * gap[rows, best]


def _join(lanes: list[dict], join_m: float) -> None:
    starts = np.array([lane["centre"][0] for lane in lanes])
    headings = np.array([_heading(lane["centre"][0], lane["centre"][1]) for lane in lanes])
    for index, lane in enumerate(lanes):
        near = np.linalg.norm(starts - np.array(lane["centre"][-1]), axis=1) <= join_m
        turn = np.abs(wrap_angle(headings - _heading(lane["centre"][-2], lane["centre"][-1])))
        follows = np.flatnonzero(near & (turn <= _STRAIGHT_ON_RAD))
        lane["successors"] = [lanes[i]["lane_id"] for i in follows if i != index]


def _heading(first: list[float], second: list[float]) -> float:
    return float(np.arctan2(second[1] - first[1], second[0] - first[0]))
