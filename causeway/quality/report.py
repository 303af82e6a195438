"""What a validation found: outcomes of expectations, joined over parts of an artifact, as numbers for programs.

Knows results. Does not know Great Expectations, artifacts or how a page looks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from causeway.quality.expectations import Expectation

_TOLD = 3  # examples in a sentence
_KEPT = 50  # worst violations kept where nothing is dropped for them
_LISTED = 100  # violations in the JSON


class Failure(NamedTuple):
    """One violation: what it is of, its clip and its place among the clip's facts, the value in words, how bad."""

    subject: str
    clip_id: str
    item: int
    shown: str
    excess: float


@dataclass(frozen=True)
class Check:
    """One expectation's outcome over `rows` rows of which `unexpected` violate it; `failures` are worst first.

    All violations are there when something is dropped for them, else the worst only. `lowest` and `highest` are the
    values seen (of numbers); `nearest` is the row that came closest to a bound.
    """

    suite: str
    expectation: Expectation
    rows: int
    unexpected: int
    failures: tuple[Failure, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    nearest: Failure | None = None

    @property
    def passed(self) -> bool:
        """True when nothing violates it."""
        return self.unexpected == 0

    @property
    def observed(self) -> str:
        """What was seen, in words; "" where there is nothing to say."""
        if self.lowest is None or self.highest is None:
            return ""
        low, high = f"{self.lowest:.3g}", f"{self.highest:.3g}"
        return (low if low == high else f"{low} to {high}") + (f" {self.expectation.unit}".rstrip())

    @property
    def line(self) -> str:
        """The outcome in a sentence, with numbers."""
        e = self.expectation
        if e.check == "rows":
            return f"{e.name}: {self.rows} rows, {e.wanted} expected: {e.why}"
        shown = ", ".join(f"{f.subject}: {f.shown}" for f in self.failures[:_TOLD])
        example = f", for example {shown}" if shown else ""
        return f"{e.name}: {self.unexpected} of {self.rows} violate {e.column} (expected {e.wanted}){example}: {e.why}"

    def reason_of(self, failure: Failure) -> str:
        """Why one row was dropped, as a person reads it in quarantine."""
        e = self.expectation
        if e.check != "true":
            return f"{e.why} ({failure.shown}, expected {e.wanted})"
        return f"{e.why} ({failure.shown})" if e.about else e.why


def joined(one: Check, other: Check) -> Check:
    """The outcome over the rows of both."""
    ends = [c for c in (one, other) if c.lowest is not None and c.highest is not None]
    failures = sorted((*one.failures, *other.failures), key=lambda f: -f.excess)
    if one.expectation.on_failure in ("warn", "refuse"):
        failures = failures[:_KEPT]
    rows = one.rows + other.rows
    unexpected = one.unexpected + other.unexpected
    if one.expectation.check == "rows":
        unexpected = int(rows < (one.expectation.low or 0))
    return replace(
        one,
        rows=rows,
        unexpected=unexpected,
        failures=tuple(failures),
        lowest=min((c.lowest for c in ends if c.lowest is not None), default=None),
        highest=max((c.highest for c in ends if c.highest is not None), default=None),
        nearest=max((c.nearest for c in (one, other) if c.nearest), key=lambda f: f.excess, default=None),
    )


@dataclass(frozen=True)
class QualityReport:
    """All checks of one artifact or table."""

    subject: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True when nothing refuses; dropped rows and warnings do not count against it."""
        return not self.refusals

    @property
    def refusals(self) -> tuple[Check, ...]:
        """Failed checks whose consequence is `refuse`."""
        return self.failed("refuse")

    def failed(self, on_failure: str) -> tuple[Check, ...]:
        """Failed checks with a consequence, in order."""
        return tuple(c for c in self.checks if not c.passed and c.expectation.on_failure == on_failure)

    def check(self, name: str) -> Check:
        """The check of an expectation by its name; KeyError where there is none."""
        return {c.expectation.name: c for c in self.checks}[name]

    @property
    def summary(self) -> str:
        """The verdict in a sentence: the first refusal with its numbers, or how many checks were met."""
        if self.refusals:
            more = len(self.refusals) - 1
            rest = f" (and {more} more)" if more else ""
            return f"{self.refusals[0].line}{rest}"
        met = sum(check.passed for check in self.checks)
        dropping = len(self.failed("drop_row")) + len(self.failed("drop_clip"))
        warned = len(self.failed("warn"))
        parts = [f"{met} of {len(self.checks)} expectations met, none refuses"]
        parts += [f"{dropping} drop something"] if dropping else []
        parts += [f"{warned} warn"] if warned else []
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Plain values; violations are cut to the first hundred of each check."""
        checks = [_check_json(check) for check in self.checks]
        return {"subject": self.subject, "passed": self.passed, "summary": self.summary, "checks": checks}


def _rounded(value: float | None) -> float | None:
    """Six digits: the last bits of a sum are the processor's, and a report is hashed by its bytes."""
    return None if value is None else float(f"{value:.6g}")


def _check_json(check: Check) -> dict[str, Any]:
    e = check.expectation
    return {
        "suite": check.suite,
        "expectation": asdict(e) | {"values": list(e.values)},
        "passed": check.passed,
        "rows": check.rows,
        "unexpected": check.unexpected,
        "lowest": _rounded(check.lowest),
        "highest": _rounded(check.highest),
        "failures": [f._asdict() | {"excess": _rounded(f.excess)} for f in check.failures[:_LISTED]],
    }


def in_one(subject: str, reports: Iterable[QualityReport]) -> QualityReport:
    """One report of several: checks of the same suite and name are joined, in the order they first came."""
    found: dict[tuple[str, str], Check] = {}
    for report in reports:
        for check in report.checks:
            key = (check.suite, check.expectation.name)
            found[key] = joined(found[key], check) if key in found else check
    return QualityReport(subject, tuple(found.values()))


def in_order(report: QualityReport, suites: Sequence[str]) -> QualityReport:
    """The same checks in the order of the suites named."""
    return QualityReport(report.subject, tuple(sorted(report.checks, key=lambda c: suites.index(c.suite))))
