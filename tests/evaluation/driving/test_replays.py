"""Log replay as a suite: which clips are driven again, what is said of the rest, and whose numbers are whose."""

import json

import pytest

import causeway.model
from causeway.artifacts import Artifact, run, write_artifact
from causeway.errors import UsageError
from causeway.evaluation import step as steps
from causeway.evaluation import suites
from causeway.evaluation.driving import replays
from causeway.evaluation.driving.replays import Replay, choose, told_apart
from causeway.evaluation.driving.rollout_scores import closed_loop
from causeway.evaluation.page.wording import WORDS, suite_of
from causeway.evaluation.step import EvaluateConfig, SuiteConfig
from causeway.model.observation import ObservationSpec
from causeway.simulation.conditions import PERFECT
from tests.simulation.recordings import CLIP, moving, recorded

from ..conftest import KnownPolicy
from ..test_steps import fake_policy, report_of

SPEC = ObservationSpec(cameras=("front_wide",), frame_offsets_s=(0.0,), height=24, width=32)
STRUCK = [*moving("parked", 60.0, 0.0, 0.0)]


@pytest.fixture
def policy(tmp_path, monkeypatch) -> str:
    class Loaded(KnownPolicy):
        @classmethod
        def load(cls, path):
            return cls(listens=False)

    monkeypatch.setitem(vars(causeway.model), "Policy", Loaded)
    run(fake_policy, {}, out=str(tmp_path / "policy"))
    return str(tmp_path / "policy")


def split_samples(folder, **split_of):
    """A samples artifact that says of each clip in which split it is."""
    rows = [
        {"sample_id": clip_id, "clip_id": clip_id, "t0_us": 0, "split": split, "shard": "a", "row": 0}
        for clip_id, split in split_of.items()
    ]
    write_artifact("samples", {"samples": rows}, folder)
    return Artifact.open(folder)


def test_a_clip_is_driven_again_and_told_apart(policy, tmp_path):
    recorded(tmp_path / "clips", moving("ahead", 30.0, 0.0, 8.0))
    inputs = {"policy": policy, "samples": None, "clips": str(tmp_path / "clips")}
    config = SuiteConfig(scenes=1, replays=1, others="idm")
    run(steps.evaluate_closed_loop, inputs, out=str(tmp_path / "r"), config=config)
    report = report_of(tmp_path / "r")
    assert report["suites"] == ["closed-loop", "replay"]
    assert report["metrics"]["replay_scene_score"]["value"] == 1.0
    assert report["metrics"]["constant_velocity/replay_progress"]["value"] == pytest.approx(1.0, abs=0.01)
    assert report["data"]["replay"]["others"] == "idm"
    assert "pictures drawn from boxes and map" in report["data"]["replay"]["name"]
    said = " ".join(report["notes"])
    assert "they are no recordings" in said
    assert "brake for who is ahead (idm)" in said
    rows = Artifact.open(tmp_path / "r").table("rollouts")
    assert f"{CLIP} (idm)" in rows["scene"].to_pylist()
    assert {"policy", "constant_velocity", "expert"} == set(rows["driver"].to_pylist())


def test_a_clip_that_cannot_be_driven_again_is_said_and_the_run_goes_on(policy, tmp_path):
    recorded(tmp_path / "clips", has_tracks=False, has_map=False)
    inputs = {"policy": policy, "samples": None, "clips": str(tmp_path / "clips")}
    run(steps.evaluate, inputs, out=str(tmp_path / "r"), config=EvaluateConfig(suites=("replay",)))
    report = report_of(tmp_path / "r")
    assert report["data"]["replay"]["scenes"] == 0
    assert (
        "replay: 1 of 1 clips cannot be driven again: has no tracks and no map; a replay needs both" in report["notes"]
    )
    page = (tmp_path / "r" / "report.html").read_text()
    assert "Nothing could be driven" in page
    assert json.loads((tmp_path / "r" / "report.json").read_text())["metrics"] == {}


def test_a_record_that_touches_a_box_is_no_measure(tmp_path):
    chosen = choose(recorded(tmp_path / "c", STRUCK, speeds=(12.0,) * 80), None, SPEC, "log", 0)
    assert (chosen.scenes, chosen.recorded) == ([], [])
    assert any(
        "1 of 1 clips that were tried cannot be driven again: the record itself touches" in note
        for note in chosen.notes
    )


def test_a_lens_that_cannot_be_drawn_is_a_reason(tmp_path):
    rig = {"model": "ftheta", "distortion": [0.0, 1.0, 0.0, 0.0, 0.0]}
    chosen = choose(recorded(tmp_path / "c", rig=rig), None, SPEC, "log", 0)
    assert chosen.scenes == []
    assert any("its lens is ftheta" in note for note in chosen.notes)


def test_the_clips_own_camera_plays_the_one_that_the_policy_knows(tmp_path):
    clips = recorded(tmp_path / "c", moving("ahead", 12.0, 0.0, 8.0))
    spec = ObservationSpec(cameras=("front_wide", "front_tele"), frame_offsets_s=(0.0,), height=24, width=32)
    (scene,) = choose(clips, None, spec, "log", 0).scenes
    seen = scene.world(spec, PERFECT).reset()
    assert seen.cameras == ("front_wide",), "as in samples: the camera that looks ahead, and none for the other name"
    assert seen.rig[0, 0] == pytest.approx(1.0)  # 100 px of a picture of 100
    assert seen.route is None


def test_drives_that_were_trained_on_are_left_out_while_there_are_others(tmp_path):
    clips = recorded(tmp_path / "c", moving("ahead", 30.0, 0.0, 8.0))
    held = choose(clips, split_samples(tmp_path / "val", **{CLIP: "val"}), SPEC, "log", 0)
    assert [scene.clip_id for scene in held.scenes] == [CLIP]
    assert not any("TRAINING" in note for note in held.notes)
    trained = choose(clips, split_samples(tmp_path / "train", **{CLIP: "train"}), SPEC, "log", 0)
    assert [scene.clip_id for scene in trained.scenes] == [CLIP]
    assert any("TRAINING drives" in note for note in trained.notes)


def test_another_clip_takes_the_place_of_one_that_cannot_be_driven_again(tmp_path, monkeypatch):
    clips = recorded(tmp_path / "c", moving("ahead", 30.0, 0.0, 8.0))
    fit = [Replay(clips, CLIP, f"place {i}", "log", SPEC.cameras) for i in range(6)]
    bad = ("place 0", "place 3", "place 1")
    monkeypatch.setattr(replays, "_record", lambda scene, spec: "bad" if scene.group in bad else (scene.group,))
    scenes, recordings, failed = replays._driven(fit, SPEC, 2)
    assert [(scene.group,) for scene in scenes] == recordings == [("place 4",), ("place 2",)]
    assert failed == {"bad": 3}
    assert len(replays._driven(fit, SPEC, 0)[0]) == len(replays._driven(fit, SPEC, 5)[0]) == 3


def test_others_move_in_a_known_way(tmp_path):
    with pytest.raises(UsageError, match="'ghosts' is not one of log, idm"):
        choose(recorded(tmp_path / "c"), None, SPEC, "ghosts", 0)


def test_replay_needs_clips(policy, tmp_path):
    inputs = {"policy": policy, "samples": None}
    with pytest.raises(UsageError, match="suite replay needs clips"):
        run(steps.evaluate, inputs, out=str(tmp_path / "r"), config=EvaluateConfig(suites=("replay",)))


@pytest.mark.parametrize(
    ("clips", "others", "said"), [(True, "ghosts", "'ghosts' is not one of"), (False, "log", "needs")]
)
def test_what_a_replay_lacks_is_said_before_anything_is_driven(policy, tmp_path, monkeypatch, clips, others, said):
    monkeypatch.setitem(suites.SUITES, "closed-loop", lambda *_: pytest.fail("driven already"))
    recorded(tmp_path / "clips")
    inputs = {"policy": policy, "samples": None, "clips": str(tmp_path / "clips") if clips else None}
    config = EvaluateConfig(suites=("closed-loop", "replay"), others=others)
    with pytest.raises(UsageError, match=said):
        run(steps.evaluate, inputs, out=str(tmp_path / "r"), config=config)


def test_every_name_is_a_name_of_its_own(tmp_path):
    (scene,) = (chosen := choose(recorded(tmp_path / "c"), None, SPEC, "log", 0)).scenes
    assert scene.seed == 0
    measured = closed_loop(chosen.recorded, chosen.recorded, chosen.recorded)
    apart = told_apart(measured, ["replay: a note"])
    assert set(apart.values) & set(measured.values) == set()
    assert set(apart.values) == set(apart.units)
    assert {suite_of(name) for name in apart.values if "/" not in name} == {"replay"}
    assert set(WORDS["replay"]) <= {*apart.values, *apart.counts, *apart.estimates}
    assert apart.values["replay_alpasim_scene_score"].tolist() == [1.0]
