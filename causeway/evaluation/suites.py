"""The suites of an evaluation: which data each needs, and how it is run on a policy.

Knows the order of calls. Does not know formulas or artifacts that are written. Nothing heavy is imported here: what a
suite is made of is fetched when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    others: str = "log"  # log replay: `log`, others do what is on record; `idm`, they brake for who is ahead
    calls: int = 30  # latency
    seed: int = 0
    batch: int = 8  # samples of one question; fixed by sample order, so it never changes an answer
    deadline_s: float = 60.0  # an answer to a batch that takes longer has failed


@dataclass(frozen=True, eq=False)
class Data:
    """What suites are measured on, as far as it was named."""

    samples: Artifact | None
    clips: Artifact | None = None


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


def _on_samples(
    suite: str, samples: Artifact | None, config: SuiteConfig, labelled: bool, run: Callable[[list[Sample]], Measured]
) -> Found:
    from dataclasses import replace

    from causeway.evaluation.selection import data_of_samples, pick

    assert samples is not None, "`check_data` has seen to it"
    chosen, notes = pick(samples, config.split, config.limit, labelled)
    measured = run(chosen)
    said = [f"{suite}: {note}" for note in notes]
    return Found(replace(measured, notes=[*said, *measured.notes]), data_of_samples(samples, chosen))


def _open_loop(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.open_loop_suite import open_loop

    asking = _ask_config(config, config.samples_per_moment)
    return _on_samples("open-loop", data.samples, config, False, lambda chosen: open_loop(policy, chosen, asking))


def _reasoning(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.reasoning import reasoning

    asking = _ask_config(config)
    return _on_samples("reasoning", data.samples, config, True, lambda chosen: reasoning(policy, chosen, asking))


def _faithfulness(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.faithfulness import faithfulness

    asking = _ask_config(config)
    return _on_samples("faithfulness", data.samples, config, True, lambda chosen: faithfulness(policy, chosen, asking))


def _closed_loop(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.closed_loop import baseline_rollouts, expert_rollouts, roll_out, rollout_rows, scene_ids
    from causeway.evaluation.films import worst_drives
    from causeway.evaluation.rollout_scores import closed_loop
    from causeway.evaluation.selection import data_of_scenes, spec_of, world_spec

    scenes = scene_ids(config.scenes, config.seed)
    driven = roll_out(policy, scenes, _ask_config(config), spec=world_spec(spec_of(data.samples)))
    held, expert = baseline_rollouts(scenes), expert_rollouts(scenes)
    measured = closed_loop(driven, expert, held)
    worst, files = worst_drives("closed-loop", driven, measured.values["scene_score"])
    rows = rollout_rows([*driven, *held, *expert])
    return Found(measured, data_of_scenes(scenes) | {"worst": worst}, rows, files)


def _replay(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation import replays
    from causeway.evaluation.closed_loop import baseline_rollouts, roll_out, rollout_rows
    from causeway.evaluation.films import worst_drives
    from causeway.evaluation.rollout_scores import closed_loop
    from causeway.evaluation.selection import spec_of

    assert data.clips is not None, "`check_data` has seen to it"
    spec = spec_of(data.samples)
    chosen = replays.choose(data.clips, data.samples, spec, config.others, config.replays)
    told = replays.data_of_replays(data.clips, chosen.scenes, config.others)
    if not chosen.scenes:
        return Found(replays.nothing(chosen.notes), told)
    driven = roll_out(policy, chosen.scenes, _ask_config(config), spec=spec)
    held = baseline_rollouts(chosen.scenes)
    measured = closed_loop(driven, chosen.recorded, held)
    worst, files = worst_drives("replay", driven, measured.values["scene_score"])
    rows = rollout_rows([*driven, *held, *chosen.recorded])
    return Found(replays.told_apart(measured, chosen.notes), told | {"worst": worst}, rows, files)


def _latency(policy: Answering, data: Data, config: SuiteConfig) -> Found:
    from causeway.evaluation.latency import latency, machine
    from causeway.evaluation.selection import data_of_examples, data_of_samples, pick
    from causeway.model.observation import example_observation

    if data.samples is None:
        measured = latency(policy, [example_observation()], config.calls, config.seed)
        return Found(measured, data_of_examples(machine()))
    chosen, _ = pick(data.samples, config.split, min(config.limit or config.calls, config.calls), False)
    return Found(latency(policy, chosen, config.calls, config.seed), data_of_samples(data.samples, chosen))


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
    for suite in suites:
        if suite in NEED_SAMPLES and data.samples is None:
            raise UsageError(f"suite {suite} needs samples; name a samples artifact")
    if "replay" in suites:
        from causeway.simulation.replay.replay import check_others

        if data.clips is None:
            raise UsageError("suite replay needs clips; name a clips artifact with boxes and a map")
        check_others(config.others)
