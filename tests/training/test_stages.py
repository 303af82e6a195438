"""Losses of the stages: computing activations twice changes nothing, words must be there."""

from dataclasses import replace

import pytest
import torch

from causeway.errors import UnusableInput
from causeway.model import Policy
from causeway.training.config import ActionConfig, CocConfig
from causeway.training.stages import STAGES, action_loss, coc_loss
from tests.training.examples import example_samples

SAMPLES = example_samples(2)
CONFIG = ActionConfig(camera_dropout=0.0)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_gradient_checkpointing_has_the_losses_and_gradients_of_the_plain_pass():
    policy = Policy.from_scale("tiny", seed=0).train()
    found = []
    for config in (CONFIG, replace(CONFIG, gradient_checkpointing=True)):
        if config.gradient_checkpointing:
            policy.backbone.gradient_checkpointing_enable()
        policy.zero_grad()
        parts = action_loss(policy, config, SAMPLES)(SAMPLES, generator())
        parts["loss"].backward()
        weight = policy.backbone.model.language_model.layers[0].mlp.up_proj.weight
        taught = policy.expert.decoder.layers[0].mlp.up_proj.weight
        numbers = [parts[name].item() for name in ("action", "reasoning", "flow")]
        found.append((numbers, weight.grad.clone(), taught.grad.clone()))
    plain, twice = found
    assert twice[0] == pytest.approx(plain[0], abs=1e-4)
    assert torch.allclose(twice[1], plain[1], atol=1e-5)
    assert torch.allclose(twice[2], plain[2], atol=1e-5)


def test_words_count_more_by_their_weight():
    policy = Policy.from_scale("tiny", seed=0).train()
    config = replace(CONFIG, reasoning_drop=0.0, reasoning_weight=3.0)
    parts = {name: value.item() for name, value in action_loss(policy, config, SAMPLES)(SAMPLES, generator()).items()}
    assert parts["reasoning"] > 1.0
    assert parts["loss"] == pytest.approx(3.0 * parts["reasoning"] + parts["action"] + parts["flow"], rel=1e-5)


@pytest.mark.parametrize("words", ["", "  "])
def test_a_sample_without_words_in_stage_three_is_named(words):
    silent = replace(SAMPLES[1], reasoning=words)
    loss = coc_loss(None, CocConfig(), SAMPLES)
    with pytest.raises(UnusableInput, match=rf"coc: sample\(s\) {silent.sample_id} have no reasoning"):
        loss([SAMPLES[0], silent], generator())


def test_every_stage_says_what_it_is():
    assert list(STAGES) == ["vlm", "action", "coc", "rl"]
    assert STAGES["coc"].reasoning_only
    assert not STAGES["action"].reasoning_only
