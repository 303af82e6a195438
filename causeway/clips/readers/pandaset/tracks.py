"""Tracks of a PandaSet sequence out of `derived/agents.parquet`; cuboid pickles are never opened.

Knows that table and the data set's labels (pandaset-devkit, `annotations.py`). Boxes are in the world frame of the
poses and belong to the lidar's time stamps.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.readers.columns import reals, texts, whole_numbers
from causeway.clips.readers.parquet import read_parquet
from causeway.clips.readers.recorded import Boxes, Quarantined, types_of, usable_boxes

_SIZES = ("length", "width", "height")
_COLUMNS = ("frame", "t", "track_id", "label", "x", "y", "z", "yaw", *_SIZES)
_SECOND_LIDAR = 1  # where both lidars see an object it has a box for each
_CLOCK_S = 0.01
_HOW = (
    "pickles can run code and are not opened; where you trust them, write them as derived/agents.parquet with "
    "frame, t, track_id, label, x, y, z, yaw (heading), length, width, height, sensor_id"
)

TYPE_OF_LABEL = {
    "Car": "car",
    "Pickup Truck": "car",
    "Medium-sized Truck": "truck",
    "Semi-truck": "truck",
    "Towed Object": "truck",
    "Other Vehicle - Construction Vehicle": "truck",
    "Other Vehicle - Uncommon": "unknown",
    "Emergency Vehicle": "unknown",  # from police cars to fire engines
    "Train": "unknown",  # no type of ours runs on rails
    "Trolley": "unknown",
    "Tram / Subway": "unknown",
    "Bus": "bus",
    "Motorcycle": "motorcycle",
    "Motorized Scooter": "motorcycle",
    "Bicycle": "cyclist",
    "Other Vehicle - Pedicab": "cyclist",
    "Personal Mobility Device": "cyclist",
    "Pedestrian": "pedestrian",
    "Pedestrian with Object": "pedestrian",
    "Animals - Bird": "animal",
    "Animals - Other": "animal",
    "Cones": "static",
    "Construction Signs": "static",
    "Pylons": "static",
    "Road Barriers": "static",
    "Rolling Containers": "static",
    "Signs": "static",
    "Temporary Construction Barriers": "static",
}


def read_tracks(path: Path, sweep_us: NDArray[np.int64], has_pose: NDArray[np.bool_]) -> tuple[pa.Table, Quarantined]:
    """Tracks in the world frame, and what was left out.

    `sweep_us` [frames] are the time stamps of the lidar's sweeps, `has_pose` [frames] says whose ego pose is known.
    """
    table = read_parquet(path, str(path), _COLUMNS)
    frame = whole_numbers(table, "frame", path, null=-1)
    known = (frame >= 0) & (frame < len(sweep_us))
    sweep = np.where(known, frame, 0)
    taken_us = sweep_us[sweep]
    with np.errstate(invalid="ignore"):
        clock_s = np.abs(reals(table, ("t",), path)[:, 0] - (taken_us - sweep_us[0]) * 1e-6)
    wrong = {"no_ego_pose": ~known | ~has_pose[sweep], "box_at_another_time": ~(clock_s <= _CLOCK_S)}
    if "sensor_id" in table.column_names:
        wrong["seen_by_both_lidars"] = whole_numbers(table, "sensor_id", path, null=-1) == _SECOND_LIDAR
    boxes = Boxes(
        t_us=taken_us,
        track_id=texts(table, "track_id", path),
        type=types_of(texts(table, "label", path), TYPE_OF_LABEL),
        xyz_m=reals(table, ("x", "y", "z"), path),
        yaw_rad=reals(table, ("yaw",), path)[:, 0],
        size_m=reals(table, _SIZES, path),
        observed_us=taken_us,
    )
    return usable_boxes(str(path), boxes, wrong)


def no_tracks(sequence: Path) -> tuple[None, Quarantined]:
    """No tracks, and how many pickles are the reason, with what to do about it."""
    pickles = sorted((sequence / "annotations" / "cuboids").glob("*.pkl*"))
    if not pickles:
        return None, ()
    return None, ((str(pickles[0].parent), "cuboids_not_opened", f"{len(pickles)} {_HOW}"),)
