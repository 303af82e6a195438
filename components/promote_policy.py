"""Kubeflow component `promote_policy`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def promote_policy(
    probed: dsl.Input[dsl.Artifact],
    release: dsl.Output[dsl.Artifact],
    root: str,
    endpoint: str,
    canary: str,
    who: str,
) -> None:
    """What the probe decided is done; a policy that was rolled back ends the run with its reason."""
    from causeway.platform.steps import release_in_component

    inputs = {"release": probed.path}
    settings = {"endpoint": endpoint, "canary": canary, "who": who}
    release_in_component("promote_policy", inputs, settings, root, release.path)
