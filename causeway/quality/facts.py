"""Numbers and flags about clips, labels and samples that an expectation can be held against.

Knows what is worth measuring and how. Does not know bounds: suites do. One row a clip, label or sample.
"""

from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact, progress
from causeway.clips.access import clips_of, ego_motion, rows_of_clip
from causeway.clips.geometry import wrap_angle
from causeway.clips.types import EgoMotion
from causeway.quality.picture_facts import picture_shares

_MOVING_MPS = 2.0  # a course over ground has a direction from here on
_FOCAL_SHARE = (0.15, 6.0)  # focal length over picture width: 147 degrees wide down to 9.5
_CAMERA_HEIGHT_M = (0.2, 4.5)


def clip_facts(clips: Artifact) -> pa.Table:
    """One row a clip, in order of clip_id; null where a fact does not apply (a standing clip has no course)."""
    ids = sorted(clips_of(clips))
    seen: dict[str, str] = {}
    rows = []
    for clip_id in progress(ids, len(ids), "clips measured"):
        ego = ego_motion(rows_of_clip(clips, "ego", clip_id).sort_by("t_us"))
        frames = rows_of_clip(clips, "frames", clip_id)
        row = {"clip_id": clip_id, **motion_facts(ego), **_rig_facts(clips, clip_id, frames)}
        rows.append(row | picture_shares(frames, ego) | {"is_duplicate": _duplicate(ego, clip_id, seen)})
    return pa.Table.from_pylist(rows, schema=_CLIP_FACTS)


_CLIP_FACTS = pa.schema(
    [
        ("clip_id", pa.string()),
        ("time_increases", pa.bool_()),
        ("largest_step_s", pa.float64()),
        ("pose_gap_s", pa.float64()),
        ("fastest_mps", pa.float64()),
        ("slowest_mps", pa.float64()),
        ("accel_p99_mps2", pa.float64()),
        ("accel_max_mps2", pa.float64()),
        ("speed_vs_path", pa.float64()),
        ("yaw_vs_course_rad", pa.float64()),
        ("rig_present", pa.bool_()),
        ("rig_plausible", pa.bool_()),
        ("black_share", pa.float64()),
        ("frozen_share", pa.float64()),
        ("is_duplicate", pa.string()),
    ]
)


def motion_facts(ego: EgoMotion) -> dict:
    """Facts of ego motion in one frame: steps in seconds, speeds, accelerations, and agreement with the poses.

    speed_vs_path: |integral of speed - length of path| over the path's length (at least 5 m, so that standing with a
    little noise is no contradiction). yaw_vs_course_rad: median angle between heading and direction of travel.
    """
    if len(ego) < 2 or not np.isfinite(ego.speed_mps).all() or not np.isfinite(ego.x_m + ego.y_m).all():
        return {"time_increases": False}
    steps_s = np.diff(ego.t_us) * 1e-6
    dx, dy = np.diff(ego.x_m), np.diff(ego.y_m)
    lengths = np.hypot(dx, dy)
    driven = np.abs(ego.speed_mps[1:] * steps_s).sum()
    return {
        "time_increases": bool((steps_s > 0).all()),
        "largest_step_s": float(steps_s.max()),
        "pose_gap_s": float((ego.observed_us - ego.t_us).max() * 1e-6),
        "fastest_mps": float(ego.speed_mps.max()) if ego.speed_mps.max() > 0 else 0.0,
        "slowest_mps": float(ego.speed_mps.min()),
        "accel_p99_mps2": float(np.percentile(np.abs(ego.accel_mps2), 99)),
        "accel_max_mps2": float(np.abs(ego.accel_mps2).max()),
        "speed_vs_path": float(abs(driven - lengths.sum()) / max(lengths.sum(), 5.0)),
        "yaw_vs_course_rad": _yaw_vs_course(ego, dx, dy, lengths / steps_s.clip(1e-3)),
    }


def _yaw_vs_course(ego: EgoMotion, dx: np.ndarray, dy: np.ndarray, speed_mps: np.ndarray) -> float | None:
    moving = speed_mps > _MOVING_MPS
    if moving.sum() < 5:
        return None
    halfway = ego.yaw_rad[:-1] + wrap_angle(np.diff(ego.yaw_rad)) / 2
    backwards = np.where(ego.speed_mps[1:] < 0, np.pi, 0.0)
    angle = wrap_angle(np.arctan2(dy, dx) - halfway - backwards)
    return float(np.median(np.abs(angle[moving])))


def _rig_facts(clips: Artifact, clip_id: str, frames: pa.Table) -> dict:
    rigs = {row["camera"]: row for row in rows_of_clip(clips, "rigs", clip_id).to_pylist()}
    sizes: dict[str, tuple[int, int]] = {}
    columns = (frames.column(name).to_pylist() for name in ("camera", "width", "height"))
    for camera, width, height in zip(*columns, strict=True):
        sizes.setdefault(camera, (width, height))
    present = bool(rigs) and set(sizes) <= set(rigs)
    return {
        "rig_present": present,
        "rig_plausible": present and all(rig_plausible(rigs[name], *size) for name, size in sizes.items()),
    }


def rig_plausible(rig: dict, width: int, height: int) -> bool:
    """True when focal length, principal point, mounting height and rotation could be those of a car's camera."""
    pose = np.asarray(rig["rig_from_camera"] or np.full(16, np.nan), dtype=np.float64).reshape(4, 4)
    numbers = np.array([rig[k] for k in ("fx", "fy", "cx", "cy")], dtype=np.float64)
    if not (np.isfinite(pose).all() and np.isfinite(numbers).all()):
        return False
    turned = pose[:3, :3]
    return bool(
        all(_FOCAL_SHARE[0] <= f / width <= _FOCAL_SHARE[1] for f in numbers[:2])
        and 0 <= numbers[2] <= width
        and 0 <= numbers[3] <= height
        and _CAMERA_HEIGHT_M[0] <= pose[2, 3] <= _CAMERA_HEIGHT_M[1]
        and np.allclose(turned @ turned.T, np.eye(3), atol=1e-2)
        and np.linalg.det(turned) > 0
    )


def _duplicate(ego: EgoMotion, clip_id: str, seen: dict[str, str]) -> str:
    """The clip whose motion this one repeats to the centimetre, `no` when there is none or the clip stands."""
    if len(ego) < 2 or np.hypot(ego.x_m - ego.x_m[0], ego.y_m - ego.y_m[0]).max() < 1.0:
        return "no"
    motion = np.round(np.stack([ego.x_m, ego.y_m], axis=-1), 2) + 0.0  # + 0.0: no negative zeros
    return _first(seen, sha256(motion.tobytes()).hexdigest(), clip_id)


def _first(seen: dict[str, str], key: str, clip_id: str) -> str:
    return "no" if seen.setdefault(key, clip_id) == clip_id else seen[key]


def label_facts(labels: pa.Table) -> pa.Table:
    """The labels with two flags: every component was observed by t0; an accepted label names a cause."""
    rows = labels.select(["t0_us", "components", "status"]).to_pylist()
    before = [all(_seen_by(c, row["t0_us"]) for c in row["components"] or []) for row in rows]
    cause = [row["status"] != "accepted" or bool(row["components"]) for row in rows]
    plain = labels.drop_columns(["components", "reasons"])
    plain = plain.append_column("observed_before_t0", pa.array(before, pa.bool_()))
    return plain.append_column("accepted_has_cause", pa.array(cause, pa.bool_()))


def _seen_by(component: dict, t0_us: int) -> bool:
    latest = component.get("observed_to_us") or component.get("observed_from_us")
    return latest is None or latest <= t0_us


def sample_facts(samples: pa.Table) -> pa.Table:
    """The sample index with a flag: all samples of the clip are in one split."""
    splits: dict[str, set[str]] = {}
    pairs = list(zip(samples.column("clip_id").to_pylist(), samples.column("split").to_pylist(), strict=True))
    for clip_id, split in pairs:
        splits.setdefault(clip_id, set()).add(split)
    flags = pa.array([len(splits[clip_id]) == 1 for clip_id, _ in pairs], pa.bool_())
    return samples.append_column("clip_in_one_split", flags)


def key_facts(keys: pa.Table) -> pa.Table:
    """Key columns as they are, and joined in one text column `key`."""
    texts = [pc.fill_null(keys.column(name).cast(pa.string()), "") for name in keys.column_names]
    return keys.append_column("key", pc.binary_join_element_wise(*texts, " "))
