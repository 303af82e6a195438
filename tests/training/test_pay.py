"""What rollouts are paid, by value, on the way from a reward to the span that learns from it: nothing turns it round."""

from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import torch

from causeway.errors import CausewayError
from causeway.model import Policy
from causeway.model.prediction import Explored
from causeway.model.surroundings import Agents, Surroundings
from causeway.training import judge_reward, scoring
from causeway.training.config import RlConfig
from causeway.training.curated_samples import _disagreement
from causeway.training.curation import disagreement
from causeway.training.grpo import GrpoForm, Span, span_loss
from causeway.training.judge_reward import NO_ANSWER, NONSENSE, Graded
from causeway.training.mixes import mix_named
from causeway.training.reinforcement import WALK, agree, reinforcement_loss
from causeway.training.rolling import driven_by_tokens, words_earn
from causeway.training.safety_rewards import NAMES as SAFETY
from causeway.training.scoring import ACTION, TEXT, Driven, Pay, earned_of
from tests.training.examples import GO, ROAD, STOP, agent_at, example_samples
from tests.training.test_reinforcement import paid, rollout

PARKED = Agents(agent_at(14.0, 0.0).astype(np.float32), np.float32([[4.0, 2.0]]), np.ones((1, 64), bool), ("car",))
STOPPED, ON = np.zeros((64, 3)), np.stack([np.arange(1, 65) * 0.9, np.zeros(64), np.zeros(64)], axis=1)
ASIDE = np.stack([np.arange(1, 65) * 0.9, np.full(64, 2.1), np.zeros(64)], axis=1)
SAMPLE = replace(example_samples(1)[0], trajectory_rig=np.float32(STOPPED), around=Surroundings(PARKED, (ROAD,)))

SAMPLES = example_samples(2)


def driven(*paths: np.ndarray, texts: tuple[str, ...] = (), samples: tuple = ()) -> Driven:
    rows = len(paths)
    return Driven(samples or [SAMPLE] * rows, texts or [STOP] * rows, np.zeros(rows, bool), np.stack(paths))


def test_who_stops_behind_a_parked_car_is_paid_more_than_who_runs_into_it_or_leaves_the_road():
    found = earned_of(driven(STOPPED, ON, ASIDE), paid(**dict.fromkeys(SAFETY, 1.0)), ACTION).parts
    assert found["collision"].tolist() == [0.0, -1.0, 0.0]
    assert found["off_road"].tolist() == [0.0, -2 / 64, -1.0]  # the lane ends 60 m ahead, and 2 m to the left
    assert found["clearance"].tolist() == [0.0, -1.0, pytest.approx(0.15 / 0.5 - 1.0)]
    assert found["time_to_collision"][0] == 0.0 > found["time_to_collision"][1]


def test_words_are_paid_what_is_driven_behind_them_as_a_mean_of_its_walks():
    made, pay = rollout([STOP, GO, STOP, GO], [0.0] * 4), paid(consistency=1.0)
    brakes, keeps = (sample.trajectory_rig for sample in SAMPLES)
    walks = np.stack([brakes, keeps, brakes, keeps, keeps, keeps, keeps, keeps])  # two behind each of four reasonings
    nothing = np.zeros((8, 2, 64, 2), np.float32)
    explored = Explored(nothing, nothing[:, :1, 0, 0], nothing[:, 0], walks, 2)
    found = words_earn(SAMPLES, replace(made, explored=explored), pay)
    assert found.parts["consistency"].tolist() == [0.5, 0.5, 0.0, 1.0]


def graded(*grades: float, problems: dict[str, int] | None = None):
    """Let a judge say this."""
    said = Graded(np.array(grades), problems or {})
    return mock.patch.dict(earned_of.__globals__, judged_grade=lambda *arguments: said)


JUDGED = replace(paid(reasoning_grade=1.0), judge="grader@http://127.0.0.1:1/v1")


def test_a_judges_grade_is_what_words_are_paid():
    with graded(4.0, 1.0):
        assert earned_of(driven(STOPPED, ON), JUDGED, TEXT).parts["reasoning_grade"].tolist() == [4.0, 1.0]


def test_who_has_no_grade_has_the_groups_mean_is_counted_by_its_fault_and_lowers_no_mean():
    rows = driven(*[STOPPED] * 6, samples=(SAMPLE,) * 4 + (SAMPLES[1],) * 2)
    with graded(5.0, np.nan, 3.0, np.nan, np.nan, np.nan, problems={NO_ANSWER: 3, NONSENSE: 1}):
        found = earned_of(rows, JUDGED, TEXT)
    assert found.parts["reasoning_grade"].tolist() == [5.0, 4.0, 3.0, 4.0, 0.0, 0.0]
    assert found.means() == {"reasoning_grade": 4.0}  # of the two that were graded
    assert {name: found.counts[name] for name in ("judge_no_answer", "judge_nonsense", "without_reasoning_grade")} == {
        "judge_no_answer": 3, "judge_nonsense": 1, "without_reasoning_grade": 4
    }  # fmt: skip
    with graded(5.0):
        assert earned_of(driven(STOPPED), JUDGED, TEXT).counts["judge_no_answer"] == 0  # the name is always there


def test_why_there_is_no_grade_has_a_name_of_its_own():
    assert (scoring._counted(NO_ANSWER), scoring._counted(NONSENSE)) == ("judge_no_answer", "judge_nonsense")
    assert judge_reward.PROBLEMS == (NO_ANSWER, NONSENSE)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.from_scale("tiny", seed=3)


def test_curation_ranks_a_group_as_the_rewards_do():
    config = RlConfig(group_size=2, weights="displacement=1,jerk=0", mix="reasoning")
    made = replace(rollout([STOP, GO, STOP, GO], [-1.5, 0.0, -1.5, 0.0]),
                   reasoning_logprobs=np.log(np.float32([[0.8, 1], [0.2, 1], [0.5, 1], [0.5, 1]])))  # fmt: skip
    pay, policy = Pay(mix_named(config.mix, config.weights)), SimpleNamespace(sample_sequences=lambda *arguments: made)
    found = _disagreement(policy, config, pay, SAMPLES, torch.Generator())
    paths = earned_of(driven_by_tokens(SAMPLES, made), pay, ACTION)
    earned = 0.5 * np.array([[5.0, 2.0], [2.0, 5.0]]) + paths.parts["displacement"].reshape(2, 2)
    np.testing.assert_allclose(found, disagreement(np.log([[0.8, 0.2], [0.5, 0.5]]), earned), atol=1e-6)


@pytest.mark.parametrize("form", ["clipped", "softmax"])
def test_a_row_without_a_reward_is_not_read_whatever_it_holds(form):
    now = torch.tensor([[-1.0, -2.0], [-3.0, -1.0], [float("nan")] * 2, [float("-inf")] * 2], requires_grad=True)
    broken = torch.tensor([False, False, True, True])[:, None]
    rest = torch.where(broken, float("nan"), 0.1) * torch.ones(4, 2)
    span = Span(torch.tensor([[1.0, 0.0, 0.0, 0.0]]), ~broken.view(1, 4), now, torch.nan_to_num(now.detach()), rest, rest)
    loss = span_loss(GrpoForm(form), span)
    loss.backward()
    assert bool(torch.isfinite(loss))
    assert now.grad[2:].tolist() == [[0.0, 0.0]] * 2
    assert float(now.grad[0].sum()) < 0 < float(now.grad[1].abs().sum())


@pytest.mark.parametrize("far", [np.nan, np.inf, 1e20])
@pytest.mark.parametrize("walk_level", [0.0, 0.7])
def test_a_walk_that_runs_away_is_counted_and_the_step_goes_on(policy, monkeypatch, walk_level, far):
    from causeway.model import exploration

    original = exploration.explore

    def broken(*arguments):
        walked = original(*arguments)
        walked.states[1, 2:] = far
        walked.logprobs[1:2, 2:] = np.nan
        return walked

    monkeypatch.setattr(exploration, "explore", broken)
    config = RlConfig(group_size=3, refills=0, mix="safety", walk_draws=1, walk_level=walk_level, tokens=False)
    parts = reinforcement_loss(policy, config, SAMPLES)(SAMPLES, torch.Generator().manual_seed(0))
    assert (parts["not_finite_walk"], parts["not_finite_text"]) == (1, 1)
    assert parts["logprob_gap_walk"] < 1e-4
    parts["loss"].backward()
    weights = [weight.grad for weight in policy.parameters() if weight.grad is not None]
    assert all(bool(torch.isfinite(gradient).all()) for gradient in weights)
    policy.zero_grad()


def test_a_gap_that_is_no_number_is_no_agreement():
    with pytest.raises(CausewayError, match="nan nats per walk choice"):
        agree(WALK, float("nan"))
