"""Content hashes depend on values alone."""

import os

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.artifacts.hashing import FLOAT_QUANTUM, fingerprint, table_hash
from causeway.errors import UnusableInput

SCHEMA = pa.schema([("a", pa.int64()), ("x", pa.float64()), ("s", pa.string()), ("l", pa.list_(pa.float64()))])


def _table(rows: list[tuple]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip("axsl", row, strict=True)) for row in rows], schema=SCHEMA)


ROWS = [(1, 0.5, "one", [1.0, 2.0]), (2, None, None, []), (3, float("nan"), "", None), (4, -0.0, "four", [None])]


def test_chunks_do_not_change_the_hash():
    whole = _table(ROWS)
    assert table_hash(SCHEMA, whole.to_batches(max_chunksize=1)) == table_hash(SCHEMA, whole.to_batches())


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from([9, 0.25, "other", [7.0]]))
@settings(max_examples=60, deadline=None)
def test_any_changed_value_changes_the_hash(row, column, value):
    changed = [list(r) for r in ROWS]
    wanted = {0: int, 1: float, 2: str, 3: list}[column]
    changed[row][column] = value if isinstance(value, wanted) else {0: 9, 1: 0.25, 2: "other", 3: [7.0]}[column]
    before, after = _table(ROWS), _table([tuple(r) for r in changed])
    assert table_hash(SCHEMA, before.to_batches()) != table_hash(SCHEMA, after.to_batches())


def test_the_last_bit_of_a_float_does_not_count_but_a_quantum_does():
    schema = pa.schema([("x", pa.float64())])

    def hash_of(value: float) -> str:
        return table_hash(schema, pa.table({"x": [value]}).to_batches())

    assert hash_of(0.1 + 0.2) == hash_of(0.3)
    assert hash_of(0.3) != hash_of(0.3 + 2 * FLOAT_QUANTUM)
    assert hash_of(-0.0) == hash_of(0.0)
    assert hash_of(1e300) != hash_of(2e300)
    assert hash_of(float("nan")) != hash_of(float("inf"))


def test_a_value_cannot_slide_into_the_next_row():
    schema = pa.schema([("s", pa.string())])
    one, two = pa.table({"s": ["ab", "c"]}), pa.table({"s": ["a", "bc"]})
    assert table_hash(schema, one.to_batches()) != table_hash(schema, two.to_batches())


def test_fingerprint_sees_names_and_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = fingerprint([tmp_path])
    (tmp_path / "a").rename(tmp_path / "b")
    assert fingerprint([tmp_path]) != first
    (tmp_path / "b").rename(tmp_path / "a")
    assert fingerprint([tmp_path]) == first
    (tmp_path / "a").write_bytes(b"2")
    assert fingerprint([tmp_path]) != first


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("not-there")])
def test_a_pipe_or_a_link_to_nothing_is_refused_and_not_waited_for(tmp_path, make):
    make(tmp_path / "a")
    with pytest.raises(UnusableInput, match="a: neither a file nor a folder"):
        fingerprint([tmp_path / "a"])


def test_hash_is_the_same_for_sliced_arrays():
    schema = pa.schema([("l", pa.list_(pa.float64()))])
    values = [[float(i)] * (i % 3) for i in range(6)]
    sliced = pa.table({"l": pa.array([[9.0], *values], type=schema.field("l").type)}).slice(1)
    plain = pa.table({"l": pa.array(values, type=schema.field("l").type)})
    assert table_hash(schema, sliced.to_batches()) == table_hash(schema, plain.to_batches())
    assert np.isclose(FLOAT_QUANTUM, 1e-6)
