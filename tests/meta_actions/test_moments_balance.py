"""Quotas: how many of a scenario stay, and that the choice is always the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.errors import UsageError
from causeway.meta_actions.moments_balance import over_quota


def test_off_by_default_means_nothing_is_dropped():
    assert not over_quota(["a", "b"], ["slow", "slow"], 0, 1.0).any()
    assert over_quota([], [], 3, 0.5).tolist() == []


def test_no_more_than_so_many_of_each():
    scenarios = ["slow"] * 10 + ["nudge"] * 3
    dropped = over_quota([str(i) for i in range(13)], scenarios, 4, 1.0)
    assert (dropped[:10].sum(), dropped[10:].sum()) == (6, 0)


def test_no_more_than_a_share():
    scenarios = ["slow"] * 90 + ["nudge"] * 6 + ["stop"] * 4
    kept = ~over_quota([str(i) for i in range(100)], scenarios, 0, 0.5)
    # 10 of 20 are half; 11 of 21 would be more
    assert (kept[:90].sum(), kept.sum()) == (10, 20)
    two = ~over_quota([str(i) for i in range(100)], ["slow"] * 90 + ["nudge"] * 10, 0, 0.3)
    assert (two[:90].sum(), two[90:].sum()) == (10, 10)  # of two scenarios each may have half


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=60), st.integers(0, 8), st.floats(0.05, 1.0))
def test_limits_hold_and_order_does_not_matter(scenarios, most, share):
    ids = [f"m{i}" for i in range(len(scenarios))]
    kept = ~over_quota(ids, scenarios, most, share)
    sizes = np.array([sum(kept[i] for i, s in enumerate(scenarios) if s == name) for name in set(scenarios)])
    assert (sizes >= 1).all()
    assert not most or sizes.max() <= most
    assert sizes.max() <= max(1, max(share, 1 / len(sizes)) * sizes.sum() + 1e-9)
    back = ~over_quota(ids[::-1], scenarios[::-1], most, share)
    assert back[::-1].tolist() == kept.tolist()


@pytest.mark.parametrize(("most", "share"), [(-1, 1.0), (0, 0.0), (0, 1.5), (0, float("nan"))])
def test_limits_that_make_no_sense(most, share):
    with pytest.raises(UsageError):
        over_quota(["a"], ["slow"], most, share)
