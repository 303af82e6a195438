"""The release pipeline: a policy is evaluated, gated, registered, and tried at an endpoint where one is named."""

from kfp import dsl

from components.deploy_policy import deploy_policy
from components.evaluate_closed_loop import evaluate_closed_loop
from components.evaluate_faithfulness import evaluate_faithfulness
from components.evaluate_open_loop import evaluate_open_loop
from components.evaluate_reasoning import evaluate_reasoning
from components.gate import gate
from components.measure_latency import measure_latency
from components.merge_reports import merge_reports
from components.open_artifact import open_artifact
from components.probe_policy import probe_policy
from components.promote_policy import promote_policy
from components.register_policy import register_policy
from pipelines.placement import place_tasks


@dsl.pipeline(name="causeway-release-checks", description="Evaluate, gate and register a policy of the same run")
def checks(
    policy: dsl.Input[dsl.Artifact],
    samples: dsl.Input[dsl.Artifact],
    causes: dsl.Input[dsl.Artifact],
    root: str,
    registry: str,
    scenes: int,
    champion: str,
    rules: str,
    reason: str,
    endpoint: str,
    canary: str,
    who: str,
) -> dsl.Artifact:
    """The five suites side by side → one report → gate → registry → deploy in the dark → probe → promote or roll back.

    Without an `endpoint` the last three hand on what the registry said.
    """
    open_loop = evaluate_open_loop(policy=policy, samples=samples, root=root, limit=0)
    closed_loop = evaluate_closed_loop(policy=policy, samples=samples, root=root, scenes=scenes)
    reasoning = evaluate_reasoning(policy=policy, samples=causes, root=root, limit=0)
    faithfulness = evaluate_faithfulness(policy=policy, samples=causes, root=root, limit=0)
    latency = measure_latency(policy=policy, samples=samples, root=root)
    report = merge_reports(
        open_loop=open_loop.outputs["report"],
        closed_loop=closed_loop.outputs["report"],
        reasoning=reasoning.outputs["report"],
        faithfulness=faithfulness.outputs["report"],
        latency=latency.outputs["report"],
        root=root,
    ).outputs["report"]
    decision = gate(report=report, root=root, champion=champion, rules=rules).outputs["decision"]
    registered = register_policy(
        policy=policy, report=report, decision=decision, root=root, registry=registry, reason=reason, endpoint=endpoint
    ).outputs["release"]
    deployed = deploy_policy(
        policy=policy,
        decision=decision,
        registered=registered,
        root=root,
        registry=registry,
        endpoint=endpoint,
        canary=canary,
        who=who,
    ).outputs["release"]
    probed = probe_policy(
        deployed=deployed, samples=samples, root=root, endpoint=endpoint, canary=canary, who=who
    ).outputs["release"]
    release = promote_policy(probed=probed, root=root, endpoint=endpoint, canary=canary, who=who).outputs["release"]
    place_tasks()
    return release


@dsl.pipeline(name="causeway-release", description="Evaluate, gate, register and serve a finished policy")
def release(
    root: str,
    policy: str,
    data: str,
    registry: str,
    causes: str = "",
    scenes: int = 4,
    champion: str = "",
    rules: str = "",
    reason: str = "asked for by hand",
    endpoint: str = "",
    canary: str = "",
    who: str = "",
) -> dsl.Artifact:
    """`policy`, `data` and `causes` are locations; `champion` is the location of the champion's report, or "".

    `endpoint` is a folder of this machine or kserve://NAMESPACE/NAME, `canary` a file of canary rules.
    """
    candidate = open_artifact(location=policy).set_display_name("open-policy")
    samples = open_artifact(location=data).set_display_name("open-samples")
    reasoned = open_artifact(location=causes, otherwise=data).set_display_name("open-causes")
    place_tasks()
    return checks(
        policy=candidate.outputs["artifact"],
        samples=samples.outputs["artifact"],
        causes=reasoned.outputs["artifact"],
        root=root,
        registry=registry,
        scenes=scenes,
        champion=champion,
        rules=rules,
        reason=reason,
        endpoint=endpoint,
        canary=canary,
        who=who,
    ).output
