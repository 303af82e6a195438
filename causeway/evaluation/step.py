"""The evaluation steps: a policy and samples become a report; reports become one; a report becomes a decision.

Knows what an artifact of each kind holds. Does not know how a suite is run (`suites`) or formulas. Nothing heavy is
imported here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from causeway.artifacts import Artifact, Writer, step
from causeway.evaluation.suites import SUITES, Data, SuiteConfig, check_data


@dataclass(frozen=True)
class EvaluateConfig(SuiteConfig):
    """Several suites in one report."""

    suites: tuple[str, ...] = ("open-loop",)


@dataclass(frozen=True)
class GateConfig:
    """Which rules: "" or `default`, `stage`, or a file. Resolved to the rules' text, so that the text counts."""

    rules: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        """Put the text in the place of the name: the cache and the record must know what was decided by."""
        from causeway.evaluation.rules import rules_text

        object.__setattr__(self, "rules", rules_text(self.rules))


@step(kind="report")
def evaluate(
    policy: Artifact,
    samples: Artifact | None,
    clips: Artifact | None = None,
    evidence: Artifact | None = None,
    *,
    out: Writer,
    config: EvaluateConfig,
) -> None:
    """Measure a policy with the suites of the config; writes report.json, report.html, values, rollouts and films."""
    _evaluate(policy, Data(samples, clips, evidence), out, config, config.suites)


@step(kind="report")
def evaluate_open_loop(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """Open-loop metrics beside the baselines."""
    _evaluate(policy, Data(samples), out, config, ("open-loop",))


@step(kind="report")
def evaluate_closed_loop(
    policy: Artifact, samples: Artifact | None, clips: Artifact | None = None, *, out: Writer, config: SuiteConfig
) -> None:
    """Rollouts in the built-in world and, where clips are named, by log replay, beside constant velocity.

    Of samples is read how pictures and routes are cut, and which clips were trained on.
    """
    suites = ("closed-loop", "replay") if clips else ("closed-loop",)
    _evaluate(policy, Data(samples, clips), out, config, suites)


@step(kind="report")
def evaluate_reasoning(
    policy: Artifact, samples: Artifact | None, evidence: Artifact | None = None, *, out: Writer, config: SuiteConfig
) -> None:
    """The words: well formed, right, kept; with evidence also how much of them was not there."""
    _evaluate(policy, Data(samples, None, evidence), out, config, ("reasoning",))


@step(kind="report")
def evaluate_faithfulness(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """How much the trajectory depends on the reasoning."""
    _evaluate(policy, Data(samples), out, config, ("faithfulness",))


@step(kind="report")
def measure_latency(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """Milliseconds of an answer, part by part, on this machine."""
    _evaluate(policy, Data(samples), out, config, ("latency",))


@step(kind="report")
def merge_reports(reports: list[Artifact], *, out: Writer) -> None:
    """Reports of one policy become one, parts of a suite its whole.

    UnusableInput when they are of two policies, measure the same twice or lack a part.
    """
    import pyarrow as pa

    from causeway.evaluation.report import merged

    for name in ("values", "rollouts"):
        out.table(name, pa.concat_tables([one.table(name) for one in reports]))
    report = merged(_whole(reports))
    for one in reports:
        for name in (name for name in one.manifest.files if name.startswith("videos/")):
            out.path(name).write_bytes(one.path(name).read_bytes())
    _write(report, out)


def _whole(reports: Sequence[Artifact]) -> list[dict[str, Any]]:
    """The reports, the parts of a suite that was measured in parts joined to one."""
    from causeway.evaluation.report import read_report
    from causeway.evaluation.shards import is_shard, joined

    read = [(read_report(one), one) for one in reports]
    parts = [(report, one) for report, one in read if is_shard(report)]
    whole = [report for report, _ in read if not is_shard(report)]
    if parts:
        seed = parts[0][1].manifest.config.get("seed", 0)
        whole.append(joined([report for report, _ in parts], [one.table("values") for _, one in parts], seed))
    return whole


@step(kind="gate")
def gate(report: Artifact, champion: Artifact | None, *, out: Writer, config: GateConfig) -> None:
    """Hold a report against rules and the champion's report; writes decision.json and its page, refused or not."""
    from causeway.evaluation.gate import decide
    from causeway.evaluation.page.champion_parts import compared
    from causeway.evaluation.page.page import gate_page
    from causeway.evaluation.rules import parse_rules

    candidate, beside = _evaluated(report), _evaluated(champion) if champion else None
    decision = decide(candidate, parse_rules(config.rules), beside, config.seed)
    out.path("decision.json").write_text(json.dumps(decision, indent=1, allow_nan=False) + "\n")
    differs = beside and compared(candidate.report, candidate.values, beside.report, beside.values, config.seed)
    out.path("decision.html").write_text(gate_page(candidate.report, decision, differs or ()), encoding="utf-8")
    verdicts = [rule["verdict"] for rule in decision["rules"]]
    out.count(rules=len(verdicts), failed=verdicts.count("fail"), inconclusive=verdicts.count("inconclusive"))


def _evaluated(artifact: Artifact) -> Any:
    from causeway.evaluation.gate import Evaluated, values_of
    from causeway.evaluation.report import read_report

    return Evaluated(read_report(artifact), values_of(artifact.table("values")))


def _evaluate(policy: Artifact, data: Data, out: Writer, config: SuiteConfig, suites: Sequence[str]) -> None:
    import pyarrow as pa

    from causeway.evaluation.measured import value_table
    from causeway.evaluation.report import build_report
    from causeway.evaluation.training_record import training_of
    from causeway.model import Policy

    check_data(suites, data, config)
    loaded = Policy.load(policy.folder())
    found = {suite: SUITES[suite](loaded, data, config) for suite in dict.fromkeys(suites)}
    measured = [one.measured for one in found.values()]
    for source in (source for one in found.values() for source in one.data["sources"]):
        out.source(source["name"], source["licence"])
    report = build_report(
        measured, {suite: one.data for suite, one in found.items()}, policy.manifest.content_hash, config.seed
    )
    report["training"] = training_of(policy)
    tables = [value_table(one) for one in measured if one.values]
    out.table("values", pa.concat_tables(tables) if tables else [])
    out.table("rollouts", [row for one in found.values() for row in one.rollouts])
    for name, content in (file for one in found.values() for file in one.files.items()):
        out.path(name).write_bytes(content)
    _write(report, out)


def _write(report: dict[str, Any], out: Writer) -> None:
    from causeway.evaluation.page.page import report_page
    from causeway.evaluation.report import FILE_NAME, to_json

    out.path(FILE_NAME).write_text(to_json(report), encoding="utf-8")
    out.path("report.html").write_text(report_page(report), encoding="utf-8")
    out.count(metrics=len(report["metrics"]))
