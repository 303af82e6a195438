"""A server with tokens, two policies and a request log: who is let in, who answers, and what is written down."""

import json
import sys
import urllib.request
from pathlib import Path

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from causeway.errors import CausewayError, UsageError
from causeway.serving.client import Endpoint, ask
from causeway.serving.process import ServerProcess
from causeway.serving.stream import stream, summary
from tests.serving.questions import OBSERVATION, call_grpc, good, jpeg, json_body, over_grpc, post
from tests.serving.stub_policy import StubPolicy

PROGRAM = (sys.executable, str(Path(__file__).with_name("stub_policy.py")))
TOKEN = "a-token-of-car-7-abc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("exposed")


@pytest.fixture(scope="module")
def server(folder):
    (folder / "tokens").write_text(f"car-7 {TOKEN}\n")
    options = ["--also", "canary=1", "--tokens", str(folder / "tokens"), "--request-log", str(folder / "log")]
    with ServerProcess("0", program=PROGRAM, options=options) as running:
        yield running


@pytest.fixture(params=["grpc", "rest"])
def url(request, server) -> str:
    return server.grpc_url if request.param == "grpc" else server.http_url


@pytest.mark.parametrize("token", ["", "a-token-of-nobody-at-all"])
def test_strangers_are_turned_away_by_the_client_in_one_line(url, token):
    with pytest.raises(UsageError, match="CAUSEWAY_TOKEN") as error:
        ask(url, OBSERVATION, token=token)
    assert token == "" or token not in str(error.value)


def test_strangers_get_401_and_unauthenticated_before_anything_is_read(server):
    assert post(server.http_url, b"{no json")[0] == 401
    assert post(server.http_url, b"{no json", Authorization=f"Bearer {TOKEN}")[0] == 400
    with grpc.insecure_channel(server.grpc_url) as channel:
        assert over_grpc(channel, good())[0] == "UNAUTHENTICATED"
        assert call_grpc(channel, b"\xff", "ModelMetadata")[0] == "UNAUTHENTICATED"
        assert call_grpc(channel, b"\x0a\x08causeway", "ModelReady") == ("OK", "")


def test_a_vehicle_is_answered_also_with_its_token_in_the_environment(url, monkeypatch):
    monkeypatch.setenv("CAUSEWAY_TOKEN", TOKEN)
    assert ask(url, OBSERVATION).reasoning == StubPolicy().predict([OBSERVATION]).reasoning[0]


def test_each_policy_answers_under_its_name(url):
    versions = {name: ask(url, OBSERVATION, model=name, token=TOKEN).policy_version for name in ("causeway", "canary")}
    assert versions == {"causeway": "5" * 64, "canary": "1" * 64}
    with pytest.raises(CausewayError, match="other"):
        ask(url, OBSERVATION, model="other", token=TOKEN)


def test_jpegs_travel_instead_of_the_pictures(url):
    grey = [jpeg()] * 4
    answers = [ask(url, OBSERVATION, jpegs=grey, token=TOKEN) for _ in range(2)]
    assert answers[0].reasoning == answers[1].reasoning
    assert answers[0].reasoning != ask(url, OBSERVATION, token=TOKEN).reasoning
    np.testing.assert_array_equal(answers[0].trajectory, answers[1].trajectory)


def test_one_connection_serves_many_questions(url):
    with Endpoint(url, token=TOKEN) as endpoint:
        answers = [endpoint.ask(OBSERVATION, seed=seed) for seed in (1, 2, 1)]
    np.testing.assert_array_equal(answers[0].trajectory, answers[2].trajectory)
    assert not np.array_equal(answers[0].trajectory, answers[1].trajectory)


def samples(server) -> dict[str, float]:
    with urllib.request.urlopen(server.http_url + "/metrics") as page:
        families = list(text_string_to_metric_families(page.read().decode()))
    return {f"{s.name}{sorted(s.labels.items())}": s.value for f in families for s in f.samples}


def grown(before: dict[str, float], after: dict[str, float], name: str, **labels: str) -> float:
    key = f"{name}{sorted(labels.items())}"
    return after[key] - before.get(key, 0.0)


def test_metrics_count_what_happened(server):
    before = samples(server)
    ask(server.grpc_url, OBSERVATION, samples=2, token=TOKEN)
    ask(server.grpc_url, OBSERVATION, deadline_ms=13, retry_s=30, token=TOKEN, model="canary")
    body = json_body(good().but("speed", shape=[2]))
    assert post(server.http_url, json.dumps(body).encode(), Authorization=f"Bearer {TOKEN}")[0] == 400
    after = samples(server)
    main = {"model": "causeway"}
    assert grown(before, after, "causeway_requests_total", outcome="answered", **main) == 1
    assert grown(before, after, "causeway_requests_total", outcome="invalid", **main) == 1
    assert grown(before, after, "causeway_decisions_total", axis="longitudinal", decision="yield", **main) == 2
    assert grown(before, after, "causeway_part_seconds_count", part="total", **main) == 1
    assert grown(before, after, "causeway_server_seconds_count", **main) == 1
    assert grown(before, after, "causeway_input_speed_mps_sum", **main) == OBSERVATION.speed_mps
    assert grown(before, after, "causeway_input_brightness_count", **main) == len(OBSERVATION.cameras)
    assert after[f"causeway_inside{sorted(main.items())}"] == 0
    degraded = [k for k in after if k.startswith("causeway_degraded_total") and "canary" in k and after[k] > 0]
    assert len(degraded) >= 1


def test_the_log_says_who_and_how_and_holds_no_picture_and_no_token(server, folder):
    ask(server.http_url, OBSERVATION, token=TOKEN)
    text = (folder / "log").read_text()
    last = json.loads(text.splitlines()[-1])
    assert (last["model"], last["vehicle"], last["outcome"], last["decision"]) == (
        "causeway",
        "car-7",
        "answered",
        [["yield", "lane_keeping"]],
    )
    assert set(last["timing_ms"]) >= {"queue", "decode", "total"}
    assert TOKEN not in text
    assert max(map(len, text.splitlines())) < 1000


def test_a_stream_asks_ten_times_a_second_whatever_comes_back(url):
    asked = stream(url, [OBSERVATION], 1.0, vehicles=2, token=TOKEN)
    about = summary(asked)
    assert about["asked"] == 20
    assert about["outcomes"] == {"answered": 20}
    assert about["versions"] == {"5" * 64: 20}
    assert [round(one.due_s, 3) for one in asked[:4]] == [0.0, 0.05, 0.1, 0.15]
    strangers = stream(url, [OBSERVATION], 0.3, token="nobody")
    assert [one.outcome for one in strangers] == ["invalid"] * 3


def test_without_patience_a_killed_server_is_one_line(url):
    with pytest.raises(UsageError, match="no server answers there"):
        ask("127.0.0.1:1" if "http" not in url else "http://127.0.0.1:1", OBSERVATION, retry_s=0.1)
