from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from causeway.errors import UnusableInput, UsageError
from causeway.evaluation.answers import AskConfig
from causeway.evaluation.measured import value_table
from causeway.evaluation.open_loop_suite import open_loop, told_apart
from causeway.evaluation.report import build_report
from causeway.evaluation.selection import shard_of
from causeway.evaluation.shards import joined, told_shard
from causeway.model.prediction import seed_of

from .conftest import KnownPolicy, make_sample, shows

DATA = {"name": "made up", "content_hash": "h", "sources": []}


@dataclass
class Drawing(KnownPolicy):
    """Adds noise that follows from the seed of each sample."""

    def predict(self, samples: Any, n: int = 1, seed: Any = 0, **options: Any) -> Any:
        seeds = [seed] * len(samples) if isinstance(seed, int) else seed
        known = super().predict(samples, n, **options)
        noise = np.stack([np.random.default_rng(one).normal(size=(n, 64, 3)) for one in seeds])
        return replace(known, trajectory_rig=known.trajectory_rig + 0.1 * noise)


def by_id(measured):
    columns = {name: np.where(np.isnan(column), None, column) for name, column in measured.values.items()}
    return {name: dict(zip(measured.unit_ids, column.tolist(), strict=True)) for name, column in columns.items()}


def test_neither_order_nor_batches_change_a_number(samples):
    known = by_id(open_loop(Drawing(), samples, AskConfig(n=3, batch=8)))
    shuffled = [samples[i] for i in (5, 2, 7, 0, 1, 6, 3, 4)]
    assert by_id(open_loop(Drawing(), shuffled, AskConfig(n=3, batch=3))) == known
    other = by_id(open_loop(Drawing(), samples, AskConfig(n=3, batch=8, seed=1)))
    assert other["ade"] != known["ade"], "another seed is another draw"


def test_seeds_of_samples_are_apart():
    seeds = [seed_of(seed, f"s{i:03d}") for seed in (0, 1) for i in range(500)]
    assert len(set(seeds)) == 1000
    assert seed_of(0, "s000") == 62416313305709825, "the same on every machine"


def test_baselines_expert_and_groups_stand_beside(samples):
    found = open_loop(KnownPolicy(words=""), samples, AskConfig(n=2))
    assert found.values["constant_velocity/ade"] == pytest.approx(found.values["ade"], abs=1e-5), "it holds speed too"
    assert found.values["expert/comfort"] == pytest.approx(np.ones(8))
    assert not [name for name in found.values if name.startswith("constant_velocity/coverage")]
    assert Counter(found.groupings["by longitudinal meta action"]) == {"maintain_speed": 8}
    assert Counter(found.groupings["by lateral meta action"]) == {"go_straight": 8}


def test_failures_are_counted_and_the_rest_measured(samples):
    policy = KnownPolicy(words="", break_on=lambda s: "crash" if shows(2)(s) else "nan" if shows(5)(s) else "")
    found = open_loop(policy, samples, AskConfig(n=2, batch=4))
    assert found.counts["failed_answers"] == (2, 8)
    assert np.flatnonzero(np.isnan(found.values["ade"])).tolist() == [2, 5]
    assert np.isfinite(found.values["constant_velocity/ade"]).all()
    assert {example["which"] for example in found.examples} == {"best", "median", "worst"}
    assert any("out of memory (first: s002)" in note for note in found.notes)


def test_a_policy_that_always_fails_is_a_report_too(samples):
    found = open_loop(KnownPolicy(break_on=lambda s: "crash"), samples[:3], AskConfig(n=2))
    assert (found.counts["failed_answers"], list(found.examples)) == ((3, 3), [])


def test_which_samples_are_shown():
    assert told_apart(np.array([3.0, np.nan, 1.0, 2.0])) == {2: "best", 3: "median", 0: "worst"}
    assert told_apart(np.array([3.0])) == {0: "best"}
    assert told_apart(np.array([np.nan])) == {}


def parts(samples, shards, policy=None):
    """(reports, tables) of the batches of two, dealt out."""
    found = []
    for shard in range(shards):
        own = [s for i, s in enumerate(samples) if i // 2 % shards == shard]
        measured = open_loop(policy or Drawing(), own, AskConfig(n=3, batch=2))
        told = DATA | told_shard(measured, shard, shards)
        found.append((build_report([measured], {"open-loop": told}, "policy", 0), value_table(measured)))
    return found


def test_parts_join_to_the_numbers_of_the_whole(samples):
    policy = Drawing(break_on=lambda s: "nan" if shows(5)(s) else "")
    whole = build_report([open_loop(policy, samples, AskConfig(n=3, batch=2))], {"open-loop": DATA}, "policy", 0)
    for order in (1, -1):
        reports, tables = zip(*parts(samples, 3, policy)[::order], strict=True)
        found = joined(reports, tables, 0)
        assert found["metrics"] == whole["metrics"]
        assert found["groups"] == whole["groups"]
        assert found["data"] == {"open-loop": DATA}
        shown = {one["which"]: one["sample_id"] for one in found["examples"]}
        known = {one["which"]: one["sample_id"] for one in whole["examples"]}
        assert (shown["best"], shown["worst"]) == (known["best"], known["worst"])


def test_parts_that_do_not_belong_together(samples):
    found = parts(samples, 3)
    with pytest.raises(UnusableInput, match="measured in 3 parts"):
        joined([report for report, _ in found[:2]], [table for _, table in found[:2]], 0)
    other = found[1][0] | {"policy": "another"}
    with pytest.raises(UnusableInput, match="different policies"):
        joined([found[0][0], other, found[2][0]], [table for _, table in found], 0)
    moved = {"open-loop": found[1][0]["data"]["open-loop"] | {"content_hash": "another"}}
    with pytest.raises(UnusableInput, match="different data"):
        joined([found[0][0], found[1][0] | {"data": moved}, found[2][0]], [table for _, table in found], 0)


@pytest.mark.parametrize(("shard", "shards"), [(2, 2), (-1, 2), (0, 3)])
def test_a_part_that_there_is_not_or_that_would_be_empty(shard, shards, samples):
    with pytest.raises(UsageError, match="2 batches of samples"):
        shard_of(samples, 4, shard, shards)


def test_parts_cut_differently_are_refused(samples):
    found = parts(samples, 2)
    told = [report["data"]["open-loop"] for report, _ in found]
    twice = told[1] | {"shard": told[1]["shard"] | {"groups": told[0]["shard"]["groups"]}}
    reports = [found[0][0], found[1][0] | {"data": {"open-loop": twice}}]
    with pytest.raises(UnusableInput, match="8 values of 4 units, 8 in all; measure every part with the same batch"):
        joined(reports, [table for _, table in found], 0)
    more = [report | {"data": {"open-loop": one | {"samples": 9}}} for (report, _), one in zip(found, told, strict=True)]
    with pytest.raises(UnusableInput, match="8 values of 8 units, 9 in all"):
        joined(more, [table for _, table in found], 0)


class OneAtATime:
    """A sequence that counts how many samples are in somebody's hands at once."""

    def __init__(self, count):
        self.count, self.asked = count, []

    def __len__(self):
        return self.count

    def __getitem__(self, cut):
        numbers = range(self.count)[cut]
        self.asked.append(len(numbers))
        return [make_sample(number) for number in numbers]


def test_samples_are_read_a_batch_at_a_time():
    stored = OneAtATime(30)
    found = open_loop(KnownPolicy(), stored, AskConfig(n=2, batch=4))
    assert len(found.unit_ids) == 30
    assert max(stored.asked) == 4
    assert sum(stored.asked) <= 30 + 3 * 4, "once each, and the batches of the three that are shown again"
