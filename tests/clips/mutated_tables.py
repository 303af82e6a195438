"""Accidents to tables of columns: Parquet and Feather files, and NumPy arrays."""

import io
import pickle
from collections.abc import Callable
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from tests.clips.mutated_archives import Exits

# seconds for minutes, ms for us, degrees for radians, km/h for m/s, feet, another sign
FACTORS = (1e3, 1e-3, 1e6, 1e-6, 1e9, 57.29577951308232, 0.017453292519943295, 3.6, 0.3048, -1.0, 0.0)
VALUES = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, -1e18, 1e-300, 2.0**63, 4e8)


def columns_damaged(name: str, data: bytes, rng: Random) -> tuple[bytes, str]:
    """A Parquet or Feather file whose columns are not what they were."""
    is_feather = data.startswith(b"ARROW1")
    source = io.BytesIO(data)
    table = feather.read_table(source) if is_feather else pq.read_table(source)
    column, accident = rng.randrange(table.num_columns), rng.choice(COLUMNS)
    table = accident(table, column, rng)
    sink = io.BytesIO()
    if is_feather:
        feather.write_feather(table, sink, compression=rng.choice(["lz4", "zstd", "uncompressed"]))
    else:
        pq.write_table(table, sink)
    what = table.column_names[column] if column < table.num_columns else "the last column"
    return sink.getvalue(), f"{accident.__name__} {what}"


def renamed(table: pa.Table, column: int, rng: Random) -> pa.Table:
    new = rng.choice(["", "x", table.column_names[0], table.column_names[column] + "_", "clip_id", "row of the file"])
    return table.rename_columns([new if i == column else n for i, n in enumerate(table.column_names)])


def missing(table: pa.Table, column: int, rng: Random) -> pa.Table:
    return table.remove_column(column)


def of_another_type(table: pa.Table, column: int, rng: Random) -> pa.Table:
    values = table.column(column).to_pylist()
    n = len(values)
    other = rng.choice(
        [
            lambda: pa.array([str(v) for v in values]),
            lambda: pa.array([b"\xff\xfe"] * n, pa.binary()),
            lambda: pa.array([True] * n),
            lambda: pa.nulls(n),
            lambda: pa.array([[1.0, 2.0]] * n),
            lambda: pa.array([{"a": 1}] * n),
            lambda: pa.array(range(n), pa.timestamp("ns", "Asia/Kolkata")),
            lambda: pa.array(range(n), pa.date32()),
            lambda: pa.array(range(n), pa.duration("us")),
            lambda: pa.array(["a"] * n).dictionary_encode(),
            lambda: pa.array([str(i) for i in range(n)]),
            lambda: pa.array(range(n), pa.uint64()),
            lambda: pa.array(np.arange(n) * 0.5, pa.float32()),
            lambda: pa.array(np.arange(n, dtype=np.float16)),
            lambda: pa.array(["é" * 5000] * n),
        ]
    )()
    return table.set_column(column, table.column_names[column], other)


def with_nulls(table: pa.Table, column: int, rng: Random) -> pa.Table:
    gone = _some_rows(table.num_rows, rng)
    values = [None if row in gone else v for row, v in enumerate(table.column(column).to_pylist())]
    return table.set_column(column, table.column_names[column], pa.array(values, table.schema.types[column]))


def with_strange_values(table: pa.Table, column: int, rng: Random) -> pa.Table:
    """NaN, infinite and huge values in some rows; the largest integers where a column is whole."""
    values, kind = table.column(column).to_pylist(), table.schema.types[column]
    whole = pa.types.is_integer(kind)
    choices = (0, -1, 2**63 - 1, -(2**63), 10**17, 10**12) if whole else VALUES
    if not whole and not pa.types.is_floating(kind):
        choices = ("", "\x00", "../..", "a" * 3000, "é/\n", "NaN") if pa.types.is_string(kind) else (None,)
    for row in _some_rows(table.num_rows, rng):
        values[row] = rng.choice(choices)
    return table.set_column(column, table.column_names[column], pa.array(values, kind))


def in_other_units(table: pa.Table, column: int, rng: Random) -> pa.Table:
    kind, factor = table.schema.types[column], rng.choice(FACTORS)
    if not pa.types.is_integer(kind) and not pa.types.is_floating(kind):
        return missing(table, column, rng)
    with np.errstate(all="ignore"):
        values = table.column(column).to_numpy().astype(np.float64) * factor
    values = np.clip(values, -9e18, 9e18).astype(np.int64) if pa.types.is_integer(kind) else values
    return table.set_column(column, table.column_names[column], pa.array(values))


def shuffled(table: pa.Table, column: int, rng: Random) -> pa.Table:
    return table.take(pa.array(rng.sample(range(table.num_rows), table.num_rows), pa.int64()))


def goes_back(table: pa.Table, column: int, rng: Random) -> pa.Table:
    """The second half before the first, as when two recordings were joined in the wrong order."""
    half = rng.randrange(table.num_rows + 1)
    return pa.concat_tables([table.slice(half), table.slice(0, half)])


def turned_round(table: pa.Table, column: int, rng: Random) -> pa.Table:
    return table.take(pa.array(range(table.num_rows - 1, -1, -1), pa.int64()))


def doubled(table: pa.Table, column: int, rng: Random) -> pa.Table:
    return pa.concat_tables([table, table])


def constant(table: pa.Table, column: int, rng: Random) -> pa.Table:
    """The first value in every row: a sensor that froze, an id that was not counted on."""
    rows = pa.array([0] * table.num_rows, pa.int64())
    return table.set_column(column, table.column_names[column], table.column(column).take(rows))


def shortened(table: pa.Table, column: int, rng: Random) -> pa.Table:
    return table.slice(0, rng.choice([0, 1, 2, rng.randrange(table.num_rows + 1)]))


COLUMNS: tuple[Callable[[pa.Table, int, Random], pa.Table], ...] = (
    *(renamed, missing, of_another_type, of_another_type, with_nulls, with_strange_values, with_strange_values),
    *(in_other_units, in_other_units, shuffled, goes_back, turned_round, doubled, constant, shortened),
)


def _some_rows(count: int, rng: Random) -> set[int]:
    """A few rows, or most of them."""
    chosen = rng.choice([1, 1, 3, count // 2, count])
    return {rng.randrange(count) for _ in range(chosen)} if count else set()


def array_damaged(name: str, data: bytes, rng: Random) -> tuple[bytes, str]:
    """A NumPy file of another type or shape, with other values, or whose header promises what is not there."""
    values = np.load(io.BytesIO(data))
    accident = rng.choice(ARRAYS)
    if accident is header_lies:
        return header_lies(data, rng), accident.__name__
    if accident is runs_code:
        return runs_code(data), accident.__name__
    sink = io.BytesIO()
    with np.errstate(all="ignore"):
        np.save(sink, accident(values.copy(), rng))
    return sink.getvalue(), accident.__name__


def array_of_another_type(values: np.ndarray, rng: Random) -> np.ndarray:
    if rng.random() < 0.3:
        return np.zeros(len(values), dtype=[("a", "f8"), ("b", "i4")])
    kinds = ("f2", "f4", ">f8", "c16", "i1", "u8", "bool", "S8", "U8", "M8[s]", "m8[us]")
    return np.zeros_like(values, dtype=rng.choice(kinds)) if rng.random() < 0.3 else _cast(values, rng.choice(kinds))


def _cast(values: np.ndarray, kind: str) -> np.ndarray:
    try:
        return values.astype(kind)
    except (TypeError, ValueError):
        return np.zeros_like(values, dtype=kind)


def array_of_another_shape(values: np.ndarray, rng: Random) -> np.ndarray:
    other = rng.choice(["flat", "wide", "turned", "scalar", "none", "deep", "fortran", "short", "long"])
    made = {
        "flat": values.ravel,
        "wide": lambda: values.reshape(1, -1),
        "turned": lambda: values.T,
        "scalar": lambda: np.float64(values.flat[0]),
        "none": lambda: values[:0],
        "deep": lambda: values[None, ..., None],
        "fortran": lambda: np.asfortranarray(values),
        "short": lambda: values[: rng.randrange(len(values) + 1)],
        "long": lambda: np.concatenate([values, values]),
    }
    return np.asarray(made[other]())


def array_with_strange_values(values: np.ndarray, rng: Random) -> np.ndarray:
    rows = sorted(_some_rows(len(values), rng))
    if rows and values.dtype.kind == "f":
        values[rows] = rng.choice(VALUES)
    return values


def array_in_other_units(values: np.ndarray, rng: Random) -> np.ndarray:
    return values * rng.choice(FACTORS)


def array_out_of_order(values: np.ndarray, rng: Random) -> np.ndarray:
    half = rng.randrange(len(values) + 1)
    others = (values[::-1], np.roll(values, half, axis=0), values[sorted(_some_rows(len(values), rng))])
    return rng.choice(others)


def header_lies(data: bytes, rng: Random) -> bytes:
    shape = rng.choice([b"(1000000000000,)", b"(-1,)", b"(1, 2, 3, 4, 5, 6, 7)", b"'x'", b"(" * 90, b"(1e9,)"])
    at = data.index(b"'shape': ") + 9
    end = data.index(b")", at) + 1
    return data[:at] + shape + data[end:]


def runs_code(data: bytes) -> bytes:
    sink = io.BytesIO()
    np.lib.format.write_array_header_1_0(sink, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    return sink.getvalue() + pickle.dumps(Exits())


ARRAYS = (
    *(array_of_another_type, array_of_another_shape, array_of_another_shape, array_with_strange_values),
    *(array_with_strange_values, array_in_other_units, array_in_other_units, array_out_of_order, header_lies),
    runs_code,
)
