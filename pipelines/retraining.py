"""The retraining pipeline: data → training → release in one run, which records why it started."""

from collections.abc import Mapping
from typing import Any

from kfp import dsl

from components.bench_or_samples import bench_or_samples
from components.find_news import find_news
from components.join_samples import join_samples
from components.remember import remember
from pipelines.data import data
from pipelines.placement import LEDGER, place_tasks
from pipelines.release import checks
from pipelines.training import stages


def _round(samples: Any, found: Mapping[str, Any], given: Mapping[str, Any]) -> dsl.PipelineTask:
    """Train on the union, release, and remember what was trained on; the release."""
    root, withdrawn = given["root"], given["withdrawn"]
    joined = join_samples(samples=samples, root=root, before=found["before"], withdrawn=withdrawn)
    union = joined.outputs["joined"]
    causes = _again(union, "", "causes")
    policy = stages(**_taken(stages, given, samples=union, causes=causes, start=found["start"])).output
    measured = {name: _again(union, given["bench"], f"measured-{name}") for name in ("samples", "causes")}
    released = checks(**_taken(checks, given, policy=policy, champion=found["champion"], **measured))
    remember(samples=union, root=root, withdrawn=withdrawn).after(released)
    return released


def _again(samples: Any, bench: Any, name: str) -> Any:
    """The bench, or the samples once more, as an artifact of its own.

    Kubeflow's metadata store takes none at two inputs of one pipeline inside another ("Given event already exists").
    """
    return bench_or_samples(samples=samples, bench=bench).set_display_name(name).outputs["artifact"]


def _taken(pipeline: Any, given: Mapping[str, Any], **made: Any) -> dict[str, Any]:
    """The arguments of a pipeline inside this one: what is made here, else the parameter of that name."""
    spec = pipeline.component_spec.inputs
    return {name: made[name] if name in made else given[name] for name in spec}


@dsl.pipeline(name="causeway-retraining", description="Drives become a registered policy")
def retraining(
    root: str,
    drives: str,
    registry: str,
    layout: str = "auto",
    teacher: str = "rules",
    corrections: str = "",
    scale: str = "tiny",
    vision: str = "single-image",
    steps: int = 0,
    seed: int = 0,
    rl: str = "{}",
    scenes: int = 4,
    champion: str = "",
    rules: str = "",
    reason: str = "asked for by hand",
    critic: str = "",
    in_flight: int = 16,
    budget_calls: int = 0,
    budget_tokens: int = 0,
    budget_money: float = 0.0,
    price_in: float = 0.0,
    price_out: float = 0.0,
    ledger: str = LEDGER,
    cameras: str = "front_wide,front_tele",
    height: int = 128,
    width: int = 192,
    route_points: int = 0,
    endpoint: str = "",
    canary: str = "",
    who: str = "",
    withdrawn: str = "",
    scratch_every: int = 8,
    bench: str = "",
) -> dsl.Artifact:
    """Every step of the three pipelines; what is current already is not run again.

    Without news it ends after `data`, with success; a round that was refused before is none, until something changes.
    `withdrawn`: drives, with commas, that may not be trained on any more. `bench`: the location of frozen samples that
    every candidate is measured on, so that one that forgot loses to the champion, whose report is from the same
    samples; "" = the samples of this round.
    """
    given = dict(locals())  # before anything else is: every parameter by its name
    samples = data(**_taken(data, given)).output
    found = find_news(
        samples=samples,
        root=root,
        registry=registry,
        withdrawn=withdrawn,
        scratch_every=scratch_every,
        champion=champion,
        settings=f"scale={scale} vision={vision} steps={steps} seed={seed} rl={rl} scenes={scenes} "
        f"bench={bench} to={endpoint}",
        rules=rules,
        canary=canary,
    )
    with dsl.If(found.outputs["news"] == "yes"):
        released = _round(samples, found.outputs, given)
    with dsl.Else():
        nothing = bench_or_samples(samples=samples, bench="").set_display_name("nothing-new")
    place_tasks()
    return dsl.OneOf(released.output, nothing.outputs["artifact"])
