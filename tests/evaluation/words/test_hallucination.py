import pytest

from causeway.evaluation.words.hallucination import held, invented
from causeway.evidence import Evidence
from causeway.reasoning import CocRecord, Component, parse

T0_US = 10_000_000
BLIND = {"has_tracks": False, "has_map": False, "has_signals": False}
SEEING = {"has_tracks": True, "has_map": True, "has_signals": True}
RED = {"signal_id": "s1", "signal_state": "red", "signal_distance_m": 30.0, "stop_line_distance_m": 30.0}
LEAD = {"lead_track_id": "7", "lead_type": "car", "lead_speed_mps": 8.0, "lead_accel_mps2": -2.0}

LIGHT = Component("traffic_light", "red_light", None, "in_path")
CAR = Component("critical_object", "car", None, "in_path", "slowing")


def evidence(**fields):
    return Evidence("m", "c", T0_US, T0_US, T0_US, 10.0, **(SEEING | fields))


@pytest.mark.parametrize(
    ("component", "fields", "verdict"),
    [
        (LIGHT, RED, True),
        (LIGHT, RED | {"signal_state": "green"}, False),
        (LIGHT, {}, False),
        (LIGHT, RED | BLIND, None),
        (CAR, LEAD, True),
        (CAR, LEAD | {"lead_accel_mps2": 2.0}, False),
        (CAR, LEAD | {"lead_type": "truck"}, False),
        (CAR, BLIND, None),
        (Component("yield_stop_control", "stop_line", None, "in_path"), RED, True),
        (Component("yield_stop_control", "stop_sign", None, "in_path"), {"sign_id": "x"}, True),
        (Component("yield_stop_control", "stop_sign", None, "in_path"), {}, False),
        (Component("odd_constraint", "rain", None, "none"), {}, None),
    ],
)
def test_a_cause_is_held_where_something_is_as_described(component, fields, verdict):
    assert held(component, evidence(**fields)) is verdict


def test_invented_causes_are_counted_among_those_that_can_be_told():
    rain = Component("odd_constraint", "rain", None, "none", rank=3)
    record = CocRecord("yield", "none", (LIGHT, CAR, rain))
    assert invented(record, evidence(**RED)) == (1, 2)
    assert invented(record, evidence(**RED, **LEAD)) == (0, 2)
    assert invented(record, evidence(**BLIND)) == (0, 0)


def test_a_sentence_that_was_read_back_is_judged_without_ids():
    record = parse("Stop for the red light ahead.")
    assert invented(record, evidence(**RED)) == (0, 1)
    assert invented(record, evidence()) == (1, 1)
