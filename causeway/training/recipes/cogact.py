"""CogACT: the backbone thinks into one token, a diffusion transformer acts on it.

Its own: the cognition token (the hidden state of the sequence's last column) is all that the head is told, and its
gradients train the whole backbone. Answers over time are joined by `causeway.model.ensemble`.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

COGACT = Recipe(
    name="cogact",
    paper="arXiv 2411.19650",
    says="one cognition token into a diffusion transformer; adaptive ensemble of overlapping chunks",
    design=Design("cogact", head="diffusion", conditioning="cognition", speaks=False, action_tokens=False),
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
            says="the noise in controls (DDPM, squared error), through the cognition token into the whole backbone",
            loss="actions",
            trains=("backbone", "embeddings", "expert"),
            judged="paths",
            settings={"steps": 225, "flow_draws": 8},
        ),
    ),
)
