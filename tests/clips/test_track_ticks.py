import numpy as np
import pyarrow as pa
import pytest

from causeway.clips.geometry import quaternion_from_yaw
from causeway.clips.motion import resample
from causeway.clips.track_ticks import ticked_tracks
from causeway.clips.types import RawEgo


def standing(seconds=2.0, yaw=0.0):
    t = np.arange(0, int(seconds * 1e6) + 1, 100_000)
    return resample(RawEgo(t, np.zeros((len(t), 3)), quaternion_from_yaw(np.full(len(t), yaw))))


def seen(t_us, x_m, track="7", vx=np.nan):
    n = len(t_us)
    same = {"y_m": 0.0, "z_m": 0.8, "yaw_rad": 0.0, "length_m": 4.0, "width_m": 2.0, "height_m": 1.6}
    columns = {"t_us": t_us, "track_id": [track] * n, "type": ["car"] * n, "x_m": x_m}
    columns |= {"vx_mps": [vx] * n, "vy_mps": [vx * 0] * n}
    return pa.table(columns | {name: [value] * n for name, value in same.items()})


def test_between_two_sightings_a_row_is_known_at_the_later_one():
    rows = ticked_tracks(seen([0, 500_000], [10.0, 15.0]), standing(), 0, 21, "c")
    assert rows.column("t_us").to_pylist() == [0, 100_000, 200_000, 300_000, 400_000, 500_000]
    np.testing.assert_allclose(rows.column("x_m").to_numpy(), [10, 11, 12, 13, 14, 15])
    assert rows.column("observed_us").to_pylist() == [500_000] * 6  # the first row for its derived velocity
    np.testing.assert_allclose(rows.column("vx_mps").to_numpy(), 10)


def test_long_gaps_stay_gaps_and_nothing_is_extrapolated():
    rows = ticked_tracks(seen([150_000, 250_000, 1_050_000, 1_150_000], [1, 2, 3, 4.0]), standing(), 0, 21, "c")
    assert rows.column("t_us").to_pylist() == [200_000, 1_100_000]


def test_a_derived_velocity_does_not_reach_across_a_long_gap():
    times, places = [100_000, 200_000, 1_100_000, 1_200_000], [0.0, 1.0, 46.0, 46.2]
    rows = ticked_tracks(seen(times, places), standing(), 0, 21, "c")
    assert rows.column("t_us").to_pylist() == times
    np.testing.assert_allclose(rows.column("vx_mps").to_numpy(), [10, 10, 2, 2])
    assert rows.column("observed_us").to_pylist() == [200_000, 200_000, 1_200_000, 1_200_000]


def test_an_object_seen_once_between_two_gaps_has_no_rows_there_unless_its_velocity_is_given():
    times, places = [0, 100_000, 1_000_000, 1_900_000, 2_000_000], [0.0, 1.0, 9.0, 18.0, 19.0]
    derived = ticked_tracks(seen(times, places), standing(), 0, 21, "c")
    assert derived.column("t_us").to_pylist() == [0, 100_000, 1_900_000, 2_000_000]
    given = ticked_tracks(seen(times, places, vx=10.0), standing(), 0, 21, "c")
    assert given.column("t_us").to_pylist() == times


def test_given_velocities_are_kept_and_turned_into_the_clip_frame():
    rows = ticked_tracks(seen([0, 100_000], [10.0, 10.3], vx=3.0), standing(yaw=np.pi / 2), 0, 21, "c")
    assert rows.column("vy_mps").to_numpy() == pytest.approx(-3.0, rel=1e-7, abs=0)
    assert rows.column("y_m").to_numpy() == pytest.approx([-10, -10.3], rel=1e-7, abs=0)
    assert rows.column("yaw_rad").to_numpy() == pytest.approx(-np.pi / 2, rel=1e-7, abs=0)


def test_no_tracks_is_an_empty_table():
    assert ticked_tracks(None, standing(), 0, 21, "c") == []
    assert ticked_tracks(seen([9_000_000, 9_100_000], [1.0, 2.0]), standing(), 0, 21, "c") == []


def test_a_derived_first_velocity_is_known_at_the_second_sighting():
    rows = ticked_tracks(seen([100_000, 200_000, 300_000], [1.0, 2.0, 4.0]), standing(), 0, 21, "c")
    np.testing.assert_allclose(rows.column("vx_mps").to_numpy(), [10, 10, 20])
    assert rows.column("observed_us").to_pylist() == [200_000, 200_000, 300_000]
    given = ticked_tracks(seen([100_000, 200_000], [1.0, 2.0], vx=9.0), standing(), 0, 21, "c")
    assert given.column("observed_us").to_pylist() == [100_000, 200_000]


def test_a_sighting_is_known_when_what_placed_it_is():
    table = seen([50_000, 150_000, 250_000], [1.0, 2.0, 3.0])
    table = table.append_column("observed_us", pa.array([130_000, 260_000, 260_000]))
    rows = ticked_tracks(table, standing(), 0, 21, "c")
    assert rows.column("t_us").to_pylist() == [100_000, 200_000]
    assert rows.column("observed_us").to_pylist() == [260_000, 260_000]
    measured = seen([50_000, 150_000], [1.0, 2.0], vx=3.0).append_column("observed_us", pa.array([130_000, 260_000]))
    assert ticked_tracks(measured, standing(), 0, 21, "c").column("observed_us").to_pylist() == [260_000]


def test_an_object_seen_once_moves_nobody_knows_how():
    assert ticked_tracks(seen([100_000], [1.0]), standing(), 0, 21, "c").num_rows == 0
    assert ticked_tracks(seen([100_000], [1.0], vx=3.0), standing(), 0, 21, "c").num_rows == 1


def test_turn_signals_are_those_of_the_sighting_before_and_unknown_where_the_source_has_none():
    sightings = seen([0, 300_000, 600_000], [0.0, 3.0, 6.0], vx=10.0)
    assert ticked_tracks(sightings, standing(), 0, 21, "c").column("indicator").to_pylist() == [None] * 7
    shown = sightings.append_column("indicator", pa.array(["off", "left", None]))
    rows = ticked_tracks(shown, standing(), 0, 21, "c")
    assert rows.column("indicator").to_pylist() == ["off", "off", "off", "left", "left", "left", None]
