"""What was known of others at a tick: rows known by then, held and moved on, whatever comes later."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.surroundings.tracks import known_tracks
from tests.evidence.scenes import TICK_US, track_row

TICKS = np.arange(20) * TICK_US


def known(rows):
    schema = {n: pa.float64() for n in ("vx_mps", "vy_mps")}
    table = pa.Table.from_pylist(rows or [track_row("c", 0, "a", 0.0, 0.0)])
    for name, kind in schema.items():
        table = table.set_column(table.column_names.index(name), name, table.column(name).cast(kind))
    if "indicator" not in table.column_names:
        table = table.append_column("indicator", pa.nulls(table.num_rows, pa.string()))
    return known_tracks(table if rows else table.slice(0, 0), TICKS)


def row(tick, x_m, known_tick=None, track_id="a", **other):
    """A row at a tick, known at a tick (none: its own)."""
    known_us = TICK_US * (tick if known_tick is None else known_tick)
    return track_row("c", tick, track_id, x_m, 0.0) | {"t_us": tick * TICK_US, "observed_us": known_us} | other


def test_a_row_counts_when_it_is_known_and_is_moved_on():
    tracks = known([row(i, 10.0 + i, known_tick=4, vx_mps=10.0) for i in range(5)])
    assert tracks.tick.tolist() == list(range(4, 11))  # the youngest row, held for 0.6 s
    assert tracks.xy_m[:, 0] == pytest.approx([14, 15, 16, 17, 18, 19, 20])
    assert set(tracks.observed_us.tolist()) == {4 * TICK_US}


def test_a_row_known_too_late_is_never_used():
    assert known([row(2, 10.0, known_tick=9)]).tick.tolist() == []
    assert known([]).tick.tolist() == []


def test_a_dropout_is_bridged_and_a_seen_row_replaces_the_guess():
    tracks = known([row(0, 0.0, vx_mps=10.0), row(4, 3.0, vx_mps=5.0)])
    assert tracks.tick.tolist() == list(range(11))
    assert tracks.xy_m[:, 0] == pytest.approx([0, 1, 2, 3, 3, 3.5, 4, 4.5, 5, 5.5, 6])


def test_rows_from_before_the_first_tick_are_still_known():
    tracks = known([row(-3, 1.0, vx_mps=10.0)])
    assert tracks.tick.tolist() == [0, 1, 2, 3]
    assert tracks.xy_m[:, 0] == pytest.approx([4, 5, 6, 7])


def test_velocity_and_acceleration_are_those_of_the_row_that_is_held():
    given_rows = [row(i, 0.0, vx_mps=10.0 - 0.2 * i) for i in range(4)]
    tracks = known(given_rows)
    assert np.isnan(tracks.accel_mps2[0])
    assert tracks.accel_mps2[1:] == pytest.approx(-2.0)
    assert tracks.velocity_mps[-1, 0] == pytest.approx(9.4)
    missing = known([row(i, 0.7 * i, vx_mps=None, vy_mps=None) for i in range(3)])
    assert missing.velocity_mps[:3, 0] == pytest.approx([np.nan, 7, 7], nan_ok=True)
    assert missing.xy_m[:3, 0] == pytest.approx([0, 0.7, 1.4])


def test_a_row_does_not_look_back_at_one_that_was_known_later():
    late = [row(0, 0.0, vx_mps=0.0), row(1, 0.0, known_tick=9, vx_mps=99.0), row(2, 0.0, vx_mps=1.0)]
    tracks = known(late)
    assert tracks.accel_mps2[tracks.tick == 2] == pytest.approx(5.0)
    assert tracks.velocity_mps[tracks.tick == 8, 0] == pytest.approx(1.0)


sightings = st.lists(
    st.tuples(st.integers(0, 19), st.integers(0, 8), st.sampled_from("ab"), st.floats(-20, 20)),
    unique_by=lambda r: (r[0], r[2]),
    max_size=25,
)


@given(sightings, st.integers(0, 19))
@settings(max_examples=60, deadline=None)
def test_without_what_was_known_later_the_past_is_the_same(seen, t0_tick):
    rows = [row(tick, float(tick), tick + late, who, vx_mps=speed) for tick, late, who, speed in seen]
    whole = known(rows)
    then = known([r for r in rows if r["observed_us"] <= t0_tick * TICK_US])
    assert (whole.observed_us <= TICKS[whole.tick]).all()
    for name in whole.__dataclass_fields__:
        past, still = (getattr(t, name)[t.tick <= t0_tick] for t in (whole, then))
        np.testing.assert_array_equal(past, still)
