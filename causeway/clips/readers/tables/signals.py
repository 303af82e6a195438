"""Light states out of tables, part by part: as they are, or changes that hold until the next one.

Knows names and times. Does not know maps.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from causeway.clips.cleaning import signal_faults
from causeway.clips.geometry import TICK_US
from causeway.clips.left_out import LeftOut
from causeway.clips.readers.columns import NO_TIME, Column, column, names, times_us
from causeway.clips.readers.parquet import PART_ROWS
from causeway.clips.readers.tables.clock import Clock, on_clock
from causeway.clips.readers.tables.mapping_rows import SignalTable
from causeway.clips.readers.tables.rows import ROW, renamed
from causeway.clips.timed_rows import TimedRows
from causeway.clips.types import Quarantined, RawEgo
from causeway.errors import UnusableInput

_TEXTS = pa.list_(pa.string())
_SCHEMA = pa.schema([("t_us", pa.int64()), ("signal_id", pa.string()), ("state", pa.string()), ("lane_ids", _TEXTS)])


def read_signals(
    tables: Iterable[pa.Table], spec: SignalTable, ego: RawEgo, clock: Clock, path: Path
) -> tuple[TimedRows, Quarantined]:
    """The light states and what was left out; `tables` have the rows' numbers.

    With `hold_s` a state stands again each 0.1 s until the next one of its light or the drive's last pose.
    """
    hold_us, start_us, end_us = round(spec.hold_s * 1e6), int(ego.t_us[0]), int(ego.t_us[-1])
    left_out = LeftOut("light state")

    def usable() -> Iterator[pa.Table]:
        for table in tables:
            states = _states(table, spec, clock, path)
            t_us = states.column("t_us").fill_null(NO_TIME).to_numpy()
            elsewhen = (t_us < start_us - hold_us) | (t_us > end_us + TICK_US)
            faults = {**signal_faults(states), "no_ego_pose": elsewhen}
            yield left_out.without(states, faults, table.column(ROW).to_numpy())

    rows = usable() if hold_us == 0 else _held(pa.concat_tables(list(usable())), hold_us, end_us)
    signals = TimedRows(rows, _SCHEMA, "signal_id")
    detail = f"{signals.repeated} states of lights that have another one at the same time"
    repeated = (("light state rows", "same_light_same_time", detail),) if signals.repeated else ()
    return signals, (*left_out.entries(), *repeated)


def _states(table: pa.Table, spec: SignalTable, clock: Clock, path: Path) -> pa.Table:
    t_us = on_clock(times_us(table, spec.columns["t"], spec.units.t, path), spec.offset_s, clock)
    lights = names(table, spec.columns["signal_id"], path)
    states = renamed(names(table, spec.columns["state"], path), spec.states, "states", path)
    lanes = _lane_ids(table, spec, lights, path)
    found = {"t_us": pa.array(t_us, mask=t_us == NO_TIME), "signal_id": lights, "state": states, "lane_ids": lanes}
    return pa.table(found)


def _lane_ids(table: pa.Table, spec: SignalTable, lights: pa.Array, path: Path) -> pa.Array:
    if "lane_ids" in spec.columns:
        return name_lists(table, spec.columns["lane_ids"], path)
    return pa.array([spec.lanes.get(light, []) for light in lights.to_pylist()], _TEXTS)


def name_lists(table: pa.Table, name: Column, path: Path) -> pa.Array:
    """A column of lists of names, or of names with spaces, commas or semicolons between them."""
    values = column(table, str(name), path)
    try:
        if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
            return values.cast(_TEXTS).combine_chunks()
    except pa.ArrowException as error:
        raise UnusableInput(f"{path}: column {name} cannot be read as lists of names") from error
    texts = names(table, name, path).to_pylist()
    split = [(text or "").replace(",", " ").replace(";", " ").split() for text in texts]
    return pa.array(split, _TEXTS)


def _held(changes: pa.Table, hold_us: int, end_us: int) -> Iterator[pa.Table]:
    """The states of changes (of any order) on every tenth of a second, some rows at a time."""
    changes = changes.sort_by([("signal_id", "ascending"), ("t_us", "ascending")])
    if changes.num_rows == 0:
        return
    t_us = changes.column("t_us").to_numpy()
    light = changes.column("signal_id").combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    last = np.append(light[1:] != light[:-1], True)
    until = np.where(last, end_us + 1, np.append(t_us[1:], end_us + 1))
    times = np.clip(-(-(np.minimum(until, t_us + hold_us) - t_us) // TICK_US), 1, None)
    edges = np.flatnonzero(np.diff(np.cumsum(times) // PART_ROWS)) + 1
    for low, high in zip([0, *edges], [*edges, len(times)], strict=True):
        row = np.repeat(np.arange(low, high), times[low:high])
        step = np.arange(len(row)) - np.repeat(np.cumsum(times[low:high]) - times[low:high], times[low:high])
        yield changes.take(pa.array(row)).set_column(0, "t_us", pa.array(t_us[row] + step * TICK_US))
