"""The retraining pipeline: data → training → release in one run, which records why it started."""

from kfp import dsl

from components.bench_or_samples import bench_or_samples
from components.find_news import find_news
from components.join_samples import join_samples
from components.remember import remember
from pipelines.data import data
from pipelines.placement import LEDGER, place_tasks
from pipelines.release import checks
from pipelines.training import stages


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

    Without news it ends after `data`, with success. `withdrawn`: drives, with commas, that may not be trained on any
    more. `bench`: the location of frozen samples that every candidate is measured on, so that one that forgot loses to
    the champion, whose report is from the same samples; "" = the samples of this round.
    """
    samples = data(
        root=root,
        drives=drives,
        layout=layout,
        teacher=teacher,
        corrections=corrections,
        critic=critic,
        in_flight=in_flight,
        budget_calls=budget_calls,
        budget_tokens=budget_tokens,
        budget_money=budget_money,
        price_in=price_in,
        price_out=price_out,
        ledger=ledger,
        cameras=cameras,
        height=height,
        width=width,
        route_points=route_points,
    ).output
    found = find_news(
        samples=samples,
        root=root,
        registry=registry,
        withdrawn=withdrawn,
        scratch_every=scratch_every,
        champion=champion,
    )
    with dsl.If(found.outputs["news"] == "yes"):
        joined = join_samples(samples=samples, root=root, before=found.outputs["before"], withdrawn=withdrawn)
        union = joined.outputs["joined"]
        policy = stages(
            samples=union,
            causes=union,
            root=root,
            scale=scale,
            steps=steps,
            seed=seed,
            vision=vision,
            start=found.outputs["start"],
        ).output
        measured = bench_or_samples(samples=union, bench=bench).outputs["artifact"]
        released = checks(
            policy=policy,
            samples=measured,
            causes=measured,
            root=root,
            registry=registry,
            scenes=scenes,
            champion=found.outputs["champion"],
            rules=rules,
            reason=reason,
            endpoint=endpoint,
            canary=canary,
            who=who,
        )
        remember(samples=union, root=root, withdrawn=withdrawn).after(released)
    with dsl.Else():
        nothing = bench_or_samples(samples=samples, bench="").set_display_name("nothing-new")
    place_tasks()
    return dsl.OneOf(released.output, nothing.outputs["artifact"])
