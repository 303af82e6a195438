"""The tracks table out of a recording's boxes, and one line for each reason that kept boxes out.

Knows what all layouts with boxes share: short recordings have them in memory (`usable_boxes`), long ones come part by
part and go to disk (`tracks_on_disk`). What a number must be to mean something `cleaning` knows; what a layout has
against a box its reader says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.cleaning import box_faults
from causeway.clips.geometry import Array
from causeway.clips.left_out import LeftOut
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined

_NUMBERS = ("x_m", "y_m", "z_m", "yaw_rad", "length_m", "width_m", "height_m", "vx_mps", "vy_mps")
_ON_DISK = pa.schema(
    [
        *(("t_us", pa.int64()), ("track_id", pa.string()), ("type", pa.string())),
        *((name, pa.float64()) for name in _NUMBERS),
        ("observed_us", pa.int64()),
    ]
)
Wrong = dict[str, NDArray[np.bool_]]  # reason -> which rows


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


def usable_boxes(where: str, boxes: Boxes, wrong: Wrong) -> tuple[pa.Table, Quarantined]:
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
    return box_rows(boxes).filter(pa.array(~left_out)), tuple(quarantined)


def tracks_on_disk(parts: Iterable[tuple[pa.Table, Wrong, NDArray[np.int64]]]) -> tuple[TimedRows, Quarantined]:
    """The tracks of a drive of any length, and for each reason how many boxes it kept out.

    Parts are (track rows in the columns of `box_rows`, what the layout has against them, their numbers in the file). A
    box counts under its first reason; of boxes of one object at one time the first in the file is kept.
    """
    left_out = LeftOut("box")

    def usable() -> Iterator[pa.Table]:
        for rows, wrong, numbers in parts:
            faults = box_faults(rows)
            yield left_out.without(rows, {"incomplete": faults.pop("incomplete"), **wrong, **faults}, numbers)

    tracks = TimedRows(usable(), _ON_DISK, "track_id")
    detail = f"{tracks.repeated} boxes of objects that have another one at the same time"
    repeated = (("box rows", "same_object_same_time", detail),) if tracks.repeated else ()
    return tracks, (*left_out.entries(), *repeated)


def _repeated(boxes: Boxes, usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Usable boxes of an object that has one at the same time already, in the order of the file."""
    rows = np.flatnonzero(usable & boxes.track_id.is_valid().to_numpy(zero_copy_only=False))
    track = boxes.track_id.indices.take(pa.array(rows)).to_numpy(zero_copy_only=False)
    order = np.lexsort((rows, boxes.t_us[rows], track))
    track, t_us = track[order], boxes.t_us[rows][order]
    repeated = np.zeros(len(usable), dtype=bool)
    repeated[rows[order[1:][(track[1:] == track[:-1]) & (t_us[1:] == t_us[:-1])]]] = True
    return repeated


def box_rows(boxes: Boxes) -> pa.Table:
    """The boxes as rows of tracks, all of them; velocities are unknown (NaN)."""
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
