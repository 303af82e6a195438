"""The training pipeline: four stages, each followed by a short evaluation and a gate."""

from typing import Any

from kfp import dsl

from components.evaluate_open_loop import evaluate_open_loop
from components.gate_stage import gate_stage
from components.open_artifact import open_artifact
from components.train_action import train_action
from components.train_coc import train_coc
from components.train_rl import train_rl
from components.train_vlm import train_vlm
from pipelines.placement import place_tasks

STAGE_RULES = "stage"
STAGE_SAMPLES = 16


def _gated(trained: dsl.PipelineTask, samples: Any, root: str) -> dsl.PipelineTask:
    """A short evaluation of a stage's policy and the gate behind it; the next stage waits for the gate.

    Stage vlm has no gate of this kind: it has no action head yet, so it drives nothing.
    """
    short = evaluate_open_loop(policy=trained.outputs["trained"], samples=samples, root=root, limit=STAGE_SAMPLES)
    return gate_stage(report=short.outputs["report"], root=root, rules=STAGE_RULES)


@dsl.pipeline(name="causeway-training-stages", description="Four stages over samples of the same run")
def stages(
    samples: dsl.Input[dsl.Artifact],
    causes: dsl.Input[dsl.Artifact],
    root: str,
    scale: str,
    steps: int,
    seed: int,
    vision: str,
    start: str,
    rl: str,
) -> dsl.Artifact:
    """Train on `samples`; the stages that need reasoning (coc, rl) train on `causes`.

    `start` is the location of a policy that is trained further, or "" to begin from scratch.
    """
    budget = {"root": root, "scale": scale, "steps": steps, "seed": seed}
    seen = train_vlm(samples=causes, vision=vision, start=start, **budget)
    trained = train_action(samples=samples, policy=seen.outputs["policy"], **budget)
    acts = _gated(trained, samples, root)
    trained = train_coc(samples=causes, policy=trained.outputs["trained"], **budget).after(acts)
    reasons = _gated(trained, causes, root)
    trained = train_rl(samples=causes, policy=trained.outputs["trained"], rl=rl, **budget).after(reasons)
    _gated(trained, causes, root)
    place_tasks()
    return trained.outputs["trained"]


@dsl.pipeline(name="causeway-training", description="Four training stages over finished samples")
def training(
    root: str,
    data: str,
    causes: str = "",
    scale: str = "tiny",
    steps: int = 0,
    seed: int = 0,
    vision: str = "single-image",
    start: str = "",
    rl: str = "{}",
) -> dsl.Artifact:
    """`data` and `causes` are locations of samples; `causes` may be left out when `data` holds reasoning.

    `steps` 0 means each stage's own default; `vision` names the vision tokenizer; `start` is the
    location of a policy to train further; `rl` are stage four's own settings as a JSON object.
    """
    samples = open_artifact(location=data).set_display_name("open-samples")
    reasoned = open_artifact(location=causes, otherwise=data).set_display_name("open-causes")
    place_tasks()
    return stages(
        samples=samples.outputs["artifact"],
        causes=reasoned.outputs["artifact"],
        root=root,
        scale=scale,
        steps=steps,
        seed=seed,
        vision=vision,
        start=start,
        rl=rl,
    ).output
