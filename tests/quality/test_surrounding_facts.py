import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.quality.facts.road import element_facts, lane_facts, route_facts, signal_facts
from causeway.quality.facts.tracks import track_facts
from tests.quality.planted import TICK_US, clip_row, lane_row, table, track_rows

PATH = np.zeros((1, 2))


def tracks(*rows):
    found = track_facts(clip_row(), table("clips", "tracks", [r for part in rows for r in part]), PATH)
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def test_a_plain_car():
    (car,) = tracks(track_rows())
    assert (car["subject"], car["type"], car["size"]) == (
        "c t",
        "car",
        "car 4.50 × 1.90 × 1.50 m, can be 1.5…20 × 0.9…3.8 × 0.7…5 m",
    )
    for name in ("finite", "rows_once", "in_clip", "size_fits", "type_stays"):
        assert car[name] is True, name
    for name in ("speed_excess_mps", "jump_m", "jitter_m", "velocity_error_mps", "known_after_s"):
        assert car[name] == pytest.approx(0, abs=1e-9), name
    assert car["farthest_m"] == pytest.approx(20 + 59 * 0.8)


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"type": "pedestrian", "length_m": 12.0}, False),
        ({"length_m": 0.1}, False),
        ({"type": "pedestrian", "length_m": 0.6, "width_m": 0.6, "height_m": 1.8}, True),
        ({"type": "static", "length_m": 0.3, "width_m": 0.3, "height_m": 0.7}, True),
        ({"height_m": None}, True),
        ({"type": "spaceship", "length_m": 900.0}, True),  # told by its class
    ],
)
def test_sizes(changes, fits):
    assert tracks(track_rows(**changes))[0]["size_fits"] is fits


def test_one_row_of_another_size_or_class_is_found():
    rows = track_rows("a") + track_rows("b") + track_rows("c")
    rows[10]["length_m"] = 80.0
    rows[-1]["type"] = "spaceship"
    a, b, c = tracks(rows)
    assert [row["size_fits"] for row in (a, b, c)] == [False, True, True]
    assert a["size"].startswith("car 80.00 × 1.90 × 1.50 m")
    assert [row["type"] for row in (a, b, c)] == ["car", "car", "spaceship"]
    rows[-1]["type"] = None
    assert tracks(rows)[2]["type"] is None


def test_a_runner_at_motorway_speed():
    (runner,) = tracks(track_rows(type="pedestrian", speed=30.0, length_m=0.6, width_m=0.6))
    assert runner["speed_excess_mps"] == pytest.approx(18.0)
    assert runner["speed"] == "pedestrian at 30.0 m/s"


def test_teleporting_and_jittering():
    rows = track_rows()
    for row in rows[30:]:
        row["y_m"] += 9.0
    (jumping,) = tracks(rows)
    assert jumping["jump_m"] == pytest.approx(9.0)
    assert jumping["jitter_m"] == pytest.approx(0, abs=1e-9)
    rows = track_rows()
    for tick, row in enumerate(rows):
        row["y_m"] = 0.25 * (-1) ** tick
    assert tracks(rows)[0]["jitter_m"] == pytest.approx(1.0)


def test_an_object_that_is_away_for_a_while_does_not_teleport():
    rows = track_rows()
    for row in rows[30:]:
        row["y_m"] += 9.0
    assert tracks(rows[:25] + rows[32:])[0]["jump_m"] == pytest.approx(0, abs=1e-9)


def test_rows_twice_outside_late_and_broken():
    twice = [*track_rows("a"), track_rows("a")[3]]
    outside = track_rows("b")
    outside[0]["t_us"] = 59 * TICK_US + TICK_US
    between = track_rows("c")
    between[4]["t_us"] += 1
    late = track_rows("d")
    late[5]["observed_us"] += 2_000_000
    broken = track_rows("e")
    broken[5]["x_m"] = float("nan")
    a, b, c, d, e = tracks(twice, outside, between, late, broken)
    assert [row["rows_once"] for row in (a, b, c, d, e)] == [False, True, True, True, True]
    assert [row["in_clip"] for row in (a, b, c, d, e)] == [True, False, False, True, True]
    assert [row["finite"] for row in (a, b, c, d, e)] == [True, True, True, True, False]
    assert d["known_after_s"] == pytest.approx(2.0)
    assert e["jump_m"] is None


def test_velocity_that_is_not_that_of_the_path_and_a_class_that_changes():
    rows = track_rows(vx_mps=2.0)
    rows[10]["type"] = "truck"
    (row,) = tracks(rows)
    assert row["velocity_error_mps"] == pytest.approx(6.0)
    assert (row["type"], row["type_stays"], row["types"]) == ("car", False, "car and others")


def test_objects_are_told_apart_and_none_gives_none():
    found = tracks(track_rows("a"), track_rows("b", speed=4.0), track_rows("c")[:1])
    assert [row["subject"] for row in found] == ["c a", "c b", "c c"]
    assert found[2]["jump_m"] is None
    assert tracks([]) == []


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 30), st.floats(-50, 50), st.integers(1, 40))
def test_a_steady_object_has_no_fault_whatever_its_speed(speed, side_m, ticks):
    (row,) = tracks(track_rows(speed=speed, side_m=side_m, ticks=ticks))
    assert row["speed_excess_mps"] == 0
    assert row["jump_m"] in (None, pytest.approx(0, abs=1e-6))
    assert row["velocity_error_mps"] in (None, pytest.approx(0, abs=1e-6))


def test_lanes():
    nan = float("nan")
    rows = [
        lane_row("a"),
        lane_row("b", centre=[[1.0, 1.0]], left=[], right=[]),
        lane_row("c", centre=[[2.0, 2.0], [2.0, 2.0]]),
        lane_row("d", centre=[[0.0, 0.0], [nan, 0.0], [3.0, 4.0]]),
        lane_row("e", centre=[], left=None, right=None),
        lane_row("f", centre=[[0.0], [1.0, 1.0]]),
        lane_row("a", centre=[[0.0, 0.0], [3.0, 4.0], [3.0, 10.0]]),
    ]
    found = lane_facts(table("clips", "lanes", rows))
    assert found["points"] == [2, 1, 2, 3, 0, 2, 3]
    assert found["length_m"] == [40, 0, 0, None, 0, None, 11]
    assert found["longest_step_m"] == [40, 0, 0, None, 0, None, 6]
    assert found["finite"] == [True, True, True, False, True, False, True]
    assert found["once"] == [True] * 6 + [False]
    assert found["width_m"] == [
        pytest.approx(3.6),
        None,
        pytest.approx(3.6),
        *[pytest.approx(3.6)],
        None,
        *[pytest.approx(3.6)] * 2,
    ]
    assert found["subject"][0] == "c a"
    edge = [lane_row("a", left=[[0.0, nan], [40.0, 1.8]]), lane_row("b", right=[[0.0, 1.8], [float("inf"), 1.8]])]
    assert lane_facts(table("clips", "lanes", edge))["finite"] == [False, False]


def test_elements_routes_and_lights():
    element = {"clip_id": "c", "element_id": "e", "kind": "sign", "shape": [[1.0, 2.0]], "lane_ids": []}
    found = element_facts(table("clips", "road_elements", [element, element | {"shape": []}]))
    assert (found["points"], found["once"], found["kind"]) == ([1, 0], [True, False], ["sign", "sign"])
    route = route_facts(table("clips", "route", [{"clip_id": "c", "points": [[0.0, 0.0], [3.0, 4.0]]}]))
    assert (route["subject"], route["length_m"]) == (["c"], [5])
    light = {"clip_id": "c", "signal_id": "s", "state": "red", "lane_ids": []}
    rows = [light | {"t_us": 0}, light | {"t_us": 0, "state": "green"}, light | {"t_us": 60 * TICK_US}]
    lights = signal_facts(clip_row(), table("clips", "signals", rows))
    assert lights["once"] == [True, False, True]
    assert lights["in_clip"] == [True, True, False]
    assert lights["subject"][2] == "c s at 6.0 s"


def test_empty_tables_have_no_facts():
    assert lane_facts(table("clips", "lanes", []))["subject"] == []
    assert element_facts(table("clips", "road_elements", []))["points"] == []
    assert signal_facts(clip_row(), table("clips", "signals", []))["once"] == []
