"""Smoothing, hysteresis and cuts on arrays small enough to do by hand."""

import numpy as np
import pytest

from causeway.meta_actions.config import DetectorConfig
from causeway.meta_actions.segments import bands, first_ticks, is_above, rate_per_s, settle, smooth, tick_seconds


def test_smoothing_keeps_a_ramp_and_spreads_a_spike():
    ramp = np.arange(8.0)
    assert smooth(ramp, 5) == pytest.approx(ramp)
    assert smooth(np.array([0, 0, 0, 5.0, 0, 0, 0]), 5) == pytest.approx([0, 0, 1, 1, 1, 0, 0])
    assert smooth(np.array([0, 3.0, 0]), 5) == pytest.approx([0, 1, 0])
    assert smooth(np.array([7.0]), 5) == pytest.approx([7])


def test_rate_uses_the_real_time_between_ticks():
    values, t_us = np.array([0, 1.0, 4.0]), np.array([0, 100_000, 300_000])
    assert rate_per_s(values, t_us) == pytest.approx([10, 4 / 0.3, 15])
    assert rate_per_s(np.array([3.0]), np.array([0])) == pytest.approx([0])
    assert tick_seconds(t_us) == pytest.approx([0.1, 0.2, 0.2])


def test_hysteresis_enters_above_and_leaves_below():
    values = np.array([0, 1.1, 1.2, 1.0, 0.9, 0.8, 1.0])
    assert is_above(values, 1.0, 0.15).tolist() == [False, False, True, True, True, False, False]
    assert is_above(np.array([1.05, 1.05]), 1.0, 0.15).tolist() == [True, True]  # the first tick has no past


def test_bands_of_mirror_images_are_opposite():
    values = np.array([0, 0.2, 2.0, 0.2, -0.2, -2.0, 0])
    assert bands(values, (0.1, 1.25), 0.15).tolist() == [0, 1, 2, 1, -1, -2, 0]
    assert (bands(-values, (0.1, 1.25), 0.15) == -bands(values, (0.1, 1.25), 0.15)).all()


def test_no_cut_close_to_another_one_or_to_the_end():
    band = np.array([[0, 0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]])
    assert first_ticks(band, DetectorConfig()).tolist() == [0, 4, 12]


def test_short_segments_join_the_one_before_and_at_the_start_the_one_after():
    band = np.array([[1] * 4 + [0] * 10 + [2] * 4 + [0] * 6])
    codes = settle(band, lambda starts: band.ravel()[starts], np.array([5, 5, 5]), DetectorConfig())
    assert codes.tolist() == [[0] * 24]
    alone = np.array([[1] * 4, [2] * 4])
    codes = settle(alone, lambda starts: alone.ravel()[starts], np.array([5, 5, 5]), DetectorConfig())
    assert codes.tolist() == alone.tolist()  # rows do not lend each other names
