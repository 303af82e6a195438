"""What a recipe may need of its samples, by name, and how samples are asked whether they have it.

Knows the index of samples. Does not know recipes' losses. Asked once, before a stage begins: a recipe whose data lack
something says all of it in one line. Every sample must hold what the policy reads as it drives: the name of the rig,
points. Of what a stage is taught some is enough (reasoning, frames ahead, the road): a sample without teaches none.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow.compute as pc

from causeway.errors import UnusableInput
from causeway.training.sample_ahead_store import ahead_file
from causeway.training.sample_around_store import around_file
from causeway.training.sample_store import StoredSamples

Lack = Callable[[StoredSamples], str]
"""samples -> what is missing and what to do, "" where nothing is."""

LOOKED_AT = 64  # samples, spread evenly


def _reasoning(samples: StoredSamples) -> str:
    return "" if samples.with_reasoning() else "reasoning (label drives with known causes)"


def _second_camera(samples: StoredSamples) -> str:
    if len(samples) and pc.max(pc.list_value_length(samples.index.column("cameras"))).as_py() > 1:
        return ""
    return "a second camera (build samples with --set cameras=front_wide,front_tele)"


def _future_frames(samples: StoredSamples) -> str:
    shards = pc.unique(samples.index.column("shard")).to_pylist()
    if any(ahead_file(shard) in samples.artifact.manifest.files for shard in shards):
        return ""
    return "future frames (build samples with --set future_offsets_s=0.5)"


def _rig_id(samples: StoredSamples) -> str:
    unnamed = [number for number, rig in enumerate(samples.each_rig()) if not rig]
    why = "(give vehicle_id where drives are read, build them again)"
    return f"the name of the rig{_some(unnamed, samples)} {why}" if unnamed else ""


def _points(samples: StoredSamples) -> str:
    without = [number for number, count in enumerate(samples.each_points()) if not count]
    why = "(drives with lidar or causeway world --points-hz 2, causeway samples --set points=1024)"
    return f"3D points{_some(without, samples)} {why}" if without else ""


def _some(lacking: Sequence[int], samples: StoredSamples) -> str:
    """Of how many something is missing and one of them, where it is not missing of all."""
    if len(lacking) == len(samples):
        return ""
    return f" in {len(lacking)} of {len(samples)}, as in {samples.row(lacking[0])['sample_id']}"


def _road(samples: StoredSamples) -> str:
    shards = pc.unique(samples.index.column("shard")).to_pylist()
    if all(around_file(shard) in samples.artifact.manifest.files for shard in shards):
        some = replace(samples[:: max(1, len(samples) // LOOKED_AT)], around=True)
        if any(one.around is not None and one.around.road is not None for one in some):
            return ""
    return "the road (drives with a map; build samples again)"


NEEDS: dict[str, Lack] = {
    "reasoning": _reasoning,
    "second camera": _second_camera,
    "future frames": _future_frames,
    "rig": _rig_id,
    "points": _points,
    "road": _road,
}


def refuse_lacking(recipe: str, needs: Sequence[str], samples: StoredSamples) -> None:
    """UnusableInput that names everything a recipe needs and these samples do not have."""
    missing = [lack for lack in (NEEDS[need](samples) for need in needs) if lack]
    if missing:
        raise UnusableInput(f"recipe {recipe}: its samples lack {' and '.join(missing)}")
