"""The point-in-time join: late corrections, old rows, rows lost, times later than t0."""

import pyarrow as pa
import pytest

from causeway.errors import CausewayError
from causeway.evidence.store import assert_not_later, join, open_store, write_view
from causeway.evidence.views import RIG_SCHEMA, RIG_VIEW, VIEWS, view_schema

S = 1_000_000


def row(view, drive_id, event_us, created_us=None, **values):
    created_us = event_us if created_us is None else created_us
    times = {"event_timestamp": event_us, "created": created_us}
    times |= {f"{view}_event_us": event_us, f"{view}_created_us": created_us}
    return dict.fromkeys(VIEWS[view]) | {"drive_id": drive_id} | times | values


@pytest.fixture
def joined(tmp_path):
    """Join moments {moment_id: (drive_id, t0_us)} with view rows {view: rows}; returns {moment_id: row}."""

    def run(rows, moments):
        for view in VIEWS:
            table = pa.Table.from_pylist(rows.get(view, []), schema=view_schema(view))
            write_view(tmp_path / "views", view, "all", table)
        write_view(tmp_path / "views", RIG_VIEW, "all", RIG_SCHEMA.empty_table())
        columns = {"moment_id": list(moments), "drive_id": [d for d, _ in moments.values()]}
        table = pa.table(columns | {"t0_us": pa.array([t for _, t in moments.values()], pa.int64())})
        return {r["moment_id"]: r for r in join(open_store(tmp_path / "views", tmp_path / "work"), table)}

    return run


def test_what_was_known_then(joined):
    ego = [row("ego_state", "d", t * S, ego_speed_mps=float(t)) for t in (1, 2, 3)]
    ego.append(row("ego_state", "d", 2 * S, created_us=4 * S, ego_speed_mps=99.0))  # a correction, written later
    ego.append(row("ego_state", "e", 2 * S, ego_speed_mps=50.0))
    lead = [row("lead", "d", 1_500_000, lead_track_id="a", lead_since_us=1_400_000)]
    moments = {"at": ("d", 2 * S), "between": ("d", 2_999_999), "early": ("d", S - 1), "old": ("d", 5 * S + 1)}
    moments |= {"corrected": ("d", 4 * S), "other": ("e", 3 * S), "none": ("f", 3 * S), "twin": ("d", 2 * S)}
    found = joined({"ego_state": ego, "lead": lead}, moments)
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


def test_a_correction_is_seen_once_it_is_written(joined):
    ego = [row("ego_state", "d", S, ego_speed_mps=1.0), row("ego_state", "d", S, 2 * S, ego_speed_mps=99.0)]
    found = joined({"ego_state": ego}, {"before": ("d", 2 * S - 1), "after": ("d", 2 * S)})
    assert (found["before"]["ego_speed_mps"], found["after"]["ego_speed_mps"]) == (1.0, 99.0)
    assert found["after"]["created_us"] == 2 * S


def test_microseconds_and_nulls_survive(joined):
    t_us = 1_700_000_000_123_457
    ego = [row("ego_state", "d", t_us, ego_speed_mps=1.0, has_map=True)]
    lead = [row("lead", "d", t_us - 1, lead_since_us=t_us - 7, lead_distance_m=3.25)]
    found = joined({"ego_state": ego, "lead": lead}, {"m": ("d", t_us)})["m"]
    assert (found["event_us"], found["lead_since_us"], found["lead_distance_m"]) == (t_us, t_us - 7, 3.25)
    assert found["has_map"] is True
    assert found["lead_accel_mps2"] is None


class LossyStore:
    """Stands in for a store that forgets a row, as Feast's default one does."""

    def get_feature_service(self, name):
        return name

    def get_historical_features(self, entities, service, filter_by_created_timestamp):
        assert filter_by_created_timestamp
        return self

    def to_arrow(self):
        return pa.table({"moment_id": ["m"]})


def test_lost_rows_are_an_error():
    moments = pa.table({"moment_id": ["m", "n"], "drive_id": ["d", "d"], "t0_us": pa.array([1, 2], pa.int64())})
    with pytest.raises(CausewayError, match="2 moments went in, 1 came out"):
        join(LossyStore(), moments)


def test_a_time_later_than_t0_is_an_error():
    assert_not_later({"moment_id": "m", "t0_us": 5, "event_us": 5, "lead_since_us": None})
    with pytest.raises(CausewayError, match="lead_since_us is later than t0"):
        assert_not_later({"moment_id": "m", "t0_us": 5, "event_us": 5, "lead_since_us": 6})
