"""Which samples a suite is measured on, and how a report says so.

Knows splits and their fallback, limits that spread over clips, and content hashes of a selection. Does not know suites'
formulas.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.artifacts.hashing import text_hash
from causeway.errors import UsageError
from causeway.evaluation.driving.closed_loop import SceneId
from causeway.model.observation import ObservationSpec
from causeway.simulation.pictures.cameras import MOUNTS
from causeway.training.sample_store import StoredSamples, chosen_index

SPLITS = ("test", "val", "train")


def pick(
    samples: Artifact, split: str, limit: int, labelled: bool, around: bool = False
) -> tuple[StoredSamples, list[str]]:
    """Samples of the first of `split`, test, val, train that holds any (`labelled`: any with reasoning), and notes.

    They are read when they are asked for, with what stood around them when `around`. With a limit they are spread
    evenly over the split, so that one long clip does not fill it. UsageError for an unknown split or an empty artifact.
    """
    if split not in SPLITS or limit < 0:
        raise UsageError(f"split {split!r}, limit {limit}: a split of {', '.join(SPLITS)}, a limit of 0 (all) or more")
    order = [split, *(name for name in SPLITS if name != split)]
    for need in (True, None) if labelled else (None,):
        for name in order:
            index = chosen_index(samples, name, need)
            if index.num_rows:
                chosen = index.take(pa.array(spread(range(index.num_rows), limit)))
                return StoredSamples(samples, chosen, around), _notes(name, split, labelled, need)
    raise UsageError(f"{samples.location}: holds no sample of any split; build samples first")


def shard_of(chosen: StoredSamples, batch: int, shard: int, shards: int) -> StoredSamples:
    """Every `shards`-th batch of the samples, from batch `shard` on: batches are those of the whole, to the last bit.

    UsageError for a shard that there is not, or that would be empty.
    """
    batches = -(-len(chosen) // batch)
    if not 0 <= shard < shards or shards > batches:
        raise UsageError(f"shard {shard} of {shards}: {batches} batches of samples, shards counted from 0")
    rows = [row for row in range(len(chosen)) if row // batch % shards == shard]
    return replace(chosen, index=chosen.index.take(pa.array(rows, pa.int64())))


def _notes(found: str, asked: str, labelled: bool, need: bool | None) -> list[str]:
    notes = [] if found == asked else [f"no sample of split {asked}: measured on split {found}"]
    if found == "train":
        notes.append("measured on the TRAINING samples: no other split holds any, so these numbers are not held out")
    if labelled and not need:
        notes.append("no sample has a label: what needs one was not measured")
    return notes


def spread(rows: Sequence[Any], limit: int) -> list[Any]:
    """At most `limit` rows at even distances; all of them for 0."""
    if not limit or limit >= len(rows):
        return list(rows)
    return [rows[i * len(rows) // limit] for i in range(limit)]


def data_of_samples(chosen: StoredSamples) -> dict[str, Any]:
    """What was measured on; `content_hash` is that of this selection, `artifact` that of all samples."""
    manifest = chosen.artifact.manifest
    column = {name: chosen.index.column(name).to_pylist() for name in ("sample_id", "clip_id", "split", "scenario")}
    return {
        "name": ", ".join(sorted({source["name"] for source in manifest.sources})) or "samples",
        "content_hash": text_hash(json.dumps([manifest.content_hash, column["sample_id"]])),
        "artifact": manifest.content_hash,
        "sources": manifest.sources,
        "split": column["split"][0],
        "samples": len(chosen),
        "clips": len(set(column["clip_id"])),
        "scenarios": sorted({scenario for scenario in column["scenario"] if scenario}),
    }


def data_of_scenes(scenes: Sequence[SceneId]) -> dict[str, Any]:
    """What was driven in: the built-in world, whose scenes are made from scenario and seed."""
    return {
        "name": "built-in world",
        "content_hash": text_hash(json.dumps([str(scene) for scene in scenes])),
        "sources": [{"name": "built-in world", "licence": "Apache-2.0"}],
        "split": "closed loop",
        "scenes": len(scenes),
        "scenarios": sorted({scene.scenario for scene in scenes}),
    }


def spec_of(samples: Artifact | None) -> ObservationSpec:
    """How the pictures and routes of samples were cut, so that a policy sees in closed loop what it was trained on."""
    config = samples.manifest.config if samples else {}
    default = ObservationSpec()
    return ObservationSpec(
        cameras=tuple(config.get("cameras", default.cameras)),
        frame_offsets_s=tuple(config.get("frame_offsets_s", default.frame_offsets_s)),
        height=config.get("height", default.height),
        width=config.get("width", default.width),
        route_points=config.get("route_points", default.route_points),
        points=config.get("points", default.points),
    )


def world_spec(spec: ObservationSpec) -> ObservationSpec:
    """The same with the cameras of it that the built-in world has; its usual ones where it has none of them."""
    return replace(spec, cameras=tuple(name for name in spec.cameras if name in MOUNTS) or ObservationSpec().cameras)


def data_of_examples(machine: str) -> dict[str, Any]:
    """What was asked when there were no samples: noise pictures of the right shape."""
    return {"name": "noise pictures", "content_hash": text_hash(machine), "sources": [], "samples": 1}
