"""AlpaSim's shrunk, rounded boxes against gaps worked out by hand, and against whole boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.evaluation.driving.alpasim_boxes import rounded_touch
from causeway.simulation.events.contacts import meetings

OWN = np.array([0.0, 0.0, 0.0, 4.0, 2.0])


def other(x=0.0, y=0.0, yaw=0.0, length=4.0, width=2.0):
    return np.array([[x, y, yaw, length, width]])


@pytest.mark.parametrize(
    ("x", "y", "touches"),
    [
        (3.91, 0.0, True),  # bumpers: 2 × 1.96 m
        (3.93, 0.0, False),  # whole boxes touch until 4 m
        (0.0, 1.95, True),  # sides: 2 × 0.98 m
        (0.0, 1.97, False),
        (3.9, 1.9, False),  # corners are round: radius 0.49 m
        (3.5, 1.5, True),
    ],
)
def test_smaller_and_round(x, y, touches):
    assert rounded_touch(OWN, other(x, y)) is touches


def test_nobody_there():
    assert not rounded_touch(OWN, np.empty((0, 5)))


@given(st.floats(-6, 6), st.floats(-6, 6), st.floats(-3.1, 3.1), st.floats(0.5, 8.0), st.floats(0.5, 3.0))
def test_symmetric_and_never_where_whole_boxes_are_apart(x, y, yaw, length, width):
    box = other(x, y, yaw, length, width)
    touches = rounded_touch(OWN, box)
    assert touches == rounded_touch(box[0], OWN[None])
    assert not touches or meetings(OWN, np.zeros(2), box, np.zeros((1, 2)), 60.0)[0].any()
