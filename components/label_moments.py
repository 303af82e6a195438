"""Kubeflow component `label_moments`: a thin wrapper over the step of that name."""

from kfp import dsl

from components.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def label_moments(
    evidence: dsl.Input[dsl.Artifact],
    clips: dsl.Input[dsl.Artifact],
    labels: dsl.Output[dsl.Artifact],
    root: str,
    teacher: str,
    shard: int,
    shards: int,
    critic: str,
    in_flight: int,
    budget_calls: int,
    budget_tokens: int,
    budget_money: float,
    price_in: float,
    price_out: float,
    ledger: str,
) -> None:
    """Chain-of-Causation labels for one shard of the moments."""
    from causeway.platform.steps import run_in_component

    inputs = {"evidence": evidence.path, "clips": clips.path}
    settings = {"teacher": teacher, "shard": shard, "shards": shards, "critic": critic, "in_flight": in_flight}
    settings |= {"budget_calls": budget_calls, "budget_tokens": budget_tokens, "budget_money": budget_money}
    settings |= {"price_in": price_in, "price_out": price_out, "ledger": ledger}
    run_in_component("label_moments", inputs, settings, root, labels.path)
