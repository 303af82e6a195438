from causeway.evaluation.latency import latency, machine

from .conftest import shows


def test_parts_and_calls(known, samples):
    policy = known()
    found = latency(policy, samples, calls=5, seed=0)
    assert policy.asked == [1] * 7, "two warm-up calls that are not measured"
    assert found.estimates["latency_reasoning_p50_ms"][0].value == 3.0
    assert found.estimates["latency_total_p99_ms"][0].n == 5
    assert found.counts == {"latency_failed_answers": (0, 5)}


def test_a_crash_has_no_time(known, samples):
    policy = known(break_on=lambda s: "crash" if shows(1)(s) else "")
    found = latency(policy, samples[:2], calls=4, seed=0)
    assert found.counts == {"latency_failed_answers": (2, 4)}
    assert found.estimates["latency_total_p50_ms"][0].n == 2


def test_the_machine_has_no_name():
    import platform

    assert platform.node() not in machine()
