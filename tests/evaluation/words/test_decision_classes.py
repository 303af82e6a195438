import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.evaluation.words.decision_classes import f1, f1_estimates, most_frequent

NAMES = st.sampled_from(["yield", "none", "lead_following"])


def test_f1_by_hand():
    known = ["yield", "yield", "none", "none"]
    said = ["yield", "none", "none", None]
    found = f1_estimates("longitudinal", said, known, ["a", "a", "b", "b"], 0)
    # yield: 1 hit, 1 said, 2 known; none: 1 hit, 2 said, 2 known
    assert found["longitudinal_f1@yield"][0].value == pytest.approx(2 / 3)
    assert found["longitudinal_f1@none"][0].value == pytest.approx(1 / 2)
    assert found["longitudinal_macro_f1"][0].value == pytest.approx(7 / 12)
    assert (found["longitudinal_f1@yield"][0].n, found["longitudinal_macro_f1"][0].n) == (2, 4)
    low, high = found["longitudinal_macro_f1"][0].low, found["longitudinal_macro_f1"][0].high
    # of the two clips alone: yield 2/3 and none 0; none 2/3
    assert low == pytest.approx(1 / 3, abs=1e-9)
    assert high == pytest.approx(2 / 3)


def test_what_is_said_and_never_known_drags_no_mean():
    found = f1_estimates("lateral", ["turn_left", "none"], ["none", "none"], ["a", "b"], 0)
    assert found["lateral_f1@turn_left"][0].value == 0.0
    assert found["lateral_f1@turn_left"][0].n == 0
    assert found["lateral_macro_f1"][0].value == pytest.approx(2 / 3)


def test_no_rows_and_one_clip():
    assert f1_estimates("lateral", [], [], [], 0) == {}
    alone = f1_estimates("lateral", ["none"], ["none"], ["a"], 0)["lateral_macro_f1"][0]
    assert (alone.value, alone.low, alone.high) == (1.0, None, None)


def test_most_frequent():
    assert most_frequent(["b", "a", "b"]) == ["b", "b", "b"]
    assert most_frequent(["b", "a"]) == ["a", "a"]
    assert most_frequent([]) == []


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=12))
def test_right_answers_score_one_and_every_score_is_a_share(pairs):
    known = [a for a, _ in pairs]
    clusters = [str(i // 2) for i in range(len(pairs))]
    right = f1_estimates("x", known, known, clusters, 0)
    assert {estimate.value for estimate, _ in right.values()} == {1.0}
    found = f1_estimates("x", [b for _, b in pairs], known, clusters, 0)
    assert all(0.0 <= estimate.low <= estimate.high <= 1.0 for estimate, _ in found.values() if estimate.low is not None)


def test_nothing_said_nothing_known_is_no_number():
    assert np.isnan(f1(np.array([[0, 0, 0]]))[0])
