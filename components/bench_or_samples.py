"""Kubeflow component `bench_or_samples`: the frozen samples where there are such, else the ones that came in."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def bench_or_samples(samples: dsl.Input[dsl.Artifact], artifact: dsl.Output[dsl.Artifact], bench: str) -> None:
    """Put the manifest at `bench` (when that is "", the one that came in) into the run."""
    from causeway.platform.steps import open_in_component

    open_in_component(bench or samples.path, artifact.path)
