"""Kubeflow component `train_coc`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import training_image


@dsl.component(base_image=training_image(), install_kfp_package=False)
def train_coc(
    samples: dsl.Input[dsl.Artifact],
    policy: dsl.Input[dsl.Artifact],
    trained: dsl.Output[dsl.Artifact],
    root: str,
    scale: str,
    steps: int,
    seed: int,
) -> None:
    """Stage three: reasoning before acting."""
    from causeway.platform.steps import run_in_component

    inputs = {"samples": samples.path, "policy": policy.path}
    settings = {"scale": scale, "seed": seed} | ({"steps": steps} if steps else {})
    run_in_component("train_coc", inputs, settings, root, trained.path)
