"""The suites that drive: scenes of the built-in world, and recorded clips by log replay.

Knows which rollouts are measured against which, what a report must be told of how they were driven, and how the scenes
are shared among parts of an evaluation. Does not know formulas (`rollout_scores`) or stepping (`closed_loop`).
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from causeway.artifacts.hashing import text_hash
from causeway.errors import UsageError
from causeway.evaluation.answers import Answering, AskConfig
from causeway.evaluation.beside import check_points, check_rigs
from causeway.evaluation.driving import replays
from causeway.evaluation.driving.closed_loop import (
    REPLAN_TICKS,
    Rollout,
    baseline_rollouts,
    expert_rollouts,
    roll_out,
    rollout_rows,
    scene_ids,
)
from causeway.evaluation.driving.films import worst_drives
from causeway.evaluation.driving.rollout_scores import closed_loop
from causeway.evaluation.measured import Measured
from causeway.evaluation.selection import data_of_scenes, spec_of, world_spec
from causeway.evaluation.shards import told_shard
from causeway.evaluation.suites import Data, Found, SuiteConfig
from causeway.simulation.conditions import Conditions
from causeway.simulation.vehicle import EGO_RIG, TICK_S

Scene = TypeVar("Scene")


def drive_world(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    """The suite `closed-loop`."""
    check_rigs(policy, [("the built-in world", EGO_RIG)])
    check_points(policy, "the built-in world", spec_of(data.samples).points)
    whole = scene_ids(config.scenes, config.seed)
    scenes, conditions = part(whole, config), Conditions(latency_s=config.latency_s)
    spec = world_spec(spec_of(data.samples))
    driven = roll_out(policy, scenes, _asking(config), spec=spec, conditions=conditions, ensemble=config.ensemble)
    held, expert = baseline_rollouts(scenes, conditions=conditions), expert_rollouts(scenes)
    measured = closed_loop(driven, expert, held)
    told = data_of_scenes(whole) | _how(config)
    return _found("closed-loop", measured, _distinct(told, config), (driven, held, expert), config)


def drive_clips(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    """The suite `replay`."""
    assert data.clips is not None, "`check_data` has seen to it"
    spec, conditions = spec_of(data.samples), Conditions(latency_s=config.latency_s)
    chosen = replays.choose(data.clips, data.samples, spec, config.others, config.replays)
    told = replays.data_of_replays(data.clips, chosen.scenes, config.others)
    if not chosen.scenes:
        return Found(replays.nothing(chosen.notes), told)
    check_rigs(policy, ((str(scene), scene.stage.rig_id) for scene in chosen.scenes))
    check_points(policy, "log replay", spec.points)
    scenes, recorded = part(chosen.scenes, config), part(chosen.recorded, config)
    driven = roll_out(policy, scenes, _asking(config), spec=spec, conditions=conditions, ensemble=config.ensemble)
    held = baseline_rollouts(scenes, conditions=conditions)
    measured = replays.told_apart(closed_loop(driven, recorded, held), chosen.notes)
    return _found("replay", measured, _distinct(told | _how(config), config), (driven, held, recorded), config)


def part(scenes: Sequence[Scene], config: SuiteConfig) -> list[Scene]:
    """Every `shards`-th batch of scenes from batch `shard` on: the groups that are driven together stay together.

    UsageError for a part that there is not.
    """
    batches = -(-len(scenes) // config.batch)
    if not 0 <= config.shard < config.shards or config.shards > batches:
        raise UsageError(f"part {config.shard} of {config.shards}: {batches} batches of scenes, counted from 0")
    return [scene for place, scene in enumerate(scenes) if place // config.batch % config.shards == config.shard]


def _asking(config: SuiteConfig) -> AskConfig:
    return AskConfig(1, config.seed, config.batch, config.deadline_s)


def _how(config: SuiteConfig) -> dict[str, Any]:
    """How it was driven, for the report's reader."""
    joined = {} if config.ensemble is None else {"ensemble_alpha": config.ensemble}
    return {"replanned_every_s": REPLAN_TICKS * TICK_S, "latency_s": config.latency_s, **joined}


def _distinct(told: dict[str, Any], config: SuiteConfig) -> dict[str, Any]:
    """Scenes driven with late or joined answers are other data: reports with and without are not to be compared."""
    how: list[Any] = [config.latency_s] if config.latency_s else []
    how += [] if config.ensemble is None else ["ensemble", config.ensemble]
    return told | {"content_hash": text_hash(json.dumps([told["content_hash"], *how]))} if how else told


def _found(
    suite: str,
    measured: Measured,
    told: dict[str, Any],
    rollouts: tuple[Sequence[Rollout], Sequence[Rollout], Sequence[Rollout]],
    config: SuiteConfig,
) -> Found:
    """What a suite hands over: its worst drives are filmed, files of a part have its number in their names."""
    score = "replay_scene_score" if suite == "replay" else "scene_score"
    name = suite if config.shards == 1 else f"{suite}-part{config.shard}"
    worst, files = worst_drives(name, rollouts[0], measured.values[score])
    told |= {"worst": worst}
    if config.shards > 1:
        told |= told_shard(measured, config.shard, config.shards)
    if config.latency_s:
        late = f"{suite}: every answer is followed {config.latency_s:g} s after the picture that it answers"
        measured = replace(measured, notes=[*measured.notes, late])
    if config.ensemble is not None:
        how = f"adaptive ensemble, alpha {config.ensemble:g}"
        joined = f"{suite}: answers are joined with up to six before each ({how})"
        measured = replace(measured, notes=[*measured.notes, joined])
    return Found(measured, told, rollout_rows([r for some in rollouts for r in some]), files)
