"""Kubeflow component `take_turn`: a scheduled run leaves at once while the one before it is at work."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def take_turn() -> str:
    """"yes", or "no" where an earlier run of the same schedule is under way."""
    from causeway.platform.cluster.turns import take_turn_in_component

    return take_turn_in_component()
