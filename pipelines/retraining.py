"""The retraining pipeline: data → training → release in one run, which records why it started."""

from kfp import dsl

from pipelines.data import data
from pipelines.placement import LEDGER
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
) -> dsl.Artifact:
    """Every step of the three pipelines; what is current already is not run again."""
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
    policy = stages(
        samples=samples, causes=samples, root=root, scale=scale, steps=steps, seed=seed, vision=vision
    ).output
    return checks(
        policy=policy,
        samples=samples,
        causes=samples,
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
