"""Asking: the same recorded moments to champion and candidate, and through the endpoint, and what came of it.

Knows the endpoint's client and how answers are compared with what was driven. Does not judge (`judge.py`).
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from causeway.errors import CausewayError, Refused, UnusableInput
from causeway.platform.release.endpoint import Addresses, Endpoint, Traffic
from causeway.platform.release.judge import Sight, answers_needed
from causeway.platform.release.record import Record, Served
from causeway.platform.release.rules import CanaryRules

if TYPE_CHECKING:
    from causeway.artifacts import Artifact
    from causeway.model.observation import Observation, Sample
    from causeway.serving.client import Answer

Ask = Callable[["Observation"], "Answer"]
_TRIES = 5  # of a question that meets a full server
_SPLITS = ("test", "val", "train")


def questions_of(samples: Artifact, count: int) -> list[Sample]:
    """At most `count` recorded moments, held-out ones first; UnusableInput when there are fewer than two."""
    from causeway.training.samples import load_samples

    found: list[Sample] = []
    for split in _SPLITS:
        found += load_samples(samples, split=split, limit=count - len(found)) if len(found) < count else []
    if len(found) < 2:
        raise UnusableInput(f"{samples.location}: {len(found)} samples; a release is probed with two or more")
    return found


def see(endpoint: Endpoint, record: Record, questions: Sequence[Sample], rules: CanaryRules) -> Sight:
    """One step's look at the candidate of `record`."""
    assert record.candidate is not None
    started, before = time.monotonic(), endpoint.traffic()
    where = endpoint.addresses(record.champion, record.candidate)
    with ExitStack() as connections:
        direct = replace(where, authority="")
        champion = _asker(where.champion, direct, rules, connections) if where.champion else None
        candidate = _asker(where.candidate, direct, rules, connections)
        pairs = [_pair(champion, candidate, question) for question in questions]
        through, lost, needed = Counter[str](), 0, 0
        if record.champion is not None:  # before it nobody answers there yet
            needed = answers_needed(record.percent, rules)
            through, lost = _through(_asker(where.endpoint, where, rules, connections), questions, needed)
    time.sleep(max(0.0, rules.least_s - (time.monotonic() - started)))
    return replace(_sight(pairs, through, lost, before, endpoint.traffic(), record.candidate), needed=needed)


def _asker(url: str, where: Addresses, rules: CanaryRules, connections: ExitStack) -> Ask:
    """Asks one address on a connection that is kept, with the host name and the token of the endpoint."""
    from causeway.serving.client import Endpoint as Connection

    connection = connections.enter_context(Connection(url, authority=where.authority, token=where.token or None))

    def one(observation: Observation) -> Answer:
        for left in reversed(range(_TRIES)):
            try:
                return connection.ask(observation, temperature=0.0, deadline_ms=rules.deadline_ms or None)
            except Refused:  # full: other traffic is on it
                if not left:
                    raise
                time.sleep(0.2)
        raise AssertionError("the last try returns or raises")

    return one


@dataclass(frozen=True)
class _Pair:
    """One question: both answers (None where none came, or one that is not finite), and what was driven."""

    champion: Answer | None
    candidate: Answer | None
    champion_ms: float
    candidate_ms: float
    driven: Any  # [64, 3]


def _pair(champion: Ask | None, candidate: Ask, question: Sample) -> _Pair:
    one, one_ms = _one(champion, question) if champion else (None, math.nan)
    other, other_ms = _one(candidate, question)
    return _Pair(one, other, one_ms, other_ms, question.trajectory_rig)


def _one(ask: Ask, question: Sample) -> tuple[Answer | None, float]:
    started = time.perf_counter()
    try:
        answer = ask(question.observation)
    except CausewayError:
        return None, math.nan
    took_ms = (time.perf_counter() - started) * 1e3
    return (answer if np.isfinite(answer.trajectory).all() else None), took_ms


def _through(ask: Ask, questions: Sequence[Sample], needed: int) -> tuple[Counter[str], int]:
    """Answers through the endpoint by policy, `needed` in all, and how many questions had none.

    A question that a full server refuses is told at once, so it is not lost, but it is no answer either: another one is
    asked for it. When as many are refused as were needed there are fewer answers, and `judge` says so.
    """
    found: Counter[str] = Counter()
    lost = refused = 0
    while found.total() + lost < needed and refused < needed:
        number = found.total() + lost + refused
        try:
            found[ask(questions[number % len(questions)].observation).policy_version] += 1
        except Refused:
            refused += 1
        except CausewayError:
            lost += 1
    return found, lost


def _sight(
    pairs: Sequence[_Pair], through: Counter[str], lost: int, before: Traffic, after: Traffic, candidate: Served
) -> Sight:
    answered = [pair.candidate for pair in pairs if pair.candidate]
    both = [(p.champion, p.candidate, p) for p in pairs if p.champion and p.candidate]
    ade = [(_far(one, pair.driven), _far(other, pair.driven)) for one, other, pair in both]
    return Sight(
        through=dict(through),
        lost=lost + max(0, after.lost - before.lost - lost),  # the endpoint counted our own as well
        failed=sum(pair.candidate is None for pair in pairs) + max(0, after.shadow_failed - before.shadow_failed),
        restarts=after.restarts.get(candidate.name, 0),
        candidate_ms=[pair.candidate_ms for _, _, pair in both] or [p.candidate_ms for p in pairs if p.candidate],
        champion_ms=[pair.champion_ms for _, _, pair in both],
        champion_ade_m=[value for value, _ in ade],
        candidate_ade_m=[value for _, value in ade],
        path_m=[*(_far(other, one.trajectory[0]) for one, other, _ in both), *after.shadow_path_m],
        candidate_cut=_share([answer.degraded != "" for answer in answered]),
        champion_cut=_share([one.degraded != "" for one, _, _ in both]),
        decisions_changed=_share([one.decision[0] != other.decision[0] for one, other, _ in both]),
    )


def _far(answer: Answer, path: Any) -> float:
    """Mean distance of an answer's first path from another one, in metres."""
    return float(np.linalg.norm(answer.trajectory[0, :, :2] - path[:, :2], axis=-1).mean())


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 0.0
