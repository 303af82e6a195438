"""The parts of a page that show a whole run: verdict, answer, label, rules, steps, sources, gaps.

Knows `RunSummary`, which whoever ran the loop fills in. Does not read artifacts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from causeway.artifacts.markup import Markup, el, number, picture, section, table
from causeway.evaluation.page import wording

VERDICTS = {"promote": ("good", "Promoted"), "refuse": ("bad", "Refused"), "inconclusive": ("doubt", "Not decided")}
_PILLS = {"pass": "good", "fail": "bad", "inconclusive": "doubt"}


@dataclass(frozen=True)
class StepLine:
    """One step of a run: what it made, how much, how long, and whether it was `done` now or `kept` from before."""

    name: str
    kind: str
    counts: Mapping[str, int]
    seconds: float
    status: str = "done"


@dataclass(frozen=True)
class LabelCard:
    """One label with what it rests on. `components` and `evidence` are rows of (name, value) or more columns."""

    picture: bytes  # JPEG
    trace: str
    decision: tuple[str, str]
    components: Sequence[Mapping[str, Any]] = ()
    evidence: Sequence[tuple[str, str]] = ()
    critic_score: float | None = None
    moment: str = ""
    status: str = ""


@dataclass(frozen=True)
class AnswerCard:
    """What the served policy answered to one question."""

    picture: bytes  # JPEG with the predicted path drawn in
    decision: tuple[str, str]
    reasoning: str
    waypoints: Sequence[Sequence[float]]  # x, y (m) in the rig frame, the first few
    timing_ms: Mapping[str, float]
    sample: str = ""
    policy_version: str = ""


@dataclass(frozen=True)
class RunSummary:
    """Everything the page of a whole run shows. `report` and `decision` are report.json and decision.json."""

    title: str
    verdict: str  # one sentence under the title
    steps: Sequence[StepLine] = ()
    data: Sequence[str] = ()  # what was trained and evaluated on which data, line by line
    losses: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)  # stage -> (step, loss)
    report: Mapping[str, Any] | None = None
    decision: Mapping[str, Any] | None = None
    label: LabelCard | None = None
    answer: AnswerCard | None = None
    sources: Sequence[Mapping[str, str]] = ()  # {name, licence}
    cost: tuple[Sequence[str], Sequence[Sequence[Any]], Sequence[str]] = ((), (), ())  # as `cost_section` has it
    gaps: Sequence[str] = ()  # what the drives could not feed, and what ran on the built-in world instead


def verdict_band(decision: Mapping[str, Any] | None) -> Markup | None:
    """The decision, on top: what, and for each rule that did not pass why."""
    if decision is None:
        return None
    class_, word = VERDICTS[decision["decision"]]
    rules = decision["rules"]
    against = [rule for verdict in ("fail", "inconclusive") for rule in rules if rule["verdict"] == verdict]
    listed = [el("li", el("b", rule_title(rule)), f": {rule['detail']}") for rule in against[:_LISTED]]
    if len(against) > _LISTED:
        listed.append(el("li", f"{len(against) - _LISTED} more, in the table of rules below"))
    judged = [rule for rule in decision["rules"] if rule["verdict"] != "skipped"]
    count = f"{sum(rule['verdict'] == 'pass' for rule in judged)} of {len(judged)} rules pass"
    return el(
        "div", el("strong", f"{word} by the gate"), el("p", count), el("ul", listed) if listed else None,
        class_=f"verdict {class_}",
    )  # fmt: skip


def no_verdict() -> Markup:
    """In the place of a verdict where nobody has decided."""
    says = "These are measurements. The gate holds them against rules and a champion; its page has the verdict."
    return el("div", el("strong", "No verdict on this page"), el("p", says), class_="verdict plain")


def rule_title(rule: Mapping[str, Any]) -> str:
    """A rule in the words of the metric tables; its own name where they have none."""
    metric, op = rule.get("metric", ""), rule.get("op", "")
    suite = wording.suite_of(metric)
    if metric not in wording.WORDS[suite] or op not in _SIGNS:
        return str(rule["name"])
    other = str(rule["name"]).removeprefix(f"{metric} {op} ")
    for baseline, says in wording.BASELINES.items():
        other = other.replace(f"{baseline}/{metric}", f"that of {says}")
    return f"{suite}: {wording.alone(suite, metric)} {_SIGNS[op]} {other}"


_SIGNS = {"<=": "≤", ">=": "≥"}
_LISTED = 6  # rules that a verdict names; failed ones come first


def answer_section(answer: AnswerCard | None) -> Markup | None:
    """The question that was asked of the running server and its answer."""
    if answer is None:
        return None
    way = " ".join(f"({round(p[0], 2) + 0.0:.2f}, {round(p[1], 2) + 0.0:.2f})" for p in answer.waypoints)
    times = ", ".join(f"{name} {value:.0f}" for name, value in answer.timing_ms.items())
    facts = [
        ("decision", " / ".join(answer.decision)),
        ("first waypoints", f"{way} metres ahead and to the left, 0.1 s apart"),
        ("milliseconds", times),
        ("sample", answer.sample),
        ("policy", answer.policy_version[:12]),
    ]
    return section(
        "The served answer",
        el(
            "div",
            el("figure", picture(answer.picture, "camera picture with the predicted path"), el("figcaption", _ORANGE)),
            el("div", el("blockquote", answer.reasoning or "(no words)"), _facts(facts)),
            class_="pair",
        ),
        lead="One question over gRPC to the KServe server that this run started.",
    )


_ORANGE = "The predicted path for the next 6.4 s, drawn on the ground plane."


def _facts(pairs: Sequence[tuple[str, str]]) -> Markup:
    return el("dl", [(el("dt", name), el("dd", value)) for name, value in pairs if value])


def _columns(pairs: Sequence[tuple[str, str]]) -> Markup:
    return el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in pairs], class_="wide")


def label_section(label: LabelCard | None) -> Markup | None:
    """One label with its evidence: only what was observable at its moment."""
    if label is None:
        return None
    score = None if label.critic_score is None else number(label.critic_score)
    facts = [
        ("decision", " / ".join(label.decision)),
        ("critic score", score or ""),
        ("status", label.status),
        ("moment", label.moment),
    ]
    columns = list(dict.fromkeys(name for row in label.components for name in row))
    causes = [[row.get(name, "") for name in columns] for row in label.components]
    return section(
        "One label and its evidence",
        el(
            "div",
            el("figure", picture(label.picture, "camera picture at the moment")),
            el("div", el("blockquote", label.trace, class_="label"), _facts(facts)),
            class_="pair",
        ),
        [el("h3", "Causes"), table(columns, causes)] if causes else None,
        [el("h3", "Evidence at t0"), _columns(label.evidence)] if label.evidence else None,
        lead="A label may cite only what was observable at its moment; this is all the labeller was shown.",
    )


def rules_section(decision: Mapping[str, Any] | None) -> Markup | None:
    """Every rule with its numbers and verdict."""
    if decision is None:
        return None
    rows = [
        [
            el("span", rule["verdict"], class_=f"pill {_PILLS.get(rule['verdict'], 'plain')}"),
            [el("b", rule_title(rule)), el("span", rule["detail"], class_="note")],
            rule["why"],
        ]
        for rule in decision["rules"]
    ]
    return section("The gate, rule by rule", table(["verdict", "rule and numbers", "why"], rows, class_="rules"))


def steps_section(steps: Sequence[StepLine]) -> Markup | None:
    """What ran, what was kept, how long."""
    if not steps:
        return None
    rows = [
        [
            s.name,
            s.kind,
            ", ".join(f"{value:,} {name}" for name, value in s.counts.items()),
            f"{s.seconds:.1f}",
            s.status,
        ]
        for s in steps
    ]
    total = f"{len(steps)} steps, {sum(s.seconds for s in steps if s.status == 'done'):.0f} s of work"
    return section("Steps", table(["step", "makes", "counts", "s", ""], rows, numbers=(3,)), lead=total)


def cost_section(heads: Sequence[str], rows: Sequence[Sequence[Any]], missing: Sequence[str] = ()) -> Markup | None:
    """Processor and GPU hours of each step, and what they come to where there are prices; `missing`: lines on what is
    not in them."""
    lead = "What the runs that led here used. Steps that were found done used next to nothing again."
    numbers = tuple(range(1, len(heads)))
    found = table(list(heads), [list(row) for row in rows], numbers=numbers) if rows else None
    left_out = el("ul", [el("li", line) for line in missing], class_="lines") if missing else None
    return section("Cost", found, left_out, lead=lead) if rows or missing else None


def lines_section(title: str, lines: Sequence[str], lead: str | None = None) -> Markup | None:
    """A titled list; nothing when there is nothing to say."""
    return section(title, el("ul", [el("li", line) for line in lines], class_="lines"), lead=lead) if lines else None


def sources_section(sources: Sequence[Mapping[str, str]]) -> Markup | None:
    """Whose data this is."""
    rows = [[source["name"], source["licence"]] for source in sources]
    return section("Sources and licences", table(["source", "licence"], rows)) if rows else None
