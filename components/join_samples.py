"""Kubeflow component `join_samples`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def join_samples(
    samples: dsl.Input[dsl.Artifact], joined: dsl.Output[dsl.Artifact], root: str, before: str, withdrawn: str
) -> None:
    """The samples of now and of the round before (a location or ""), without withdrawn drives (with commas)."""
    from causeway.platform.steps import run_in_component

    drives = tuple(sorted(part.strip() for part in withdrawn.split(",") if part.strip()))
    inputs = {"samples": samples.path, "before": before or None}
    run_in_component("join_samples", inputs, {"withdrawn": drives}, root, joined.path)
