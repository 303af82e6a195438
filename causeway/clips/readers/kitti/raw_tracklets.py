"""KITTI's hand-labelled boxes, `tracklet_labels.xml`, as track rows in the world frame of the ego poses.

Knows the file (development kit, readme and `tracklets.h`): boxes in the laser scanner's frame, standing on (tx, ty,
tz), turned by rz, one a frame from `first_frame` on. Does not know the other files of a drive.
"""

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.cleaning import clean_ego, time_faults
from causeway.clips.geometry import Array, rotate
from causeway.clips.readers.recorded import Boxes, usable_boxes
from causeway.clips.readers.rig_poses import RigPoses, rig_poses
from causeway.clips.readers.safe_xml import elements
from causeway.clips.types import Quarantined, RawEgo

_TYPES = {
    **{"Car": "car", "Van": "car", "Truck": "truck", "Cyclist": "cyclist"},
    **{"Pedestrian": "pedestrian", "Person (sitting)": "pedestrian"},
}
_FARTHEST_M = 1000.0


def read_tracklets(
    path: Path, times_us: NDArray[np.int64], ego: RawEgo, rig_from_velo: Array
) -> tuple[pa.Table, Quarantined]:
    """Track rows of all tracklets, and (where, reason, detail) of those left out.

    times_us [n]: when the laser scanner turned forward, by frame number. The place of a box is known once the later
    of the two ego poses around its time is (`observed_us`).
    """
    ego, _ = clean_ego(ego, path.name)  # ingest says which of its rows are none
    problems: list[tuple[str, str, str]] = []
    names, types = [], []
    parts = [(np.zeros(0, np.int64), np.zeros((0, 7)))]
    for number, item in enumerate(e for e in elements(path, 2) if e.tag == "item"):
        try:
            kind, frames, boxes, wrong = _rows(item)
        except ValueError as error:
            problems.append((f"{path.name} tracklet {number}", "tracklet_unusable", str(error)))
            continue
        if wrong:
            problems.append((f"{path.name} tracklet {number}", "poses_unusable", wrong))
        parts.append((frames, boxes))
        names += [str(number)] * len(frames)
        types += [kind] * len(frames)
    frames, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
    timed = frames < len(times_us)
    back = time_faults(times_us)[np.where(timed, frames, 0)] != ""
    t_us = times_us[np.where(timed, frames, 0)]
    poses = rig_poses(t_us, ego)
    placed = _placed(names, types, t_us, boxes, poses, rig_from_velo)
    tracks, left_out = usable_boxes(
        path.name, placed, {"no_time_stamp": ~timed, "time_goes_back": back, "no_ego_pose": ~poses.known}
    )
    return tracks, (*problems, *left_out)


def _rows(item: Element) -> tuple[str, NDArray[np.int64], Array, str]:
    """(type, frames [n], x y z yaw length width height [n, 7] in the scanner's frame, what is wrong) of one tracklet.

    It is read up to its first wrong pose, about which the last says something ("" where all are good): what comes
    later must not take away what was seen. ValueError when nothing of it can be used.
    """
    size = [_number(item, name) for name in ("l", "w", "h")]
    if not all(0 < value < 100 for value in size):
        raise ValueError(f"its size is {size[0]:g} x {size[1]:g} x {size[2]:g} m")
    first = _number(item, "first_frame")
    if not 0 <= first < 1e7:
        raise ValueError(f"first_frame {first:g} is not a frame number")
    values, wrong = _good_poses(item.findall("poses/item"))
    values[:, 2] += size[2] / 2  # tz is the bottom of the box
    boxes = np.concatenate([values, np.tile(size, (len(values), 1))], axis=1)
    kind = _TYPES.get((item.findtext("objectType") or "").strip(), "unknown")
    return kind, int(first) + np.arange(len(values)), boxes, wrong


def _good_poses(poses: list[Element]) -> tuple[Array, str]:
    """tx, ty, tz, rz [n, 4] of the poses before the first wrong one, at least one, and what is wrong with that."""
    if not poses:
        raise ValueError("it has no poses")
    good: list[list[float]] = []
    try:
        for pose in poses:
            good.append(_pose(pose))
    except ValueError as error:
        if not good:
            raise ValueError(f"pose 0: {error}") from error
        after = len(poses) - len(good) - 1
        return np.array(good), f"pose {len(good)}: {error}; it and {after} poses after it are left out"
    return np.array(good), ""


def _pose(pose: Element) -> list[float]:
    values = [_number(pose, name) for name in ("tx", "ty", "tz", "rz")]
    if not all(abs(value) < _FARTHEST_M for value in values):
        raise ValueError(f"not a number, or farther than {_FARTHEST_M:g} m away")
    return values


def _number(element: Element, name: str) -> float:
    try:
        return float(element.findtext(name) or "")
    except ValueError as error:
        raise ValueError(f"{name} is missing or not a number") from error


def _placed(
    names: list[str], types: list[str], t_us: NDArray[np.int64], boxes: Array, poses: RigPoses, rig_from_velo: Array
) -> Boxes:
    """Boxes [n, 7] in the scanner's frame as boxes in the world."""
    turn = rig_from_velo[:3, :3]
    ahead = np.stack([np.cos(boxes[:, 3]), np.sin(boxes[:, 3]), np.zeros(len(boxes))], axis=-1)
    heading = rotate(poses.wxyz, ahead @ turn.T)
    return Boxes(
        t_us=t_us,
        track_id=pa.array(names, pa.string()).dictionary_encode(),
        type=pa.array(types, pa.string()).dictionary_encode(),
        xyz_m=poses.xyz_m + rotate(poses.wxyz, boxes[:, :3] @ turn.T + rig_from_velo[:3, 3]),
        yaw_rad=np.arctan2(heading[:, 1], heading[:, 0]),
        size_m=boxes[:, 4:],
        observed_us=poses.known_us,
    )
