"""DiffusionVLA: words by the next token, the path by diffusion, and the words put into the diffusion by FiLM.

Its own: what was said scales and shifts every block of the head, and is no other way into it. Both losses train the
backbone together. As in the paper the words' loss is weighted against the diffusion's; here both count one.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

_ALL = ("backbone", "embeddings", "expert")

DIFFUSIONVLA = Recipe(
    name="diffusionvla",
    paper="arXiv 2412.03293",
    says="autoregressive reasoning injected into a diffusion head by FiLM",
    design=Design("diffusionvla", head="diffusion", conditioning="film", speaks=True, action_tokens=False),
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
            says="reasoning where there is some (cross-entropy) and the noise in controls (squared error)",
            loss="actions",
            trains=_ALL,
            judged="paths",
            settings={"steps": 150},
        ),
        RecipeStage(
            name="reasoned",
            says="reasoning with its end, and the noise in controls behind it; only samples with causes",
            loss="reasoned-actions",
            trains=_ALL,
            judged="words",
            reasoning_only=True,
            settings={"steps": 75, "lr": 4e-4, "expert_lr": 4e-4},
        ),
    ),
    needs=("reasoning",),
)
