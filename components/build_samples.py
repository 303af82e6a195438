"""Kubeflow component `build_samples`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def build_samples(
    labels: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    samples: dsl.Output[dsl.Artifact],
    root: str,
    cameras: str,
    height: int,
    width: int,
    route_points: int,
) -> None:
    """Labels and clips become training samples."""
    from causeway.platform.steps import parts_of, run_in_component

    inputs = {"labels": labels.path, "clips": clips.path}
    settings = {"cameras": parts_of(cameras), "height": height, "width": width, "route_points": route_points}
    run_in_component("build_samples", inputs, settings, root, samples.path)
