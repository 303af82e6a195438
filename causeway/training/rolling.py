"""Rollouts of one step: groups of each moment, and other moments instead of those whose group teaches nothing.

Knows sampling, which groups are silent, and how groups of two rolls become one. Does not know losses. Everything
follows from the generator, so that a run that was killed rolls the same again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from causeway.errors import UsageError
from causeway.model.exploration import Walk
from causeway.model.observation import Sample
from causeway.model.policy import Policy
from causeway.model.prediction import Explored, Sequences
from causeway.training.config import RlConfig
from causeway.training.grpo import has_signal
from causeway.training.scoring import ACTION, TEXT, Driven, Earned, Pay, earned_of, wanted

T = TypeVar("T", Sequences, Explored)


@dataclass(frozen=True, eq=False)
class Rolled:
    """Groups of a step: B samples, `sequences` of B · group rows, and what had to be rolled again."""

    samples: Sequence[Sample]
    sequences: Sequences
    refilled: int = 0  # groups that taught nothing and gave way to another moment's
    age: int = 0  # steps that were learned since the weights that rolled it out
    drawn: torch.Tensor | None = None  # where the noise stood behind it, when another process rolled it out

    def __iter__(self) -> Iterator[Sample]:
        """Its samples: what a batch is to who names them."""
        return iter(self.samples)


def walk_of(config: RlConfig, pay: Pay) -> Walk | None:
    """How the expert explores; None where it shall not, or no reward asks what is driven.

    UsageError where a reward asks what is driven, and nothing is.
    """
    asks = wanted(pay.mix, ACTION)
    if asks and not config.tokens and not config.walk_draws:
        raise UsageError("rl: tokens=false and walk_draws=0 leave no path to pay for; set walk_draws to 1 or more")
    some = config.walk_draws and asks
    return Walk(config.walk_draws, config.walk_steps, config.walk_level) if some else None


def roll(
    policy: Policy,
    config: RlConfig,
    pay: Pay,
    samples: Sequence[Sample],
    others: Sequence[Sample],
    generator: torch.Generator,
) -> Rolled:
    """Roll out each sample's group; a silent one is replaced by one of `others`, `config.refills` times at most."""
    walk = walk_of(config, pay)
    rolled = Rolled(list(samples), _sampled(policy, config, samples, walk, generator))
    for _ in range(config.refills):
        silent = silent_groups(rolled.samples, rolled.sequences, pay)
        if not len(silent) or len(others) <= len(samples):
            break
        picked = torch.randint(len(others), (len(silent),), generator=generator).tolist()
        fresh = [others[number] for number in picked]
        again = _sampled(policy, config, fresh, walk, generator)
        speaking = np.setdiff1d(np.arange(len(fresh)), silent_groups(fresh, again, pay))
        rolled = _replaced(rolled, silent[speaking], fresh, again, speaking)
    return rolled


def _sampled(
    policy: Policy, config: RlConfig, samples: Sequence[Sample], walk: Walk | None, generator: torch.Generator
) -> Sequences:
    return policy.sample_sequences(samples, config.group_size, config.temperature, generator, walk, config.tokens)


def rows_of(samples: Sequence[Sample], each: int) -> list[Sample]:
    """Every sample `each` times in a row."""
    return [sample for sample in samples for _ in range(each)]


def driven_by_tokens(samples: Sequence[Sample], rolled: Sequences) -> Driven:
    """The paths of the action tokens, R rows."""
    return Driven(rows_of(samples, rolled.group), rolled.reasoning_text, rolled.truncated, rolled.trajectory_rig)


def driven_by_expert(samples: Sequence[Sample], rolled: Sequences) -> Driven:
    """The paths that the expert explored, R · draws rows."""
    assert rolled.explored is not None
    draws = rolled.explored.draws
    texts = [text for text in rolled.reasoning_text for _ in range(draws)]
    cut = np.repeat(rolled.truncated, draws)
    return Driven(rows_of(samples, rolled.group * draws), texts, cut, rolled.explored.trajectory_rig)


def words_earn(samples: Sequence[Sample], rolled: Sequences, pay: Pay) -> Earned:
    """What R reasonings earn: by their own words, and by what the expert does behind them, as a mean of its draws.

    The expert's path is what a policy drives, so it is what a sentence has to agree with.
    """
    if rolled.explored is None:
        return earned_of(driven_by_tokens(samples, rolled), pay, TEXT)
    draws = rolled.explored.draws
    each = earned_of(driven_by_expert(samples, rolled), pay, TEXT)
    sound = each.sound.reshape(-1, draws)
    share = np.maximum(sound.sum(axis=1), 1)
    parts = {name: values.reshape(-1, draws).sum(axis=1) / share for name, values in each.parts.items()}
    lacking = {name: np.asarray((rows.reshape(-1, draws) | ~sound).all(axis=1)) for name, rows in each.lacking.items()}
    return Earned(parts, np.asarray(sound.any(axis=1)), each.counts, lacking)


def silent_groups(samples: Sequence[Sample], rolled: Sequences, pay: Pay) -> np.ndarray:
    """Numbers of the groups that teach nothing: their members earn alike for paths and for words.

    Words are asked about last, and only where paths are silent: a judge's grades are dear.
    """
    speaks = np.zeros(len(samples), dtype=bool)
    if wanted(pay.mix, ACTION):
        by_tokens = rolled.explored is None or rolled.action_tokens.shape[1]
        driven = driven_by_tokens(samples, rolled) if by_tokens else driven_by_expert(samples, rolled)
        speaks |= _speaking(earned_of(driven, pay, ACTION), pay, ACTION, len(samples))
    if wanted(pay.mix, TEXT) and not speaks.all():
        said = [rolled.reasoning_text[i : i + rolled.group] for i in range(0, len(rolled.reasoning_text), rolled.group)]
        differ = np.array([len(set(texts)) > 1 for texts in said])  # who all say the same has one choice between them
        speaks |= differ & _speaking(words_earn(samples, rolled, pay), pay, TEXT, len(samples))
    return np.flatnonzero(~speaks)


def _speaking(earned: Earned, pay: Pay, span: str, groups: int) -> np.ndarray:
    totals = torch.from_numpy(earned.total(pay.mix, span)).view(groups, -1)
    return np.asarray(has_signal(totals, torch.from_numpy(earned.sound).view(groups, -1)).numpy())


def _replaced(
    rolled: Rolled, places: np.ndarray, fresh: Sequence[Sample], again: Sequences, speaking: np.ndarray
) -> Rolled:
    """The groups at `places` given way to the groups `speaking` of another roll."""
    if not len(places):
        return rolled
    both = joined(rolled.sequences, again)
    order = np.arange(len(rolled.samples))
    order[places] = len(rolled.samples) + speaking
    samples = [*rolled.samples, *fresh]
    moments, sequences = [samples[i] for i in order], groups_of(both, order)
    return replace(rolled, samples=moments, sequences=sequences, refilled=rolled.refilled + len(places))


def joined(one: Sequences, other: Sequences) -> Sequences:
    """The rows of two rolls behind each other; shorter reasonings are filled up."""
    width = max(one.reasoning_mask.shape[1], other.reasoning_mask.shape[1])
    first, second = _widened(one, width), _widened(other, width)
    explored = None
    if first.explored is not None and second.explored is not None:
        explored = _concatenated(first.explored, second.explored)
    return replace(_concatenated(replace(first, explored=None), replace(second, explored=None)), explored=explored)


def _concatenated(one: T, other: T) -> T:
    """Arrays and tuples behind each other; what is the same for all rows stays."""
    found: dict[str, Any] = {}
    for name, value in vars(one).items():
        if isinstance(value, np.ndarray):
            found[name] = np.concatenate([value, getattr(other, name)])
        elif isinstance(value, tuple):
            found[name] = value + getattr(other, name)
    return replace(one, **found)


def _widened(rolled: Sequences, width: int) -> Sequences:
    more = ((0, 0), (0, width - rolled.reasoning_mask.shape[1]))
    return replace(
        rolled,
        reasoning_logprobs=np.pad(rolled.reasoning_logprobs, more),
        reasoning_mask=np.pad(rolled.reasoning_mask, more),
    )


def groups_of(rolled: Sequences, groups: np.ndarray) -> Sequences:
    """Only these groups, in this order; columns that no reasoning reaches any more are left out."""
    rows = (np.asarray(groups)[:, None] * rolled.group + np.arange(rolled.group)).ravel()
    explored = None
    if rolled.explored is not None:
        draws = rolled.explored.draws
        walks = (rows[:, None] * draws + np.arange(draws)).ravel()
        explored = _rows(rolled.explored, walks)
    taken = replace(_rows(replace(rolled, explored=None), rows), explored=explored)
    width = max(len(ids) for ids in taken.reasoning_ids)
    return replace(
        taken, reasoning_logprobs=taken.reasoning_logprobs[:, :width], reasoning_mask=taken.reasoning_mask[:, :width]
    )


def _rows(one: T, rows: np.ndarray) -> T:
    found: dict[str, Any] = {}
    for name, value in vars(one).items():
        if isinstance(value, np.ndarray):
            found[name] = value[rows]
        elif isinstance(value, tuple):
            found[name] = tuple(value[i] for i in rows)
    return replace(one, **found)
