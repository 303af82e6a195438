"""The short evaluation behind a stage: numbers by hand, and what is said of a loser."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from causeway.training.stage_gate import accuracy_beside_majority, ade_m, judge, majority_share
from tests.training.examples import GO, example_samples, straight

SAMPLES = example_samples(4)
RECORDED = np.stack([sample.trajectory_rig for sample in SAMPLES])


class Answering:
    """A policy that drives given paths and says given words."""

    def __init__(self, paths, words=(GO,) * 4):
        self.paths, self.words, self.asked = paths, list(words), 0

    def eval(self):
        return self

    def predict(self, samples, n, seed, **options):
        first, self.asked = self.asked, self.asked + len(samples)
        words = self.words[first : self.asked]
        pair = ("set_speed_tracking", "none")
        return SimpleNamespace(
            trajectory_rig=self.paths[first : self.asked, None],
            reasoning=[[word] for word in words],
            decision=[[pair if word else ("none", "none")] for word in words],
        )


def held_speed(off_m: float = 0.0) -> np.ndarray:
    paths = np.stack([straight(sample.observation.speed_mps) for sample in SAMPLES])
    paths[..., 1] += off_m
    return paths


def test_the_recorded_path_beats_constant_velocity_and_holding_speed_does_not():
    best = judge("action", Answering(RECORDED), SAMPLES, "val")
    assert best.beats
    assert best.value == 0.0
    assert best.baseline == pytest.approx(ade_m(held_speed(), RECORDED), abs=1e-3)
    same = judge("action", Answering(held_speed(0.5)), SAMPLES, "val")
    assert not same.beats
    assert "does NOT beat constant velocity: ADE in m over 6.4 s" in same.sentence()
    assert same.sentence().endswith("on 4 samples of split val")
    assert (
        "of split train, which it was trained on" in judge("action", Answering(RECORDED), SAMPLES, "train").sentence()
    )


def test_a_stage_that_says_nothing_somewhere_loses_however_it_drives():
    judged = judge("coc", Answering(RECORDED, [GO, "Track the", "", GO]), SAMPLES, "test")
    assert not judged.beats
    assert judged.detail == "2 of 4 reasonings are no sentence, both decisions right in 2 of 4"
    assert judge("coc", Answering(RECORDED), SAMPLES, "test").beats


def test_ade_by_hand():
    recorded = np.zeros((1, 64, 3))
    paths = np.zeros((1, 64, 3))
    paths[0, :32, 0], paths[0, :32, 1] = 3.0, 4.0
    assert ade_m(paths, recorded) == 2.5


def test_the_mean_over_kinds_keeps_an_easy_kind_from_carrying_the_rest():
    hits = {"easy": [True] * 10, "hard": [True, False, False, False]}
    said = {"easy": ["a"] * 10, "hard": ["a", "b", "b", "c"]}
    assert accuracy_beside_majority(hits, said) == (0.625, 0.75)
    assert majority_share(["a", "b", "b", "c"]) == 0.5


class Repeating:
    """A policy whose first choice is always the same token."""

    def __init__(self, token):
        self.token = token

    def eval(self):
        return self

    def collate_questions(self, samples, asked):
        ids = torch.tensor([[9, 5, 5] if "red" in " ".join(one.values()) else [9, 5, 6] for one in asked])
        labels = torch.zeros_like(ids, dtype=torch.bool)
        labels[:, 1:] = True
        return SimpleNamespace(input_ids=ids, answer_labels=labels)

    def forward_tokens(self, batch):
        return SimpleNamespace(prefix_hidden=torch.zeros(*batch.input_ids.shape, 1))

    def word_logits(self, hidden):
        logits = torch.zeros(*hidden.shape[:2], 10)
        logits[..., self.token] = 1.0
        return logits


def test_an_answer_is_right_when_every_token_of_it_is_the_first_choice():
    judged = judge("vlm", Repeating(5), SAMPLES, "val")
    kinds = 11  # questions with closed answers that these samples have
    right = {"What is there?": 0.5, "What is the light?": 0.5}  # red lights of red and green ones
    assert judged.value == pytest.approx(sum(right.values()) / kinds)
    assert not judged.beats
    assert judge("vlm", Repeating(6), SAMPLES, "val").value == 0.0  # the token before the last one is wrong
