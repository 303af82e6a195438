"""Kubeflow component `merge_labels`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def merge_labels(
    labels: dsl.Input[list[dsl.Artifact]],
    merged: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """The shards' labels become one artifact."""
    from causeway.platform.steps import run_in_component

    run_in_component("merge_labels", {"labels": [item.path for item in labels]}, {}, root, merged.path)
