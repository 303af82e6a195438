"""Pages: one self-contained HTML file each, for an evaluation report and for a whole run.

Knows the order of the parts. No script, no network, no font of its own: the style sheet and the pictures are inside.
"""

from collections.abc import Mapping
from importlib import resources
from typing import Any

from causeway.artifacts.markup import Markup, el
from causeway.evaluation import run_parts
from causeway.evaluation.report_parts import report_sections, tiles
from causeway.evaluation.run_parts import AnswerCard, LabelCard, RunSummary, StepLine

__all__ = ["AnswerCard", "LabelCard", "RunSummary", "StepLine", "report_page", "run_page"]


def report_page(report: Mapping[str, Any]) -> str:
    """The page of one evaluation report (`report.json` as a dictionary)."""
    says = f"Policy {report['policy'][:12]}, suites: {', '.join(report['suites'])}"
    return _page("Evaluation report", [el("p", says, class_="lead"), tiles(report["metrics"]), report_sections(report)])


def run_page(run: RunSummary) -> str:
    """The page at the end of a run: verdict, answer, data, label, losses, metrics, rules, steps, sources, gaps."""
    gaps = (
        "What the drives could not feed, and what stood in for it: numbers of the built-in world say nothing of a road."
    )
    parts = [
        el("p", run.verdict, class_="lead"),
        run_parts.verdict_band(run.decision),
        tiles(run.report["metrics"]) if run.report else None,
        run_parts.answer_section(run.answer),
        run_parts.lines_section("Trained and evaluated on", run.data),
        run_parts.lines_section("Gaps", run.gaps, gaps),
        run_parts.label_section(run.label),
        run_parts.losses_section(run.losses),
        report_sections(run.report) if run.report else None,
        run_parts.rules_section(run.decision),
        run_parts.steps_section(run.steps),
        run_parts.sources_section(run.sources),
    ]
    return _page(run.title, parts)


def _page(title: str, parts: list[Any]) -> str:
    style = Markup(resources.files("causeway.evaluation").joinpath("page.css").read_text(encoding="utf-8"))
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("style", style),
    )
    return "<!doctype html>\n" + el("html", head, el("body", el("main", el("h1", title), parts)), lang="en") + "\n"
