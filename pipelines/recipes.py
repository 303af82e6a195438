"""A pipeline for each recipe: its stages one behind the other, then a short evaluation of the policy they end with."""

from functools import cache
from typing import Any

from kfp import dsl

from causeway.training.recipes import recipe_named
from components.evaluate_open_loop import evaluate_open_loop
from components.open_artifact import open_artifact
from components.train_recipe import train_recipe
from pipelines.placement import place_tasks
from pipelines.training import STAGE_SAMPLES


@cache
def pipeline_of(name: str) -> Any:
    """The pipeline of a recipe; UsageError for a name that is none."""
    recipe = recipe_named(name)

    @dsl.pipeline(name=f"causeway-{name}", description=recipe.says)
    def pipeline(root: str, data: str, scale: str = "tiny", steps: int = 0, seed: int = 0) -> dsl.Artifact:
        """`data` is the location of samples; `steps` 0 means each stage's own default."""
        samples = open_artifact(location=data).set_display_name("open-samples").outputs["artifact"]
        budget = {"root": root, "scale": scale, "steps": steps, "seed": seed}
        before: dict[str, Any] = {}
        for stage in recipe.stages:
            trained = train_recipe(samples=samples, recipe=name, stage=stage.name, **before, **budget)
            before = {"policy": trained.set_display_name(f"train-{stage.name}").outputs["trained"]}
        evaluate_open_loop(samples=samples, root=root, limit=STAGE_SAMPLES, **before)
        place_tasks()
        return before["policy"]

    return pipeline
