"""The page of what reinforcement changed: every moment with its picture, its words escaped, before and after."""

import base64
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import rl_page
from causeway.errors import UnusableInput
from causeway.model.surroundings import Agents, Surroundings
from tests.training.examples import GO, STOP, agent_at, example_samples, store_samples

PARKED = Agents(agent_at(14.0, 0.0).astype(np.float32), np.float32([[4.0, 2.0]]), np.ones((1, 64), bool), ("car",))
SAMPLES = [example_samples(2)[0], replace(example_samples(2)[1], around=Surroundings(PARKED, None))]


class _Says:
    """Drives what was recorded and says one thing."""

    def __init__(self, words: str) -> None:
        self.words, self.seeds = words, []

    def predict(self, samples, n, seed, temperature):
        self.seeds.append(seed)
        paths = np.stack([sample.trajectory_rig[None] for sample in samples])
        return SimpleNamespace(trajectory_rig=paths, reasoning=[(self.words,)] * len(samples))


def test_the_page_has_each_moment_before_and_after_with_the_same_noise_for_both():
    before, after = _Says(GO), _Says(STOP)
    text = rl_page.page(before, after, "val", SAMPLES)
    assert re.findall(r"<h2>(.*?)</h2>", text) == [f"{one.scenario}, {one.sample_id}" for one in SAMPLES]
    rows = re.findall(r"<tr><td style='color:#\w+'>(\w+)</td><td>(.*?)</td><td>(.*?)</td>", text)
    assert rows == [("recorded", STOP, "yes"), ("before", GO, "no"), ("after", STOP, "yes"),
                    ("recorded", GO, "yes"), ("before", GO, "yes"), ("after", STOP, "no")]  # fmt: skip
    pictures = re.findall(r"base64,([^']+)'", text)
    assert [base64.b64decode(one)[:8] for one in pictures] == [b"\x89PNG\r\n\x1a\n"] * 2
    assert before.seeds == after.seeds
    assert len(set(before.seeds[0])) == 2


def test_words_are_escaped():
    assert "<script>" not in rl_page.page(_Says("<script>"), _Says(STOP), "val", SAMPLES)


def test_moments_are_held_out_ones_where_there_are_some(tmp_path):
    some = [replace(one, around=Surroundings(None, None)) for one in example_samples(6)]
    only = store_samples(tmp_path / "only", some).location
    both = store_samples(tmp_path / "both", [*some[:4], *(replace(one, split="val") for one in some[4:])]).location
    assert (rl_page.moments(only, 3)[0], len(rl_page.moments(only, 3)[1])) == ("train", 3)
    split, found = rl_page.moments(both, 3)
    assert (split, [one.sample_id for one in found]) == ("val", [one.sample_id for one in some[4:]])
    wordless = store_samples(tmp_path / "wordless", example_samples(2, reasoning=False)).location  # nothing to show
    with pytest.raises(UnusableInput, match="holds no labelled samples"):
        rl_page.moments(wordless, 3)
