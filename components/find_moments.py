"""Kubeflow component `find_moments`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def find_moments(
    meta: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    moments: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """Decision moments, where a meta action changes."""
    from causeway.platform.steps import run_in_component

    run_in_component("find_moments", {"meta": meta.path, "clips": clips.path}, {}, root, moments.path)
