"""RoboFlamingo: a frozen vision-language model, read by a resampler, acted on by a recurrent head.

Its own: nothing of the backbone learns in the action stage; a few queries look across its hidden states, the largest of
what each channel found goes into an LSTM.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

ROBOFLAMINGO = Recipe(
    name="roboflamingo",
    paper="arXiv 2311.01378",
    says="a frozen backbone, a resampler with cross-attention, an LSTM head",
    design=Design("roboflamingo", head="lstm", conditioning="resampler", speaks=False, action_tokens=False),
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
            says="controls (squared error) by resampler and LSTM, the backbone frozen",
            loss="actions",
            trains=("expert",),
            judged="paths",
            settings={"steps": 225, "flow_draws": 1},
        ),
    ),
)
