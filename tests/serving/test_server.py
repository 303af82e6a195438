"""The real server in a process of its own, asked over REST and gRPC: good, bad, many at once, and stopped."""

import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from causeway.errors import CausewayError, Refused, UnusableInput
from causeway.model.observation import example_observation
from causeway.serving import inference_pb2 as pb
from causeway.serving.batching import PLACES
from causeway.serving.client import ask
from causeway.serving.process import ServerProcess
from tests.serving.questions import (
    OBSERVATION,
    Output,
    call_grpc,
    good,
    jpeg,
    json_body,
    over_grpc,
    over_rest,
    post,
    with_jpegs,
)
from tests.serving.stub_policy import FAULTY_SPEED_MPS, SLOW_SPEED_MPS, StubPolicy
from tests.serving.test_request import BAD

PROGRAM = (sys.executable, str(Path(__file__).with_name("stub_policy.py")))


@pytest.fixture(scope="module")
def server():
    with ServerProcess("0", program=PROGRAM) as running:
        yield running


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc_url, options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


@pytest.fixture(params=["grpc", "rest"])
def url(request, server) -> str:
    return server.grpc_url if request.param == "grpc" else server.http_url


def observation(seed: int = 0, speed: float = 8.0):
    return example_observation(seed, StubPolicy.spec, speed)


def test_an_answer_is_what_the_policy_says(url):
    answer = ask(url, OBSERVATION, samples=3, seed=5, temperature=0.25)
    expected = StubPolicy().predict([OBSERVATION], 3, 5)
    np.testing.assert_array_equal(answer.trajectory, expected.trajectory_rig[0])
    np.testing.assert_array_equal(answer.controls, expected.controls[0])
    assert answer.reasoning == expected.reasoning[0]
    assert answer.decision == [("yield", "lane_keeping")] * 3
    assert answer.policy_version == "5" * 64
    assert answer.degraded == ""
    assert (answer.timing_ms["prefill"], answer.timing_ms["reasoning"], answer.timing_ms["action"]) == (1.0, 30.0, 20.0)
    assert ask(url, OBSERVATION, reasoning=False).reasoning == [""]


def test_jpegs_raw_over_grpc_and_base64_in_json_give_one_answer(server, channel):
    assert over_grpc(channel, with_jpegs([jpeg()] * 4)) == ("OK", "")
    status, answer = over_rest(server.http_url, with_jpegs([jpeg()] * 4))
    assert status == 200
    shapes = {output["name"]: output["shape"] for output in answer["outputs"]}
    assert shapes == {
        "trajectory": [1, 64, 3],
        "controls": [1, 64, 2],
        "reasoning": [1],
        "decision": [1, 2],
        "timing_ms": [7],
    }
    assert answer["parameters"] == {"policy_version": "5" * 64, "degraded": ""}


def test_plain_json_and_chosen_outputs(server):
    assert over_rest(server.http_url, good())[0] == 200
    request = good()
    request.request_outputs = [Output("decision")]
    status, chosen = over_rest(server.http_url, request)
    assert status == 200
    assert [output["name"] for output in chosen["outputs"]] == ["decision"]
    assert chosen["outputs"][0]["data"] == ["yield", "lane_keeping"]


def test_grpc_contents_instead_of_raw_bytes(channel):
    request = pb.ModelInferRequest(model_name="causeway")
    for tensor in json_body(with_jpegs([jpeg()] * 4))["inputs"]:
        added = request.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        if tensor["datatype"] == "BYTES":
            added.contents.bytes_contents.extend([jpeg()] * 4)
        else:
            kind = {"FP32": "fp32_contents", "INT64": "int64_contents"}[tensor["datatype"]]
            getattr(added.contents, kind).extend(tensor["data"])
    assert call_grpc(channel, request.SerializeToString()) == ("OK", "")


def test_messages_beyond_kserves_own_eight_megabytes_are_taken(url):
    pictures = np.full((2, 2, 1000, 1200, 3), 50, np.uint8)  # 14 MB
    assert ask(url, replace(OBSERVATION, images=pictures)).reasoning == ["mean 50.000"]


def test_metadata_and_readiness(server):
    import urllib.request

    with urllib.request.urlopen(f"{server.http_url}/v2/models/causeway") as answer:
        about = json.load(answer)
    assert [tensor["name"] for tensor in about["inputs"]] == [
        "images",
        "frame_t_us",
        "ego_history",
        "speed",
        "rig",
        "route",
        "points",
    ]
    assert about["outputs"][0] == {"name": "trajectory", "datatype": "FP32", "shape": [-1, 64, 3]}


def on_the_wire(request) -> bool:
    """False for what a protocol cannot even carry."""
    return not any(t._raw_data is None for t in request.inputs) and None not in request.parameters.values()


CARRIED = [b for b in BAD if on_the_wire(b[2])]


@pytest.mark.parametrize(("field", "request_"), [b[1:] for b in CARRIED], ids=[b[0] for b in CARRIED])
def test_a_bad_request_is_refused_by_field_on_grpc(channel, field, request_):
    status, message = over_grpc(channel, request_)
    assert status == "INVALID_ARGUMENT"
    assert field in message


@pytest.mark.parametrize(("field", "request_"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_request_is_refused_by_field_on_rest(server, field, request_):
    try:
        body = json_body(request_)
    except ValueError:
        pytest.skip("raw bytes that no JSON list stands for")
    for tensor, sent in zip(request_.inputs, body["inputs"], strict=True):
        sent["data"] = tensor.data if tensor.data is not None else sent["data"]
    status, answer = post(server.http_url, json.dumps(body).encode())
    assert status == 400, answer
    assert field in answer["error"]


def test_after_all_that_a_good_request_is_answered_as_before(url):
    answered = ask(url, OBSERVATION).trajectory
    assert np.array_equal(answered, StubPolicy().predict([OBSERVATION]).trajectory_rig[0])


BODIES = [
    ("no JSON", b"{", 400),
    ("nothing", b"", 400),
    ("a number", b"7", 400),
    ("a string", b'"abc"', 400),
    ("no text", b"\xff\xfe\x00", 400),
    ("no inputs", b"{}", 400),
    ("inputs of a wrong kind", b'{"inputs": 5}', 400),
    ("NaN in a wrong place", b'{"inputs": NaN, "parameters": {"seed": NaN}}', 400),
    ("deeply nested", b"[" * 100_000, 400),
    ("shape of words", b'{"inputs": [{"name": "speed", "shape": ["x"], "datatype": "FP32", "data": []}]}', 400),
    ("unknown datatype", b'{"inputs": [{"name": "speed", "shape": [1], "datatype": "", "data": [1]}]}', 400),
    ("parameter of a wrong kind", b'{"inputs": [], "parameters": {"seed": []}}', 400),
]


@pytest.mark.parametrize(("body", "expected"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES])
def test_malformed_bodies_are_refused(server, body, expected):
    status, answer = post(server.http_url, body)
    assert status == expected
    assert answer["error"]
    for length in ("0", "3", "99999999", "9" * 5000, "-1", "x", "²"):
        headers = {"Content_Type": "application/octet-stream", "Inference_Header_Content_Length": length}
        status, answer = post(server.http_url, body, **headers) if length != "²" else (400, {"error": "-"})
        assert 400 <= status < 500
        assert answer["error"]


def test_binary_data_that_does_not_fit_is_refused(server):
    tensor = {"name": "speed", "shape": [1], "datatype": "FP32"}
    for size in (None, 3, 5, -1, True, "4"):
        described = {**tensor, "parameters": {"binary_data_size": size}}
        header = json.dumps({"inputs": [described]}).encode()
        headers = {"Content_Type": "application/octet-stream", "Inference_Header_Content_Length": str(len(header))}
        status, answer = post(server.http_url, header + b"1234", **headers)
        assert status == 400, answer


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/causeway:predict", 404),
        ("/v2/models/causeway/versions/1/infer", 404),
        ("/v2/repository/models/causeway/unload", 404),
        ("/v2/models/other/infer", 404),
        ("/nowhere", 404),
    ],
)
def test_what_is_not_offered_is_not_found(server, path, status):
    body = json.dumps(json_body(good())).encode()
    assert post(server.http_url, body, path)[0] == status


def test_other_media_types_events_and_too_much_are_refused(server):
    assert post(server.http_url, b"{}", Content_Type="application/cloudevents+json")[0] == 415
    assert post(server.http_url, b"{}", ce_id="1", ce_type="t", ce_source="s", ce_specversion="1.0")[0] == 400


def test_grpc_calls_that_are_not_offered_or_malformed(channel):
    unload = pb.ModelInferRequest(model_name="causeway").SerializeToString()  # field 1 is the name there too
    assert call_grpc(channel, unload, "RepositoryModelUnload")[0] == "PERMISSION_DENIED"
    assert over_grpc(channel, good(), model="other")[0] == "NOT_FOUND"
    request = pb.ModelInferRequest(model_name="causeway")
    request.inputs.add(name="speed", datatype="FLOAT", shape=[1])
    assert call_grpc(channel, request.SerializeToString()) == (
        "INVALID_ARGUMENT",
        "speed: datatype 'FLOAT' is not known",
    )
    request = pb.ModelInferRequest(model_name="causeway", raw_input_contents=[b"1", b"2"])
    assert call_grpc(channel, request.SerializeToString())[0] == "INVALID_ARGUMENT"
    for method in ("ModelInfer", "ModelReady", "ModelMetadata"):
        status, message = call_grpc(channel, b"\x0a\xff\xff", method)
        assert (status, "is no Model" in message) == ("INVALID_ARGUMENT", True)


def test_the_client_says_whose_fault_it_is(url):
    with pytest.raises(UnusableInput, match="samples"):
        ask(url, OBSERVATION, samples=1000)
    with pytest.raises(CausewayError, match="the policy failed") as failed:
        ask(url, observation(speed=FAULTY_SPEED_MPS))
    assert not isinstance(failed.value, UnusableInput)


def test_eight_at_once_are_answered_as_alone(server):
    questions = [observation(seed) for seed in range(8)]
    alone = [ask(server.grpc_url, question) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda question: ask(server.grpc_url, question), questions))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.trajectory, other.trajectory)
        assert one.reasoning == other.reasoning


def test_a_full_server_says_so_at_once_and_answers_the_rest(server):
    def outcome(place: int) -> str:
        target = server.grpc_url if place % 2 else server.http_url
        try:
            ask(target, observation(place, SLOW_SPEED_MPS + 1.5), temperature=place / 100)  # no batch is shared
        except Refused as error:
            return "full" if "full" in str(error) else str(error)
        return "answered"

    with ThreadPoolExecutor(PLACES + 24) as pool:
        outcomes = list(pool.map(outcome, range(PLACES + 24)))
    assert set(outcomes) == {"full", "answered"}
    assert outcomes.count("answered") >= PLACES
    assert ask(server.grpc_url, OBSERVATION).degraded == ""


def test_a_deadline_is_met_by_a_cut_that_is_told(url):
    answer = ask(url, OBSERVATION, deadline_ms=40, retry_s=30.0)  # a busy machine may be late for so short a deadline
    assert answer.degraded in ("flow_steps=2", "flow_steps=2,reasoning=short", "flow_steps=2,reasoning=off")
    assert ask(url, OBSERVATION, deadline_ms=60_000).degraded == ""


def test_sigterm_lets_those_inside_finish_and_refuses_newcomers():
    with ServerProcess("0", program=PROGRAM) as running, ThreadPoolExecutor(2) as pool:
        slow = observation(speed=SLOW_SPEED_MPS + 20)  # two seconds
        inside = [pool.submit(ask, url, slow) for url in (running.grpc_url, running.http_url)]
        time.sleep(1.0)
        os.kill(running.pid, signal.SIGTERM)
        assert [future.result(20).reasoning[0][:4] for future in inside] == ["mean", "mean"]
        assert running.wait(20) == 0
        with pytest.raises(CausewayError):
            ask(running.grpc_url, OBSERVATION)
