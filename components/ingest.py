"""Kubeflow component `ingest`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def ingest(
    clips: dsl.Output[dsl.Artifact],
    root: str,
    drives: str,
    layout: str,
) -> None:
    """Recorded drives become clips."""
    from causeway.platform.steps import run_in_component

    run_in_component("ingest", {"drives": drives}, {"layout": layout}, root, clips.path)
