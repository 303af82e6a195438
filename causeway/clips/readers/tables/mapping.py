"""The mapping file of the `tables` layout as a whole: drives, vehicle and one part for each table.

Knows YAML and pydantic. Does not open any of the files that a mapping names. The parts are described in
`mapping_rows` (ego, agents, signals), `mapping_camera` and `mapping_map`.
"""

import re
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from causeway.clips.readers.tables.mapping_camera import CameraEntry
from causeway.clips.readers.tables.mapping_map import MapFile
from causeway.clips.readers.tables.mapping_rows import EgoTable, SignalTable, Strict, TrackTable
from causeway.errors import UnusableInput

_MOST_BYTES = 2**20  # a mapping is a page of text


class VehicleEntry(Strict):
    """Dimensions of the recording vehicle."""

    vehicle_id: str
    length_m: float = Field(gt=0, le=100)
    width_m: float = Field(gt=0, le=100)
    wheelbase_m: float = Field(gt=0, le=100)
    rear_axle_to_centre_m: float = Field(ge=-100, le=100)


class DriveEntry(Strict):
    """One drive by its id, or all that a path pattern finds: `{drive}` in it is the id, other {names} are values.

    `values` fill further {names} in paths and in `rows`. `until` is later rows' end by the ego table's own time.
    """

    id: str = Field(default="", pattern=r"^[A-Za-z0-9._-]*$")
    glob: str = ""
    place: str = ""
    world: str = ""
    until: float | None = None
    values: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _one_of(self) -> "DriveEntry":
        if bool(self.id) == bool(self.glob):
            raise ValueError("give either `id` or `glob`")
        if self.glob and "{drive}" not in self.glob:
            raise ValueError("a glob needs {drive} where the drive's id stands in the path")
        return self


class Mapping(Strict):
    """The whole file."""

    source: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    place: str = ""
    # name of the frame that all drives of the mapping share (a city's map, a UTM zone); "" = each has its own
    world: str = ""
    # what the axes of the tables' world frame point to; ned: z is down and headings turn clockwise
    world_axes: Literal["enu", "nwu", "ned"] = "enu"
    vehicle: VehicleEntry
    drives: list[DriveEntry] = Field(min_length=1)
    ego: EgoTable
    agents: TrackTable | None = None
    signals: SignalTable | None = None
    cameras: list[CameraEntry] = Field(default=[])
    map: MapFile | None = None

    @model_validator(mode="after")
    def _distinct(self) -> "Mapping":
        cameras = [camera.name for camera in self.cameras]
        ids = [drive.id for drive in self.drives if drive.id]
        for what, listed in (("camera", cameras), ("drive", ids)):
            twice = sorted({name for name in listed if listed.count(name) > 1})
            if twice:
                raise ValueError(f"{what} {twice[0]} is there twice")
        return self

    def file_templates(self) -> list[str]:
        """Every path template, pictures and videos included."""
        parts = [part.file for part in (self.ego, self.agents, self.signals, self.map) if part]
        return parts + [template for camera in self.cameras for template in camera.file_templates()]


def read_mapping(path: Path) -> Mapping:
    """The checked mapping; UnusableInput with the key and the reason otherwise."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UnusableInput(f"{path}: larger than {_MOST_BYTES} bytes; a mapping file is a page of YAML")
        return Mapping.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        message = first["msg"].removeprefix("Value error, ")
        raise UnusableInput(f"{path}: {_key(first['loc'])}: {' '.join(message.split())[:300]}") from error
    except (yaml.YAMLError, UnicodeDecodeError, OSError, ValueError, RecursionError) as error:
        raise UnusableInput(f"{path}: not YAML ({' '.join(str(error).split())[:160]})") from error


def _key(location: tuple[int | str, ...]) -> str:
    """The key as a person writes it: without pydantic's names of alternatives at its end."""
    parts = [str(part) for part in location]
    while parts and re.fullmatch(r"(str|float|int|bool|constrained.*|list\[.*|tuple\[.*)", parts[-1]):
        parts.pop()
    return ".".join(parts) or "the file"
