"""Kubeflow component `gate_stage`: the step `gate` between two training stages, where a refusal ends the run."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def gate_stage(
    report: dsl.Input[dsl.Artifact],
    decision: dsl.Output[dsl.Artifact],
    root: str,
    rules: str,
) -> None:
    """A short report against the rules for a stage; exit 3 when the stage must not go on."""
    from causeway.platform.steps import gate_in_component

    gate_in_component("gate", {"report": report.path, "champion": None}, {"rules": rules}, root, decision.path)
