"""Which moments reinforcement learns from: disagreement by hand, bounds, and choices that no order changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causeway.errors import UnusableInput, UsageError
from causeway.training.curation import LARGEST, curate, disagreement

FEW = settings(max_examples=60, deadline=None)
LOGS, REWARDS = (arrays(np.float64, (3, 4), elements=st.floats(low, 0)) for low in (-700, -20))


def test_disagreement_of_two_known_distributions():
    logprobs, rewards = np.log([[0.9, 0.1], [0.9, 0.1]]), np.log([[0.9, 0.1], [0.1, 0.9]])
    agrees, opposes = disagreement(logprobs, rewards, beta=1.0)
    assert agrees == pytest.approx(0.0, abs=1e-12)
    assert opposes == pytest.approx(0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5))
    assert disagreement(np.array([[0.0, -800.0]]), np.array([[-800.0, 0.0]])) == pytest.approx([LARGEST])


def test_disagreement_is_larger_when_the_policy_prefers_the_worse():
    rewards = np.array([[1.0, 0.0, -1.0]] * 3)
    with_it, even, against = disagreement(np.array([[-1.0, -2, -3], [-2, -2, -2], [-3, -2, -1]]), rewards, beta=1.0)
    assert with_it < even < against


def test_a_member_without_a_reward_plays_no_part():
    with_it = disagreement(np.array([[-1.0, -2.0, -0.1]]), np.array([[0.0, 1.0, np.nan]]))
    assert with_it == pytest.approx(disagreement(np.array([[-1.0, -2.0]]), np.array([[0.0, 1.0]])))
    lone = disagreement(np.zeros((2, 2)), np.array([[np.nan, 1.0], [np.nan, np.nan]]))
    assert np.isnan(lone).all()


@FEW
@given(LOGS, REWARDS, st.floats(0.1, 5))
def test_disagreement_is_bounded_and_does_not_depend_on_the_members_order(logprobs, rewards, beta):
    found = disagreement(logprobs, rewards, beta)
    assert ((found >= 0) & (found <= LARGEST)).all()
    np.testing.assert_allclose(disagreement(logprobs[:, ::-1], rewards[:, ::-1], beta), found, atol=1e-12)
    np.testing.assert_allclose(disagreement(logprobs - 5.0, rewards + 2.0, beta), found, atol=1e-9)


@pytest.mark.parametrize(
    ("logprobs", "rewards"),
    [(np.zeros((2, 3)), np.zeros((2, 2))), (np.full((1, 2), -np.inf), np.zeros((1, 2))), (np.zeros(3), np.zeros(3)),
     (np.zeros((1, 2)), np.array([[0.0, np.inf]]))],
)  # fmt: skip
def test_what_is_no_group_is_refused(logprobs, rewards):
    with pytest.raises(UnusableInput):
        disagreement(logprobs, rewards)


IDS = [f"d@{i}" for i in range(20)]


def test_half_disagree_most_and_half_are_random():
    values = np.linspace(0, 0.6, 20)
    values[19] = np.nan
    chosen = curate(IDS, values, count=8, share=0.5, seed=3)
    assert chosen.disagreeing == ("d@18", "d@17", "d@16", "d@15")
    assert len(chosen.random) == 4
    assert not set(chosen.random) & set(chosen.disagreeing)
    assert chosen.told()["mix"] == {"disagreeing": 4, "random": 4}
    assert (chosen.told()["moments"], chosen.told()["unranked"]) == (20, 1)
    assert curate(IDS, values, 8, 0.5, seed=4).random != chosen.random


@FEW
@given(st.permutations(range(20)), st.integers(1, 30), st.floats(0, 1))
def test_neither_order_nor_ties_change_what_is_chosen(order, count, share):
    values = np.array([0.1, 0.2] * 10)
    chosen = curate(IDS, values, count, share)
    again = curate([IDS[i] for i in order], values[list(order)], count, share)
    assert again == chosen
    assert len(chosen.ids) == min(count, 20) == len(set(chosen.ids))


def test_groups_without_a_reward_are_only_ever_random():
    chosen = curate(IDS, np.full(20, np.nan), count=6)
    assert (chosen.disagreeing, len(chosen.random), chosen.unranked) == ((), 6, 20)


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"share": float("nan")}, {"count": 0}])
def test_a_share_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError):
        curate(IDS, np.zeros(20), **{"count": 4} | wrong)


@pytest.mark.parametrize("ids", [IDS[:-1], [*IDS[:-1], "d@0"]])
def test_ids_that_do_not_fit_are_refused(ids):
    with pytest.raises(UnusableInput):
        curate(ids, np.zeros(20), 4)
