"""The content hash is over values in canonical order: no matter how rows arrive, are cut into shards and row groups."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.artifacts import Writer, writer

ROWS = [
    {"clip_id": f"c{clip}{'-' * (clip % 2)}", "t_us": t, "longitudinal": "stop", "lateral": f"{clip * t}", "lane": None}
    for clip in range(5)
    for t in range(8)
]


def _write(folder: Path, shards: list[tuple[str, list[dict]]], group_bytes: int = 10**7) -> tuple[str, list[dict], int]:
    """(content hash, rows, row groups) of an artifact of these shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "_GROUP_BYTES", group_bytes)
        out = Writer("meta_actions", folder)
        for name, rows in shards:
            with out.shard(name) as shard:
                assert shard is not None
                shard.table("meta_actions", rows)
        content_hash, _, _ = out.finish()
    with pq.ParquetFile(folder / "meta_actions.parquet") as file:
        return content_hash, file.read().to_pylist(), file.num_row_groups


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _write(tmp_path_factory.mktemp("plain"), [("all", ROWS)])[0]


@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans(), st.sampled_from([64, 300, 1000, 10**7]))
@settings(max_examples=25, deadline=None)
def test_arrival_shards_and_row_groups_do_not_count(plain, seed, shards, whole_clips, group_bytes):
    dice = random.Random(seed)
    cut: list[list[dict]] = [[] for _ in range(shards)]
    home = {row["clip_id"]: dice.randrange(shards) for row in ROWS}
    for row in dice.sample(ROWS, len(ROWS)):
        cut[home[row["clip_id"]] if whole_clips else dice.randrange(shards)].append(row)
    names = dice.sample([f"s{i}" for i in range(shards)], shards)
    with TemporaryDirectory() as folder:
        mixed, found, _ = _write(Path(folder), list(zip(names, cut, strict=True)), group_bytes)
    assert found == sorted(ROWS, key=lambda r: (r["clip_id"], r["t_us"]))
    assert mixed == plain


def test_shards_whose_names_sort_otherwise_than_their_rows_are_not_held_in_memory_together(tmp_path, monkeypatch):
    held, group_rows = [], writer._group_rows
    monkeypatch.setattr(writer, "_group_rows", lambda table: held.append(table.num_rows) or group_rows(table))
    shards = [(f"s{9 - i}", [r for r in ROWS if r["clip_id"].startswith(f"c{i}")]) for i in range(5)]
    assert _write(tmp_path, shards, 1)[1] == ROWS
    assert max(held) == len(ROWS) // 5


def test_many_small_shards_make_few_row_groups(tmp_path):
    shards = [(f"s{i:03d}", [{**ROWS[0], "clip_id": f"c{i:03d}"}]) for i in range(50)]
    _, rows, groups = _write(tmp_path, shards)
    assert (len(rows), groups) == (50, 1)


def test_a_large_table_is_cut_into_row_groups(tmp_path):
    _, rows, groups = _write(tmp_path, [("all", ROWS)], 400)
    assert rows == ROWS
    assert groups >= 4


def test_quarantine_has_one_order(tmp_path):
    def write(folder: Path, details: str) -> str:
        out = Writer("meta_actions", folder)
        for detail in details:
            out.quarantine("source", "where", "reason", detail)
        return out.finish()[0]

    assert write(tmp_path / "a", "abcd") == write(tmp_path / "b", "dcba")
