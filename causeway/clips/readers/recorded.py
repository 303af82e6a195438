"""The tracks table out of a recording's boxes, and one line for each reason that kept boxes out.

Knows what all layouts with boxes share. What a number must be to mean something `cleaning` knows; what a layout has
against a box its reader says.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import Array
from causeway.clips.types import Quarantined


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes [n] of a file in the world frame of the ego poses.

    xyz_m [n, 3] centres; size_m [n, 3] length, width, height; observed_us [n] when each was known.
    """

    t_us: NDArray[np.int64]
    track_id: pa.DictionaryArray
    type: pa.DictionaryArray
    xyz_m: Array
    yaw_rad: Array
    size_m: Array
    observed_us: NDArray[np.int64]


def usable_boxes(where: str, boxes: Boxes, wrong: dict[str, NDArray[np.bool_]]) -> tuple[pa.Table, Quarantined]:
    """The tracks of a drive, and for each reason how many boxes it kept out; a box counts under its first reason.

    `wrong` has what the layout knows against boxes (reason -> mask [n]). Of boxes of one object at one time the first
    in the file is kept.
    """
    left_out = np.zeros(len(boxes.t_us), dtype=bool)
    quarantined = []
    for reason, mask in (*wrong.items(), ("same_object_same_time", None)):
        fresh = _repeated(boxes, ~left_out) if mask is None else mask & ~left_out
        if fresh.any():
            detail = f"{int(fresh.sum())} of {len(fresh)} boxes, the first is row {int(np.argmax(fresh))}"
            quarantined.append((where, reason, detail))
        left_out |= fresh
    return _tracks(boxes).filter(pa.array(~left_out)), tuple(quarantined)


def _repeated(boxes: Boxes, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Usable boxes of an object that has one at the same time already, in the order of the file."""
    rows = np.flatnonzero(usable & boxes.track_id.is_valid().to_numpy(zero_copy_only=False))
    track = boxes.track_id.indices.take(pa.array(rows)).to_numpy(zero_copy_only=False)
    order = np.lexsort((rows, boxes.t_us[rows], track))
    track, t_us = track[order], boxes.t_us[rows][order]
    repeated = np.zeros(len(usable), dtype=bool)
    repeated[rows[order[1:][(track[1:] == track[:-1]) & (t_us[1:] == t_us[:-1])]]] = True
    return repeated


def _tracks(boxes: Boxes) -> pa.Table:
    unknown = np.full(len(boxes.t_us), np.nan)
    return pa.table(
        {
            "t_us": boxes.t_us,
            "track_id": boxes.track_id,
            "type": boxes.type,
            **{name: boxes.xyz_m[:, axis] for axis, name in enumerate(("x_m", "y_m", "z_m"))},
            "yaw_rad": boxes.yaw_rad,
            **{name: boxes.size_m[:, axis] for axis, name in enumerate(("length_m", "width_m", "height_m"))},
            "vx_mps": unknown,
            "vy_mps": unknown,
            "observed_us": boxes.observed_us,
        }
    )


def types_of(labels: pa.DictionaryArray, type_of_label: dict[str, str]) -> pa.DictionaryArray:
    """Our track types for a data set's labels; `unknown` for a label that is not listed, or missing."""
    types = pa.array([type_of_label.get(label, "unknown") for label in labels.dictionary.to_pylist()], pa.string())
    return (
        pa.DictionaryArray.from_arrays(labels.indices, types).cast(pa.string()).fill_null("unknown").dictionary_encode()
    )
