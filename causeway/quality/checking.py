"""validate(table, suite) -> QualityReport, and the same for a whole artifact of any kind.

Knows which facts a suite is held against and how an artifact is measured part by part, so that memory does not grow
with its length. Does not know bounds, facts or Great Expectations.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa

from causeway.artifacts import Artifact
from causeway.artifacts.schemas import SCHEMAS
from causeway.quality.dropping import left_facts
from causeway.quality.engine import check_table
from causeway.quality.expectations import Suite
from causeway.quality.facts import behaviour, learning, results
from causeway.quality.facts.clips import SCHEMAS as CLIP_SCHEMAS
from causeway.quality.facts.clips import Tables, clip_facts
from causeway.quality.facts.evidence import evidence_facts
from causeway.quality.facts.layout import column_facts
from causeway.quality.report import QualityReport, in_one, in_order
from causeway.quality.suites import SUITES_OF_KIND, suite_named, suites_for
from causeway.quality.suites.clips import CLIPS_LEFT
from causeway.quality.suites.layout import COLUMNS

_PART_ROWS = 50_000  # facts held against a suite at a time
_MANY_TABLES = 100


def validate(table: pa.Table, suite: str) -> QualityReport:
    """Check a table of facts (see the suite's columns) against a suite by name.

    UsageError for a name that does not exist or a column that is missing.
    """
    return check_table(table, suite_named(suite))


def quality_of(artifact: Artifact, suite: str = "") -> QualityReport:
    """The report on a whole artifact of any kind; `suite` chooses one of the kind's suites, else all are checked.

    When columns are missing or of another type nothing else can be looked at: the report then ends with them.
    UsageError for a suite that does not exist or is not for this kind; UnusableInput for a file that cannot be read.
    """
    kind = artifact.manifest.kind
    suites = suites_for(kind, suite)
    layout = check_table(column_facts(artifact), COLUMNS)
    if layout.refusals or len(suites) == 1:
        return QualityReport(kind, layout.checks)
    wanted = [s for s in suites if s is not COLUMNS]
    if kind == "clips":
        return _clips_report(artifact, layout, wanted)
    return in_order(in_one(kind, [layout, *_reports(artifact, wanted)]), [s.name for s in suites])


def _reports(artifact: Artifact, suites: list[Suite]) -> Iterator[QualityReport]:
    for suite in suites:
        yield check_table(_FACTS[suite.name](artifact), suite)


def _clips_report(clips: Artifact, layout: QualityReport, wanted: list[Suite]) -> QualityReport:
    """How many clips are left is known when they were held against every other suite."""
    names = [COLUMNS.name, *(s.name for s in wanted)]
    asked = [s for s in SUITES_OF_KIND["clips"] if s is not CLIPS_LEFT] if CLIPS_LEFT in wanted else wanted
    found = in_one("clips", [layout, *_clip_reports(clips, asked)])
    if CLIPS_LEFT in wanted:
        left = check_table(left_facts(found, clips.manifest.counts.get("clips", 0)), CLIPS_LEFT)
        found = QualityReport("clips", tuple(c for c in (*found.checks, *left.checks) if c.suite in names))
    return in_order(found, names)


def _clip_reports(clips: Artifact, suites: list[Suite]) -> Iterator[QualityReport]:
    """Reports on parts of a clips artifact; every part is of whole clips."""
    names = [s.name for s in suites]
    for facts in _parts(clip_facts(clips)):
        if "clips" in names:
            tracks = check_table(facts["tracks"], suite_named("tracks"))
            facts["clips"] = with_unusable_share(facts["clips"], facts["tracks"], tracks)
        for suite in suites:
            known = suite.name == "tracks" and "clips" in names
            yield tracks if known else check_table(facts[suite.name], suite)
    if "clips" in names and clips.manifest.counts.get("clips") == 0:
        yield check_table(_empty_clips(), suite_named("clips"))


def _parts(of_clips: Iterator[Tables]) -> Iterator[Tables]:
    """Facts of several clips together, so that Great Expectations is asked seldom."""
    waiting: list[Tables] = []
    rows = 0
    for tables in of_clips:
        waiting.append(tables)
        rows += sum(table.num_rows for table in tables.values())
        if rows >= _PART_ROWS:
            yield _together(waiting)
            waiting, rows = [], 0
        elif len(waiting) >= _MANY_TABLES:  # small tables take many times the room of their rows
            waiting = [_together(waiting)]
    if waiting:
        yield _together(waiting)


def _together(parts: list[Tables]) -> Tables:
    return {name: pa.concat_tables([part[name] for part in parts]).combine_chunks() for name in parts[0]}


def _empty_clips() -> pa.Table:
    schema = CLIP_SCHEMAS["clips"].append(pa.field("unusable_track_share", pa.float64()))
    return schema.empty_table()


def with_unusable_share(clips: pa.Table, tracks: pa.Table, report: QualityReport) -> pa.Table:
    """Clip facts with the share of each clip's objects that the `tracks` suite drops; null without objects."""
    dropped = {(f.clip_id, f.item) for check in report.failed("drop_row") for f in check.failures}
    bad: dict[str, int] = {}
    for clip_id, _ in dropped:
        bad[clip_id] = bad.get(clip_id, 0) + 1
    counts = tracks.group_by("clip_id").aggregate([("item", "count")]).to_pylist()
    total = {row["clip_id"]: row["item_count"] for row in counts}
    ids = clips.column("clip_id").to_pylist()
    share = [bad.get(i, 0) / total[i] if total.get(i) else None for i in ids]
    return clips.append_column("unusable_track_share", pa.array(share, pa.float64()))


_FACTS: dict[str, Callable[[Artifact], pa.Table]] = {
    "truth": lambda a: behaviour.truth_facts(_table(a, "truth")),
    "meta_actions": lambda a: behaviour.meta_action_facts(_table(a, "meta_actions")),
    "moments": lambda a: behaviour.moment_facts(_table(a, "moments")),
    "evidence": lambda a: evidence_facts(_table(a, "evidence")),
    "labels": lambda a: learning.label_facts(_table(a, "labels")),
    "review_queue": lambda a: learning.queue_facts(_table(a, "review_queue")),
    "samples": lambda a: learning.sample_facts(_table(a, "samples"), set(a.manifest.files)),
    "policy": learning.policy_facts,
    "rollouts": lambda a: results.rollout_facts(_table(a, "rollouts")),
    "report": results.report_facts,
    "values": lambda a: results.value_facts(_table(a, "values")),
    "gate": results.gate_facts,
    "release": results.release_facts,
    "quality": results.quality_facts,
}


def _table(artifact: Artifact, name: str) -> pa.Table:
    """A table in the columns of its schema."""
    return artifact.table(name).select(SCHEMAS[artifact.manifest.kind][name].schema.names)
