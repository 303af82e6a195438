"""Thousands of wrong requests: none makes a server error, and good ones in between are answered as before.

Two generators: ours breaks a good request in a few places, so that it gets far; Schemathesis makes whatever the REST
face's own description allows and does not allow.
"""

import http.client
import json
import random
import sys
import urllib.request
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from causeway.serving.client import ask
from causeway.serving.process import ServerProcess
from tests.conftest import SEED
from tests.serving.fuzzing import GRPC_ALLOWED, REST_ALLOWED, fuzz_grpc, fuzz_rest
from tests.serving.questions import OBSERVATION

PROGRAM = (sys.executable, str(Path(__file__).with_name("stub_policy.py")))
EVERY = 200  # wrong requests between two good ones
GROWTH_BYTES = 96 << 20


@pytest.fixture(scope="module")
def server():
    with ServerProcess("plain", program=PROGRAM) as running:
        yield running


def storm(server: ServerProcess, seed: int, count: int) -> tuple[Counter, list[np.ndarray]]:
    """Statuses of `count` wrong requests, half on each protocol, and the answers to good ones in between."""
    rng, statuses, answers = random.Random(seed), Counter(), []
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
    with grpc.insecure_channel(server.grpc_url) as channel:
        for number in range(count):
            statuses[fuzz_grpc(channel, rng) if number % 2 else fuzz_rest(connection, rng)] += 1
            if number % EVERY == 0:
                url = server.grpc_url if number % (2 * EVERY) else server.http_url
                answers.append(ask(url, OBSERVATION, seed=3, retry_s=30).trajectory)
    connection.close()
    return statuses, answers


def unchanged(answers: list[np.ndarray]) -> bool:
    return all(np.array_equal(answer, answers[0]) for answer in answers)


def test_hundreds_of_wrong_requests_make_no_server_error(server):
    statuses, answers = storm(server, SEED, 800)
    assert set(statuses) <= REST_ALLOWED | GRPC_ALLOWED, statuses
    assert statuses[400] + statuses["INVALID_ARGUMENT"] > 300
    assert len(answers) == 4
    assert unchanged(answers)


def made_by_schema(server: ServerProcess, count: int) -> tuple[Counter, list[np.ndarray]]:
    """Statuses of `count` requests to every REST operation by its description, fit and unfit, good ones in between."""
    schema = schemathesis.openapi.from_url(f"{server.http_url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    infer = [one for one in operations if one.path.endswith("/infer")]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    statuses: Counter = Counter()
    answers: list[np.ndarray] = []

    @seed(SEED)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.one_of(st.one_of([one.as_strategy(mode) for one in some for mode in modes]) for some in (operations, infer)))
    def send(case: schemathesis.Case) -> None:
        statuses[case.call(timeout=60).status_code] += 1
        if sum(statuses.values()) % EVERY == 1:
            answers.append(ask(server.grpc_url, OBSERVATION, seed=3, retry_s=30).trajectory)

    send()
    return statuses, answers


def test_the_description_lists_what_is_offered_and_no_request_made_by_it_is_a_server_error(server):
    with urllib.request.urlopen(f"{server.http_url}/openapi.json") as page:
        paths = set(json.load(page)["paths"])
    assert "/v2/models/{model_name}/infer" in paths
    assert not {path for path in paths if path.startswith("/v1") or "repository" in path or "versions" in path}
    statuses, answers = made_by_schema(server, 40)
    assert set(statuses) <= REST_ALLOWED, statuses
    assert unchanged(answers)


@pytest.mark.slow
def test_fifty_thousand_wrong_requests_neither_break_the_server_nor_make_it_grow(server):
    process = psutil.Process(server.pid)
    with ThreadPoolExecutor(4) as pool:
        warm = [made_by_schema(server, 500), *pool.map(lambda seed: storm(server, seed, 1500), range(1, 5))]
        before = process.memory_info().rss
        rest = [*pool.map(lambda seed: storm(server, seed, 10_000), range(5, 9)), made_by_schema(server, 3500)]
    after = process.memory_info().rss
    statuses = sum((found for found, _ in warm + rest), Counter())
    print(f"{sum(statuses.values())} requests, {dict(statuses)}, {before >> 20} MiB before, {after >> 20} after")
    assert set(statuses) <= REST_ALLOWED | GRPC_ALLOWED, statuses
    assert sum(statuses.values()) >= 50_000
    assert unchanged([answer for _, answers in warm + rest for answer in answers])
    assert after - before < GROWTH_BYTES
