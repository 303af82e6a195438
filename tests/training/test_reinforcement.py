"""Stage four: what a rollout earns, that truncation earns nothing, and that a step follows its rewards."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from causeway.errors import CausewayError, UsageError
from causeway.model import Policy
from causeway.model.action_space import trajectory_from_controls
from causeway.model.exploration import Walk
from causeway.model.prediction import Sequences
from causeway.model.surroundings import Agents, Surroundings
from causeway.training import reinforcement
from causeway.training.config import RlConfig
from causeway.training.curated_samples import curated
from causeway.training.grpo import Span
from causeway.training.mixes import MIXES, mix_named
from causeway.training.reinforcement import WALK, form_of, reinforcement_loss, total_of
from causeway.training.rewards import REWARDS, RewardMix
from causeway.training.rolling import driven_by_tokens, groups_of, joined, roll, silent_groups, walk_of
from causeway.training.safety_rewards import NAMES as SAFETY
from causeway.training.scoring import ACTION, TEXT, Driven, Pay, earned_of
from causeway.training.step import _asks_around
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


def driven(*arguments) -> Driven:
    return driven_by_tokens(SAMPLES, rollout(*arguments))


def paid(**weights: float) -> Pay:
    none = dict.fromkeys((field.name for field in fields(RewardMix)), 0.0)
    return Pay(RewardMix(**none | weights))


def test_a_rollout_like_its_label_earns_more_of_everything():
    rolled = driven([STOP, GO, GO, STOP], [-1.5, 2.0, 0.0, -1.5])  # right, wrong | right, wrong
    pay = Pay(mix_named("safety", "progress=1"))
    words, paths = earned_of(rolled, pay, TEXT), earned_of(rolled, pay, ACTION)
    assert set(words.parts) | set(paths.parts) == set(pay.mix.wanted())
    assert paths.parts["displacement"][0] > paths.parts["displacement"][1]
    assert words.parts["reasoning_grade"].tolist() == [5.0, 2.0, 5.0, 2.0]
    assert words.parts["consistency"][0] == 1.0
    assert paths.parts["collision"].tolist() == [0.0] * 4  # nobody knows who was there: no reward, for all members


def test_comfort_and_jerk_see_the_step_from_the_vehicle_as_it_is_at_t0():
    hard = earned_of(driven([STOP] * 4, [-1.0, -6.0, 0.0, 5.0]), paid(comfort=1.0), ACTION).parts["comfort"]
    assert hard[1] < hard[0] <= 1.0
    assert hard[3] < hard[2] == 1.0


def test_a_cut_reasoning_and_a_path_that_is_no_number_are_counted_and_never_paid():
    rolled = rollout([STOP] * 4, [-1.5] * 4, [True, False, False, False])
    broken = rolled.trajectory_rig.copy()
    broken[2, 5, 0] = np.nan
    found = earned_of(driven_by_tokens(SAMPLES, replace(rolled, trajectory_rig=broken)), paid(displacement=1.0), ACTION)
    assert found.sound.tolist() == [False, True, False, True]
    assert (found.counts["truncated"], found.counts["not_finite"], found.counts["unparseable"]) == (1, 1, 0)
    assert found.parts["displacement"][[0, 2]].tolist() == [0.0, 0.0]


def test_a_drive_without_tracks_or_map_is_counted_and_lowers_no_mean():
    around = Surroundings(Agents(np.zeros((0, 64, 3), np.float32), np.zeros((0, 2), np.float32),
                                 np.zeros((0, 64), bool), ()), None)  # fmt: skip
    rolled = replace(driven([STOP] * 4, [0.0] * 4), samples=[SAMPLES[0]] * 2 + [replace(SAMPLES[1], around=around)] * 2)
    found = earned_of(rolled, paid(collision=1.0, off_road=1.0), ACTION)
    assert (found.counts["without_collision"], found.counts["without_off_road"]) == (2, 4)
    found.parts["collision"][2:] = -1.0
    assert found.means()["collision"] == -1.0  # of the two rows that have it


def test_the_default_mix_asks_for_nothing_that_a_drive_may_lack():
    assert not set(mix_named(RlConfig().mix).wanted()) & set(SAFETY)
    assert not _asks_around(RlConfig())
    assert _asks_around(RlConfig(mix="safety"))
    assert _asks_around(RlConfig(weights="off_road=1"))


def test_weight_zero_is_not_computed():
    assert list(earned_of(driven([STOP] * 4, [0.0] * 4), paid(jerk=1.0), ACTION).parts) == ["jerk"]


def test_the_papers_rows_are_three_names_and_each_has_what_the_one_before_has():
    wanted = [set(MIXES[name].wanted()) for name in ("reasoning", "consistency", "safety")]
    assert wanted[0] == {"reasoning_grade"}
    assert wanted[0] < wanted[1] < wanted[2]
    assert {"collision", "clearance", "off_road", "displacement"} <= wanted[2] - wanted[1]


def test_a_config_reaches_every_weight():
    for name in REWARDS:
        assert getattr(mix_named("safety", f"{name}=0.7, jerk=0.1"), name) == (0.1 if name == "jerk" else 0.7)
    with pytest.raises(UsageError, match="weight comfort"):
        mix_named("safety", "comfort=-0.1")
    for wrong in ("speed=1", "jerk=much"):
        with pytest.raises(UsageError, match="weights"):
            mix_named("safety", wrong)
    with pytest.raises(UsageError, match="'joy'"):
        mix_named("joy")
    assert form_of(RlConfig(form="softmax", clip_high=0.5)).clip_high == 0.5


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.from_scale("tiny", seed=3)


@pytest.fixture(scope="module")
def rolled(policy) -> Sequences:
    """Two members of each sample, two walks behind each."""
    return policy.sample_sequences(SAMPLES, 2, 1.0, torch.Generator().manual_seed(0), Walk(2))


def replayed(monkeypatch, made: Sequences) -> None:
    """Let the next rolls be this one: what is tested is what happens to it."""
    monkeypatch.setattr(Policy, "sample_sequences", lambda *arguments: made)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_policy_and_its_own_sampler_agree_and_the_expert_learns_from_its_walks(policy):
    config = RlConfig(group_size=2, refills=0, mix="safety", walk_draws=3)
    parts = reinforcement_loss(policy, config, SAMPLES)(SAMPLES, seeded())
    assert max(parts[f"logprob_gap_{span}"] for span in ("text", "action", "walk")) < 1e-4
    assert parts["kl_text"] == pytest.approx(0.0, abs=1e-4)
    assert parts["choices_walk"] == 5
    assert {"reward_displacement_walk", "reward_collision_action", "reward_reasoning_grade_text"} <= set(parts)
    parts["loss"].backward()
    assert policy.expert.write.weight.grad is not None
    policy.zero_grad()


def test_a_sampler_that_disagrees_is_an_error(policy, rolled, monkeypatch):
    replayed(monkeypatch, replace(rolled, explored=None, action_logprobs=rolled.action_logprobs + 0.5))
    with pytest.raises(CausewayError, match=r"differ by 0\.500 nats per action choice"):
        reinforcement_loss(policy, RlConfig(group_size=2, refills=0), SAMPLES)(SAMPLES, seeded())


@pytest.mark.parametrize("config", [RlConfig(), RlConfig(mix="reasoning", walk_draws=2)])
def test_without_walks_or_a_reward_for_what_is_driven_nothing_is_explored(policy, rolled, monkeypatch, config):
    assert walk_of(config, Pay(mix_named(config.mix))) is None
    replayed(monkeypatch, replace(rolled, explored=None))
    parts = reinforcement_loss(policy, replace(config, group_size=2, refills=0), SAMPLES)(SAMPLES, seeded())
    assert not [name for name in parts if name.endswith("_walk")]
    assert parts["flow"] > 0


def test_a_group_whose_words_all_fail_is_counted_and_never_paid(policy, rolled, monkeypatch):
    replayed(monkeypatch, replace(rolled, explored=None, reasoning_text=("So be it.",) * 2 + rolled.reasoning_text[2:]))
    parts = reinforcement_loss(policy, RlConfig(group_size=2, refills=0), SAMPLES)(SAMPLES, seeded())
    assert (parts["unparseable_text"], parts["failed_groups_text"], parts["failed_groups_action"]) == (2, 1, 1)
    assert np.isfinite(float(parts["loss"].detach()))


def test_one_step_makes_the_member_with_the_higher_reward_likelier(policy, monkeypatch):
    """The reward here is how often a row chose to accelerate: a small step along the gradient favours such rows."""
    config, made = RlConfig(group_size=4, kl_weight=0.0, refills=0, weights="consistency=0,consistency_graded=0"), {}
    original = Policy.sample_sequences

    def kept(self, *arguments):
        made["rolled"] = original(self, *arguments)
        return made["rolled"]

    def liked(driven, pay, span):
        found = earned_of(driven, paid(displacement=1.0), span)
        if span == ACTION and len(driven.texts) == 4:
            found.parts["displacement"][:] = (made["rolled"].controls[..., 0] > 0).mean(axis=1)
        return found

    monkeypatch.setattr(Policy, "sample_sequences", kept)
    monkeypatch.setattr(reinforcement, "earned_of", liked)
    loss = reinforcement_loss(policy, config, SAMPLES)(SAMPLES[:1], torch.Generator().manual_seed(1))["loss"]
    weights = list(policy.backbone.parameters())
    gradients = torch.autograd.grad(loss, weights, allow_unused=True)
    before = policy.rescored(SAMPLES[:1], made["rolled"]).actions.detach().sum(dim=1).view(1, 4)
    state = {name: value.clone() for name, value in policy.state_dict().items()}
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                weight.sub_(1e-3 * gradient)
    after = policy.rescored(SAMPLES[:1], made["rolled"]).actions.detach().sum(dim=1).view(1, 4)
    policy.load_state_dict(state)
    earned = torch.tensor((made["rolled"].controls[..., 0] > 0).mean(axis=1)).view(1, 4)
    centred = earned - earned.mean(dim=1, keepdim=True)
    assert float(((after - before) * centred).sum()) > 0


def test_groups_of_two_rolls_become_one_and_keep_their_rows(policy, rolled):
    one, two = policy.sample_sequences(SAMPLES, 2, 1.0, seeded(1), Walk(2)), rolled
    taken = groups_of(joined(one, two), np.array([3, 0]))
    assert taken.reasoning_text == two.reasoning_text[2:] + one.reasoning_text[:2]
    np.testing.assert_array_equal(taken.explored.states, np.concatenate([two.explored.states[4:], one.explored.states[:4]]))
    assert taken.reasoning_mask.sum(axis=1).tolist() == [len(ids) for ids in taken.reasoning_ids]
    scores = policy.rescored([SAMPLES[1], SAMPLES[0]], taken, Walk(2))
    np.testing.assert_allclose(scores.reasoning.detach().numpy(), taken.reasoning_logprobs, atol=1e-4)


def test_a_silent_group_gives_way_to_another_moment_and_is_counted(policy, monkeypatch):
    many, pay = example_samples(4), paid(reasoning_grade=1.0)
    config = RlConfig(group_size=2, mix="reasoning")
    first = rollout([GO, GO, STOP, GO], [0.0] * 4)  # the first group all say the same
    other = rollout([STOP, GO, STOP, GO], [-1.0] * 4)
    assert silent_groups(many[:2], first, pay).tolist() == [0]
    rolls = [groups_of(other, np.array([0])), first]
    monkeypatch.setattr(Policy, "sample_sequences", lambda *arguments: rolls.pop())
    rolled = roll(policy, config, pay, many[:2], many, seeded(3))
    assert rolled.refilled == 1
    assert rolled.sequences.reasoning_text == (STOP, GO, STOP, GO)
    assert rolled.sequences.controls[:2, 0, 0].tolist() == [-1.0, -1.0]
    assert rolled.samples[1] is many[1]
    assert rolled.samples[0] in many


def test_a_group_is_silent_only_where_neither_words_nor_paths_differ_in_what_they_earn():
    pay = paid(reasoning_grade=1.0, displacement=1.0)
    assert silent_groups(SAMPLES, rollout([GO] * 4, [0.0, -1.0, 0.5, 0.5]), pay).tolist() == [1]
    assert silent_groups(SAMPLES, rollout([GO, STOP, GO, GO], [0.5] * 4), pay).tolist() == [1]
    assert silent_groups(SAMPLES, rollout([GO, STOP] * 2, [0.0, -1.0] * 2, [True] * 4), pay).tolist() == [0, 1]


def test_a_group_that_stays_silent_is_kept_and_counted(policy, monkeypatch):
    many, pay = example_samples(4), paid(reasoning_grade=1.0)
    first = rollout([GO, GO, STOP, GO], [0.0] * 4)
    rolls = [groups_of(first, np.array([0])), first]
    monkeypatch.setattr(Policy, "sample_sequences", lambda *arguments: rolls.pop())
    rolled = roll(policy, RlConfig(group_size=2, mix="reasoning"), pay, many[:2], many, seeded(3))
    assert (rolled.refilled, rolls) == (0, [])
    assert [sample.sample_id for sample in rolled.samples] == [sample.sample_id for sample in many[:2]]


def test_words_tokens_and_walks_each_learn_what_earned_more():
    for name in (TEXT, ACTION, WALK):
        now = torch.zeros(2, 3, requires_grad=True)
        span = Span(torch.tensor([[1.0, 0.0]]), torch.ones(1, 2) > 0, now, torch.zeros(2, 3), torch.zeros(2, 3),
                    torch.ones(2, 3))  # fmt: skip
        total, _ = total_of(RlConfig(walk_weight=2.0), torch.tensor(0.25), {name: span})
        assert float(total.detach()) == pytest.approx(0.25 - 0.5)
        total.backward()
        assert float(now.grad[0].sum()) == pytest.approx(-1.0 if name == WALK else -0.5)
        assert float(now.grad[1].sum()) == pytest.approx(1.0 if name == WALK else 0.5)


def test_paths_as_they_are_served_teach_the_expert_without_action_tokens(policy):
    config = RlConfig(group_size=3, refills=0, mix="safety", walk_draws=1, walk_level=0.0, tokens=False, kl_weight=0.0)
    parts = reinforcement_loss(policy, config, SAMPLES)(SAMPLES, seeded())
    assert not [name for name in parts if name.endswith("_action")]
    assert {"reward_displacement_walk", "reward_collision_walk", "reward_reasoning_grade_text"} <= set(parts)
    assert parts["logprob_gap_text"] < 1e-4
    parts["loss"].backward()
    assert policy.expert.write.weight.grad is not None
    policy.zero_grad()


def test_words_alone_need_no_path(policy):
    config = RlConfig(group_size=2, refills=0, mix="reasoning", tokens=False)
    parts = reinforcement_loss(policy, config, SAMPLES)(SAMPLES, seeded())
    assert [name for name in parts if name.startswith("reward_")] == ["reward_reasoning_grade_text"]
    with pytest.raises(UsageError, match="leave no path to pay for"):
        reinforcement_loss(policy, replace(config, mix="consistency"), SAMPLES)


def test_moments_are_chosen_by_what_learns(policy, monkeypatch):
    config = RlConfig(group_size=2, mix="consistency", curate=1, walk_draws=1, walk_level=0.0, tokens=False)
    original, rolls = Policy.sample_sequences, []

    def kept(self, *arguments):
        rolls.append(original(self, *arguments))
        return rolls[-1]

    monkeypatch.setattr(Policy, "sample_sequences", kept)
    chosen = curated(policy, config, SAMPLES)
    assert (len(chosen.ids), chosen.of) == (1, 2)
    assert [(made.action_tokens.shape[1], made.explored is not None) for made in rolls] == [(0, True)]
    with pytest.raises(UsageError, match="leave no path to pay for"):
        curated(policy, replace(config, walk_draws=0), SAMPLES)


def test_a_step_is_the_same_where_layers_compute_twice():
    learner, losses = Policy.from_scale("tiny", seed=3).train(), []
    for twice in (False, True):
        if twice:
            learner.backbone.gradient_checkpointing_enable()
        config = RlConfig(group_size=2, refills=0, tokens=False, mix="reasoning", gradient_checkpointing=twice)
        losses.append(reinforcement_loss(learner, config, SAMPLES)(SAMPLES, seeded()))
    assert losses[1]["flow"] == pytest.approx(losses[0]["flow"], abs=1e-5)
    assert losses[1]["loss"].item() == pytest.approx(losses[0]["loss"].item(), abs=1e-4)
