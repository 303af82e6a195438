"""Facts of a clip's pictures: one row a picture, and one row a camera with the shares of what is wrong with them.

Knows what repeats, what is missing against the camera's own rhythm, and that pictures may stand still only while the
car does. Pictures are looked at one at a time. Does not know bounds of the suites.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import TICK_US
from causeway.quality.facts.pictures import BLACK, BLURRED, Look, difference, look_at

_SAME = 0.35  # mean grey difference of two pictures taken at different places; sensor noise alone gives more
_DRIVING_MPS = 1.0
_SHOWN_GAPS = 3

PICTURE_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "time", "sizes")],
        ("item", pa.int64()),
        *[(name, pa.bool_()) for name in ("first_of_its_time", "in_clip", "decodable", "size_agrees")],
        *[(name, pa.float64()) for name in ("brightest", "spread", "sharpness")],
    ]
)
CAMERA_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "gaps")],
        ("item", pa.int64()),
        *[(name, pa.bool_()) for name in ("rig_present", "one_size")],
        *[
            (name, pa.float64())
            for name in ("pictures", "black_share", "blurred_share", "frozen_share", "frozen", "missing_share")
        ],
        ("longest_gap_s", pa.float64()),
    ]
)


@dataclass(eq=False)
class PicturesOfClip:
    """What the pictures of a clip are: rows of both tables, sizes by camera, and tiny copies to know them again."""

    pictures: list[dict[str, Any]] = field(default_factory=list)
    cameras: list[dict[str, Any]] = field(default_factory=list)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    tiny: list[NDArray[np.float32]] = field(default_factory=list)


def camera_facts(
    clip: Mapping[str, Any], frames: pa.Table, rig_cameras: set[str], t_us: NDArray, speed_mps: NDArray
) -> PicturesOfClip:
    """Facts of a clip's frames (in their order); `t_us`, `speed_mps` [n] are the ego's ticks."""
    found = PicturesOfClip()
    cameras = frames.column("camera").to_pylist()
    names = sorted({*cameras, *(name for name in clip["cameras"] or () if name)})
    of_camera = np.asarray(cameras, dtype=object)
    for item, name in enumerate(names):
        rows = np.flatnonzero(of_camera == name)
        fact = {"subject": f"{clip['clip_id']} {name}", "clip_id": clip["clip_id"], "item": item}
        fact |= {"rig_present": name in rig_cameras, "pictures": float(len(rows))}
        if len(rows):
            fact |= _of_camera(clip, name, frames, rows, found, t_us, speed_mps)
        found.cameras.append(fact)
    found.pictures.sort(key=lambda row: row["item"])
    return found


def _of_camera(
    clip: Mapping, name: str, frames: pa.Table, rows: NDArray, found: PicturesOfClip, t_us: NDArray, speed: NDArray
) -> dict[str, Any]:
    """Facts of one camera with pictures; adds a row for each picture to `found`."""
    column = {n: frames.column(n) for n in ("t_us", "image", "width", "height")}
    times = column["t_us"].to_numpy()[rows]
    told = [(column["width"][int(r)].as_py(), column["height"][int(r)].as_py()) for r in rows]
    driving = _driving(times, t_us, speed)
    looks: list[Look | None] = []
    frozen = pairs = 0
    last: Look | None = None
    for i, row in enumerate(rows):
        look = look_at(column["image"][int(row)].as_py())
        if _shows(look) and _shows(last) and driving[i] and driving[i - 1]:
            pairs += 1
            frozen += int(difference(look.small, last.small) < _SAME)  # type: ignore[union-attr]
        found.pictures.append(_picture(clip, name, int(row), times, i, told[i], look))
        looks.append(_without_small(look))
        last = look
    found.sizes[name] = told[0]
    found.tiny += [looks[i].tiny for i in {0, len(looks) // 2, len(looks) - 1} if looks[i] is not None]  # type: ignore[union-attr]
    seen = [look for look in looks if look is not None]
    return {
        "one_size": len(set(told)) == 1,
        "black_share": sum(look.brightest < BLACK for look in seen) / len(rows),
        "blurred_share": sum(look.sharpness is not None and look.sharpness < BLURRED for look in seen) / len(rows),
        "frozen_share": frozen / pairs if pairs else None,
        "frozen": float(frozen),
        **gap_facts(times, clip["start_us"], clip["end_us"]),
    }


def _shows(look: Look | None) -> bool:
    """Something can be seen: two black pictures in a row are black, not frozen."""
    return look is not None and look.sharpness is not None


def _without_small(look: Look | None) -> Look | None:
    return None if look is None else look.forgetting()


def _driving(times: NDArray, t_us: NDArray, speed_mps: NDArray) -> np.ndarray:
    if len(t_us) == 0:
        return np.zeros(len(times), dtype=bool)
    return np.abs(np.interp(times, t_us, speed_mps)) > _DRIVING_MPS


def _picture(
    clip: Mapping, camera: str, row: int, times: NDArray, i: int, told: tuple[int, int], look: Look | None
) -> dict[str, Any]:
    t_us = int(times[i])
    size = None if look is None else (look.width, look.height)
    return {
        "subject": f"{clip['clip_id']} {camera} {t_us}",
        "clip_id": clip["clip_id"],
        "item": row,
        "time": f"{(t_us - clip['start_us']) / 1e6:.2f} s after the clip's start",
        "sizes": f"told {told[0]} × {told[1]}, is {size[0]} × {size[1]}" if size else "",
        "first_of_its_time": i == 0 or t_us != int(times[i - 1]),
        "in_clip": clip["start_us"] <= t_us < clip["end_us"] + TICK_US,
        "decodable": look is not None,
        "size_agrees": None if size is None else size == told,
        "brightest": None if look is None else look.brightest,
        "spread": None if look is None else look.spread,
        "sharpness": None if look is None else look.sharpness,
    }


def gap_facts(times_us: NDArray, start_us: int, end_us: int) -> dict[str, Any]:
    """missing_share, longest_gap_s and where the gaps are, against the camera's own median period.

    What is missing before the first and after the last picture counts as well. With fewer than three pictures there
    is no rhythm to miss them by: missing_share is None.
    """
    steps = np.diff(np.sort(times_us))
    steps = steps[steps > 0]
    if len(steps) < 2:
        gaps = np.diff(np.sort([start_us, *times_us, end_us]))
        return {"missing_share": None, "longest_gap_s": float(gaps.max() * 1e-6), "gaps": f"{len(times_us)} pictures"}
    period = float(np.median(steps))
    at = np.concatenate([[start_us - period], np.unique(times_us), [max(end_us, int(times_us.max())) + period]])
    gaps = np.diff(at)
    # half a period of grace: a camera that is not in step with the ticks misses nothing
    missing = np.maximum(np.floor(gaps / period + 0.25) - 1, 0)
    missing[[0, -1]] = np.maximum(missing[[0, -1]] - 1, 0)
    worst = [i for i in np.argsort(-gaps)[:_SHOWN_GAPS] if missing[i] > 0]
    said = [f"{gaps[i] / 1e6:.2f} s at {(max(at[i], start_us) - start_us) / 1e6:.1f} s" for i in sorted(worst)]
    inner = gaps - np.where(np.isin(np.arange(len(gaps)), [0, len(gaps) - 1]), period, 0)
    return {
        "missing_share": float(missing.sum() / (missing.sum() + len(times_us))),
        "longest_gap_s": float(inner.max() * 1e-6),
        "gaps": ", ".join(said),
    }
