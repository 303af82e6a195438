import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from causeway.clips.readers import parquet
from causeway.clips.readers.parquet import parquet_parts, read_parquet
from causeway.errors import UnusableInput


@pytest.mark.parametrize("group", [7, 100, 10**6])
def test_parts_are_small_however_the_file_was_written(tmp_path, monkeypatch, group):
    monkeypatch.setattr(parquet, "PART_ROWS", 30)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": np.arange(200)}), path, row_group_size=group)
    parts = list(parquet_parts(path, "a"))
    assert max(part.num_rows for part in parts) <= 30
    assert pa.concat_tables(parts).column("x").to_pylist() == list(range(200))


def test_a_table_without_rows_still_has_its_columns(tmp_path):
    pq.write_table(pa.table({"x": pa.array([], pa.int64())}), tmp_path / "a.parquet")
    assert [part.column_names for part in parquet_parts(tmp_path / "a.parquet", "a")] == [["x"]]


def test_a_part_that_is_damaged_is_one_line_and_not_the_end_of_the_table(tmp_path):
    path = tmp_path / "a.parquet"
    noise = np.random.default_rng(0).normal(size=100_000)
    pq.write_table(pa.table({"x": noise}), path, row_group_size=20_000, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4 : len(data) * 3 // 4 + 20_000] = bytes(20_000)
    path.write_bytes(data)
    with pytest.raises(UnusableInput, match=r"^drive/a\.parquet: not a readable Parquet file"):
        list(parquet_parts(path, "drive/a.parquet"))
    with pytest.raises(UnusableInput, match=r"^drive/a\.parquet: not a readable Parquet file"):
        read_parquet(path, "drive/a.parquet")


def test_a_table_lacks_a_column_or_is_larger_than_memory(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": np.arange(200)}), path)
    with pytest.raises(UnusableInput, match="a: column y is missing"):
        read_parquet(path, "a", ("x", "y"))
    monkeypatch.setattr(parquet, "MOST_VALUES", 199)
    for read in (lambda: read_parquet(path, "a"), lambda: list(parquet_parts(path, "a"))):
        with pytest.raises(UnusableInput, match=r"a: announces \d+ values; more than 199 are not read"):
            read()
