"""Tracks on the ticks of a clip, in the clip frame.

Knows interpolation between two sightings of one object. Each row remembers when the later of the two was known
(`observed_us`): before that moment nobody could have known the row. Nothing is extrapolated and gaps stay gaps.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from causeway.clips.geometry import Array, conjugate, rotate, wrap_angle
from causeway.clips.motion import MAX_GAP_US, TickMotion, track_velocity

_NEVER_US = np.iinfo(np.int64).max
_SIZES = ("length_m", "width_m", "height_m")


def ticked_tracks(
    tracks: pa.Table | None, motion: TickMotion, first: int, stop: int, clip_id: str
) -> pa.Table | list[dict]:
    """Rows at ticks `first` .. `stop` - 1 of every object seen around them; `tracks` is in the world frame.

    Velocities come from vx_mps, vy_mps when the source gives them (not null), else from the sighting before; an
    object seen once, or once between two gaps, then has no rows. A sighting is known at its own time or at its
    `observed_us`, when the source has that column: what was needed to place it in the world may be later. Turn signals
    (`indicator`, when the source has them) are those of the sighting before.
    """
    if tracks is None or tracks.num_rows == 0:
        return []
    ticks = motion.t_us[first:stop]
    sorted_tracks, codes = _around(tracks, int(ticks[0]), int(ticks[-1]))
    if sorted_tracks.num_rows == 0:
        return []
    column = _columns(sorted_tracks, codes)
    before, after, tick, share = _pairs(column["track"], column["t_us"], ticks)
    known_us = np.maximum(column["known_us"][before], column["known_us"][after])
    ever = known_us < _NEVER_US
    before, after, tick, share = before[ever], after[ever], tick[ever], share[ever]
    rows = _interpolated(column, before, after, share)
    origin_xyz, origin_wxyz = motion.xyz_m[first], motion.wxyz[first]
    moved = _in_clip_frame(rows, origin_xyz, origin_wxyz)
    names = sorted_tracks.column("track_id").take(pa.array(before)).cast(pa.string())
    types = sorted_tracks.column("type").take(pa.array(before)).cast(pa.string())
    return pa.table(
        {
            "clip_id": [clip_id] * len(tick),
            "t_us": ticks[tick],
            "track_id": names,
            "type": types,
            **moved,
            **{name: rows[name] for name in _SIZES},
            "observed_us": known_us[ever],
            "indicator": _indicators(sorted_tracks).take(pa.array(before)),
        }
    )


def _indicators(tracks: pa.Table) -> pa.ChunkedArray | pa.Array:
    """Turn signals as they were seen, null where the source has none."""
    if "indicator" not in tracks.column_names:
        return pa.nulls(tracks.num_rows, pa.string())
    return tracks.column("indicator").cast(pa.string())


def _around(tracks: pa.Table, start_us: int, end_us: int) -> tuple[pa.Table, NDArray[np.int64]]:
    """The sightings from shortly before to shortly after, by object and time, and a number [rows] for each piece."""
    times = tracks.column("t_us").to_numpy()
    near = (times >= start_us - MAX_GAP_US) & (times <= end_us + MAX_GAP_US)
    chosen = tracks.filter(pa.array(near)).combine_chunks()
    codes = _codes(chosen)
    order = np.lexsort([chosen.column("t_us").to_numpy(), codes])
    return chosen.take(pa.array(order)), _pieces(codes[order], chosen.column("t_us").to_numpy()[order])


def _codes(tracks: pa.Table) -> NDArray[np.int64]:
    names = tracks.column("track_id").cast(pa.string()).combine_chunks().dictionary_encode()
    return names.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _pieces(track: NDArray[np.int64], t_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each object between two of its gaps: what is on the other side says nothing of how it moves here."""
    begins = np.append(True, (track[1:] != track[:-1]) | (np.diff(t_us) > MAX_GAP_US))
    return np.cumsum(begins[: len(track)])


def _columns(tracks: pa.Table, codes: NDArray[np.int64]) -> dict[str, NDArray]:
    column: dict[str, NDArray] = {"track": codes, "t_us": tracks.column("t_us").to_numpy()}
    for name in ("x_m", "y_m", "z_m", "yaw_rad", "vx_mps", "vy_mps", *_SIZES):
        column[name] = tracks.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    column["known_us"] = column["t_us"].copy()
    if "observed_us" in tracks.column_names:
        observed = tracks.column("observed_us").to_numpy(zero_copy_only=False)
        column["known_us"] = np.maximum(column["known_us"], observed)
    if np.isnan(column["vx_mps"]).any() or np.isnan(column["vy_mps"]).any():
        column["known_us"] = _with_velocity(column["track"], column["known_us"])
        derived = track_velocity(column["t_us"], column["x_m"], column["y_m"], column["track"])
        for name, values in zip(("vx_mps", "vy_mps"), derived, strict=True):
            column[name] = np.where(np.isnan(column[name]), values, column[name])
    return column


def _with_velocity(track: NDArray, known_us: NDArray) -> NDArray[np.int64]:
    """When sightings are known with a derived velocity: that needs the one before too, for a first one the second.

    Of an object seen once nobody ever knows how it moves.
    """
    follows = np.append(False, track[1:] == track[:-1])
    known = known_us.copy()
    known[follows] = np.maximum(known_us[follows], known_us[:-1][follows[1:]])
    first = np.flatnonzero(~follows)
    second = np.append(follows, False)[first + 1]
    known[first[second]] = np.maximum(known_us[first[second]], known_us[first[second] + 1])
    known[first[~second]] = _NEVER_US
    return known


def _pairs(track: NDArray, t_us: NDArray, ticks: NDArray) -> tuple[NDArray, ...]:
    """For every (object, tick) between two sightings: rows before and after, tick index, share of the way."""
    out: list[list[NDArray]] = [[], [], [], []]
    starts = np.flatnonzero(np.append(True, track[1:] != track[:-1]))
    for low, high in zip(starts, np.append(starts[1:], len(track)), strict=True):
        times = t_us[low:high]
        after = np.searchsorted(times, ticks, side="left")
        known = after < len(times)
        exact = known & (times[np.minimum(after, len(times) - 1)] == ticks)
        before = np.where(exact, after, after - 1)
        inside = known & (before >= 0)
        gap = times[np.minimum(after, len(times) - 1)] - times[np.maximum(before, 0)]
        chosen = np.flatnonzero(inside & (gap <= MAX_GAP_US))
        b, a = before[chosen], after[chosen]
        share = np.where(a > b, (ticks[chosen] - times[b]) / np.maximum(times[a] - times[b], 1), 0.0)
        for part, values in zip(out, (low + b, low + a, chosen, share), strict=True):
            part.append(values)
    before, after, tick, share = (np.concatenate(part) for part in out)
    return before.astype(np.int64), after.astype(np.int64), tick, share


def _interpolated(column: dict[str, NDArray], before: NDArray, after: NDArray, share: Array) -> dict[str, Array]:
    rows = {}
    for name in ("x_m", "y_m", "z_m", "vx_mps", "vy_mps"):
        rows[name] = column[name][before] + share * (column[name][after] - column[name][before])
    turn = wrap_angle(column["yaw_rad"][after] - column["yaw_rad"][before])
    rows["yaw_rad"] = column["yaw_rad"][before] + share * turn
    return rows | {name: column[name][before] for name in _SIZES}


def _in_clip_frame(rows: dict[str, Array], xyz: Array, wxyz: Array) -> dict[str, Array]:
    inverse = np.broadcast_to(conjugate(wxyz), (len(rows["x_m"]), 4))
    place = rotate(inverse, np.stack([rows["x_m"], rows["y_m"], rows["z_m"]], axis=-1) - xyz)
    ahead = np.stack([np.cos(rows["yaw_rad"]), np.sin(rows["yaw_rad"]), np.zeros(len(place))], axis=-1)
    heading = rotate(inverse, ahead)
    speed = rotate(inverse, np.stack([rows["vx_mps"], rows["vy_mps"], np.zeros(len(place))], axis=-1))
    return {
        **{name: place[:, axis] for axis, name in enumerate(("x_m", "y_m", "z_m"))},
        "yaw_rad": np.arctan2(heading[:, 1], heading[:, 0]),
        "vx_mps": speed[:, 0],
        "vy_mps": speed[:, 1],
    }
