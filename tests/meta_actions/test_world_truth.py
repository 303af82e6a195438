"""Moments against the truth of the built-in world: when the driver decided, and for what, in all sixteen scenarios."""

from collections import Counter
from dataclasses import replace

import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.meta_actions.moments import MomentConfig, find_moments
from causeway.meta_actions.scenarios import SCENARIOS
from causeway.meta_actions.step import extract_meta_actions
from causeway.simulation import export

SEED, SLOW_SEEDS = 20, 10
NEAR_US, MATCHED, NAMED = 300_000, 0.95, 0.90


def drives(root, per_scenario, seed):
    """(truth rows, moments) of drives of which no pictures are drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "PICTURES", replace(export.PICTURES, cameras=()))
        patch.setattr(export, "PROCESSES", 1)
        config = export.WorldConfig(scenes=per_scenario * len(SCENARIOS), scenarios=tuple(SCENARIOS), seed=seed)
        run(export.make_world, {}, out=str(root / "drives"), config=config)
    run(ingest, {"drives": str(root / "drives")}, out=str(root / "clips"), config=IngestConfig())
    run(extract_meta_actions, {"clips": str(root / "clips")}, out=str(root / "meta"))
    inputs = {"meta": str(root / "meta"), "clips": str(root / "clips")}
    run(find_moments, inputs, out=str(root / "moments"), config=MomentConfig())
    truth = Artifact.open(root / "drives").table("truth").to_pylist()
    return truth, Artifact.open(root / "moments").table("moments").to_pylist()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return drives(tmp_path_factory.mktemp("world"), 1, SEED)


def of_drive(moments, drive_id):
    found = [m for m in moments if m["moment_id"].startswith(f"{drive_id}@")]
    return sorted(found, key=lambda m: m["t0_us"])


def shares(truth, moments):
    """The share of true moments with a found one within 0.3 s, and with one of the same name there."""
    near, named = 0, 0
    for t in truth:
        there = [m for m in of_drive(moments, t["drive_id"]) if abs(m["t0_us"] - t["t0_us"]) <= NEAR_US]
        near += bool(there)
        named += any(m["scenario"] == t["scenario"] for m in there)
    return near / len(truth), named / len(truth)


def test_every_drive_has_a_moment_of_its_own_scenario(world):
    truth, _ = world
    own = {t["scenario"] for t in truth if t["drive_id"].startswith(f"{t['scenario']}-")}
    assert own == set(SCENARIOS)


def test_moments_lie_where_the_driver_decided(world):
    matched, named = shares(*world)
    assert matched >= 0.90  # of some thirty: the slow test has enough for the aim
    assert named >= 0.85


def test_the_scenario_that_a_drive_is_made_for_is_found_and_named(world):
    truth, moments = world
    missed = []
    for t in truth:
        if t["drive_id"].startswith(f"{t['scenario']}-"):
            there = [m for m in of_drive(moments, t["drive_id"]) if abs(m["t0_us"] - t["t0_us"]) <= NEAR_US]
            missed += [] if any(m["scenario"] == t["scenario"] for m in there) else [t["drive_id"]]
    assert len(missed) <= 1, missed


def test_scenes_go_to_different_splits(world):
    _, moments = world
    assert len({m["split"] for m in moments}) > 1


def test_there_are_few_moments_without_a_decision(world):
    truth, moments = world
    extra = Counter()
    for drive_id in {t["drive_id"] for t in truth}:
        times = [t["t0_us"] for t in truth if t["drive_id"] == drive_id]
        extra.update(
            m["scenario"] for m in of_drive(moments, drive_id) if min(abs(m["t0_us"] - t) for t in times) > 5e5
        )
    assert extra.total() <= 0.1 * len(truth), extra


@pytest.mark.slow
def test_the_rules_find_what_the_world_knows(tmp_path):
    """At least 95 % within 0.3 s; of no scenario much less."""
    truth, moments = drives(tmp_path, SLOW_SEEDS, 0)
    matched, named = shares(truth, moments)
    assert (matched >= MATCHED, named >= NAMED) == (True, True), (matched, named)
    for scenario in SCENARIOS:
        own = [t for t in truth if t["scenario"] == scenario]
        assert shares(own, moments)[0] >= 0.75, scenario
