"""The quality steps: clips and labels that pass go on, what does not is dropped with a reason or refused.

Knows what each consequence of a failed expectation means for an artifact. Does not know the expectations.
"""

import json
import sys
from dataclasses import dataclass

from causeway.artifacts import Artifact, Writer, step
from causeway.artifacts.schemas import tables_of
from causeway.clips.access import clips_of, rows_of_clip
from causeway.errors import Refused
from causeway.quality.facts import clip_facts, label_facts
from causeway.quality.picture_facts import picture_facts
from causeway.quality.report import QualityReport
from causeway.quality.validate import quality_of, validate


@dataclass(frozen=True)
class QualityConfig:
    """When too little is left."""

    max_dropped_share: float = 0.5  # of the clips; more dropped means that the source is at fault, not the clips


@dataclass(frozen=True)
class ValidateConfig:
    """Which suite; "" = the one for the artifact's kind."""

    suite: str = ""


@step(kind="clips")
def validate_clips(clips: Artifact, *, out: Writer, config: QualityConfig) -> None:
    """Write the clips that meet the `clips` suite, pictures that meet `frames`, and quality.json, quality.html.

    Raises Refused, naming the expectation with its numbers, when a check refuses or more than `max_dropped_share` of
    the clips would be dropped.
    """
    facts = clip_facts(clips)
    report = validate(facts, "clips")
    pictures = picture_facts(clips)
    picture_report = validate(pictures, "frames")
    ids = facts.column("clip_id").to_pylist()
    dropped = {ids[row]: reasons for row, reasons in report.failing("drop_clip").items()}
    keys = pictures.column("key").to_pylist()
    bad_pictures = {keys[row]: reasons for row, reasons in picture_report.failing("drop_row").items()}
    whole = report.with_checks(picture_report.checks)
    write_report(whole, out)
    refuse(whole)
    _refuse_if_little_is_left(report, len(dropped), len(ids), config.max_dropped_share)
    for check in whole.checks:
        if not check.passed:
            line = f"validate_clips: {check.expectation.on_failure}: {check.line}"
            print(line, file=sys.stderr, flush=True)
    for clip_id in sorted(clips_of(clips)):
        with out.shard(clip_id) as shard:
            if shard is None:
                continue
            if clip_id in dropped:
                shard.count(read=1)
                shard.quarantine(_source_of(clips, clip_id), clip_id, "quality", ", ".join(dropped[clip_id]))
                continue
            _copy_clip(clips, clip_id, bad_pictures, shard)


def _copy_clip(clips: Artifact, clip_id: str, bad_pictures: dict[str, list[str]], shard) -> None:  # type: ignore[no-untyped-def]
    for name in tables_of("clips"):
        if name not in ("quarantine", "frames"):
            shard.table(name, rows_of_clip(clips, name, clip_id))
    frames = rows_of_clip(clips, "frames", clip_id)
    columns = (frames.column(name).to_pylist() for name in ("camera", "t_us"))
    keys = [f"{clip_id} {camera} {t_us}" for camera, t_us in zip(*columns, strict=True)]
    kept = [row for row, key in enumerate(keys) if key not in bad_pictures]
    shard.table("frames", frames.take(kept))
    shard.count(read=1 + len(keys), kept=1 + len(kept))
    for key in keys:
        if key in bad_pictures:
            shard.quarantine(clip_id, key, "quality", ", ".join(bad_pictures[key]))


def _source_of(clips: Artifact, clip_id: str) -> str:
    return clips_of(clips)[clip_id].drive_id


def _refuse_if_little_is_left(report: QualityReport, dropped: int, clips: int, share: float) -> None:
    if dropped <= share * clips:
        return
    worst = max(
        (c for c in report.checks if not c.passed and c.expectation.on_failure == "drop_clip"),
        key=lambda check: check.unexpected,
    )
    raise Refused(f"quality: {dropped} of {clips} clips would be dropped (at most {share:.0%}); {worst.line}")


def write_report(report: QualityReport, out: Writer) -> None:
    """quality.json and quality.html beside the tables."""
    out.path("quality.json").write_text(json.dumps(report.to_json(), indent=1, sort_keys=True))
    out.path("quality.html").write_text(report.to_html())


def refuse(report: QualityReport) -> None:
    """Raise Refused with the first refusing check and its numbers, if there is one."""
    if not report.passed:
        more = len(report.refusals) - 1
        rest = f" (and {more} more)" if more else ""
        raise Refused(f"quality: {report.refusals[0].line}{rest}")


@step(kind="labels")
def validate_labels(labels: Artifact, *, out: Writer, config: ValidateConfig) -> None:
    """Write the labels as they are, with their quality report; Refused when the suite refuses."""
    table = labels.table("labels")
    report = validate(label_facts(table), config.suite or "labels")
    write_report(report, out)
    refuse(report)
    out.table("labels", table)
    out.count(read=table.num_rows, kept=table.num_rows)


@step(kind="quality")
def validate_artifact(artifact: Artifact, *, out: Writer, config: ValidateConfig) -> None:
    """The report on an artifact of any kind. It is written even when it refuses; the caller reads `passed`."""
    write_report(quality_of(artifact, config.suite), out)
