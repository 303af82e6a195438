"""Kubeflow component `conclude`: what is done when a run ends, however it ends."""

from kfp import dsl
from kfp.dsl import PipelineTaskFinalStatus

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def conclude(root: str, pipeline: str, reason: str, status: PipelineTaskFinalStatus) -> None:
    """Write down why the run started and how it ended; end its jobs that nobody follows any more."""
    from causeway.platform.cluster.conclude import conclude_in_component

    conclude_in_component(root, pipeline, reason, status.state, status.error_message or "")
