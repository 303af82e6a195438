"""HybridVLA: diffusion inside the sequence of words, action tokens behind it, both answers fused.

Its own: noised controls are columns of the backbone's sequence, so that one backbone learns both losses; the tokens
behind them count where they are sure (mean confidence above 0.96). Targets of tokens are nearly one-hot: spread over
neighbours no token could ever be that sure.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

_ALL = ("backbone", "embeddings", "expert")

HYBRIDVLA = Recipe(
    name="hybridvla",
    paper="arXiv 2503.10631",
    says="diffusion tokens inside the sequence beside autoregressive ones, fused above a confidence of 0.96",
    design=Design("hybridvla", head="in-sequence", conditioning="joint-kv-cache", speaks=False, action_tokens=True),
    soft_target_sigma_bins=0.25,
    stages=(
        RecipeStage(
            name="vlm",
            says="answers to questions about the drive (cross-entropy): the vision-language model it begins with",
            loss="questions",
            trains=("backbone", "embeddings"),
            judged="answers",
            settings={"steps": 80},
        ),
        RecipeStage(
            name="action",
            says="the noise in controls (squared error) and action tokens (cross-entropy) in one sequence",
            loss="actions",
            trains=_ALL,
            judged="paths",
            settings={"steps": 225, "prefix_sigma_bins": 0.0, "prefix_mask": 0.0},
        ),
    ),
)
