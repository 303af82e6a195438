"""Faces to pixels, on a canvas small enough to count."""

import numpy as np
import pytest
from numba import njit

from causeway.simulation.pictures import fill
from causeway.simulation.pictures.fill import SHINES

RED, BLUE = 0xFF0000, 0x0000FF


def canvas(height=8, width=8):
    return np.zeros((height, width), np.int32), np.zeros((height, width), np.int32)


def draw(on, corners, colour, inverse=(1000,), thin=False, tested=True):
    """Corners in canvas pixels."""
    u, v = (np.array([round(c[k] * 16) for c in corners], dtype=np.int64) for k in (0, 1))
    q = np.array((list(inverse) * len(corners))[: len(corners)], dtype=np.int64)
    fill.fill(*on, u, v, q, len(corners), colour, thin, tested)


def test_a_rectangle_has_the_pixels_whose_middles_are_inside():
    on = canvas()
    draw(on, [(2, 1), (5.5, 1), (5.5, 4), (2, 4)], RED)
    expected = np.zeros((8, 8), np.int32)
    expected[1:4, 2:5] = RED  # the middle of column 5 lies on the right edge, which is outside
    assert on[0].tolist() == expected.tolist()
    assert on[1].tolist() == np.where(expected, 1000, 0).tolist()


@pytest.mark.parametrize("turned", [False, True])
def test_the_nearer_face_wins_in_any_order(turned):
    on = canvas()
    near, far = ([(2, 2), (5, 2), (5, 5), (2, 5)], BLUE, (2000,)), ([(0, 0), (8, 0), (8, 8), (0, 8)], RED, (1000,))
    for corners, colour, inverse in (near, far) if turned else (far, near):
        draw(on, corners, colour, inverse)
    expected = np.full((8, 8), RED)
    expected[2:5, 2:5] = BLUE
    assert on[0].tolist() == expected.tolist()


def test_faces_that_pass_through_each_other_meet_where_their_depths_are_equal():
    on = canvas()
    square = [(0, 0), (8, 0), (8, 8), (0, 8)]
    draw(on, square, RED, (100, 900, 900, 100))  # nearer on the right
    draw(on, square, BLUE, (900, 100, 100, 900))  # nearer on the left
    assert on[0].tolist() == [[BLUE] * 4 + [RED] * 4] * 8


@pytest.mark.parametrize("seed", range(20))
def test_neighbours_leave_no_gap_and_do_not_overlap(seed):
    rng = np.random.default_rng(seed)
    middle = rng.uniform(3, 13, 2)
    outline = [(0, 0), (16, 0), (16, 16), (0, 16)]
    count = np.zeros((16, 16), int)
    for i in range(4):
        on = canvas(16, 16)
        draw(on, [outline[i], outline[(i + 1) % 4], middle], RED)
        count += on[0] == RED
    assert (count == 1).all()


def test_a_thin_line_fades_and_does_not_break_up():
    on = canvas(16, 16)
    draw(on, [(5.0, 0), (5.25, 0), (9.25, 16), (9.0, 16)], 0xFFFFFF, thin=True, tested=False)
    np.testing.assert_array_equal((on[0] > 0).sum(axis=1), 1)  # one pixel in each row
    assert set((on[0][on[0] > 0] & 255).tolist()) <= {47, 63, 79}  # a quarter of a pixel wide: a quarter of white
    on = canvas(16, 16)
    draw(on, [(5.0, 0), (5.25, 0), (9.25, 16), (9.0, 16)], 0xFFFFFF, tested=False)
    assert (on[0].max(axis=1) == 0).any()


def test_a_thin_flat_line_fades_too():
    on = canvas()
    draw(on, [(1, 3.125), (7, 3.125), (7, 3.375), (1, 3.375)], 0xFFFFFF, thin=True, tested=False)
    np.testing.assert_array_equal(on[0][3] & 255, [0, 63, 63, 63, 63, 63, 63, 0])
    assert on[0].sum() == on[0][3].sum()


def test_far_outside_the_canvas_nothing_overflows():
    on = canvas()
    wide = 2**28 / 16
    draw(on, [(-wide, -wide), (wide, -wide), (wide, wide), (-wide, wide)], RED, (1, 2**29, 2**29, 1))
    assert (on[0] == RED).all()
    assert (np.abs(on[1] - 2**28) < 2**20).all()


def test_mixing_keeps_the_marks_of_what_is_below():
    assert fill.mixed(0x204060, 0x204060, 100) == 0x204060
    assert fill.mixed(0, 0xFF80FF, 128) == 0x7F407F
    assert fill.mixed(SHINES | 0x101010, 0xFFFFFF, 0) == SHINES | 0x101010


def test_normals_point_outwards():
    corners = np.array([(0, 0, 0), (0, 5, 0), (0, 5, 7), (0, 0, 7)], dtype=np.int64)
    assert fill.normals_of(corners, np.array([0, 4])).tolist() == [[1 << 14, 0, 0]]


def test_machine_code_joins_no_multiplication_with_an_addition():
    corners = np.array([0, 128, 128])
    anew = njit(error_model="numpy")(fill.fill.py_func)  # code that was kept on disk cannot be read
    anew(*canvas(), corners, corners[::-1].copy(), corners, 3, RED, False, True)
    (code,) = anew.inspect_asm().values()
    words = {line.split()[0] for line in code.splitlines() if line.split()}
    assert {"divsd", "vdivsd", "fdiv"} & words  # it is machine code with floating division
    assert not [word for word in words if word.startswith(("vfm", "vfnm", "fmadd", "fmla", "fmsub", "fnm"))]
