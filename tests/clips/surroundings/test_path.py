"""Along and across a path, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.clips.surroundings.path import curvature_along, on_arc, polyline, project


def test_a_line_drops_doubles_and_needs_two_points():
    line = polyline(np.array([[0, 0, 5], [0, 0, 5], [3, 4, 5], [3, 9, 5]], dtype=float))
    assert line.along_m == pytest.approx([0, 5, 10])
    assert line.yaw_rad == pytest.approx([np.arctan2(4, 3), np.pi / 2])
    assert polyline(np.array([[1.0, 2.0], [1.0, 2.0]])) is None


def test_projection_beside_before_and_behind_a_line():
    line = polyline(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]))
    on = project(line, np.array([[4.0, 1.0], [9.0, 5.0], [-3.0, 0.0], [10.0, 12.0]]))
    assert on.along_m == pytest.approx([4, 15, 0, 20])
    assert on.offset_m == pytest.approx([1, 1, 0, 0])
    assert on.yaw_rad == pytest.approx([0, np.pi / 2, 0, np.pi / 2])
    assert on.misses_m == pytest.approx([0, 0, 3, 2])


def test_projection_on_the_line_up_to_a_point():
    line = polyline(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 2.0], [0.0, 2.0]]))
    points = np.array([[4.0, 1.8], [4.0, 1.8], [8.0, 0.0]])
    on = project(line, points, np.array([22.0, 14.0, 5.0]))
    assert on.along_m == pytest.approx([18, 4, 5])
    assert on.offset_m == pytest.approx([0.2, 1.8, 0])
    assert on.misses_m == pytest.approx([0, 0, 3])


def test_a_quarter_circle():
    xy = np.array([[10.0, 10.0], [10.0, -10.0], [5.0, 1.0]])
    on = on_arc(xy, np.array([0.1, -0.1, 0.0]))
    assert on.along_m == pytest.approx([5 * np.pi, 5 * np.pi, 5])
    assert on.offset_m == pytest.approx([0, 0, 1])
    assert on.yaw_rad == pytest.approx([np.pi / 2, -np.pi / 2, 0])


@given(st.floats(-0.2, 0.2), st.floats(0.1, 1.4), st.floats(-3, 3))
@settings(max_examples=80, deadline=None)
def test_arc_coordinates_lead_back(curvature, share, offset):
    along = share / max(abs(curvature), 0.02)
    bent = abs(curvature) > 1e-4
    yaw = curvature * along if bent else 0.0
    x = np.sin(yaw) / curvature if bent else along
    y = (1 - np.cos(yaw)) / curvature if bent else 0.0
    point = np.array([[x - offset * np.sin(yaw), y + offset * np.cos(yaw)]])
    on = on_arc(point, np.array([curvature]))
    assert on.along_m == pytest.approx([along], abs=1e-6)
    assert on.offset_m == pytest.approx([offset], abs=1e-6)


def test_curvature_of_a_circle():
    angle = np.linspace(0, 1.5, 200)
    along, curvature = curvature_along(polyline(40 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)))
    assert curvature[4:-4] == pytest.approx(np.full(len(along) - 8, 1 / 40), rel=1e-2)
