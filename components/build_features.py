"""Kubeflow component `build_features`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def build_features(
    moments: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    evidence: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """Fill the feature store and join evidence point in time."""
    from causeway.platform.steps import run_in_component

    inputs = {"moments": moments.path, "clips": clips.path}
    settings: dict = {}
    run_in_component("build_features", inputs, settings, root, evidence.path)
