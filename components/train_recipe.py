"""Kubeflow component `train_recipe`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import training_image


@dsl.component(base_image=training_image(), install_kfp_package=False)
def train_recipe(
    samples: dsl.Input[dsl.Artifact],
    trained: dsl.Output[dsl.Artifact],
    root: str,
    recipe: str,
    stage: str,
    scale: str,
    steps: int,
    seed: int,
    policy: dsl.Input[dsl.Artifact] = None,  # type: ignore[assignment]  # of the stage before; the first has none
) -> None:
    """One stage of a recipe."""
    from causeway.platform.steps import run_in_component
    from causeway.training.recipes import recipe_named

    inputs = {"samples": samples.path, "policy": policy.path if policy else None}
    given = {"scale": scale, "seed": seed} | ({"steps": steps} if steps else {})
    run_in_component("train_recipe", inputs, recipe_named(recipe).settings(stage, given), root, trained.path)
