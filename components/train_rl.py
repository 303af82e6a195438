"""Kubeflow component `train_rl`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import training_image


@dsl.component(base_image=training_image(), install_kfp_package=False)
def train_rl(
    samples: dsl.Input[dsl.Artifact],
    policy: dsl.Input[dsl.Artifact],
    trained: dsl.Output[dsl.Artifact],
    root: str,
    scale: str,
    steps: int,
    seed: int,
    rl: str,
) -> None:
    """Stage four: GRPO. `rl` are settings of its own as a JSON object: rewards, walks, curation, rates."""
    from causeway.platform.steps import run_in_component, written_in_component

    inputs = {"samples": samples.path, "policy": policy.path}
    settings = {"scale": scale, "seed": seed} | ({"steps": steps} if steps else {})
    settings |= written_in_component("train_rl", rl)
    run_in_component("train_rl", inputs, settings, root, trained.path)
