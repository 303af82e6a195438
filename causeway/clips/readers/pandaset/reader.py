"""PandaSet sequences: `<sequence>/{lidar,camera,meta,annotations}`, one folder or many, perhaps below `raw`.

Knows the official layout (scaleapi/pandaset-devkit) and a compact one beside it: `derived/agents.parquet` for the
tracks, `derived/<camera>.mp4` for cameras without pictures, `derived/ego.csv` where the sequence itself is missing.
Cuboids are pickles, which can run code when opened; they never are. There is no map and no light.

`lidar/poses.json` is not where the lidar is: cameras that are fixed beside it on the roof lie 0.85 m ahead of these
poses and 1.81 m above them (sequence 002, the same within 3 mm over 8 s), and the ground lies 0.39 m +- 0.03 m below
them (a plane through the boxes' lower sides). Users of the set take the origin for the middle of the rear axle
(pandaset-devkit issue 71), which fits: the tyres of a Pacifica, 235/65 R17, have a radius of 0.37 m. x points right,
y forward, z up, so the rig's heading is 90 degrees further left.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.cleaning import clean_ego
from causeway.clips.geometry import Array, multiply, rotate
from causeway.clips.readers.columns import read_json
from causeway.clips.readers.inside import inside_all
from causeway.clips.readers.pandaset.cameras import CAMERAS, Pictures, read_cameras
from causeway.clips.readers.pandaset.files import derived_ego, posed
from causeway.clips.readers.pandaset.tracks import no_tracks, read_tracks
from causeway.clips.readers.recorded import Quarantined
from causeway.clips.types import Drive, RawEgo, Recording, Rig, Vehicle

AXLE_HEIGHT_M = 0.37
_SOURCE, _LICENCE = "pandaset", "CC BY 4.0"
# Chrysler Pacifica, without its mirrors
_VEHICLE = Vehicle("pandaset-pacifica", length_m=5.18, width_m=2.02, wheelbase_m=3.09, rear_axle_to_centre_m=1.46)
_FORWARD = np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)])  # the rig (x forward) in the frame of the poses
_SAN_FRANCISCO_DEG = 37.65  # the other place of the set, El Camino Real, lies south of it


def fits(root: Path) -> bool:
    """True when the folder is a sequence, holds some, or is the compact form of one."""
    return root.is_dir() and (bool(_sequences(root)) or _is_compact(root))


def paths(root: Path) -> list[Path]:
    """What the input consists of: the folder, and the compact form beside `raw` when it lies outside the folder.

    UnusableInput when a link in one of them leads out of it.
    """
    beside = {_derived(root, sequence) for sequence in _sequences(root)}
    outside = sorted(path for path in beside if path and not path.resolve().is_relative_to(root.resolve()))
    return [checked for folder in (root, *outside) for checked in inside_all(folder, [folder])]


def recordings(root: Path) -> list[Recording]:
    """One recording a sequence."""
    found = []
    for sequence in _sequences(root):
        drive_id = f"pandaset-{sequence.resolve().name}"
        found.append(Recording(drive_id, partial(_open, sequence, _derived(root, sequence), drive_id)))
    if not found and _is_compact(root):
        drive_id = f"pandaset-{root.resolve().name.removeprefix('pandaset').strip('_-') or 'drive'}"
        found.append(Recording(drive_id, partial(_open_compact, root / "derived", drive_id)))
    return found


def _sequences(root: Path) -> list[Path]:
    """Sequence folders at most two levels down; one that lacks its poses is missed, not overlooked."""
    for depth in ("", "*/", "*/*/"):
        marks = [*root.glob(f"{depth}lidar/poses.json"), *root.glob(f"{depth}camera/*_camera/poses.json")]
        found = {path.parents[1 if path.parent.name == "lidar" else 2] for path in marks}
        found = {folder for folder in found if not folder.name.startswith(".")}
        if found:
            return sorted(found)
    return []


def _is_compact(root: Path) -> bool:
    derived = root / "derived"
    return (derived / "ego.csv").is_file() and any((derived / f"{camera}.mp4").is_file() for camera in CAMERAS)


def _derived(root: Path, sequence: Path) -> Path | None:
    """The folder of the compact form: in the sequence, or beside `raw` when that holds this sequence alone."""
    own = sequence / "derived"
    if own.is_dir():
        return own
    raw = sequence.resolve().parent
    shared = raw.parent / "derived"
    alone = raw.name == "raw" and len(_sequences(raw)) == 1
    return shared if alone and shared.is_dir() else None


def _open(sequence: Path, derived: Path | None, drive_id: str) -> Drive:
    path = sequence / "lidar" / "poses.json"
    raw = posed(sequence / "lidar" / "timestamps.json", path)
    speed, speed_left_out, place = _gnss(sequence / "meta" / "gps.json", len(raw.t_us))
    axle, poses_left_out = clean_ego(replace(raw, speed_mps=speed), str(path))
    ego = _rig(axle)
    tracks, boxes_left_out = _tracks(derived, sequence, raw.t_us, axle)
    pictures = read_cameras(sequence, derived, ego)
    left_out = poses_left_out + speed_left_out + boxes_left_out + pictures.quarantined
    return _drive(drive_id, ego, pictures, tracks, place, left_out)


def _open_compact(derived: Path, drive_id: str) -> Drive:
    """Ego and tracks out of the compact form alone; it has no calibration, so its videos cannot be used."""
    raw = derived_ego(derived / "ego.csv")
    axle, poses_left_out = clean_ego(raw, str(derived / "ego.csv"))
    tracks, boxes_left_out = _tracks(derived, derived, raw.t_us, axle)
    why = "intrinsics.json and poses.json of the camera are missing; copy them from the data set"
    videos = tuple((str(path), "no_calibration", why) for path in sorted(derived.glob("*_camera.mp4")))
    left_out = poses_left_out + boxes_left_out + videos
    return _drive(drive_id, _rig(axle), Pictures((), {}, ()), tracks, "", left_out)


def _tracks(
    derived: Path | None, sequence: Path, sweep_us: NDArray[np.int64], axle: RawEgo
) -> tuple[pa.Table | None, Quarantined]:
    agents = derived / "agents.parquet" if derived else None
    if agents is None or not agents.exists():
        return no_tracks(sequence)
    has_pose = np.isin(sweep_us, axle.t_us)
    return read_tracks(agents, sweep_us, has_pose)


def _drive(
    drive_id: str, ego: RawEgo, pictures: Pictures, tracks: pa.Table | None, place: str, left_out: Quarantined
) -> Drive:
    return Drive(
        drive_id=drive_id,
        source=_SOURCE,
        licence=_LICENCE,
        rig=Rig(_VEHICLE, pictures.cameras),
        ego=ego,
        frames=partial(Pictures.frames, pictures),
        place=place,
        tracks=tracks,
        quarantined=left_out,
    )


def _rig(axle: RawEgo) -> RawEgo:
    """Poses of the rig from those of the axle: turned to x forward, lowered to the ground."""
    down = rotate(axle.wxyz, np.broadcast_to([0.0, 0.0, -AXLE_HEIGHT_M], axle.xyz_m.shape))
    return replace(axle, xyz_m=axle.xyz_m + down, wxyz=multiply(axle.wxyz, _FORWARD))


def _gnss(path: Path, rows: int) -> tuple[Array | None, Quarantined, str]:
    """The measured speed [rows], why there is none, and the place; `rows` is how many the file should have.

    `yvel` of `meta/gps.json` is the speed along the vehicle's y axis, forward (in sequence 002 it differs from the
    speed of the poses by 0.02 m/s on average).
    """
    if not path.exists():
        return None, (), ""
    document = read_json(path)
    try:
        pairs = [[float(row["yvel"]), float(row["lat"])] for row in document]
    except (KeyError, TypeError, ValueError, OverflowError):
        return None, ((str(path), "speed_unusable", "a row lacks yvel or lat"),), ""
    if len(pairs) != rows:
        return None, ((str(path), "speed_unusable", f"{len(pairs)} rows for {rows} poses"),), ""
    values = np.array(pairs, dtype=np.float64)
    return values[:, 0], (), "san-francisco" if values[0, 1] > _SAN_FRANCISCO_DEG else "el-camino-real"
