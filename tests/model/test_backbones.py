"""The backbones of every scale: sizes as published, weights from folders as published, one seam for all."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Dinov2Model, Qwen2ForCausalLM, Qwen3VLForConditionalGeneration

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy
from causeway.model.backbone import TextInputs, build_backbone, causal_mask, load_backbone, run_text
from causeway.model.backbone_dino_qwen import DinoQwenBackbone, dinov2_config, qwen2_config
from causeway.model.backbone_qwen3vl import qwen3vl_config
from causeway.model.expert import ActionExpert
from causeway.model.memory_plan import rank_bytes
from causeway.model.scales import SCALES, TextSize, VisionSize, scale_named
from causeway.model.storage import PolicyConfig
from causeway.model.tokenizer import load_vocabulary
from causeway.model.vision_pictures import token_grid
from tests.model.model_samples import make_sample

VOCABULARY = load_vocabulary()
SPECIAL = VOCABULARY.special
QWEN_VOCABULARY = 151936  # the public configurations' table; parameter counts are published with it
SAMPLES = [make_sample(i, cameras=("front_wide",) if i == 1 else ("front_wide", "front_tele")) for i in range(3)]

# the 0.5b family in sizes that fit a test; the classes are the same
SMALL_PAIR = replace(
    SCALES["0.5b"],
    text=TextSize(64, 128, 2, 4, 2, 16, (4, 2, 2), tied=True, max_positions=2048),
    vision=VisionSize(2, 48, 192, 3, deepstack=(), patch=14, temporal_patch=1, positions=16),
    expert=replace(SCALES["tiny"].expert, hidden=32, intermediate=64),
    image_height=56,
    image_width=84,
    max_reasoning_tokens=64,
)
SMALL_QWEN3VL = replace(
    SCALES["2b"],
    text=TextSize(64, 128, 2, 4, 2, 16, (4, 2, 2), tied=True),
    vision=VisionSize(2, 48, 96, 3, deepstack=(0,), positions=64),
    expert=replace(SCALES["tiny"].expert, hidden=32, intermediate=64),
    image_height=64,
    image_width=96,
)


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("name", "published"), [("2b", 2_127_532_032), ("8b", 8_767_123_696)])
def test_qwen3_vl_has_as_many_parameters_as_published(name, published):
    with torch.device("meta"):
        assert count(build_backbone(SCALES[name], QWEN_VOCABULARY, SPECIAL)) == published


def test_the_small_pair_has_as_many_parameters_as_published():
    with torch.device("meta"):
        pair = build_backbone(SCALES["0.5b"], QWEN_VOCABULARY, SPECIAL)
    assert count(pair.text) == 494_032_768  # Qwen2.5-0.5B
    assert count(pair.vision) == 86_580_480  # DINOv2-base
    assert {p.device.type for p in pair.parameters()} == {"meta"}


@pytest.mark.parametrize(("name", "expert"), [("tiny", 0.71e6), ("0.5b", 0.066e9), ("2b", 0.55e9), ("8b", 2.3e9)])
def test_every_scale_has_an_expert_that_fits_its_backbone(name, expert):
    scale = SCALES[name]
    with torch.device("meta"):
        backbone, action = build_backbone(scale, QWEN_VOCABULARY, SPECIAL), ActionExpert(scale)
    assert count(action) == pytest.approx(expert, rel=0.15)
    ours, theirs = action.decoder.layers, backbone.decoder.layers
    assert len(ours) == len(theirs) == scale.text.layers
    assert type(ours[0]) is type(theirs[0])
    for projection in ("q_proj", "k_proj", "v_proj"):
        one, other = (getattr(layers[-1].self_attn, projection).out_features for layers in (ours, theirs))
        assert one == other, "the expert's queries read the backbone's keys"
    assert ours[0].self_attn.q_proj.in_features < theirs[0].self_attn.q_proj.in_features
    assert sum(scale.text.mrope_section) == scale.text.head_dim // 2
    assert PolicyConfig(scale).vision_tokenizer == "single-image"


@pytest.mark.parametrize("name", ["0.5b", "2b", "8b"])
def test_the_large_scales_see_with_as_many_tokens(name):
    scale = SCALES[name]
    unit = scale.vision.patch * scale.vision.merge
    assert scale.image_height % unit == scale.image_width % unit == 0
    assert token_grid(scale) == (10, 18)


def test_bytes_of_a_rank():
    """8B and its expert, 11.1 G parameters, on eight ranks: by hand."""
    whole = rank_bytes(1000, 1000, 8, 0)
    assert (whole.weights, whole.gradients, whole.optimizer, whole.total) == (2000, 2000, 12000, 16000)
    two, three = rank_bytes(1000, 1000, 8, 2), rank_bytes(1000, 1000, 8, 3)
    assert (two.weights, two.gradients, two.optimizer) == (2000, 250, 1500)
    assert (three.weights, three.gradients, three.optimizer) == (250, 250, 1500)
    assert rank_bytes(1001, 1001, 8, 3).weights == 2 * 126
    assert rank_bytes(1000, 10, 2, 2).total == 2000 + 5 * 14
    with pytest.raises(UsageError, match="ZeRO stage 1"):
        rank_bytes(1000, 1000, 8, 1)


def test_the_large_scale_fits_the_machines_it_is_meant_for():
    """Eight ranks of 80 GB: the 8b policy trains under ZeRO-2 with room for activations, and not on one of them."""
    with torch.device("meta"):
        parameters = count(build_backbone(SCALES["8b"], QWEN_VOCABULARY, SPECIAL)) + count(ActionExpert(SCALES["8b"]))
    assert rank_bytes(parameters, parameters, 8, 2).total < 45e9
    assert rank_bytes(parameters, parameters, 8, 3).total < 25e9
    assert rank_bytes(parameters, parameters, 1, 0).total > 160e9


def made(scale, seed=0, **changes):
    """A policy of a scale that no folder is needed for."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Policy(PolicyConfig(scale, **changes), VOCABULARY).eval()


def test_the_pair_answers_learns_and_comes_back(tmp_path):
    policy = made(SMALL_PAIR)
    together = policy.predict(SAMPLES, n=2, seed=3)
    alone = policy.predict(SAMPLES[1:2], n=2, seed=3)
    assert alone.reasoning[0] == together.reasoning[1]
    torch.testing.assert_close(
        torch.tensor(alone.trajectory_rig[0]), torch.tensor(together.trajectory_rig[1]), atol=1e-4, rtol=0
    )
    loss = policy.action_loss(policy.collate(SAMPLES))["loss"]
    loss.backward()
    silent = [n for n, p in policy.named_parameters() if p.grad is None]
    assert [n for n in silent if "embeddings.route" not in n] == ["backbone.vision.embeddings.mask_token"]
    policy.save(tmp_path)
    again = Policy.load(tmp_path).predict(SAMPLES, n=2, seed=3)
    assert (again.trajectory_rig == together.trajectory_rig).all()


def test_positions_of_text_are_those_of_qwen2():
    """On text the three axes agree, and the pair's language model is Qwen2.5's own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        ours = DinoQwenBackbone.of(SMALL_PAIR, 50, SPECIAL).eval()
    theirs = Qwen2ForCausalLM(qwen2_config(SMALL_PAIR, 50)).eval()
    theirs.load_state_dict(ours.text.state_dict())
    theirs.config._attn_implementation = "eager"
    ids = torch.arange(12)[None]
    embeddings = ours.get_input_embeddings()(ids)
    kept = torch.ones(1, 12, dtype=torch.bool)
    with torch.no_grad():
        read = run_text(ours, TextInputs(embeddings, ids.expand(3, -1, -1), causal_mask(kept)))
        assert torch.allclose(ours.lm_head(read), theirs(input_ids=ids).logits, atol=1e-5, rtol=1e-4)


def test_a_token_stands_for_its_four_patches():
    """The merger keeps neighbours together: a change in one corner of the picture changes the token of that corner."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        merger = DinoQwenBackbone.of(SMALL_PAIR, 50, SPECIAL).merger
    patches = torch.randn(1, 4, 6, 48, generator=torch.Generator().manual_seed(0))
    other = patches.clone()
    other[0, 3, 5] += 1.0
    moved = (merger(patches) - merger(other)).abs().sum(-1)[0]
    assert moved.shape == (6,)
    assert moved.nonzero()[:, 0].tolist() == [5]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Folders as a hub has them: sharded safetensors with their index."""
    root = tmp_path_factory.mktemp("published")
    torch.manual_seed(5)
    Qwen3VLForConditionalGeneration(qwen3vl_config(SMALL_QWEN3VL, 60, SPECIAL)).save_pretrained(
        root / "qwen3vl", max_shard_size="100KB"
    )
    Qwen2ForCausalLM(qwen2_config(SMALL_PAIR, 60)).save_pretrained(
        root / "pair" / "Qwen2.5-0.5B", max_shard_size="60KB"
    )
    Dinov2Model(dinov2_config(SMALL_PAIR)).save_pretrained(root / "pair" / "dinov2-base")
    assert len(list((root / "qwen3vl").glob("*.safetensors"))) > 1
    return root


def test_published_weights_are_taken_whole_and_the_table_grows(published):
    loaded = load_backbone(published / "qwen3vl", SMALL_QWEN3VL, 70, SPECIAL)
    theirs = {}
    for shard in (published / "qwen3vl").glob("*.safetensors"):
        theirs |= load_file(shard)
    own = loaded.state_dict()
    table = next(name for name in own if name.endswith("embed_tokens.weight"))
    assert own[table].shape == (70, 64)
    assert torch.equal(own[table][:60], theirs[table])
    assert all(torch.equal(own[name], value) for name, value in theirs.items() if name != table)
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight


def test_a_published_pair_is_found_by_what_its_configs_say(published):
    loaded = load_backbone(published / "pair", SMALL_PAIR, 70, SPECIAL)
    theirs = load_file(published / "pair" / "dinov2-base" / "model.safetensors")
    patch = loaded.vision.embeddings.patch_embeddings.projection.weight
    assert torch.equal(patch, theirs["embeddings.patch_embeddings.projection.weight"])
    assert loaded.get_input_embeddings().weight.shape == (70, 64)
    assert loaded.decoder.rotary_emb.mrope_section == [4, 2, 2]


def test_a_policy_begins_with_a_published_pair(published, monkeypatch, tmp_path):
    monkeypatch.setitem(SCALES, "0.5b", SMALL_PAIR)
    folder = tmp_path / "pair"
    shutil.copytree(published / "pair", folder)
    with pytest.raises(UnusableInput, match=r"Qwen2.5-0.5B: no tokenizer.json there"):
        Policy.from_scale("0.5b", backbone=folder)
    VOCABULARY.save(folder / "Qwen2.5-0.5B")
    policy = Policy.from_scale("0.5b", backbone=folder).eval()
    theirs = load_file(folder / "dinov2-base" / "model.safetensors")["layernorm.weight"]
    assert torch.equal(policy.backbone.vision.layernorm.weight, theirs)
    waves = policy.embeddings.vision.rays.waves  # its tokens come as they were trained, not swinging
    assert torch.equal(waves.steady, torch.ones(64))
    assert not waves.swing.any()
    assert policy.vocabulary_rows == policy.vocabulary.size
    before = policy.predict(SAMPLES[:1], seed=2)
    policy.save(tmp_path / "saved")
    after = Policy.load(tmp_path / "saved").predict(SAMPLES[:1], seed=2)
    assert after.reasoning == before.reasoning
    assert (after.trajectory_rig == before.trajectory_rig).all()
    with pytest.raises(UnusableInput, match="no such folder"):
        Policy.from_scale("2b", backbone=tmp_path / "nowhere")


def broken(published, tmp_path, change):
    folder = tmp_path / "qwen3vl"
    shutil.copytree(published / "qwen3vl", folder)
    shard = sorted(folder.glob("*.safetensors"))[0]
    if change == "cut":
        shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    elif change == "gone":
        shard.unlink()
    elif change == "pickled":
        for file in folder.glob("*.safetensors*"):
            file.unlink()
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    elif change == "other scale":
        config = json.loads((folder / "config.json").read_text())
        config["text_config"]["num_hidden_layers"] = 3
        (folder / "config.json").write_text(json.dumps(config))
    else:
        tensors = load_file(shard)
        name = sorted(tensors)[0]
        index = json.loads((folder / "model.safetensors.index.json").read_text())
        moved = f"{name}_of_another" if change == "unexpected" else None
        value = tensors.pop(name)
        index["weight_map"].pop(name)
        if moved:
            tensors[moved] = value
            index["weight_map"][moved] = shard.name
        save_file(tensors, shard, metadata={"format": "pt"})
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("cut", "cannot be read"),
        ("gone", "cannot be read"),
        ("pickled", "pickled weights are never read"),
        ("other scale", "num_hidden_layers 3, the scale has 2: another scale"),
        ("missing", "1 missing keys, first"),
        ("unexpected", "1 missing keys, first"),
    ],
)
def test_weights_that_are_not_whole_are_refused(published, tmp_path, change, reason):
    with pytest.raises(UnusableInput, match=reason):
        load_backbone(broken(published, tmp_path, change), SMALL_QWEN3VL, 70, SPECIAL)


def test_weights_that_are_left_over_are_refused(published, tmp_path):
    folder = tmp_path / "pair"
    shutil.copytree(published / "pair", folder)
    file = folder / "dinov2-base" / "model.safetensors"
    save_file(load_file(file) | {"classifier.weight": torch.zeros(2)}, file, metadata={"format": "pt"})
    with pytest.raises(UnusableInput, match=r"1 unexpected keys, first classifier.weight"):
        load_backbone(folder, SMALL_PAIR, 70, SPECIAL)


def test_folders_without_what_is_needed_say_so(published, tmp_path):
    with pytest.raises(UnusableInput, match=r"no such folder; give a local copy of Qwen3-VL-2B"):
        load_backbone(tmp_path / "nowhere", SCALES["2b"], 70, SPECIAL)
    with pytest.raises(UnusableInput, match=r"0 folders with a dinov2 model below it"):
        load_backbone(tmp_path, SMALL_PAIR, 70, SPECIAL)
    with pytest.raises(UnusableInput, match="no readable model configuration"):
        load_backbone(tmp_path, SMALL_QWEN3VL, 70, SPECIAL)
    with pytest.raises(UsageError, match=r"scale 'huge' is not known; choose one of tiny, 0.5b, 2b, 8b"):
        scale_named("huge")
