"""Mapping of the tables with a row for each moment: ego poses, agents' boxes, light states.

Knows which columns each needs and how units and axes may be written. Does not read tables.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from causeway.artifacts.closed_sets import SIGNAL_STATES, TRACK_TYPES

ANY = "*"  # in `types` and `states`: every value that is not named

Values = dict[str, bool | int | float | str | list[bool | int | float | str]]
Columns = dict[str, str | float]  # ours -> the table's name, or one number for every row


class Strict(BaseModel):
    """A part of the mapping: unknown keys are refused, so that a typing error is found."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Units(Strict):
    """Units of a table's columns."""

    t: Literal["s", "ms", "us", "ns"] = "s"
    length: Literal["m", "cm", "mm", "km", "ft"] = "m"
    yaw: Literal["rad", "deg"] = "rad"  # of pitch and roll too
    speed: Literal["mps", "kmh", "mph", "knots"] = "mps"


class Clock(Strict):
    """What is known about the ego's time column."""

    # rows were taken at uneven times but stamped evenly: a step far longer than the ones before it took longer
    repair_uneven_steps: bool = False


class _Table(Strict):
    file: str
    rows: Values = {}  # keep the rows with one of these values; {drive} and other {names} of the drive are filled in
    without: Values = {}  # leave out the rows with one of these values
    columns: Columns
    units: Units = Units()
    offset_s: float = 0.0  # added to this table's times to put them on the ego's clock


class EgoTable(_Table):
    """Ego poses: columns t, x, y and yaw (with pitch and roll) or qw qx qy qz; optional z and a measured speed."""

    # where the table's origin (an antenna, an IMU, a lidar) sits in the rig: forward, left, up of the rear axle
    origin_in_rig_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    # x y z of the body whose pose it is: forward-left-up, forward-right-down, right-forward-up, right-down-forward
    body_axes: Literal["flu", "frd", "rfu", "rdf"] = "flu"
    poses: Literal["body_to_world", "world_to_body"] = "body_to_world"
    # about_z: from the world's x axis, right-handed about its z axis; compass: clockwise from north
    heading: Literal["about_z", "compass"] = "about_z"
    clock: Clock = Clock()
    until: float | None = None  # later rows (by the table's own time) are put in quarantine

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: Columns) -> Columns:
        rotation = {"yaw"} if "yaw" in columns else {"qw", "qx", "qy", "qz"}
        return check_columns(columns, {"t", "x", "y", *rotation}, {"z", "speed", "pitch", "roll"})

    @model_validator(mode="after")
    def _one_rotation(self) -> "EgoTable":
        if self.poses == "world_to_body" and "z" not in self.columns and "qw" in self.columns:
            raise ValueError("world_to_body poses with a quaternion need the column z")
        return self


class TrackTable(_Table):
    """Tracked objects: boxes by their centre, in the world frame of the ego poses or in the rig's own frame.

    In the rig's frame x is forward, y left, z up, whatever the axes of the world.
    """

    frame: Literal["world", "rig"] = "world"
    # for frame rig: where the origin of the boxes (a sensor that looks ahead) sits: forward, left, up of the rear axle
    origin_in_rig_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    heading: Literal["about_z", "compass"] = "about_z"
    types: dict[str, str]  # the table's type -> ours; "*" for all that are not named
    # for a table with one type for all vehicles: a `car` at least this long is a `truck`
    truck_from_m: float | None = Field(default=None, gt=0)

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: Columns) -> Columns:
        needed = {"t", "track_id", "type", "x", "y", "yaw", "length", "width", "height"}
        return check_columns(columns, needed, {"z", "vx", "vy"})

    @field_validator("types")
    @classmethod
    def _known(cls, types: dict[str, str]) -> dict[str, str]:
        return check_names(types, TRACK_TYPES, "track type")

    @model_validator(mode="after")
    def _heading_of_the_rig(self) -> "TrackTable":
        if self.frame == "rig" and self.heading == "compass":
            raise ValueError("boxes in the rig's frame have their yaw from the vehicle's x axis, not from north")
        return self


class SignalTable(_Table):
    """Light states: columns t, signal_id, state and lane_ids, or `lanes` instead of the last."""

    states: dict[str, str]  # the table's state -> ours; "*" for all that are not named
    lanes: dict[str, list[str]] = {}  # the lanes that a light is for, where the table does not say
    # for a table of changes: a state holds until the next row of its light, but no longer than this
    hold_s: float = Field(default=0.0, ge=0, le=600)

    @field_validator("columns")
    @classmethod
    def _complete(cls, columns: Columns) -> Columns:
        return check_columns(columns, {"t", "signal_id", "state"}, {"lane_ids"})

    @field_validator("states")
    @classmethod
    def _known(cls, states: dict[str, str]) -> dict[str, str]:
        return check_names(states, SIGNAL_STATES, "light state")

    @model_validator(mode="after")
    def _lanes_said(self) -> "SignalTable":
        if "lane_ids" not in self.columns and not self.lanes:
            raise ValueError("map the column lane_ids, or say in `lanes` which lanes each light is for")
        return self


def check_columns(columns: Columns, needed: set[str], optional: set[str]) -> Columns:
    """The columns; ValueError when one is missing or unknown."""
    missing, unknown = sorted(needed - set(columns)), sorted(set(columns) - needed - optional)
    if missing:
        raise ValueError(f"{', '.join(missing)} must be mapped to a column")
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no column; known are {', '.join(sorted(needed | optional))}")
    return columns


def check_names(named: dict[str, str], known: tuple[str, ...], what: str) -> dict[str, str]:
    """The names; ValueError for one of ours that does not exist."""
    foreign = sorted(set(named.values()) - set(known))
    if foreign:
        raise ValueError(f"{foreign[0]!r} is no {what}; known are {', '.join(known)}")
    return named
