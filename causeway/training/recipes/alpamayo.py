"""Alpamayo-R1: reason in words, then drive by flow matching on the backbone's cache; the recipe that stands by itself.

Its stages are steps of their own (`train_vlm`, `train_action`, `train_coc`, `train_rl`) with configs of their own; what
they train is in `stages.STAGES`.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

_ALL = ("backbone", "embeddings", "expert")

ALPAMAYO = Recipe(
    name="alpamayo",
    paper="arXiv 2511.00088",
    says="reasoning, action tokens, and a flow expert on the backbone's cache with gradients stopped",
    design=Design(),
    stages=(
        RecipeStage("vlm", "answers to questions", "questions", _ALL[:2], "answers"),
        RecipeStage("action", "action tokens and the flow expert", "actions", _ALL, "paths"),
        RecipeStage("coc", "reasoning first", "reasoned-actions", _ALL, "words", reasoning_only=True),
        RecipeStage("rl", "rewards", "rewards", _ALL, "words", reasoning_only=True),
    ),
)
