"""What a sample is cut from a clips artifact: pictures before t0, ego windows around it, camera calibration.

Knows clips tables, the nearest-earlier-picture rule and which camera stands in for a missing one. Does not
know labels, shards or models. Nothing it returns but the future trajectory comes from after t0.
"""

from collections import OrderedDict
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.clips import EgoMotion, to_frame
from causeway.errors import UnusableInput
from causeway.model.observation import HISTORY_POSES, HORIZON_STEPS

_FORWARD_STEP_RAD = np.radians(10)  # cameras that look ahead within the same ten degrees are told apart by width
_TICK_TOLERANCE_US = 1_000


class Pictures:
    """The pictures of a clips artifact, found by drive, camera and time; holds two row groups of bytes at most."""

    def __init__(self, clips: Artifact, drive_of: dict[str, str]) -> None:
        self._file = pq.ParquetFile(clips.path("frames.parquet"))
        self._bytes: OrderedDict[int, Any] = OrderedDict()
        found: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        for group in range(self._file.num_row_groups):
            rows = self._file.read_row_group(group, columns=["clip_id", "camera", "t_us"]).to_pydict()
            for row, (clip_id, camera, t_us) in enumerate(zip(*rows.values(), strict=True)):
                found.setdefault((drive_of[clip_id], camera), []).append((t_us, group, row))
        self._places = {key: np.array(sorted(places), dtype=np.int64) for key, places in found.items()}

    def latest(self, drive_id: str, camera: str, until_us: int, max_age_us: int) -> tuple[int, int, int] | None:
        """(time, row group, row) of the last picture at or before `until_us`; None when it is older than allowed."""
        places = self._places.get((drive_id, camera))
        index = -1 if places is None else int(np.searchsorted(places[:, 0], until_us, "right")) - 1
        if places is None or index < 0 or until_us - places[index, 0] > max_age_us:
            return None
        t_us, group, row = places[index].tolist()
        return t_us, group, row

    def decoded(self, group: int, row: int, height: int, width: int) -> NDArray[np.uint8]:
        """The picture as RGB [height, width, 3], resized with an area-true filter. UnusableInput when broken."""
        from PIL import Image

        if group not in self._bytes:
            self._bytes[group] = self._file.read_row_group(group, columns=["image"]).column("image")
            if len(self._bytes) > 2:
                self._bytes.popitem(last=False)
        try:
            with Image.open(BytesIO(self._bytes[group][row].as_py())) as picture:
                picture.draft("RGB", (width, height))
                resized = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
                return np.asarray(resized, dtype=np.uint8)
        except (OSError, ValueError) as error:
            raise UnusableInput(f"picture {row} of row group {group} of frames.parquet: {error}") from error


def chosen_cameras(rigs: Sequence[dict], wanted: Sequence[str]) -> dict[str, dict]:
    """Which camera of a rig (rows of `rigs.parquet` of one clip) plays which of the wanted names.

    A camera of the wanted name plays it. When the first wanted one is missing, the camera plays it whose
    forward axis is closest to the rig's x axis (in steps of ten degrees), the widest first, then by name;
    cameras that have a wanted name themselves do not. Other wanted names stay absent.
    """
    named = {row["camera"]: row for row in rigs if row["camera"] and len(row["rig_from_camera"]) == 16}
    cameras = {name: named[name] for name in wanted if name in named}
    spare = [row for name, row in named.items() if name not in wanted]
    if wanted[0] not in cameras and spare:
        cameras[wanted[0]] = min(spare, key=_off_forward)
    return {name: cameras[name] for name in wanted if name in cameras}


def _off_forward(row: dict) -> tuple[int, float, str]:
    axis = np.reshape(row["rig_from_camera"], (4, 4))[:3, 2]
    angle = np.arccos(np.clip(axis[0] / max(float(np.linalg.norm(axis)), 1e-9), -1.0, 1.0))
    return int(angle // _FORWARD_STEP_RAD), row["fx"] / max(row["cx"], 1e-9), row["camera"]


def rig_numbers(row: dict, width: int, height: int) -> NDArray[np.float32]:
    """The sixteen numbers of an `Observation.rig`; width and height are those of the stored picture."""
    intrinsics = [row["fx"] / width, row["fy"] / height, row["cx"] / width, row["cy"] / height]
    return np.array([*intrinsics, *row["rig_from_camera"][:12]], dtype=np.float32)


def ego_windows(ego: EgoMotion, t0_us: int) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """(history [16, 3] up to t0, measured speed at t0, future [64, 3] from t0 + 0.1 s) in the rig frame at t0.

    The drive's clips are chained, so that windows cross their borders. UnusableInput when t0 is no tick, a
    window has a gap or holds NaN.
    """
    tick = int(np.searchsorted(ego.t_us, t0_us))
    if tick >= len(ego) or ego.t_us[tick] != t0_us:
        raise UnusableInput(f"t0 {t0_us} us is no tick of its drive")
    first, stop = tick - HISTORY_POSES + 1, tick + HORIZON_STEPS + 1
    wanted_us = t0_us + np.arange(1 - HISTORY_POSES, HORIZON_STEPS + 1) * 100_000
    if first < 0 or stop > len(ego) or np.abs(ego.t_us[first:stop] - wanted_us).max() > _TICK_TOLERANCE_US:
        raise UnusableInput(f"no whole window of {HISTORY_POSES} + {HORIZON_STEPS} ticks around t0 {t0_us} us")
    poses = np.stack([ego.x_m[first:stop], ego.y_m[first:stop], ego.yaw_rad[first:stop]], axis=-1)
    speed_mps = float(ego.speed_mps[tick])
    if not np.isfinite(poses).all() or not np.isfinite(speed_mps):
        raise UnusableInput(f"ego motion around t0 {t0_us} us holds NaN or infinity")
    rig = to_frame(poses, poses[HISTORY_POSES - 1])
    rig[:, 2] -= rig[HISTORY_POSES - 1, 2]
    rig[HISTORY_POSES - 1 :, 2] = np.unwrap(rig[HISTORY_POSES - 1 :, 2])
    single = rig.astype(np.float32)
    return single[:HISTORY_POSES], speed_mps, single[HISTORY_POSES:]
