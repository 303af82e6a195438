import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.evaluation.statistics import Estimate, clusters_needed, exact, mean, quantile, wilson


def test_mean_and_unmeasured_values():
    found = mean([1.0, 3.0, np.nan, 5.0], ["a", "a", "b", "c"])
    assert (found.value, found.n, found.clusters) == (3.0, 3, 2)
    assert 1.0 <= found.low <= found.value <= found.high <= 5.0


def test_copies_of_a_clip_add_no_certainty():
    values, clusters = [1.0, 2.0, 3.0, 4.0], ["a", "b", "c", "d"]
    once = mean(values, clusters)
    often = mean(np.repeat(values, 50), np.repeat(clusters, 50))
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_one_clip_gives_no_interval():
    assert mean([1.0, 2.0], ["a", "a"]) == Estimate(1.5, None, None, 2, 1)
    assert mean([np.nan], ["a"]) == Estimate(None, None, None, 0)


def test_all_right_is_not_certain():
    found = mean([1.0] * 4, list("abcd"), share=True)
    assert found.high == pytest.approx(1.0)
    assert found.low == pytest.approx(0.5101, abs=1e-4), "Wilson's interval of 4 of 4"


def test_equal_shares_are_not_certain_though_their_sums_differ_in_the_last_digits():
    found = mean([0.1] * 9, list("abbcccddd"), share=True)
    assert found.high - found.low > 0.3


def test_wilson_by_hand():
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_same_seed_same_interval(rng):
    values, clusters = rng.normal(size=40), [str(i // 4) for i in range(40)]
    assert mean(values, clusters, 7) == mean(values, clusters, 7)
    assert mean(values, clusters, 7) != mean(values, clusters, 8)


def test_bootstrap_matches_the_normal_interval(rng):
    values = rng.normal(2.0, 3.0, 400)
    found = mean(values, [str(i) for i in range(400)])
    half = 1.96 * values.std() / 20
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.05)


def test_quantile_and_exact():
    found = quantile(np.arange(101.0), 0.99)
    assert found.value == 99.0
    assert found.low <= 99.0 <= found.high
    assert exact(3, 20) == Estimate(3, 3, 3, 20, 20)


def test_needed_clusters_follow_the_square_root():
    assert clusters_needed(Estimate(1.0, 0.5, 1.5, 10, 10), 1.25) == 40
    assert clusters_needed(Estimate(1.0, 0.5, 1.5, 10, 10), 1.0) is None
    assert clusters_needed(Estimate(1.0, None, None, 1, 1), 2.0) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_interval_stays_within_the_values(values):
    found = mean(values, [str(i) for i in range(len(values))])
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
