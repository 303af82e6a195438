"""Kubeflow component `gate`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def gate(
    report: dsl.Input[dsl.Artifact],
    decision: dsl.Output[dsl.Artifact],
    root: str,
    champion: str,
    rules: str,
) -> None:
    """A report against thresholds and, where there is one, the champion's report (a location or "")."""
    from causeway.platform.steps import run_in_component

    inputs = {"report": report.path, "champion": champion or None}
    run_in_component("gate", inputs, {"rules": rules}, root, decision.path)
