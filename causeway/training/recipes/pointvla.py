"""PointVLA: 3D points into a policy that has learned without them, where they disturb it least.

Its own: a skip-block analysis finds the blocks of the action head whose absence costs least; behind these a new encoder
adds what it found in the points, and nothing else of the policy moves by a bit.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

POINTVLA = Recipe(
    name="pointvla",
    paper="arXiv 2503.07511",
    says="3D points behind the least important blocks of a diffusion head, everything else frozen",
    design=Design("pointvla", head="diffusion", conditioning="pooled", speaks=False, action_tokens=False),
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
            says="the noise in controls (squared error) from pictures alone: the policy that points are added to",
            loss="actions",
            trains=("backbone", "embeddings", "expert"),
            judged="paths",
            settings={"steps": 150},
        ),
        RecipeStage(
            name="points",
            says="the noise in controls by the encoder of 3D points, everything before it frozen",
            loss="actions",
            trains=("expert.points",),
            judged="paths",
            settings={"steps": 75, "point_blocks": 1},
        ),
    ),
    needs=("points",),
)
