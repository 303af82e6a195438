"""Facts of calibration: could these numbers be those of a camera on a vehicle?

Knows rows of `rigs.parquet` and the size of the pictures they are for. Does not know bounds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from causeway.clips.geometry import Array

RIG_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "model")],
        ("item", pa.int64()),
        *[
            (name, pa.float64())
            for name in (
                *("focal_share", "pixel_aspect", "centre_offset", "rotation_error", "upright", "mount_height_m"),
                *("mount_reach_m", "length_m", "width_m", "wheelbase_share"),
            )
        ],
        ("distortion_finite", pa.bool_()),
        ("differs", pa.bool_()),
    ]
)
_WORST = 1e9  # what is not finite fails every bound
_SPREAD = 1e-6


def rig_facts(rigs: pa.Table, sizes: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """One row for each row of a clip's rig; `sizes` {camera: (width, height)} of its pictures in pixels."""
    rows = rigs.to_pylist()
    cameras = [row for row in rows if row["camera"]]
    same = len(cameras) > 1 and all(_like(row, cameras[0]) for row in cameras)
    facts = []
    for item, row in enumerate(rows):
        fact = {"subject": f"{row['clip_id']} {row['camera']}".rstrip(), "clip_id": row["clip_id"], "item": item}
        lens_finite = all(k is not None and np.isfinite(k) for k in row["distortion"] or ())
        fact |= {"model": row["model"], "distortion_finite": lens_finite, "differs": not same} | _body(row)
        facts.append(fact | (_camera(row, sizes.get(row["camera"])) if row["camera"] else {}))
    return facts


def _like(row: Mapping, other: Mapping) -> bool:
    """Same lens at the same place and direction: no two cameras are."""
    one, two = _numbers(row), _numbers(other)
    return one.shape == two.shape and bool(np.allclose(one, two, atol=_SPREAD, equal_nan=True))


def _numbers(row: Mapping) -> Array:
    lens = [np.nan if row[k] is None else row[k] for k in ("fx", "fy", "cx", "cy")]
    return np.array([*lens, *(row["rig_from_camera"] or ())], dtype=np.float64)


def _body(row: Mapping) -> dict[str, float | None]:
    length, wheelbase = row["length_m"], row["wheelbase_m"]
    share = wheelbase / length if length and wheelbase else None
    return {"length_m": length, "width_m": row["width_m"], "wheelbase_share": share}


def _camera(row: Mapping, size: tuple[int, int] | None) -> dict[str, float | None]:
    focal: dict[str, float | None] = {"focal_share": None, "pixel_aspect": None, "centre_offset": None}
    numbers = [row[k] for k in ("fx", "fy", "cx", "cy")]
    if size is not None and min(size) > 0:
        focal = _lens(numbers, *size)
    pose = np.asarray(row["rig_from_camera"] or [], dtype=np.float64)
    return focal | _mount(pose.reshape(4, 4) if pose.size == 16 else np.full((4, 4), np.nan))


def _lens(numbers: list[float | None], width: int, height: int) -> dict[str, float | None]:
    """Focal length over width, fx over fy, and how far the principal point lies from the middle (share of size)."""
    if any(n is None or not np.isfinite(n) for n in numbers) or not numbers[1]:
        return {"focal_share": _WORST, "pixel_aspect": _WORST, "centre_offset": _WORST}
    fx, fy, cx, cy = (float(n) for n in numbers if n is not None)
    offset = max(abs(cx / width - 0.5), abs(cy / height - 0.5))
    return {"focal_share": fx / width, "pixel_aspect": fx / fy, "centre_offset": offset}


def _mount(pose: Array) -> dict[str, float | None]:
    """How far the pose is from a rotation, which way is down in the picture (1 = down), and where the camera sits."""
    if not np.isfinite(pose).all():
        return {"rotation_error": _WORST, "upright": -1.0, "mount_height_m": _WORST, "mount_reach_m": _WORST}
    turned = pose[:3, :3]
    error = float(np.abs(turned @ turned.T - np.eye(3)).max())
    return {
        "rotation_error": error if np.linalg.det(turned) > 0 else _WORST,
        "upright": float(-turned[2, 1]),
        "mount_height_m": float(pose[2, 3]),
        "mount_reach_m": float(np.hypot(pose[0, 3], pose[1, 3])),
    }
