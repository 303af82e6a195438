"""Smoothing, hysteresis, cuts and settling on arrays small enough to do by hand."""

import numpy as np
import pytest

from causeway.meta_actions.segments import Codes, bands, cut, events, is_above, settle, zones
from causeway.meta_actions.ticks import rate_per_s, smooth, span_seconds, spans_of, ticks_of


def test_smoothing_keeps_a_ramp_and_spreads_a_spike():
    ramp = np.arange(8.0)
    assert smooth(ramp, 5) == pytest.approx(ramp)
    assert smooth(np.array([0, 0, 0, 5.0, 0, 0, 0]), 5) == pytest.approx([0, 0, 1, 1, 1, 0, 0])
    assert smooth(np.array([0, 3.0, 0]), 5) == pytest.approx([0, 1, 0])
    assert smooth(np.array([7.0]), 5) == pytest.approx([7])
    assert smooth(np.array([[7.0, 9.0], [1.0, 2.0]]), 5) == pytest.approx(np.array([[7, 9], [1, 2]]))


def test_rate_uses_the_real_time_between_ticks():
    values, t_us = np.array([0, 1.0, 4.0]), np.array([0, 100_000, 300_000])
    assert span_seconds(t_us) == pytest.approx([0.1, 0.3, 0.2])
    assert rate_per_s(values, span_seconds(t_us)) == pytest.approx([10, 4 / 0.3, 15])
    assert rate_per_s(np.array([3.0]), span_seconds(np.array([0]))) == pytest.approx([0])


def test_change_and_mean_of_segments_made_of_stretches():
    t_us, speed = np.arange(6) * 100_000, np.array([[0, 0, 2.0, 4, 4, 4], [1, 1, 1, 1, 1, 3]])
    ticks = ticks_of(t_us, speed, 1)
    spans = spans_of(ticks, np.array([0, 2, 6, 9]))
    first, last = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 3])
    assert spans.seconds()(first, last) == pytest.approx([0.15, 0.5, 0.35, 0.5])
    assert spans.change(ticks.speed_mps)(first, last) == pytest.approx([1, 4, 3, 2])
    assert spans.mean(ticks.speed_mps, ticks.speed_sum)(first, last) == pytest.approx([0, 14 / 6, 14 / 4, 8 / 6])


def test_hysteresis_enters_above_and_leaves_below():
    values, start = np.array([0, 1.1, 1.2, 1.0, 0.9, 0.8, 1.0]), np.arange(7) == 0
    assert is_above(values, start, 1.0, 0.15).tolist() == [False, False, True, True, True, False, False]
    # the first tick of a row has no past
    assert is_above(np.array([1.05, 1.05, 0.95]), np.array([1, 0, 1]) > 0, 1.0, 0.15).tolist() == [True, True, False]


def test_bands_of_mirror_images_are_opposite():
    values, start = np.array([0, 0.2, 2.0, 0.2, -0.2, -2.0, 0]), np.arange(7) == 0
    assert bands(values, start, (0.1, 1.25), 0.15).tolist() == [0, 1, 2, 1, -1, -2, 0]
    assert (bands(-values, start, (0.1, 1.25), 0.15) == -bands(values, start, (0.1, 1.25), 0.15)).all()


def test_bands_change_only_where_a_zone_is_entered():
    values = np.random.default_rng(0).normal(0, 1, (3, 400)).cumsum(axis=1)
    at = events(zones(values, (0.5, 3.0), 0.15))
    flat, start = values.reshape(-1), np.arange(1200) % 400 == 0
    everywhere = bands(flat, start, (0.5, 3.0), 0.15)
    there = bands(flat[at], start[at], (0.5, 3.0), 0.15)
    assert 10 < len(at) < 800
    assert (np.repeat(there, np.diff(at, append=1200)) == everywhere).all()


def pieces_of(*rows, least=3, quiet=3):
    band = np.array(rows)
    at = events(band.astype(np.int8))
    flat = band.reshape(-1)[at]
    found = cut(at, flat, np.sign(flat), band.shape, least, quiet)
    return list(zip(found.starts.tolist(), found.sign.tolist(), strict=True))


def test_a_band_held_too_shortly_belongs_to_what_follows():
    assert pieces_of([0] * 5 + [1] * 2 + [2] * 5 + [0] * 6) == [(0, 0), (5, 1), (12, 0)]
    assert pieces_of([0] * 5 + [1] * 2 + [0] * 9) == [(0, 0), (5, 0)]  # a blip: two pieces of one band
    assert pieces_of([1] * 2 + [0] * 9) == [(0, 0)]


def test_where_an_effort_fades_a_short_band_belongs_to_it():
    assert pieces_of([0] * 4 + [1] + [2] * 5 + [1] * 2 + [0] * 6) == [(0, 0), (4, 1), (12, 0)]
    assert pieces_of([2] * 5 + [1, -1] + [0] * 6) == [(0, 1), (6, 0)]
    assert pieces_of([2] * 5 + [-1, 1] + [0] * 6) == [(0, 1), (5, 0)]
    assert pieces_of([2] * 5 + [1] + [3] * 6) == [(0, 1), (5, 1)]  # it does not fade
    assert pieces_of([2] * 5 + [1] + [-2] * 6) == [(0, 1), (6, -1)]


def test_no_piece_begins_close_to_the_end_and_rows_are_apart():
    assert pieces_of([0] * 9 + [1] * 3) == [(0, 0)]
    assert pieces_of([0] * 8 + [1] * 4) == [(0, 0), (8, 1)]
    assert pieces_of([0] * 5 + [1, 0, 1, 0, 1, 0, 0]) == [(0, 0), (5, 0)]
    assert pieces_of([1, -1, 1, -1, 1, -1, 1]) == [(0, -1)]  # only the last band that may begin is held
    assert pieces_of([1, -1, 1], quiet=0) == [(0, 1)]  # none is: the last one counts
    assert pieces_of([1] * 5, [-1] * 5) == [(0, 1), (5, -1)]


CODES = Codes(0, np.array([True, False, False]), np.array([0, 1, -1]), np.array([5, 5, 5]))


def settled(bands_of_rows, code_of_piece, code_by_rate=None):
    band = np.array(bands_of_rows)
    at = events(band.astype(np.int8))
    flat = band.reshape(-1)[at]
    pieces = cut(at, flat, np.sign(flat), band.shape, 1, 0)

    def classify(first, last):
        return np.array([code_of_piece(int(a), int(b)) for a, b in zip(first, last, strict=True)], dtype=np.int8)

    return settle(pieces, classify, classify if code_by_rate is None else code_by_rate, CODES).tolist()


def test_short_segments_join_the_one_before_and_at_the_start_the_one_after():
    codes = {0: 1, 1: 0, 2: 1, 3: 0}
    names = settled([[1] * 4 + [0] * 10 + [2] * 4 + [0] * 6], lambda a, b: codes[a] if a == b else 0)
    assert names == [[0] * 24]


def test_rows_do_not_lend_each_other_names():
    assert settled([[1] * 4, [-1] * 4], lambda a, b: 1 + a) == [[1] * 4, [2] * 4]


def test_a_short_effort_goes_to_its_own_side():
    codes = {0: 0, 1: 1, 2: 2, 3: 1}
    sides = [[0] * 6 + [1] * 3 + [-1] * 6 + [1] * 6]
    assert settled(sides, lambda a, b: codes[a]) == [[0] * 9 + [2] * 6 + [1] * 6]
    sides, codes = [[0] * 6 + [1] * 3 + [2] * 6], {0: 0, 1: 1, 2: 1}
    assert settled(sides, lambda a, b: codes[a]) == [[0] * 6 + [1] * 9]


def test_weak_parts_belong_to_the_effort_they_are_in():
    sides = [[0] * 8 + [1] * 8 + [2] * 8 + [1] * 8 + [0] * 8]
    strong = {2}
    assert settled(sides, lambda a, b: int(bool(strong & {*range(a, b + 1)}))) == [[0] * 8 + [1] * 24 + [0] * 8]
    assert settled(sides, lambda a, b: 0) == [[0] * 40]
    as_a_whole = lambda a, b: int((a, b) == (1, 3))  # noqa: E731
    assert settled(sides, as_a_whole, lambda a, b: np.zeros(len(a), dtype=np.int8)) == [[0] * 40]
    lean = settled(sides, as_a_whole, lambda a, b: np.ones(len(a), dtype=np.int8))
    assert lean == [[0] * 8 + [1] * 24 + [0] * 8]
