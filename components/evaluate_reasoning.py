"""Kubeflow component `evaluate_reasoning`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def evaluate_reasoning(
    policy: dsl.Input[dsl.Artifact],
    samples: dsl.Input[dsl.Artifact],
    report: dsl.Output[dsl.Artifact],
    root: str,
    limit: int,
) -> None:
    """Decisions, components, inventions by the evidence behind the samples, consistency of words and wheels."""
    from causeway.platform.lineage import evidence_behind
    from causeway.platform.steps import run_in_component

    inputs = {"policy": policy.path, "samples": samples.path, "evidence": evidence_behind(samples.path, root)}
    settings = {"limit": limit}
    run_in_component("evaluate_reasoning", inputs, settings, root, report.path)
