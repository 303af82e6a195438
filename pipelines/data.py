"""The data pipeline: drives become training samples."""

from kfp import dsl

from components.build_features import build_features
from components.build_samples import build_samples
from components.extract_meta_actions import extract_meta_actions
from components.find_moments import find_moments
from components.ingest import ingest
from components.label_moments import label_moments
from components.merge_labels import merge_labels
from components.queue_review import queue_review
from components.validate_clips import validate_clips
from components.validate_labels import validate_labels
from pipelines.placement import LEDGER, fan_out, place_tasks

LABELLING = fan_out("label_moments")


@dsl.pipeline(name="causeway-data", description="Drives become training samples")
def data(
    root: str,
    drives: str,
    layout: str = "auto",
    teacher: str = "rules",
    corrections: str = "",
    critic: str = "",
    in_flight: int = 16,
    budget_calls: int = 0,
    budget_tokens: int = 0,
    budget_money: float = 0.0,
    price_in: float = 0.0,
    price_out: float = 0.0,
    ledger: str = LEDGER,
    cameras: str = "front_wide,front_tele",
    height: int = 128,
    width: int = 192,
    route_points: int = 0,
) -> dsl.Artifact:
    """ingest → validate → meta actions → moments → features → labels (fan-out) → review → validate → samples.

    `teacher` and `critic` as `causeway label` takes them; budgets are for each of the label tasks. `cameras` (with
    commas), `height`, `width` and `route_points` are what a sample holds.
    """
    raw = ingest(root=root, drives=drives, layout=layout)
    clips = validate_clips(clips=raw.outputs["clips"], root=root).outputs["passed"]
    meta = extract_meta_actions(clips=clips, root=root).outputs["meta"]
    moments = find_moments(meta=meta, clips=clips, root=root).outputs["moments"]
    evidence = build_features(moments=moments, clips=clips, root=root).outputs["evidence"]
    with dsl.ParallelFor(items=list(range(LABELLING.shards)), parallelism=LABELLING.at_once) as shard:
        labelled = label_moments(
            evidence=evidence,
            clips=clips,
            root=root,
            teacher=teacher,
            shard=shard,
            shards=LABELLING.shards,
            critic=critic,
            in_flight=in_flight,
            budget_calls=budget_calls,
            budget_tokens=budget_tokens,
            budget_money=budget_money,
            price_in=price_in,
            price_out=price_out,
            ledger=ledger,
        )
    merged = merge_labels(labels=dsl.Collected(labelled.outputs["labels"]), root=root)
    merged_labels = merged.outputs["merged"]
    reviewed = queue_review(labels=merged_labels, evidence=evidence, clips=clips, root=root, corrections=corrections)
    labels = validate_labels(labels=reviewed.outputs["reviewed"], root=root).outputs["passed"]
    samples = build_samples(
        labels=labels,
        clips=clips,
        root=root,
        cameras=cameras,
        height=height,
        width=width,
        route_points=route_points,
    )
    place_tasks()
    return samples.outputs["samples"]
