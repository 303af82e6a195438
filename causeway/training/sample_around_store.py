"""Surroundings of samples on disk: a file beside each shard, which only rewards and evaluation ask for.

Knows how surroundings become rows of arrays of equal length and back. Does not know how they were cut. Stages that
learn from labels never open these files.
"""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.model.observation import HORIZON_STEPS
from causeway.model.surroundings import Agents, Footprint, Surroundings, check_surroundings
from causeway.training.sample_arrays import Arrays, open_shard, write_arrays

_UNKNOWN = -1


def around_file(shard: str) -> str:
    """The name of the file beside a shard."""
    return f"shards/{shard}.around.safetensors"


def write_around(around: Sequence[Surroundings], ids: Sequence[str], path: Path) -> None:
    """Write the surroundings of a shard's samples, in their order; the same ones give the same bytes."""
    kinds = sorted({kind for one in around if one.agents for kind in one.agents.kinds})
    agents = max((len(one.agents.kinds) for one in around if one.agents), default=0)
    rings = max((len(one.road) for one in around if one.road is not None), default=0)
    points = max((sum(map(len, one.road)) for one in around if one.road is not None), default=0)
    rows = [_arrays(one, kinds, (agents, rings, points)) for one in around]
    write_arrays(rows, list(ids), {"kinds": ",".join(kinds)}, path)


def _arrays(one: Surroundings, kinds: Sequence[str], most: tuple[int, int, int]) -> Arrays:
    agents, rings, points = most
    arrays: Arrays = {
        "agents": np.array(_UNKNOWN if one.agents is None else len(one.agents.kinds), dtype=np.int32),
        "poses_rig": np.zeros((agents, HORIZON_STEPS, 3), dtype=np.float32),
        "sizes_m": np.zeros((agents, 2), dtype=np.float32),
        "present": np.zeros((agents, HORIZON_STEPS), dtype=np.uint8),
        "kinds": np.zeros(agents, dtype=np.int32),
        "rings": np.array(_UNKNOWN if one.road is None else len(one.road), dtype=np.int32),
        "ring_ends": np.zeros(rings, dtype=np.int32),
        "ring_points": np.zeros((points, 2), dtype=np.float32),
        "footprint": np.array(astuple(one.footprint), dtype=np.float64),
    }
    if one.agents is not None:
        count = len(one.agents.kinds)
        for name in ("poses_rig", "sizes_m", "present"):
            arrays[name][:count] = getattr(one.agents, name)
        arrays["kinds"][:count] = [kinds.index(kind) for kind in one.agents.kinds]
    if one.road:
        arrays["ring_ends"][: len(one.road)] = np.cumsum([len(ring) for ring in one.road])
        arrays["ring_points"][: arrays["ring_ends"].max()] = np.concatenate(one.road)
    return arrays


def read_around(samples: Artifact, shard: str, row: int, sample_id: str) -> Surroundings:
    """What stood around the sample of an index row. UnusableInput when the artifact has none or it is damaged."""
    name = around_file(shard)
    if name not in samples.manifest.files:
        raise UnusableInput(f"{samples.location}: holds no {name}: no surroundings; build the samples again")
    path = samples.path(name)
    file = open_shard(path)
    part = file.row(row, sample_id)
    names = [name for name in file.says.get("kinds", "").split(",") if name]
    try:
        return check_surroundings(_surroundings(part, names), f"sample {sample_id}")
    except (KeyError, IndexError) as error:
        raise UnusableInput(f"{path}: surroundings of row {row} cannot be read ({error}); build it again") from error


def _surroundings(part: Arrays, names: Sequence[str]) -> Surroundings:
    count, rings = int(part["agents"]), int(part["rings"])
    agents = None
    if count != _UNKNOWN:
        agents = Agents(
            poses_rig=part["poses_rig"][:count],
            sizes_m=part["sizes_m"][:count],
            present=part["present"][:count] == 1,
            kinds=tuple(names[number] for number in part["kinds"][:count].tolist()),
        )
    road = None if rings == _UNKNOWN else _rings(part["ring_points"], part["ring_ends"][:rings])
    return Surroundings(agents, road, Footprint(*part["footprint"].tolist()))


def _rings(points: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.split(points[: ends[-1]], ends[:-1])) if len(ends) else ()
