"""Kubeflow component `register_policy`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def register_policy(
    policy: dsl.Input[dsl.Artifact],
    report: dsl.Input[dsl.Artifact],
    decision: dsl.Input[dsl.Artifact],
    release: dsl.Output[dsl.Artifact],
    root: str,
    registry: str,
    reason: str,
    endpoint: str,
) -> None:
    """A policy with its report and decision enters the registry; one that an endpoint is to try enters as candidate."""
    from causeway.platform.steps import run_in_component

    inputs = {"policy": policy.path, "report": report.path, "decision": decision.path}
    settings = {"registry_uri": registry, "reason": reason, "endpoint": endpoint}
    run_in_component("register_policy", inputs, settings, root, release.path)
