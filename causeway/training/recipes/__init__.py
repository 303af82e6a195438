"""Recipes by name: families of driving policies that are trained by the same loop from the same samples.

A recipe is one file here, and one line below. No torch.
"""

from causeway.errors import UsageError
from causeway.training.recipes.act import ACT
from causeway.training.recipes.alpamayo import ALPAMAYO
from causeway.training.recipes.cogact import COGACT
from causeway.training.recipes.dexvla import DEXVLA
from causeway.training.recipes.diffusionvla import DIFFUSIONVLA
from causeway.training.recipes.gr1 import GR1
from causeway.training.recipes.hybridvla import HYBRIDVLA
from causeway.training.recipes.manipllm import MANIPLLM
from causeway.training.recipes.pi0 import PI0
from causeway.training.recipes.pointvla import POINTVLA
from causeway.training.recipes.recipe import Recipe, RecipeStage
from causeway.training.recipes.roboflamingo import ROBOFLAMINGO
from causeway.training.recipes.robomamba import ROBOMAMBA
from causeway.training.recipes.tinyvla import TINYVLA

__all__ = ["RECIPES", "Recipe", "RecipeStage", "recipe_named"]

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *(ALPAMAYO, PI0, TINYVLA, DIFFUSIONVLA, COGACT, HYBRIDVLA),
        *(ROBOFLAMINGO, ROBOMAMBA, GR1, DEXVLA, POINTVLA, MANIPLLM, ACT),
    )
}


def recipe_named(name: str) -> Recipe:
    """The recipe of a name. UsageError names the choices."""
    if name not in RECIPES:
        raise UsageError(f"recipe {name!r} is not known; choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
