"""The map of a CommonRoad scenario as rows: lanes, stop lines, crosswalks, signs, and lights over time.

Knows the elements `lanelet`, `trafficSign`, `trafficLight` and `intersection` of the format (commonroad.in.tum.de,
XML formats 2018b and 2020a). Does not know obstacles. A centre line is the mean of the two borders, as the format
defines it. What a lane row cannot say (speed limits, neighbours, markings) is not kept.
"""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np
import pyarrow as pa

from causeway.clips.geometry import Array
from causeway.clips.readers.commonroad.shapes import Unusable, number, point

# a light that shows red and yellow together still says stop: it is red
_STATES = {"red": "red", "redYellow": "red", "yellow": "yellow", "green": "green", "inactive": "off"}
# lanelet types in the order in which they decide a lane's kind; a lane of another type is `drive`
_KINDS = {
    **{"bicycleLane": "bike", "busLane": "bus", "busStop": "bus", "intersection": "junction"},
    **{"accessRamp": "ramp", "exitRamp": "ramp", "shoulder": "shoulder", "border": "shoulder"},
}
_FARTHEST_M = 1e6


@dataclass(frozen=True)
class Light:
    """A traffic light: colours and how many steps each lasts, over and over from `offset`."""

    light_id: str
    states: tuple[str, ...]
    durations: tuple[float, ...]
    offset: float


@dataclass
class Map:
    """What has been read so far. `lanes` by id; `predecessors` are the links that only the later lane names."""

    lanes: dict[str, dict] = field(default_factory=dict)
    elements: list[dict] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    predecessors: list[tuple[str, str]] = field(default_factory=list)
    junctions: set[str] = field(default_factory=set)
    governed: dict[str, set[str]] = field(default_factory=dict)  # sign or light -> lanes that name it
    signs: list[tuple[str, tuple[float, float] | None]] = field(default_factory=list)


def read_map_element(found: Map, element: Element) -> None:
    """Add one element to the map; `Unusable` says why it cannot be added, and nothing is then."""
    if element.tag == "lanelet":
        _read_lanelet(found, element)
    elif element.tag == "trafficLight":
        found.lights.append(_light(element))
    elif element.tag == "trafficSign":
        where = element.find("position/point")
        found.signs.append((element.get("id", ""), None if where is None else point(where)))
    elif element.tag == "intersection":
        for name in ("successorsRight", "successorsStraight", "successorsLeft"):
            found.junctions |= {_ref(link) for link in element.iterfind(f"incoming/{name}")}


def _read_lanelet(found: Map, element: Element) -> None:
    lane_id = element.get("id", "")
    if lane_id in found.lanes:
        raise Unusable("another lanelet has the same id")
    left, right = _bound(element, "leftBound"), _bound(element, "rightBound")
    if len(left) != len(right):
        raise Unusable(f"its left border has {len(left)} points, its right one {len(right)}")
    types = {(t.text or "").strip() for t in element.findall("laneletType")}
    if "crosswalk" in types:
        found.elements.append(_element(f"{lane_id}-crosswalk", "crosswalk", np.concatenate([left, right[::-1]]), set()))
        return
    if "sidewalk" in types:
        raise Unusable("a sidewalk is no lane, and no road element of ours")
    stop = element.find("stopLine")
    line = None if stop is None else _stop_line(stop, left, right)
    kind = next((kind for name, kind in _KINDS.items() if name in types), "drive")
    shapes = {"centre": ((left + right) / 2).tolist(), "left": left.tolist(), "right": right.tolist()}
    successors = [_ref(link) for link in element.findall("successor")]
    found.lanes[lane_id] = {"lane_id": lane_id, **shapes, "successors": successors, "kind": kind}
    found.predecessors += [(_ref(link), lane_id) for link in element.findall("predecessor")]
    for link in [*element.iter("trafficLightRef"), *element.iter("trafficSignRef")]:
        found.governed.setdefault(_ref(link), set()).add(lane_id)
    if line is not None:
        found.elements.append(_element(f"{lane_id}-stop", "stop_line", line, {lane_id}))


def _bound(element: Element, name: str) -> Array:
    points = np.array([point(p) for p in element.iterfind(f"{name}/point")], dtype=np.float64).reshape(-1, 2)
    if len(points) < 2:
        raise Unusable(f"its {name} has {len(points)} points, a line needs 2")
    if not (np.abs(points) <= _FARTHEST_M).all():
        raise Unusable(f"its {name} has a point that is not a number or farther than {_FARTHEST_M:g} m away")
    return points


def _stop_line(element: Element, left: Array, right: Array) -> Array:
    """Two points; without any, the line is across the lanelet's end."""
    points = np.array([point(p) for p in element.findall("point")], dtype=np.float64).reshape(-1, 2)
    if len(points) == 0:
        return np.stack([left[-1], right[-1]])
    if len(points) < 2 or not (np.abs(points) <= _FARTHEST_M).all():
        raise Unusable("its stop line is not two points")
    return points


def _light(element: Element) -> Light:
    light_id = element.get("id", "")
    if (element.findtext("active") or "true").strip() == "false":
        return Light(light_id, ("off",), (1.0,), 0.0)
    parts = element.findall("cycle/cycleElement")
    colours = [(part.findtext("color") or "").strip() for part in parts]
    unknown = [colour for colour in colours if colour not in _STATES]
    durations = [number(part.findtext("duration"), "duration") for part in parts]
    offset = number(element.findtext("cycle/timeOffset") or "0", "timeOffset")
    if not parts or unknown:
        raise Unusable(f"colour {unknown[0][:20]!r} is not known" if unknown else "it has no cycle")
    if not (np.isfinite([*durations, offset]).all() and min(durations) > 0):
        raise Unusable("its cycle has a duration that is not above zero")
    return Light(light_id, tuple(_STATES[colour] for colour in colours), tuple(durations), offset)


def _ref(link: Element) -> str:
    return link.get("ref", "")


def _element(element_id: str, kind: str, shape: Array, lane_ids: set[str]) -> dict:
    return {"element_id": element_id, "kind": kind, "shape": shape.tolist(), "lane_ids": sorted(lane_ids)}


def lane_rows(found: Map) -> list[dict]:
    """Rows of the lanes table. A link that either lane names counts; one to a lane that is not here does not."""
    successors = {lane_id: set(row["successors"]) for lane_id, row in found.lanes.items()}
    for before, after in found.predecessors:
        if before in successors:
            successors[before].add(after)
    rows = []
    for lane_id, row in sorted(found.lanes.items()):
        kind = "junction" if row["kind"] == "drive" and lane_id in found.junctions else row["kind"]
        rows.append({**row, "successors": sorted(s for s in successors[lane_id] if s in found.lanes), "kind": kind})
    return rows


def element_rows(found: Map) -> list[dict]:
    """Rows of the road elements table. A sign without a place stands right of the lane that names it, at its start."""
    rows = list(found.elements)
    for sign_id, where in found.signs:
        lane_ids = {i for i in found.governed.get(sign_id, set()) if i in found.lanes}
        if where is not None or lane_ids:
            place = where if where is not None else found.lanes[min(lane_ids)]["right"][0]
            rows.append(_element(f"{sign_id}-sign", "sign", np.array([place]), lane_ids))
    return rows


def signal_rows(found: Map, ticks_us: np.ndarray, step_us: float) -> pa.Table | None:
    """What each light shows at each tick; None when the scenario has no lights."""
    if not found.lights:
        return None
    parts = []
    for light in found.lights:
        lanes = sorted(found.governed.get(light.light_id, set()) & found.lanes.keys())
        ends = np.cumsum(light.durations)
        phase = (ticks_us / step_us - light.offset) % ends[-1]
        # a tick on a boundary belongs to the next colour, also when rounding puts it a hair before
        index = np.searchsorted(ends, phase + 1e-6, side="right") % len(ends)
        states = np.array(light.states, dtype=object)[index]
        columns = {"t_us": ticks_us, "signal_id": [light.light_id] * len(ticks_us), "state": states}
        ids = pa.array([lanes] * len(ticks_us), pa.list_(pa.string()))
        parts.append(pa.table({**columns, "lane_ids": ids}))
    return pa.concat_tables(parts)
