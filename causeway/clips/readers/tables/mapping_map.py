"""Mapping of a map: under which keys or columns its objects have their shapes, and what each type of them is.

Knows the keys and their checks. Does not open files.
"""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from causeway.artifacts.closed_sets import LANE_KINDS, ROAD_ELEMENT_KINDS
from causeway.clips.readers.tables.mapping_rows import Strict, check_names


class Keys(Strict):
    """Names under which an object of the map (or a row of its table) has its parts; a part it lacks is left empty."""

    id: str = "id"
    type: str = "type"
    centre: str = "polyline"
    outline: str = "polygon"
    left: str = "left"
    right: str = "right"
    successors: str = "successors"
    lanes: str = "lane_ids"  # of a road element: the lanes it is for


class Vertices(Strict):
    """A table with a row for each vertex: its columns. Objects are told apart by `keys.id`."""

    x: str = "x"
    y: str = "y"
    part: str = ""  # which shape a vertex is of, by the names in `keys`; "" = all are of the centre line


class LaneRule(Strict):
    """Which objects of a map are lanes of a kind."""

    type: str
    kind: str = "drive"
    polygon: bool | None = None  # True: only those with an outline, False: only those without

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        return check_names({"kind": kind}, LANE_KINDS, "kind of lane")["kind"]


class ElementRule(Strict):
    """Which objects of a map are stop lines, crosswalks and the like; their shape is the centre line or the outline."""

    type: str
    kind: str

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        return check_names({"kind": kind}, ROAD_ELEMENT_KINDS, "kind of road element")["kind"]


class MapFile(Strict):
    """A JSON map (objects by id, a list of objects, GeoJSON features in metres), or a table of objects or vertices."""

    file: str
    keys: Keys = Keys()
    vertices: Vertices | None = None
    length: Literal["m", "cm", "mm", "km", "ft"] = "m"
    offset_m: tuple[float, float] = (0.0, 0.0)  # added to x and y, to put the map into the frame of the ego poses
    lanes: list[LaneRule] = Field(default=[])
    elements: list[ElementRule] = Field(default=[])
    join_m: float = Field(default=0.0, ge=0)  # a lane follows another when it starts this near its end and points on

    @model_validator(mode="after")
    def _something(self) -> "MapFile":
        if not self.lanes and not self.elements:
            raise ValueError("name at least one type under `lanes` or `elements`")
        return self
