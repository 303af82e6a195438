"""The expert's walks: the plain flow without noise, Gaussians by hand, scores that agree, and learning from a reward."""

import math

import numpy as np
import pytest
import torch

from causeway.errors import UsageError
from causeway.model import Policy, exploration
from causeway.model.attention import Prefix, Stretch
from causeway.model.expert import integrate
from causeway.model.exploration import (
    Walk,
    Walked,
    explore,
    flow_fit,
    gaussian_logprob,
    mean_of,
    means,
    spread,
    step_logprobs,
)
from causeway.model.rollouts import drive, driven_again
from tests.model.model_samples import make_sample

SAMPLES = [make_sample(i) for i in range(2)]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.from_scale("tiny", seed=3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@torch.no_grad()
def prefix_of(policy: Policy) -> Prefix:
    return policy.forward_tokens(policy.collate(SAMPLES[:2])).prefix


def test_without_noise_a_walk_is_the_flow_itself(policy):
    prefix, walk = prefix_of(policy), Walk(1, 5, 0.0)
    walked = explore(policy.expert, walk, prefix, seeded())
    flowed = integrate(policy.expert, walked.states[:, 0], prefix, 5)
    assert torch.allclose(walked.ends, flowed, atol=1e-5, rtol=1e-5)


def test_little_noise_stays_near_the_flow(policy):
    prefix = prefix_of(policy)
    gaps = []
    for level in (0.3, 0.03, 0.003):
        walked = explore(policy.expert, Walk(1, 5, level), prefix, seeded())
        flowed = integrate(policy.expert, walked.states[:, 0], prefix, 5)
        gaps.append(float((walked.ends - flowed).abs().max()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < gaps[0] / 2


def test_the_log_probability_is_the_gaussians():
    value, mean, std = torch.zeros(1, 64, 2), torch.full((1, 64, 2), 0.5), 0.25
    by_hand = -0.5 * (0.5 / 0.25) ** 2 - math.log(0.25) - 0.5 * math.log(2 * math.pi)
    assert float(gaussian_logprob(value, mean, std)) == pytest.approx(by_hand, rel=1e-6)


def test_a_step_is_the_published_one():
    walk, state, velocity = Walk(1, 5, 0.7), torch.tensor(0.4), torch.tensor(-1.2)
    left, dt = 0.6, 0.2  # the third of five
    std = 0.7 * math.sqrt(left / (1 - left))
    assert spread(walk, 2) == pytest.approx(std)
    published = 0.4 + (-1.2 - std**2 / (2 * left) * (0.4 - (1 - left) * -1.2)) * dt
    assert float(mean_of(walk, 2, state, velocity)) == pytest.approx(published, rel=1e-5)
    assert spread(walk, 0) == pytest.approx(0.7 * math.sqrt(1 / 0.2))  # finite where all is noise


def test_all_steps_scored_in_one_pass_are_the_samplers(policy):
    walk, prefix = Walk(3, 4, 0.7), prefix_of(policy).repeated(3)
    walked = explore(policy.expert, walk, prefix, seeded())
    mean = means(policy.expert, walk, walked, prefix)
    assert mean.requires_grad
    torch.testing.assert_close(step_logprobs(walk, walked, mean).detach(), walked.logprobs, atol=1e-4, rtol=1e-4)


def test_what_was_driven_behind_its_own_words_is_scored_as_it_was_sampled(policy):
    walk = Walk(2, 3, 0.5)
    ids, explored = drive(policy, SAMPLES[:2], 1.5, seeded(4), walk)
    now = driven_again(policy, SAMPLES[:2], ids, explored, walk)
    np.testing.assert_allclose(now.detach().numpy(), explored.logprobs, atol=1e-4)
    swapped = driven_again(policy, SAMPLES[:2], ids[::-1], explored, walk)
    assert float((swapped - now).abs().max()) > 1e-5  # other words, other probabilities
    now.sum().backward()
    assert all(weight.grad is None for weight in policy.backbone.parameters())
    assert policy.expert.write.weight.grad is not None
    policy.zero_grad()


class _Field(torch.nn.Module):
    """A vector field towards one learned point, whatever the prefix says."""

    def __init__(self) -> None:
        super().__init__()
        self.aim = torch.nn.Parameter(torch.zeros(1, 1, 2))

    def forward(self, noisy, time, prefix):
        return (self.aim - noisy) / (1.0 - time[:, None, None]).clamp_min(0.2)


def test_following_the_loss_raises_the_reward():
    from causeway.training.grpo import GrpoForm, Span, span_loss

    field, walk, generator, target = _Field(), Walk(8, 4, 0.7), seeded(), torch.tensor([1.0, -0.5])
    nothing = Prefix((Stretch((), (), torch.ones(4, 0, dtype=torch.bool)),), torch.zeros(32, dtype=torch.long))
    optimizer, rewards = torch.optim.Adam(field.parameters(), lr=0.05), []
    for _ in range(40):
        walked: Walked = explore(field, walk, nothing, generator)
        reward = -((walked.ends.mean(dim=1) - target) ** 2).sum(dim=-1).view(4, 8)
        now = step_logprobs(walk, walked, means(field, walk, walked, nothing))
        weight = exploration.step_weights(walk, now).expand_as(now)
        span = Span(reward, torch.ones_like(reward) > 0, now, walked.logprobs, torch.zeros_like(now), weight)
        optimizer.zero_grad()
        span_loss(GrpoForm(), span).backward()
        optimizer.step()
        rewards.append(float(reward.mean()))
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.5
    assert float((field.aim[0, 0] - target).norm()) < 0.6


class _Shift(torch.nn.Module):
    """The exact flow from noise to noise moved by a learned step: what it drives is spread around `aim`."""

    def __init__(self) -> None:
        super().__init__()
        self.aim = torch.nn.Parameter(torch.zeros(1, 1, 2))

    def forward(self, noisy, time, prefix):
        left = (1.0 - time)[:, None, None]
        share = time[:, None, None] / (time[:, None, None] ** 2 + left**2)
        expected = self.aim + share * (noisy - time[:, None, None] * self.aim)  # of the end, given what is seen now
        return (expected - noisy) / left.clamp_min(1e-3)


def _alone(rows: int) -> Prefix:
    return Prefix((Stretch((), (), torch.ones(rows, 0, dtype=torch.bool)),), torch.zeros(rows, dtype=torch.long))


def test_the_flow_fits_a_path_the_better_the_nearer_it_is_to_what_the_flow_drives():
    ends = torch.stack([torch.full((64, 2), value) for value in (0.0, 1.0, 3.0)])
    walked = Walked(torch.stack([torch.zeros(3, 64, 2), ends], dim=1), torch.zeros(3, 0))
    fit = flow_fit(_Shift(), walked, _alone(3), 64, seeded()).mean(dim=1)
    assert fit[0] > fit[1] > fit[2]
    assert fit.shape == (3,)
    torch.testing.assert_close(fit, flow_fit(_Shift(), walked, _alone(3), 64, seeded()).mean(dim=1))


def test_paths_that_earn_more_draw_the_flow_to_them():
    from causeway.training.grpo import GrpoForm, Span, span_loss

    field, walk, generator, target = _Shift(), Walk(1, 8, 0.0), seeded(), torch.tensor([0.5, -0.5])
    optimizer, rewards = torch.optim.Adam(field.parameters(), lr=0.05), []
    for _ in range(40):
        walked = explore(field, walk, _alone(32), generator)
        reward = -((walked.ends.mean(dim=1) - target) ** 2).sum(dim=-1).view(4, 8)
        now = flow_fit(field, walked, _alone(32), 4, generator)
        span = Span(reward, torch.ones_like(reward) > 0, now, now.detach(), torch.zeros_like(now), torch.ones_like(now))
        optimizer.zero_grad()
        span_loss(GrpoForm(), span).backward()
        optimizer.step()
        rewards.append(float(reward.mean()))
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.2
    assert float((field.aim[0, 0] - target).norm()) < 0.4


def test_a_walk_that_explores_nothing_is_refused():
    for wrong in ((0, 5, 0.7), (2, 1, 0.7), (2, 5, -0.1), (2, 5, float("nan"))):
        with pytest.raises(UsageError, match="use 1 or more draws"):
            Walk(*wrong)
