"""ACT: chunks of actions from a transformer, with a style that soaks up in which of several ways people drive.

Its own: no vision-language model to begin with and no noise when asked: one stage, from nothing, everything learns.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

ACT = Recipe(
    name="act",
    paper="arXiv 2304.13705",
    says="whole chunks by a transformer decoder; a variational style in training, its mean when asked",
    design=Design("act", head="cvae", conditioning="resampler", speaks=False, action_tokens=False),
    stages=(
        RecipeStage(
            name="action",
            says="controls (absolute error) behind a style drawn from what was driven (divergence)",
            loss="actions",
            trains=("backbone", "embeddings", "expert"),
            judged="paths",
            settings={"steps": 305, "flow_draws": 1},
        ),
    ),
)
