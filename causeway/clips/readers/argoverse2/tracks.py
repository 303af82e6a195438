"""Boxes of an Argoverse 2 log, moved from the vehicle's frame of their moment into the city frame.

Knows `annotations.feather` and the 30 categories of the sensor data set (av2-api, `datasets/sensor/constants.py`).
Signs are boxes like any other, of type `static`: an annotation is known from when it was made, and a road element of
the map has no time, so a stop sign that comes into view later would be known too early.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import multiply, rotate, yaw_from_quaternion
from causeway.clips.readers.argoverse2.feather_files import feather_parts
from causeway.clips.readers.columns import reals, texts, whole_numbers
from causeway.clips.readers.recorded import Boxes, Wrong, box_rows, tracks_on_disk, types_of
from causeway.clips.readers.rig_poses import rig_poses
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined, RawEgo

_SIZES = ("length_m", "width_m", "height_m")
_ROTATION, _PLACE = ("qw", "qx", "qy", "qz"), ("tx_m", "ty_m", "tz_m")
_COLUMNS = ("timestamp_ns", "track_uuid", "category", *_SIZES, *_ROTATION, *_PLACE)

TYPE_OF_CATEGORY = {
    "REGULAR_VEHICLE": "car",  # cars, vans, pickups
    "LARGE_VEHICLE": "truck",  # fire engines, motor homes
    "BOX_TRUCK": "truck",
    "TRUCK": "truck",
    "TRUCK_CAB": "truck",
    "VEHICULAR_TRAILER": "truck",
    "BUS": "bus",
    "ARTICULATED_BUS": "bus",
    "SCHOOL_BUS": "bus",
    "RAILED_VEHICLE": "unknown",  # no type of ours runs on rails
    "MOTORCYCLE": "motorcycle",
    "MOTORCYCLIST": "motorcycle",
    "BICYCLE": "cyclist",  # parked ones too: the data does not tell them apart
    "BICYCLIST": "cyclist",
    "WHEELED_RIDER": "cyclist",  # on a scooter or the like
    "WHEELED_DEVICE": "unknown",  # from skateboards to golf carts
    "PEDESTRIAN": "pedestrian",
    "OFFICIAL_SIGNALER": "pedestrian",
    "WHEELCHAIR": "pedestrian",
    "STROLLER": "pedestrian",
    "DOG": "animal",
    "ANIMAL": "animal",
    "BOLLARD": "static",
    "CONSTRUCTION_BARREL": "static",
    "CONSTRUCTION_CONE": "static",
    "MESSAGE_BOARD_TRAILER": "static",
    "MOBILE_PEDESTRIAN_CROSSING_SIGN": "static",
    "SIGN": "static",
    "STOP_SIGN": "static",
    "TRAFFIC_LIGHT_TRAILER": "static",
}


def read_tracks(path: Path, axle: RawEgo) -> tuple[TimedRows, Quarantined]:
    """Tracks in the city frame, and what was left out. `axle` are the poses of the vehicle frame that boxes are in.

    A box is known once the later of the two ego poses around its moment is; in a gap of the poses it has no place.
    Velocity is not in the data.
    """
    return tracks_on_disk(_parts(path, axle))


def _parts(path: Path, axle: RawEgo) -> Iterator[tuple[pa.Table, Wrong, NDArray[np.int64]]]:
    first = 0
    for table in feather_parts(path, _COLUMNS):
        boxes, wrong = _boxes(table, path, axle)
        yield box_rows(boxes), wrong, np.arange(first, first + table.num_rows)
        first += table.num_rows


def _boxes(table: pa.Table, path: Path, axle: RawEgo) -> tuple[Boxes, Wrong]:
    t_us = whole_numbers(table, "timestamp_ns", path, null=-1) // 1000
    turn, centre = reals(table, _ROTATION, path), reals(table, _PLACE, path)
    with np.errstate(all="ignore"):
        length = np.linalg.norm(turn, axis=1)
    poses = rig_poses(t_us, axle)
    with np.errstate(all="ignore"):  # rows that are no numbers are found and left out later
        boxes = Boxes(
            t_us=t_us,
            track_id=texts(table, "track_uuid", path),
            type=types_of(texts(table, "category", path), TYPE_OF_CATEGORY),
            xyz_m=poses.xyz_m + rotate(poses.wxyz, centre),
            yaw_rad=yaw_from_quaternion(multiply(poses.wxyz, turn / length[:, None])),
            size_m=reals(table, _SIZES, path),
            observed_us=poses.known_us,
        )
    return boxes, {"no_ego_pose": ~poses.known, "box_without_rotation": ~(np.abs(length - 1) < 0.01)}
