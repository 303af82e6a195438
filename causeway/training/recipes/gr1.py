"""GR-1: learn to foresee the next camera frames, then to act and to foresee together.

Its own: what happens next is learned from drives without any label, before an action is; queries behind the sequence
that nobody else reads. What a frame ahead shows is a target, never an input: an answer needs none.
"""

from causeway.model.design import Design
from causeway.training.recipes.recipe import Recipe, RecipeStage

_ALL = ("backbone", "embeddings", "expert")

GR1 = Recipe(
    name="gr1",
    paper="arXiv 2312.13139",
    says="foresees the next camera frames first, then acts and foresees together",
    design=Design("gr1", head="queries", conditioning="joint-kv-cache", speaks=False, action_tokens=False),
    stages=(
        RecipeStage(
            name="frames",
            says="the next camera frames from those seen, the motion and the route (squared error of pixels)",
            loss="frames",
            trains=("backbone", "embeddings", "expert.foresight"),
            judged="frames",
            reads=("ahead",),
            settings={"steps": 120},
        ),
        RecipeStage(
            name="action",
            says="controls (smooth absolute error) and the next camera frames together",
            loss="actions-and-frames",
            trains=_ALL,
            judged="paths",
            reads=("ahead",),
            settings={"steps": 225},
        ),
    ),
    needs=("future frames",),
)
