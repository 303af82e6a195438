"""Kubeflow component `measure_latency`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def measure_latency(
    policy: dsl.Input[dsl.Artifact],
    samples: dsl.Input[dsl.Artifact],
    report: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """Milliseconds of an answer, part by part."""
    from causeway.platform.steps import run_in_component

    inputs = {"policy": policy.path, "samples": samples.path}
    settings: dict = {}
    run_in_component("measure_latency", inputs, settings, root, report.path)
