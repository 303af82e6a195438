"""Kubeflow component `label_moments`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def label_moments(
    evidence: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    labels: dsl.Output[dsl.Artifact],
    root: str,
    teacher: str,
    shard: int,
    shards: int,
) -> None:
    """Chain-of-Causation labels for one shard of the moments."""
    from causeway.platform.steps import run_in_component

    inputs = {"evidence": evidence.path, "clips": clips.path}
    settings = {"teacher": teacher, "shard": shard, "shards": shards}
    run_in_component("label_moments", inputs, settings, root, labels.path)
