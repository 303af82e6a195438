"""The mapping file of the `tables` layout: its fields, their meaning and their checks.

Knows YAML and pydantic. Does not open any of the files that a mapping names.
"""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from causeway.errors import UnusableInput

_TRACK_TYPES = {"car", "truck", "bus", "pedestrian", "cyclist", "motorcycle", "static", "animal", "unknown"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Units(_Strict):
    """Units of a table's columns; metres and m/s² are taken for granted."""

    t: Literal["s", "ms", "us", "ns"] = "s"
    yaw: Literal["rad", "deg"] = "rad"
    speed: Literal["mps", "kmh"] = "mps"


class Clock(_Strict):
    """What is known about the time column."""

    # rows were taken at uneven times but stamped evenly: a step far longer than its neighbours took longer
    repair_uneven_steps: bool = False


class EgoTable(_Strict):
    """Ego poses: columns t, x, y and yaw or qw qx qy qz; optional z and a measured speed."""

    file: str
    rows: dict[str, bool | int | float | str] = {}  # keep the rows with these values
    columns: dict[str, str]
    units: Units = Units()
    clock: Clock = Clock()
    origin_ahead_of_rear_axle_m: float = 0.0
    until: float | None = None  # later rows (by the table's own time) are put in quarantine

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: dict[str, str]) -> dict[str, str]:
        rotation = {"yaw"} if "yaw" in columns else {"qw", "qx", "qy", "qz"}
        return _needs(columns, {"t", "x", "y", *rotation})


class TrackTable(_Strict):
    """Tracked objects: boxes by their centre, in the world frame of the ego poses."""

    file: str
    rows: dict[str, bool | int | float | str] = {}
    columns: dict[str, str]
    units: Units = Units()
    types: dict[str, str]  # the table's type -> ours

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: dict[str, str]) -> dict[str, str]:
        return _needs(columns, {"t", "track_id", "type", "x", "y", "yaw", "length", "width", "height"})

    @field_validator("types")
    @classmethod
    def _known(cls, types: dict[str, str]) -> dict[str, str]:
        foreign = sorted(set(types.values()) - _TRACK_TYPES)
        if foreign:
            raise ValueError(f"{foreign[0]!r} is no track type; known are {', '.join(sorted(_TRACK_TYPES))}")
        return types


class Calibration(_Strict):
    """Intrinsics, as numbers or as the names under which a JSON file has them."""

    file: str = ""
    fx: float | str
    fy: float | str
    cx: float | str
    cy: float | str
    width: int | str  # of the picture that the intrinsics are for; the stored picture may be smaller
    height: int | str
    distortion: tuple[float, ...] = ()


class CameraPoses(_Strict):
    """A JSON list with the pose of the camera in the world for each picture, in order of the pictures."""

    file: str
    items: str = "frames"
    matrix: str = "transform_matrix"
    # opengl: x right, y up, z backward; opencv: x right, y down, z forward
    convention: Literal["opengl", "opencv"] = "opencv"
    max_offset_m: float = 0.5  # a pose may lie this far from ego path and mounting together, else the drive is refused


class Mounting(_Strict):
    """Pose of the camera (x right, y down, z forward) in the rig frame."""

    position_m: tuple[float, float, float]
    wxyz: tuple[float, float, float, float]


class PictureTimes(_Strict):
    """When pictures were taken: evenly, or at the moment of the ego path that explains the camera's pose."""

    first_s: float = 0.0
    every_s: float
    from_poses: bool = False
    search_s: float = 0.75  # how far from the even time the moment is looked for


class CameraEntry(_Strict):
    """One camera: a glob of picture files (their sorted order is their order in time)."""

    name: str
    pictures: str
    times: PictureTimes
    calibration: Calibration
    rig_from_camera: Mounting
    poses: CameraPoses | None = None


class LaneRule(_Strict):
    """Which objects of a map are lanes of a kind."""

    type: str
    kind: Literal["drive", "junction", "ramp", "shoulder", "unknown"] = "drive"
    polygon: bool | None = None  # True: only those with an outline, False: only those without


class MapFile(_Strict):
    """A JSON object (gzip or not) of map objects by id, each with `type`, `polyline` and perhaps `polygon`."""

    file: str
    lanes: list[LaneRule]
    join_m: float = 0.0  # a lane follows another when its start lies this near to the other's end and points on


class VehicleEntry(_Strict):
    """Dimensions of the recording vehicle."""

    vehicle_id: str
    length_m: float = Field(gt=0)
    width_m: float = Field(gt=0)
    wheelbase_m: float = Field(gt=0)
    rear_axle_to_centre_m: float


class DriveEntry(_Strict):
    """One drive; `values` fill further {names} in paths."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    place: str = ""
    values: dict[str, str] = {}


class Mapping(_Strict):
    """The whole file."""

    source: str
    licence: str
    place: str = ""
    vehicle: VehicleEntry
    drives: list[DriveEntry] = Field(min_length=1)
    ego: EgoTable
    agents: TrackTable | None = None
    cameras: list[CameraEntry] = []
    map: MapFile | None = None

    def file_templates(self) -> list[str]:
        """Every path template but the pictures."""
        found = [self.ego.file]
        found += [part.file for part in (self.agents, self.map) if part]
        for camera in self.cameras:
            found += [camera.calibration.file] if camera.calibration.file else []
            found += [camera.poses.file] if camera.poses else []
        return found


def _needs(columns: dict[str, str], names: set[str]) -> dict[str, str]:
    missing = sorted(names - set(columns))
    if missing:
        raise ValueError(f"{', '.join(missing)} must be mapped to a column")
    return columns


def read_mapping(path: Path) -> Mapping:
    """The checked mapping; UnusableInput with the field and the reason otherwise."""
    try:
        return Mapping.model_validate(yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        raise UnusableInput(f"{path}: not YAML ({' '.join(str(error).split())[:160]})") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UnusableInput(f"{path}: {field}: {first['msg']}") from error
