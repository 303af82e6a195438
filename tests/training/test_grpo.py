"""GRPO: advantages, both forms, and gradients that go the right way."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.errors import UsageError
from causeway.training.grpo import GrpoForm, Span, advantages, centred, has_signal, kl_estimate, span_loss

REWARDS = torch.tensor([[1.0, 0.0, 0.0, -1.0], [2.0, 2.0, 2.0, 2.0]])
ALL = torch.ones(2, 4, dtype=torch.bool)
FEW = settings(max_examples=40, deadline=None)


def test_a_group_that_hardly_differs_counts_by_its_spread_and_one_that_differs_is_not_touched():
    rewards = torch.tensor([[0.1, -0.1, 0.1, -0.1], [2.0, -2.0, 2.0, -2.0]])
    assert advantages(rewards, ALL, floor=0.5).tolist() == [pytest.approx([0.2, -0.2] * 2), [1.0, -1.0] * 2]
    assert advantages(rewards, ALL).tolist() == [pytest.approx([1.0, -1.0] * 2)] * 2
    form = GrpoForm(spread_floor=0.5)
    grown = [float(abs(torch.autograd.grad(span_loss(form, one), one.now)[0][0])) for one in map(_alike, rewards)]
    assert grown[0] == pytest.approx(0.2 * grown[1])


def _alike(rewards: torch.Tensor) -> Span:
    """One group whose members were equally likely."""
    now, nothing = torch.zeros(4, 1, requires_grad=True), torch.zeros(4, 1)
    return Span(rewards[None], ALL[:1], now, nothing, nothing, torch.ones(4, 1))


def test_advantages_are_centred_and_scaled_by_the_spread():
    assert centred(REWARDS, ALL)[0].tolist() == [1.0, 0.0, 0.0, -1.0]
    spread = 0.5**0.5
    assert advantages(REWARDS, ALL)[0].tolist() == pytest.approx([1 / spread, 0, 0, -1 / spread])
    assert advantages(REWARDS, ALL)[1].tolist() == [0.0] * 4


def test_groups_without_signal_are_found():
    assert has_signal(REWARDS, ALL).tolist() == [True, False]


@FEW
@given(st.floats(-5, 0), st.floats(-5, 0))
def test_the_kl_estimate_is_never_negative_and_zero_for_the_same_policy(one, two):
    p, q = torch.tensor(one), torch.tensor(two)
    assert kl_estimate(p, q) >= -1e-6
    assert kl_estimate(p, p) == 0.0


def loss_of(form, rewards, now, sampled, reference, mask, sound=None) -> torch.Tensor:
    there = torch.ones_like(rewards, dtype=torch.bool) if sound is None else sound
    return span_loss(form, Span(rewards, there, now, sampled, kl_estimate(now, reference), mask.float()))


def gradient(form: GrpoForm, rewards: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    sampled = torch.full((rewards.numel(), 3), -1.0)
    now = sampled.clone().requires_grad_(True)
    every = torch.ones_like(sampled, dtype=torch.bool) if mask is None else mask
    loss_of(form, rewards, now, sampled, sampled, every).backward()
    return now.grad


@pytest.mark.parametrize("name", ["softmax", "clipped"])
def test_a_step_makes_better_members_likelier_than_worse_ones(name):
    grad = gradient(GrpoForm(name), REWARDS)
    best, middle, _, worst = grad[:4, 0].tolist()
    assert best < middle < worst or (name == "softmax" and best < middle <= worst < 0)
    assert best < 0
    assert grad[4:].abs().sum() == 0  # the group without signal teaches nothing


@pytest.mark.parametrize("name", ["softmax", "clipped"])
def test_masked_tokens_get_no_gradient(name):
    mask = torch.tensor([[True, False, True]]).expand(8, 3)
    grad = gradient(GrpoForm(name), REWARDS, mask)
    assert grad[:, 1].abs().sum() == 0
    assert grad[0, 0] != 0


def test_the_softmax_form_is_the_printed_one():
    logprobs = torch.tensor([[-1.0, -3.0], [-2.0, -2.0]])
    mask = torch.ones(2, 2, dtype=torch.bool)
    rewards = torch.tensor([[1.0, 0.0]])
    weight = torch.softmax(3.0 * torch.tensor([0.5, -0.5]), dim=0)
    loss = loss_of(GrpoForm("softmax", beta=3.0), rewards, logprobs, logprobs, logprobs, mask)
    assert float(loss) == pytest.approx(float(-(weight * torch.tensor([-2.0, -2.0])).sum()))


@pytest.mark.parametrize(
    ("ratio", "gain", "expected"),
    [
        (1.5, +1.0, -1.28),  # a better member: no reward beyond 1.28
        (1.1, +1.0, -1.1),
        (0.5, -1.0, +0.8),  # a worse one: no reward below 0.8
        (1.5, -1.0, +1.5),
        (50.0, -1.0, +10.0),  # and no punishment beyond ten
    ],
)
def test_the_clipped_form_clips_asymmetrically(ratio, gain, expected):
    sampled = torch.zeros(2, 1)
    now = torch.tensor([[ratio], [1.0]]).log()
    mask = torch.tensor([[True], [False]])
    rewards = torch.tensor([[gain, -gain]])  # advantages ±1 after scaling by the spread
    loss = loss_of(GrpoForm("clipped"), rewards, now, sampled, now, mask)
    assert float(loss) * 2 == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["softmax", "clipped"])
def test_drifting_from_the_reference_costs(name):
    now, mask = torch.full((4, 2), -1.0), torch.ones(4, 2, dtype=torch.bool)
    same = loss_of(GrpoForm(name, kl_weight=0.5), REWARDS[:1], now, now, now, mask)
    drifted = loss_of(GrpoForm(name, kl_weight=0.5), REWARDS[:1], now, now, now - 1.0, mask)
    assert drifted > same


def test_an_unknown_form_is_refused():
    with pytest.raises(UsageError, match="'best'"):
        gradient(GrpoForm("best"), REWARDS)


@pytest.mark.parametrize("name", ["softmax", "clipped"])
def test_a_member_without_a_reward_teaches_nothing_and_moves_nobody(name):
    rewards = torch.tensor([[1.0, 0.0, -1.0], [1.0, 0.0, 9.0]])
    sound = torch.tensor([[True, True, True], [True, True, False]])
    sampled = torch.full((6, 3), -1.0)
    now, every = sampled.clone().requires_grad_(True), torch.ones(6, 3, dtype=torch.bool)
    loss_of(GrpoForm(name, kl_weight=0.0), rewards, now, sampled, sampled, every, sound).backward()
    assert now.grad[5].abs().sum() == 0
    assert now.grad[3, 0] < now.grad[4, 0]
    assert centred(rewards, sound)[1].tolist() == [0.5, -0.5, 0.0]
    assert has_signal(rewards, torch.tensor([[True, False, False], [False, False, False]])).tolist() == [False, False]


def test_a_group_in_which_all_failed_has_no_gradient_and_a_finite_loss():
    sampled, none = torch.full((2, 2), -1.0), torch.zeros(1, 2, dtype=torch.bool)
    for name in ("softmax", "clipped"):
        now = sampled.clone().requires_grad_(True)
        loss = loss_of(GrpoForm(name), torch.tensor([[3.0, 4.0]]), now, sampled, sampled, sampled < 0, none)
        loss.backward()
        assert float(loss.detach()) == 0.0
        assert now.grad.abs().sum() == 0


def test_what_is_not_a_choice_changes_no_mean():
    rewards, now = torch.tensor([[1.0, -1.0]]), torch.full((2, 4), -1.0)
    few = torch.tensor([[True, False, False, True]] * 2)
    noisy = now.clone()
    noisy[:, 1] = float("nan")
    assert loss_of(GrpoForm(), rewards, noisy, now, now, few) == loss_of(GrpoForm(), rewards, now, now, now, few)


def slope(form: GrpoForm, drift: float = 0.0) -> list[float]:
    """The loss's gradient by each of two members' choice; the first earned more."""
    sampled = torch.full((2, 1), -1.0)
    now = sampled.clone().requires_grad_(True)
    span = Span(torch.tensor([[1.0, 0.0]]), torch.ones(1, 2) > 0, now, sampled, drift * now.exp(), torch.ones(2, 1))
    span_loss(form, span).backward()
    return now.grad[:, 0].tolist()


def test_the_clipped_form_makes_the_better_member_likelier_and_the_worse_one_less_likely():
    better, worse = slope(GrpoForm("clipped"))
    assert better == pytest.approx(-0.5)
    assert worse == pytest.approx(0.5)


def test_the_softmax_form_makes_the_better_member_the_likelier():
    better, worse = slope(GrpoForm("softmax", beta=2.0))
    assert better == pytest.approx(-float(torch.sigmoid(torch.tensor(2.0))))
    assert better < worse < 0


def test_drift_is_a_cost_in_both_forms():
    for name in ("clipped", "softmax"):
        without, with_drift = slope(GrpoForm(name, kl_weight=0.0), 1.0), slope(GrpoForm(name, kl_weight=0.5), 1.0)
        assert all(more > less for more, less in zip(with_drift, without, strict=True))
