"""RoboMamba: a state-space backbone, aligned with pictures, co-trained, then frozen behind a head of two layers.

Its own: cost that grows linearly with the sequence, and a last stage that trains nothing but the head. The paper's loss
is absolute error of position and geodesic of rotation; here it is that of controls, from which both follow.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

ROBOMAMBA = Recipe(
    name="robomamba",
    paper="arXiv 2406.04339",
    says="a state-space backbone; align, co-train, then the head alone",
    design=Design("robomamba", head="mlp", conditioning="pooled", speaks=False, action_tokens=False),
    family="mamba",
    stages=(
        RecipeStage(
            name="align",
            says="answers to questions (cross-entropy): only what joins pictures and words learns",
            loss="questions",
            trains=("projector", "embeddings"),
            judged="answers",
            settings={"steps": 20},
        ),
        RecipeStage(
            name="cotrain",
            says="answers to questions about the drive, general and of driving (cross-entropy): the whole backbone",
            loss="questions",
            trains=("backbone", "embeddings"),
            judged="answers",
            settings={"steps": 80},
        ),
        RecipeStage(
            name="action",
            says="controls (absolute error) by a head of two layers, everything else frozen",
            loss="actions",
            trains=("expert",),
            judged="paths",
            settings={"steps": 225, "flow_draws": 1},
        ),
    ),
)
