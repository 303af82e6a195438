"""What a sample is cut from: camera calibration, ego windows around t0, the route ahead.

Knows which camera stands in for a missing one and what lies before and after a tick. Does not know pictures, labels,
shards or models. Nothing it returns but the future trajectory comes from after t0, or from
readings after it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from causeway.clips import EgoMotion, to_frame
from causeway.errors import UnusableInput
from causeway.model.observation import HISTORY_POSES, HORIZON_STEPS

_FORWARD_STEP_RAD = np.radians(10)  # cameras that look ahead within the same ten degrees are told apart by width
_TICK_TOLERANCE_US = 1_000
_ROUTE_STEP_M = 4.0
_KNOWN_WITHIN_US = 500_000


def chosen_cameras(rigs: Sequence[dict], wanted: Sequence[str]) -> dict[str, dict]:
    """Which camera of a rig (rows of `rigs.parquet` of one clip) plays which of the wanted names.

    A camera of the wanted name plays it. When the first wanted one is missing, the camera plays it whose
    forward axis is closest to the rig's x axis (in steps of ten degrees), the widest first, then by name;
    cameras that have a wanted name themselves do not. Other wanted names stay absent.
    """
    named = {row["camera"]: row for row in rigs if row["camera"] and _is_calibrated(row)}
    cameras = {name: named[name] for name in wanted if name in named}
    spare = [row for name, row in named.items() if name not in wanted]
    if wanted[0] not in cameras and spare:
        cameras[wanted[0]] = min(spare, key=_off_forward)
    return {name: cameras[name] for name in wanted if name in cameras}


def _is_calibrated(row: dict) -> bool:
    lens = all(row[name] is not None for name in ("fx", "fy", "cx", "cy"))
    return lens and len(row["rig_from_camera"] or ()) == 16


def _off_forward(row: dict) -> tuple[int, float, str]:
    axis = np.reshape(row["rig_from_camera"], (4, 4))[:3, 2]
    angle = np.arccos(np.clip(axis[0] / max(float(np.linalg.norm(axis)), 1e-9), -1.0, 1.0))
    return int(angle // _FORWARD_STEP_RAD), row["fx"] / max(row["cx"], 1e-9), row["camera"]


def rig_numbers(row: dict, width: int, height: int) -> NDArray[np.float32]:
    """The sixteen numbers of an `Observation.rig`; width and height are those of the stored picture."""
    intrinsics = [row["fx"] / width, row["fy"] / height, row["cx"] / width, row["cy"] / height]
    return np.array([*intrinsics, *row["rig_from_camera"][:12]], dtype=np.float32)


def ego_windows(ego: EgoMotion, t0_us: int) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """(history [16, 3] up to t0, speed at t0, future [64, 3] from t0 + 0.1 s), each in the rig frame at t0.

    History and speed are what was known at t0 (`_known`); the future is what was driven, seen from where the vehicle
    really was. The drive's clips are chained, so that windows cross their borders. UnusableInput when t0 is no tick, a
    window has a gap or holds NaN, or nothing of the last 0.5 s was known.
    """
    tick = _tick_at(ego, t0_us)
    first, stop = tick - HISTORY_POSES + 1, tick + HORIZON_STEPS + 1
    wanted_us = t0_us + np.arange(1 - HISTORY_POSES, HORIZON_STEPS + 1) * 100_000
    if first < 0 or stop > len(ego) or np.abs(ego.t_us[first:stop] - wanted_us).max() > _TICK_TOLERANCE_US:
        raise UnusableInput(f"no whole window of {HISTORY_POSES} + {HORIZON_STEPS} ticks around t0 {t0_us} us")
    poses = np.stack([ego.x_m[first:stop], ego.y_m[first:stop], ego.yaw_rad[first:stop]], axis=-1)
    seen, speed_mps = _known(ego, tick)
    if not np.isfinite(poses).all() or not np.isfinite(seen).all() or not np.isfinite(speed_mps):
        raise UnusableInput(f"ego motion around t0 {t0_us} us holds NaN or infinity")
    driven = _in_rig(poses[HISTORY_POSES - 1 :], poses[HISTORY_POSES - 1])
    driven[:, 2] = np.unwrap(driven[:, 2])
    return _in_rig(seen, seen[-1]).astype(np.float32), speed_mps, driven[1:].astype(np.float32)


def _in_rig(poses: NDArray[np.float64], rig: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poses [n, 3] in the frame of a rig, which has heading 0 there to the last bit."""
    seen = to_frame(poses, rig)
    seen[:, 2] -= to_frame(rig[None], rig)[0, 2]
    return seen


def _known(ego: EgoMotion, tick: int) -> tuple[NDArray[np.float64], float]:
    """(poses [16, 3] up to a tick, speed there) as they were known at its time.

    A tick between two raw readings is known only with the later one. What was not known yet goes on from the last tick
    that was: with its acceleration and yaw rate, which look back. UnusableInput when that is more than 0.5 s ago.
    """
    first, t0_us = max(tick - HISTORY_POSES + 1, 0), int(ego.t_us[tick])
    steps = slice(first, tick + 1)
    poses = np.stack([ego.x_m[steps], ego.y_m[steps], ego.yaw_rad[steps]], axis=-1)
    known = np.flatnonzero(ego.observed_us[steps] <= t0_us)
    if not len(known) or t0_us - int(ego.t_us[first + known[-1]]) > _KNOWN_WITHIN_US:
        raise UnusableInput(f"nothing of the ego motion was known in the 0.5 s before t0 {t0_us} us")
    last = first + int(known[-1])
    speed, accel, turn = (float(v[last]) for v in (ego.speed_mps, ego.accel_mps2, ego.yaw_rate_radps))
    for later in range(last + 1, tick + 1):
        dt = float(ego.t_us[later] - ego.t_us[later - 1]) * 1e-6
        x, y, yaw = poses[later - first - 1]
        middle, along = yaw + turn * dt / 2, (speed + accel * dt / 2) * dt
        poses[later - first] = x + along * np.cos(middle), y + along * np.sin(middle), yaw + turn * dt
        speed += accel * dt
    return poses, speed


def carried_to(ego: EgoMotion, t0_us: int, then_us: int, xyz: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Points [n, 3] seen from the rig at `then_us`, as seen from it at t0, by the motion that was known at t0.

    A sensor keeps no ticks: its pose lies between two of them. None when they are older than that motion reaches back.
    """
    poses, _ = _known(ego, _tick_at(ego, t0_us))
    place = len(poses) - 1 - (t0_us - then_us) / 100_000
    if place < 0:
        return None
    ways = np.column_stack([poses[:, :2], np.unwrap(poses[:, 2])]).T
    (x, y, yaw), turned = (np.interp(place, np.arange(len(poses)), way) for way in ways), xyz.copy()
    turned[:, 0] = x + np.cos(yaw) * xyz[:, 0] - np.sin(yaw) * xyz[:, 1]
    turned[:, 1] = y + np.sin(yaw) * xyz[:, 0] + np.cos(yaw) * xyz[:, 1]
    seen = to_frame(np.column_stack([turned[:, :2], np.zeros(len(xyz))]), poses[-1])
    return np.column_stack([seen[:, :2], xyz[:, 2]]).astype(np.float32)


def _tick_at(ego: EgoMotion, t0_us: int) -> int:
    tick = int(np.searchsorted(ego.t_us, t0_us))
    if tick >= len(ego) or ego.t_us[tick] != t0_us:
        raise UnusableInput(f"t0 {t0_us} us is no tick of its drive")
    return tick


def route_ahead(ego: EgoMotion, t0_us: int, route_xy: NDArray[np.float64], points: int) -> NDArray[np.float32] | None:
    """The way to go from t0 on, [n, 2] in the rig frame known at t0: every 4 m from beside the rig, `points` at most.

    route_xy [m, 2] in the frame of `ego`. None when there is no way left, or none was asked for (0). UnusableInput when
    it holds NaN.
    """
    if points < 1 or len(route_xy) < 2:
        return None
    if not np.isfinite(route_xy).all():
        raise UnusableInput(f"the route around t0 {t0_us} us holds NaN or infinity")
    return route_from(_known(ego, _tick_at(ego, t0_us))[0][-1], route_xy, points)


def route_from(pose: NDArray[np.float64], route_xy: NDArray[np.float64], points: int) -> NDArray[np.float32] | None:
    """The way to go [n, 2] of a route [m, 2] (m ≥ 2) as seen from a pose (x, y, yaw): every 4 m, `points` at most."""
    line = to_frame(np.column_stack([route_xy, np.zeros(len(route_xy))]), pose)[:, :2]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    stations = np.arange(_station(line, along), along[-1] + 1e-6, _ROUTE_STEP_M)[:points]
    ahead = np.stack([np.interp(stations, along, line[:, axis]) for axis in (0, 1)], axis=-1)
    return ahead.astype(np.float32) if len(ahead) > 1 else None


def _station(line: NDArray[np.float64], along: NDArray[np.float64]) -> float:
    """How far along a line [m, 2] its point nearest to the origin is; of several as near, the first."""
    step = np.diff(line, axis=0)
    share = np.clip(-(line[:-1] * step).sum(axis=1) / np.maximum((step**2).sum(axis=1), 1e-12), 0.0, 1.0)
    distance = np.hypot(*(line[:-1] + share[:, None] * step).T)
    nearest = int(np.argmin(distance))
    return float(along[nearest] + share[nearest] * (along[nearest + 1] - along[nearest]))
