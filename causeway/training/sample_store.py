"""Samples on disk: arrays in safetensors shards, one row each; texts and places in `samples.parquet`.

Knows the layout of a shard and reads single rows lazily. Does not know how a sample was cut or what it is
used for. Shards hold every wanted camera in a slot of its own; the index names those that are really there.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.model.observation import Observation, Sample

Arrays = dict[str, NDArray[Any]]


def shard_file(shard: str) -> str:
    """The name of a shard's file inside the artifact."""
    return f"shards/{shard}.safetensors"


def write_shard(samples: Sequence[Sample], slots: Sequence[str], path: Path) -> None:
    """Write samples to one file, in their order; the same samples give the same bytes."""
    from safetensors.numpy import save

    arrays = [_arrays(sample, slots) for sample in samples]
    stacked = {name: np.ascontiguousarray(np.stack([a[name] for a in arrays])) for name in arrays[0]}
    with path.open("wb") as file:
        file.write(save(stacked, metadata={"cameras": ",".join(slots)}))
        file.flush()
        os.fsync(file.fileno())


def _arrays(sample: Sample, slots: Sequence[str]) -> Arrays:
    seen = sample.observation
    places = [slots.index(camera) for camera in seen.cameras]
    arrays: Arrays = {
        "ego_history": seen.ego_history,
        "speed_mps": np.array(seen.speed_mps, dtype=np.float64),
        "controls": sample.controls,
        "trajectory_rig": sample.trajectory_rig,
    }
    for name in ("images", "frame_t_us", "rig"):
        values = getattr(seen, name)
        arrays[name] = np.zeros((len(slots), *values.shape[1:]), dtype=values.dtype)
        arrays[name][places] = values
    return arrays


def index_row(sample: Sample, shard: str, row: int, source: str) -> dict[str, Any]:
    """The sample's row of `samples.parquet`."""
    return {
        "sample_id": sample.sample_id,
        "clip_id": sample.clip_id,
        "t0_us": sample.t0_us,
        "split": sample.split,
        "shard": shard,
        "scenario": sample.scenario,
        "source": source,
        "has_reasoning": bool(sample.reasoning),
        "row": row,
        "cameras": list(sample.observation.cameras),
        "reasoning": sample.reasoning,
        "longitudinal_decision": sample.decision[0],
        "lateral_decision": sample.decision[1],
    }


def chosen_rows(samples: Artifact, split: str | None, with_reasoning: bool | None) -> list[dict[str, Any]]:
    """Rows of the index, ordered by sample_id: those of a split, those with (or without) reasoning."""
    rows = samples.table("samples").to_pylist()
    if split is not None:
        rows = [row for row in rows if row["split"] == split]
    if with_reasoning is not None:
        rows = [row for row in rows if row["has_reasoning"] == with_reasoning]
    return sorted(rows, key=lambda row: row["sample_id"])


def read_samples(samples: Artifact, rows: Sequence[dict[str, Any]]) -> Iterator[Sample]:
    """The samples of index rows, one at a time and in that order; a shard is opened once and read row by row."""
    from safetensors import SafetensorError, safe_open

    shards: dict[str, Any] = {}
    for row in rows:
        name = row["shard"]
        try:
            if name not in shards:
                shards[name] = safe_open(samples.path(shard_file(name)), framework="numpy")
            yield _sample(shards[name], row)
        except SafetensorError as error:
            message = f"{samples.location}/{shard_file(name)}, sample {row['sample_id']}: {error}; build it again"
            raise UnusableInput(message) from error


def _sample(shard: Any, row: dict[str, Any]) -> Sample:
    slots = shard.metadata()["cameras"].split(",")
    places = [slots.index(camera) for camera in row["cameras"]]

    def part(name: str) -> NDArray[Any]:
        return shard.get_slice(name)[row["row"] : row["row"] + 1][0]

    observation = Observation(
        images=part("images")[places],
        frame_t_us=part("frame_t_us")[places],
        cameras=tuple(row["cameras"]),
        rig=part("rig")[places],
        ego_history=part("ego_history"),
        speed_mps=float(part("speed_mps")),
        t0_us=row["t0_us"],
    )
    return Sample(
        sample_id=row["sample_id"],
        clip_id=row["clip_id"],
        t0_us=row["t0_us"],
        split=row["split"],
        scenario=row["scenario"],
        observation=observation,
        reasoning=row["reasoning"],
        decision=(row["longitudinal_decision"], row["lateral_decision"]),
        controls=part("controls"),
        trajectory_rig=part("trajectory_rig"),
    )
