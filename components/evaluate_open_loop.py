"""Kubeflow component `evaluate_open_loop`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def evaluate_open_loop(
    policy: dsl.Input[dsl.Artifact],
    samples: dsl.Input[dsl.Artifact],
    report: dsl.Output[dsl.Artifact],
    root: str,
    limit: int,
) -> None:
    """Open-loop metrics beside the baselines."""
    from causeway.platform.steps import run_in_component

    inputs = {"policy": policy.path, "samples": samples.path}
    settings = {"limit": limit}
    run_in_component("evaluate_open_loop", inputs, settings, root, report.path)
