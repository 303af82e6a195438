"""The suites of an evaluation: which data each needs, and how it is run on a policy.

Knows the order of calls. Does not know formulas or artifacts that are written. Nothing heavy is imported here: what a
suite is made of is fetched when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from causeway.artifacts import Artifact
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
    replays: int = 4  # log replay: at most so many clips, spread over those that can be driven again; 0 = all
    latency_s: float = 0.0  # closed loop and log replay: answers are followed so long after the picture they answer
    ensemble: float | None = None  # closed loop and log replay: alpha by which answers are joined; None = they are not
    others: str = "log"  # log replay: `log`, others do what is on record; `idm`, they brake for who is ahead
    calls: int = 30  # latency
    seed: int = 0
    batch: int = 8  # samples of one question; fixed by sample order, so it never changes an answer
    deadline_s: float = 60.0  # a question that takes longer is answered too late, which is a failure
    shard: int = 0  # open, closed loop: which of so many parts; `merge_reports` joins them to the numbers of the whole
    shards: int = 1
    judge: str = ""  # reasoning: MODEL@URL of an OpenAI-compatible endpoint that judges the words
    corrections: str = ""  # reasoning: a folder of what reviewers said, to hold judges against people
    said: str = field(default="", init=False)  # hash of what they said: another word makes another report

    def __post_init__(self) -> None:
        """Look at what is named before anything is run."""
        if self.ensemble is not None and not 0.0 <= self.ensemble <= 10.0:
            raise UsageError(f"ensemble {self.ensemble}: give alpha from 0 (a plain mean) to 10, the paper's is 0.1")
        if self.judge:
            from causeway.reasoning.teachers.endpoint_address import address

            address(self.judge)
        if self.corrections:
            from causeway.reasoning.review import ReviewConfig

            object.__setattr__(self, "said", ReviewConfig(self.corrections).state)


@dataclass(frozen=True, eq=False)
class Data:
    """What suites are measured on, as far as it was named."""

    samples: Artifact | None
    clips: Artifact | None = None
    evidence: Artifact | None = None


@dataclass(frozen=True, eq=False)
class Found:
    """What a suite found: its values, what they were measured on, rows of the rollouts table, files beside it."""

    measured: Measured
    data: dict[str, Any]
    rollouts: Sequence[dict] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)


def _ask_config(config: SuiteConfig, n: int = 1) -> AskConfig:
    from causeway.evaluation.answers import AskConfig

    return AskConfig(n, config.seed, config.batch, config.deadline_s)


def _on_labelled(
    policy: Answering,
    suite: str,
    samples: Artifact | None,
    config: SuiteConfig,
    run: Callable[[list[Sample]], Measured],
) -> Found:
    from causeway.evaluation.beside import check_samples
    from causeway.evaluation.selection import data_of_samples, pick

    assert samples is not None, "`check_data` has seen to it"
    chosen, notes = pick(samples, config.split, config.limit, labelled=True)
    check_samples(policy, chosen)
    return Found(_with_notes(run(list(chosen)), suite, notes), data_of_samples(chosen))


def _with_notes(measured: Measured, suite: str, notes: Sequence[str]) -> Measured:
    from dataclasses import replace

    return replace(measured, notes=[*(f"{suite}: {note}" for note in notes), *measured.notes])


def _open_loop(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.beside import check_samples
    from causeway.evaluation.open_loop_suite import open_loop
    from causeway.evaluation.selection import data_of_samples, pick, shard_of
    from causeway.evaluation.shards import told_shard

    assert data.samples is not None, "`check_data` has seen to it"
    around = any(name.endswith(".around.safetensors") for name in data.samples.manifest.files)
    chosen, notes = pick(data.samples, config.split, config.limit, labelled=False, around=around)
    if not around:
        notes.append("these samples hold no surroundings: collisions and off-road were not measured")
    check_samples(policy, chosen)
    part = shard_of(chosen, config.batch, config.shard, config.shards)
    measured = open_loop(policy, part, _ask_config(config, config.samples_per_moment))
    told = data_of_samples(chosen)
    if config.shards > 1:
        told |= told_shard(measured, config.shard, config.shards)
    return Found(_with_notes(measured, "open-loop", notes), told)


def _reasoning(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.words.reasoning import Beside, evidence_of, reasoning

    asking = _ask_config(config)

    def run(chosen: list[Sample]) -> Measured:
        beside = Beside(evidence_of(data.evidence, chosen), config.judge, config.corrections)
        return reasoning(policy, chosen, asking, beside)

    return _on_labelled(policy, "reasoning", data.samples, config, run)


def _faithfulness(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.words.faithfulness import faithfulness

    asking = _ask_config(config)

    def run(chosen: list[Sample]) -> Measured:
        return faithfulness(policy, chosen, asking)

    return _on_labelled(policy, "faithfulness", data.samples, config, run)


def _closed_loop(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.driving.closed_loop_suite import drive_world

    return drive_world(policy, data, config)


def _replay(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.driving.closed_loop_suite import drive_clips

    return drive_clips(policy, data, config)


def _latency(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.beside import check_points, check_rigs, check_samples
    from causeway.evaluation.cut_costs import estimates, measure_cuts
    from causeway.evaluation.latency import latency, machine
    from causeway.evaluation.selection import data_of_examples, data_of_samples, pick
    from causeway.model.observation import example_observation

    if data.samples is None:
        check_rigs(policy, [("noise pictures", "")])
        check_points(policy, "noise pictures", 0)
        measured = latency(policy, [example_observation()], config.calls, config.seed)
        return Found(measured, data_of_examples(machine()))
    chosen, _ = pick(data.samples, config.split, min(config.limit or config.calls, config.calls), False)
    check_samples(policy, chosen)
    measured = latency(policy, list(chosen), config.calls, config.seed)
    cut = estimates(measure_cuts(policy, chosen, config.seed, timed=0))
    return Found(replace(measured, estimates={**measured.estimates, **cut}), data_of_samples(chosen))


IN_PARTS = ("open-loop", "closed-loop", "replay")  # F1 and swapped words are of all samples together
NEED_SAMPLES = ("open-loop", "reasoning", "faithfulness")
SUITES: dict[str, Callable[[Any, Data, SuiteConfig], Found]] = {
    "open-loop": _open_loop,
    "closed-loop": _closed_loop,
    "replay": _replay,
    "reasoning": _reasoning,
    "faithfulness": _faithfulness,
    "latency": _latency,
}


def check_data(suites: Sequence[str], data: Data, config: SuiteConfig) -> None:
    """UsageError, before anything is driven or asked, for a suite that is none or lacks what it is measured on."""
    unknown = sorted(set(suites) - set(SUITES))
    if unknown or not suites:
        raise UsageError(f"suite {(unknown or ['(none)'])[0]!r}: suites are {', '.join(SUITES)}")
    if config.shards > 1 and len(set(suites)) > 1:
        raise UsageError(f"part {config.shard} of {config.shards}: measure the parts of one suite at a time")
    if config.shards > 1 and suites[0] not in IN_PARTS:
        raise UsageError(f"suite {suites[0]} is measured in one piece; in parts: {', '.join(IN_PARTS)}")
    for suite in suites:
        if suite in NEED_SAMPLES and data.samples is None:
            raise UsageError(f"suite {suite} needs samples; name a samples artifact")
    if "replay" in suites:
        from causeway.simulation.replay.replay import check_others

        if data.clips is None:
            raise UsageError("suite replay needs clips; name a clips artifact with boxes and a map")
        check_others(config.others)
