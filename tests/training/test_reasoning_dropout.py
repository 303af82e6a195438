"""Words are left out at a rate, and nothing else of a sample."""

import torch

from causeway.model import Policy
from causeway.training.config import CocConfig
from causeway.training.reasoning_dropout import with_some_silent
from causeway.training.stages import coc_loss
from tests.training.examples import example_samples

SAMPLES = example_samples(4)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_words_are_left_out_at_a_rate():
    some = with_some_silent(SAMPLES * 100, 0.25, generator())
    assert 70 <= sum(not sample.reasoning for sample in some) <= 130
    assert all(one.controls is other.controls for one, other in zip(some, SAMPLES * 100, strict=True))


def test_at_no_rate_nobody_loses_words_and_no_number_is_drawn():
    drawn = generator()
    assert with_some_silent(SAMPLES, 0.0, drawn) == SAMPLES
    assert torch.equal(torch.rand(1, generator=drawn), torch.rand(1, generator=generator()))


def test_stage_three_learns_to_act_without_words_too():
    policy = Policy.from_scale("tiny", seed=0, cameras=("front_wide",)).train()
    losses = {rate: coc_loss(policy, CocConfig(reasoning_drop=rate), SAMPLES)(SAMPLES, generator()) for rate in (0.0, 1.0)}
    assert float(losses[0.0]["reasoning"].detach()) > 1.0
    assert float(losses[1.0]["reasoning"].detach()) == 0.0
    assert float(losses[1.0]["flow"].detach()) > 0.0
