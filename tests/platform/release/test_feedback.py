"""Requests of a vehicle that consents become a drive again, and drift is seen in the figures of all."""

import json

import numpy as np
import pytest

from causeway.artifacts import Artifact
from causeway.errors import UnusableInput, UsageError
from causeway.model.observation import ObservationSpec, example_observation
from causeway.platform.release import drift
from causeway.platform.release.drives import Body, body_from, write_drives
from causeway.platform.release.feedback import SHARE, STRETCH_US, Spool, chosen, figures_of, moving, tensors_of
from causeway.platform.steps import run_named
from causeway.serving import inference_pb2 as pb
from causeway.serving.ask_grpc import message
from causeway.serving.client import _inputs
from causeway.serving.wire import packed

BODY = Body(5.1, 1.95, 3.1, 1.4)
SPEED_MPS, YAW_RATE = 8.0, 0.1
SMALL = ObservationSpec(height=16, width=24)
START_US = 1_700_000_000_000_000


def on_circle(t_s: float) -> np.ndarray:
    """Pose of a vehicle that began at the origin and drives a circle."""
    radius_m = SPEED_MPS / YAW_RATE
    yaw = YAW_RATE * t_s
    return np.array([radius_m * np.sin(yaw), radius_m * (1 - np.cos(yaw)), yaw])


def request_at(t_s: float) -> bytes:
    """What that vehicle asks at a time."""
    here = on_circle(t_s)
    past = np.array([on_circle(t_s + at) for at in np.arange(-15, 1) / 10]) - here
    cos, sin = np.cos(here[2]), np.sin(here[2])
    history = np.stack([cos * past[:, 0] + sin * past[:, 1], cos * past[:, 1] - sin * past[:, 0], past[:, 2]], axis=1)
    t0_us = START_US + round(t_s * 1e6)
    plain = example_observation(seed=3, spec=SMALL)
    times = np.array([[t0_us - 300_000, t0_us]] * 2)
    fields = {"ego_history": history.astype(np.float32), "speed_mps": SPEED_MPS, "t0_us": t0_us, "frame_t_us": times}
    observation = type(plain)(**{**plain.__dict__, **fields})
    parameters = {"cameras": ",".join(observation.cameras), "t0_us": t0_us}
    return message("causeway", _inputs(observation, None), parameters).SerializeToString()


def answer(decision: tuple[str, str] = ("yield", "lane_keeping")) -> bytes:
    response = pb.ModelInferResponse(model_name="causeway")
    response.outputs.add(name="decision", datatype="BYTES", shape=[1, 2])
    response.raw_output_contents.append(packed([word.encode() for word in decision]))
    response.parameters["policy_version"].string_param = "p"
    return response.SerializeToString()


CONSENTS = [("causeway-consent", "yes"), ("causeway-vehicle", "van-7")]


def test_kept_requests_are_ingested_as_the_drive_they_were(tmp_path):
    spool = Spool(tmp_path, share=100)
    for number in range(101):
        spool.keep(request_at(number / 10), answer(), CONSENTS)
        if number % 20 == 19:
            spool.close()
            spool = Spool(tmp_path, share=100)
    spool.keep(request_at(10.1), answer(), CONSENTS[1:])  # this one does not consent
    spool.close()
    (mapping,) = write_drives(tmp_path / "kept", tmp_path / "drives", BODY)
    clips = run_named("ingest", {"drives": str(mapping)}, {"layout": "tables"}, out=str(tmp_path / "clips"))
    ego = Artifact(clips).table("ego").to_pydict()
    t_s = (np.array(ego["t_us"]) - START_US) / 1e6
    expected = np.array([on_circle(t) for t in t_s])
    assert len(t_s) == 101
    assert np.abs(np.array(ego["x_m"]) - expected[:, 0]).max() < 0.02
    assert np.abs(np.array(ego["y_m"]) - expected[:, 1]).max() < 0.02
    assert set(ego["speed_source"]) == {"measured"}
    assert clips.counts["clips"] == 1
    assert len((tmp_path / "requests.jsonl").read_text().splitlines()) == 102
    rig = Artifact(clips).table("rigs").to_pylist()
    assert {row["camera"] for row in rig} == set(SMALL.cameras)


def test_a_vehicle_whose_name_is_another_folder_is_not_kept(tmp_path):
    spool = Spool(tmp_path, share=100)
    for name in ("..", ".", ".hidden", "a/b"):
        spool.keep(request_at(0.0), answer(), [CONSENTS[0], ("causeway-vehicle", name)])
    spool.close()
    assert [path.name for path in tmp_path.rglob("*")] == ["requests.jsonl"]


def test_a_folder_that_is_full_keeps_no_more_and_says_how_much_it_let_go(tmp_path):
    room = 1000 + len(request_at(0.0))  # a whole request, and some lines of figures
    for number, let_go in enumerate([0, 1, 1]):
        spool = Spool(tmp_path, share=100, most_bytes=room)
        spool.keep(request_at(number / 10), answer(), CONSENTS)
        spool.close()
        assert spool.let_go == let_go
    assert len(list(tmp_path.rglob("*.pb"))) == 1
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= room


def test_figures_hold_no_picture_and_no_place():
    figures = figures_of(tensors_of(request_at(3.0)), answer())
    assert set(figures) == {
        "speed_mps", "accel_mps2", "yaw_rate_radps", "brightness", "decision", "degraded", "policy"
    }  # fmt: skip
    assert figures["yaw_rate_radps"] == pytest.approx(YAW_RATE, abs=1e-3)
    assert figures["accel_mps2"] == pytest.approx(0.0, abs=1e-2)
    assert figures["decision"] == ["yield", "lane_keeping"]
    braking = np.zeros((16, 3))
    braking[:, 0] = np.cumsum(np.linspace(1.0, 0.85, 16)) - np.linspace(1.0, 0.85, 16).sum()
    assert moving(braking, 8.5)["accel_mps2"] == pytest.approx(-1.0, abs=0.01)


def test_whole_stretches_are_kept_about_as_often_as_asked():
    stretches = [chosen("van", number * STRETCH_US, SHARE) for number in range(2000)]
    assert 150 < sum(stretches) < 250
    first = stretches.index(True) * STRETCH_US
    assert {chosen("van", first + at, SHARE) for at in range(0, STRETCH_US, 100_000)} == {True}


@pytest.mark.parametrize("text", ["", "5,2,3", "5,2,3,x", "5,2,0,1", "nan,2,3,1", "5,2,3,1,1"])
def test_a_body_that_is_none(text):
    assert body_from("5.1, 1.95,3.1,1.4") == BODY
    with pytest.raises(UsageError, match="--body"):
        body_from(text)


def test_nothing_kept_is_said(tmp_path):
    with pytest.raises(UnusableInput, match="no request was kept"):
        write_drives(tmp_path / "kept", tmp_path / "drives", BODY)


def test_drift_is_seen_where_it_is_and_not_where_it_is_not(rng):
    expected = rng.normal(10.0, 3.0, 2000).tolist()
    assert drift.stability_index(expected, rng.normal(10.0, 3.0, 2000).tolist()) < 0.03
    assert drift.stability_index(expected, rng.normal(14.0, 3.0, 2000).tolist()) > 0.2
    assert drift.stability_index(["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["b"] * 50) == 0.0
    assert drift.stability_index(["a"] * 50 + ["b"] * 50, ["a"] * 10 + ["c"] * 90) > 1.0


def test_a_report_of_drift_gives_the_reason_to_retrain(tmp_path, monkeypatch, rng):
    speeds = rng.normal(10.0, 3.0, 400)
    names = ("speed_mps", "accel_mps2", "yaw_rate_radps", "brightness", "longitudinal", "lateral")
    trained = {name: [] for name in names} | {"speed_mps": speeds.tolist(), "lateral": ["lane_keeping"] * 400}
    monkeypatch.setattr(drift, "of_samples", lambda samples: trained)
    monkeypatch.setattr(drift.Artifact, "open", lambda location: None)
    row = {"accel_mps2": 0.0, "yaw_rate_radps": 0.0, "brightness": None, "decision": ["yield", "lane_keeping"]}
    lines = [json.dumps(row | {"speed_mps": speed + 9}) for speed in speeds]
    (tmp_path / "requests.jsonl").write_text("\n".join(lines) + "\n")
    told = drift.report("samples", tmp_path / "requests.jsonl", str(tmp_path / "drift.json"))
    assert told["drifted"]
    assert [(shift["name"], shift["drifted"]) for shift in told["shifts"]] == [("speed_mps", True), ("lateral", False)]
    assert told["reason"].startswith("drift: speed_mps ")
    assert json.loads((tmp_path / "drift.json").read_text()) == told

    (tmp_path / "requests.jsonl").write_text("\n".join(lines[:50]) + "\n")
    few = drift.report("samples", tmp_path / "requests.jsonl", str(tmp_path / "drift.json"))
    assert (few["drifted"], few["enough"], few["shifts"]) == (False, False, [])
    (tmp_path / "requests.jsonl").write_text("{}\n")
    with pytest.raises(UnusableInput, match="line 1 is no figures"):
        drift.of_requests(tmp_path / "requests.jsonl")
