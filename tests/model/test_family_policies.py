"""Whole policies of other families: where gradients go, what padding may not change, what stands in a config."""

import json
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy, action_tokens, decoding, diffusion, hybrid, storage
from causeway.model.action_space import ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M
from causeway.model.backbone import build_backbone
from causeway.model.design import Design
from causeway.model.embeddings import Embeddings
from causeway.model.expert import ActionExpert
from causeway.model.lora import Lora
from causeway.model.sequence import plain_tail
from causeway.model.vision import vision_tokenizer
from causeway.serving.flow_export import export_flow
from tests.model.model_samples import make_sample

ONE = [make_sample(0, cameras=("front_wide",)), make_sample(1, cameras=("front_wide",))]
PI0 = Design("pi0", conditioning="joint-kv-cache", speaks=False, action_tokens=False)
TINYVLA = Design("tinyvla", head="diffusion", conditioning="pooled", speaks=False, action_tokens=False)
HYBRIDVLA = Design("hybridvla", head="in-sequence", conditioning="joint-kv-cache", speaks=False)
MAMBA = Design("robomamba", head="mlp", conditioning="pooled", speaks=False, action_tokens=False)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_default_design_is_what_stood_before_bit_by_bit(policy):
    from causeway.model.tokenizer import load_vocabulary

    vocabulary = load_vocabulary()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        scale = policy.config.scale
        parts = {
            "backbone": build_backbone(scale, vocabulary.size, vocabulary.special),
            "embeddings": Embeddings(scale, vision_tokenizer("single-image")),
            "expert": ActionExpert(scale),
        }
    state = policy.state_dict()
    for part, module in parts.items():
        for name, tensor in module.state_dict().items():
            assert torch.equal(state[f"{part}.{name}"], tensor)
    assert policy.config.design == Design()


def test_a_config_says_its_design_and_an_older_one_is_alpamayos(policy, tmp_path):
    policy.save(tmp_path / "policy")
    file = tmp_path / "policy" / "config.json"
    raw = json.loads(file.read_text())
    assert raw["design"] == {
        "recipe": "alpamayo",
        "head": "flow",
        "conditioning": "kv-cache",
        "speaks": True,
        "action_tokens": True,
    }
    del raw["design"]
    raw["config_sha256"] = storage._config_hash(raw)
    file.write_text(json.dumps(raw))
    assert storage.read_config(tmp_path / "policy").design == Design()
    raw["design"] = {"colour": "red"}
    raw["config_sha256"] = storage._config_hash(raw)
    file.write_text(json.dumps(raw))
    with pytest.raises(UnusableInput, match="not a policy's config"):
        storage.read_config(tmp_path / "policy")


def test_a_policy_of_a_design_that_is_not_known_is_refused_by_name(tmp_path):
    policy = Policy.from_scale("tiny", seed=0, design=Design("mine", "mlp", "pooled", False, False))
    policy.save(tmp_path / "policy")
    file = tmp_path / "policy" / "config.json"
    raw = json.loads(file.read_text())
    raw["design"]["head"] = "wheels"
    raw["config_sha256"] = storage._config_hash(raw)
    file.write_text(json.dumps(raw))
    with pytest.raises(UnusableInput, match="action head 'wheels' is not known; choose one of flow, diffusion"):
        Policy.load(tmp_path / "policy")
    with pytest.raises(UsageError, match="has the head 'mlp'; only 'flow' is exported"):
        export_flow(policy)


def test_the_loss_of_the_head_alone_teaches_the_backbone_where_it_may(policy):
    taught = {}
    for name, one in (("alpamayo", policy), ("pi0", Policy.from_scale("tiny", seed=0, design=PI0))):
        loss = one.flow_loss(one.collate(ONE), seeded())
        weight = one.backbone.model.language_model.layers[0].self_attn.v_proj.weight
        (found,) = torch.autograd.grad(loss, [weight], allow_unused=True)
        taught[name] = found is not None
    assert taught == {"alpamayo": False, "pi0": True}


def test_the_flow_of_pi0_teaches_the_backbone_and_says_nothing():
    policy = Policy.from_scale("tiny", seed=0, design=PI0)
    batch = policy.collate(ONE)
    assert policy.special["coc_start"] not in batch.input_ids
    parts = policy.action_loss(batch, None, seeded(), 2)
    assert float(parts["reasoning"].detach()) == float(parts["action"].detach()) == 0.0
    parts["flow"].backward()
    layer = policy.backbone.model.language_model.layers[0].self_attn.v_proj.weight
    assert float(layer.grad.abs().max()) > 0
    answer = policy.eval().predict(ONE, flow_steps=2)
    assert answer.reasoning == [[""], [""]]
    forced = policy.predict(ONE, flow_steps=2, forced_reasoning=["Track the set speed."] * 2)
    np.testing.assert_array_equal(forced.trajectory_rig, answer.trajectory_rig)  # it reads no words either


def test_the_fuse_rule_fires_where_the_tokens_are_sure(monkeypatch):
    policy = Policy.from_scale("tiny", seed=0, design=HYBRIDVLA).eval()
    noise = torch.randn(1, 64, 2, generator=seeded())
    plainly = policy.action_logits_at

    def acted(sharpness):
        monkeypatch.setattr(policy, "action_logits_at", lambda hidden, kind: plainly(hidden, kind) * sharpness)
        batch = policy.batch_of(ONE[:1], [plain_tail(policy.vocabulary)])
        with torch.no_grad():
            read = decoding.prefill(policy, batch, policy.text_inputs(batch))
            told, confidence = hybrid.tokens_behind(policy, copy(read), unsure) if sharpness > 1 else (None, 0.0)
            return hybrid.act(policy, read, noise, 2, None), told, float(confidence)

    unsure, _, _ = acted(1.0)  # weights of noise are sure of nothing: the diffusion's answer alone
    sure, tokens, confidence = acted(1e4)
    assert confidence > hybrid.CONFIDENT
    told = policy.normalised(torch.from_numpy(action_tokens.decode(tokens.numpy())).float())
    torch.testing.assert_close(sure, (unsure + told) / 2.0)
    assert float((sure - unsure).abs().max()) > 1e-2


def test_tokens_are_said_behind_controls_that_the_route_led(monkeypatch):
    policy = Policy.from_scale("tiny", seed=0, design=HYBRIDVLA).eval()
    routed = replace(ONE[0].observation, route=np.float32([[0, 0], [8, 1], [16, 5]]))
    plainly, read = hybrid.tokens_behind, []
    monkeypatch.setattr(hybrid, "tokens_behind", lambda *given: read.append(given[2]) or plainly(*given))
    plain, led = (policy.predict([routed], n=2, flow_steps=2, route_guidance=weight) for weight in (1.0, 3.0))
    assert float((read[0] - read[1]).abs().max()) > 1e-3
    bounds = np.array([ACCELERATION_BOUND_MPS2, CURVATURE_BOUND_PER_M])  # unsure tokens: the led controls alone
    np.testing.assert_allclose(np.clip(policy.controls_of(read[1]), -bounds, bounds), led.controls[0], atol=1e-5)
    assert np.abs(plain.controls - led.controls).max() > 1e-4


def test_clean_controls_are_read_at_a_time_that_was_learned(monkeypatch):
    policy = Policy.from_scale("tiny", seed=0, design=HYBRIDVLA).eval()
    plainly, times = policy.expert.columns, list[float]()
    monkeypatch.setattr(policy.expert, "columns", lambda noisy, time: times.extend(time.tolist()) or plainly(noisy, time))
    policy.predict(ONE[:1], flow_steps=2)
    learned = diffusion.time_of(torch.arange(diffusion.STEPS)).tolist()
    assert len(times) == 3
    assert set(times) <= set(learned)
    assert times[-1] == max(learned)


def test_who_never_learned_action_tokens_behind_words_scores_no_path(policy):
    silent = Design("mine", head="in-sequence", conditioning="joint-kv-cache", speaks=True)
    wordy = Design("mine", head="diffusion", conditioning="film", speaks=True, action_tokens=False)
    scoring = [Policy.from_scale("tiny", seed=0, design=design).scores_paths for design in (PI0, silent, wordy)]
    assert policy.scores_paths
    assert scoring == [False, False, False]


def test_adapters_put_on_later_change_nothing_and_are_a_small_share():
    policy = Policy.from_scale("tiny", seed=0, design=TINYVLA).eval()
    before = policy.predict(ONE[:1], flow_steps=2).controls
    state = {name: tensor.clone() for name, tensor in policy.backbone.state_dict().items()}
    policy.add_lora(Lora(4), seed=1)
    np.testing.assert_array_equal(policy.predict(ONE[:1], flow_steps=2).controls, before)
    after = {n.replace(".base_layer.", "."): t for n, t in policy.backbone.state_dict().items()}
    assert all(torch.equal(after[name], tensor) for name, tensor in state.items())
    learning = sum(p.numel() for p in policy.trained_parameters("adapters"))
    assert 0 < learning < 0.05 * sum(t.numel() for t in state.values())
    with pytest.raises(UsageError, match="has adapters already"):
        policy.add_lora(Lora(4))


def test_parts_of_a_backbone_are_told_apart(policy):
    count = {part: len(policy.trained_parameters(part)) for part in ("backbone", "vision", "language", "projector")}
    assert count["vision"] + count["language"] == count["backbone"]
    assert 0 < count["projector"] < count["vision"] < count["backbone"]
    for part in ("adapters", "wheels"):
        with pytest.raises(UsageError, match=f"part '{part}'"):
            policy.trained_parameters(part)


def test_mamba_answers_the_same_alone_and_behind_padding():
    policy = Policy.from_scale("tiny", seed=0, design=MAMBA, family="mamba").eval()
    both = [ONE[0], make_sample(1)]  # one camera beside two: the first row is padded
    alone, together = policy.predict(ONE[:1]), policy.predict(both)
    np.testing.assert_allclose(alone.controls[0], together.controls[0], atol=1e-4)
    assert not np.allclose(together.controls[0], together.controls[1], atol=1e-4)
    with pytest.raises(UsageError, match="scale 2b: no published weights of family mamba"):
        Policy.from_scale("2b", design=MAMBA, family="mamba", backbone="somewhere")
    with pytest.raises(UsageError, match="reads keys and values"):
        Policy.from_scale("tiny", family="mamba")
