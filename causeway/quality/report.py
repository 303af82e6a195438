"""What a validation found: numbers for programs (JSON) and a page for people (self-contained HTML).

Knows results. Does not know Great Expectations or artifacts.
"""

import html
from dataclasses import asdict, dataclass

from causeway.quality.suites import Expectation


@dataclass(frozen=True)
class Check:
    """One expectation's outcome: `unexpected` of `rows` values violate it; `failing` are their row numbers."""

    expectation: Expectation
    passed: bool
    rows: int
    unexpected: int
    examples: tuple[str, ...] = ()
    failing: tuple[int, ...] = ()

    @property
    def line(self) -> str:
        """The outcome in a sentence, with numbers."""
        e = self.expectation
        bounds = f"{e.low:g} to {e.high:g}" if e.low is not None and e.high is not None else ", ".join(e.values)
        shown = f", for example {', '.join(self.examples)}" if self.examples else ""
        wanted = f" (expected {bounds})" if bounds else ""
        return f"{e.name}: {self.unexpected} of {self.rows} violate {e.column}{wanted}{shown}: {e.why}"


@dataclass(frozen=True)
class QualityReport:
    """All checks of one suite (or of several, joined)."""

    suite: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """True when nothing refuses; dropped rows and warnings do not count against it."""
        return not self.refusals

    @property
    def refusals(self) -> tuple[Check, ...]:
        """Failed checks whose consequence is `refuse`."""
        return tuple(c for c in self.checks if not c.passed and c.expectation.on_failure == "refuse")

    @property
    def summary(self) -> str:
        """The verdict in a sentence: the first refusal with its numbers, or how many checks were met."""
        if self.refusals:
            return self.refusals[0].line
        met = sum(check.passed for check in self.checks)
        return f"{met} of {len(self.checks)} expectations met, none refuses"

    def failing(self, on_failure: str) -> dict[int, list[str]]:
        """Row number -> names of the failed expectations with this consequence."""
        rows: dict[int, list[str]] = {}
        for check in self.checks:
            if not check.passed and check.expectation.on_failure == on_failure:
                for row in check.failing:
                    rows.setdefault(row, []).append(check.expectation.name)
        return rows

    def with_checks(self, checks: tuple[Check, ...]) -> "QualityReport":
        """The same report with further checks."""
        return QualityReport(self.suite, self.checks + checks)

    def to_json(self) -> dict:
        """Plain values; row numbers are cut to the first hundred."""
        checks = []
        for check in self.checks:
            row = asdict(check) | {"failing": list(check.failing[:100]), "examples": list(check.examples)}
            checks.append(row | {"expectation": {**row["expectation"], "values": list(check.expectation.values)}})
        return {"suite": self.suite, "passed": self.passed, "summary": self.summary, "checks": checks}

    def to_html(self) -> str:
        """One page that needs nothing else."""
        rows = "\n".join(_html_row(check) for check in self.checks)
        verdict = f"{'passed' if self.passed else 'refused'}: {self.summary}"
        return _PAGE.format(suite=html.escape(self.suite), verdict=html.escape(verdict), rows=rows)


def _html_row(check: Check) -> str:
    e = check.expectation
    mark = "ok" if check.passed else e.on_failure
    bounds = " … ".join("" if v is None else f"{v:g}" for v in (e.low, e.high)) if e.check == "between" else ""
    cells = [mark, e.name, e.column, bounds or ", ".join(e.values) or e.check]
    cells += [f"{check.unexpected} of {check.rows}", ", ".join(check.examples), e.why]
    return f'<tr class="{mark}">' + "".join(f"<td>{html.escape(str(c))}</td>" for c in cells) + "</tr>"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Quality: {suite}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #1d2733; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .35rem .6rem; border-bottom: 1px solid #dfe5ec; vertical-align: top; }}
.ok td:first-child {{ color: #1a7f4b; }} .warn td:first-child {{ color: #a66a00; }}
.refuse td:first-child, .drop_clip td:first-child, .drop_row td:first-child {{ color: #b3261e; font-weight: 600; }}
</style>
<h1>Quality of {suite}</h1><p>{verdict}</p>
<table><tr><th>result</th><th>expectation</th><th>column</th><th>expected</th><th>violations</th>
<th>examples</th><th>why</th></tr>
{rows}
</table></html>
"""
