"""Every recipe through its stages: what is frozen stays, what is saved answers the same, what lacks is refused."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from causeway.artifacts import Artifact, run
from causeway.errors import UnusableInput, UsageError
from causeway.model import Policy
from causeway.model.conditioning import CONDITIONINGS
from causeway.model.heads import HEADS, head_named
from causeway.model.surroundings import Surroundings
from causeway.training.config import ActionConfig, RecipeConfig, VlmConfig
from causeway.training.needs import refuse_lacking
from causeway.training.recipes import RECIPES, recipe_named
from causeway.training.samples import load_samples
from causeway.training.stages import LOSSES
from causeway.training.step import _course, train_action, train_recipe, train_vlm
from tests.training.examples import equipped_samples, example_samples, store_samples

OTHERS = [name for name in RECIPES if name != "alpamayo"]
SHORT = {"steps": 2, "batch_size": 2, "gate_samples": 0, "checkpoint_every_s": 1e9}


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> str:
    return store_samples(tmp_path_factory.mktemp("samples") / "samples", equipped_samples(4)).location


def config_of(recipe: str, stage: str, **more) -> RecipeConfig:
    return RecipeConfig(**recipe_named(recipe).settings(stage, SHORT | more))


def weights_of(policy: Policy) -> dict[str, torch.Tensor]:
    """All weights by name; a layer with an adapter keeps the name it had without."""
    return {name.replace(".base_layer.", "."): tensor for name, tensor in policy.state_dict().items()}


def moved(before: Policy, after: Policy) -> set[str]:
    old, new = weights_of(before), weights_of(after)
    return {name for name in new if name not in old or not torch.equal(old[name], new[name])}


def may_move(policy: Policy, trains: tuple[str, ...]) -> set[str]:
    learning = {id(p) for part in trains for p in policy.trained_parameters(part)}
    named = policy.named_parameters(remove_duplicate=False)
    return {name.replace(".base_layer.", ".") for name, p in named if id(p) in learning}


@pytest.mark.parametrize("name", OTHERS)
def test_every_stage_trains_its_parts_and_no_other_weight_moves_by_a_bit(name, samples, tmp_path):
    recipe, before = recipe_named(name), None
    start = _begun(name, samples)
    for stage in recipe.stages:
        inputs = {"samples": samples, "policy": str(before) if before else None}
        made = run(train_recipe, inputs, out=str(tmp_path / stage.name), config=config_of(name, stage.name))
        before, trained = Path(made.location), Policy.load(made.location)
        changed = moved(start, trained)
        assert changed
        assert changed <= may_move(trained, stage.trains)
        start = trained
    assert start.config.design == recipe.design
    asked = equipped_samples(2)
    one, two = start.predict(asked, n=2, seed=3), Policy.load(before).predict(asked, 2, 3)
    assert one.trajectory_rig.shape == (2, 2, 64, 3)
    assert np.isfinite(one.trajectory_rig).all()
    np.testing.assert_array_equal(one.trajectory_rig, two.trajectory_rig)
    assert all(words != "" for row in one.reasoning for words in row) == recipe.design.speaks


def _begun(name: str, samples: str) -> Policy:
    """The policy that a recipe's first stage begins with."""
    from causeway.training.step import _new

    return _new(load_samples(Artifact.open(samples), "train"), config_of(name, recipe_named(name).stages[0].name))


def test_a_policy_of_another_recipe_is_refused_by_name(samples, tmp_path):
    config = VlmConfig(steps=1, batch_size=2, gate_samples=0)
    seen = run(train_vlm, {"samples": samples}, out=str(tmp_path / "vlm"), config=config)
    inputs = {"samples": samples, "policy": seen.location}
    with pytest.raises(UnusableInput, match="a policy of recipe alpamayo, but tinyvla was asked for"):
        run(train_recipe, inputs, out=str(tmp_path / "out"), config=config_of("tinyvla", "action"))
    other = run(
        train_recipe, {"samples": samples, "policy": None}, out=str(tmp_path / "pi0"), config=config_of("pi0", "vlm")
    )
    inputs = {"samples": samples, "policy": other.location}
    with pytest.raises(UnusableInput, match="a policy of recipe pi0, but alpamayo was asked for"):
        run(train_action, inputs, out=str(tmp_path / "out"), config=ActionConfig(steps=1, gate_samples=0))


def test_a_recipe_says_at_the_start_what_its_samples_lack(tmp_path):
    silent = store_samples(tmp_path / "samples", example_samples(2, reasoning=False))
    inputs = {"samples": silent.location, "policy": None}
    with pytest.raises(UnusableInput, match="recipe diffusionvla: its samples lack reasoning"):
        run(train_recipe, inputs, out=str(tmp_path / "out"), config=config_of("diffusionvla", "vlm"))
    with pytest.raises(UnusableInput, match=r"lack reasoning .* and a second camera .* and future frames"):
        refuse_lacking("mine", ("reasoning", "second camera", "future frames"), load_samples(silent, "train"))


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("gr1", "future frames"),
        ("dexvla", "the name of the rig"),
        ("pointvla", "3D points"),
        ("manipllm", "the road"),
    ],
)
def test_what_a_recipe_lacks_is_said_before_its_first_step(name, lacks, tmp_path):
    bare = [replace(sample, around=Surroundings(None, None)) for sample in example_samples(2)]
    inputs = {"samples": store_samples(tmp_path / "samples", bare).location, "policy": None}
    config = config_of(name, recipe_named(name).stages[0].name)
    with pytest.raises(UnusableInput, match=f"recipe {name}: its samples lack {lacks}"):
        run(train_recipe, inputs, out=str(tmp_path / "out"), config=config)


@pytest.mark.parametrize(
    ("name", "left_out", "lacks"),
    [
        ("pointvla", {"points": None}, "3D points in 1 of 4, as in sample-003 "),
        ("pointvla", {"points": np.zeros((0, 3), np.float32)}, "3D points in 1 of 4, as in sample-003 "),
        ("dexvla", {"rig_id": ""}, "the name of the rig in 1 of 4, as in sample-003 "),
    ],
)
def test_what_some_samples_lack_is_said_before_the_first_step_too(name, left_out, lacks, tmp_path):
    *whole, last = equipped_samples(4)
    given = [*whole, replace(last, observation=replace(last.observation, **left_out))]
    stored = load_samples(store_samples(tmp_path / "samples", given), "train")
    with pytest.raises(UnusableInput, match=f"recipe {name}: its samples lack {lacks}"):
        refuse_lacking(name, recipe_named(name).needs, stored)


def test_a_rig_that_a_policy_has_no_head_for_is_refused_before_the_first_step(samples, tmp_path):
    begun = run(
        train_recipe,
        {"samples": samples, "policy": None},
        out=str(tmp_path / "vlm"),
        config=config_of("dexvla", "vlm", steps=1),
    )
    config = config_of("dexvla", "expert", gate_samples=2)
    for split in ("train", "val"):
        *known, last = equipped_samples(4)
        stranger = replace(last, split=split, observation=replace(last.observation, rig_id="east"))
        stored = store_samples(tmp_path / split, [*known, stranger])
        with pytest.raises(UnusableInput, match=f"rig 'east' in split {split} is not one this policy has a head for"):
            _course("expert", stored, Artifact.open(begun.location), config, tmp_path, "")


def test_a_policy_that_skipped_a_stage_is_refused_unless_it_is_said(samples, tmp_path):
    inputs = {"samples": samples, "policy": None}
    begun = run(train_recipe, inputs, out=str(tmp_path / "vlm"), config=config_of("pi0", "vlm", steps=1)).location
    with pytest.raises(UnusableInput, match="vlm: a policy of stage vlm, but stage post of recipe pi0 goes on from stage broad; train broad first"):
        run(train_recipe, {"samples": samples, "policy": begun}, out=str(tmp_path / "post"), config=config_of("pi0", "post"))
    before, stored = Artifact.open(begun), Artifact.open(samples)
    course = _course("post", stored, before, config_of("pi0", "post", left_out=("broad",)), tmp_path, "")
    assert course.stage == "post"
    with pytest.raises(UsageError, match="bread: no such stage"):
        _course("post", stored, before, config_of("pi0", "post", left_out=("bread",)), tmp_path, "")
    (Path(begun) / "losses.jsonl").write_text("")
    with pytest.raises(UnusableInput, match=r"a policy of stage \(none\), .* train vlm, broad first"):
        _course("post", stored, before, config_of("pi0", "post"), tmp_path, "")


def test_a_stage_may_be_run_again():
    assert recipe_named("pi0").check_trained("broad", ["vlm", "broad", "post"], (), "policy") is None


def test_a_small_set_of_a_recipe_is_spread_over_all_drives(samples, tmp_path):
    course = _course("vlm", Artifact.open(samples), None, config_of("pi0", "vlm", limit=2), tmp_path, "")
    assert [sample.sample_id for sample in course.samples] == ["sample-000", "sample-002"]
    assert len(course.samples.spread(9)) == 2


def test_wrong_stages_and_names_are_one_line(samples, tmp_path):
    with pytest.raises(UsageError, match="stages of recipe pi0 are vlm, broad, post"):
        recipe_named("pi0").stage("action")
    with pytest.raises(UsageError, match="recipe 'pi1' is not known; choose one of alpamayo, pi0"):
        recipe_named("pi1")
    with pytest.raises(UsageError, match="stage broad goes on from a policy; train stage vlm first"):
        run(train_recipe, {"samples": samples, "policy": None}, out=str(tmp_path / "o"), config=config_of("pi0", "broad"))
    with pytest.raises(UsageError, match="action head 'flow' takes kv-cache, joint-kv-cache, not 'film'"):
        head_named("flow", "film")
    with pytest.raises(UsageError, match="its design says 'pi0'"):
        replace(recipe_named("pi0"), name="mine")


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_a_recipe_names_only_what_there_is(recipe):
    assert recipe.design.conditioning in CONDITIONINGS
    assert recipe.design.conditioning in HEADS[recipe.design.head].conditionings
    assert len({stage.name for stage in recipe.stages}) == len(recipe.stages)
    for stage in recipe.stages:
        assert stage.judged in ("answers", "paths", "words", "frames", "alone", "chain")
        assert set(stage.reads) <= {"ahead", "around"}
        if recipe.name != "alpamayo":
            assert stage.loss in LOSSES
            assert config_of(recipe.name, stage.name).steps == 2


def test_recipes_are_listed_without_torch():
    code = "import sys; from causeway.training.recipes import RECIPES; print(len(RECIPES), 'torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == [str(len(RECIPES)), "False"]
