"""Lanes and road elements out of a map: JSON objects, GeoJSON features, or a table of objects or vertices.

Knows plane geometry. Does not know a data set: which objects are lanes, and of what kind, the mapping file says.
Borders come from a lane's own ones or from its outline where it has one; nothing is made up where it has neither.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.clips.geometry import Array, wrap_angle
from causeway.clips.readers.columns import column, names, numbers
from causeway.clips.readers.tables.ego import LENGTH_M, to_enu
from causeway.clips.readers.tables.files import read_json, read_table
from causeway.clips.readers.tables.mapping_map import ElementRule, Keys, LaneRule, MapFile, Vertices
from causeway.clips.types import Quarantined
from causeway.errors import UnusableInput

_STRAIGHT_ON_RAD = np.pi / 4  # a following lane points this far from its predecessor's end at most


def read_map(spec: MapFile, world_axes: str, path: Path) -> tuple[list[dict], list[dict], Quarantined]:
    """(lanes, road elements, quarantined): rows of both tables without clip_id, shapes in the world frame."""
    lanes: dict[str, dict] = {}
    elements: dict[str, dict] = {}
    bad = []
    for item in _objects(spec, path):
        try:
            rule = _rule(item, spec)
            if rule is not None:
                rows = lanes if isinstance(rule, LaneRule) else elements
                name = _id(item, spec, rows)
                rows[name] = _row(item, name, rule, spec, world_axes)
        except (TypeError, ValueError, KeyError, IndexError) as error:
            named = item.get(spec.keys.id) if isinstance(item, dict) else item
            bad.append(f"{str(named)[:60]}: {' '.join(str(error).split())[:80]}")
    if spec.join_m > 0 and lanes:
        _join(list(lanes.values()), spec.join_m)
    detail = f"{len(bad)} objects have no usable shape or id; the first is {bad[0] if bad else ''}"
    return list(lanes.values()), list(elements.values()), (("map objects", "no_shape", detail),) if bad else ()


def _id(item: dict, spec: MapFile, others: dict[str, dict]) -> str:
    if item.get(spec.keys.id) is None:
        raise ValueError("no id")
    name = str(item[spec.keys.id])
    if name in others:
        raise ValueError("another object has the same id")
    return name


def _objects(spec: MapFile, path: Path) -> list[Any]:
    """Every object of the map: a dict under the names of `keys`, else it is none."""
    if not path.name.removesuffix(".gz").endswith(".json"):
        table = read_table(path)
        return _of_vertices(table, spec, spec.vertices, path) if spec.vertices else _of_rows(table, spec.keys, path)
    document = read_json(path)
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        return [_of_feature(feature, spec.keys) for feature in document["features"]]
    if isinstance(document, dict):
        named = sorted(document.items())
        return [{**item, spec.keys.id: name} if isinstance(item, dict) else name for name, item in named]
    if isinstance(document, list):
        return document
    raise UnusableInput(f"{path}: a map is a JSON object of objects by id, a list of objects, or GeoJSON")


def _of_rows(table: pa.Table, keys: Keys, path: Path) -> list[dict]:
    for name in (keys.id, keys.type, keys.centre):
        column(table, name, path)
    return table.to_pylist()


def _of_vertices(table: pa.Table, spec: MapFile, vertices: Vertices, path: Path) -> list[dict]:
    """Objects of a table with a row for each vertex, in order of the table; parts that `keys` do not name are left."""
    keys = spec.keys
    shapes = (keys.centre, keys.outline, keys.left, keys.right)
    found: dict[str, dict[str, Any]] = {}
    parts = names(table, vertices.part, path).to_pylist() if vertices.part else [keys.centre] * table.num_rows
    columns = [numbers(table, name, path).tolist() for name in (vertices.x, vertices.y)]
    labels = [names(table, name, path).to_pylist() for name in (keys.id, keys.type)]
    others = {n: table.column(n).to_pylist() for n in (keys.successors, keys.lanes) if n in table.column_names}
    for row, (x, y, name, kind, part) in enumerate(zip(*columns, *labels, parts, strict=True)):
        first = {keys.id: name, keys.type: kind, **{n: values[row] for n, values in others.items()}}
        item = found.setdefault(name, first)
        if part in shapes:
            item.setdefault(part, []).append([x, y])
    return list(found.values())


def _of_feature(feature: Any, keys: Keys) -> Any:
    if not isinstance(feature, dict):
        return feature
    geometry, properties = (
        value if isinstance(value, dict) else {} for value in map(feature.get, ("geometry", "properties"))
    )
    points, kind = geometry.get("coordinates"), geometry.get("type")
    points = points if isinstance(points, list) else []
    shape = {keys.outline: points[0] if points else []} if kind == "Polygon" else {keys.centre: points}
    if kind == "Point":
        shape = {keys.centre: [points]}
    return {keys.id: feature.get("id"), **properties, **shape}


def _rule(item: Any, spec: MapFile) -> LaneRule | ElementRule | None:
    if not isinstance(item, dict):
        raise TypeError("no object")
    kind = item.get(spec.keys.type)
    for rule in spec.lanes:
        if kind == rule.type and rule.polygon in (None, bool(item.get(spec.keys.outline))):
            return rule
    return next((rule for rule in spec.elements if kind == rule.type), None)


def _row(item: dict, name: str, rule: LaneRule | ElementRule, spec: MapFile, world_axes: str) -> dict:
    keys = spec.keys
    centre, outline, left, right = (
        _points(item.get(name), spec, world_axes) for name in (keys.centre, keys.outline, keys.left, keys.right)
    )
    if isinstance(rule, ElementRule):
        shape = centre if len(centre) else outline
        if len(shape) == 0:
            raise ValueError("no points")
        lanes = _texts(item.get(keys.lanes))
        return {"element_id": name, "kind": rule.kind, "shape": shape.tolist(), "lane_ids": lanes}
    if len(centre) < 2:
        raise ValueError("a lane needs a centre line of two points")
    if not len(left) and not len(right):
        left, right = sides(centre, outline)
    shapes = {"centre": centre.tolist(), "left": left.tolist(), "right": right.tolist()}
    return {"lane_id": name, **shapes, "successors": _texts(item.get(keys.successors)), "kind": rule.kind}


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.replace(",", " ").replace(";", " ").split()
    return [str(name) for name in value or []]


def _points(shape: Any, spec: MapFile, world_axes: str) -> Array:
    """A shape as [n, 2] in the world frame; ValueError when it is not made of points."""
    if shape is None or len(shape) == 0:
        return np.zeros((0, 2))
    values = np.asarray([point[:2] for point in shape], dtype=np.float64) * LENGTH_M[spec.length]
    if values.ndim != 2 or values.shape[1] != 2 or not (np.abs(values) < 1e8).all():
        raise ValueError("not a list of x, y")
    flat = np.column_stack([values + np.array(spec.offset_m), np.zeros(len(values))])
    return to_enu(flat, world_axes)[:, :2]


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
        joined = [lanes[i]["lane_id"] for i in follows if i != index]
        lane["successors"] += [name for name in joined if name not in lane["successors"]]


def _heading(first: list[float], second: list[float]) -> float:
    return float(np.arctan2(second[1] - first[1], second[0] - first[0]))
