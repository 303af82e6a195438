"""Facts of labels, the review queue, samples and policies.

Knows rows of one table each, and the header of a safetensors file. Does not know bounds, and reads no weights.
"""

import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from causeway.artifacts import Artifact
from causeway.quality.facts.behaviour import component_flags
from causeway.quality.facts.columns import flags, in_blocks, texts, whole, with_columns

POLICY_SCHEMA = pa.schema(
    [
        *[(name, pa.string()) for name in ("subject", "clip_id", "size")],
        *[(n, pa.bool_()) for n in ("config_readable", "card_there", "header_readable", "whole", "no_pickle")],
        ("tensors", pa.float64()),
    ]
)
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")
_LONGEST_HEADER = 100_000_000


def label_facts(labels: pa.Table) -> pa.Table:
    """`labels.parquet` with flags: components known and seen by t0, an accepted label has a cause and words."""
    return in_blocks(labels, _label_facts)


def _label_facts(labels: pa.Table) -> pa.Table:
    rows = labels.select(["moment_id", "t0_us", "components", "status", "trace", "reasons"]).to_pylist()
    accepted = [row["status"] == "accepted" for row in rows]
    return with_columns(
        labels.drop_columns(["components", "reasons"]),
        subject=texts(row["moment_id"] for row in rows),
        **component_flags([(row["t0_us"], row["components"]) for row in rows]),
        accepted_has_cause=flags(not a or bool(r["components"]) for a, r in zip(accepted, rows, strict=True)),
        # a trace that is null is told by `trace_given`
        accepted_has_trace=flags(
            None if r["trace"] is None else not a or bool(r["trace"]) for a, r in zip(accepted, rows, strict=True)
        ),
        rejected_has_reason=flags(r["status"] != "rejected" or bool(r["reasons"]) for r in rows),
    )


def queue_facts(queue: pa.Table) -> pa.Table:
    """`review_queue.parquet` as it is."""
    return with_columns(queue, subject=queue.column("moment_id").combine_chunks())


def sample_facts(samples: pa.Table, files: set[str]) -> pa.Table:
    """`samples.parquet` with flags; `files` are the names of the artifact's files."""
    clip_id, shard = whole(samples, "clip_id"), whole(samples, "shard")
    names = pc.unique(shard)  # few
    there = names.filter(pa.array([f"shards/{name}.safetensors" in files for name in names.to_pylist()], pa.bool_()))
    reasoning = pc.fill_null(pc.greater(pc.binary_length(whole(samples, "reasoning")), 0), False)
    return with_columns(
        samples.drop_columns(["cameras"]),
        subject=whole(samples, "sample_id"),
        cameras=pc.fill_null(pc.list_value_length(whole(samples, "cameras")), 0).cast(pa.float64()),
        place=pc.binary_join_element_wise(shard, whole(samples, "row").cast(pa.string()), ":"),
        shard_there=pc.if_else(pc.is_valid(shard), pc.is_in(shard, there), pa.scalar(None, pa.bool_())),
        reasoning_agrees=pc.equal(pc.fill_null(whole(samples, "has_reasoning"), False), reasoning),
        clip_in_one_split=_in_one_split(clip_id, whole(samples, "split")),
    )


def _in_one_split(clip_id: pa.Array, split: pa.Array) -> pa.Array:
    """Are all samples of a sample's clip in one split? Null is a split of its own."""
    pairs = pa.table({"clip_id": clip_id, "split": split}).group_by(["clip_id", "split"]).aggregate([])
    of_clips = pairs.group_by("clip_id").aggregate([([], "count_all")])
    several = of_clips.filter(pc.greater(of_clips.column("count_all"), 1)).column("clip_id")
    return pc.invert(pc.is_in(clip_id, several.combine_chunks()))


def policy_facts(policy: Artifact) -> pa.Table:
    """One row for each file of weights: can it be opened, and is it as long as its tensors?"""
    names = sorted(policy.manifest.files)
    weights = [name for name in names if name.endswith(".safetensors")]
    common = {
        "config_readable": _is_object(policy, "config.json"),
        "card_there": "MODEL_CARD.md" in names,
        "no_pickle": not any(name.endswith(_PICKLES) for name in names),
    }
    rows = [{"subject": name} | common | _weights(policy, name) for name in weights]
    return pa.Table.from_pylist(rows, schema=POLICY_SCHEMA)


def _is_object(artifact: Artifact, name: str) -> bool:
    if name not in artifact.manifest.files:
        return False
    try:
        return isinstance(json.loads(artifact.path(name).read_text(encoding="utf-8")), dict)
    except (ValueError, RecursionError):
        return False


def _weights(policy: Artifact, name: str) -> dict[str, Any]:
    """The header of a safetensors file: 8 bytes of length, then JSON {name: {dtype, shape, data_offsets}}."""
    path = policy.path(name)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(min(length, _LONGEST_HEADER, size))
    try:
        header = {k: v for k, v in json.loads(text).items() if k != "__metadata__"}
        ends = [int(tensor["data_offsets"][1]) for tensor in header.values()]
        needed = sum(math.prod(t["shape"]) * _BYTES.get(t["dtype"], 1) for t in header.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return {"header_readable": False}
    held = size - 8 - length
    said = f"{name}: {held} bytes of tensors, its header names {needed}"
    whole = held == needed == max(ends, default=0)
    return {"header_readable": True, "tensors": float(len(header)), "whole": whole, "size": said}
