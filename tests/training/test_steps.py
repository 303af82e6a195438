"""The four steps on a real `tiny` policy: losses fall, words are refused or learned, a policy is whole, a kill is healed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causeway.artifacts import Artifact, run
from causeway.errors import UnusableInput
from causeway.model import Policy
from causeway.training import loop
from causeway.training.config import ActionConfig, CocConfig, RlConfig, VlmConfig
from causeway.training.step import train_action, train_coc, train_rl, train_vlm
from tests.training.examples import example_samples, store_samples

VLM = VlmConfig(steps=12, batch_size=4)
ACTION = ActionConfig(steps=16, batch_size=4)
COC = CocConfig(steps=8, batch_size=4)
RL = RlConfig(steps=2, batch_size=1, group_size=3, curate=8)


def write_samples(folder: Path, samples: list) -> str:
    return store_samples(folder, samples).location


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> dict[str, Path]:
    """All four stages once, on 12 samples."""
    root = tmp_path_factory.mktemp("chain")
    samples = write_samples(root / "samples", example_samples(12))
    made, before = {"samples": Path(samples)}, None
    for name, function, config in (
        ("vlm", train_vlm, VLM),
        ("action", train_action, ACTION),
        ("coc", train_coc, COC),
        ("rl", train_rl, RL),
    ):
        inputs = {"samples": samples} | ({"policy": str(before)} if before else {})
        before = made[name] = Path(run(function, inputs, out=str(root / name), config=config).location)
    return made


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["vlm", "action", "coc"])
def test_the_loss_falls(chain, name):
    loss = [line["loss"] for line in lines_of(chain[name]) if line["stage"] == name]
    assert np.mean(loss[-3:]) < np.mean(loss[:3]) - 0.3


def test_the_same_inputs_and_seed_give_the_same_content_hash(chain, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    inputs, config = {"samples": str(chain["samples"])}, replace(VLM, steps=2)
    one, two, other = (
        run(train_vlm, inputs, out=str(tmp_path / name), config=replace(config, seed=seed))
        for name, seed in (("one", 0), ("two", 0), ("other", 1))
    )
    assert (tmp_path / "one" / "losses.jsonl").read_bytes() == (tmp_path / "two" / "losses.jsonl").read_bytes()
    assert one.content_hash == two.content_hash != other.content_hash


def test_losses_are_carried_from_stage_to_stage(chain):
    lines = lines_of(chain["rl"])
    assert [line["stage"] for line in lines] == ["vlm"] * 12 + ["action"] * 16 + ["coc"] * 8 + ["rl"] * 2
    assert {"reasoning", "action", "flow"} <= set(lines[-3]["parts"])
    rewards = {"reward_displacement_action", "reward_reasoning_grade_text", "reward_consistency_text"}
    assert rewards | {"kl_text", "silent_groups_action", "refilled_groups"} <= set(lines[-1]["parts"])
    assert max(line["parts"]["logprob_gap_action"] for line in lines[-2:]) < 1e-4


def test_a_policy_is_whole_and_holds_no_checkpoint(chain):
    manifest = Artifact.open(chain["rl"]).manifest
    assert {"config.json", "model.safetensors", "tokenizer.json", "MODEL_CARD.md", "losses.jsonl"} <= set(
        manifest.files
    )
    assert not [name for name in manifest.files if "checkpoint" in name]
    card = (chain["rl"] / "MODEL_CARD.md").read_text()
    for word in ("test drives", "CC0-1.0", "| vlm |", "| rl |", "→"):
        assert word in card
    prediction = Policy.load(chain["rl"]).predict(example_samples(2), n=1)
    assert prediction.trajectory_rig.shape == (2, 1, 64, 3)
    assert np.isfinite(prediction.trajectory_rig).all()


def test_which_moments_reinforcement_chose_is_in_the_manifest(chain):
    made, named = Artifact.open(chain["rl"]), json.loads((chain["rl"] / "curation.json").read_text())
    counts = {name: made.manifest.counts[name] for name in ("curated_disagreeing", "curated_random", "curated_of")}
    assert counts == {"curated_disagreeing": 4, "curated_random": 4, "curated_of": 12}
    assert made.manifest.counts["samples"] == 8
    assert "curation.json" in made.manifest.files
    chosen = {*named["ids"]["disagreeing"], *named["ids"]["random"]}
    assert len(chosen) == 8
    assert chosen <= {sample.sample_id for sample in example_samples(12)}


def test_the_statistics_of_the_first_stage_stay(chain):
    controls = np.stack([sample.controls for sample in example_samples(12)])
    for name in ("vlm", "rl"):
        mean = Policy.load(chain[name]).statistics.mean
        assert mean[0] == pytest.approx(float(controls[..., 0].mean()), abs=1e-6)


def test_every_part_of_the_policy_learned_in_its_stage(chain):
    vlm, action, rl = (Policy.load(chain[name]).state_dict() for name in ("vlm", "action", "rl"))
    start = Policy.from_scale("tiny", VLM.seed).state_dict()
    expert, words = "expert.write.weight", "backbone.model.language_model.layers.0.mlp.up_proj.weight"
    assert (vlm[expert] == start[expert]).all()  # the first stage has no use for the expert
    assert not (vlm[words] == start[words]).all()
    assert not (action[expert] == vlm[expert]).all()
    assert not (rl[expert] == action[expert]).all()


@pytest.mark.parametrize(("function", "config"), [(train_coc, COC), (train_rl, RL)])
def test_samples_without_reasoning_are_refused_in_one_line(chain, tmp_path, function, config):
    masked = write_samples(tmp_path / "masked", example_samples(4, reasoning=False))
    with pytest.raises(UnusableInput, match="no training samples with reasoning") as refusal:
        run(function, {"samples": masked, "policy": str(chain["action"])}, out=str(tmp_path / "out"), config=config)
    assert "\n" not in str(refusal.value)


def test_a_stage_is_refused_while_one_before_it_was_not_run(chain, tmp_path):
    inputs = {"samples": str(chain["samples"]), "policy": str(chain["vlm"])}
    with pytest.raises(UnusableInput, match="stage coc of recipe alpamayo goes on from stage action; train action first"):
        run(train_coc, inputs, out=str(tmp_path / "out"), config=COC)
    made = run(train_coc, inputs, out=str(tmp_path / "out"), config=replace(COC, steps=1, left_out=("action",)))
    assert made.counts["steps"] == 1


def test_samples_without_reasoning_train_the_action_stage(chain, tmp_path):
    masked = write_samples(tmp_path / "masked", example_samples(4, reasoning=False))
    inputs = {"samples": masked, "policy": str(chain["vlm"])}
    made = run(train_action, inputs, out=str(tmp_path / "out"), config=replace(ACTION, steps=2))
    last = lines_of(Path(made.location))[-1]["parts"]
    assert last["reasoning"] == 0.0
    assert last["action"] > 0
    assert last["flow"] > 0


WALKING = RlConfig(
    steps=6, batch_size=1, group_size=2, mix="consistency", walk_draws=2, curate=6, checkpoint_every_s=0.0
)


@pytest.mark.parametrize(
    ("function", "before", "config"),
    [
        (train_action, "vlm", replace(ACTION, steps=6, checkpoint_every_s=0.0)),
        pytest.param(train_rl, "coc", WALKING, marks=pytest.mark.slow),
    ],
)
def test_a_killed_step_goes_on_and_ends_with_the_same_losses(chain, tmp_path, monkeypatch, function, before, config):
    inputs = {"samples": str(chain["samples"]), "policy": str(chain[before])}
    whole = run(function, inputs, out=str(tmp_path / "whole"), config=config)
    original, calls = loop._one_step, []

    def killed(*arguments):
        calls.append(None)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_one_step", killed)
        with pytest.raises(KeyboardInterrupt):
            run(function, inputs, out=str(tmp_path / "again"), config=config)
    again = run(function, inputs, out=str(tmp_path / "again"), config=config)
    losses = [[line["loss"] for line in lines_of(Path(made.location))] for made in (whole, again)]
    assert losses[0] == losses[1]
    assert len(calls) == 4


def test_a_sample_that_makes_the_loss_nan_fails_the_step_with_its_id(chain, tmp_path, monkeypatch):
    bad = example_samples(12)[5]
    original = Policy.action_loss

    def poisoned(self, batch, *rest):
        parts = original(self, batch, *rest)
        return parts | {"loss": parts["loss"] * float("nan")} if bad.sample_id in batch.names else parts

    monkeypatch.setattr(Policy, "action_loss", poisoned)
    inputs = {"samples": str(chain["samples"]), "policy": str(chain["vlm"])}
    with pytest.raises(
        UnusableInput, match=rf"action step \d+: the loss is not finite with sample\(s\) {bad.sample_id};"
    ):
        run(train_action, inputs, out=str(tmp_path / "out"), config=ACTION)


def test_a_policy_of_another_scale_is_refused(chain, tmp_path):
    inputs = {"samples": str(chain["samples"]), "policy": str(chain["vlm"])}
    with pytest.raises(UnusableInput, match="scale tiny"):
        run(train_action, inputs, out=str(tmp_path / "out"), config=replace(ACTION, scale="2b"))
