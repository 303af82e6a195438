"""The training steps, four of Alpamayo-R1 and one of all other recipes: samples and the policy before in, a policy out.

Knows what a step reads and writes, and what further processes of the same step do. Does not know losses or optimizers;
torch is imported when a step runs, so that looking a finished one up costs nothing.
"""

import json
import os
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import Refused, UnusableInput, UsageError
from causeway.training import processes
from causeway.training.config import ActionConfig, CocConfig, RecipeConfig, RlConfig, TrainConfig, VlmConfig, recipe_of

ANALYSED = 64  # samples of a skip-block analysis
STATISTICS_OF = 65_536  # samples, spread evenly: more would say the same
HELD_OUT = ("val", "test", "train")  # where a stage is judged: the first of these that has samples


@step(kind="policy")
def train_vlm(samples: Artifact, *, out: Writer, config: VlmConfig) -> None:
    """Stage one: a new policy learns to answer questions about the drive."""
    _train("vlm", samples, None, out, config)


@step(kind="policy")
def train_action(samples: Artifact, policy: Artifact, *, out: Writer, config: ActionConfig) -> None:
    """Stage two: the policy learns to act, with and without reasoning."""
    _train("action", samples, policy, out, config)


@step(kind="policy")
def train_coc(samples: Artifact, policy: Artifact, *, out: Writer, config: CocConfig) -> None:
    """Stage three: the policy learns to reason first. Refuses samples without any reasoning."""
    _train("coc", samples, policy, out, config)


@step(kind="policy")
def train_rl(samples: Artifact, policy: Artifact, *, out: Writer, config: RlConfig) -> None:
    """Stage four: the policy learns from rewards. Refuses samples without any reasoning."""
    _train("rl", samples, policy, out, config)


@step(kind="policy")
def train_recipe(samples: Artifact, policy: Artifact | None, *, out: Writer, config: RecipeConfig) -> None:
    """One stage of a recipe: the first makes a new policy, the others go on from the one before."""
    from causeway.training.recipes import recipe_named

    recipe_named(config.recipe).check_start(config.stage, policy is not None)
    _train(config.stage, samples, policy, out, config)


def follow(name: str, samples: Artifact, before: Artifact | None, config: TrainConfig) -> None:
    """What every process but the first does of a stage: compute, and write nothing."""
    from pathlib import Path

    from causeway.training.loop import train

    _prepare()
    course = _course(name, samples, before, config, Path(os.devnull), "")
    if course.feed:
        from causeway.training.rollout_pool import work

        work(course.policy, course.trains, course.config, course.samples)
    else:
        train(course)


def _train(name: str, samples: Artifact, before: Artifact | None, out: Writer, config: TrainConfig) -> None:
    threads = _prepare()
    from causeway.training.checkpoint_store import place_of
    from causeway.training.losses import FILE_NAME, read_lines, write_lines

    if processes.world() > 1:
        processes.call(True)
    folder, store = place_of(out.staging.name.lstrip("."), out.path(f"checkpoint/{FILE_NAME}").parent)
    course = _course(name, samples, before, config, folder, store)
    started = time.monotonic()
    lines, ends = _run(course)
    policy = _whole(course, before, config)
    record = [*(read_lines(before.path(FILE_NAME)) if before else []), *lines]
    write_lines(out.path(FILE_NAME), record)
    verdicts = _judged(name, policy, samples, before, out, config)
    counts = {"samples": len(course.samples), "with reasoning": course.samples.with_reasoning()}
    policy.save(out.path(FILE_NAME).parent, card=_card(config, out, counts, record, verdicts))
    out.count(**{key.replace(" ", "_"): value for key, value in counts.items()}, steps=len(lines))
    _keep_curation(folder, out)
    _forget(course)
    took_s = time.monotonic() - started  # a clock is for who watches: in a file, no two runs would hash alike
    print(f"{name}: {ends}, {len(course.samples)} samples, {threads} threads, {took_s:.0f} s", file=sys.stderr)


def _prepare() -> int:
    """Threads for torch, set before it is first used."""
    # threads that spin while they wait make a step five times slower as soon as another process wants the core;
    # read once, when torch is first imported
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from causeway.training.loop import use_threads

    threads = _cores()
    use_threads(threads)
    return threads


def _course(name: str, samples: Artifact, before: Artifact | None, config: TrainConfig, folder: Any, store: str) -> Any:
    """The run of a stage; the same in every process but for where it writes."""
    from causeway.training.loop import Course
    from causeway.training.samples import load_samples
    from causeway.training.stages import checked

    stage = _stages(config)[name]
    _refuse_lacking(samples, config)
    asked = {"around": "around" in stage.reads or _asks_around(config), "ahead": "ahead" in stage.reads}
    few = isinstance(config, RecipeConfig) and config.limit  # a small set of a recipe is of all kinds of drives
    found = load_samples(samples, "train", None if few else config.limit or None, _needs_words(stage), **asked)
    taken = checked(stage, found.spread(config.limit) if few else found)
    policy = _start(name, before, taken, config).to(_device()).train()
    _refuse_unknown_rigs(policy.config.rigs, taken, samples, stage, config)
    feed = _feed(policy, stage.trains, config)
    if isinstance(config, RlConfig) and config.curate:
        taken = _curated(policy, config, taken, folder)
    if config.gradient_checkpointing:
        _refuse_checkpointing(policy)
        policy.backbone.gradient_checkpointing_enable()
    # who only rolls out has no loss, and no copy of the policy to measure drift from
    loss: Any = None if feed and processes.rank() else stage.make_loss(policy, config, taken)
    return Course(name, policy, stage.trains, taken, loss, config, folder, store, feed=feed)


def _feed(policy: Any, trains: tuple[str, ...], config: TrainConfig) -> Any:
    """The rollouts of other processes, where a config has some that only roll out; else none: samples feed the loop."""
    if not isinstance(config, RlConfig) or not config.rollout_workers:
        return None
    from causeway.training.rollout_pool import fed, refuse_unready

    refuse_unready(config)
    return partial(fed, policy, trains, config)


def _stages(config: TrainConfig) -> Any:
    """The stages of the recipe that is trained."""
    from causeway.training.stages import stages_of

    return stages_of(recipe_of(config))


def _refuse_lacking(samples: Artifact, config: TrainConfig) -> None:
    from causeway.training.needs import refuse_lacking
    from causeway.training.recipes import recipe_named
    from causeway.training.samples import load_samples

    recipe = recipe_named(recipe_of(config))
    if recipe.needs:
        refuse_lacking(recipe.name, recipe.needs, load_samples(samples, "train"))


def _refuse_unknown_rigs(
    rigs: tuple[str, ...], taken: Any, samples: Artifact, stage: Any, config: TrainConfig
) -> None:
    """An action head by rig has no layer for others: said before the first step, also of those it is judged on."""
    if not rigs:
        return
    splits = [("train", taken), *([_held_out(samples, stage)] if config.gate_samples else [])]
    for split, found in splits:
        unknown = sorted(set(found.rigs()) - set(rigs))
        if unknown:
            raise UnusableInput(
                f"rig {unknown[0]!r} in split {split} is not one this policy has a head for ({', '.join(rigs)}); begin "
                "one with samples of it in split train, or leave its drives out"
            )


def _held_out(samples: Artifact, stage: Any) -> tuple[str, Any]:
    """Where a stage is judged: a split's name and its samples."""
    from causeway.training.samples import load_samples

    asked = {name: name in stage.reads for name in ("around", "ahead")}
    held = ((split, load_samples(samples, split, None, _needs_words(stage), **asked)) for split in HELD_OUT)
    return next((split, found) for split, found in held if len(found))


def _refuse_checkpointing(policy: Any) -> None:
    """A head that teaches the backbone reads what the pass kept: whether gradients reach it twice was not tried."""
    if policy.config.design.conditioning != "kv-cache":
        raise UsageError(f"gradient_checkpointing: not with recipe {policy.config.design.recipe}; leave it out")


def _asks_around(config: TrainConfig) -> bool:
    """Whether a reward needs what stood around a sample: truth that no other stage reads."""
    if not isinstance(config, RlConfig):
        return False
    from causeway.training.mixes import mix_named
    from causeway.training.safety_rewards import NAMES

    return bool(set(mix_named(config.mix, config.weights).wanted()) & set(NAMES))


def _curated(policy: Any, config: RlConfig, taken: Any, folder: Any) -> Any:
    """The moments that reinforcement learns from; which, and why, is left beside the checkpoints."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from causeway.training.curated_samples import FILE_NAME, curated

    chosen = curated(policy.eval(), config, taken)
    policy.train()
    if processes.rank() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE_NAME).write_text(json.dumps(chosen.told(), indent=1) + "\n")
    kept = pc.is_in(taken.index.column("sample_id"), value_set=pa.array(chosen.ids))
    return replace(taken, index=taken.index.filter(kept))


def _keep_curation(folder: Any, out: Writer) -> None:
    """Which moments were chosen goes with the policy: the ids into a file of its manifest, the mix into its counts."""
    from causeway.training.curated_samples import FILE_NAME

    if (folder / FILE_NAME).is_file():
        text = (folder / FILE_NAME).read_text()
        out.path(FILE_NAME).write_text(text)
        told = json.loads(text)
        out.count(**{f"curated_{why}": count for why, count in told["mix"].items()}, curated_of=told["moments"])


def _needs_words(stage: Any) -> bool | None:
    return True if stage.reasoning_only else None


def _run(course: Any) -> tuple[list[dict[str, Any]], str]:
    """The run's lines, and one sentence on how it went."""
    from causeway.training.loop import Pace, train
    from causeway.training.losses import first_and_last
    from causeway.training.tracking import tracker

    told, last = tracker(course, course.stage), Pace()

    def tell(line: dict[str, Any], pace: Pace) -> None:
        last.samples, last.took_s, last.waited_s = pace.samples, pace.took_s, pace.waited_s
        if told:
            told(line, pace)

    lines = train(replace(course, tell=tell))
    first, end = first_and_last(lines)[course.stage]
    rate = f"{last.samples_per_s():.1f} samples/s, {last.waiting():.1%} of it waiting for samples"
    return lines, f"loss {first:.3f} → {end:.3f} over {len(lines)} steps of {course.config.batch_size}, {rate}"


def _whole(course: Any, before: Artifact | None, config: TrainConfig) -> Any:
    """The trained policy; where processes shared its weights, a new one with those of the last checkpoint."""
    if processes.world() == 1 or course.feed is not None:
        return course.policy
    import torch

    from causeway.training.checkpoint import newest_checkpoint, reader_of
    from causeway.training.engine import WEIGHT, learning_shapes

    found = newest_checkpoint(course.folder, {})
    assert found is not None
    learned = learning_shapes(course.policy)
    read, policy = reader_of(found[1], learned), _start(course.stage, before, course.samples, config).to(_device())
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if name in learned:
                parameter.copy_(read(WEIGHT, name))
    return policy


def _judged(
    name: str, policy: Any, samples: Artifact, before: Artifact | None, out: Writer, config: TrainConfig
) -> list[str]:
    """Hold the stage against its baseline; writes the record and returns its sentences, earlier stages' first.

    Refused when it does not beat it and the config says that it must.
    """
    from causeway.training.stage_gate import FILE_NAME, Verdict, judge

    known = []
    if before is not None and FILE_NAME in before.manifest.files:
        known = [Verdict(**row) for row in json.loads(before.path(FILE_NAME).read_text())]
    stage = _stages(config)[name]
    if config.gate_samples:
        split, found = _held_out(samples, stage)
        verdict = judge(name, policy, found[:: -(-len(found) // config.gate_samples)], split, stage.judged)
        print(verdict.sentence(), file=sys.stderr)
        if config.must_beat_baseline and not verdict.beats:
            raise Refused(verdict.sentence())
        out.count(gate_beats_baseline=int(verdict.beats), gate_samples=verdict.n)
        known.append(verdict)
    out.path(FILE_NAME).write_text(json.dumps([verdict.as_dict() for verdict in known], indent=1) + "\n")
    return [verdict.sentence() for verdict in known]


def _start(name: str, before: Artifact | None, taken: Any, config: TrainConfig) -> Any:
    """The policy to train: the one before, or a new one that keeps the statistics of these samples' controls."""
    from causeway.model import Policy
    from causeway.model.lora import Lora

    if before is None:
        return _new(taken, config)
    policy = Policy.load(before.folder())
    scale, recipe = policy.config.scale.name, policy.config.design.recipe
    if scale != config.scale:
        raise UnusableInput(f"{before.location}: a policy of scale {scale}, but scale {config.scale} was asked for")
    if recipe != recipe_of(config):
        raise UnusableInput(f"{before.location}: a policy of recipe {recipe}, but {recipe_of(config)} was asked for")
    _refuse_skipped(name, before, config)
    if isinstance(config, RecipeConfig) and config.lora_rank and policy.config.lora is None:
        policy.add_lora(Lora(config.lora_rank, targets=config.lora_targets), config.seed)
    if isinstance(config, RecipeConfig) and config.point_blocks and not policy.config.point_blocks:
        policy.take_points(_cheapest_blocks(policy, taken, config), config.seed)
    return policy


def _refuse_skipped(name: str, before: Artifact, config: TrainConfig) -> None:
    from causeway.training.losses import FILE_NAME, first_and_last, read_lines
    from causeway.training.recipes import recipe_named

    trained = list(first_and_last(read_lines(before.path(FILE_NAME))))
    recipe_named(recipe_of(config)).check_trained(name, trained, config.left_out, before.location)


def _cheapest_blocks(policy: Any, taken: Any, config: RecipeConfig) -> tuple[int, ...]:
    """Which blocks of the head may be disturbed: a skip-block analysis on training samples spread evenly."""
    from causeway.model.points import block_costs, cheapest

    some = taken[:: -(-len(taken) // ANALYSED)]
    batches = [policy.collate(some[start : start + 8]) for start in range(0, len(some), 8)]
    costs = block_costs(policy, batches, seed=config.seed)
    chosen = cheapest(costs, config.point_blocks)
    told = ", ".join(f"{number}: {cost:+.4f}" for number, cost in enumerate(costs))
    print(f"{config.stage}: error without each block {told}; points go behind {chosen}", file=sys.stderr)
    return chosen


def _new(taken: Any, config: TrainConfig) -> Any:
    from causeway.model import Policy
    from causeway.model.action_space import statistics_from
    from causeway.model.lora import TARGETS, Lora
    from causeway.training.recipes import recipe_named

    assert isinstance(config, VlmConfig | RecipeConfig)
    targets = config.lora_targets if isinstance(config, RecipeConfig) else TARGETS
    recipe = recipe_named(recipe_of(config))
    return Policy.from_scale(
        config.scale,
        config.seed,
        statistics_from(taken.controls(STATISTICS_OF)),
        backbone=config.backbone or None,
        vision=config.vision_tokenizer or recipe.vision_tokenizer,
        cameras=_cameras(taken),
        lora=Lora(config.lora_rank, targets=targets) if config.lora_rank else None,
        design=recipe.design,
        family=recipe.family,
        soft_target_sigma_bins=recipe.soft_target_sigma_bins,
        rigs=taken.rigs() if "rig" in recipe.needs else (),
    )


def _cameras(taken: Any) -> tuple[str, ...]:
    """Names that a new policy will know: those of its samples.

    Where none of these is a usual one it knows the usual ones too, for the built-in world has no others to show it.
    """
    import pyarrow.compute as pc

    from causeway.model.observation import ObservationSpec

    named = set(pc.unique(pc.list_flatten(taken.index.column("cameras"))).to_pylist())
    usual = set(ObservationSpec().cameras)
    return tuple(sorted(named if named & usual else named | usual))


def _card(
    config: TrainConfig, out: Writer, counts: dict[str, int], record: list[dict[str, Any]], verdicts: list[str]
) -> str:
    from causeway.training.card import model_card

    says = {name: stage.says for name, stage in _stages(config).items()}
    return model_card(out.sources, counts, says, record, verdicts)


def _forget(course: Any) -> None:
    from causeway.training.loop import forget

    forget(course.folder, course.store)


def _device() -> str:
    """This process's accelerator when there is one."""
    import torch

    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"


def _cores() -> int:
    """Threads for torch: what OMP_NUM_THREADS says, else the cores this process may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))
