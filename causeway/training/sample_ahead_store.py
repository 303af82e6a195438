"""Frames ahead of samples on disk: a file beside each shard, which only a stage that foresees frames asks for.

Knows how frames ahead become rows of arrays of equal length and back. Does not know how they were cut. Every camera has
a slot; a row says which of them are there. Other stages never open these files.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput
from causeway.model.ahead import RIG_NUMBERS, Ahead, check_ahead
from causeway.training.sample_arrays import Arrays, open_shard, write_arrays


def ahead_file(shard: str) -> str:
    """The name of the file beside a shard."""
    return f"shards/{shard}.ahead.safetensors"


def write_ahead(ahead: Sequence[Ahead | None], ids: Sequence[str], path: Path) -> None:
    """Write what lies ahead of a shard's samples, in their order; no file where nothing is known of any."""
    known = [one for one in ahead if one is not None]
    if known:
        slots = sorted({camera for one in known for camera in one.cameras})
        rows = [_arrays(one, slots, known[0].images.shape[1:]) for one in ahead]
        write_arrays(rows, list(ids), {"cameras": ",".join(slots)}, path)


def _arrays(one: Ahead | None, slots: Sequence[str], shape: tuple[int, ...]) -> Arrays:
    arrays: Arrays = {
        "there": np.zeros(len(slots), dtype=np.uint8),
        "images": np.zeros((len(slots), *shape), dtype=np.uint8),
        "t_us": np.zeros((len(slots), shape[0]), dtype=np.int64),
        "rig": np.zeros((len(slots), RIG_NUMBERS), dtype=np.float32),
    }
    if one is not None:
        places = [slots.index(camera) for camera in one.cameras]
        arrays["there"][places] = 1
        for name in ("images", "t_us", "rig"):
            arrays[name][places] = getattr(one, name)
    return arrays


def read_ahead_of(samples: Artifact, shard: str, row: int, sample_id: str, t0_us: int) -> Ahead | None:
    """The frames ahead of an index row's sample, None where none are known. UnusableInput when they are damaged."""
    name = ahead_file(shard)
    if name not in samples.manifest.files:
        return None
    path = samples.path(name)
    file = open_shard(path)
    part = file.row(row, sample_id)
    try:
        places = np.flatnonzero(part["there"]).tolist()
        if not places:
            return None
        slots = file.says.get("cameras", "").split(",")
        cameras = tuple(slots[place] for place in places)
        found = Ahead(part["images"][places], part["t_us"][places], cameras, part["rig"][places])
        return check_ahead(found, t0_us, f"sample {sample_id}")
    except (KeyError, IndexError) as error:
        raise UnusableInput(f"{path}: frames ahead of row {row} cannot be read ({error}); build it again") from error
