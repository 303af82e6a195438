"""The quality steps: what passes goes on, what does not is dropped with a reason, or the artifact is refused.

Knows what each consequence of a failed expectation means for an artifact. Does not know the expectations.
"""

import json
import sys
from dataclasses import dataclass

import pyarrow as pa

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import Refused
from causeway.quality.checking import quality_of
from causeway.quality.dropping import Dropped, dropped_by, without
from causeway.quality.examples import examples_of
from causeway.quality.facts.clips import clip_tables
from causeway.quality.page import quality_page
from causeway.quality.report import QualityReport


@dataclass(frozen=True)
class ValidateConfig:
    """Which suite; "" = all of the artifact's kind."""

    suite: str = ""


@step(kind="clips")
def validate_clips(clips: Artifact, *, out: Writer) -> None:
    """Write the clips that meet their suites, without what was dropped of them, and quality.json, quality.html.

    Raises Refused, naming the expectation with its numbers, when a check refuses. A finding is told on stderr; read =
    kept + quarantined counts clips, pictures, tracked objects, lanes, road elements, lights and routes (of a clip that
    goes, the clip alone).
    """
    report = quality_of(clips)
    write_report(report, clips, out)
    tell(report)
    refuse(report)
    dropped = dropped_by(report)
    for clip, tables in clip_tables(clips):
        with out.shard(clip["clip_id"]) as shard:
            if shard is not None:
                _write_clip(shard, clip, tables, dropped)


def _write_clip(shard, clip: dict, tables: dict[str, pa.Table], dropped: Dropped) -> None:  # type: ignore[no-untyped-def]
    verdict = dropped.clips.get(clip["clip_id"])
    if verdict is not None:
        shard.count(read=1)
        shard.quarantine(clip["drive_id"], clip["clip_id"], verdict.reason, verdict.detail)
        return
    kept = without(tables, clip["clip_id"], dropped)
    shard.table("clips", [clip])
    for name, rows in kept.tables.items():
        shard.table(name, rows)
    shard.count(read=1 + kept.read, kept=1 + kept.kept)
    for where, why in kept.dropped:
        shard.quarantine(clip["drive_id"], where, why.reason, why.detail)


def write_report(report: QualityReport, artifact: Artifact, out: Writer) -> None:
    """quality.json and quality.html beside the tables; the page shows the worst of the artifact's data."""
    out.path("quality.json").write_text(json.dumps(report.to_json(), indent=1, sort_keys=True), encoding="utf-8")
    page = quality_page(report, artifact.manifest.sources, examples_of(report, artifact))
    out.path("quality.html").write_text(page, encoding="utf-8")


def tell(report: QualityReport) -> None:
    """One line on stderr for each expectation that something violates."""
    for check in report.checks:
        if not check.passed:
            print(f"quality: {check.expectation.on_failure}: {check.line}", file=sys.stderr, flush=True)


def refuse(report: QualityReport) -> None:
    """Raise Refused with the first refusing check and its numbers, if there is one."""
    if not report.passed:
        raise Refused(f"quality: {report.summary}")


@step(kind="labels")
def validate_labels(labels: Artifact, *, out: Writer, config: ValidateConfig) -> None:
    """Write the labels that pass with their quality report; Refused when a suite refuses."""
    report = quality_of(labels, config.suite)
    write_report(report, labels, out)
    tell(report)
    refuse(report)
    table = labels.table("labels")
    out.table("labels", table)
    out.table("review_queue", labels.table("review_queue"))
    out.count(read=table.num_rows, kept=table.num_rows)


@step(kind="quality")
def validate_artifact(artifact: Artifact, *, out: Writer, config: ValidateConfig) -> None:
    """The report on an artifact of any kind. It is written even when it refuses; the caller reads `passed`."""
    report = quality_of(artifact, config.suite)
    write_report(report, artifact, out)
    tell(report)
