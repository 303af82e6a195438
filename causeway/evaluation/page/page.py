"""Pages: one self-contained HTML file each, for an evaluation report, for a gate's decision and for a whole run.

Knows the order of the parts. No script, no network, no font of its own: the style sheet and the pictures are inside.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from causeway.artifacts.markup import Markup, el
from causeway.evaluation.page import run_parts
from causeway.evaluation.page.champion_parts import champion_section
from causeway.evaluation.page.first_parts import failures_section
from causeway.evaluation.page.report_parts import about_line, all_numbers, report_sections, tiles
from causeway.evaluation.page.run_parts import AnswerCard, LabelCard, RunSummary, StepLine
from causeway.evaluation.page.training_parts import losses_section, training_section

__all__ = ["AnswerCard", "LabelCard", "RunSummary", "StepLine", "gate_page", "report_page", "run_page"]


def report_page(report: Mapping[str, Any]) -> str:
    """The page of one evaluation report (`report.json` as a dictionary)."""
    return _page("Evaluation report", _report_parts(report, run_parts.no_verdict(), None, None))


def gate_page(report: Mapping[str, Any], decision: Mapping[str, Any], beside: Sequence[dict[str, Any]] = ()) -> str:
    """The page of a decision: its verdict on top of the report. beside: what differs from the champion (`compared`)."""
    champion = champion_section(list(beside), str(decision["champion"])) if decision["champion"] else None
    rules = run_parts.rules_section(decision)
    return _page("Release decision", _report_parts(report, run_parts.verdict_band(decision), champion, rules))


def _report_parts(
    report: Mapping[str, Any], verdict: Markup | None, champion: Markup | None, rules: Markup | None
) -> list[Any]:
    return [
        el("p", about_line(report), class_="lead"),
        verdict,
        failures_section(report),
        tiles(report["metrics"]),
        champion,
        report_sections(report, champion is not None),
        training_section(report.get("training")),
        rules,
        all_numbers(report["metrics"]),
    ]


def run_page(run: RunSummary) -> str:
    """The page at the end of a run: verdict, answer, data, label, losses, metrics, rules, steps, cost, sources."""
    gaps = (
        "What the drives could not feed, and what stood in for it: numbers of the built-in world say nothing of a road."
    )
    parts = [
        el("p", run.verdict, class_="lead"),
        run_parts.verdict_band(run.decision),
        failures_section(run.report) if run.report else None,
        tiles(run.report["metrics"]) if run.report else None,
        run_parts.answer_section(run.answer),
        run_parts.lines_section("Trained and evaluated on", run.data),
        run_parts.lines_section("Gaps", run.gaps, gaps),
        run_parts.label_section(run.label),
        training_section(run.report["training"]) if run.report and run.report.get("training") else None,
        losses_section({} if run.report and run.report.get("training") else run.losses),
        report_sections(run.report) if run.report else None,
        run_parts.rules_section(run.decision),
        all_numbers(run.report["metrics"]) if run.report else None,
        run_parts.steps_section(run.steps),
        run_parts.cost_section(*run.cost),
        run_parts.sources_section(run.sources),
    ]
    return _page(run.title, parts)


def _page(title: str, parts: list[Any]) -> str:
    style = Markup(resources.files("causeway.evaluation.page").joinpath("page.css").read_text(encoding="utf-8"))
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", title),
        el("style", style),
    )
    return "<!doctype html>\n" + el("html", head, el("body", el("main", el("h1", title), parts)), lang="en") + "\n"
