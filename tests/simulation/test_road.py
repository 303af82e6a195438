import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.simulation.roads.layout import CrossSection, Junction, road_with_junction
from causeway.simulation.roads.road import Signal, path_from_curvature

STRAIGHT = path_from_curvature([(200.0, 0.0)])
BEND = path_from_curvature([(50.0, 0.0), (60.0, 0.02), (80.0, 0.0)])


def test_straight_path_runs_along_x():
    expected = np.array([[0, 0, 0], [10.5, 0, 0], [250, 0, 0]])
    assert STRAIGHT.pose_at([0.0, 10.5, 250.0]) == pytest.approx(expected, abs=1e-9)
    assert STRAIGHT.pose_at(10.0, 2.0) == pytest.approx(np.array([10.0, 2.0, 0.0]), abs=1e-9)


def test_bend_turns_by_its_curvature_times_its_length():
    assert BEND.yaw_rad[-1] == pytest.approx(60.0 * 0.02, abs=1e-6)
    assert BEND.curvature_per_m.max() == pytest.approx(0.02)


@settings(max_examples=60, deadline=None)
@given(st.floats(5.0, 180.0), st.floats(-8.0, 8.0))
def test_projecting_a_placed_point_gives_its_place(s, lateral):
    found = BEND.project(BEND.pose_at(s, lateral)[:2])
    assert found == pytest.approx(np.array([s, lateral]), abs=0.03, rel=0)


def test_offset_and_reversed_paths():
    left = STRAIGHT.offset(3.5)
    np.testing.assert_allclose(left.pose_at(7.0), [7.0, 3.5, 0.0], atol=1e-9)
    back = left.reversed()
    np.testing.assert_allclose(back.pose_at(0.0)[:2], [200.0, 3.5], atol=1e-9)
    assert abs(np.cos(back.pose_at(0.0)[2]) + 1.0) < 1e-12


def test_piece_keeps_both_ends_exactly():
    piece = STRAIGHT.piece(10.3, 20.6)
    assert piece.points[[0, -1]] == pytest.approx(np.array([[10.3, 0.0], [20.6, 0.0]]), abs=1e-9)


def test_signal_phases():
    line = np.zeros((2, 2))
    signal = Signal("s", ("ego.a",), (0, 0, 4), 0.0, line, ((0, "red"), (5_000_000, "green")))
    assert [signal.state_at(t) for t in (0, 4_999_999, 5_000_000)] == ["red", "red", "green"]
    assert signal.since_us(7_000_000) == 5_000_000


def test_junction_stops_lanes_at_their_lines():
    section = CrossSection(3.5, ("oncoming",), 1)
    layout = road_with_junction(STRAIGHT, section, Junction(100.0, {"ego": ((0, "red"),)}, ((0, "green"),)))
    stop_m = {route: s for route, s, _ in layout.stops}["ego"]
    road = layout.road
    np.testing.assert_allclose(road.lane("ego.a").centre.points[-1], [stop_m, 0.0], atol=1e-9)
    assert road.lane("ego.a").successors == ("ego.b",)
    assert road.lane("ego.b").kind == "junction"
    signal = next(s for s in road.signals if s.signal_id == "signal_ego")
    assert signal.lane_ids == ("ego.a",)
    assert signal.position[0] > 100.0
    line = next(e for e in road.elements if e.element_id == "stop_ego")
    np.testing.assert_allclose(line.shape, [[stop_m, 1.75], [stop_m, -1.75]], atol=1e-9)


def test_surface_knows_road_from_grass():
    layout = road_with_junction(STRAIGHT, CrossSection(), Junction(100.0, {"ego": ((0, "red"),)}, ((0, "red"),)))
    points = np.array([[50.0, 0.0], [50.0, -20.0], [100.0, -20.0]])
    assert layout.road.on_surface(points).tolist() == [True, False, True]
