"""Kubeflow component `train_vlm`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("train"), install_kfp_package=False)
def train_vlm(
    samples: dsl.Input[dsl.Artifact],
    policy: dsl.Output[dsl.Artifact],
    root: str,
    scale: str,
    steps: int,
    seed: int,
    vision: str,
) -> None:
    """Stage one: the backbone learns to see and to say."""
    from causeway.platform.steps import run_in_component

    inputs = {"samples": samples.path}
    settings = {"scale": scale, "seed": seed, "vision_tokenizer": vision} | ({"steps": steps} if steps else {})
    run_in_component("train_vlm", inputs, settings, root, policy.path)
