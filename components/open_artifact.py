"""Kubeflow component `open_artifact`: a location that a user names becomes an artifact of the run."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def open_artifact(artifact: dsl.Output[dsl.Artifact], location: str, otherwise: str = "") -> None:
    """Put the manifest at `location` (when that is "", at `otherwise`) into the run; bytes stay where they are."""
    from causeway.platform.steps import open_in_component

    open_in_component(location or otherwise, artifact.path)
