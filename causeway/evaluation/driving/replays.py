"""Closed loop by log replay: a policy drives on in recorded clips that have road users and a map.

Knows which clips can be driven again and were not trained on, and how results are told from those of the built-in
world. Does not know stages (`simulation.replay`) or formulas. Its pictures are drawn from boxes and map by the world's
rasteriser: they are never called recordings.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from causeway.artifacts import Artifact
from causeway.artifacts.hashing import text_hash
from causeway.errors import UsageError
from causeway.evaluation.driving.closed_loop import Rollout, expert_rollout
from causeway.evaluation.measured import Measured
from causeway.evaluation.selection import spread
from causeway.model.observation import ObservationSpec
from causeway.simulation.conditions import Conditions
from causeway.simulation.replay.replay import check_others, replay_stage, unfit
from causeway.simulation.stage import Stage
from causeway.simulation.world import World

PREFIX = "replay_"


@dataclass(frozen=True, eq=False)
class Replay:
    """A recorded clip as a scene. `others`: "log" or "idm"; `cameras`: names that its rig's cameras may play."""

    clips: Artifact
    clip_id: str
    group: str  # the source of the clip
    others: str
    cameras: tuple[str, ...]
    seed: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The clip, and how the others in it move."""
        return f"{self.clip_id} ({self.others})"

    @cached_property
    def stage(self) -> Stage:
        """Read once for all who drive there."""
        return replay_stage(self.clips, self.clip_id, self.others, self.cameras)

    def world(self, spec: ObservationSpec | None, conditions: Conditions) -> World:
        """The clip at its beginning; with those cameras of `spec` that its rig has, or the world's own for none."""
        spec = spec or ObservationSpec()
        there = tuple(name for name in spec.cameras if name in self.stage.rig)
        return World.on(self.stage, replace(spec, cameras=there or spec.cameras), conditions)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Clips to be driven again, whoever recorded each on its stage, and what a reader must be told."""

    scenes: list[Replay]
    recorded: list[Rollout]
    notes: list[str]


def choose(clips: Artifact, samples: Artifact | None, spec: ObservationSpec, others: str, limit: int) -> Chosen:
    """At most `limit` clips (0 = all) spread over those that can be driven again and were not trained on.

    A clip cannot be driven again that is too short or has no boxes or no map, whose camera cannot be drawn, or whose
    own record touches somebody or leaves the road there: its boxes or map are off. All are counted with the reason.
    """
    check_others(others)
    rows = clips.table("clips").to_pylist()
    held, notes = _not_trained_on(rows, samples)
    fit = [Replay(clips, row["clip_id"], row["source"], others, spec.cameras) for row in held if not unfit(row)]
    scenes, recorded, failed = _driven(fit, spec, limit)
    tried = len(scenes) + sum(failed.values())
    refused = _refused(Counter(why for row in held if (why := unfit(row))), f"{len(held)} clips")
    refused += _refused(failed, f"{tried} clips that were tried")
    return Chosen(scenes, recorded, [*notes, *refused, *_said(scenes, others)])


def _driven(fit: Sequence[Replay], spec: ObservationSpec, limit: int) -> tuple[list[Replay], list[Rollout], Counter]:
    """Clips and their recorded drives; where one cannot be driven again another takes its place, while there are any.

    The last: how many could not be, by the reason.
    """
    scenes, recorded, failed, left = list[Replay](), list[Rollout](), Counter[str](), list(fit)
    while left and (not limit or len(scenes) < limit):
        turn = spread(left, limit and limit - len(scenes))
        left = [scene for scene in left if scene not in turn]
        for scene in turn:
            driven = _record(scene, spec)
            if isinstance(driven, str):
                failed[driven] += 1
            else:
                scenes.append(scene)
                recorded.append(driven)
    return scenes, recorded, failed


def _refused(reasons: Mapping[str, int], of: str) -> list[str]:
    return sorted(f"replay: {count} of {of} cannot be driven again: {why}" for why, count in reasons.items())


def _not_trained_on(rows: Sequence[Mapping[str, Any]], samples: Artifact | None) -> tuple[list[Mapping], list[str]]:
    """The clips of drives that gave no training sample; all of them, and a note, where there are no such."""
    if samples is None:
        return list(rows), ["replay: no samples were named, so clips that were trained on may be among these"]
    table = samples.table("samples", ["clip_id", "split"]).to_pylist()
    trained = {row["clip_id"] for row in table if row["split"] == "train"}
    drives = {row["drive_id"] for row in rows if row["clip_id"] in trained}
    held = [row for row in rows if row["drive_id"] not in drives]
    if held:
        return held, []
    return list(rows), ["replay: driven in the TRAINING drives: there are no others, so these numbers are not held out"]


def _record(scene: Replay, spec: ObservationSpec) -> Rollout | str:
    """Whoever recorded the clip, driving on its stage; why not, where that cannot be."""
    try:
        scene.world(spec, Conditions())  # the cameras can be drawn
        driven = expert_rollout(scene)
    except UsageError as error:
        return str(error).removeprefix(f"{scene.clip_id}: ")
    if driven.history["collision"].any():
        return "the record itself touches somebody's box"
    return "the record itself leaves the road of the map" if driven.history["off_road"].any() else driven


def _said(scenes: Sequence[Replay], others: str) -> list[str]:
    """How these drives differ from real ones."""
    if not scenes:
        return []
    moved = {
        "log": "others do what is on record (log), whatever the policy does",
        "idm": "others keep to their recorded way and brake for who is ahead (idm)",
    }
    bare = sum(not scene.stage.rig for scene in scenes)
    notes = [f"replay: {moved[others]}", "replay: pictures are drawn from boxes and map; they are no recordings"]
    if bare:
        notes.append(f"replay: {bare} of {len(scenes)} clips have no calibrated camera; the world's are put there")
    return notes


def nothing(notes: Sequence[str]) -> Measured:
    """The suite where no clip can be driven again: the notes say why."""
    return Measured(suite="replay", unit_ids=[], clusters=[], groups=[], values={}, units={}, notes=notes)


def told_apart(measured: Measured, notes: Sequence[str]) -> Measured:
    """Closed-loop values under names of their own, so that they are never averaged with those of the built-in world."""

    def named(name: str) -> str:
        driver, slash, metric = name.rpartition("/")
        return f"{driver}{slash}{PREFIX}{metric}"

    return replace(
        measured,
        suite="replay",
        values={named(name): values for name, values in measured.values.items()},
        units={named(name): unit for name, unit in measured.units.items()},
        counts={named(name): count for name, count in measured.counts.items()},
        estimates={named(name): estimate for name, estimate in measured.estimates.items()},
        grouped=[named(name) for name in measured.grouped],
        notes=[*notes, *(note.replace("closed-loop:", "replay:") for note in measured.notes)],
    )


def data_of_replays(clips: Artifact, scenes: Sequence[Replay], others: str) -> dict[str, Any]:
    """What was driven in: recorded clips by id, and how others moved there."""
    sources = clips.manifest.sources
    ids = [scene.clip_id for scene in scenes]
    named = ", ".join(sorted({source["name"] for source in sources})) or "clips"
    return {
        "name": f"{named}: {others} replay, pictures drawn from boxes and map",
        "content_hash": text_hash(json.dumps([clips.manifest.content_hash, others, ids])),
        "artifact": clips.manifest.content_hash,
        "sources": sources,
        "split": "log replay",
        "others": others,
        "scenes": len(scenes),
        "scenarios": sorted({scene.group for scene in scenes}),
    }
