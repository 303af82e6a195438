"""Kubeflow component `validate_clips`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def validate_clips(
    clips: dsl.Input[dsl.Artifact],
    passed: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """The quality gate: clips that passed, or a refusal."""
    from causeway.platform.steps import run_in_component

    run_in_component("validate_clips", {"clips": clips.path}, {}, root, passed.path)
