"""Who was around at each tick, as far as one knew by then.

Knows the track rows of a clip and when each became known (`observed_us`). At a tick a track is where its latest row
known by then says, moved on at its velocity; whether it is seen again later plays no part. Does not know paths.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from causeway.clips.geometry import TICK_US

HOLD_US = 600_000  # a track not known for longer is gone; as long as the gap that ingest closes
_LOOK_BACK_TICKS = 5


@dataclass(frozen=True, eq=False)
class Tracks:
    """Boxes, one row for each track and tick, sorted by tick; `tick` indexes the ego's ticks."""

    tick: np.ndarray
    observed_us: np.ndarray  # of the row it comes from; never later than the tick
    track_id: np.ndarray
    type: np.ndarray
    xy_m: np.ndarray  # [rows, 2] centres
    z_m: np.ndarray  # of the centres; NaN where nobody knows it
    yaw_rad: np.ndarray
    length_m: np.ndarray
    width_m: np.ndarray
    height_m: np.ndarray
    velocity_mps: np.ndarray  # [rows, 2]; NaN where nobody knows it
    indicator: np.ndarray  # turn signals: off, left, right, both; None where nobody knows
    accel_mps2: np.ndarray  # along its own heading, over up to 0.5 s; NaN on a track's first row


def known_tracks(rows: pa.Table, tick_us: np.ndarray) -> Tracks:
    """For each of the ticks [n] each track's latest row known by then, at most 0.6 s old, moved on to the tick.

    `rows` are track rows in the frame and on the 0.1 s grid of the ticks; they may begin before the first tick.
    """
    rows = rows.sort_by([("track_id", "ascending"), ("t_us", "ascending")])
    column = {name: rows.column(name).to_numpy(zero_copy_only=False) for name in rows.column_names}
    t_us, known_us = column["t_us"].astype(np.int64), column["observed_us"].astype(np.int64)
    track = np.unique(column["track_id"].astype(str), return_inverse=True)[1]
    row, tick = _latest_known(track, t_us, known_us, tick_us)
    with np.errstate(all="ignore"):  # what comes after a moment may be garbage; it only spoils its own rows
        xy = np.stack([column["x_m"], column["y_m"]], axis=-1)
        velocity = _velocity(column, track, t_us, known_us, xy)
        along = np.sum(velocity * np.stack([np.cos(column["yaw_rad"]), np.sin(column["yaw_rad"])], axis=-1), axis=1)
        looks = range(1, _LOOK_BACK_TICKS + 1)  # the longest look-back that fits counts
        accel = _rate(track, t_us, known_us, along, looks)
        step = np.where(np.isfinite(velocity), velocity, 0.0)  # who moves nobody knows how is left where it was seen
        moved = xy[row] + step[row] * ((tick_us[tick] - t_us[row]) * 1e-6)[:, None]
    return Tracks(
        tick=tick,
        observed_us=known_us[row],
        track_id=column["track_id"].astype(object)[row],
        type=column["type"].astype(str)[row],
        xy_m=moved,
        velocity_mps=velocity[row],
        accel_mps2=accel[row],
        indicator=column["indicator"].astype(object)[row],
        **{name: column[name][row] for name in ("z_m", "yaw_rad", "length_m", "width_m", "height_m")},
    )


def _latest_known(
    track: np.ndarray, t_us: np.ndarray, known_us: np.ndarray, tick_us: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, ticks): for each tick and track the youngest row known by then, sorted by tick and track."""
    rows, ticks, lags = [], [], []
    for lag in range(HOLD_US // TICK_US + 1) if len(tick_us) else ():
        at_us = t_us + lag * TICK_US
        tick = np.minimum(np.searchsorted(tick_us, at_us), len(tick_us) - 1)
        fits = np.flatnonzero((tick_us[tick] == at_us) & (known_us <= at_us))
        rows.append(fits)
        ticks.append(tick[fits])
        lags.append(np.full(len(fits), lag))
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    row, tick, lag_of = np.concatenate(rows), np.concatenate(ticks), np.concatenate(lags)
    order = np.lexsort((lag_of, track[row], tick))
    row, tick = row[order], tick[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (tick[1:] != tick[:-1]) | (track[row][1:] != track[row][:-1])
    return row[first], tick[first]


def _velocity(
    column: dict[str, np.ndarray], track: np.ndarray, t_us: np.ndarray, known_us: np.ndarray, xy_m: np.ndarray
) -> np.ndarray:
    """[rows, 2]: as given, else the change since the track's row before; NaN where there is none."""
    given = np.stack([column["vx_mps"], column["vy_mps"]], axis=-1).astype(np.float64)
    looks = range(_LOOK_BACK_TICKS, 0, -1)  # the shortest look-back that fits counts
    derived = np.stack([_rate(track, t_us, known_us, xy_m[:, i], looks) for i in (0, 1)], axis=-1)
    return np.where(np.isfinite(given), given, derived)


def _rate(
    track: np.ndarray, t_us: np.ndarray, known_us: np.ndarray, values: np.ndarray, looks: Iterable[int]
) -> np.ndarray:
    """Change per second since so many rows before, up to 0.5 s; the last of `looks` that fits counts, NaN if none.

    A row looks back at rows only that were known when it was: it must be the same whatever becomes known later.
    """
    rate = np.full(len(values), np.nan)
    for back in looks:
        dt_us = t_us[back:] - t_us[:-back]
        fits = (track[back:] == track[:-back]) & (known_us[:-back] <= known_us[back:])
        fits &= (dt_us > 0) & (dt_us <= _LOOK_BACK_TICKS * TICK_US)
        change = (values[back:] - values[:-back]) / np.where(fits, dt_us, 1) * 1e6
        rate[back:][fits] = change[fits]
    return rate
