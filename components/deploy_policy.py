"""Kubeflow component `deploy_policy`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def deploy_policy(
    policy: dsl.Input[dsl.Artifact],
    decision: dsl.Input[dsl.Artifact],
    registered: dsl.Input[dsl.Artifact],
    release: dsl.Output[dsl.Artifact],
    root: str,
    registry: str,
    endpoint: str,
    canary: str,
    who: str,
) -> None:
    """A registered policy comes to the endpoint at 0 %; nothing happens where the gate refused it or none is named."""
    from causeway.platform.steps import run_in_component

    inputs = {"policy": policy.path, "decision": decision.path, "release": registered.path}
    settings = {"endpoint": endpoint, "canary": canary, "who": who, "registry_uri": registry}
    run_in_component("deploy_policy", inputs, settings, root, release.path)
