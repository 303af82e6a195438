import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips import timed_rows
from causeway.clips.timed_rows import TimedRows, rows_between

SCHEMA = pa.schema([("t_us", pa.int64()), ("name", pa.string()), ("value", pa.int64())])
S = 1_000_000


def table(rows):
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def brute(rows, start_us, end_us):
    """The first row of each (time, name), in order of time."""
    first = {}
    for t_us, name, value in rows:
        first.setdefault((t_us, name), (t_us, name, value))
    return sorted((row for row in first.values() if start_us <= row[0] <= end_us), key=lambda row: row[0])


ROW = st.tuples(st.integers(-60, 60), st.sampled_from("ab"), st.integers(0, 9))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(ROW, max_size=12), max_size=5), st.integers(-70, 70), st.integers(-70, 70))
def test_a_stretch_of_time_has_its_rows_in_order_whatever_the_order_of_the_file(parts, start, end):
    parts = [[(t * S // 2, name, value) for t, name, value in part] for part in parts]
    rows = [row for part in parts for row in part]
    kept = TimedRows(map(table, parts), SCHEMA, "name")
    expected = brute(rows, start * S, end * S)
    found = kept.between(start * S, end * S)
    assert found.schema == SCHEMA
    assert sorted(map(tuple, (row.values() for row in found.to_pylist()))) == sorted(expected)
    assert found.column("t_us").to_pylist() == [row[0] for row in expected]
    assert (kept.num_rows, kept.num_rows + kept.repeated) == (len(brute(rows, -(2**60), 2**60)), len(rows))


def test_rows_of_one_time_stay_in_the_order_of_the_file():
    kept = TimedRows([table([(5, "b", 1), (5, "a", 2)]), table([(5, "c", 3), (5, "a", 4)])], SCHEMA, "name")
    assert kept.between(5, 5).column("value").to_pylist() == [1, 2, 3]
    assert kept.repeated == 1


def test_many_rows_of_one_moment_are_all_there(monkeypatch):
    monkeypatch.setattr(timed_rows, "_MOST_ROWS", 7)
    rows = [(7 * S + i // 10, str(i), i) for i in range(100)]
    kept = TimedRows([table(rows)], SCHEMA, "name")
    assert kept.between(7 * S + 2, 7 * S + 4).column("value").to_pylist() == list(range(20, 50))


def test_only_the_pieces_that_are_asked_for_are_read(monkeypatch):
    rows = [(20 * S * i, "a", i) for i in range(50)]
    kept = TimedRows([table(rows)], SCHEMA, "name")
    read = []
    real = timed_rows._Pieces.get
    monkeypatch.setattr(timed_rows._Pieces, "get", lambda self, index: read.append(index) or real(self, index))
    assert kept.between(19 * S, 41 * S).column("value").to_pylist() == [1, 2]
    assert read == [1, 2]


def test_the_rows_of_a_table_between_two_times():
    found = rows_between(table([(3, "a", 1), (1, "a", 2), (2, "a", 3)]), 2, 3)
    assert np.array_equal(found.column("value").to_numpy(), [1, 3])
