"""The suites that drive: parts that join to the whole, late answers, broken experts, policies that fail on the way."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import causeway.model
from causeway.artifacts import Artifact, run
from causeway.errors import UnusableInput, UsageError
from causeway.evaluation import step as steps
from causeway.evaluation.answers import AskConfig
from causeway.evaluation.baselines import BaselinePolicy
from causeway.evaluation.driving import closed_loop as driving
from causeway.evaluation.driving import closed_loop_suite, films
from causeway.evaluation.driving.closed_loop import BLIND, SceneId, expert_rollouts, roll_out
from causeway.evaluation.driving.closed_loop_suite import drive_clips, drive_world, part
from causeway.evaluation.driving.rollout_scores import closed_loop
from causeway.evaluation.step import EvaluateConfig, SuiteConfig
from causeway.evaluation.suites import Data, check_data
from causeway.model import Policy
from causeway.model.action_space import ControlStatistics, trajectory_from_controls
from causeway.model.observation import ObservationSpec
from causeway.simulation.conditions import Conditions
from causeway.simulation.plans import constant_velocity_trajectory
from causeway.simulation.stage import built_in
from causeway.simulation.world import World
from causeway.training.recipes import recipe_named

from ...simulation.recordings import CLIP, recorded
from ..conftest import KnownPolicy
from ..test_steps import fake_policy, report_of

SCENES = [SceneId(name, 900_000) for name in ("slow_for_lead", "curve", "cut_in")]


class Crowded(KnownPolicy):
    """Drives otherwise in other company and by other seeds: what a change of batches would show in."""

    def predict(self, samples, n=1, seed=0, **options):
        found = super().predict(samples, n, 0)
        seeds = np.array(seed if isinstance(seed, list) else [seed] * len(samples))
        found.trajectory_rig[..., 1] += ((seeds % 7 + len(samples)) * 1e-3)[:, None, None]
        return found


@pytest.fixture
def policy(tmp_path, monkeypatch) -> str:
    class Loaded(Crowded):
        @classmethod
        def load(cls, path):
            return cls(listens=False, break_on=lambda seen: "nan" if seen.speed_mps < 3.0 else "")

    monkeypatch.setitem(vars(causeway.model), "Policy", Loaded)
    monkeypatch.setattr(closed_loop_suite, "world_spec", lambda spec: BLIND)  # pictures are others' tests
    monkeypatch.setattr(films, "mp4_bytes", lambda pictures, hz: b"a film")
    run(fake_policy, {}, out=str(tmp_path / "policy"))
    return str(tmp_path / "policy")


def test_whole_groups_drive_the_same_anywhere():
    together = roll_out(Crowded(listens=False), SCENES, AskConfig(batch=2), spec=BLIND)
    apart = [
        *roll_out(Crowded(listens=False), SCENES[:2], AskConfig(batch=2), spec=BLIND),
        *roll_out(Crowded(listens=False), SCENES[2:], AskConfig(batch=2), spec=BLIND),
    ]
    for one, other in zip(together, apart, strict=True):
        assert {name: (one.history[name] == column).all() for name, column in other.history.items()} == dict.fromkeys(
            other.history, True
        )
    assert together[0].history["y_m"][-1] != roll_out(
        Crowded(listens=False), SCENES[:1], AskConfig(batch=1), spec=BLIND
    )[0].history["y_m"][-1], "this policy does show in whose company it was asked"


def test_parts_join_to_the_numbers_of_the_whole(policy, tmp_path):
    def evaluated(name, **how):
        config = EvaluateConfig(suites=("closed-loop",), scenes=3, batch=1, **how)
        run(steps.evaluate, {"policy": policy, "samples": None}, out=str(tmp_path / name), config=config)
        return str(tmp_path / name)

    whole = report_of(tmp_path / evaluated("whole"))
    parts = [evaluated(f"part{shard}", shard=shard, shards=2) for shard in range(2)]
    run(steps.merge_reports, {"reports": parts}, out=str(tmp_path / "joined"))
    joined = report_of(tmp_path / "joined")
    assert joined["metrics"] == whole["metrics"]
    assert "km_between_incidents" in joined["metrics"]
    assert sorted(joined["notes"]) == sorted(whole["notes"])
    told, parts_told = whole["data"]["closed-loop"], joined["data"]["closed-loop"]
    assert {card["scene"] for card in parts_told["worst"]} == {card["scene"] for card in told["worst"]}
    files = Artifact.open(tmp_path / "joined").manifest.files
    assert all(card["video"] in files for card in parts_told["worst"])


def test_parts_are_whole_batches():
    config = SuiteConfig(batch=2, shards=2)
    assert part(range(7), config) == [0, 1, 4, 5]
    assert part(range(7), SuiteConfig(batch=2, shard=1, shards=2)) == [2, 3, 6]
    with pytest.raises(UsageError, match="part 2 of 2"):
        part(range(7), SuiteConfig(batch=2, shard=2, shards=2))
    with pytest.raises(UsageError, match="1 batches of scenes"):
        part(range(2), SuiteConfig(batch=2, shards=2))


@pytest.mark.parametrize("suite", ["reasoning", "faithfulness", "latency"])
def test_what_needs_all_samples_together_is_not_measured_in_parts(suite):
    with pytest.raises(UsageError, match=f"suite {suite} is measured in one piece"):
        check_data([suite], Data(samples=None), SuiteConfig(shards=2))


def test_late_answers_are_other_data_and_said(policy, tmp_path):
    reports = {}
    for late in (0.0, 0.4):
        config = EvaluateConfig(suites=("closed-loop",), scenes=1, latency_s=late)
        run(steps.evaluate, {"policy": policy, "samples": None}, out=str(tmp_path / f"{late}"), config=config)
        reports[late] = report_of(tmp_path / f"{late}")
    told = {late: report["data"]["closed-loop"] for late, report in reports.items()}
    assert told[0.0]["content_hash"] != told[0.4]["content_hash"]
    assert (told[0.4]["latency_s"], told[0.4]["replanned_every_s"]) == (0.4, 0.5)
    assert any("followed 0.4 s after the picture" in note for note in reports[0.4]["notes"])
    assert not any("after the picture" in note for note in reports[0.0]["notes"])


class Braking:
    """Brakes as hard as it can from the first question on."""

    def predict(self, samples, n=1, seed=0, **options):
        found = KnownPolicy(listens=False).predict(samples, n)
        t = np.arange(1, 65) * 0.1
        for row, seen in enumerate(samples):
            stop_s = seen.speed_mps / 8.0
            way = seen.speed_mps * np.minimum(t, stop_s) - 4.0 * np.minimum(t, stop_s) ** 2
            found.trajectory_rig[row, :, :, 0] = way
        return found


def test_a_late_answer_brakes_late_by_as_much():
    began = {}
    for late in (0.0, 0.3, 0.7):
        (drive,) = roll_out(Braking(), SCENES[1:2], AskConfig(), spec=BLIND, conditions=Conditions(latency_s=late))
        began[late] = int(np.argmax(drive.history["accel_mps2"] < -5.0))
    assert (began[0.3] - began[0.0], began[0.7] - began[0.0]) == (3, 7)


def test_an_expert_with_an_incident_is_counted_and_named(monkeypatch):
    monkeypatch.setattr(driving, "expert_trajectory", lambda world: constant_velocity_trajectory(world.observe()))
    broken = expert_rollouts(SCENES[:2])
    touched = broken[0].history["collision"][-1]
    assert touched, "it holds its speed behind a braking lead"
    found = closed_loop(roll_out(BaselinePolicy(), SCENES[:2], AskConfig(), spec=BLIND), broken)
    said = [note for note in found.notes if "expert itself" in note]
    assert found.counts["expert_incidents"] == (len(said), 2)
    assert f"slow_for_lead-900000: the expert itself touches {touched}" in said[0]
    assert len(found.values["scene_score"]) == 2


@pytest.mark.parametrize("breaks", ["nan", "crash"])
def test_a_policy_that_fails_on_one_scene_is_counted_and_the_rest_is_driven(breaks):
    seen_first = [scene.world(BLIND, Conditions()).reset().speed_mps for scene in SCENES]
    policy = KnownPolicy(break_on=lambda seen: breaks if seen.speed_mps == seen_first[0] else "", listens=False)
    rollouts = roll_out(policy, SCENES, AskConfig(batch=3), spec=BLIND)
    assert [bool(r.failure) for r in rollouts] == [True, False, False]
    found = closed_loop(rollouts, expert_rollouts(SCENES))
    assert found.counts["failed_rollouts"] == (1, 3)
    assert found.values["scene_score"][0] == found.values["alpasim_scene_score"][0] == 0.0
    assert np.isfinite(found.values["driven_km"]).all()
    assert found.values["driven_km"][1] > 0.05


def test_plans_and_others_are_on_record():
    (drive,) = roll_out(BaselinePolicy(), SCENES[:1], AskConfig(), spec=BLIND)
    assert [plan.tick for plan in drive.plans][:3] == [20, 25, 30]
    assert drive.plans[0].paths.shape == (1, 64, 3)
    assert len(drive.others) == len(drive.history["t_us"])
    first = drive.plans[0].paths[0, 0]
    before = [drive.history[name][20] for name in ("x_m", "y_m")]
    assert np.hypot(*(first[:2] - before)) == pytest.approx(0.1 * drive.history["speed_mps"][20], abs=1e-6)
    found = closed_loop([drive], expert_rollouts(SCENES[:1])).values
    assert found["alpasim_min_ade_self@1s"][0] < 0.5, "who holds speed does what it planned"
    assert found["alpasim_open_loop_collision"][0] > 0.0, "and its plans lead into the braking lead"
    assert 0.0 <= found["driven_comfort"][0] <= 1.0


class Undecided(KnownPolicy):
    """Speeds up and slows down in turn, by a quarter of a metre a second squared."""

    statistics = ControlStatistics(std=(1.0, 1.0))

    def predict(self, samples, n=1, seed=0, **options):
        found = super().predict(samples, n)
        sign = 1.0 if samples[0].t0_us // 500_000 % 2 else -1.0
        found.controls[..., 0] = 0.25 * sign
        speeds = np.array([seen.speed_mps for seen in samples])
        found.trajectory_rig[:] = trajectory_from_controls(found.controls, np.repeat(speeds[:, None], n, axis=1))
        return found


def test_answers_are_joined_where_chunks_overlap_and_each_vehicle_remembers_its_own():
    def wish(drive, question):
        """The acceleration of a plan's first tick."""
        xy = drive.plans[question].paths[0, :3, :2]
        return np.diff(np.hypot(*np.diff(xy, axis=0).T))[0] / 0.01

    alone, together = (
        roll_out(Undecided(), [ShortScene("curve", 900_000), ShortScene("nudge", 900_000)], AskConfig(), spec=BLIND, ensemble=how)
        for how in (None, 0.0)
    )
    assert [wish(alone[0], question) for question in range(3)] == pytest.approx([-0.25, 0.25, -0.25], abs=1e-3)
    for drive in together:  # plain means of one, two and three answers
        assert [wish(drive, question) for question in range(3)] == pytest.approx([-0.25, 0.0, -0.25 / 3], abs=1e-3)


def test_a_report_says_that_answers_were_joined_and_is_compared_with_its_like_only(monkeypatch):
    monkeypatch.setattr(closed_loop_suite, "world_spec", lambda spec: BLIND)
    monkeypatch.setattr(films, "mp4_bytes", lambda pictures, hz: b"a film")
    plain, joined = (drive_world(Undecided(), Data(None), SuiteConfig(scenes=1, ensemble=how)) for how in (None, 0.1))
    assert joined.data["content_hash"] != plain.data["content_hash"]
    assert joined.data["ensemble_alpha"] == 0.1
    assert "ensemble_alpha" not in plain.data
    assert "closed-loop: answers are joined with up to six before each (adaptive ensemble, alpha 0.1)" in joined.measured.notes
    with pytest.raises(UsageError, match=r"ensemble -1\.0: give alpha from 0"):
        SuiteConfig(ensemble=-1.0)


class ShortScene(SceneId):
    """Three questions long."""

    def world(self, spec, conditions):
        return World.on(replace(built_in(self.scenario, self.seed), last_tick=34), spec, conditions)


def of_rigs(*rigs):
    gentle = ControlStatistics(std=(0.01, 1e-4))  # whatever is drawn, a vehicle can follow it
    design = recipe_named("dexvla").design
    return Policy.from_scale("tiny", statistics=gentle, cameras=("front_wide",), design=design, rigs=rigs).eval()


def test_a_policy_with_a_head_for_each_rig_drives_by_the_one_of_the_world():
    spec = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,))
    policy = of_rigs("van-7", "built-in sedan")
    seen = []
    policy.expert.network.write.register_forward_pre_hook(lambda _, given: seen.append(given[1].tolist()))
    (driven,) = roll_out(policy, [ShortScene("curve", 900_000)], AskConfig(batch=1), spec=spec)
    assert driven.failure == ""
    assert driven.history["by_policy"].sum() == 14
    assert {tuple(rigs) for rigs in seen} == {(1,)}


def test_a_scene_of_a_rig_without_a_head_is_refused_before_anything_is_driven(tmp_path):
    stranger = SimpleNamespace(config=SimpleNamespace(rigs=("van-7", "van-8")))
    with pytest.raises(UnusableInput, match=r"the built-in world: rig 'built-in sedan' is not one .* \(van-7, van-8\)"):
        drive_world(stranger, Data(None), SuiteConfig(scenes=1))
    clips = recorded(tmp_path / "clips")
    with pytest.raises(UnusableInput, match=rf"{CLIP} \(log\): rig 'car-1' is not one that this policy has a head for"):
        drive_clips(stranger, Data(None, clips), SuiteConfig(replays=1))
