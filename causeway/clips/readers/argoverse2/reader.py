"""Argoverse 2 sensor logs: one log or a folder of them (also in `train`, `val`, `test`).

Knows the layout of the official data set (argoverse.github.io/user-guide/datasets/sensor.html; av2-api,
`datasets/sensor/README.md`): in a log `city_SE3_egovehicle.feather`, and when there `annotations.feather`,
`map/log_map_archive_*.json`, `calibration/`, `sensors/cameras/<camera>/<ns>.jpg` and `sensors/lidar/<ns>.feather`.
Logs of the lidar and map change sets have no annotations: drives without tracks. There are no traffic lights and no
measured speed.

The origin of their egovehicle frame is the rear axle itself, 0.33 m above the road (the data set's authors in
argoverse-api issue 286; av2-api's map test has 0.30 m +- 0.07 m; in log adcf7d18 the 2,243 points of lane borders
within 8 m lie 0.33 m below it). The rig frame's origin is that axle on the ground, so poses move down by as much.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from causeway.clips.cleaning import clean_ego
from causeway.clips.geometry import rotate
from causeway.clips.readers.argoverse2.cameras import Pictures, read_cameras
from causeway.clips.readers.argoverse2.feather_files import read_feather
from causeway.clips.readers.argoverse2.map import read_map
from causeway.clips.readers.argoverse2.scans import read_scans
from causeway.clips.readers.argoverse2.tracks import read_tracks
from causeway.clips.readers.columns import reals, whole_numbers
from causeway.clips.readers.inside import inside_all
from causeway.clips.readers.recorded import Quarantined
from causeway.clips.types import Drive, RawEgo, Recording, Rig, Vehicle
from causeway.errors import UnusableInput

AXLE_HEIGHT_M = 0.33
_SOURCE, _LICENCE = "argoverse2", "CC BY-NC-SA 4.0"
_POSES, _ANNOTATIONS = "city_SE3_egovehicle.feather", "annotations.feather"
_POSE_COLUMNS = ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz")
# Ford Fusion Hybrid (2nd generation), without its mirrors
_VEHICLE = Vehicle("argoverse2-fusion", length_m=4.87, width_m=1.85, wheelbase_m=2.85, rear_axle_to_centre_m=1.34)
_CITIES = {
    "ATX": "austin",
    "DTW": "detroit",
    "MIA": "miami",
    "PAO": "palo-alto",
    "PIT": "pittsburgh",
    "WDC": "washington-dc",
}


def fits(root: Path) -> bool:
    """True when the folder is a log or has logs in it or in its folders."""
    return root.is_dir() and bool(_logs(root))


def paths(root: Path) -> list[Path]:
    """What the input consists of: the whole folder; UnusableInput when a link in it leads out of it."""
    return inside_all(root, [root])


def recordings(root: Path) -> list[Recording]:
    """One recording a log, named by it; a log that is there in two splits is named by those too."""
    logs = _logs(root)
    names = [_name(log) for log in logs]
    found = []
    for log, name in zip(logs, names, strict=True):
        alone = names.count(name) == 1
        drive_id = f"av2-{name}" if alone else f"av2-{_name(log.parent)}-{name}"
        found.append(Recording(drive_id, partial(_open, log, drive_id)))
    return found


def _logs(root: Path) -> list[Path]:
    """Folders that have poses or annotations: a log that lacks its poses must be missed, not overlooked."""
    for depth in ("", "*/", "*/*/"):
        found = {path.parent for name in (_POSES, _ANNOTATIONS) for path in root.glob(f"{depth}{name}")}
        found = {folder for folder in found if not folder.name.startswith(".")}
        if found:
            return sorted(found)
    return []


def _name(log: Path) -> str:
    return log.resolve().name


def _open(log: Path, drive_id: str) -> Drive:
    axle, poses_left_out = _poses(log / _POSES)
    boxes = log / _ANNOTATIONS
    tracks, boxes_left_out = read_tracks(boxes, axle) if boxes.exists() else (None, ())
    map_file = _map_file(log)
    found = read_map(map_file) if map_file else None
    pictures = read_cameras(log, AXLE_HEIGHT_M)
    city, ego = _city(map_file), _on_the_ground(axle)
    points, scans_left_out = read_scans(log, ego, AXLE_HEIGHT_M)
    problems = (found.quarantined if found else ()) + pictures.quarantined + scans_left_out
    return Drive(
        drive_id=drive_id,
        source=_SOURCE,
        licence=_LICENCE,
        rig=Rig(_VEHICLE, pictures.cameras),
        ego=ego,
        frames=partial(Pictures.frames, pictures),
        place=city,
        world=f"argoverse2-{city}" if city else "",
        source_split=log.parent.name if log.parent.name in ("train", "val", "test") else "",
        tracks=tracks,
        lanes=found.lanes if found else None,
        road_elements=found.road_elements if found else None,
        points=points,
        quarantined=poses_left_out + boxes_left_out + problems,
    )


def _poses(path: Path) -> tuple[RawEgo, Quarantined]:
    """Usable poses of the rear axle in the city frame, one a microsecond, and what was left out.

    The file repeats poses a few nanoseconds apart (one for each sensor that fired); in microseconds they are one.
    """
    table = read_feather(path, ("timestamp_ns", *_POSE_COLUMNS))
    t_ns = whole_numbers(table, "timestamp_ns", path, null=-1)
    pose = reals(table, _POSE_COLUMNS, path)
    t_us = t_ns // 1000
    later = (np.append(-1, t_us[:-1]) != t_us) | (np.append(t_ns[:1] + 1, t_ns[:-1]) >= t_ns)
    first = np.flatnonzero(later)
    axle, bad = clean_ego(RawEgo(t_us[first], pose[first, :3], pose[first, 3:], row=first), str(path))
    repeated = len(t_us) - len(first)
    detail = f"{repeated} of {len(t_us)} poses are less than a microsecond after the one before, which is kept"
    return axle, bad + (((str(path), "same_microsecond", detail),) if repeated else ())


def _on_the_ground(axle: RawEgo) -> RawEgo:
    down = rotate(axle.wxyz, np.broadcast_to([0.0, 0.0, -AXLE_HEIGHT_M], axle.xyz_m.shape))
    return replace(axle, xyz_m=axle.xyz_m + down)


def _map_file(log: Path) -> Path | None:
    found = sorted((log / "map").glob("log_map_archive_*.json"))
    if len(found) > 1:
        raise UnusableInput(f"{log / 'map'}: {len(found)} maps, {found[0].name} and others; leave the log's own")
    return found[0] if found else None


def _city(map_file: Path | None) -> str:
    """The city from `log_map_archive_<log>____<CITY>_city_<n>.json`, "" when the name does not say."""
    _, found, rest = map_file.name.partition("____") if map_file else ("", "", "")
    code = rest.partition("_")[0]
    return _CITIES.get(code, code.lower()) if found else ""
