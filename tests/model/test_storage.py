"""A policy on disk: what comes back is what went in, and what is not whole is refused."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from causeway.errors import UnusableInput
from causeway.model import Policy, storage
from causeway.model.action_space import ControlStatistics
from tests.model.model_samples import make_sample

SAMPLES = [make_sample(i) for i in range(2)]


@pytest.fixture(scope="module")
def saved(policy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    policy.save(folder, card="Trained on nothing.")
    return folder


def test_saved_and_loaded_answers_the_same(policy, saved):
    assert {p.name for p in saved.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json", "MODEL_CARD.md"}
    assert "Trained on nothing." in (saved / "MODEL_CARD.md").read_text()
    loaded = Policy.load(saved)
    assert loaded.config == policy.config
    before, again = (p.predict(SAMPLES, n=2, seed=3) for p in (policy, loaded))
    assert again.reasoning == before.reasoning
    np.testing.assert_array_equal(again.trajectory_rig, before.trajectory_rig)


def test_large_weights_are_saved_in_shards_with_an_index(policy, tmp_path):
    policy.save(tmp_path, shard_bytes=2_000_000)
    shards = sorted(p.name for p in tmp_path.glob("*.safetensors"))
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert len(shards) > 3
    assert sorted(set(index["weight_map"].values())) == shards
    assert all((tmp_path / name).stat().st_size < 2_100_000 for name in shards)
    loaded = Policy.load(tmp_path)
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in policy.state_dict().items())
    (tmp_path / shards[1]).unlink()
    with pytest.raises(UnusableInput, match=f"{shards[1]}: missing"):
        Policy.load(tmp_path)


def copied(saved, folder):
    for file in saved.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def rewrite(folder, **changes):
    """Change values of config.json and seal it again."""
    config = json.loads((folder / "config.json").read_text()) | changes
    config["weights_sha256"] = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.safetensors")
    }
    config["config_sha256"] = storage._config_hash(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_one_flipped_byte_is_refused(saved, tmp_path, name):
    folder = copied(saved, tmp_path)
    raw = bytearray((folder / name).read_bytes())
    held = {"config.json": b"0.02902", "tokenizer.json": b"Accelerate"}  # elsewhere they would not even be JSON
    raw[raw.index(held[name]) if name in held else len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(UnusableInput, match=r"that (were|was) saved"):
        Policy.load(folder)


def test_weights_cut_in_half_are_refused(saved, tmp_path):
    folder = copied(saved, tmp_path)
    raw = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(UnusableInput, match=r"model.safetensors: its bytes are not those that were saved"):
        Policy.load(folder)
    rewrite(folder)
    with pytest.raises(UnusableInput, match="cannot be read"):
        Policy.load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnusableInput, match="missing"):
        Policy.load(folder)


@pytest.mark.parametrize("change", ["missing from", "unexpected in", "has shape"])
def test_every_tensor_must_fit(saved, tmp_path, change):
    folder = copied(saved, tmp_path)
    weights = load_file(str(folder / "model.safetensors"))
    if change == "missing from":
        del weights["expert.write.bias"]
    elif change == "unexpected in":
        weights["expert.extra"] = torch.zeros(1)
    else:
        weights["expert.write.bias"] = torch.zeros(3)
    save_file(weights, str(folder / "model.safetensors"))
    rewrite(folder)
    with pytest.raises(UnusableInput, match=f"tensor expert.* {change}"):
        Policy.load(folder)


def test_weights_of_another_scale_are_refused(saved, tmp_path):
    folder = copied(saved, tmp_path)
    scale = json.loads((folder / "config.json").read_text())["scale"]
    rewrite(folder, scale=scale | {"expert": {"hidden": 96, "intermediate": 320}})
    with pytest.raises(UnusableInput, match=r"tensor expert\..* has shape .*: another scale or version"):
        Policy.load(folder)


def test_pickles_are_refused_wherever_they_lie(saved, tmp_path):
    with pytest.raises(UnusableInput, match="so no policy"):
        Policy.load(tmp_path)
    folder = copied(saved, tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnusableInput, match=r"pickles \(pytorch_model.bin\) are never read"):
        Policy.load(folder)


def test_weights_that_nobody_saved_are_refused(saved, tmp_path):
    folder = copied(saved, tmp_path)
    (folder / "more.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(UnusableInput, match=r"more.safetensors: not part of this policy"):
        Policy.load(folder)


def test_other_versions_are_refused(saved, tmp_path):
    folder = copied(saved, tmp_path)
    rewrite(folder, action_tokens="a0")
    with pytest.raises(UnusableInput, match=f"action tokens a0; this code reads schema {storage.SCHEMA_VERSION} with"):
        Policy.load(folder)


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"model_type": "qwen3_vl"}', '{"model_type": "causeway_policy"}'])
def test_what_is_no_config_of_a_policy_is_refused(saved, tmp_path, text):
    folder = copied(saved, tmp_path)
    (folder / "config.json").write_text(text)
    with pytest.raises(UnusableInput, match=r"not a policy's config|schema None .*: train the policy again"):
        Policy.load(folder)


def test_an_older_policy_says_what_to_do(saved, tmp_path):
    """Its config lacks what was added since: the version is what must be named, not the first field that is missing."""
    folder = copied(saved, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    del config["cameras"], config["lora"], config["config_sha256"], config["scale"]["family"]
    (folder / "config.json").write_text(json.dumps(config | {"schema_version": 1}))
    with pytest.raises(UnusableInput, match=r"schema 1 .* reads schema 4 .*: train the policy again, or load it with"):
        Policy.load(folder)


def test_statistics_travel_with_the_policy(tmp_path):
    statistics = ControlStatistics((0.5, 0.001), (1.5, 0.03))
    Policy.from_scale("tiny", statistics=statistics).save(tmp_path)
    assert Policy.load(tmp_path).statistics == statistics
