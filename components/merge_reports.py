"""Kubeflow component `merge_reports`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("sim"), install_kfp_package=False)
def merge_reports(
    open_loop: dsl.Input[dsl.Artifact],
    closed_loop: dsl.Input[dsl.Artifact],
    reasoning: dsl.Input[dsl.Artifact],
    faithfulness: dsl.Input[dsl.Artifact],
    latency: dsl.Input[dsl.Artifact],
    report: dsl.Output[dsl.Artifact],
    root: str,
) -> None:
    """The five suites' reports become one."""
    from causeway.platform.steps import run_in_component

    reports = [item.path for item in (open_loop, closed_loop, reasoning, faithfulness, latency)]
    run_in_component("merge_reports", {"reports": reports}, {}, root, report.path)
