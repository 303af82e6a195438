"""Stage four: what a rollout earns, that truncation earns nothing, and that a step follows its rewards."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from causeway.errors import CausewayError, UsageError
from causeway.model import Policy
from causeway.model.action_space import trajectory_from_controls
from causeway.model.prediction import Sequences
from causeway.training import reinforcement
from causeway.training.config import RlConfig
from causeway.training.reinforcement import form_of, mix_of, reinforcement_loss, score
from causeway.training.rewards import REWARDS, RewardMix
from tests.training.examples import GO, STOP, example_samples

SAMPLES = example_samples(2)


def rollout(texts: list[str], accel_mps2: list[float], truncated: list[bool] | None = None) -> Sequences:
    """Members of two groups with the traces and accelerations given, everything else made up."""
    rows, group = len(texts), len(texts) // 2
    controls = np.zeros((rows, 64, 2), np.float32)
    controls[..., 0] = np.array(accel_mps2)[:, None]
    speed = np.repeat([s.observation.speed_mps for s in SAMPLES], group)
    return Sequences(
        reasoning_ids=((1, 2),) * rows,
        reasoning_text=tuple(texts),
        truncated=np.array(truncated or [False] * rows),
        action_tokens=np.zeros((rows, 128), np.int64),
        reasoning_logprobs=np.zeros((rows, 2), np.float32),
        reasoning_mask=np.ones((rows, 2), bool),
        action_logprobs=np.zeros((rows, 128), np.float32),
        controls=controls,
        trajectory_rig=np.float32(trajectory_from_controls(controls, speed)),
        temperature=1.0,
        group=group,
    )


def test_a_rollout_like_its_label_earns_more_of_everything():
    rolled = rollout([STOP, GO, GO, STOP], [-1.5, 2.0, 0.0, -1.5])  # right, wrong | right, wrong
    parts = score(SAMPLES, rolled, RewardMix(progress=1.0))
    assert set(parts) == set(REWARDS) - {"collision"}  # no agents were recorded with a sample
    for name in ("displacement", "reasoning_grade"):
        assert parts[name][0] > parts[name][1], name
        assert parts[name][2] > parts[name][3], name
    assert parts["consistency"].tolist() == [1.0, 0.0, 1.0, 0.0] or parts["consistency"][0] == 1.0
    assert parts["reasoning_grade"].tolist() == [5.0, 2.0, 5.0, 2.0]


def test_comfort_and_jerk_see_the_step_from_the_vehicle_as_it_is_at_t0():
    hard = score(SAMPLES, rollout([STOP] * 4, [-1.0, -6.0, 0.0, 5.0]), RewardMix())
    assert hard["comfort"][1] < hard["comfort"][0] <= 1.0
    assert hard["comfort"][3] < hard["comfort"][2] == 1.0


def test_a_reasoning_that_was_cut_off_earns_the_least():
    parts = score(SAMPLES, rollout([STOP] * 4, [-1.5] * 4, [True, False, False, False]), RewardMix())
    assert parts["reasoning_grade"].tolist() == [0.0, 5.0, 2.0, 2.0]
    assert parts["consistency"][0] == 0.0
    assert parts["consistency"][1] == 1.0


def test_weight_zero_is_not_computed():
    none = dict.fromkeys((field.name for field in fields(RewardMix)), 0.0)
    parts = score(SAMPLES, rollout([STOP] * 4, [0.0] * 4), RewardMix(**none | {"jerk": 1.0}))
    assert list(parts) == ["jerk"]


def test_a_config_gives_its_weights_and_form():
    config = RlConfig(jerk=0.7, form="softmax", clip_high=0.5)
    assert mix_of(config).jerk == 0.7
    assert form_of(config).name == "softmax"
    assert form_of(config).clip_high == 0.5
    with pytest.raises(UsageError, match="weight comfort"):
        mix_of(replace(config, comfort=-0.1))


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.from_scale("tiny", seed=3)


def test_a_policy_and_its_own_sampler_agree(policy):
    loss = reinforcement_loss(policy, RlConfig(group_size=2))
    parts = loss(SAMPLES[:1], torch.Generator().manual_seed(0))
    assert parts["logprob_gap_text"] < 1e-4
    assert parts["logprob_gap_action"] < 1e-4
    assert parts["kl_text"] == pytest.approx(0.0, abs=1e-4)


def test_a_sampler_that_disagrees_is_an_error(policy, monkeypatch):
    original = Policy.sample_sequences

    def stale(self, *arguments):
        rolled = original(self, *arguments)
        return replace(rolled, action_logprobs=rolled.action_logprobs + 0.5)

    monkeypatch.setattr(Policy, "sample_sequences", stale)
    with pytest.raises(CausewayError, match=r"differ by 0\.500 nats per action token"):
        reinforcement_loss(policy, RlConfig(group_size=2))(SAMPLES[:1], torch.Generator().manual_seed(0))


def test_one_step_makes_the_member_with_the_higher_reward_likelier(policy, monkeypatch):
    """The reward here is how often a row chose to accelerate: a small step along the gradient favours such rows."""
    config = RlConfig(group_size=4, kl_weight=0.0, consistency=0.0, reasoning_grade=0.0)
    made = {}
    original = Policy.sample_sequences

    def kept(self, *arguments):
        made["rolled"] = original(self, *arguments)
        return made["rolled"]

    def liked(samples, rolled, mix):
        return {"displacement": (rolled.controls[..., 0] > 0).mean(axis=1)}

    monkeypatch.setattr(Policy, "sample_sequences", kept)
    monkeypatch.setattr(reinforcement, "score", liked)
    loss = reinforcement_loss(policy, config)(SAMPLES[:1], torch.Generator().manual_seed(1))["loss"]
    weights = list(policy.backbone.parameters())
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    before = policy.sequence_logprobs(SAMPLES[:1], made["rolled"])[1].detach().sum(dim=1).view(1, 4)
    state = {name: value.clone() for name, value in policy.state_dict().items()}
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                weight.sub_(1e-3 * gradient)
    after = policy.sequence_logprobs(SAMPLES[:1], made["rolled"])[1].detach().sum(dim=1).view(1, 4)
    policy.load_state_dict(state)
    gained, earned = after - before, torch.tensor(liked(None, made["rolled"], None)["displacement"]).view(1, 4)
    centred = earned - earned.mean(dim=1, keepdim=True)
    assert float((gained * centred).sum()) > 0
