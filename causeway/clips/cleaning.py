"""Rows of a drive that mean nothing are put aside, with their row number and a reason, before anything is derived.

Knows what a pose, a box and a shape must be to mean something. Does not know layouts, nor what is likely: a car at
300 km an hour is a matter for the quality gate. A row is judged by itself and by the rows before it, never by later
ones, so spoiling the end of a drive changes nothing at its beginning.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import Array
from causeway.clips.left_out import LeftOut
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Camera, Drive, Quarantined, RawEgo, Rig
from causeway.errors import UnusableInput

_FARTHEST_M = 1e8  # beyond any map projection of the earth
_FASTEST_MPS = 1e3
_LARGEST_M = 1e3
_LATEST_US = 10**17  # the year 5138
_LONGEST_STEP_US = 86_400 * 10**6  # one drive does not pause for a day; a clock that was set does
_WORDS = {
    "not_a_number": "a pose or speed is not a number",
    "out_of_range": "a position, speed or time is far out of range",
    "no_rotation": "its quaternion has no length",
    "time_goes_back": "time does not increase; sort or clean the table",
    "time_jumps": "time jumps by more than a day; was the clock set while recording?",
}


def clean_drive(drive: Drive) -> Drive:
    """The drive without rows that mean nothing; they are in `quarantined`.

    UnusableInput when there are no poses or more than half of them are unusable.
    """
    ego, bad_ego = clean_ego(drive.ego, drive.drive_id)
    rig, bad_cameras = clean_rig(drive.rig, drive.drive_id)
    tracks, bad_tracks = clean_tracks(drive.tracks)
    signals, bad_signals = clean_signals(drive.signals)
    points, bad_points = clean_points(drive.points)
    lanes, bad_lanes = clean_shapes(drive.lanes, "centre", ("left", "right"), 2, "lane")
    elements, bad_elements = clean_shapes(drive.road_elements, "shape", (), 1, "road element")
    timed = (*bad_tracks, *bad_signals, *bad_points)
    bad = (*drive.quarantined, *bad_ego, *bad_cameras, *timed, *bad_lanes, *bad_elements)
    return replace(
        drive,
        ego=ego,
        rig=rig,
        tracks=tracks,
        signals=signals,
        points=points,
        lanes=lanes,
        road_elements=elements,
        route=drive.route if drive.route and _points(drive.route) > 0 else None,
        quarantined=bad,
    )


def clean_rig(rig: Rig, drive_id: str) -> tuple[Rig, Quarantined]:
    """Cameras whose calibration is numbers; UnusableInput when the size of the vehicle is none."""
    body = rig.vehicle
    size = [body.length_m, body.width_m, body.wheelbase_m]
    if not all(0 < value <= _LARGEST_M for value in size) or not abs(body.rear_axle_to_centre_m) <= _LARGEST_M:
        raise UnusableInput(f"{drive_id}: the vehicle's size {size} or its rear axle is not numbers in range")
    bad = [camera for camera in rig.cameras if not _calibrated(camera)]
    kept = tuple(camera for camera in rig.cameras if _calibrated(camera))
    detail = "size, focal length, centre, distortion or mounting is not numbers in range; its pictures are not read"
    return replace(rig, cameras=kept), tuple((camera.name, "no_calibration", detail) for camera in bad)


def _calibrated(camera: Camera) -> bool:
    numbers = [camera.cx, camera.cy, *camera.distortion, *np.ravel(camera.rig_from_camera)]
    sizes = [camera.width, camera.height, camera.fx, camera.fy]
    return bool((np.abs(numbers) <= _FARTHEST_M).all()) and all(0 < value <= _FARTHEST_M for value in sizes)


def clean_ego(ego: RawEgo, drive_id: str) -> tuple[RawEgo, Quarantined]:
    """Poses that mean something, with unit quaternions and times that increase; and what was left out."""
    n = len(ego.t_us)
    if n == 0:
        raise UnusableInput(f"{drive_id}: no ego poses")
    reasons = _reasons(ego)
    rows = np.arange(n) if ego.row is None else ego.row
    kept = np.flatnonzero(reasons == "")
    if 2 * len(kept) < n:
        first = int(np.argmax(reasons != ""))
        words = _WORDS[reasons[first]]
        raise UnusableInput(f"{drive_id}: {n - len(kept)} of {n} ego rows are unusable; ego row {rows[first]}: {words}")
    wxyz = ego.wxyz[kept] / np.linalg.norm(ego.wxyz[kept], axis=1, keepdims=True)
    speed = None if ego.speed_mps is None else ego.speed_mps[kept]
    return RawEgo(ego.t_us[kept], ego.xyz_m[kept], wxyz, speed, rows[kept]), _runs(reasons, rows)


def _reasons(ego: RawEgo) -> NDArray[np.object_]:
    """Why each row is unusable, "" for the good ones."""
    reasons = np.full(len(ego.t_us), "", dtype=object)
    speed = np.zeros(len(ego.t_us)) if ego.speed_mps is None else ego.speed_mps
    with np.errstate(all="ignore"):
        length = np.linalg.norm(ego.wxyz, axis=1)
        far = (np.abs(ego.xyz_m) > _FARTHEST_M).any(axis=1) | (np.abs(speed) > _FASTEST_MPS)
        finite = np.isfinite(ego.xyz_m).all(axis=1) & np.isfinite(ego.wxyz).all(axis=1) & np.isfinite(speed)
    reasons[far | (ego.t_us > _LATEST_US) | (ego.t_us < -_LATEST_US)] = "out_of_range"
    reasons[~((length > 1e-3) & (length < 1e3))] = "no_rotation"
    reasons[~finite] = "not_a_number"
    good = np.flatnonzero(reasons == "")
    reasons[good] = time_faults(ego.t_us[good])
    return reasons


def time_faults(t_us: NDArray[np.int64]) -> NDArray[np.object_]:
    """For each of n times "", or why it is not one: not later than the last good one before it, or a day later."""
    faults = np.full(len(t_us), "", dtype=object)
    steps = np.diff(t_us)
    if len(t_us) < 2 or ((steps > 0) & (steps <= _LONGEST_STEP_US)).all():
        return faults
    last = int(t_us[0])
    for index, t in enumerate(t_us[1:].tolist(), start=1):
        if t <= last:
            faults[index] = "time_goes_back"
        elif t - last > _LONGEST_STEP_US:
            faults[index] = "time_jumps"
        else:
            last = t
    return faults


def _runs(reasons: NDArray[np.object_], rows: NDArray[np.int64]) -> Quarantined:
    """One entry for each stretch of neighbouring rows with the same fault."""
    edges = np.flatnonzero(reasons[1:] != reasons[:-1]) + 1
    found = []
    for low, high in zip(np.append(0, edges), np.append(edges, len(reasons)), strict=True):
        if reasons[low]:
            where = f"ego row {rows[low]}" if high - low == 1 else f"ego rows {rows[low]} to {rows[high - 1]}"
            found.append((where, reasons[low], f"{_WORDS[reasons[low]]} ({high - low} rows)"))
    return tuple(found)


def clean_tracks(tracks: pa.Table | TimedRows | None) -> tuple[pa.Table | TimedRows | None, Quarantined]:
    """Boxes whose place, heading and size are numbers in range. Those on disk were cleaned on their way there."""
    if tracks is None or isinstance(tracks, TimedRows) or tracks.num_rows == 0:
        return tracks, ()
    left_out = LeftOut("box")
    pieces = (tracks.slice(low, _PIECE) for low in range(0, tracks.num_rows, _PIECE))
    kept = [left_out.without(piece, box_faults(piece)) for piece in pieces]
    return (pa.concat_tables(kept), left_out.entries()) if left_out.entries() else (tracks, ())


_PIECE = 100_000  # rows looked at together, so that they are not in memory twice


def box_faults(tracks: pa.Table) -> dict[str, NDArray[np.bool_]]:
    """What is wrong with boxes, reason -> rows; velocities may be unknown (NaN), not infinite."""
    place = np.stack([_floats(tracks, name) for name in ("x_m", "y_m", "z_m")])
    size = np.stack([_floats(tracks, name) for name in ("length_m", "width_m", "height_m")])
    velocity = np.stack([_floats(tracks, name) for name in ("vx_mps", "vy_mps")])
    incomplete = _nulls(tracks, "track_id") | _nulls(tracks, "type") | _nulls(tracks, "t_us")
    finite = np.isfinite(place).all(axis=0) & np.isfinite(size).all(axis=0) & np.isfinite(_floats(tracks, "yaw_rad"))
    with np.errstate(invalid="ignore"):
        near = (np.abs(place) <= _FARTHEST_M).all(axis=0) & ~(np.abs(velocity) > _FASTEST_MPS).any(axis=0)
        near &= ((size >= 0) & (size <= _LARGEST_M)).all(axis=0)
    return {"incomplete": incomplete, "not_a_number": ~finite, "out_of_range": np.logical_not(near)}


def clean_signals(signals: pa.Table | TimedRows | None) -> tuple[pa.Table | TimedRows | None, Quarantined]:
    """Light states that have a time, a light and a state. Those on disk were cleaned on their way there."""
    if signals is None or isinstance(signals, TimedRows) or signals.num_rows == 0:
        return signals, ()
    left_out = LeftOut("light state")
    faults = signal_faults(signals)
    whole = np.flatnonzero(~np.any(list(faults.values()), axis=0))
    repeated = np.zeros(signals.num_rows, dtype=bool)
    repeated[whole] = _said_before(signals.take(pa.array(whole)))
    kept = left_out.without(signals, faults | {"same_light_same_time": repeated})
    return kept, left_out.entries()


def _said_before(signals: pa.Table) -> NDArray[np.bool_]:
    """States of a light for a time at which it has one already, which is kept."""
    light = signals.column("signal_id").combine_chunks().dictionary_encode().indices.to_numpy()
    times = signals.column("t_us").to_numpy()
    order = np.lexsort((np.arange(len(times)), times, light))
    repeated = np.zeros(len(times), dtype=bool)
    repeated[order[1:]] = (np.diff(light[order]) == 0) & (np.diff(times[order]) == 0)
    return repeated


def signal_faults(signals: pa.Table) -> dict[str, NDArray[np.bool_]]:
    """What is wrong with light states, reason -> rows."""
    needed = ("t_us", "signal_id", "state", "lane_ids")
    return {"incomplete": np.any([_nulls(signals, name) for name in needed], axis=0)}


def clean_points(points: pa.Table | TimedRows | None) -> tuple[pa.Table | TimedRows | None, Quarantined]:
    """Scans that have a time of their own and whole points of finite numbers, or none. Those on disk were cleaned."""
    if points is None or isinstance(points, TimedRows) or points.num_rows == 0:
        return points, ()
    left_out = LeftOut("scan of points")
    no_value = _nulls(points, "t_us") | _nulls(points, "xyz_m")
    scans = [np.array(scan or (), dtype=np.float64) for scan in points.column("xyz_m").to_pylist()]
    broken = np.array([len(scan) % 3 != 0 or not np.isfinite(scan).all() for scan in scans])
    times = points.column("t_us").fill_null(0).to_numpy()
    repeated = np.ones(len(times), dtype=bool)
    whole = np.flatnonzero(~no_value & ~broken)
    repeated[whole[np.unique(times[whole], return_index=True)[1]]] = False
    kept = left_out.without(points, {"incomplete": no_value, "no_points": broken, "same_time": repeated})
    return kept, left_out.entries()


def _floats(table: pa.Table, name: str) -> Array:
    return table.column(name).cast(pa.float64()).to_numpy().astype(np.float64)


def _nulls(table: pa.Table, name: str) -> NDArray[np.bool_]:
    return table.column(name).is_null().to_numpy().astype(bool)


def clean_shapes(
    rows: list[dict] | None, main: str, others: tuple[str, ...], least: int, what: str
) -> tuple[list[dict] | None, Quarantined]:
    """Map rows that have all their values, at least `least` points in the main shape, and numbers in every shape."""
    if rows is None:
        return None, ()
    shapes = (main, *others)
    whole = np.array([all(_known(r[name]) for name in r if name not in shapes) for r in rows], dtype=bool)
    shaped = np.array([_shaped(r, main, others, least) for r in rows], dtype=bool)
    faults = {
        "incomplete": (~whole, "a value is missing"),
        "no_shape": (whole & ~shaped, f"fewer than {least} points, or not numbers in range"),
    }
    found = [
        (f"{what}s", reason, f"{int(bad.sum())} of {len(rows)}, the first is row {int(np.argmax(bad))}: {words}")
        for reason, (bad, words) in faults.items()
        if bad.any()
    ]
    return [rows[index] for index in np.flatnonzero(whole & shaped)], tuple(found)


def _shaped(row: dict, main: str, others: tuple[str, ...], least: int) -> bool:
    return _points(row.get(main)) >= least and all(_points(row.get(name)) >= 0 for name in others)


def _known(value: object) -> bool:
    return value is not None and not (isinstance(value, list) and None in value)


def _points(shape: object) -> int:
    """How many points a shape has; -1 for one that is not made of numbers."""
    if shape is None or len(shape) == 0:  # type: ignore[arg-type]
        return 0
    try:
        values = np.asarray(shape, dtype=np.float64)
    except (TypeError, ValueError):
        return -1
    in_plane = values.ndim == 2 and values.shape[1] >= 2
    return len(values) if in_plane and bool((np.abs(values[:, :2]) <= _FARTHEST_M).all()) else -1
