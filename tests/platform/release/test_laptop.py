"""A release on a laptop: two light servers behind the real front, under a stream that must lose nothing."""

import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from causeway.errors import CausewayError
from causeway.model.observation import ObservationSpec, Sample, example_observation
from causeway.platform.release.drive import deploy, finish, order, trial
from causeway.platform.release.endpoint import NotReady
from causeway.platform.release.laptop import LaptopEndpoint
from causeway.platform.release.record import Record, Served
from causeway.platform.release.rules import CanaryRules, parse_rules, rules_text
from causeway.serving.client import Endpoint, ask

PROGRAM = (sys.executable, str(Path(__file__).with_name("light_server.py")))
SMALL = ObservationSpec(height=16, width=24)
QUICK = {"steps": (20, 50), "questions": 6, "answers": 4, "least_s": 0.0, "ready_s": 30.0}
RULES: CanaryRules = parse_rules(rules_text("")).model_copy(update=QUICK)


def question(number: int) -> Sample:
    observation = example_observation(seed=number, spec=SMALL)
    driven = np.zeros((64, 3), np.float32)
    return Sample(
        f"s{number}", "clip", observation.t0_us, "test", "", observation, "", ("none", "none"), driven[:, :2], driven
    )


QUESTIONS = [question(number) for number in range(6)]


@dataclass
class Stream:
    """A vehicle that asks all the time: what it heard."""

    url: str
    answers: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)

    def __enter__(self) -> "Stream":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def _ask(self) -> None:
        with Endpoint(self.url) as endpoint:
            while not self._stop.wait(0.01):
                try:
                    self.answers[endpoint.ask(QUESTIONS[0].observation).policy_version] += 1
                except CausewayError as error:
                    self.failures.append(str(error))

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def place(tmp_path: Path):
    endpoint = LaptopEndpoint(tmp_path / "endpoint", ports=(0, 0), program=PROGRAM)
    yield endpoint
    endpoint.stop()


def policy(endpoint: LaptopEndpoint, letter: str, **stub) -> Served:
    folder = endpoint.folder.parent / letter
    folder.mkdir()
    (folder / "stub.json").write_text(json.dumps({"version": letter * 64, **stub}))
    return Served(letter * 64, str(folder), ord(letter) - 96)


def release(endpoint: LaptopEndpoint, candidate: Served, crowned: list | None = None) -> Record:
    deploy(endpoint, candidate, RULES, "tester", "a test")
    trial(endpoint, QUESTIONS, RULES, "tester")
    return finish(endpoint, "tester", (crowned if crowned is not None else []).append)


def steps(record: Record) -> list[str]:
    return [move.step for move in record.moves]


def test_a_better_one_is_promoted_and_a_worse_one_goes_back_and_no_request_is_lost(place):
    first, second = policy(place, "a", off_m=0.3), policy(place, "b")
    worse, broken = policy(place, "c", off_m=1.0), policy(place, "d", start=False)
    crowned: list[Served] = []
    record = release(place, first, crowned)
    assert steps(record) == ["dark", "promoting", "promoted"]
    with Stream(place.addresses(None, None).endpoint) as stream:
        record = release(place, second, crowned)
        assert steps(record)[3:] == ["dark", "canary 20 %", "canary 50 %", "promoting", "promoted"]
        assert (record.champion, record.before, record.candidate) == (second, first, None)
        assert crowned == [first, second]

        record = release(place, worse, crowned)
        assert steps(record)[-3:] == ["dark", "rolling back", "rolled back"]
        assert record.moves[-2].why == "ade_m_worse 1 > 0.25"
        assert record.moves[-2].who == "tester"
        assert (record.champion, record.candidate) == (second, None)
        assert crowned == [first, second]

        record = deploy(place, broken, RULES, "tester", "a test")
        assert "no weights here" in record.moves[-1].why
        assert steps(finish(place, "tester", crowned.append))[-1] == "rolled back"

        order(place, "rollback", "ann", "I liked the old one better")
        record = finish(place, "ann", crowned.append)
        assert (record.champion, record.moves[-2].who) == (first, "ann")
        assert crowned[-1] == first
    assert stream.failures == []
    assert set(stream.answers) == {"a" * 64, "b" * 64}
    assert json.loads((place.folder / "release.json").read_text())["policy"] == first.policy


def kill_servers(place: LaptopEndpoint) -> None:
    """kill -9 of both servers; returns when both have been started again."""
    children = [int(pid) for pid in os.popen(f"pgrep -P {place.figures()['pid']}").read().split()]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 30
    while sum(slot["restarts"] for slot in place.figures()["slots"].values()) < len(children) and time.monotonic() < until:
        time.sleep(0.05)


def test_shares_are_exact_copies_are_compared_and_killed_servers_lose_nobody(place, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody there: what stays on this machine asks no proxy
    monkeypatch.setenv("no_grpc_proxy", "127.0.0.1")  # of the client, which may ask far away
    first, second = policy(place, "a"), policy(place, "b", sleep_ms=30)
    place.show(first, second, 30, 30.0)
    where = place.addresses(first, second)
    found = Counter(ask(where.endpoint, QUESTIONS[0].observation).policy_version[0] for _ in range(20))
    assert found == {"a": 14, "b": 6}
    url = f"http://127.0.0.1:{place.figures()['http_port']}/v2/models/causeway/infer"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(urllib.request.Request(url, b"{}"), timeout=10) as answer:
        assert json.load(answer)["parameters"]["policy_version"][0] in "ab"

    place.show(first, second, 50, 30.0)
    with Stream(where.endpoint) as one, Stream(where.endpoint) as other:
        time.sleep(0.3)
        kill_servers(place)
        time.sleep(0.3)
    figures = place.figures()
    assert one.failures + other.failures == []
    assert figures["lost"] == 0
    assert figures["retried"] >= 1
    assert [slot["restarts"] for slot in figures["slots"].values()] == [1, 1]

    place.show(first, second, 0, 30.0)
    for _ in range(5):
        ask(where.endpoint, QUESTIONS[0].observation)
        time.sleep(0.05)
    shadow = place.figures()["shadow"]
    assert shadow["compared"] + shadow["skipped"] >= 4  # the last may still be on its way
    assert shadow["path_m"][0] == 0.0


def test_a_champion_that_does_not_start_again_is_tried_until_it_does(place):
    first = policy(place, "a")
    place.show(first, None, 0, 30.0)
    stub = Path(first.location, "stub.json")
    good = stub.read_text()
    stub.write_text(json.dumps({"version": first.policy, "start": False}))
    (child,) = (int(pid) for pid in os.popen(f"pgrep -P {place.figures()['pid']}").read().split())
    os.kill(child, signal.SIGKILL)
    until = time.monotonic() + 30
    while not (problem := place.figures()["slots"][first.name]["problem"]) and time.monotonic() < until:
        time.sleep(0.05)
    assert problem.startswith("3 starts in vain: ")
    assert "no weights here" in problem
    stub.write_text(good)
    url = place.addresses(None, None).endpoint
    assert ask(url, QUESTIONS[0].observation, retry_s=30).policy_version == first.policy
    assert place.figures()["slots"][first.name]["problem"] == ""


def test_a_champion_that_is_back_answers_while_a_candidate_does_not_come_up(place):
    first, never = policy(place, "a"), policy(place, "b", start=False)
    place.show(first, None, 0, 30.0)
    stub = Path(first.location, "stub.json")
    good = stub.read_text()
    stub.write_text(json.dumps({"version": first.policy, "start": False}))
    (child,) = (int(pid) for pid in os.popen(f"pgrep -P {place.figures()['pid']}").read().split())
    os.kill(child, signal.SIGKILL)
    until = time.monotonic() + 30
    while not place.figures()["slots"][first.name]["problem"] and time.monotonic() < until:
        time.sleep(0.05)
    stub.write_text(good)
    with pytest.raises(NotReady, match="no weights here"):
        place.show(first, never, 0, 30.0)
    assert ask(place.addresses(None, None).endpoint, QUESTIONS[0].observation, retry_s=30).policy_version == first.policy
