"""One policy, any batch: what must not change an answer, and what must."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy, decoding
from causeway.model.action_space import ControlStatistics
from tests.model.model_samples import make_sample

SAMPLES = [make_sample(i, cameras=("front_wide",) if i == 5 else ("front_wide", "front_tele")) for i in range(8)]


def assert_same(one, other, rows_one=slice(None), rows_other=slice(None)):
    assert one.reasoning[rows_one] == other.reasoning[rows_other]
    np.testing.assert_allclose(one.trajectory_rig[rows_one], other.trajectory_rig[rows_other], atol=1e-4)
    np.testing.assert_allclose(one.controls[rows_one], other.controls[rows_other], atol=1e-4)


@pytest.fixture(scope="module")
def eight(policy):
    """Answers to eight samples, one of them with a single camera: its row is padded."""
    return policy.predict(SAMPLES, n=2, seed=3)


def test_shapes_and_types(eight):
    assert eight.trajectory_rig.shape == (8, 2, 64, 3)
    assert eight.controls.shape == (8, 2, 64, 2)
    assert eight.trajectory_rig.dtype == eight.controls.dtype == np.float32
    assert len(eight.reasoning) == len(eight.decision) == 8
    assert all(len(row) == 2 for row in eight.reasoning)
    assert set(eight.timing_ms) == {"decode", "vision", "prefill", "reasoning", "action"}


@pytest.mark.parametrize("row", [0, 5])
def test_alone_or_in_a_batch_with_padding(policy, eight, row):
    assert_same(policy.predict([SAMPLES[row]], n=2, seed=3), eight, rows_other=slice(row, row + 1))


def test_greedy_tokens_do_not_depend_on_the_batch(policy):
    together = policy.predict(SAMPLES[4:7], temperature=0.0)
    assert_same(policy.predict([SAMPLES[5]], temperature=0.0), together, rows_other=slice(1, 2))


def test_place_in_the_batch_changes_nothing(policy, eight):
    assert_same(policy.predict(SAMPLES[::-1], n=2, seed=3), eight, rows_one=slice(None, None, -1))


def test_fewer_samples_are_the_first_samples(policy, eight):
    one = policy.predict(SAMPLES[:1], n=1, seed=3)
    assert one.reasoning[0] == eight.reasoning[0][:1]
    np.testing.assert_allclose(one.trajectory_rig[0], eight.trajectory_rig[0, :1], atol=1e-4)


def test_seed_changes_the_samples_and_samples_differ(policy, eight):
    other = policy.predict(SAMPLES[:1], n=2, seed=4)
    assert np.abs(other.trajectory_rig[0] - eight.trajectory_rig[0]).max() > 0.1
    assert np.abs(eight.trajectory_rig[0, 0] - eight.trajectory_rig[0, 1]).max() > 0.1


def test_order_of_cameras_is_a_matter_of_names(policy, eight):
    seen = SAMPLES[0].observation
    turned = replace(seen, images=seen.images[::-1], rig=seen.rig[::-1], cameras=seen.cameras[::-1])
    assert_same(policy.predict([turned], n=2, seed=3), eight, rows_other=slice(0, 1))


@pytest.mark.parametrize("field", ["images", "rig", "ego_history", "speed_mps", "frame_t_us", "route"])
def test_everything_observed_reaches_the_actions(policy, field):
    seen = SAMPLES[0].observation
    changed = {
        "images": seen.images[:, ::-1, ::-1],
        "rig": seen.rig * 1.5,
        "ego_history": seen.ego_history * 0.5,
        "speed_mps": seen.speed_mps + 5.0,
        "frame_t_us": seen.frame_t_us - 200_000,
        "route": np.float32([[5, 0], [10, 3], [15, 9]]),
    }[field]
    before = policy.predict([seen], use_reasoning=False)
    after = policy.predict([replace(seen, **{field: changed})], use_reasoning=False)
    assert np.abs(before.controls - after.controls).max() > 1e-6


def test_forced_reasoning_is_answered_with_and_acted_on(policy):
    go, stop = "Track the set speed.", "Stop for the red light ahead."
    forced = policy.predict(SAMPLES[:2], n=2, forced_reasoning=[go, stop])
    assert forced.reasoning == [[go, go], [stop, stop]]
    assert forced.decision[0][0] == ("set_speed_tracking", "none")
    assert forced.decision[1][1] == ("stop_for_static_constraint", "none")
    swapped = policy.predict(SAMPLES[:2], n=2, forced_reasoning=[stop, go])
    assert np.abs(swapped.controls - forced.controls).max() > 1e-6


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_its_own_words_handed_back_change_nothing(policy, temperature, monkeypatch):
    """Also where the words were said in other ids than they are read in, as an untrained policy does."""
    read_again, original = [], decoding.reread
    monkeypatch.setattr(decoding, "reread", lambda *a: (read_again.append(1), original(*a)))
    rows = [*SAMPLES[:3], SAMPLES[5]]  # the last one is padded
    free = policy.predict(rows, seed=7, temperature=temperature)
    assert read_again or temperature == 0.0  # greedy, it says one token again and again
    assert all(row[0] for row in free.reasoning)
    forced = policy.predict(rows, seed=7, temperature=temperature, forced_reasoning=[r[0] for r in free.reasoning])
    assert_same(free, forced)


def test_saying_nothing_is_acting_without_words(policy, monkeypatch):
    end = torch.zeros(policy.word_logits(torch.zeros(160)).shape[0])
    end[policy.special["coc_end"]] = 100.0
    monkeypatch.setattr(policy, "reasoning_logits", lambda hidden: end.expand(len(hidden), -1))
    silent = policy.predict(SAMPLES[4:6], n=2, seed=7)
    assert silent.reasoning == [["", ""], ["", ""]]
    assert_same(silent, policy.predict(SAMPLES[4:6], n=2, seed=7, forced_reasoning=["", ""]))


def test_words_that_spell_a_reserved_token_are_answered_with(policy, monkeypatch):
    """Letters may make up a special token's name; such words cannot be forced, but no answer may fail on them."""
    name = "<|coc_end|>"
    letters = [policy.vocabulary.text_ids(letter)[0] for letter in name]
    script = iter([*letters, policy.special["coc_end"]])

    def scripted(hidden):
        logits = torch.zeros(len(hidden), policy.word_logits(hidden).shape[-1])
        logits[:, next(script)] = 100.0
        return logits

    monkeypatch.setattr(policy, "reasoning_logits", scripted)
    assert policy.predict(SAMPLES[:1]).reasoning == [[name]]


def test_without_reasoning(policy):
    off = policy.predict(SAMPLES[:1], use_reasoning=False)
    assert off.reasoning == [[""]]
    assert off.decision == [[("none", "none")]]
    empty = policy.predict(SAMPLES[:1], forced_reasoning=[""])
    np.testing.assert_array_equal(off.trajectory_rig, empty.trajectory_rig)


def test_pictures_of_any_size_are_taken(policy):
    seen = SAMPLES[0].observation
    large = replace(seen, images=seen.images.repeat(2, axis=2).repeat(3, axis=3))
    assert policy.predict([large], use_reasoning=False).trajectory_rig.shape == (1, 1, 64, 3)


def test_wrong_calls_are_one_line(policy):
    with pytest.raises(UsageError, match="at least one"):
        policy.predict([])
    with pytest.raises(UsageError, match="n 0 and flow_steps 10 must be at least 1"):
        policy.predict(SAMPLES[:1], n=0)
    with pytest.raises(UsageError, match="1 forced reasonings for 2 samples"):
        policy.predict(SAMPLES[:2], forced_reasoning=["Stop."])
    bad = replace(SAMPLES[1], observation=replace(SAMPLES[1].observation, speed_mps=float("nan")))
    with pytest.raises(UnusableInput, match="sample s1: speed_mps holds NaN"):
        policy.predict([SAMPLES[0], bad])


def test_same_seed_same_weights():
    one, two, other = (Policy.from_scale("tiny", seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["expert.write.weight"], other["expert.write.weight"])


def test_unknown_scale_and_missing_backbone():
    with pytest.raises(UsageError, match=r"scale 'huge' is not known; choose one of tiny, 0.5b, 2b, 8b"):
        Policy.from_scale("huge")
    with pytest.raises(UsageError, match="give a local Qwen3-VL folder"):
        Policy.from_scale("2b")


@pytest.fixture(scope="module")
def saved(policy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    policy.save(folder, card="Trained on nothing.")
    return folder


def test_saved_and_loaded_answers_the_same(policy, eight, saved):
    assert {p.name for p in saved.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json", "MODEL_CARD.md"}
    assert "Trained on nothing." in (saved / "MODEL_CARD.md").read_text()
    loaded = Policy.load(saved)
    assert loaded.config == policy.config
    again = loaded.predict(SAMPLES, n=2, seed=3)
    assert again.reasoning == eight.reasoning
    np.testing.assert_array_equal(again.trajectory_rig, eight.trajectory_rig)


def copied(saved, folder):
    for file in saved.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def rehash(folder):
    import hashlib

    config = json.loads((folder / "config.json").read_text())
    config["weights_sha256"] = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def test_changed_bytes_are_refused(saved, tmp_path):
    folder = copied(saved, tmp_path)
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-5] ^= 1
    (folder / "model.safetensors").write_bytes(raw)
    with pytest.raises(UnusableInput, match="its bytes are not those that were saved"):
        Policy.load(folder)
    (folder / "model.safetensors").write_bytes(raw[: len(raw) // 2])
    rehash(folder)
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
    rehash(folder)
    with pytest.raises(UnusableInput, match=f"tensor expert.* {change}"):
        Policy.load(folder)


def test_pickles_and_other_versions_are_refused(saved, tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UnusableInput, match=r"pickles \(pytorch_model.bin\) are never read"):
        Policy.load(tmp_path)
    folder = copied(saved, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "action_tokens": "a0"}))
    with pytest.raises(UnusableInput, match="action tokens a0; this code reads schema 1 with a1"):
        Policy.load(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(UnusableInput, match="not a policy's config"):
        Policy.load(folder)


def test_statistics_travel_with_the_policy(tmp_path):
    statistics = ControlStatistics((0.5, 0.001), (1.5, 0.03))
    Policy.from_scale("tiny", statistics=statistics).save(tmp_path)
    assert Policy.load(tmp_path).statistics == statistics
