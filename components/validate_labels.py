"""Kubeflow component `validate_labels`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def validate_labels(
    labels: dsl.Input[dsl.Artifact],
    passed: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """The quality gate for labels."""
    from causeway.platform.steps import run_in_component

    run_in_component("validate_labels", {"labels": labels.path}, {}, root, passed.path)
