"""Kubeflow component `probe_policy`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def probe_policy(
    deployed: dsl.Input[dsl.Artifact],
    samples: dsl.Input[dsl.Artifact],
    release: dsl.Output[dsl.Artifact],
    root: str,
    endpoint: str,
    canary: str,
    who: str,
) -> None:
    """Recorded moments are asked in the dark and at every share, until it is decided whether the policy stays."""
    from causeway.platform.steps import run_in_component

    inputs = {"release": deployed.path, "samples": samples.path}
    settings = {"endpoint": endpoint, "canary": canary, "who": who}
    run_in_component("probe_policy", inputs, settings, root, release.path)
