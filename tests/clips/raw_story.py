"""What happens on a made drive of 12 s, before it is written in a layout; and the same with its future spoiled."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

SECONDS, EGO_US = 12.0, 50_000
SPEED_MPS = 10.0
BOX = {"car": (4.5, 1.9, 1.6), "pedestrian": (0.6, 0.6, 1.7)}


@dataclass(frozen=True)
class Story:
    """Tables of what was recorded, each with t_us, in a world frame; maps have no time.

    ego: t_us, x, y, yaw, speed, every 50 ms; agents: t_us, track_id, type, x, y, yaw, vx, vy, every 100 ms;
    signals: t_us, signal_id, state. lanes: id -> (first x, last x, y of the middle, successors), all 3.6 m wide;
    crosswalk and stop_line: x where they cross our road. route: points (x, y) of the way to go.
    """

    ego: pa.Table
    agents: pa.Table
    signals: pa.Table
    lanes: dict[str, tuple[float, float, float, tuple[str, ...]]]
    crosswalk: float
    stop_line: float
    route: tuple[tuple[float, float], ...]


def story() -> Story:
    """East along y = 0 at 10 m/s behind a slower car, with one beside us that comes over, one that comes towards us and
    somebody who crosses. Our lane ends and the one beside it leads on, where the route goes.
    """
    t_us = np.arange(0, round(SECONDS * 1e6) + 1, EGO_US)
    along, zero = t_us * 1e-6 * SPEED_MPS, np.zeros(len(t_us))
    ego = pa.table({"t_us": t_us, "x": along, "y": zero, "yaw": zero, "speed": zero + SPEED_MPS})
    rows = []
    for t in range(0, round(SECONDS * 1e6) + 1, 100_000):
        s = t * 1e-6
        rows.append((t, "lead", "car", 45.0 + 8.0 * s, 0.0, 0.0, 8.0, 0.0))
        rows.append((t, "beside", "car", 5.0 + 10.0 * s, 3.8 - 0.1 * s, 0.0, 10.0, -0.1))
        rows.append((t, "comes", "car", 237.0 - 8.0 * s, 3.6, np.pi, -8.0, 0.0))
        rows.append((t, "walks", "pedestrian", 112.0, 8.4 - 0.6 * s, -np.pi / 2, 0.0, -0.6))
        rows.append((t, "parked", "car", 130.0, -2.4, 0.0, 0.0, 0.0))
    names = ("t_us", "track_id", "type", "x", "y", "yaw", "vx", "vy")
    agents = pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)})
    times = range(0, round(SECONDS * 1e6) + 1, 100_000)
    states = ["green" if t < 4_000_000 else "red" for t in times]
    signals = pa.table({"t_us": list(times), "signal_id": ["light"] * len(states), "state": states})
    lanes = {"a": (-20.0, 140.0, 0.0, ("b",)), "b": (140.0, 300.0, 0.0, ())}
    lanes |= {"c": (-20.0, 140.0, 3.6, ("d",)), "d": (140.0, 400.0, 3.6, ())}
    route = ((-20.0, 0.0), (150.0, 0.0), (170.0, 3.6), (400.0, 3.6))
    return Story(ego, agents, signals, lanes, crosswalk=115.0, stop_line=138.0, route=route)


Spoil = Callable[[pa.Table, np.ndarray], pa.Table]  # a table and which of its rows are late -> the table spoilt
TABLES = ("ego", "agents", "signals")


def without_future(spoilt: Story, t0_us: int, spoil: Spoil, tables: tuple[str, ...] = TABLES) -> Story:
    """The story with the rows later than t0 spoilt in these tables."""
    found = {name: getattr(spoilt, name) for name in tables}
    return replace(spoilt, **{n: spoil(table, table.column("t_us").to_numpy() > t0_us) for n, table in found.items()})


def _numbers(table: pa.Table, late: np.ndarray, values: Callable[[int], np.ndarray]) -> pa.Table:
    for index, field in enumerate(table.schema):
        if field.type == pa.float64():
            column = table.column(field.name).to_numpy().copy()
            column[late] = values(int(late.sum()))
            table = table.set_column(index, field.name, pa.array(column))
    return table


def nan(table: pa.Table, late: np.ndarray) -> pa.Table:
    """No number later than t0 is a number."""
    return _numbers(table, late, lambda count: np.full(count, np.nan))


def huge(table: pa.Table, late: np.ndarray) -> pa.Table:
    """Everything is a million kilometres away."""
    return _numbers(table, late, lambda count: np.resize([1e9, -1e9, 9e8], count))


def noise(table: pa.Table, late: np.ndarray) -> pa.Table:
    """Numbers that could be true and are not."""
    random = np.random.default_rng(0)
    return _numbers(table, late, lambda count: random.normal(0.0, 30.0, count))


def others(table: pa.Table, late: np.ndarray) -> pa.Table:
    """Ids, types and states change places, some are new."""
    random = np.random.default_rng(0)
    values = {"track_id": ["lead", "walks", "poison"], "type": ["car", "pedestrian"], "state": ["green", "yellow"]}
    for name in set(values) & set(table.column_names):
        wrong = random.choice(values[name], table.num_rows).tolist()
        right = table.column(name).to_pylist()
        column = [w if is_late else r for w, r, is_late in zip(wrong, right, late, strict=True)]
        table = table.set_column(table.column_names.index(name), name, pa.array(column))
    return noise(table, late)


def shuffled(table: pa.Table, late: np.ndarray) -> pa.Table:
    """Rows later than t0 stand in another order, time stamps included."""
    rows = np.arange(table.num_rows)
    rows[late] = np.random.default_rng(0).permutation(rows[late])
    return table.take(pa.array(rows))


def deleted(table: pa.Table, late: np.ndarray) -> pa.Table:
    """As if the recording had ended at t0."""
    return table.filter(pa.array(~late))


SPOILS = {spoil.__name__: spoil for spoil in (nan, huge, noise, others, shuffled, deleted)}
