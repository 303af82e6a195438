"""Facts of a clip's ego motion: steps in time, speeds, accelerations, and what speed and poses say of each other.

Knows the rows of one clip in the clip frame. Does not know bounds, or files. A fact is None where it does not apply:
a standing clip has no course over ground.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from causeway.clips.access import ego_motion
from causeway.clips.geometry import TICK_US, Array, wrap_angle
from causeway.clips.types import EgoMotion

COURSE_MPS = 2.0  # a course over ground has a direction from here on
STANDING_MPS = 0.05  # a car that says it is slower stands
_TICK_S = TICK_US * 1e-6
_SECOND = 10  # ticks
_WAY_M = 10.0  # a shorter way is no measure: standing with a little noise is no contradiction
_COURSE_TICKS = 20  # as long must a car move before its course says anything

MOTION_SCHEMA = pa.schema(
    [
        *[(name, pa.bool_()) for name in ("has_ticks", "finite", "time_increases")],
        *[(name, pa.string()) for name in ("ticks", "not_finite", "speed_source")],
        *[
            (name, pa.float64())
            for name in (
                *("tick_error_s", "pose_gap_s", "rotation_error", "fastest_mps", "slowest_mps"),
                *("accel_p95_mps2", "accel_max_mps2", "sideways_p95_mps2", "yaw_rate_max_radps"),
                *("pose_jump_m", "climb_share", "speed_vs_path", "speed_vs_derived_mps", "accel_vs_speed_mps"),
                *("yaw_vs_course_rad", "standing_jitter_m", "standing_turn_rad"),
            )
        ],
    ]
)


def motion_facts(rows: pa.Table) -> dict[str, Any]:
    """Facts of the ego rows of one clip (columns of `ego.parquet`), by the names of `MOTION_SCHEMA`.

    Where ticks are too few, not finite or out of order, what would be computed from them is None.
    """
    broken = [n for n in rows.column_names if _not_finite(rows.column(n))]
    told = {
        "has_ticks": rows.num_rows >= 2,
        "ticks": f"{rows.num_rows} ticks",
        "finite": not broken,
        "not_finite": ", ".join(broken),
        "speed_source": _one(rows.column("speed_source")),
    }
    if rows.num_rows < 2 or broken:
        return told
    ego = ego_motion(rows)
    told |= _time_facts(ego) | {"rotation_error": _rotation_error(rows)}
    if not told["time_increases"]:
        return told
    derived = rows.column("derived_speed_mps").to_numpy() if "derived_speed_mps" in rows.column_names else None
    told |= _speed_facts(ego) | _path_facts(ego)
    return told | {"speed_vs_derived_mps": _speed_gap(ego, derived)} | _standing_facts(ego)


def _not_finite(column: pa.ChunkedArray) -> bool:
    if column.null_count:
        return True
    return bool(pa.types.is_floating(column.type) and not np.isfinite(column.to_numpy()).all())


def _one(names: pa.ChunkedArray) -> str | None:
    """The one name of a column, several joined; None for an empty one."""
    found = sorted({str(name) for name in names.unique().to_pylist()})
    return ", ".join(found) if found else None


def _time_facts(ego: EgoMotion) -> dict[str, Any]:
    steps_s = np.diff(ego.t_us) * 1e-6
    return {
        "time_increases": bool((steps_s > 0).all()),
        "tick_error_s": float(np.abs(steps_s - _TICK_S).max()),
        "pose_gap_s": float(max((ego.observed_us - ego.t_us).max(), 0) * 1e-6),
    }


def _rotation_error(rows: pa.Table) -> float:
    wxyz = np.stack([rows.column(name).to_numpy() for name in ("qw", "qx", "qy", "qz")], axis=-1)
    return float(np.abs(np.linalg.norm(wxyz, axis=-1) - 1).max())


def _speed_facts(ego: EgoMotion) -> dict[str, float]:
    accel = np.abs(ego.accel_mps2)
    sideways = np.abs(ego.speed_mps * ego.yaw_rate_radps)
    told = ego.speed_mps[0] + np.append(0.0, np.cumsum(ego.accel_mps2[1:] * np.diff(ego.t_us) * 1e-6))
    return {
        "fastest_mps": float(ego.speed_mps.max()),
        "slowest_mps": float(ego.speed_mps.min()),
        "accel_p95_mps2": float(np.percentile(accel, 95)),
        "accel_max_mps2": float(accel.max()),
        "sideways_p95_mps2": float(np.percentile(sideways, 95)),
        "yaw_rate_max_radps": float(np.abs(ego.yaw_rate_radps).max()),
        "accel_vs_speed_mps": float(np.abs(told - ego.speed_mps).max()),
    }


def _path_facts(ego: EgoMotion) -> dict[str, float | None]:
    dx, dy = np.diff(ego.x_m), np.diff(ego.y_m)
    lengths, steps_s = np.hypot(dx, dy), np.diff(ego.t_us) * 1e-6
    way_m = max(float(lengths.sum()), _WAY_M)
    driven_m = float(np.abs(ego.speed_mps[1:] * steps_s).sum())
    return {
        "speed_vs_path": abs(driven_m - float(lengths.sum())) / way_m,
        "climb_share": float(np.abs(np.diff(ego.z_m)).sum()) / way_m,
        "pose_jump_m": _jump_m(lengths),
        "yaw_vs_course_rad": _yaw_vs_course(ego, dx, dy, lengths / steps_s),
    }


def _jump_m(lengths: Array) -> float:
    """How much farther one tick goes than the ticks around it (median of five)."""
    if len(lengths) < 5:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(lengths, 2, mode="edge"), 5)
    return float(np.abs(lengths - np.median(windows, axis=1)).max())


def _yaw_vs_course(ego: EgoMotion, dx: Array, dy: Array, speed_mps: Array) -> float | None:
    """Median angle between the heading halfway through a tick and the direction of travel."""
    moving = speed_mps > COURSE_MPS
    if moving.sum() < _COURSE_TICKS:
        return None
    halfway = ego.yaw_rad[:-1] + wrap_angle(np.diff(ego.yaw_rad)) / 2
    backwards = np.where(ego.speed_mps[1:] < 0, np.pi, 0.0)
    angle = wrap_angle(np.arctan2(dy, dx) - halfway - backwards)
    return float(np.median(np.abs(angle[moving])))


def derived_speed(ego: EgoMotion) -> Array:
    """Speed from displacement, m/s [n], unsigned; the first tick takes the second's."""
    speed = np.hypot(np.diff(ego.x_m), np.diff(ego.y_m)) / (np.diff(ego.t_us) * 1e-6)
    return np.append(speed[:1], speed)


def _speed_gap(ego: EgoMotion, derived: Array | None) -> float | None:
    """Largest difference between speed and displacement over any whole second, m/s; None for a shorter clip.

    A second's mean is enough to see stale, shifted or scaled speed and leaves the noise of single ticks out.
    """
    if len(ego) <= _SECOND:
        return None
    shown = np.abs(derived) if derived is not None else derived_speed(ego)
    window = np.ones(_SECOND) / _SECOND
    return float(np.abs(np.convolve(np.abs(ego.speed_mps) - shown, window, mode="valid")).max())


def _standing_facts(ego: EgoMotion) -> dict[str, float | None]:
    """How far poses and heading stray while the speed says that the car stands for a second or longer."""
    stretches = [s for s in _stretches(np.abs(ego.speed_mps) < STANDING_MPS) if s.stop - s.start > _SECOND]
    if not stretches:
        return {"standing_jitter_m": None, "standing_turn_rad": None}
    return {
        "standing_jitter_m": max(_stray_m(ego, s) for s in stretches),
        "standing_turn_rad": max(_stray_rad(ego, s) for s in stretches),
    }


def _stray_m(ego: EgoMotion, part: slice) -> float:
    x, y = ego.x_m[part], ego.y_m[part]
    return float(np.percentile(np.hypot(x - np.median(x), y - np.median(y)), 95))


def _stray_rad(ego: EgoMotion, part: slice) -> float:
    turned = wrap_angle(ego.yaw_rad[part] - ego.yaw_rad[part][0])
    return float(np.percentile(np.abs(turned - np.median(turned)), 95))


def _stretches(mask: np.ndarray) -> list[slice]:
    """Runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
