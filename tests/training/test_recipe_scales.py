"""Every recipe at every scale: its parts, stage after stage, or one line that says why there is none. Shapes alone."""

from functools import cache

import pytest
import torch

from causeway.errors import UsageError
from causeway.model import Policy
from causeway.model.action_space import ControlStatistics
from causeway.model.backbone import build_backbone
from causeway.model.lora import Lora
from causeway.model.scales import SCALES, scale_named
from causeway.model.storage import PolicyConfig
from causeway.model.tokenizer import load_vocabulary
from causeway.training.config import RecipeConfig
from causeway.training.recipes import RECIPES, Recipe

BUILT = [recipe for recipe in RECIPES.values() if not recipe.family]
OTHER_FAMILY = [recipe for recipe in RECIPES.values() if recipe.family]
LARGER = [name for name, scale in SCALES.items() if scale.needs_backbone]


@cache
def backbone_of(scale: str):
    """Shared by the recipes that put nothing into it."""
    vocabulary = load_vocabulary()
    with torch.device("meta"):
        return build_backbone(scale_named(scale), vocabulary.size, vocabulary.special)


def shaped(recipe: Recipe, scale: str) -> Policy:
    """A policy without numbers."""
    adapted = any("lora_rank" in stage.settings for stage in recipe.stages)
    rigs = ("north", "south") if "rig" in recipe.needs else ()
    config = PolicyConfig(scale_named(scale), ControlStatistics(), recipe.vision_tokenizer, design=recipe.design, rigs=rigs)
    with torch.device("meta"):
        return Policy(config, load_vocabulary(), None if adapted else backbone_of(scale))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("recipe", BUILT, ids=lambda recipe: recipe.name)
def test_a_recipe_has_at_every_scale_what_its_stages_train(recipe, scale):
    policy, numbers = shaped(recipe, scale), []
    for stage in recipe.stages:
        config = RecipeConfig(**recipe.settings(stage.name, {}))
        with torch.device("meta"):
            if config.lora_rank and policy.config.lora is None:
                policy.add_lora(Lora(config.lora_rank, targets=config.lora_targets))
            if config.point_blocks:
                policy.take_points(range(config.point_blocks))
        numbers.append([sum(p.numel() for p in policy.trained_parameters(part)) for part in stage.trains])
    assert all(count > 0 for counts in numbers for count in counts)


@pytest.mark.parametrize("scale", LARGER)
@pytest.mark.parametrize("recipe", OTHER_FAMILY, ids=lambda recipe: recipe.name)
def test_a_family_without_published_weights_is_refused_by_name(recipe, scale):
    with pytest.raises(UsageError, match=f"scale {scale}: no published weights of family {recipe.family} have its sizes"):
        Policy.from_scale(scale, backbone="folder", design=recipe.design, family=recipe.family)


@pytest.mark.parametrize("scale", SCALES)
def test_the_eyes_of_every_family_take_adapters(scale):
    recipe = RECIPES["manipllm"]
    policy, stage = shaped(recipe, scale), recipe.stage("object")
    with torch.device("meta"):
        policy.add_lora(Lora(stage.settings["lora_rank"], targets=stage.settings["lora_targets"]))
    layers = scale_named(scale).vision.depth
    seeing = policy.trained_parameters("visual-adapters")
    assert len(seeing) >= 2 * 3 * layers  # two factors beside attention and both layers of the network of each block
    assert not {id(p) for p in seeing} & {id(p) for p in policy.trained_parameters("language")}
