"""Kubeflow component `extract_meta_actions`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def extract_meta_actions(
    clips: dsl.Input[dsl.Artifact],
    meta: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """A meta action for every tick."""
    from causeway.platform.steps import run_in_component

    run_in_component("extract_meta_actions", {"clips": clips.path}, {}, root, meta.path)
