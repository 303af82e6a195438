"""TinyVLA: a small vision-language model that stays as it is, adapters beside it, a diffusion head behind it.

Its own: no pre-training on drives. The head reads the mean of the hidden states; its loss reaches the adapters and
nothing else of the backbone.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

TINYVLA = Recipe(
    name="tinyvla",
    paper="arXiv 2409.12514",
    says="a small frozen backbone with LoRA and a diffusion head on the mean of its hidden states",
    design=Design("tinyvla", head="diffusion", conditioning="pooled", speaks=False, action_tokens=False),
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
            says="the noise in controls (DDPM, squared error): head and adapters, the backbone frozen",
            loss="actions",
            trains=("adapters", "expert"),
            judged="paths",
            settings={"steps": 225, "lora_rank": 4},
        ),
    ),
)
