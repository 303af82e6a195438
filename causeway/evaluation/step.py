"""The evaluation steps: a policy and samples become a report; reports become one; a report becomes a decision.

Knows which suite needs what and what an artifact of each kind holds. Does not know formulas. Nothing heavy is imported
here: the suites are fetched when a step runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causeway.artifacts import Artifact, Writer, step
from causeway.errors import UsageError

if TYPE_CHECKING:
    from causeway.evaluation.answers import Answering, AskConfig
    from causeway.evaluation.measured import Measured
    from causeway.model.observation import Sample


@dataclass(frozen=True)
class SuiteConfig:
    """How a suite is run; each suite reads what concerns it."""

    split: str = "test"  # where it holds no sample: test, val, train, in this order, and the report says so
    limit: int = 0  # at most so many samples, spread over the split; 0 = all
    samples_per_moment: int = 6  # open loop
    scenes: int = 4  # closed loop: scenes in all, the scenarios in turn
    calls: int = 30  # latency
    seed: int = 0
    batch: int = 8  # samples of one question; fixed by sample order, so it never changes an answer
    deadline_s: float = 60.0  # an answer to a batch that takes longer has failed


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
def evaluate(policy: Artifact, samples: Artifact | None, *, out: Writer, config: EvaluateConfig) -> None:
    """Measure a policy with the suites of the config; writes report.json, report.html, values and rollouts."""
    _evaluate(policy, samples, out, config, config.suites)


@step(kind="report")
def evaluate_open_loop(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """Open-loop metrics beside the baselines."""
    _evaluate(policy, samples, out, config, ("open-loop",))


@step(kind="report")
def evaluate_closed_loop(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """Rollouts in the built-in world beside constant velocity; samples are not read."""
    _evaluate(policy, samples, out, config, ("closed-loop",))


@step(kind="report")
def evaluate_reasoning(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """The words: well formed, right, kept."""
    _evaluate(policy, samples, out, config, ("reasoning",))


@step(kind="report")
def evaluate_faithfulness(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """How much the trajectory depends on the reasoning."""
    _evaluate(policy, samples, out, config, ("faithfulness",))


@step(kind="report")
def measure_latency(policy: Artifact, samples: Artifact | None, *, out: Writer, config: SuiteConfig) -> None:
    """Milliseconds of an answer, part by part, on this machine."""
    _evaluate(policy, samples, out, config, ("latency",))


@step(kind="report")
def merge_reports(reports: list[Artifact], *, out: Writer) -> None:
    """Reports of one policy become one; UnusableInput when they are of two policies or measure the same twice."""
    import pyarrow as pa

    from causeway.evaluation.report import merged, read_report

    report = merged([read_report(one) for one in reports])
    for name in ("values", "rollouts"):
        out.table(name, pa.concat_tables([one.table(name) for one in reports]))
    _write(report, out)


@step(kind="gate")
def gate(report: Artifact, champion: Artifact | None, *, out: Writer, config: GateConfig) -> None:
    """Hold a report against rules and the champion's report; writes decision.json and never raises for a refusal."""
    from causeway.evaluation.gate import decide
    from causeway.evaluation.rules import parse_rules

    decision = decide(
        _evaluated(report), parse_rules(config.rules), _evaluated(champion) if champion else None, config.seed
    )
    out.path("decision.json").write_text(json.dumps(decision, indent=1, allow_nan=False) + "\n")
    verdicts = [rule["verdict"] for rule in decision["rules"]]
    out.count(rules=len(verdicts), failed=verdicts.count("fail"), inconclusive=verdicts.count("inconclusive"))


def _evaluated(artifact: Artifact) -> Any:
    from causeway.evaluation.gate import Evaluated, values_of
    from causeway.evaluation.report import read_report

    return Evaluated(read_report(artifact), values_of(artifact.table("values")))


def _evaluate(
    policy: Artifact, samples: Artifact | None, out: Writer, config: SuiteConfig, suites: Sequence[str]
) -> None:
    from causeway.evaluation.measured import value_rows
    from causeway.evaluation.report import SUITES, build_report
    from causeway.model import Policy

    unknown = sorted(set(suites) - set(SUITES))
    if unknown or not suites:
        raise UsageError(f"suite {(unknown or ['(none)'])[0]!r}: suites are {', '.join(SUITES)}")
    loaded = Policy.load(policy.folder())
    found, data = [], {}
    for suite in dict.fromkeys(suites):
        measured, data[suite] = _RUN[suite](loaded, samples, out, config)
        found.append(measured)
    report = build_report(found, data, policy.manifest.content_hash, config.seed)
    out.table("values", [row for one in found for row in value_rows(one)])
    _write(report, out)


def _write(report: dict[str, Any], out: Writer) -> None:
    from causeway.evaluation.page import report_page
    from causeway.evaluation.report import FILE_NAME, to_json

    out.path(FILE_NAME).write_text(to_json(report), encoding="utf-8")
    out.path("report.html").write_text(report_page(report), encoding="utf-8")
    out.count(metrics=len(report["metrics"]))


_Result = tuple["Measured", dict[str, Any]]


def _ask_config(config: SuiteConfig, n: int = 1) -> AskConfig:
    from causeway.evaluation.answers import AskConfig

    return AskConfig(n, config.seed, config.batch, config.deadline_s)


def _on_samples(
    suite: str, samples: Artifact | None, config: SuiteConfig, labelled: bool, run: Callable[[list[Sample]], Measured]
) -> _Result:
    from dataclasses import replace

    from causeway.evaluation.selection import data_of_samples, pick

    if samples is None:
        raise UsageError(f"suite {suite} needs samples; name a samples artifact")
    chosen, notes = pick(samples, config.split, config.limit, labelled)
    measured = run(chosen)
    said = [f"{suite}: {note}" for note in notes]
    return replace(measured, notes=[*said, *measured.notes]), data_of_samples(samples, chosen)


def _open_loop(policy: Answering, samples: Artifact | None, out: Writer, config: SuiteConfig) -> _Result:
    from causeway.evaluation.open_loop_suite import open_loop

    asking = _ask_config(config, config.samples_per_moment)
    return _on_samples("open-loop", samples, config, False, lambda chosen: open_loop(policy, chosen, asking))


def _reasoning(policy: Answering, samples: Artifact | None, out: Writer, config: SuiteConfig) -> _Result:
    from causeway.evaluation.reasoning import reasoning

    asking = _ask_config(config)
    return _on_samples("reasoning", samples, config, True, lambda chosen: reasoning(policy, chosen, asking))


def _faithfulness(policy: Answering, samples: Artifact | None, out: Writer, config: SuiteConfig) -> _Result:
    from causeway.evaluation.faithfulness import faithfulness

    asking = _ask_config(config)
    return _on_samples("faithfulness", samples, config, True, lambda chosen: faithfulness(policy, chosen, asking))


def _closed_loop(policy: Answering, samples: Artifact | None, out: Writer, config: SuiteConfig) -> _Result:
    from causeway.evaluation.closed_loop import baseline_rollouts, expert_rollouts, roll_out, rollout_rows, scene_ids
    from causeway.evaluation.rollout_scores import closed_loop
    from causeway.evaluation.selection import data_of_scenes

    scenes = scene_ids(config.scenes, config.seed)
    driven = roll_out(policy, scenes, _ask_config(config))
    held, expert = baseline_rollouts(scenes), expert_rollouts(scenes)
    out.table("rollouts", rollout_rows([*driven, *held, *expert]))
    data = data_of_scenes(scenes)
    for source in data["sources"]:
        out.source(source["name"], source["licence"])
    return closed_loop(driven, expert, held), data


def _latency(policy: Answering, samples: Artifact | None, out: Writer, config: SuiteConfig) -> _Result:
    from causeway.evaluation.latency import latency, machine
    from causeway.evaluation.selection import data_of_examples, data_of_samples, pick
    from causeway.model.observation import example_observation

    if samples is None:
        return latency(policy, [example_observation()], config.calls, config.seed), data_of_examples(machine())
    chosen, _ = pick(samples, config.split, min(config.limit or config.calls, config.calls), False)
    return latency(policy, chosen, config.calls, config.seed), data_of_samples(samples, chosen)


_RUN: dict[str, Callable[[Any, Artifact | None, Writer, SuiteConfig], _Result]] = {
    "open-loop": _open_loop,
    "closed-loop": _closed_loop,
    "reasoning": _reasoning,
    "faithfulness": _faithfulness,
    "latency": _latency,
}
