"""Practice in closed loop: drives side by side, replayed words, rewards that order drives, and a loss for the expert."""

import json
from unittest import mock

import numpy as np
import pytest
import torch

from causeway.artifacts import Artifact, Writer, run, step
from causeway.errors import CausewayError, UsageError
from causeway.model import Policy
from causeway.model.observation import ObservationSpec
from causeway.simulation import practice
from causeway.simulation.practice import (
    PracticeConfig,
    Practised,
    Scene,
    _earned,
    _progress,
    practise,
    practised_loss,
    scenes_of,
)

SPEC = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,), height=64, width=96)
CONFIG = PracticeConfig(group_size=2, plans=2, walk_steps=2)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return Policy.from_scale("tiny", seed=3)


@pytest.fixture(scope="module")
def done(policy):
    scene = scenes_of(PracticeConfig(scenes=1))[0]
    return practise(policy, CONFIG, [scene], SPEC, torch.Generator().manual_seed(0))


def test_a_group_drives_the_same_scene_with_a_batched_question_each_half_second(done):
    assert len(done.rewards) == 2
    assert len(done.questions) <= 2
    assert len(done.questions[0].observations) == 2
    one, other = (o.images for o in done.questions[0].observations)
    np.testing.assert_array_equal(one, other)
    assert all(len(choices) >= 1 for choices in done.choices)
    assert np.isfinite(done.rewards).all()
    assert (done.rewards <= 1.0).all()


def test_words_are_replayed_so_that_scores_agree_and_only_the_expert_learns(policy, done):
    parts = practised_loss(policy, CONFIG, done, 1)
    assert parts["logprob_gap"] < 1e-4
    parts["loss"].backward()
    assert all(weight.grad is None for weight in policy.backbone.parameters())
    policy.zero_grad()


def two_drives(*rewards: float, sound: tuple[bool, bool] = (True, True)) -> Practised:
    no = np.zeros(2, bool)
    return Practised([None] * 2, [], np.array(rewards), np.zeros(2), np.array(sound), no, no)


def test_the_better_drive_becomes_the_likelier_and_a_broken_one_is_not_read():
    for better in (0, 1):
        now = torch.zeros(2, 4, requires_grad=True)
        with patched(now):
            practised_loss(None, CONFIG, two_drives(1.0 - better, float(better)), 1)["loss"].backward()
        assert float(now.grad[better].sum()) < 0 < float(now.grad[1 - better].sum())
    now = torch.tensor([[0.0] * 4, [float("nan")] * 4], requires_grad=True)
    with patched(now):
        parts = practised_loss(None, CONFIG, two_drives(1.0, 0.0, sound=(True, False)), 1)
    parts["loss"].backward()
    assert np.isfinite(parts["logprob_gap"])
    assert now.grad.tolist() == [[0.0] * 4] * 2  # one drive alone has nobody to be compared with


def patched(now: torch.Tensor):
    """Choices of two drives, each of two plans of two steps, with the log-probabilities given."""
    said = (now, now.detach().clone(), torch.ones(2, 4, dtype=torch.bool))
    return mock.patch.dict(practised_loss.__globals__, _choices=lambda *arguments: said)


def test_a_trainer_that_disagrees_with_the_drives_is_an_error(monkeypatch):
    said = (torch.zeros(2, 4), torch.ones(2, 4), torch.ones(2, 4, dtype=torch.bool))
    monkeypatch.setattr(practice, "_choices", lambda *arguments: said)
    with pytest.raises(CausewayError, match=r"1\.000 nats"):
        practised_loss(None, CONFIG, two_drives(1.0, 0.0), 1)


def test_the_same_generator_drives_the_same(policy, done):
    scene = scenes_of(PracticeConfig(scenes=1))[0]
    again = practise(policy, CONFIG, [scene], SPEC, torch.Generator().manual_seed(0))
    assert np.array_equal(again.rewards, done.rewards, equal_nan=True)


class _Car:
    def __init__(self, progress_m: float, hit: bool = False, left: bool = False) -> None:
        policy = np.array([False, True, True])
        self.world = self
        self.history = {
            "by_policy": policy,
            "progress_m": np.array([10.0, 10.0 + progress_m / 2, 10.0 + progress_m]),
            "collision_at_fault": policy & hit,
            "off_road": policy & left,
        }


def test_better_drives_earn_more():
    cars = [_Car(20.0), _Car(10.0), _Car(30.0), _Car(20.0, left=True), _Car(20.0, hit=True)]
    with mock.patch.dict(_progress.__globals__, _expert_m=lambda *arguments: 20.0):
        earned = [_earned(CONFIG, car, _progress(CONFIG, car, Scene("x", 0))) for car in cars]
    assert earned == [1.0, 0.5, 1.0, 0.0, -1.0]


def test_scenes_are_the_scenarios_in_turn_and_unknown_ones_are_refused():
    two = scenes_of(PracticeConfig(scenes=40))
    assert len({scene.sample_id for scene in two}) == 40
    with pytest.raises(UsageError, match="scenario 'moon'"):
        scenes_of(PracticeConfig(scenarios=("moon",)))


@step(kind="policy")
def judged_policy(*, out: Writer) -> None:
    """A policy that three stages were held against a baseline for."""
    Policy.from_scale("tiny", seed=3).save(out.path("losses.jsonl").parent)
    out.path("losses.jsonl").write_text("")
    out.path("stage_gates.json").write_text(json.dumps([{"stage": "coc"}]))


def test_a_policy_that_practised_keeps_the_record_of_its_stage_gates(tmp_path):
    before = run(judged_policy, {}, out=str(tmp_path / "before"))
    config = PracticeConfig(steps=1, batch_size=1, scenes=1, group_size=2, plans=1, walk_steps=2)
    after = run(practice.practise_policy, {"policy": before.location}, out=str(tmp_path / "after"), config=config)
    kept = Artifact.open(after.location).path("stage_gates.json").read_text()
    assert json.loads(kept) == [{"stage": "coc"}]
