"""Marks on asphalt: on the road, bound to it, the same every time; and a car that creeps sees another picture."""

import numpy as np
import pytest

from causeway.simulation.pictures import ground
from causeway.simulation.pictures.asphalt import ASPHALT, MOST_MARKS, marks_on, shaded
from causeway.simulation.roads.road import path_from_curvature
from tests.simulation.stage import pictured

STRAIGHT = (path_from_curvature([(100.0, 0.0)]), 6.0, 2.0)


def test_marks_lie_on_the_strip():
    corners = np.concatenate([quad for quad, _ in marks_on([STRAIGHT], ASPHALT)])
    assert corners[:, 0].min() >= 0.0
    assert corners[:, 0].max() <= STRAIGHT[0].length_m
    assert corners[:, 1].min() >= -2.0
    assert corners[:, 1].max() <= 6.0


def test_marks_follow_a_bend():
    bent = (path_from_curvature([(150.0, 0.02)]), 3.0, 3.0)
    corners = np.concatenate([quad for quad, _ in marks_on([bent], ASPHALT)])
    assert np.abs(bent[0].project(corners)[:, 1]).max() < 3.05


def test_as_many_as_the_area_asks_for_and_no_more_than_can_be_drawn():
    assert len(marks_on([STRAIGHT], ASPHALT)) == sum(int(100.0 * 8.0 * mark.each_m2) for mark in ASPHALT)
    endless = (path_from_curvature([(20_000.0, 0.0)], step_m=10.0), 6.0, 2.0)
    assert 0.99 * MOST_MARKS < len(marks_on([endless], ASPHALT)) <= MOST_MARKS
    assert marks_on([(STRAIGHT[0], 0.0, 0.0)], ASPHALT) == []


def test_one_texture_for_a_road_another_for_the_next():
    both = marks_on([STRAIGHT, STRAIGHT], ASPHALT)
    half = len(both) // 2
    one, other = (np.concatenate([quad for quad, _ in part]) for part in (both[:half], both[half:]))
    assert np.array_equal(one, np.concatenate([quad for quad, _ in marks_on([STRAIGHT], ASPHALT)]))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("shade", "expected"), [(256, (100, 101, 255)), (128, (50, 50, 127)), (276, (107, 108, 255))])
def test_a_shade_is_a_share_of_the_road(shade, expected):
    assert shaded((100, 101, 255), shade) == expected


def creeping():
    """Mean grey difference of two pictures of a road without paint, from places 0.1 m apart."""
    first, second = (pictured(paint=(), pose=(x, 0.0, 0.0)).mean(axis=-1) for x in (10.0, 10.1))
    return float(np.abs(first - second).mean())


def test_a_car_that_creeps_over_a_bare_road_sees_another_picture(monkeypatch):
    marked = creeping()
    monkeypatch.setattr(ground, "marks_on", lambda strips, kinds: [])
    assert creeping() < 0.05
    assert marked > 0.25
