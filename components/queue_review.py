"""Kubeflow component `queue_review`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def queue_review(
    labels: dsl.Input[dsl.Artifact],
    evidence: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    reviewed: dsl.Output[dsl.Artifact],
    root: str,
    corrections: str,
) -> None:
    """Queue what needs a person, take what is accepted by now."""
    from causeway.platform.steps import run_in_component

    inputs = {"labels": labels.path, "evidence": evidence.path, "clips": clips.path}
    settings = {"corrections": corrections}
    run_in_component("queue_review", inputs, settings, root, reviewed.path)
