"""Kubeflow component `train_vlm`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import training_image


@dsl.component(base_image=training_image(), install_kfp_package=False)
def train_vlm(
    samples: dsl.Input[dsl.Artifact],
    policy: dsl.Output[dsl.Artifact],
    root: str,
    scale: str,
    steps: int,
    seed: int,
    vision: str,
    start: str,
) -> None:
    """Stage one: the backbone learns to see and to say; with a policy to `start` from it has, and hands that on."""
    from causeway.platform.steps import open_in_component, run_in_component

    if start:
        return open_in_component(start, policy.path)
    inputs = {"samples": samples.path}
    settings = {"scale": scale, "seed": seed, "vision_tokenizer": vision} | ({"steps": steps} if steps else {})
    run_in_component("train_vlm", inputs, settings, root, policy.path)
