"""What failed expectations mean for the rows of a clip: which rows go, and what quarantine says of them.

Knows which rows of which table a suite's facts stand for. Does not know expectations.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from causeway.quality.facts.clips import Tables
from causeway.quality.facts.tracks import track_names
from causeway.quality.report import Check, Failure, QualityReport

# Suites whose rows stand for rows of the table of the same name; `tracks` has one for all rows of an object.
ROW_SUITES = ("frames", "lanes", "road_elements", "signals", "route")


@dataclass(frozen=True)
class Verdict:
    """Of one failed thing: names of the expectations and the reasons in words, each once and in order."""

    names: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    subject: str = ""

    def add(self, check: Check, failure: Failure) -> "Verdict":
        """The verdict with one more failure."""
        if check.expectation.name in self.names:
            return self
        names, reasons = [*self.names, check.expectation.name], [*self.reasons, check.reason_of(failure)]
        return Verdict(names, reasons, self.subject or failure.subject)

    @property
    def reason(self) -> str:
        """The names, for whoever counts."""
        return ", ".join(self.names)

    @property
    def detail(self) -> str:
        """The reasons, for whoever reads."""
        return "; ".join(self.reasons)


@dataclass(frozen=True)
class Dropped:
    """Clips that go, by id; rows that go, by suite, clip and place among the clip's facts."""

    clips: dict[str, Verdict]
    rows: dict[tuple[str, str], dict[int, Verdict]]

    def of(self, suite: str, clip_id: str) -> dict[int, Verdict]:
        """Places of a clip's facts of a suite that go."""
        return self.rows.get((suite, clip_id), {})


def dropped_by(report: QualityReport) -> Dropped:
    """What the failed expectations of a clips report drop."""
    clips: dict[str, Verdict] = {}
    rows: dict[tuple[str, str], dict[int, Verdict]] = {}
    for check in report.failed("drop_clip"):
        for failure in check.failures:
            clips[failure.clip_id] = clips.get(failure.clip_id, Verdict()).add(check, failure)
    for check in report.failed("drop_row"):
        for failure in check.failures:
            places = rows.setdefault((check.suite, failure.clip_id), {})
            places[failure.item] = places.get(failure.item, Verdict()).add(check, failure)
    return Dropped(clips, rows)


def left_facts(report: QualityReport, clips: int) -> pa.Table:
    """One row: the share of `clips` that a report on them drops, and in words how many and mostly why; null of none."""
    dropped = len(dropped_by(report).clips)
    told = f"{dropped} of {clips} clips would be dropped"
    if dropped:
        worst = max(report.failed("drop_clip"), key=lambda check: len({f.clip_id for f in check.failures}))
        told += f", most of them for {worst.line}"
    share = pa.array([dropped / clips if clips else None], pa.float64())
    return pa.table({"subject": ["all clips"], "dropped_share": share, "told": [told]})


@dataclass(frozen=True)
class Kept:
    """A clip's tables without what was dropped, how many things were read and kept, and (where, verdict) of the rest.

    A thing is a row, but of tracks it is an object with all its rows.
    """

    tables: Tables
    read: int
    kept: int
    dropped: list[tuple[str, Verdict]]


def without(tables: Mapping[str, pa.Table], clip_id: str, dropped: Dropped) -> Kept:
    """The tables of a clip that stays, without the rows that go."""
    left: Tables = dict(tables)
    gone: list[tuple[str, Verdict]] = []
    read = 0
    for name in ROW_SUITES:
        bad = dropped.of(name, clip_id)
        read += tables[name].num_rows
        gone += [(verdict.subject, verdict) for _, verdict in sorted(bad.items())]
        if bad:
            left[name] = tables[name].filter(pa.array(~np.isin(np.arange(tables[name].num_rows), list(bad))))
    names, of_row = track_names(tables["tracks"])
    bad = dropped.of("tracks", clip_id)
    read += len(names)
    gone += [(f"{clip_id} track {names[place]}", verdict) for place, verdict in sorted(bad.items())]
    if bad:
        left["tracks"] = tables["tracks"].filter(pa.array(~np.isin(of_row, list(bad))))
    return Kept(left, read, read - len(gone), gone)
