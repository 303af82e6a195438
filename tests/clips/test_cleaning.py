import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.cleaning import clean_ego, clean_points, clean_rig, clean_shapes, clean_signals, clean_tracks
from causeway.clips.types import Camera, RawEgo, Rig, Vehicle
from causeway.errors import UnusableInput


def ego(n=10, speed=None):
    t = np.arange(n) * 100_000
    xyz = np.stack([t * 1e-5, t * 0.0, t * 0.0], axis=-1)
    return RawEgo(t, xyz, np.tile([2.0, 0.0, 0.0, 0.0], (n, 1)), speed)


def test_good_rows_stay_and_quaternions_become_units():
    kept, bad = clean_ego(ego(), "d")
    assert bad == ()
    np.testing.assert_array_equal(kept.t_us, ego().t_us)
    np.testing.assert_array_equal(kept.wxyz, np.tile([1.0, 0.0, 0.0, 0.0], (10, 1)))
    np.testing.assert_array_equal(kept.row, np.arange(10))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda e: e.xyz_m.__setitem__((4, 1), np.nan), "not_a_number"),
        (lambda e: e.wxyz.__setitem__((4, 0), np.inf), "not_a_number"),
        (lambda e: e.wxyz.__setitem__(4, 0.0), "no_rotation"),
        (lambda e: e.xyz_m.__setitem__((4, 0), 1e300), "out_of_range"),
        (lambda e: e.t_us.__setitem__(4, 100_000), "time_goes_back"),
        (lambda e: e.t_us.__setitem__(4, 4 * 10**12), "time_jumps"),
        (lambda e: e.t_us.__setitem__(4, np.iinfo(np.int64).min), "out_of_range"),
        (lambda e: e.speed_mps.__setitem__(4, np.nan), "not_a_number"),
        (lambda e: e.speed_mps.__setitem__(4, -1e9), "out_of_range"),
    ],
)
def test_one_bad_row_is_named_and_the_rest_goes_on(spoil, reason):
    raw = ego(speed=np.full(10, 10.0))
    spoil(raw)
    kept, ((where, why, _),) = clean_ego(raw, "d")
    assert (where, why) == ("ego row 4", reason)
    assert kept.row.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert (np.diff(kept.t_us) > 0).all()


def test_neighbours_with_one_fault_are_one_entry_by_the_source_s_row_numbers():
    raw = ego()
    raw.xyz_m[3:6] = np.nan
    raw.t_us[7] = 0
    raw = RawEgo(raw.t_us, raw.xyz_m, raw.wxyz, None, np.arange(100, 110))
    kept, bad = clean_ego(raw, "d")
    assert [(where, why) for where, why, _ in bad] == [
        ("ego rows 103 to 105", "not_a_number"),
        ("ego row 107", "time_goes_back"),
    ]
    assert "(3 rows)" in bad[0][2]
    assert len(kept.t_us) == 6


def test_a_clock_that_was_set_back_costs_the_rows_until_it_caught_up():
    raw = ego()
    raw.t_us[6:] -= 250_000  # 350_000, 450_000, 550_000, 650_000 after 500_000
    kept, bad = clean_ego(raw, "d")
    assert kept.row.tolist() == [0, 1, 2, 3, 4, 5, 8, 9]
    assert bad[0][0] == "ego rows 6 to 7"


def test_a_drive_that_is_mostly_nonsense_is_refused_in_one_line():
    raw = ego()
    raw.xyz_m[2:8] = np.inf
    with pytest.raises(
        UnusableInput, match="d: 6 of 10 ego rows are unusable; ego row 2: a pose or speed is not a number"
    ):
        clean_ego(raw, "d")
    with pytest.raises(UnusableInput, match="no ego poses"):
        clean_ego(ego(0), "d")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 12), min_size=1, max_size=40), st.integers(0, 39))
def test_times_increase_and_no_row_is_judged_by_later_ones(times, cut):
    def kept(values):
        t = np.array(values) * 100_000
        raw = RawEgo(t, np.zeros((len(t), 3)), np.tile([1.0, 0, 0, 0], (len(t), 1)))
        try:
            return clean_ego(raw, "d")[0]
        except UnusableInput:
            return None

    whole, head = kept(times), kept(times[: cut + 1])
    if whole is not None:
        assert (np.diff(whole.t_us) > 0).all()
    if whole is not None and head is not None:
        assert head.row.tolist() == [row for row in whole.row.tolist() if row <= cut]


def boxes(**change):
    same = {"track_id": "a", "type": "car", "x_m": 1.0, "y_m": 2.0, "z_m": 0.5, "yaw_rad": 0.0}
    same |= {"length_m": 4.0, "width_m": 2.0, "height_m": 1.5, "vx_mps": np.nan, "vy_mps": np.nan}
    columns = {"t_us": [0, 100_000, 200_000]} | {name: [value] * 3 for name, value in same.items()}
    for name, value in change.items():
        columns[name][1] = value
    return pa.table(columns)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x_m": np.nan}, "not_a_number"),
        ({"yaw_rad": np.inf}, "not_a_number"),
        ({"x_m": 1e30}, "out_of_range"),
        ({"length_m": -1.0}, "out_of_range"),
        ({"vx_mps": np.inf}, "out_of_range"),
        ({"track_id": None}, "incomplete"),
    ],
)
def test_boxes_that_mean_nothing_are_counted(change, reason):
    kept, ((where, why, detail),) = clean_tracks(boxes(**change))
    assert (where, why, detail) == ("box rows", reason, "1 of 3, the first is row 1")
    assert kept.column("t_us").to_pylist() == [0, 200_000]


def test_unknown_velocities_are_no_fault():
    kept, bad = clean_tracks(boxes())
    assert (kept.num_rows, bad) == (3, ())
    assert clean_tracks(None) == (None, ())


def test_light_states_need_a_time_a_name_and_a_state():
    table = pa.table({"t_us": [0, None], "signal_id": ["a", "a"], "state": ["red", "red"], "lane_ids": [[], []]})
    kept, ((_, why, detail),) = clean_signals(table)
    assert (kept.num_rows, why, detail) == (1, "incomplete", "1 of 2, the first is row 1")


@pytest.mark.parametrize(
    "shape", [[], [[0.0, 1.0]], None, [[0, "x"], [1, 1]], [[0, np.nan], [1, 1]], [[1, 2], [3]], [1, 2]]
)
def test_shapes_that_are_none_are_named(shape):
    good = {"lane_id": "a", "centre": [[0, 0], [1, 0]], "left": [], "right": []}
    kept, ((where, why, detail),) = clean_shapes(
        [good, {**good, "centre": shape}], "centre", ("left", "right"), 2, "lane"
    )
    assert (kept, where, why) == ([good], "lanes", "no_shape")
    assert detail.startswith("1 of 2, the first is row 1")
    assert clean_shapes([good], "centre", ("left",), 2, "lane") == ([good], ())


def test_cameras_without_numbers_are_left_out_and_a_vehicle_without_size_is_refused():
    good = Camera("a", 64, 48, 50.0, 50.0, 32.0, 24.0, np.eye(4))
    bad = [Camera("b", 0, 48, 50.0, 50.0, 32.0, 24.0, np.eye(4)), Camera("c", 64, 48, np.nan, 1, 1, 1, np.eye(4))]
    rig, left_out = clean_rig(Rig(Vehicle("v", 4.0, 2.0, 2.5, 1.5), (good, *bad)), "d")
    assert [camera.name for camera in rig.cameras] == ["a"]
    assert [(name, why) for name, why, _ in left_out] == [("b", "no_calibration"), ("c", "no_calibration")]
    with pytest.raises(UnusableInput, match="the vehicle's size"):
        clean_rig(Rig(Vehicle("v", 0.0, 2.0, 2.5, 1.5)), "d")


def test_lanes_without_a_name_or_with_a_missing_successor_are_named():
    good = {"lane_id": "a", "centre": [[0, 0], [1, 0]], "left": [], "right": None, "successors": ["b"]}
    rows = [good, {**good, "lane_id": None}, {**good, "successors": ["b", None]}, {**good, "centre": []}]
    kept, found = clean_shapes(rows, "centre", ("left", "right"), 2, "lane")
    assert kept == [good]
    assert [(where, why, detail.split(":")[0]) for where, why, detail in found] == [
        ("lanes", "incomplete", "2 of 4, the first is row 1"),
        ("lanes", "no_shape", "1 of 4, the first is row 3"),
    ]


def test_a_light_has_one_state_at_a_time():
    columns = {"t_us": [0, 0, 0, 5], "signal_id": ["a", "b", "a", "a"], "state": ["red", "red", "green", "red"]}
    kept, ((where, why, detail),) = clean_signals(pa.table(columns | {"lane_ids": [[], [], [], []]}))
    assert kept.column("state").to_pylist() == ["red", "red", "red"]
    assert (where, why, detail) == ("light state rows", "same_light_same_time", "1 of 4, the first is row 2")


def test_scans_without_a_time_or_whole_points_are_counted_and_empty_ones_kept():
    xyz = [[1.0, 2.0, 3.0], None, [1.0, 2.0], [1.0, float("nan"), 3.0], [1.0, None, 3.0], [], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]
    times = [0, 1, 2, 3, 4, 5, None, 0]
    kept, found = clean_points(pa.table({"t_us": pa.array(times, pa.int64()), "xyz_m": xyz}))
    assert kept.to_pylist() == [{"t_us": 0, "xyz_m": [1.0, 2.0, 3.0]}, {"t_us": 5, "xyz_m": []}]
    assert [(reason, detail) for _, reason, detail in found] == [
        ("incomplete", "2 of 8, the first is row 1"),
        ("no_points", "3 of 8, the first is row 2"),
        ("same_time", "1 of 8, the first is row 7"),
    ]
    assert clean_points(None) == (None, ())
