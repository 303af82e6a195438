"""Kubeflow component `remember`: what a finished retraining trained on, for the next one to compare with."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("pipelines"), install_kfp_package=False)
def remember(samples: dsl.Input[dsl.Artifact], root: str, withdrawn: str) -> None:
    """Write the record that `find_news` reads."""
    from causeway.platform.news import remember_in_component

    remember_in_component(samples.path, root, withdrawn)
