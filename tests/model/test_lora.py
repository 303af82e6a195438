"""Adapters: what learns, that nothing changes before they do, and that a loaded policy answers the same."""

import numpy as np
import pytest
import torch

from causeway.errors import UsageError
from causeway.model import Policy
from causeway.model.lora import Lora
from tests.model.model_samples import make_sample

SAMPLES = [make_sample(i) for i in range(2)]
LORA = Lora(rank=4, alpha=8, targets=("q_proj", "v_proj"))


@pytest.fixture(scope="module")
def adapted():
    return Policy.from_scale("tiny", seed=0, lora=LORA).eval()


def test_adapters_change_nothing_before_they_learn(policy, adapted):
    plain, same = (p.predict(SAMPLES, n=2, seed=3) for p in (policy, adapted))
    assert same.reasoning == plain.reasoning
    np.testing.assert_allclose(same.trajectory_rig, plain.trajectory_rig, atol=1e-5)


def test_only_adapters_and_tables_learn(adapted):
    learning = {id(p) for p in adapted.trained_parameters("backbone")}
    names = {name for name, p in adapted.backbone.named_parameters() if id(p) in learning}
    assert {name.split("lora_")[0].split(".")[-2] for name in names if "lora_" in name} == {"q_proj", "v_proj"}
    assert [name for name in names if "lora_" not in name] == ["model.language_model.embed_tokens.weight"]
    assert sum("lora_A" in name for name in names) == 4 * 2  # the language model's layers; vision has no q_proj
    assert len(adapted.trained_parameters("expert")) == len(list(adapted.expert.parameters()))


def test_trained_saved_loaded_and_merged(tmp_path):
    policy = Policy.from_scale("tiny", seed=0, lora=LORA)
    before = policy.backbone.model.language_model.layers[0].self_attn.q_proj.base_layer.weight.clone()
    optimizer = torch.optim.SGD(policy.trained_parameters("backbone"), lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        policy.token_loss(policy.collate(SAMPLES))["loss"].backward()
        optimizer.step()
    layer = policy.backbone.model.language_model.layers[0].self_attn.q_proj
    assert torch.equal(layer.base_layer.weight, before)
    assert float(layer.lora_B["default"].weight.abs().max()) > 0
    answers = policy.eval().predict(SAMPLES, n=2, seed=3)
    policy.save(tmp_path / "adapted")
    loaded = Policy.load(tmp_path / "adapted")
    assert loaded.config.lora == LORA
    again = loaded.predict(SAMPLES, n=2, seed=3)
    assert again.reasoning == answers.reasoning
    np.testing.assert_array_equal(again.trajectory_rig, answers.trajectory_rig)
    loaded.merge_lora()
    assert not any("lora" in name for name in loaded.state_dict())
    merged = loaded.predict(SAMPLES, n=2, seed=3)
    assert merged.reasoning == answers.reasoning
    np.testing.assert_allclose(merged.trajectory_rig, answers.trajectory_rig, atol=1e-3)
    loaded.save(tmp_path / "merged")
    assert Policy.load(tmp_path / "merged").config.lora is None


def test_what_cannot_be_adapted_is_named():
    with pytest.raises(UsageError, match=r"LoRA target 'no_proj': no such layer in the backbone; it has .*q_proj"):
        Policy.from_scale("tiny", lora=Lora(targets=("no_proj",)))
    with pytest.raises(UsageError, match="rank and alpha must be positive"):
        Lora(rank=0)
