"""Moments against the truth of the built-in world: when the driver decided, and for what."""

from dataclasses import replace

import pytest

from causeway.artifacts import Artifact, run
from causeway.clips.ingest import IngestConfig, ingest
from causeway.meta_actions.moments import MomentConfig, find_moments
from causeway.meta_actions.step import extract_meta_actions
from causeway.simulation import export

SCENES, SEED = 8, 7
# of the first decision of a drive in each scenario of the world
TAGS = {
    "lead_braking": "slow_for_lead",
    "traffic_light": "stop_for_control",
    "curve": "curve",
    "parked_nudge": "nudge",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(truth rows, moments) of a few drives of which no pictures are drawn."""
    root = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "PICTURES", replace(export.PICTURES, cameras=()))
        patch.setattr(export, "PROCESSES", 1)
        names = ("lead_braking", "traffic_light", "curve", "parked_nudge")
        config = export.WorldConfig(scenes=SCENES, scenarios=names, seed=SEED)
        run(export.make_world, {}, out=str(root / "drives"), config=config)
    run(ingest, {"drives": str(root / "drives")}, out=str(root / "clips"), config=IngestConfig())
    run(extract_meta_actions, {"clips": str(root / "clips")}, out=str(root / "meta"))
    inputs = {"meta": str(root / "meta"), "clips": str(root / "clips")}
    run(find_moments, inputs, out=str(root / "moments"), config=MomentConfig())
    truth = Artifact.open(root / "drives").table("truth").to_pylist()
    return truth, Artifact.open(root / "moments").table("moments").to_pylist()


def of_drive(moments, drive_id):
    found = [m for m in moments if m["moment_id"].startswith(f"{drive_id}@")]
    return sorted(found, key=lambda m: m["t0_us"])


def test_moments_lie_where_the_driver_decided(world):
    truth, moments = world
    assert len(truth) >= SCENES
    off_us = [min(abs(m["t0_us"] - t["t0_us"]) for m in of_drive(moments, t["drive_id"])) for t in truth]
    assert sum(off <= 300_000 for off in off_us) >= 0.95 * len(truth)
    assert max(off_us) <= 500_000


def test_scenarios_are_what_the_driver_had_in_mind(world):
    truth, moments = world
    for t in truth:
        if t["longitudinal_decision"] in ("lead_following", "stop_for_static_constraint", "speed_adaptation") or (
            t["lateral_decision"].startswith("nudge")
        ):
            near = min(of_drive(moments, t["drive_id"]), key=lambda m: abs(m["t0_us"] - t["t0_us"]))
            going = near["after"].endswith("accelerate")
            assert near["scenario"] == ("speed_up" if going else TAGS[t["scenario"]]), t["drive_id"]


def test_scenes_go_to_different_splits(world):
    _, moments = world
    assert {"train", "val"} <= {m["split"] for m in moments}


def test_there_are_no_moments_without_a_decision(world):
    """Beyond those of the truth there are passages of junctions, which the driver did not have to decide."""
    truth, moments = world
    for drive_id in {t["drive_id"] for t in truth}:
        times = [t["t0_us"] for t in truth if t["drive_id"] == drive_id]
        for moment in of_drive(moments, drive_id):
            far = min(abs(moment["t0_us"] - t0_us) for t0_us in times) > 500_000
            assert not far or moment["scenario"] == "pass_intersection", moment
