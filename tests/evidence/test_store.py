"""The point-in-time join through Feast on DuckDB: late corrections, old rows, files in any order, rows lost."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from causeway.errors import CausewayError
from causeway.evidence.join import assert_not_later, join
from causeway.evidence.store import evidence_store, known_at, write_view
from causeway.evidence.views import TTL_US, VIEWS, view_schema

S = 1_000_000


def row(view, clip_id, event_us, created_us=None, **values):
    created_us = event_us if created_us is None else created_us
    times = {"event_timestamp": event_us, "created": created_us}
    times |= {f"{view}_event_us": event_us, f"{view}_created_us": created_us}
    return dict.fromkeys(VIEWS[view]) | {"clip_id": clip_id} | times | values


def moments_table(moments):
    columns = {"moment_id": list(moments), "clip_id": [c for c, _ in moments.values()]}
    return pa.table(columns | {"t0_us": pa.array([t for _, t in moments.values()], pa.int64())})


def write(folder, files):
    """Write view files {part: {view: rows}}; a view without rows is empty."""
    for part, rows in files.items():
        for view in VIEWS:
            schema = view_schema(view)
            write_view(folder, view, part, [pa.Table.from_pylist(rows.get(view, []), schema=schema)], schema)


@pytest.fixture
def joined(tmp_path):
    """Join moments {moment_id: (clip_id, t0_us)} with view rows {view: rows}; returns {moment_id: row}."""

    def run(moments, *files):
        write(tmp_path / "views", {str(number): rows for number, rows in enumerate(files)})
        table = join(evidence_store(tmp_path / "views", tmp_path / "work"), moments_table(moments))
        assert table.column("moment_id").to_pylist() == list(moments)
        return {r["moment_id"]: r for r in table.to_pylist()}

    return run


def test_what_was_known_then(joined):
    ego = [row("ego_state", "d", t * S, ego_speed_mps=float(t)) for t in (1, 2, 3)]
    ego.append(row("ego_state", "d", 2 * S, created_us=4 * S, ego_speed_mps=99.0))  # a correction, written later
    ego.append(row("ego_state", "e", 2 * S, ego_speed_mps=50.0))
    lead = [row("lead", "d", 1_500_000, lead_track_id="a", lead_since_us=1_400_000)]
    moments = {"at": ("d", 2 * S), "between": ("d", 2_999_999), "early": ("d", S - 1), "old": ("d", 5 * S + 1)}
    moments |= {"corrected": ("d", 4 * S), "other": ("e", 3 * S), "none": ("f", 3 * S), "twin": ("d", 2 * S)}
    found = joined(moments, {"ego_state": ego, "lead": lead})
    assert {m: r["ego_speed_mps"] for m, r in found.items()} == {
        "at": 2.0,
        "between": 2.0,  # not 99: at t0 nobody had written that yet
        "early": None,
        "old": None,  # the last row is more than 2 s old
        "corrected": 3.0,
        "other": 50.0,
        "none": None,
        "twin": 2.0,
    }
    assert (found["at"]["lead_track_id"], found["at"]["lead_since_us"]) == ("a", 1_400_000)
    assert found["at"]["event_us"] == found["at"]["created_us"] == 2 * S
    assert found["none"]["event_us"] is None


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_correction_is_seen_once_it_is_written_whatever_the_order_of_files(joined, order):
    first = {"ego_state": [row("ego_state", "d", S, ego_speed_mps=1.0)]}
    better = {"ego_state": [row("ego_state", "d", S, 2 * S, ego_speed_mps=99.0)]}
    best = {"ego_state": [row("ego_state", "d", S, 2 * S + 7, ego_speed_mps=100.0)]}
    files = [[first, better, best][i] for i in order]
    moments = {"before": ("d", 2 * S - 1), "after": ("d", 2 * S), "then": ("d", 2 * S + 6), "last": ("d", 2 * S + 7)}
    found = joined(moments, *files)
    assert [r["ego_speed_mps"] for r in found.values()] == [1.0, 99.0, 99.0, 100.0]
    assert found["after"]["created_us"] == 2 * S


def test_a_late_correction_of_an_old_row_does_not_hide_a_newer_one(joined):
    ego = [row("ego_state", "d", S, 3 * S, ego_speed_mps=99.0), row("ego_state", "d", 2 * S, ego_speed_mps=2.0)]
    found = joined({"m": ("d", 3 * S)}, {"ego_state": ego})
    assert found["m"]["ego_speed_mps"] == 2.0


def test_at_a_gap_the_last_known_counts_for_two_seconds_and_says_how_old_it_is(joined):
    ego = [row("ego_state", "d", S, ego_speed_mps=1.0)]
    lanes = [row("lanes", "d", S, lane_width_m=3.5)]
    moments = {"just": ("d", S + TTL_US), "gone": ("d", S + TTL_US + 1)}
    found = joined(moments, {"ego_state": ego, "lanes": lanes})
    assert (found["just"]["ego_speed_mps"], found["just"]["lane_width_m"], found["just"]["event_us"]) == (1.0, 3.5, S)
    assert found["gone"]["ego_speed_mps"] is found["gone"]["lane_width_m"] is found["gone"]["event_us"] is None


def test_microseconds_and_nulls_survive(joined):
    t_us = 1_700_000_000_123_457
    ego = [row("ego_state", "d", t_us, ego_speed_mps=1.0, has_map=True)]
    lead = [row("lead", "d", t_us - 1, lead_since_us=t_us - 7, lead_distance_m=3.25)]
    found = joined({"m": ("d", t_us)}, {"ego_state": ego, "lead": lead})["m"]
    assert (found["event_us"], found["lead_since_us"], found["lead_distance_m"]) == (t_us, t_us - 7, 3.25)
    assert found["has_map"] is True
    assert found["lead_accel_mps2"] is None


def brute_force(rows, clip_id, t0_us):
    known = [r for r in rows if r["clip_id"] == clip_id and max(r["event_timestamp"], r["created"]) <= t0_us]
    fresh = [r for r in known if t0_us - r["event_timestamp"] <= TTL_US]
    best = max(fresh, key=lambda r: (r["event_timestamp"], r["created"]), default=None)
    return None if best is None else best["ego_speed_mps"]


def test_it_is_what_a_plain_search_finds(joined, rng):
    """Corrections of some rows, written up to 3 s late, in three files; moments everywhere, gaps included."""
    rows = []
    for number in range(400):
        event_us = S + int(rng.integers(0, 120)) * 100_000
        late_us = int(rng.integers(0, 31)) * 100_000 * int(rng.random() < 0.3)
        rows.append(row("ego_state", str(rng.choice(["d", "e"])), event_us, event_us + late_us))
        rows[-1]["ego_speed_mps"] = float(number)
    unique = list({(r["clip_id"], r["event_timestamp"], r["created"]): r for r in rows}.values())
    asked = [
        (str(c), int(t)) for c, t in zip(rng.choice(["d", "e", "f"], 300), rng.integers(0, 17 * S, 300), strict=True)
    ]
    files = [{"ego_state": unique[part::3]} for part in range(3)]
    found = joined({str(i): moment for i, moment in enumerate(asked)}, *files)
    expected = [brute_force(unique, *moment) for moment in asked]
    assert [r["ego_speed_mps"] for r in found.values()] == expected
    assert 50 < sum(e is None for e in expected) < 250


class LossyStore:
    """Stands in for a store that forgets a row, as Feast's default one does, or gives one twice."""

    def __init__(self, rows):
        self.rows = rows

    def get_feature_service(self, name):
        return name

    def get_historical_features(self, entities, service, filter_by_created_timestamp):
        assert filter_by_created_timestamp
        self.asked = pa.Table.from_pandas(entities, preserve_index=False)
        return self

    def to_arrow(self):
        return self.asked.take(pa.array(self.rows))


def test_lost_and_doubled_rows_are_an_error():
    clip_ids, t0_us = pa.array(["d", "d"]), pa.array([1, 2], pa.int64())
    with pytest.raises(CausewayError, match="2 moments went in, 1 came out"):
        known_at(LossyStore([1]), "evidence_v1", clip_ids, t0_us)
    with pytest.raises(CausewayError, match="came out twice"):
        known_at(LossyStore([1, 1]), "evidence_v1", clip_ids, t0_us)


def test_a_time_later_than_t0_is_an_error():
    times = {"moment_id": ["l", "m"], "t0_us": [5, 5], "event_us": [5, 5]}
    assert_not_later(pa.table(times | {"lead_since_us": pa.array([None, 5], pa.int64())}))
    with pytest.raises(CausewayError, match="moment m: lead_since_us is later than t0"):
        assert_not_later(pa.table(times | {"lead_since_us": pa.array([None, 6], pa.int64())}))


@pytest.mark.slow
def test_feast_comes_without_torch_and_leaves_torch_to_others():
    import subprocess

    code = "from causeway.evidence.store import load_feast; load_feast(); import sys; print('torch' in sys.modules); "
    code += "import torch; print(torch.tensor([1]).item())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1"]


def test_a_part_of_a_view_is_written_in_long_row_groups(tmp_path):
    import pyarrow.parquet as pq

    schema = pa.schema([("clip_id", pa.string()), ("n", pa.int64())])
    tables = [pa.table({"clip_id": [f"c{i}"] * 3_000, "n": np.arange(3_000)}, schema=schema) for i in range(20)]
    write_view(tmp_path, "v", "0", iter(tables), schema)
    file = pq.ParquetFile(tmp_path / "v" / "0.parquet")
    assert file.metadata.num_row_groups == 3
    assert file.read().equals(pa.concat_tables(tables).combine_chunks())
    assert [p.name for p in (tmp_path / "v").iterdir()] == ["0.parquet"]
