"""Off-road and the rings it is judged by: exact values, more road never worse, bounded, finite, invariant."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causeway.errors import UnusableInput
from causeway.model.surroundings import Footprint
from causeway.training.road_reward import inside, leaves_road, leaves_roads, off_road
from causeway.training.road_rings import BEND_M, GROWN_M, grown, lane_ring, simplified
from tests.training.examples import beside, circle, moved, straight

FEW = settings(max_examples=40, deadline=None)
PATHS = arrays(np.float64, (64, 3), elements=st.floats(-50, 50))
ANY = arrays(np.float64, (64, 3), elements=st.floats(allow_nan=False, allow_infinity=False))
MOTIONS = st.tuples(st.floats(-3, 3), st.tuples(st.floats(-100, 100), st.floats(-100, 100)))
LANE = np.array([[-10.0, 2.0], [100.0, 2.0], [100.0, -2.0], [-10.0, -2.0]])
NEXT = beside(LANE, 4.0)


def turned(ring, turn_rad, shift_m):
    return moved(np.column_stack([ring, np.zeros(len(ring))]), turn_rad, shift_m)[:, :2]


def test_off_road_is_the_share_of_ticks_with_a_corner_off_the_road():
    path = straight(5.0)
    assert off_road(path, [LANE]) == 0.0
    assert off_road(beside(path, 1.1), [LANE]) == -1.0  # half a width is 0.95 m
    assert off_road(beside(path, 1.1), [LANE, NEXT]) == 0.0
    short = LANE.clip(None, [18.5, 2.0])  # our front is 3.75 m ahead of the axle: over the end from x = 14.75 m on
    assert off_road(path, [short]) == pytest.approx(-(64 - 29) / 64)
    assert leaves_road(path, [short]).tolist() == [False] * 29 + [True] * 35
    assert off_road(path, []) == -1.0


def test_the_footprint_decides():
    path = beside(straight(5.0), 0.7)
    assert off_road(path, [LANE], Footprint(4.7, 2.5, 1.4)) == 0.0
    assert off_road(path, [LANE], Footprint(4.7, 2.7, 1.4)) == -1.0


@pytest.mark.parametrize("ring", [LANE[:2], LANE[:, :1]])
def test_a_road_of_two_points_is_refused(ring):
    with pytest.raises(UnusableInput, match=r"points|shape"):
        off_road(straight(5.0), [LANE, ring])


def test_a_road_with_nan_is_refused():
    with pytest.raises(UnusableInput, match="road ring 0 holds nan"):
        off_road(straight(5.0), [np.where(LANE > 50, np.nan, LANE)])


@FEW
@given(PATHS, st.floats(-5, 5), st.floats(0, 20))
def test_off_road_never_falls_with_more_road(predicted, shift_m, wider_m):
    one = off_road(predicted, [LANE])
    assert -1.0 <= one <= off_road(predicted, [LANE, beside(LANE, shift_m)]) <= 0.0
    assert one <= off_road(predicted, [LANE + np.sign(LANE) * [0.0, wider_m]])


@FEW
@given(st.floats(-6, 6), st.floats(0, 1))
def test_off_road_never_falls_towards_the_middle_of_the_road(offset_m, share):
    path = straight(5.0)
    out, nearer = (off_road(beside(path, y), [LANE]) for y in (offset_m, share * offset_m))
    assert nearer >= out


@FEW
@given(ANY)
def test_off_road_is_bounded_and_finite(predicted):
    assert -1.0 <= off_road(predicted, [LANE, NEXT]) <= 0.0


@FEW
@given(st.floats(1, 10), st.floats(8, 60), MOTIONS)
def test_off_road_depends_on_relative_geometry_only(speed, radius, motion):
    path = circle(speed, radius)
    there = off_road(moved(path, *motion), [turned(LANE, *motion)])
    assert there == pytest.approx(off_road(path, [LANE]), abs=1.5 / 64)  # a corner on the edge may go either way


def test_paths_on_roads_of_their_own_are_each_judged_by_theirs():
    paths = np.stack([straight(5.0), beside(straight(5.0), 2.0), straight(5.0), straight(5.0)])
    wide, far = LANE + np.sign(LANE) * [0.0, 3.0], LANE + np.array([0.0, 50.0])
    together = leaves_roads(paths, [[far, LANE], [wide], [], [far]])
    apart = [leaves_road(one, road) for one, road in zip(paths, [[far, LANE], [wide], [], [far]], strict=True)]
    assert np.array_equal(together, apart)
    assert together.any(axis=-1).tolist() == [False, False, True, True]
    both = leaves_roads(np.stack([paths[:2], paths[:2]]), [[LANE], [wide]]).any(axis=-1)
    assert both.tolist() == [[False, True], [False, False]]


def test_many_points_are_asked_about_some_at_a_time():
    points = np.stack([np.arange(5000.0) + 0.5, np.zeros(5000)], axis=-1)
    assert inside(points, [LANE * np.array([45.0, 1.0])]).tolist() == [x < 4500 for x in range(5000)]


def test_inside_whichever_way_round_and_when_a_ring_crosses_itself():
    points = np.array([[0.0, 0.0], [0.0, 3.0], [99.0, -1.9], [200.0, 0.0]])
    assert inside(points, [LANE]).tolist() == inside(points, [LANE[::-1]]).tolist() == [True, False, True, False]
    bow = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0], [10, 0], [10, 10], [0, 10]], dtype=float)
    assert inside(np.array([[5.0, 5.0]]), [bow]).tolist() == [True]  # wound around twice is inside too


# --- rings --------------------------------------------------------------------------------------------------------


def test_a_straight_lane_keeps_four_points_and_reaches_a_little_farther():
    x = np.arange(0.0, 101.0)
    ring = lane_ring(np.stack([x, x * 0 + 2], axis=-1), np.stack([x, x * 0 - 2], axis=-1))
    far = 100 + GROWN_M
    assert sorted(map(tuple, ring.round(6))) == sorted(
        [(-GROWN_M, 2 + GROWN_M), (far, 2 + GROWN_M), (far, -2 - GROWN_M), (-GROWN_M, -2 - GROWN_M)]
    )


def test_lanes_that_share_a_curved_border_leave_no_crack():
    angle = np.linspace(0, 1.5, 200)
    arcs = {r: np.stack([r * np.sin(angle), r * (1 - np.cos(angle))], axis=-1) for r in (20.0, 23.5, 27.0)}
    centre = np.array([0.0, 0.0])
    arcs = {r: centre + line + [0.0, 27.0 - r] for r, line in arcs.items()}
    rings = [lane_ring(arcs[20.0], arcs[23.5]), lane_ring(arcs[23.5][::3], arcs[27.0])]
    for across in np.linspace(-0.2, 0.2, 41):
        line = np.stack([(23.5 + across) * np.sin(angle), 27.0 - (23.5 + across) * np.cos(angle)], axis=-1)
        assert inside(line[:-2], rings).all()


@pytest.mark.parametrize("left", [[], [[0.0, 1.0]], [[0.0, 1.0], [np.nan, 1.0]], [[0.0], [1.0]]])
def test_a_border_that_is_none_makes_no_ring(left):
    assert lane_ring(left, [[0.0, -1.0], [9.0, -1.0]]) is None


@FEW
@given(arrays(np.float64, (20, 2), elements=st.floats(-50, 50)))
def test_a_simplified_line_keeps_its_ends_and_stays_near(line):
    kept = simplified(line, BEND_M)
    assert (kept[[0, -1]] == line[[0, -1]]).all()
    leg = kept[1:] - kept[:-1]
    start = line[:, None] - kept[:-1]
    share = np.clip((start * leg).sum(-1) / np.maximum((leg**2).sum(-1), 1e-12), 0, 1)
    assert np.hypot(*np.moveaxis(start - share[..., None] * leg, -1, 0)).min(axis=1).max() <= BEND_M + 1e-9


def test_a_ring_grows_outwards_whichever_way_round():
    square = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]])
    wanted = np.array([[-1.0, -1.0], [5.0, -1.0], [5.0, 5.0], [-1.0, 5.0]])
    np.testing.assert_allclose(grown(square, 1.0), wanted)
    assert grown(square[::-1], 1.0) == pytest.approx(wanted[::-1])
