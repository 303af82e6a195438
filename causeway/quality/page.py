"""The page of a quality report: verdict on top, then what was dropped, then every expectation, then the worst.

Knows how a report is shown in one self-contained file. All text goes through `el`, which escapes it.
"""

from collections.abc import Mapping, Sequence
from importlib import resources

from causeway.artifacts.markup import Markup, el, number, section
from causeway.quality.examples import Example
from causeway.quality.report import Check, QualityReport
from causeway.quality.suites import SUITES

_MOST_BYTES = 900_000
_LISTED = 5
_CONSEQUENCE = {
    "refuse": "refuses the artifact",
    "drop_clip": "drops the clip",
    "drop_row": "drops the row",
    "warn": "warns",
}
_KINDS = {
    "motion": ("Motion", "The clips that fare worst: what the vehicle told of its speed, and what its poses say."),
    "pictures": ("Pictures", "The worst pictures themselves, made smaller."),
    "tracks": ("Tracks", "Objects that cannot be what they are said to be (red), beside the path of the car (blue)."),
}


def quality_page(report: QualityReport, sources: Sequence[Mapping[str, str]], examples: Sequence[Example]) -> str:
    """The whole page; examples that would make it larger than about a megabyte are left out, and that is said."""
    style = resources.files("causeway.quality").joinpath("page.css").read_text(encoding="utf-8")
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"Quality of {report.subject}"),
        el("style", Markup(style)),
    )
    shown, left_out = _within(examples, _MOST_BYTES)
    body = el("body", _verdict(report, sources), _failed(report), _shown(shown, left_out), _suites(report))
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def _within(examples: Sequence[Example], most: int) -> tuple[list[Example], int]:
    kept: list[Example] = []
    size = 0
    for example in examples:
        size += len(example.body)
        if size <= most:
            kept.append(example)
    return kept, len(examples) - len(kept)


def _verdict(report: QualityReport, sources: Sequence[Mapping[str, str]]) -> Markup:
    state = "refused" if not report.passed else "passed" if _nothing_dropped(report) else "dropped"
    words = {"refused": "Refused", "passed": "Passed", "dropped": "Passed, with what is bad left out"}
    said = [f"{source['name']} ({source['licence']})" for source in sources]
    return el(
        "header",
        el("p", f"Quality of {report.subject}", class_="over"),
        el("h1", words[state], class_=state),
        el("p", report.summary, class_="lead"),
        el("p", _left_out(report), class_="lead") if state == "dropped" else None,
        el("p", f"Data: {'; '.join(said)}", class_="small") if said else None,
    )


def _left_out(report: QualityReport) -> str:
    """How much is left out, by what a row stands for."""
    clips = {f.clip_id for check in report.failed("drop_clip") for f in check.failures}
    rows: dict[str, set[tuple[str, int]]] = {}
    for check in report.failed("drop_row"):
        rows.setdefault(check.suite, set()).update((f.clip_id, f.item) for f in check.failures)
    of = {check.suite: number(check.rows) for check in report.checks}
    total = of.get("clips") or of.get("ego")  # suites with one row a clip
    parts = [f"{number(len(clips))}{f' of {total}' if total else ''} clips"] if clips else []
    parts += [f"{number(len(found))} of {of[name]} {name.replace('_', ' ')}" for name, found in rows.items()]
    return f"Left out: {', '.join(parts)}."


def _nothing_dropped(report: QualityReport) -> bool:
    return not report.failed("drop_clip") and not report.failed("drop_row")


def _failed(report: QualityReport) -> Markup | None:
    bad = [check for check in report.checks if not check.passed]
    bad.sort(key=lambda check: list(_CONSEQUENCE).index(check.expectation.on_failure))
    if not bad:
        return None
    return section("What is not as expected", [_finding(check) for check in bad])


def _finding(check: Check) -> Markup:
    e = check.expectation
    listed = [el("li", el("b", f.subject), f" {f.shown}") for f in check.failures[:_LISTED]]
    more = check.unexpected - len(listed)
    if more > 0 and listed:
        listed.append(el("li", f"and {number(more)} more"))
    told = f"{number(check.unexpected)} of {number(check.rows)} rows, each {SUITES[check.suite].row}: {e.why}."
    seen = f", seen {check.observed}" if check.observed else ""
    return el(
        "article",
        el("h3", e.name, " ", el("span", _CONSEQUENCE[e.on_failure], class_=f"mark {e.on_failure}")),
        el("p", f"{told} Expected of {e.column}: {e.wanted}{seen}."),
        el("ul", listed) if listed else None,
    )


def _shown(examples: Sequence[Example], left_out: int) -> list[Markup]:
    parts = []
    for kind, (title, lead) in _KINDS.items():
        figures = [_figure(example) for example in examples if example.kind == kind]
        if figures:
            parts.append(section(title, el("div", figures, class_=f"figures {kind}"), lead=lead))
    if left_out:
        parts.append(el("p", f"{left_out} more are not shown: the page would be too large.", class_="small"))
    return parts


def _figure(example: Example) -> Markup:
    said = [el("li", reason) for reason in dict.fromkeys(example.reasons)]
    return el("figure", el("figcaption", el("b", example.title), el("ul", said)), example.body)


def _suites(report: QualityReport) -> Markup:
    names = list(dict.fromkeys(check.suite for check in report.checks))
    return section("Every expectation", [_suite(report, name) for name in names])


def _suite(report: QualityReport, name: str) -> Markup:
    checks = [check for check in report.checks if check.suite == name]
    rows = [_row(check) for check in checks]
    head = el("tr", [el("th", word) for word in ("", "expectation", "expected", "seen", "violations", "why")])
    bad = sum(not check.passed for check in checks)
    told = f"{bad} of {len(checks)} not met" if bad else f"all {len(checks)} met"
    rows_said = max((check.rows for check in checks), default=0)
    title = el("summary", el("b", name), f" · {number(rows_said)} rows, {SUITES[name].row} each · {told}")
    table = el("div", el("table", el("thead", head), el("tbody", rows)), class_="scroll")
    return el("details", title, table, open="open" if bad else None)


def _row(check: Check) -> Markup:
    e = check.expectation
    if check.passed:
        mark = el("span", "met" if check.rows or e.check == "rows" else "no rows", class_="mark ok")
    else:
        mark = el("span", _CONSEQUENCE[e.on_failure], class_=f"mark {e.on_failure}")
    violations = f"{number(check.unexpected)} of {number(check.rows)}"
    cells = [mark, [el("b", e.name), el("br"), el("code", e.column)], e.wanted, check.observed, violations]
    why = [e.why, el("span", f" ({_CONSEQUENCE[e.on_failure]} when not met)", class_="quiet")]
    return el("tr", [el("td", cell) for cell in [*cells, why]])
