"""Kubeflow component `build_samples`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def build_samples(
    labels: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    samples: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """Labels and clips become training samples."""
    from causeway.platform.steps import run_in_component

    run_in_component("build_samples", {"labels": labels.path, "clips": clips.path}, {}, root, samples.path)
