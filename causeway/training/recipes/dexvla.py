"""DexVLA: the expert learns to drive alone, is bound to the vision-language model, then learns from its reasoning.

Its own: an expert that begins without the backbone, one output layer for each rig, and a curriculum in which the eyes
stay as they are until the last stage. What was said scales and shifts every block of the expert, as in DiffusionVLA.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

DEXVLA = Recipe(
    name="dexvla",
    paper="arXiv 2502.05855",
    says="expert alone, bound to the backbone, then sub-step reasoning; an output layer for each rig",
    design=Design("dexvla", head="diffusion-by-rig", conditioning="film", speaks=True, action_tokens=False),
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
            name="expert",
            says="the noise in controls (squared error) by the expert alone, from the motion so far; no backbone",
            loss="expert-alone",
            trains=("expert",),
            judged="alone",
            settings={"steps": 75},
        ),
        RecipeStage(
            name="bind",
            says="expert and language model together (squared error, cross-entropy of words), the eyes frozen",
            loss="actions",
            trains=("language", "embeddings.history", "embeddings.route", "expert"),
            judged="paths",
            settings={"steps": 100},
        ),
        RecipeStage(
            name="reasoned",
            says="what is done next said first (cross-entropy), and the noise in controls behind it; everything learns",
            loss="reasoned-actions",
            trains=("backbone", "embeddings", "expert"),
            judged="words",
            reasoning_only=True,
            settings={"steps": 75, "lr": 4e-4, "expert_lr": 4e-4},
        ),
    ),
    needs=("reasoning", "rig"),
)
