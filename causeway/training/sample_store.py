"""Samples on disk: arrays in shards, one row each; texts and places in `samples.parquet`.

Knows how a sample becomes a row of arrays and of the index, and back. Does not know how a sample was cut, in which
order it is used, or how arrays lie in a file (`sample_arrays`). Shards hold every wanted camera in a slot of its own;
the index names those that are really there.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.model.observation import HORIZON_STEPS, Observation, Sample, check_sample
from causeway.training.sample_ahead_store import read_ahead_of
from causeway.training.sample_around_store import read_around
from causeway.training.sample_arrays import Arrays, Shard, open_shard, write_arrays

_NONE = -1


def shard_file(shard: str) -> str:
    """The name of a shard's file inside the artifact."""
    return f"shards/{shard}.safetensors"


def write_shard(samples: Sequence[Sample], slots: Sequence[str], path: Path) -> None:
    """Write samples to one file, in their order; the same samples give the same bytes."""
    points = max((len(s.observation.route) for s in samples if s.observation.route is not None), default=0)
    rows = [_arrays(sample, slots, max(points, 1)) for sample in samples]
    says = {"cameras": ",".join(slots)}
    rigs = sorted({sample.observation.rig_id for sample in samples})
    if rigs != [""]:
        says["rigs"] = json.dumps(rigs)
        for row, sample in zip(rows, samples, strict=True):
            row["rig_id"] = np.array(rigs.index(sample.observation.rig_id), dtype=np.int32)
    if any(sample.observation.points is not None for sample in samples):
        _add_points(rows, samples)
    write_arrays(rows, [sample.sample_id for sample in samples], says, path)


def _add_points(rows: Sequence[Arrays], samples: Sequence[Sample]) -> None:
    """3D points into rows that are equally long; -1 of them where a sample has none."""
    most = max(len(s.observation.points) for s in samples if s.observation.points is not None)
    for row, sample in zip(rows, samples, strict=True):
        found, padded = sample.observation.points, np.zeros((most, 3), dtype=np.float32)
        if found is not None:
            padded[: len(found)] = found
        row |= {"points": padded, "points_there": np.array(_NONE if found is None else len(found), dtype=np.int32)}


def _arrays(sample: Sample, slots: Sequence[str], points: int) -> Arrays:
    seen = sample.observation
    places = [slots.index(camera) for camera in seen.cameras]
    route = np.zeros((points, 2), dtype=np.float32)
    if seen.route is not None:
        route[: len(seen.route)] = seen.route
    arrays: Arrays = {
        "ego_history": seen.ego_history,
        "speed_mps": np.array(seen.speed_mps, dtype=np.float64),
        "route": route,
        "route_points": np.array(_NONE if seen.route is None else len(seen.route), dtype=np.int32),
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


def chosen_index(samples: Artifact, split: str | None = None, with_reasoning: bool | None = None) -> pa.Table:
    """Rows of the index, ordered by sample_id: those of a split, those with (or without) reasoning."""
    table = samples.table("samples")
    if split is not None:
        table = table.filter(pc.field("split") == split)
    if with_reasoning is not None:
        table = table.filter(pc.field("has_reasoning") == with_reasoning)
    return table.sort_by("sample_id").combine_chunks()


def chosen_rows(samples: Artifact, split: str | None, with_reasoning: bool | None) -> list[dict[str, Any]]:
    """The rows of `chosen_index` one by one; for few of them only."""
    return chosen_index(samples, split, with_reasoning).to_pylist()


def read_samples(samples: Artifact, rows: Sequence[dict[str, Any]]) -> Iterator[Sample]:
    """The samples of index rows, one at a time and in that order. UnusableInput names the one that cannot be used."""
    return (read_sample(samples, row) for row in rows)


def read_sample(samples: Artifact, row: dict[str, Any], around: bool = False, ahead: bool = False) -> Sample:
    """The sample of an index row, every number checked; with its surroundings or frames ahead when asked for.

    UnusableInput with its id and the reason.
    """
    try:
        shard = open_shard(samples.path(shard_file(row["shard"])))
        sample = check_sample(_sample(shard, row))
        place = row["shard"], row["row"], row["sample_id"]
        if around:
            sample = replace(sample, around=read_around(samples, *place))
        return replace(sample, ahead=read_ahead_of(samples, *place, row["t0_us"])) if ahead else sample
    except UnusableInput as error:
        said, what = str(error), f"sample {row['sample_id']}: "
        raise error if said.startswith(what) else UnusableInput(f"{what}{said}") from error


def _sample(shard: Shard, row: dict[str, Any]) -> Sample:
    slots = str(shard.says.get("cameras")).split(",")
    if not set(row["cameras"]) <= set(slots) or row["has_reasoning"] != bool(row["reasoning"]):
        raise UnusableInput(f"{shard.path}: cameras or reasoning contradict the index; build the samples again")
    part = shard.row(row["row"], row["sample_id"])
    try:
        return Sample(
            sample_id=row["sample_id"],
            clip_id=row["clip_id"],
            t0_us=row["t0_us"],
            split=row["split"],
            scenario=row["scenario"],
            observation=_observation(shard, part, [slots.index(camera) for camera in row["cameras"]], row),
            reasoning=row["reasoning"],
            decision=(row["longitudinal_decision"], row["lateral_decision"]),
            controls=part["controls"],
            trajectory_rig=part["trajectory_rig"],
        )
    except KeyError as error:
        raise UnusableInput(f"{shard.path}: has no array {error}; build the samples again") from error


def _rig_id(shard: Shard, part: Arrays) -> str:
    """Whose rig it was; "" in samples that do not say."""
    return str(json.loads(shard.says["rigs"])[int(part["rig_id"])]) if "rigs" in shard.says else ""


def _points(part: Arrays) -> NDArray[np.float32] | None:
    there = int(part["points_there"]) if "points" in part else _NONE
    return None if there == _NONE else part["points"][:there]


def _observation(shard: Shard, part: Arrays, places: list[int], row: dict[str, Any]) -> Observation:
    points = int(part["route_points"])
    return Observation(
        images=part["images"][places],
        frame_t_us=part["frame_t_us"][places],
        cameras=tuple(row["cameras"]),
        rig=part["rig"][places],
        ego_history=part["ego_history"],
        speed_mps=float(part["speed_mps"]),
        t0_us=row["t0_us"],
        route=None if points == _NONE else part["route"][:points],
        rig_id=_rig_id(shard, part),
        points=_points(part),
    )


@dataclass(frozen=True, eq=False)
class StoredSamples(Sequence[Sample]):
    """Samples of an artifact that are read when they are asked for; in memory is the index alone.

    A sample is checked each time it is read: UnusableInput with its id and the reason.
    """

    artifact: Artifact
    index: pa.Table  # rows of `samples.parquet`
    around: bool = False  # whether each sample comes with what stood around it, for rewards and evaluation
    ahead: bool = False  # whether each sample comes with the frames after it, for a stage that foresees them

    def __len__(self) -> int:
        return int(self.index.num_rows)

    @overload
    def __getitem__(self, number: int) -> Sample: ...
    @overload
    def __getitem__(self, number: slice) -> "StoredSamples": ...
    def __getitem__(self, number: int | slice) -> "Sample | StoredSamples":
        """One sample, or some of them without reading any."""
        if isinstance(number, slice):
            rows = pa.array(range(*number.indices(len(self))), pa.int64())
            return replace(self, index=self.index.take(rows))
        return read_sample(self.artifact, self.row(number), self.around, self.ahead)

    def spread(self, most: int) -> "StoredSamples":
        """At most so many of these, spread evenly: neighbours are of one drive, and the first of one kind of drives."""
        count = min(most, len(self))
        rows = pa.array((number * len(self) // count for number in range(count)), pa.int64())
        return replace(self, index=self.index.take(rows))

    def row(self, number: int) -> dict[str, Any]:
        """One row of the index."""
        place = range(len(self))[number]
        return {name: self.index.column(name)[place].as_py() for name in self.index.column_names}

    def with_reasoning(self) -> int:
        """How many have reasoning."""
        return int(pc.sum(self.index.column("has_reasoning")).as_py() or 0)

    def controls(self, most: int) -> NDArray[np.float32]:
        """Future controls [n, 64, 2] of at most so many samples, spread evenly; nothing else of them is read."""
        step = max(1, -(-len(self) // most))
        found = [self._controls(self.row(number)) for number in range(0, len(self), step)]
        return np.array(found, dtype=np.float32).reshape(-1, HORIZON_STEPS, 2)

    def each_points(self) -> list[int]:
        """How many 3D points each has, 0 where it holds none; nothing else of them is read."""
        return [max(int(part["points_there"]), 0) for _, part in self._parts("points_there")]

    def each_rig(self) -> list[str]:
        """The name of the rig that each was recorded with, "" where it does not say; nothing else of them is read."""
        return [_rig_id(shard, part) for shard, part in self._parts("rig_id")]

    def rigs(self) -> tuple[str, ...]:
        """The names of all rigs that these were recorded with."""
        return tuple(sorted(set(self.each_rig()) - {""}))

    def _parts(self, name: str) -> Iterator[tuple[Shard, Arrays]]:
        """The array of this name of each, one by one; none of it where its shard has no such array."""
        for number in range(len(self)):
            row = self.row(number)
            shard = open_shard(self.artifact.path(shard_file(row["shard"])))
            there = name in shard.names
            yield shard, shard.row(row["row"], row["sample_id"], (name,)) if there else {name: np.array(_NONE)}

    def _controls(self, row: dict[str, Any]) -> NDArray[np.float32]:
        shard = open_shard(self.artifact.path(shard_file(row["shard"])))
        return shard.row(row["row"], row["sample_id"], ("controls",))["controls"]
