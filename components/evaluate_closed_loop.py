"""Kubeflow component `evaluate_closed_loop`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def evaluate_closed_loop(
    policy: dsl.Input[dsl.Artifact],
    samples: dsl.Input[dsl.Artifact],
    report: dsl.Output[dsl.Artifact],
    root: str,
    scenes: int,
) -> None:
    """Rollouts in the built-in world, and by log replay where the samples came from recorded clips."""
    from causeway.platform.lineage import recorded_clips
    from causeway.platform.steps import run_in_component

    inputs = {"policy": policy.path, "samples": samples.path, "clips": recorded_clips(samples.path, root)}
    settings = {"scenes": scenes}
    run_in_component("evaluate_closed_loop", inputs, settings, root, report.path)
